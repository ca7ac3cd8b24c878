"""`cairn-node inherit`: a successor takes over what is left of a log it goes on with (DESIGN 3 "Succession").

1. a network that this institution belongs to says so, and none that knows both has not decided yet; 2. the old log is held
up to its end; 3. the old database, if there is one, reads the last page of its log, as a restored one does; 4. lists, awards
and copies are entered in one transaction (`registrar.takeover`); 5. the list roots stand under keys/ before it commits.

The node does not run meanwhile. Its next cut restates the lists, and from then on only its pages count for them.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from ledger.errors import RuleError
from ledger.log.identity import LogId, encode_log_id, short_log_id
from ledger.log.view import LogView
from node.clock import Clock, Draw
from node.directory import Directory
from node.home import Home
from node.keystore import Keystore
from node.ledgerside import find_own_log
from node.onlyone import hold_directory
from node.registrar import documents
from node.registrar.adopt_page import adopt_log
from node.registrar.database import Database, find_place, open_database
from node.registrar.estate import Estate, Sources, forget, open_estate
from node.registrar.page import read_published
from node.registrar.predecessors import EndedLog, end_log, find_predecessors, find_undecided
from node.registrar.press import make_press
from node.registrar.rights import find_missing_rights
from node.registrar.takeover import Order, TakenOver, read_by_copies, take_over
from node.store.ledgerstore import LedgerStore
from node.trust import load_trust_roots


class _DryRun(Exception):
    """Ends the transaction of a dry run; whatever it did is undone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inherited:
    """What was taken over, from whom.

    Attributes:
        log: of the old institution.
        name: of it.
        size: entries up to its end.
        page: index of its last status page; None where it published none.
        new_roots: how many list roots are under keys/ since.
        has_database: whether there was an old database.
        taken: what is here now.
        warnings: what verifiers will object to in credentials that are made of these awards now.
    """

    log: LogId
    name: str
    size: int
    page: int | None
    new_roots: int
    has_database: bool
    taken: TakenOver
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Parts:
    keystore: Keystore
    store: LedgerStore
    own: LogView
    networks: tuple[LogId, ...]
    database: Database


def inherit(
    home: Home, wanted: str, sources: Sources, *, prefix: str, dry_run: bool, clock: Clock, draw: Draw
) -> Inherited:
    """Take over from a log whose successor this institution is.

    Args:
        home: of this institution, whose node does not run.
        wanted: name, origin or log id of the old one; "" where there is but one.
        sources: what is left of it.
        prefix: goes before each of its learners' ids.
        dry_run: change nothing; tell what would happen.
        clock: Unix ms.
        draw: random bytes.

    Raises:
        BusyError: a node runs in this directory, or in the old one.
        RuleError: no network says that this institution goes on with that log, or its log is not held to its end.
        CairnError: what is left of it is damaged, or of another log.
    """
    with _open(home) as parts:
        ended = _find_ended(parts, wanted)
        log_id = ended.state.log_id
        for left in home.directory.glob(".inherit.*.tmp"):
            # Of a run that was killed: it holds other people's data.
            forget(left)
        folder = home.directory / f".inherit.{draw(8).hex()}.tmp"
        folder.mkdir(mode=0o700)
        try:
            with open_estate(sources, log_id, folder, clock()) as estate:
                before = len(parts.keystore.inherited_roots)
                taken = _take(parts, home, ended, estate, prefix=prefix, dry_run=dry_run, now=clock(), draw=draw)
                page = ended.state.effective_status()
                return Inherited(
                    log=log_id,
                    name=ended.state.name,
                    size=ended.state.size,
                    page=None if page is None else page.index,
                    new_roots=len(parts.keystore.inherited_roots) - before,
                    has_database=estate.database is not None,
                    taken=taken,
                    warnings=_missing_rights(parts, ended),
                )
        finally:
            forget(folder)


@contextmanager
def _open(home: Home) -> Iterator[_Parts]:
    with hold_directory(home.directory, "cairn-node inherit"):
        keystore = home.keystore()
        with closing(LedgerStore.open(home.ledger)) as store:
            own = find_own_log(store, keystore)
            trusts = tuple(load_trust_roots(home.directory, home.config.networks).values())
            networks = Directory(store, own.state.log_id, trusts).networks()
            place = find_place(home.directory, home.config.registrar_database)
            with closing(open_database(place, encode_log_id(own.state.log_id), keep_in=home.directory)) as database:
                yield _Parts(keystore, store, own, networks, database)


def _find_ended(parts: _Parts, wanted: str) -> EndedLog:
    own = parts.own.state.log_id
    names = {}
    for log, predecessor in find_predecessors(parts.store, own, parts.networks).items():
        held = parts.store.log(log)
        called = {encode_log_id(log), short_log_id(log)}
        called |= set() if held is None else {held.state.name, held.state.charter.origin}
        names[log] = predecessor, called, short_log_id(log) if held is None else held.state.name
    found = [item for item in names.values() if not wanted or wanted in item[1]]
    if len(found) != 1:
        known = ", ".join(sorted(name for _, _, name in names.values()))
        which = repr(wanted) if wanted else "another institution's log"
        what = "several logs ended here; which one?" if found else f"no network says that {which} goes on here"
        hint = (
            f"say --log, one of: {known}"
            if known
            else (
                "its governors decide: cairn-node member propose DIR --succeed MEMBER --by THIS; then let this node run and "
                "fetch the network's log"
            )
        )
        raise RuleError(f"inherit: {what}", hint=hint)
    predecessor = found[0][0]
    undecided = find_undecided(parts.store, own, parts.networks, predecessor.log)  # 1
    if undecided:
        raise RuleError(
            f"inherit: {', '.join(undecided)} does not say yet who goes on with that log",
            hint="its verifiers would count none of your status pages: let its governors decide the same first",
        )
    return end_log(parts.store, predecessor)  # 2


def _missing_rights(parts: _Parts, ended: EndedLog) -> tuple[str, ...]:
    """The successor's own rights decide about what it signs, also in the old institution's name."""
    own, theirs = parts.own.state.log_id, ended.state.log_id
    published = documents.list_achievements(parts.store, own, parts.networks)
    found = [
        line
        for one in published
        if one.log == theirs
        for line in find_missing_rights(parts.store, own, parts.networks, one.achievement)
    ]
    return tuple(dict.fromkeys(found))


def _take(
    parts: _Parts, home: Home, ended: EndedLog, estate: Estate, *, prefix: str, dry_run: bool, now: int, draw: Draw
) -> TakenOver:
    roots = {**parts.keystore.inherited_roots, **estate.roots}
    _catch_up(estate, ended, roots, now)  # 3
    own = parts.own.state
    order = Order(
        own=own.log_id,
        ended=ended,
        roots=roots,
        prefix=prefix,
        press=make_press(
            parts.store,
            own,
            parts.keystore,
            parts.networks,
            http_url=home.config.http_url or own.url,
            now=now,
            draw=draw,
        ),
        find=lambda achievement, version: documents.find_achievement(
            parts.store, own.log_id, parts.networks, f"{achievement}/{version}"
        ),
    )
    taken: TakenOver | None = None
    try:
        with parts.database.write() as session:
            if estate.database is None:
                taken = take_over(session, None, order)  # 4
            else:
                with estate.database.read() as source:
                    taken = take_over(session, source, order)
            if dry_run:
                raise _DryRun
            for log, secret in estate.roots.items():  # 5
                parts.keystore.add_inherited_root(log, secret)
    except _DryRun:
        pass
    assert taken is not None, "the block above ended, or raised what it raised"
    return taken


def _catch_up(estate: Estate, ended: EndedLog, roots: dict[LogId, bytes], now: int) -> None:
    if estate.database is None:
        return
    published = read_published(ended)
    logs = {place.log for place in (() if published is None else published.lists)}
    with estate.database.write() as source:
        if logs <= roots.keys():
            adopt_log(
                source,
                ended,
                list_root=roots.get(ended.state.log_id, b""),
                list_policy=ended.state.charter.lists,
                now=now,
                inherited_roots=roots,
            )
        else:
            read_by_copies(source, ended)
