"""A network, an old school and its heir: real desks, logs and stores, in directories that can also be given to commands.

Every institution writes its own log in its own directory; `send` copies a log into another's store the way a follower does,
judged from its bytes. No sockets: what travels is tested elsewhere.
"""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ledger.credential.report import CredentialReport
from ledger.credential.verify import Question, verify_file
from ledger.log.charter import Institution
from ledger.log.checkpoint import read_checkpoint
from ledger.log.follow import judge_growth
from ledger.log.governance import Boundary, MemberOp, Rights
from ledger.log.identity import LogId, encode_log_id
from ledger.log.keys import SigningKey
from ledger.log.network import Network
from ledger.log.policy import QuorumRule, TrustRoot, encode_trust_root
from node.client.held import read_held
from node.drafting import Drafter
from node.found import Founding, found_institution
from node.home import open_home
from node.inheriting import Inherited, inherit
from node.pinning import pin_network
from node.proposal import Proposal, sign_proposal, signatures_to_submit
from node.registrar.estate import Sources
from node.request import MembershipRequest, make_request, parse_request
from node.sequencer import SignedStatement
from node.store.logstore import LogStore
from tests.node.governors import witness_key_of
from tests.node.registrar.desks import ROOT_KEY, Bench, Clock, Dice, open_bench

NETWORK = "confluence"
RIGHTS = Rights(achievements=("*",), documents=("*",))


def found_at(
    directory: Path, kind: Institution, clock: Clock, url: str, roots: Sequence[SigningKey], threshold: int
) -> LogId:
    """An institution that cuts on command."""
    name = directory.name
    founding = Founding(
        name=name.replace("-", " ").title(),
        kind=kind,
        origin=f"{name}.example/log",
        root_keys=tuple(key.public for key in roots),
        threshold=threshold,
        interval_ms=0,
        http_url=url,
    )
    return found_institution(directory, founding, clock, Dice(name)).log_id


@dataclass
class Valley:
    """All of them; each opened with `open` and closed when the valley is, or by `close`."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    logs: dict[str, LogId] = field(default_factory=dict)
    networks: tuple[str, ...] = ()
    governors: tuple[SigningKey, ...] = (ROOT_KEY,)
    threshold: int = 1
    rights: Rights = RIGHTS
    benches: dict[str, Bench] = field(default_factory=dict)
    _stacks: dict[str, AsyncExitStack] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Bench:
        return self.benches[name]

    def found(self, name: str, kind: Institution = Institution.SCHOOL) -> LogId:
        url = f"https://{name}.example"
        roots, threshold = (ROOT_KEY,), 1
        if kind is Institution.NETWORK:
            self.networks = (*self.networks, name)
            roots, threshold = self.governors, self.threshold
        self.logs[name] = found_at(self.folder / name, kind, self.clock, url, roots, threshold)
        return self.logs[name]

    async def open(self, name: str) -> Bench:
        stack = AsyncExitStack()
        bench = await stack.enter_async_context(
            open_bench(
                self.folder / name,
                self.logs[name],
                self.clock,
                Dice(f"{name}/{os.urandom(4).hex()}"),
                networks=lambda: tuple(self.logs[network] for network in self.networks),
            )
        )
        self.benches[name], self._stacks[name] = bench, stack
        return bench

    async def close(self, name: str) -> None:
        del self.benches[name]
        await self._stacks.pop(name).aclose()

    async def close_all(self) -> None:
        for name in list(self.benches):
            await self.close(name)

    def send(self, log: str, to: str) -> None:
        """Grow the copy that one institution holds of another's log."""
        source, store = self[log].log, self[to].desk.parts.ledger
        held = store.log(self.logs[log])
        start = 0 if held is None else held.state.size
        if start == source.size:
            return
        bodies = [source.body(index) for index in range(start, source.size)]
        growth = judge_growth(
            None if held is None else held.state, source.entries(start, source.size), bodies, source.note
        )
        if held is None:
            store.create(growth)  # type: ignore[attr-defined]  # the real store
        else:
            assert isinstance(held, LogStore)
            held.commit(growth)

    async def decide(self, proposal: Proposal, network: str = NETWORK) -> int:
        """Sign and submit at the network, and tell everybody who is open."""
        signed = proposal
        for key in self.governors[: self.threshold]:
            signed = sign_proposal(signed, key)
        index = await self[network].desk.submit(SignedStatement(signed.statement_bytes, signatures_to_submit(signed)))
        for name in self.benches:
            if name != network:
                self.send(network, name)
        return index

    async def decide_at(self, name: str, proposal: Proposal) -> int:
        """Sign and submit at an institution with one root key."""
        signed = sign_proposal(proposal, ROOT_KEY)
        return await self[name].desk.submit(SignedStatement(signed.statement_bytes, signatures_to_submit(signed)))

    def drafter(self, network: str = NETWORK) -> Drafter:
        return Drafter(self[network].log.state, self.clock(), os.urandom(16))

    def request(self, name: str, network: str = NETWORK) -> MembershipRequest:
        bench = self[name]
        own = read_held(bench.log)
        data = make_request(
            own.state,
            entry=own.charter,
            note=own.note,
            network=self.logs[network],
            witness=witness_key_of(bench.log.state, bench.keystore),
            key=bench.keystore.with_role("log")[-1],  # type: ignore[arg-type]  # a text enum
            at=self.clock(),
        )
        return parse_request(data)

    async def admit(self, name: str, network: str = NETWORK, rights: Rights = RIGHTS) -> None:
        asked = self.request(name, network)
        await self.decide(self.drafter(network).admit(asked, rights, is_witness=False), network)
        self.send(name, network)

    def boundary(self, name: str, of: str | None = None) -> Boundary:
        """The newest point of an institution's log that another holds."""
        held = self[of or name].desk.parts.ledger.log(self.logs[name])
        assert held is not None and held.note is not None
        head = read_checkpoint(held.note)
        return Boundary(self.logs[name], head.size, head.root)

    async def succeed(self, old: str, heir: str, network: str = NETWORK, boundary: Boundary | None = None) -> None:
        where = boundary or self.boundary(old, network)
        await self.decide(self.drafter(network).succeed(self.logs[old], where, self.logs[heir]), network)

    async def change(self, op: MemberOp, name: str, network: str = NETWORK, rights: Rights | None = None) -> None:
        where = self.boundary(name, network)
        drafter = self.drafter(network)
        last = drafter.state.members.standing_of(self.logs[name])
        standing = None if last is None or rights is None else replace(last, rights=rights)
        await self.decide(drafter.change_member(op, self.logs[name], where, standing), network)

    def trust(self, network: str = NETWORK) -> TrustRoot:
        return pin_network(read_held(self[network].log), QuorumRule.NONE)

    def join(self, name: str) -> None:
        """Leave the trust roots where a node's commands look for them."""
        for network in self.networks:
            path = self.folder / name / "networks" / f"{encode_log_id(self.logs[network])[:22]}.json"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(encode_trust_root(self.trust(network)))

    async def inherit(self, heir: str, **options: object) -> Inherited:
        """Stop the heir's node, run the command's work, start it again."""
        self.join(heir)
        await self.close(heir)
        try:
            return inherit(
                open_home(self.folder / heir),
                "",
                options.get("sources", Sources()),  # type: ignore[arg-type]  # each test names real ones
                prefix=str(options.get("prefix", "")),
                dry_run=bool(options.get("dry_run", False)),
                clock=self.clock,
                draw=os.urandom,
            )
        finally:
            await self.open(heir)

    def judge(self, credential: str, at: str, network: str = NETWORK) -> CredentialReport:
        """Verify one copy with what an institution holds."""
        seen = Network(self.trust(network), self[at].desk.parts.ledger)
        report = verify_file(credential.encode(), seen, Question(now=self.clock()))
        (one,) = report.credentials
        return one


@asynccontextmanager
async def valley(
    folder: Path,
    names: Sequence[str] = ("granite-hollow", "tidewater"),
    *,
    governors: tuple[SigningKey, ...] = (ROOT_KEY,),
    threshold: int = 1,
) -> AsyncIterator[Valley]:
    """A network and its members, everybody open and admitted."""
    made = Valley(folder, governors=governors, threshold=threshold)
    made.found(NETWORK, Institution.NETWORK)
    for name in names:
        made.found(name)
    try:
        for name in made.logs:
            await made.open(name)
        for name in names:
            await made.admit(name)
        yield made
    finally:
        await made.close_all()
