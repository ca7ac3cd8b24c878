"""Checking the registrar's database against itself, the log and the keys, without changing it.

In order: (1) the database's own structure; (2) the outbox against the log; (3) cuts; (4) copies against their signatures, the
bodies they stand in and the awards they were made from; (5) lists and slots against the newest page that counts. Findings
name tables and row ids; no name, date or result is ever repeated.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import create_engine, func, select, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import Session

from ledger.credential.badge import commit_text
from ledger.credential.sdjwt import verify_issuer_signature
from ledger.credential.status import Status, decode_page, list_key
from ledger.errors import CairnError
from ledger.log import statements
from ledger.log.body import parse_body
from ledger.log.entry import parse_entry
from ledger.log.identity import LogId
from ledger.log.keys import KeyId
from ledger.log.records import Anchor, CloseDocument, Issue, Publish, StatusUpdate
from ledger.log.view import LogView
from node.fsck.finding import Finding, Part
from node.registrar import adopt_page, awards, migrations, page, postgresql, views
from node.registrar.inherited import ListName, name_lists
from node.registrar.shown import read_copy
from node.registrar.tables import Award, Copy, Outgoing, Setting

RESTORE = "restore the newest backup (cairn-node restore), or move the file aside and cairn-node recover DIR"
CUT_KINDS = ("anchor", "issue", "status")


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found, and how many copies were looked at."""

    findings: list[Finding]
    copies: int


def damage(place: str, what: str, means: str, remedy: str = RESTORE, *, is_damage: bool = True) -> Finding:
    """A finding about the database."""
    return Finding(part=Part.DATABASE, place=place, what=what, means=means, remedy=remedy, is_damage=is_damage)


@contextmanager
def look_into(place: Path | str) -> Iterator[Session]:
    """A session that can only read, of a database that is opened as it is: not made, not migrated.

    Raises:
        DatabaseError: it cannot be opened.
    """
    if isinstance(place, Path):
        engine = create_engine(f"sqlite:///file:{quote(str(place))}?mode=ro&uri=true", hide_parameters=True)
    else:
        _, engine = postgresql.make_engines(postgresql.parse_place(place))
    try:
        with Session(engine) as session:
            yield session
    finally:
        engine.dispose()


def examine(
    place: Path | str,
    log: LogView | None,
    log_text: str,
    list_root: bytes | None,
    inherited_roots: Mapping[LogId, bytes] | None = None,
) -> Examined:
    """Check a whole database.

    Args:
        place: an SQLite file or a PostgreSQL URL.
        log: this node's own log; None where it cannot be read, which leaves most to a later check.
        log_text: id of that log; empty where it is not known.
        list_root: opens its pages; None where it cannot be read.
        inherited_roots: open the lists it restates for logs that it goes on with.
    """
    where = str(place) if isinstance(place, Path) else "the PostgreSQL database"
    if isinstance(place, Path) and not place.is_file():
        means = "awards, names and decisions are kept nowhere else on this node"
        return Examined([damage(where, "the file is missing", means)], 0)
    try:
        with look_into(place) as session:
            findings = _check_structure(session, where)
            if findings:
                return Examined(findings, 0)
            findings = _check_settings(session, where, log_text)
            if findings:
                return Examined(findings, 0)
            return _examine_rows(session, log, list_root, inherited_roots or {})
    except (DatabaseError, OperationalError) as error:
        words = str(error.orig).splitlines()[0] if error.orig is not None else "it cannot be read"
        return Examined([damage(where, words, "the node does not start with it", is_damage=isinstance(place, Path))], 0)


def _examine_rows(
    session: Session, log: LogView | None, list_root: bytes | None, inherited_roots: Mapping[LogId, bytes]
) -> Examined:
    if log is None:
        means = "nothing can be said about what should be on the ledger"
        what = "could not be compared with the log, which cannot be read whole"
        remedy = "cairn-node fsck DIR --repair, then the same check again"
        return Examined([damage("the whole database", what, means, remedy, is_damage=False)], 0)
    findings = _check_outbox(session, log)
    findings += _check_cuts(session)
    found, copies = _check_copies(session, log)
    findings += found
    if list_root is not None:
        findings += _check_slots(session, log, {log.state.log_id: list_root, **inherited_roots})
    return Examined(findings, copies)


def _check_structure(session: Session, where: str) -> list[Finding]:
    """Step 1; a server checks its own."""
    if session.get_bind().dialect.name != "sqlite":
        return []
    means = "rows may be lost or read wrongly"
    found = [
        damage(where, str(line), means) for (line,) in session.execute(text("PRAGMA integrity_check")) if line != "ok"
    ]
    for table, row, parent, _ in session.execute(text("PRAGMA foreign_key_check")):
        found.append(damage(f"table {table}, row {row}", f"names a row of {parent} that is not there", means))
    return found


def _check_settings(session: Session, where: str, log_text: str) -> list[Finding]:
    settings = {setting.name: setting.value for setting in session.scalars(select(Setting))}
    layout, owner = settings.get("layout", ""), settings.get("log", "")
    if not layout.isdigit() or int(layout) > migrations.LAYOUT:
        means = "no node opens a database whose layout it does not know"
        return [damage(f"{where}, table settings", f"layout {layout or 'none'} is not known", means)]
    if int(layout) < migrations.LAYOUT:
        what = f"is of layout {layout}, this cairn-node reads layout {migrations.LAYOUT}"
        means, remedy = "nothing is wrong with that", "cairn-node run DIR migrates it at its next start"
        return [damage(f"{where}, table settings", what, means, remedy, is_damage=False)]
    if log_text and owner != log_text:
        means = "its slots are another log's: the node does not start with it"
        return [damage(f"{where}, table settings", f"it belongs to log {owner or 'none'}, not {log_text}", means)]
    return []


def _check_outbox(session: Session, log: LogView) -> list[Finding]:
    """Step 2."""
    found: list[Finding] = []
    known: set[bytes] = set()
    for row in session.scalars(select(Outgoing).order_by(Outgoing.id)):
        known.add(row.statement_id)
        what = _judge_outgoing(row, log)
        if what:
            means = "what this node signed and what the ledger says cannot both be right"
            found.append(damage(f"table outbox, row {row.id}", what, means))
    if adopt_page.must_adopt(session, log):
        missing = [index for index in _own_entries(log) if _id_at(log, index) not in known]
        first = f", the first at entry {missing[0]}" if missing else ""
        what = f"does not know {len(missing)} statements of the log{first}"
        means = "it is older than the log, as after a restored backup"
        remedy = "cairn-node run DIR reads the log into it by itself before anything is signed"
        found.append(damage("table outbox", what, means, remedy, is_damage=False))
    return found


def _judge_outgoing(row: Outgoing, log: LogView) -> str:
    # Empty where it was read from the log and not signed by this database: then its place says all of it.
    if row.statement or row.entry is None:
        try:
            if statements.parse(row.statement).id != row.statement_id:
                return "its statement bears another id"
        except CairnError as error:
            return f"its statement cannot be read: {error}"
    if row.entry is None:
        return ""
    if row.entry >= log.state.size:
        return f"stands at entry {row.entry} of the log, of which only {log.state.size} entries are held"
    entry = parse_entry(log.entry(row.entry))
    if (entry.statement.id, entry.statement.kind) != (row.statement_id, row.kind):
        return f"entry {row.entry} of the log is another statement"
    if row.statement not in (b"", entry.statement_bytes):
        return f"entry {row.entry} of the log says something else"
    return ""


def _own_entries(log: LogView) -> Iterator[int]:
    """Indexes of what only the registrar's side signs."""
    for index in range(log.state.size):
        statement = parse_entry(log.entry(index)).statement
        is_first = log.state.find_id(statement.id) == index
        if is_first and isinstance(statement, Anchor | Issue | StatusUpdate | Publish | CloseDocument):
            yield index


def _id_at(log: LogView, index: int) -> bytes:
    return parse_entry(log.entry(index)).statement.id


def _check_cuts(session: Session) -> list[Finding]:
    """Step 3: a cut is `anchor`, `issue`, `status`, one after the other."""
    rows: defaultdict[int, list[tuple[str, int | None]]] = defaultdict(list)
    query = select(Outgoing.cut_id, Outgoing.kind, Outgoing.entry).where(Outgoing.cut_id.is_not(None))
    for cut_id, kind, entry in session.execute(query.order_by(Outgoing.id)):
        if cut_id is not None:
            rows[cut_id].append((kind, entry))
    found = []
    for cut_id, parts in rows.items():
        entries = [entry for _, entry in parts if entry is not None]
        is_whole = tuple(kind for kind, _ in parts) == CUT_KINDS and len(entries) in (0, len(CUT_KINDS))
        if not is_whole or entries != sorted(entries):
            kinds = ", ".join(kind for kind, _ in parts)
            means = "copies that went with it may not be found on the ledger"
            found.append(
                damage(f"table cuts, row {cut_id}", f"has the statements {kinds}, expected one of each", means)
            )
    return found


def _check_copies(session: Session, log: LogView) -> tuple[list[Finding], int]:
    """Step 4."""
    issue_entries = {
        cut_id: entry
        for cut_id, entry in session.execute(
            select(Outgoing.cut_id, Outgoing.entry).where(Outgoing.kind == "issue", Outgoing.entry.is_not(None))
        )
    }
    bodies = _Bodies(log)
    names = name_lists(session)
    found: list[Finding] = []
    count = 0
    query = select(Copy, Award).join(Award, Award.id == Copy.award_id).order_by(Copy.cut_id, Copy.id)
    for copy, award in session.execute(query.execution_options(yield_per=500)):
        count += 1
        what = _judge_place(copy, issue_entries, bodies) or _judge_content(
            copy, award, log, names.get(copy.list_number)
        )
        if what:
            means = "the credential a learner or school shows may not verify"
            found.append(damage(f"table copies, row {copy.id} (award {copy.award_id})", what, means))
    total = session.scalar(select(func.count()).select_from(Copy)) or 0
    if total > count:
        means = "their status can no longer be decided here"
        found.append(damage("table copies", f"{total - count} rows name an award that is not there", means))
    return found, count


class _Bodies:
    """Items of `issue` bodies; copies come in the order of their cuts, so one is kept."""

    def __init__(self, log: LogView) -> None:
        self._log = log
        self._held: tuple[int, tuple[bytes, ...]] = (-1, ())

    def items(self, index: int) -> tuple[bytes, ...]:
        if self._held[0] != index:
            body = self._log.body(index) if index < self._log.state.size else None
            self._held = index, () if body is None else parse_body("issue", body)
        return self._held[1]


def _judge_place(copy: Copy, issue_entries: dict[int | None, int | None], bodies: _Bodies) -> str:
    if copy.cut_id is None:
        return ""
    entry = issue_entries.get(copy.cut_id)
    if entry is None:
        return ""
    items = bodies.items(entry)
    if copy.position is None or copy.position >= len(items):
        return f"has no place in the batch at entry {entry}"
    if items[copy.position] != copy.commitment:
        return f"another commitment stands at its place in the batch at entry {entry}"
    return ""


def _judge_content(copy: Copy, award: Award, log: LogView, name: ListName | None) -> str:
    if not copy.credential:
        return "its credential is missing" if copy.kind == views.REGISTRAR_KIND else ""
    try:
        if commit_text(copy.credential) != copy.commitment:
            return "its credential does not have its commitment"
        if copy.kind in (views.FILE_KIND, views.FORMER[views.FILE_KIND]):
            return ""
        shown = read_copy(copy.credential)
        key = log.state.named.get(KeyId(copy.key_id))
        # What was taken over was signed by a key of another log, and checked against it then.
        if (key is None and name is None) or shown.key_id != copy.key_id:
            return "it was signed by a key that the log never named"
        if key is not None:
            verify_issuer_signature(shown.token, key)
    except CairnError as error:
        return f"its credential is damaged: {type(error).__name__}"
    stands = ListName(log.state.log_id, copy.list_number) if name is None else name
    if (ListName(LogId(shown.status.log), shown.status.number), shown.status.slot) != (stands, copy.slot):
        return "its credential names another slot"
    said = (shown.name, shown.date_of_birth, shown.awarded_on, shown.valid_until, dict(shown.results))
    kept = (award.name, award.date_of_birth, award.awarded_on, award.valid_until, dict(awards.results_of(award)))
    return "" if said == kept else "its award says something else than the signed credential"


def _check_slots(session: Session, log: LogView, roots: Mapping[LogId, bytes]) -> list[Finding]:
    """Step 5."""
    try:
        published = page.read_published(log)
    except CairnError as error:
        return [damage("table slots", f"could not be compared: {error}", "", is_damage=False)]
    if published is None:
        return []
    found: list[Finding] = []
    own = log.state.log_id
    contents = {(content.log or own, content.number): content for content in page.load_contents(session)}
    for place in published.lists:
        content = contents.get((place.log, place.number))
        where = (
            f"table lists, row {place.number}" if place.log == own else f"table inherited_lists, list {place.number}"
        )
        if place.log not in roots:
            # The keys are checked elsewhere, and this one is missed there.
            continue
        if content is None or content.slots != place.slots:
            means = "it is older than the log: no page can be made from it"
            remedy = "cairn-node run DIR reads the log into it by itself before anything is signed"
            found.append(damage(where, "is not as the newest page has it", means, remedy))
            continue
        items = page.items_of(published, place.log, place.number)
        shown = decode_page(list_key(roots[place.log], place.number), items, published.statement_id)
        found += _compare_slots(content, shown, place.number)
    return found


def _compare_slots(content: page.ListContent, shown: bytes, number: int) -> list[Finding]:
    if sum(byte > Status.REPLACED for byte in shown):
        means = "no page can be read, so no status can be decided"
        remedy = "put the list_root.key of this log back from the key backup"
        return [damage(f"status list {number}", "the list root does not open the newest page", means, remedy)]
    found = []
    for slot in range(content.slots):
        said = content.statuses.get(slot, 0)
        if said == shown[slot] or (slot in content.explained and shown[slot] not in (Status.REVOKED, Status.REPLACED)):
            continue
        what = f"says {_word(said)}, and the newest page {_word(shown[slot])}"
        means = "the next cut is refused, since nothing explains the change"
        found.append(damage(f"table slots, list {number}, slot {slot}", what, means))
    return found


def _word(status: int) -> str:
    return Status(status).name.lower() if status <= Status.REPLACED else str(status)
