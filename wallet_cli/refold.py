"""Folding a held log anew from its entries, where the state stored beside them is not to be believed.

Nothing stored is taken on trust: the tree is proven up to the root in the note, every entry and body against the tree, and
`judge_growth` replays all of it from entry 0 and checks the note under the key that the log itself names.
"""

from pathlib import Path

from ledger.errors import CairnError
from ledger.log.checkpoint import read_checkpoint
from ledger.log.follow import Growth, judge_growth
from ledger.log.identity import encode_log_id
from wallet_cli.log_files import DamagedError, LogFiles, naming, read_peaks

LEFT_OUT = ("issue", "status")
"""Kinds whose bodies a light replica does without (of `status` it keeps the newest page); no rule of growth reads them."""


class UncheckedError(CairnError):
    """What is held of a log does not lead to a state that could be believed."""

    exit_code = 3


def refold(folder: Path, note: bytes, *, whole: bool = False) -> Growth:
    """Judge a held log from nothing, as if it were offered just now.

    Args:
        folder: of the log.
        note: the checkpoint note in its head file.
        whole: read every body that is held, also those no rule needs.

    Raises:
        DamagedError: a file does not fit the others.
        UncheckedError: all files fit, but they are no log that would have been accepted.
    """
    with naming(folder / "head"):
        head = read_checkpoint(note)
    try:
        held = LogFiles(folder, head.size, read_peaks(folder, head))
        entries = held.entries(0, head.size)
        bodies = [
            held.body(index) if whole or held.parsed(index).statement.kind not in LEFT_OUT else None
            for index in range(head.size)
        ]
        growth = judge_growth(None, entries, bodies, note)
    except DamagedError:
        raise
    except CairnError as error:
        raise UncheckedError(
            f"replica: {folder} does not replay: {error}",
            hint=f"delete that folder and run `cairn sync {folder.parent}`; what it says about this log means nothing",
        ) from error
    if encode_log_id(growth.state.log_id) != folder.name:
        raise DamagedError(folder / "head", "it belongs to another log than its folder says")
    return growth
