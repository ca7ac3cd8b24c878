"""What stands on a node's ledger, for everybody to read for ever: facts about the institution, and noise about learners."""

from collections.abc import Iterator
from dataclasses import dataclass

from ledger.duration import DAY_MS
from ledger.log.body import ITEM_LENGTHS
from ledger.log.charter import BatchPolicy
from ledger.log.identity import encode_log_id
from node.client.finding import describe_duration
from node.privacy.subject import Subject
from node.terminal import count

_COMMITMENT_BYTES = ITEM_LENGTHS["issue"]
_DOCUMENTS_NAMED = 12
"""Published documents that are named in words; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that stands on the ledger.

    Attributes:
        what: a word for it, the same in every version.
        is_clear: whether it can be read as it stands; otherwise it is noise to whoever has no key to it.
        words: what there is of it here.
    """

    what: str
    is_clear: bool
    words: str


def list_facts(subject: Subject) -> Iterator[Fact]:
    """Everything on this node's log, from the institution to the learners."""
    own = subject.own
    charter = own.charter
    where = f"origin {charter.origin}, {own.url}, log id {encode_log_id(own.log_id)}"
    yield Fact("institution", True, f"{own.name} ({charter.institution.value}); {where}")
    yield Fact("keys", True, f"{_describe_keys(subject)}; a batch shows the operate key alone, never a credential's")
    for network in subject.networks:
        members = sum(network.members.is_active(log) for log in network.members.records)
        role = "this is its log" if network.log_id == own.log_id else "rights and standing of this institution in it"
        yield Fact("membership", True, f"{network.name}, {count(members, 'member')}: {role}")
    yield Fact("documents", True, _describe_documents(subject))
    yield Fact("cuts", True, _describe_cuts(own.batch, subject))
    yield Fact("batches", False, _describe_batches(subject))
    yield Fact("status pages", False, _describe_pages(subject))
    if own.void:
        yield Fact("void entries", True, f"{count(len(own.void), 'entry', 'entries')} without effect, and why")


def absent() -> str:
    """What is not there, in words."""
    return (
        "no name, number or hash of a number, birth date, score, type of award, reason, learner key, count or time of a "
        "single award or decision"
    )


def schedule(policy: BatchPolicy) -> str:
    """When cuts are made, in words."""
    if policy.interval == 0:
        return "on command"
    often = "every day" if policy.interval == DAY_MS else f"every {describe_duration(policy.interval)}"
    return f"{often}, counted from {policy.minute // 60:02d}:{policy.minute % 60:02d} UTC"


def _describe_keys(subject: Subject) -> str:
    ring, size = subject.own.keys, subject.own.size
    roles = sorted({record.role for record in ring.records.values()})
    parts = [f"{len(ring.in_force(role, size))} {role.value}" for role in roles]
    return f"1 log, {', '.join(parts)}; {subject.own.roots.threshold} of {len(subject.own.roots.keys)} root keys must agree"


def _describe_documents(subject: Subject) -> str:
    names = sorted(f"{name.id}/{name.version}" for name in subject.own.documents)
    if not names:
        return "none published"
    more = f" and {len(names) - _DOCUMENTS_NAMED} more" if len(names) > _DOCUMENTS_NAMED else ""
    return f"{count(len(names), 'document')}, word for word: {', '.join(names[:_DOCUMENTS_NAMED])}{more}"


def _describe_cuts(policy: BatchPolicy, subject: Subject) -> str:
    made = count(subject.own.issues, "cut")
    return f"{schedule(policy)}, always one anchor, one batch and one status entry, full or not; {made} so far"


def _describe_batches(subject: Subject) -> str:
    return (
        f"{subject.own.batch.size:,} values of {_COMMITMENT_BYTES} random-looking bytes in each, in random order: "
        "commitments and decoys, nobody can tell which"
    )


def _describe_pages(subject: Subject) -> str:
    slots = subject.slots or subject.own.charter.lists.slots
    lists = max(1, len(subject.own.lists))
    taken = f", {subject.inherited_lists} taken over" if subject.inherited_lists else ""
    return (
        f"{slots:,} bytes in {count(lists, 'list')}{taken}, written anew as other noise by every cut, changed or not; "
        f"{count(len(subject.own.statuses), 'page')} so far"
    )
