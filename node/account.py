"""Whether this process runs under the account that the node's directory belongs to.

LevelDB writes whenever it is opened. A command run as root on a stopped node would leave files that the node's own account
cannot open, and the next start would fail for a reason nobody would look for.
"""

import os
import pwd
from pathlib import Path

from ledger.errors import PolicyError


def owner_of(directory: Path) -> str:
    """Name of the account a directory belongs to, or its number where it has no name.

    Raises:
        OSError: there is no such directory.
    """
    number = directory.stat().st_uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def is_owner(directory: Path) -> bool:
    """Whether the directory belongs to the account of this process."""
    return directory.stat().st_uid == os.geteuid()


def check_account(directory: Path) -> None:
    """Refuse to open the stores of another account's node.

    Raises:
        PolicyError: the directory belongs to another account.
    """
    if not is_owner(directory):
        owner = owner_of(directory)
        raise PolicyError(
            f"{directory}: belongs to account {owner}; opened by another, its store would be left unusable for the node",
            hint=f"run the same as that account: sudo -u {owner} cairn-node ...",
        )
