"""Recovering a node of which something is left: at least its keys.

1. keys: those in the directory, else from the key backup; 2. the ledger store: one that opens is kept and grown, any other is
moved aside; the networks' logs and the own one are fetched, the largest that anybody has; 3. `node.toml`: kept, from the
backup, or made anew from the charter; 4. the registrar's database: kept, or an empty one; if it is older than the log, the
newest status page is read into it (`registrar.adopt_page`); 5. all of it is checked as `fsck` does.

A directory that is made anew gets its name when it is complete. Nothing here signs: the start-up rule does its own asking
when the node runs. What only a private backup or the wallets can bring back is for the caller to say.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ledger.errors import MalformedError, RuleError
from ledger.log.identity import LogId, encode_log_id
from ledger.log.policy import TrustRoot, encode_trust_root
from ledger.log.state import LogState
from node import durable
from node.client.dial import DialPolicy
from node.clock import Clock, Draw
from node.config import FILE_NAME, NodeConfig, parse_config, render_config
from node.errors import BusyError
from node.found import KEYS_DIRECTORY, LEDGER_DIRECTORY, NETWORKS_DIRECTORY
from node.fsck.repair import dial_policy, name_aside
from node.fsck.whole import Progress, Report, check_node
from node.home import Home
from node.keystore import Keystore, open_keystore
from node.onlyone import hold_directory
from node.peers import Peers
from node.recovery.fetch import Fetched, Fetcher, describe_log, is_own
from node.recovery.keys import KeySource, forget, unpack_keys
from node.registrar.adopt_page import Adoption, adopt_log, must_adopt
from node.registrar.awards import count_awards
from node.registrar.database import find_place, open_database
from node.store.ledgerstore import LedgerStore
from node.tls.defaults import plan_listeners
from node.trust import load_trust_roots

_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be recovered.

    Attributes:
        directory: of the node; may be missing, empty, or lack any part.
        addresses: peers to fetch from.
        keys: where secrets come from that the directory lacks.
        trust: trust root of the network, where the directory and the key backup have none.
        log: id of the own log, where the keys alone do not tell it.
        state_home: where the high-water file stands.
    """

    directory: Path
    addresses: Sequence[str]
    keys: KeySource | None
    trust: TrustRoot | None
    log: LogId | None
    state_home: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What is there again.

    Attributes:
        log: id of the own log.
        name: of the institution.
        size: entries of its log.
        held_before: entries of it that were still there.
        fetched: what peers said and gave.
        is_new: whether the directory was made anew.
        kept_store: where an unreadable ledger store was moved to; None where there was none.
        is_new_database: whether there was no registrar's database.
        awards: in the database.
        adoption: what reading the newest page into it changed; None where it knew it.
        has_config: whether `node.toml` was still there or in the backup.
        has_network: whether a trust root of a network is there.
        report: of the check at the end.
    """

    log: LogId
    name: str
    size: int
    held_before: int
    fetched: Fetched
    is_new: bool
    kept_store: Path | None
    is_new_database: bool
    awards: int
    adoption: Adoption | None
    has_config: bool
    has_network: bool
    report: Report


async def recover_node(order: Order, clock: Clock, draw: Draw, progress: Progress) -> Recovered:
    """Recover a node that does not run.

    Raises:
        MalformedError: the keys are not whole, or a part that is there is damaged beyond what peers can give.
        RuleError: no peer has the log of these keys.
        BusyError: the node runs, or no peer answered.
    """
    if (order.directory / KEYS_DIRECTORY).is_dir() or (order.directory / FILE_NAME).is_file():
        with hold_directory(order.directory, "cairn-node recover"):
            return await _recover_in(order.directory, order, clock, progress, is_new=False)
    if order.directory.exists() and any(order.directory.iterdir()):
        raise RuleError(
            f"{order.directory}: is neither a node nor empty, and nothing in it was changed",
            hint="name a directory that does not exist, or the node's own",
        )
    building = order.directory.parent / f".{order.directory.name}.{draw(8).hex()}.tmp"
    building.mkdir(mode=0o750, parents=True)
    try:
        recovered = await _recover_in(building, order, clock, progress, is_new=True)
        for path in (building / KEYS_DIRECTORY, building / LEDGER_DIRECTORY, building):
            durable.sync_directory(path)
        building.rename(order.directory)
    except BaseException:
        forget(building)
        raise
    durable.sync_directory(order.directory.parent)
    return recovered


async def _recover_in(directory: Path, order: Order, clock: Clock, progress: Progress, *, is_new: bool) -> Recovered:
    said = order.log
    if not (directory / KEYS_DIRECTORY).is_dir():  # 1
        if order.keys is None:
            raise MalformedError(
                f"{order.directory}: there are no keys, and nobody else has them",
                hint="name the key backup with --keys; without it the institution needs a new log that succeeds the old one",
            )
        unpacked = unpack_keys(order.keys, directory)
        said = said or unpacked
    keystore = open_keystore(directory / KEYS_DIRECTORY)
    trusts = _take_trust(directory, order.trust)
    fetched, state, kept, before = await _fetch(directory, order, keystore, trusts, said, clock)  # 2
    has_config = (directory / FILE_NAME).is_file()
    if not has_config:  # 3
        _write_config(directory, state, () if trusts else order.addresses)
    config = parse_config((directory / FILE_NAME).read_text(encoding="utf-8"), str(directory / FILE_NAME))
    home = Home(directory, config)
    place = find_place(directory, config.registrar_database)
    had_database = not isinstance(place, Path) or place.is_file()
    # With witnesses that none could be asked about, the log may not be whole: the node reads the page when it knows.
    now = clock() if fetched.told or not fetched.witnesses[0] else None
    adoption, awards = await asyncio.to_thread(
        adopt_newest, home, keystore, state.log_id, now, is_new=not had_database
    )  # 4
    report = await asyncio.to_thread(check_node, home, order.state_home, clock(), progress)  # 5
    return Recovered(
        log=state.log_id,
        name=state.name,
        size=state.size,
        held_before=before,
        fetched=fetched,
        is_new=is_new,
        kept_store=kept,
        is_new_database=not had_database,
        awards=awards,
        adoption=adoption,
        has_config=has_config,
        has_network=bool(trusts) or state.is_network,
        report=report,
    )


def _take_trust(directory: Path, trust: TrustRoot | None) -> list[TrustRoot]:
    networks = directory / NETWORKS_DIRECTORY
    networks.mkdir(exist_ok=True)
    if trust is not None:
        path = networks / f"{encode_log_id(trust.network)[:22]}.json"
        if not path.exists():
            durable.create_file(path, encode_trust_root(trust) + b"\n", mode=0o640)
    config = directory / FILE_NAME
    named = parse_config(config.read_text(encoding="utf-8"), str(config)).networks if config.is_file() else ()
    return list(load_trust_roots(directory, named).values())


async def _fetch(
    directory: Path,
    order: Order,
    keystore: Keystore,
    trusts: Sequence[TrustRoot],
    said: LogId | None,
    clock: Clock,
) -> tuple[Fetched, LogState, Path | None, int]:
    path = directory / LEDGER_DIRECTORY
    store, kept = _open_store(path, clock)
    peers = Peers(timeout_seconds=_TIMEOUT_SECONDS, policy=_policy(directory))
    try:
        before = {log: held.size for log in store.log_ids() if (held := store.log(log)) is not None}
        fetched = await Fetcher(store, keystore, trusts, order.addresses, peers, clock).fetch(said)
        state = _own_state(store, keystore, fetched, order)
        return fetched, state, kept, before.get(state.log_id, 0)
    finally:
        await peers.close()
        store.close()


def _policy(directory: Path) -> DialPolicy:
    """As `node.toml` has it, where it is left."""
    path = directory / FILE_NAME
    return dial_policy(parse_config(path.read_text(encoding="utf-8"), str(path))) if path.is_file() else DialPolicy()


def _open_store(path: Path, clock: Clock) -> tuple[LedgerStore, Path | None]:
    try:
        return LedgerStore.open(path), None
    except BusyError:
        raise
    except MalformedError:
        kept = name_aside(path, clock())
        path.rename(kept)
        return LedgerStore.open(path), kept


def _own_state(store: LedgerStore, keystore: Keystore, fetched: Fetched, order: Order) -> LogState:
    held = None if fetched.own is None else store.log(fetched.own)
    if held is None or fetched.own is None:
        if fetched.silent and not fetched.told:
            address, reason = next(iter(fetched.silent.items()))
            raise BusyError(f"no peer answered: {reason}", hint=f"is {address} right, and does that node run?")
        asked = ", ".join(order.addresses) or "no peer"
        raise RuleError(
            f"{asked}: no log that is written with these keys{_reason(fetched)}",
            hint="name a node that followed this institution with --from, or the log's id with --log",
        )
    if not is_own(store, keystore, fetched.own):
        raise RuleError(
            f"log {describe_log(fetched.own)}: is not written with these keys",
            hint="use the key backup of this log; an older one may lack its newest log key",
        )
    return held.state


def _reason(fetched: Fetched) -> str:
    return "".join(f"; {address}: {reason}" for address, reason in fetched.refused.items())


def _write_config(directory: Path, state: LogState, peers: Sequence[str]) -> None:
    """What the charter and its amendments say; the rest are defaults."""
    plan = plan_listeners(state.url, state.grpc, has_certificate=False)
    config = NodeConfig(
        name=state.name,
        http_listen=plan.http_listen,
        grpc_listen=plan.grpc_listen,
        http_url=state.url,
        grpc_address=plan.grpc_address,
        grpc_tls=plan.grpc_tls,
    )
    config = replace(config, peers=tuple(peers))
    text = render_config(parse_config(render_config(config)))
    durable.create_file(directory / FILE_NAME, text.encode(), mode=0o640)


def adopt_newest(
    home: Home, keystore: Keystore, log_id: LogId, now: int | None, *, is_new: bool
) -> tuple[Adoption | None, int]:
    """Read the newest page into the registrar's database where it is new or older than the log; also its awards' number.

    Args:
        home: of a node that does not run; the caller holds its directory.
        keystore: its keys.
        log_id: of its own log.
        now: Unix ms; None to leave the reading to the node.
        is_new: there was no database.

    Raises:
        MalformedError: the database is damaged.
    """
    place = find_place(home.directory, home.config.registrar_database)
    store = LedgerStore.open(home.ledger)
    try:
        log = store.log(log_id)
        assert log is not None, "fetched before"
        try:
            database = open_database(place, encode_log_id(log_id), keep_in=home.directory)
        except MalformedError as error:
            raise MalformedError(
                str(error),
                hint=f"restore it from a backup; if there is none, move {place} aside and run the same again",
            ) from error
        try:
            adoption = None
            with database.write() as session:
                if now is not None and (is_new or must_adopt(session, log)):
                    adoption = adopt_log(
                        session,
                        log,
                        list_root=keystore.list_root,
                        inherited_roots=keystore.inherited_roots,
                        list_policy=log.state.charter.lists,
                        now=now,
                    )
                return adoption, count_awards(session)
        finally:
            database.close()
    finally:
        store.close()
