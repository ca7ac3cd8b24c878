"""Who can see what of a node: everybody, peers, receivers, the school's own people and machines."""

from collections.abc import Iterator
from dataclasses import dataclass

from node.privacy.subject import Subject
from node.terminal import count


@dataclass(frozen=True, slots=True)
class Audience:
    """Somebody who can look, what they see, and what they do not; in words."""

    who: str
    sees: str
    not_seen: str = ""


def list_audiences(subject: Subject) -> Iterator[Audience]:
    """Everybody who can see something, from the outside to the inside."""
    yield Audience(
        "everybody",
        "what stands on the ledger, and when each entry came",
        "who was awarded what, whether anybody was, whether anything was revoked",
    )
    yield Audience(_name_peers(subject), "the same, whole, for ever: nothing can be taken back from them")
    yield Audience(
        "whoever carries the traffic, or runs the node a wallet asks",
        "that an address fetched the ledger, and from which entry on; that it spoke to this school's node",
        "which commitment, slot or credential it looks for: no call takes one",
    )
    yield Audience(
        "whoever is shown a copy",
        "the fields the learner chose; school, achievement, expiry and the day it was made; its batch; its status, past "
        "and future",
        "the hidden fields and how many have content; other copies of the same award; other learners",
    )
    yield Audience(
        "the learner's wallet", "everything in its copies and to whom each was shown; that list is nowhere else"
    )
    yield Audience(
        "registrars", f"all awards, decisions and reasons, in {_database(subject)}", "to whom a copy is shown"
    )
    yield Audience(
        "the operator of this node",
        "the registrar's database and the keys, as the computer's owner; log lines with counts of awards, no names",
    )
    yield from _machines(subject)
    yield Audience(
        "whoever holds a backup of the keys with keys/list_root.key",
        "every status page this log has written and will write",
        "whose slot is whose, without the registrar's database",
    )


def _name_peers(subject: Subject) -> str:
    logs = {
        log
        for network in subject.networks
        for log in (network.log_id, *network.members.records)
        if log == network.log_id or network.members.is_active(log)
    } - {subject.own.log_id}
    if not logs:
        return "peers (none yet: this node is in no network)"
    return f"{count(len(logs), 'institution')} of its networks, each with a full replica"


def _database(subject: Subject) -> str:
    return "PostgreSQL" if subject.config.registrar_database else "registrar.db"


def _machines(subject: Subject) -> Iterator[Audience]:
    config = subject.config
    place = f"at {config.metrics_listen}" if config.metrics_listen else "on the Unix socket of the private listener"
    yield Audience(
        f"whoever reads /metrics, {place}",
        "how many copies wait for the next cut, calls and durations: so about how many awards a day",
        "names, awards, achievements",
    )
    if config.otlp_endpoint:
        yield Audience(
            f"the collector at {config.otlp_endpoint}",
            "which calls were made when, and how long cuts took",
            "any argument",
        )
    if config.registrar_listen:
        yield Audience(
            f"registrars at other computers, at {config.registrar_listen}",
            "what their role allows, each act on record",
            "the keys",
        )
