"""Drafting the end of a fork: a decision of the network whose boundary names the history that counts (DESIGN 3).

Any `member` entry about the log would do whose boundary lies above the place where the histories part. What is drafted here
changes nothing else: rights and standing stay. It names the history that this node holds, or, by its fingerprint, another one
that the evidence kept here shows; a network that cannot tell ends the log by succession.
"""

from dataclasses import dataclass

from ledger import base64url
from ledger.errors import RuleError
from ledger.log.checkpoint import Checkpoint, read_checkpoint
from ledger.log.governance import Boundary, MemberOp
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


async def draft_resolution(
    access: TreeAccess, drafter: Drafter, who: str, kept: list[KeptFork], fingerprint: str | None = None
) -> Resolution:
    """Draft which history is the one that counts.

    Args:
        access: to the network's node.
        drafter: for the network's log.
        who: name, origin or log id of the member.
        kept: the evidence this node keeps.
        fingerprint: of one of the histories that the evidence shows; None for the one held here.

    Raises:
        RuleError: no fork of that log is known here, no evidence shows that fingerprint, too little of the log is held to
            tell its histories apart, or the member is not in good standing, so that another decision has to name the
            history.
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
    others = sorted({head for fork in forks for head in (fork.first, fork.second)}, key=lambda head: head.size)
    named = read_checkpoint((await access.held_log(member)).note)
    if fingerprint is not None:
        named = _choose(who, others, fingerprint)
    parts = max(fork.split for fork in forks)
    if named.size <= parts:
        raise RuleError(
            f"member {who!r}: that history is of {named.size} entries here, and the two may part as late as entry {parts}",
            hint="wait until this node holds more of that log; cairn-node status DIR shows how far it is",
        )
    boundary = Boundary(member, named.size, named.root)
    proposal = await draft_change(
        access, drafter, MemberOp.AMEND, encode_log_id(member), Amendment(), boundary=boundary
    )
    return Resolution(proposal, tuple(_describe(named, others, is_held=fingerprint is None)))


def _choose(who: str, shown: list[Checkpoint], fingerprint: str) -> Checkpoint:
    found = [head for head in shown if base64url.encode(head.root) == fingerprint]
    if not found:
        raise RuleError(
            f"member {who!r}: no evidence kept here shows a history with fingerprint {fingerprint}",
            hint="without --fingerprint the proposal names the history held here, and every one known is shown",
        )
    return found[0]


def _describe(named: Checkpoint, shown: list[Checkpoint], *, is_held: bool) -> list[str]:
    what = "the history held here" if is_held else "the history of that fingerprint"
    return [
        f"it names {what} as the one that counts: {_name(named)}",
        "whatever contradicts it will never have been on the ledger; signed were",
        *(f"  {_name(head)}" for head in shown),
        "ask the institution, over a way you trust, which of these it means",
        "--fingerprint names another one; --succeed ends the log if nobody can tell",
    ]


def _name(head: Checkpoint) -> str:
    return f"{head.size} entries, fingerprint {base64url.encode(head.root)}"
