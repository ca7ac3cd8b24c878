"""Drafting the end of a fork: a decision of the network whose boundary names the history that counts (DESIGN 3).

Any `member` entry about the log would do whose boundary lies above the place where the histories part. What is drafted here
changes nothing else: rights and standing stay. It names the history that this node holds; a network that means the other
one, or cannot tell, ends the log by succession.
"""

from dataclasses import dataclass

from ledger import base64url
from ledger.errors import RuleError
from ledger.log.checkpoint import Checkpoint, read_checkpoint
from ledger.log.governance import MemberOp
from ledger.log.identity import encode_log_id
from node.access import TreeAccess
from node.drafting import Drafter, find_member
from node.forkfiles import KeptFork
from node.membership import Amendment, draft_change
from node.proposal import Proposal


@dataclass(frozen=True, slots=True)
class Resolution:
    """A drafted decision, and in words what it decides between."""

    proposal: Proposal
    words: tuple[str, ...]


async def draft_resolution(access: TreeAccess, drafter: Drafter, who: str, kept: list[KeptFork]) -> Resolution:
    """Draft that the history held here is the one that counts.

    Args:
        access: to the network's node.
        drafter: for the network's log.
        who: name, origin or log id of the member.
        kept: the evidence this node keeps.

    Raises:
        RuleError: no fork of that log is known here, too little of the log is held to tell its histories apart, or the
            member is not in good standing, so that another decision has to name the history.
    """
    member = find_member(drafter.state, who)
    forks = [fork for item in kept if item.accused.log == member for fork in item.forks]
    if not forks:
        raise RuleError(
            f"member {who!r}: no proof of two histories of its log is kept here",
            hint="cairn-node evidence DIR lists what is kept",
        )
    if not drafter.state.members.is_active(member):
        raise RuleError(
            f"member {who!r}: is not in good standing, so its rights cannot be stated again",
            hint="--reinstate, --remove or --succeed decide the fork as well: each names the history held here",
        )
    held = read_checkpoint((await access.held_log(member)).note)
    parts = max(fork.split for fork in forks)
    if held.size <= parts:
        raise RuleError(
            f"member {who!r}: {held.size} entries are held, and its histories may part as late as entry {parts}",
            hint="wait until this node holds more of that log; cairn-node status DIR shows how far it is",
        )
    proposal = await draft_change(access, drafter, MemberOp.AMEND, encode_log_id(member), Amendment())
    others = sorted({head for fork in forks for head in (fork.first, fork.second)}, key=lambda head: head.size)
    return Resolution(proposal, tuple(_describe(held, others)))


def _describe(held: Checkpoint, shown: list[Checkpoint]) -> list[str]:
    return [
        f"it names the history held here as the one that counts: {_name(held)}",
        "whatever contradicts it will never have been on the ledger; signed were",
        *(f"  {_name(head)}" for head in shown),
        "ask the institution, over a way you trust, which of these it means; if the other, or if nobody can tell: --succeed",
    ]


def _name(head: Checkpoint) -> str:
    return f"{head.size} entries, fingerprint {base64url.encode(head.root)}"
