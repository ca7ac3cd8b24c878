"""How far witnesses bind whoever takes a log over: as far as they can show, and not as far as one of them says."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ledger.errors import RuleError
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.identity import LogId
from ledger.log.merkle import RootHash, prove_consistency
from node.client.exchange import Head
from node.client.failures import UnreachableError
from node.directory import Directory, NamedWitness
from node.errors import BusyError
from node.recovery.takeover import Shown, _Taking
from tests.ledger.log.networks import World
from tests.node.web.served import open_store
from tests.simulator import SimulatedLog, seeded


class Served:
    """A witness that serves nothing new, and shows this note."""

    def __init__(self, log: SimulatedLog, note: bytes | None, size: int) -> None:
        self.log, self.note, self.size = log, note, size

    async def heads(self, logs: list[LogId]) -> tuple[Head, ...]:
        return (Head(log=logs[0], size=self.size, note=self.note, cosigned_size=self.size),)

    async def consistency(self, log: LogId, old: int, new: int) -> tuple[bytes, ...]:
        return prove_consistency(old, new, self.log.read_hashes)

    def entries(self, *_: object) -> None:
        raise UnreachableError("it does not serve them")


@contextmanager
def taking(path: Path, world: World, served: Mapping[str, Served]) -> Iterator[_Taking]:
    """Granite's log is taken over: held whole, every other institution witnesses it."""
    store = open_store(path, world.everybody())
    try:
        made: Any = object.__new__(_Taking)
        made._store, made.log = store, store.log(world.granite.log_id)
        made._directory = Directory(store, world.granite.log_id, (world.trust,))
        made._peers = SimpleNamespace(client=served.__getitem__)
        yield made
    finally:
        store.close()


def witnessed() -> World:
    world = World()
    for log in world.everybody():
        world.confirm(log)
    world.network.anchor([log.note or b"" for log in world.everybody()[1:]])
    world.confirm(world.network)
    world.granite.cut()
    world.confirm(world.granite)
    return world


def answers(world: World, made: _Taking, sizes: Mapping[str, int]) -> tuple[Shown, ...]:
    named: dict[LogId, NamedWitness] = {item.log: item for item in made._directory.witnesses(world.granite.log_id)}
    by_name = {log.name: log.log_id for log in world.everybody()}
    return tuple(
        Shown(NamedWitness(by_name[name], named[by_name[name]].key, name), size) for name, size in sizes.items()
    )


def honest(world: World) -> Served:
    return Served(world.granite, world.granite.note, world.granite.size)


async def test_a_size_that_one_witness_claims_and_nobody_shows_binds_nobody(tmp_path: Path) -> None:
    """Whether it says so alone or under a note of its own; the others are enough."""
    world = witnessed()
    size = world.granite.size
    forged = sign_checkpoint(Checkpoint("granite.example/log", 10**9, RootHash(bytes(32))), world.lantern.log_signer)
    for liar in (Served(world.granite, world.granite.note, size), Served(world.granite, forged, 10**9)):
        served = {world.network.name: honest(world), "lantern": liar, "tidewater": honest(world)}
        with taking(tmp_path / str(liar.size), world, served) as made:
            shown = answers(world, made, {world.network.name: size, "lantern": 10**9, "tidewater": size})
            assert await made.reach(shown) == size


async def test_without_enough_others_it_is_not_decided(tmp_path: Path) -> None:
    world = witnessed()
    size = world.granite.size
    served = {"lantern": honest(world), "tidewater": honest(world)}
    with taking(tmp_path / "store", world, served) as made:
        shown = answers(world, made, {"lantern": size + 3, "tidewater": size})
        with pytest.raises(BusyError, match=f"1 of 3 witnesses .* says it cosigned {size + 3} entries"):
            await made.reach(shown)


async def test_a_checkpoint_by_the_log_key_over_another_branch_stops_it(tmp_path: Path) -> None:
    """Then what is held may be the wrong one: a log continued there would never be cosigned again."""
    world = witnessed()
    size = world.granite.size
    other = world.granite.copy()
    other.note = sign_checkpoint(
        Checkpoint("granite.example/log", size, RootHash(seeded("other"))), world.granite.log_signer
    )
    served = {
        world.network.name: honest(world),
        "lantern": Served(other, other.note, size),
        "tidewater": honest(world),
    }
    with taking(tmp_path / "store", world, served) as made:
        shown = answers(world, made, {world.network.name: size, "lantern": size, "tidewater": size})
        with pytest.raises(RuleError, match="another branch than lantern"):
            await made.reach(shown)
