"""What the checks of an examination know together: the directory, and whatever of it could be read."""

from collections.abc import Callable
from dataclasses import dataclass

from node.client.held import HeldLog
from node.client.registry import NodeStatus
from node.clock import Clock
from node.home import Home

ANSWER_SECONDS = 5.0
"""How long a peer, a URL or a port may take: an operator is watching."""
AT_ONCE = 16
"""Peers asked at the same time."""

START = "cairn-node run DIR, then doctor again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """A node whose `node.toml` could be read.

    Attributes:
        home: its directory and configuration.
        is_running: whether it answers on its private listener.
        is_own_account: whether this process runs under the account that the directory belongs to.
        clock: Unix milliseconds.
        own: its log; None where it could not be read.
        networks: logs of its networks, as far as they are held.
        status: what the running node says about itself; None where it does not run or does not answer.
        followed: addresses of the nodes it talks to.
    """

    home: Home
    is_running: bool
    is_own_account: bool
    clock: Clock
    own: HeldLog | None = None
    networks: tuple[HeldLog, ...] = ()
    status: NodeStatus | None = None
    followed: tuple[str, ...] = ()


Progress = Callable[[str], None]
"""Told what is being looked at."""
