"""What retiring a key, or declaring it stolen, would hit: told before root keys sign anything (DESIGN 3, 6 step 10).

For a credential key the copies it signed, by month and achievement, with the entries they stand in; for `operate` and
`define` the entries it signed, and whether this node's own database knows them. Nothing is changed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger import base64url
from ledger.log.entry import parse_entry
from ledger.log.keyring import KeyRecord
from ledger.log.view import LogView
from node.client.correction import KeyImpact, KeyUse
from node.keylist import describe_record
from node.keystore import Keystore
from node.registrar.reissuing import CREDENTIAL_ROLES, find_reissue, was_signed_by
from node.registrar.selection import start_of_day
from node.registrar.succession import others_in_force
from node.registrar.tables import Award, Copy, Cut, Outgoing
from node.registrar.views import FILE_KIND, REGISTRAR_KIND, WALLET_KIND


@dataclass(frozen=True, slots=True)
class _Signed:
    """One copy that counts, as far as it matters here; `cut_id` and `entry` are None while it waits."""

    award_id: str
    kind: str
    cut_id: int | None
    minted_at: int
    entry: int | None
    achievement: str
    version: int


def describe_impact(session: Session, log: LogView, keystore: Keystore, key: KeyRecord, since: int | None) -> KeyImpact:
    """Tell what hangs on a key.

    Args:
        session: any session.
        log: this institution's own.
        keystore: the keys on this node.
        key: one of the log's role keys.
        since: the first entry that is thought to be somebody else's; None for the first the key could sign at all.
    """
    since = key.added + 1 if since is None else since
    rows = _copies(session, key) if key.role in CREDENTIAL_ROLES else []
    hit = [row for row in rows if row.entry is None or row.entry >= since]
    waiting = [row for row in rows if row.cut_id is None]
    is_stolen = key.stolen_since is not None and key.role in CREDENTIAL_ROLES
    return KeyImpact(
        key=base64url.encode(key.key.id),
        role=key.role.value,
        state=describe_record(key),
        is_here=keystore.find(key.key.id) is not None,
        others=others_in_force(log.state, keystore, key.key.id),
        since=since,
        uses=_by_month(rows),
        hit_awards=len({row.award_id for row in hit}),
        hit_registrar_copies=_count(hit, REGISTRAR_KIND),
        hit_wallet_copies=_count(hit, WALLET_KIND),
        hit_file_copies=_count(hit, FILE_KIND),
        waiting_registrar_copies=_count(waiting, REGISTRAR_KIND),
        waiting_wallet_copies=_count(waiting, WALLET_KIND),
        waiting_file_copies=_count(waiting, FILE_KIND),
        reissuable=len({copy.award_id for copy in find_reissue(session, key).copies}) if is_stolen else 0,
        entries=() if key.role in CREDENTIAL_ROLES else _entries(session, log, key, since),
    )


def index_of_day(session: Session, day: str) -> int:
    """The index above everything this node's own cuts put on the ledger before a day (UTC).

    Entries carry no time that counts, and a thief writes any; what this node did and when stands in its database.

    Raises:
        MalformedError: it is no day like 2026-05-31.
    """
    start = start_of_day(day)
    last = session.scalar(select(func.max(Outgoing.entry)).join(Cut, Cut.id == Outgoing.cut_id).where(Cut.at < start))
    return 0 if last is None else last + 1


def _copies(session: Session, key: KeyRecord) -> Sequence[_Signed]:
    rows = session.execute(
        select(Copy.award_id, Copy.kind, Copy.cut_id, Copy.minted_at, Outgoing.entry, Award.achievement, Award.version)
        .join(Award, Award.id == Copy.award_id)
        .outerjoin(Outgoing, (Outgoing.cut_id == Copy.cut_id) & (Outgoing.kind == "issue"))
        .where(*was_signed_by(key))
    )
    return [_Signed(*row) for row in rows]


def _by_month(rows: Sequence[_Signed]) -> tuple[KeyUse, ...]:
    groups: dict[tuple[str, str, int], list[_Signed]] = {}
    for row in rows:
        month = datetime.fromtimestamp(row.minted_at / 1000, UTC).strftime("%Y-%m")
        groups.setdefault((month, row.achievement, row.version), []).append(row)
    uses = []
    for (month, achievement, version), group in sorted(groups.items()):
        entries = [row.entry for row in group if row.entry is not None]
        uses.append(
            KeyUse(
                achievement=achievement,
                version=version,
                month=month,
                awards=len({row.award_id for row in group}),
                registrar_copies=_count(group, REGISTRAR_KIND),
                wallet_copies=_count(group, WALLET_KIND),
                file_copies=_count(group, FILE_KIND),
                first_entry=min(entries, default=None),
                last_entry=max(entries, default=None),
            )
        )
    return tuple(uses)


def _count(rows: Sequence[_Signed], kind: str) -> int:
    return sum(row.kind == kind for row in rows)


def _entries(session: Session, log: LogView, key: KeyRecord, since: int) -> tuple[tuple[str, int, int], ...]:
    known: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for index in range(since, log.state.size):
        entry = parse_entry(log.entry(index))
        if all(signature.key != key.key.id for signature in entry.signatures):
            continue
        stored = session.scalar(select(Outgoing.statement).where(Outgoing.statement_id == entry.statement.id))
        (known if stored == entry.statement_bytes else unknown)[entry.statement.kind] += 1
    return tuple((kind, known[kind], unknown[kind]) for kind in sorted(known | unknown))
