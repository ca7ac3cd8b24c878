"""One machine: a real ledger store and the real parts of a node around it, driven by hand instead of by timers.

What runs as tasks in `node.ledgerside` (followers, cosigning, start-up) is asked here step by step, so that a run depends
on its seed alone. Only the sequencer keeps its own task.
"""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from ledger.errors import CairnError
from ledger.log.follow import judge_growth
from ledger.log.identity import LogId
from ledger.log.keys import KeyId, SigningKey
from ledger.log.policy import TrustRoot
from node.branch import Branches
from node.cosigning import Cosigning
from node.directory import Directory
from node.events import HeadEvents
from node.forks import Forks
from node.gossip import Gossip
from node.highwater import HighWater
from node.pull import Puller
from node.replicate import Follower
from node.rotations import Rotations
from node.sequencer import Sequencer
from node.serving import Serving
from node.startup import StartUp
from node.store.ledgerstore import LedgerStore
from node.store.logstore import LogStore
from node.timekeeping import Timekeeping
from node.trust import pin_again
from node.witness import Witness
from tests.simulation.fabric import Fabric, Lines

PATIENCE_SECONDS = 60.0
DAILY_BYTES = 64 * 1024 * 1024


class Node:
    """A running node. Made with `open`; `close` before another is opened in the same folder."""

    def __init__(
        self,
        folder: Path,
        address: str,
        own: LogId,
        trusts: Sequence[TrustRoot],
        fabric: Fabric,
        clock: Callable[[], int],
        draw: Callable[[int], bytes],
    ) -> None:
        self.folder, self.address, self.own = folder, address, own
        self.fabric, self.clock, self.draw = fabric, clock, draw
        folder.mkdir(parents=True, exist_ok=True)
        self.store = LedgerStore.open(folder / "ledger")
        self.events = HeadEvents(draw(16))
        self.lines = Lines(fabric, address)
        self.directory = Directory(self.store, own, trusts, own_addresses={address})
        self.puller = Puller(self.store, self.events, self.directory, clock, daily_bytes=DAILY_BYTES)
        self.forks = Forks(self.store, self.lines, self.directory, self.events.publish)
        self.branches = Branches(self.store, self.directory, self.puller, self.forks, self.events)
        self.serving = Serving(self.store, lambda: self.events.token)
        self._followers: dict[str, Follower] = {}

    @property
    def log(self) -> LogStore:
        """The node's own log."""
        log = self.store.log(self.own)
        assert log is not None
        return log

    async def recover_own_log(self) -> None:
        """Fetch all there is from whoever answers: the networks' logs say who may have the own log."""
        for log_id in (*self.directory.networks(), self.own):
            for address in self.directory.sources(log_id):
                with contextlib.suppress(CairnError):
                    client = self.lines.client(address)
                    (head,) = await client.heads([log_id])
                    await self.puller.pull(client, head)

    def start(self, find_key: Callable[[KeyId], SigningKey | None], witness_keys: Sequence[SigningKey]) -> None:
        """Put the parts together that need the own log, and let the sequencer run."""
        log_key = find_key(self.log.state.log_key.id)
        assert log_key is not None
        time = Timekeeping(self.clock, steady=self.clock)
        self.sequencer = Sequencer(self.log, log_key, find_key=find_key)
        self.startup = StartUp(
            self.store,
            self.log,
            self.directory,
            self.puller,
            self.lines,
            self.events,
            HighWater(self.folder / "state", self.own),
            self.draw,
            own_keys=lambda: self.witness.verifier_keys(),
            only_copy=self.log.size == 1,
            opened=self.sequencer.release,
            closed=self.sequencer.hold,
            visit_seconds=PATIENCE_SECONDS,
        )
        self.gossip = Gossip(
            self.store,
            self.directory,
            self.forks,
            self.events,
            address=self.address,
            wake=lambda address: None,
            rewound=self.startup.rewound,
            timekeeping=time,
        )
        self.witness = Witness(
            self.store,
            self.directory,
            self.puller,
            self.lines,
            self.forks,
            lambda: witness_keys,
            self.clock,
            rotations=Rotations(self.store, self.puller),
            branches=self.branches,
            closed=self.startup.closed_for,
            hold_seconds=PATIENCE_SECONDS,
            timekeeping=time,
        )
        self.cosigning = Cosigning(
            self.log,
            self.directory,
            self.lines,
            self.events,
            self.draw,
            address=self.address,
            may_ask=lambda: self.startup.may_sign,
            rewound=self.startup.rewound,
            timeout_seconds=PATIENCE_SECONDS,
            # Everybody who answers at all answers at once; nobody is left out for being late.
            grace_seconds=PATIENCE_SECONDS,
            timekeeping=time,
        )
        self.sequencer.add_listener(lambda size: self.events.publish(self.own))
        self.sequencer.start()

    async def close(self) -> None:
        """Stop and let go of the folder."""
        await self.sequencer.close()
        self.store.close()

    async def look_around(self, addresses: Sequence[str] | None = None, *, tells: bool = True) -> None:
        """One round with some peers, or with everybody the networks name, and first what the start-up rule asks.

        With `tells` the peer is shown the own head and all evidence, too.
        """
        await self.startup.ask()
        for address in self.directory.addresses() if addresses is None else addresses:
            follower = self._followers.setdefault(address, self._make_follower(address))
            with contextlib.suppress(CairnError):
                await follower.round()
                if tells:
                    await follower.tell_all()

    async def ask_witnesses(self) -> None:
        """Ask everybody who has not cosigned the newest checkpoint of the own log."""
        await self.cosigning.round()

    def pin_again(self) -> None:
        """Once a network has witnesses, hold it to them."""
        pinned = [(trust, self.store.log(trust.network)) for trust in self.directory.trusts]
        self.directory.trusts = tuple(trust if log is None else pin_again(trust, log) or trust for trust, log in pinned)

    def force(self, raw: bytes, body: bytes | None, note: bytes) -> None:
        """Commit one entry to the own log past all that a node refuses to write, as whoever owns the machine can."""
        growth = judge_growth(self.log.state, [raw], [body], note)
        self.log.commit(growth)
        self.events.publish(self.own)

    def holds_all_of(self, other: "Node", log_id: LogId) -> bool:
        """Whether this node's copy of a log has the bytes, note and all, of another's."""
        mine, theirs = self.store.log(log_id), other.store.log(log_id)
        assert theirs is not None
        return mine is not None and mine.size == theirs.size and mine.state.last_leaf == theirs.state.last_leaf

    def _make_follower(self, address: str) -> "ByHand":
        return ByHand(
            address,
            directory=self.directory,
            puller=self.puller,
            peers=self.lines,
            gossip=self.gossip,
            forks=self.forks,
            events=self.events,
            branches=self.branches,
            clock=self.clock,
            draw=self.draw,
            interval_seconds=PATIENCE_SECONDS,
        )


class ByHand(Follower):
    """A follower whose rounds are called, not timed."""

    async def tell_all(self) -> None:
        """Show the peer what it should not have to ask for."""
        await self._tell(self._all_logs())
