"""Institutions: their keys, what they write, and what their network decides about them.

Everything honest goes through the real sequencer, which refuses what would be void. Whoever owns the machine can do more:
`force` writes what no node would.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random

from ledger import base64url
from ledger.credential.commitment import commit
from ledger.credential.status import Status
from ledger.log import statements
from ledger.log.body import describe_body, encode_body
from ledger.log.charter import BatchPolicy, Charter, Institution, ListPolicy, Role, RoleKey, Roots
from ledger.log.checkpoint import Checkpoint, sign_checkpoint, witness_verifier_key
from ledger.log.entry import NO_PREVIOUS, encode_entry, parse_entry, sign_statement
from ledger.log.follow import Growth, judge_growth
from ledger.log.governance import (
    AddKey,
    Boundary,
    CompromiseKey,
    MemberChange,
    MemberOp,
    ReplaceRoots,
    RetireKey,
    Rights,
    RotateLogKey,
    Standing,
)
from ledger.log.identity import LogId, encode_log_id
from ledger.log.keys import KeyId, SigningKey
from ledger.log.merkle import prove_item, root_of_hashes
from ledger.log.network import root_of_view
from ledger.log.policy import TrustRoot
from ledger.log.receipt import Receipt, encode_receipt
from ledger.log.records import Anchor, Issue, StatusUpdate
from ledger.log.state import LogState
from ledger.log.statement import Statement
from node.registrar.anchors import collect_heads
from node.sequencer import SignedStatement
from tests.node.school import make_draw
from tests.simulation.desk import Desk, Press
from tests.simulation.fabric import Fabric
from tests.simulation.node import Node
from tests.simulation.oracle import Copy, Oracle, Page

WEEK_MS = 7 * 86_400_000
GOVERNORS, THRESHOLD = 3, 2
HEADROOM = 64


class Actor:
    """One institution. `node` is its machine; everything else survives the machine."""

    def __init__(self, name: str, kind: Institution, seed: int, batch: int, slots: int) -> None:
        self.name, self.batch = name, batch
        self.random = Random(f"{seed}/{name}")
        self.draw = make_draw(f"{seed}/{name}")
        self.address = f"{name}.example:8471"
        self.keyring: dict[KeyId, SigningKey] = {}
        self.log_key = self.new_key()
        self.roots = [self.new_key() for _ in range(GOVERNORS)]
        self.roles = {role: self.new_key() for role in Role}
        self.witness_keys = [self.new_key()]
        self.networks: list[Actor] = []
        self.waiting: list[Copy] = []
        self.issuer_url = ""
        self.is_closed = False
        self.founding = self._found(kind, slots)
        self.log_id: LogId = self.founding.state.log_id
        self.desk = Desk(self.log_id, self.draw(32), slots, self.random.shuffle)
        self.node: Node

    def new_key(self) -> SigningKey:
        """A key nobody has had."""
        key = SigningKey(self.draw(32))
        self.keyring[key.public.id] = key
        return key

    def _found(self, kind: Institution, slots: int) -> Growth:
        charter = Charter(
            at=0,
            id=self.draw(16),
            log=None,
            origin=f"{self.name}.example/log",
            name=self.name.title(),
            institution=kind,
            url=f"https://{self.name}.example",
            grpc=self.address,
            roots=Roots(tuple(key.public for key in self.roots), THRESHOLD),
            log_key=self.log_key.public,
            keys=tuple(RoleKey(key.public, role) for role, key in self.roles.items()),
            batch=BatchPolicy(WEEK_MS, 120, self.batch),
            lists=ListPolicy("08-01", slots),
        )
        data = statements.encode(charter)
        raw = encode_entry(0, NO_PREVIOUS, data, sign_statement(data, [self.log_key]))
        leaf = parse_entry(raw).leaf_hash
        note = sign_checkpoint(Checkpoint(charter.origin, 1, root_of_hashes([leaf])), self.log_key)
        return judge_growth(None, [raw], [None], note)

    # The machine

    def run_on(self, folder: Path, trusts: Sequence[TrustRoot], fabric: Fabric, clock: Callable[[], int]) -> None:
        """Put a machine into operation, with whatever is in its folder."""
        self.node = Node(folder, self.address, self.log_id, trusts, fabric, clock, self.draw)
        fabric.nodes[self.address] = self.node

    def start(self) -> None:
        """Put the node's parts together with the keys as they are now."""
        self.node.start(self.keyring.get, self.witness_keys)

    @property
    def state(self) -> LogState:
        return self.node.log.state

    @property
    def size(self) -> int:
        return self.node.log.size

    # Statements

    def header(self) -> dict:
        return {"at": self.node.clock(), "id": self.draw(16), "log": self.log_id}

    async def append(
        self, statement: Statement, keys: Iterable[SigningKey], items: Sequence[bytes] | None = None
    ) -> int:
        """Write one statement as the node does."""
        (index,) = await self.node.sequencer.append([signed(statement, keys, items)])
        return index

    async def govern(self, kind: type[Statement], subject: str, signers: Sequence[SigningKey] = (), **fields) -> int:
        """Write one statement that the roots decide."""
        return await self.append(self.draft(kind, subject, **fields), signers or self.roots[:THRESHOLD])

    def draft(self, kind: type[Statement], subject: str, **fields) -> Statement:
        """The statement alone, with `after` and `until` as they have to be."""
        values = {**self.header(), "after": self.state.after(subject), **fields}
        if kind in (AddKey, RetireKey, MemberChange):
            values["until"] = self.size + HEADROOM
        return kind(**values)

    async def add_key(self, role: Role) -> SigningKey:
        """Put a new key in force for a role; the one before stays in force until it is retired or compromised."""
        key = self.new_key()
        await self.govern(AddKey, subject_of(key), key=RoleKey(key.public, role))
        self.roles[role] = key
        return key

    async def retire(self, key: SigningKey) -> None:
        await self.govern(RetireKey, subject_of(key), key=key.public.id)

    async def compromise(self, key: SigningKey, since: int) -> None:
        await self.govern(CompromiseKey, subject_of(key), key=key.public.id, since=since)

    async def rotate_log_key(self) -> None:
        key = self.new_key()
        await self.govern(RotateLogKey, "log", log_key=key.public)
        self.log_key = key

    async def replace_roots(self) -> None:
        """Take the first root key out of use and another in."""
        new = [self.new_key(), *self.roots[1:]]
        roots = Roots(tuple(key.public for key in new), THRESHOLD)
        # The threshold under the old set and under the new: two that stand in both are enough.
        await self.govern(ReplaceRoots, "roots", self.roots[1:], roots=roots)
        self.roots = new

    # Decisions of a network

    def standing(self, rights: Rights, *, is_witness: bool) -> Standing:
        witness = witness_verifier_key(f"{self.name}.example/witness", self.witness_keys[-1].public)
        return Standing(
            name=self.name.title(),
            origin=f"{self.name}.example/log",
            log_key=self.log_key.public,
            rights=rights,
            witness=witness if is_witness else None,
            grpc=self.address,
            url=f"https://{self.name}.example",
        )

    def boundary(self, size: int | None = None) -> Boundary:
        """A point in this institution's log, by default its end."""
        at = self.size if size is None else size
        return Boundary(self.log_id, at, root_of_view(self.node.log, at))

    async def decide(self, op: MemberOp, member: "Actor", **fields) -> int:
        """As a network: decide about a member, by default from the end of its log on."""
        values = {"boundary": fields.pop("boundary", None) or member.boundary(), **fields}
        return await self.govern(MemberChange, encode_log_id(member.log_id), op=op, member=member.log_id, **values)

    # The registrar

    def press(self, role: Role) -> Press:
        return Press(self.issuer_url, self.name.title(), self.roles[role], role, self.draw)

    async def cut(self, oracle: Oracle, week: int) -> int:
        """Anchor, batch and page, as every cut; gives the index of the batch."""
        batch, self.waiting = self.waiting[: self.batch], self.waiting[self.batch :]
        items = [commit(copy.text.split("~")[0]) for copy in batch]
        items += [self.draw(32) for _ in range(self.batch - len(items))]
        order = list(range(self.batch))
        self.random.shuffle(order)
        shuffled = [items[position] for position in order]
        heads = collect_heads(
            self.node.store, self.log_id, [item.log_id for item in self.networks], self.node.directory.newest_head
        )
        anchor = Anchor(**self.header(), reference=describe_body("anchor", heads))
        issue = Issue(**self.header(), reference=describe_body("issue", shuffled))
        status_header = self.header()
        lists, page = self.desk.encode(status_header["id"])
        status = StatusUpdate(**status_header, reference=describe_body("status", page), lists=lists)
        operate = self.roles[Role.OPERATE]
        indexes = await self.node.sequencer.append(
            [signed(anchor, [self.log_key], heads), signed(issue, [operate], shuffled), signed(status, [operate], page)]
        )
        for position, copy in enumerate(batch):
            place(copy, self.log_id, indexes[1], shuffled, order.index(position), week)
        for place_of, open_list in zip(lists, self.desk.lists, strict=True):
            data = b"".join(page)[place_of.first * 1024 : place_of.first * 1024 + place_of.slots]
            decided = {slot: Status(value) for slot, value in open_list.statuses.items()}
            noted = Page(week, indexes[2], self.log_id, status_header["id"], data, decided)
            oracle.pages.setdefault((place_of.log, place_of.number), []).append(noted)
        return indexes[1]

    # What an owner of the machine can do

    def force(self, statement: Statement, keys: Iterable[SigningKey], items: Sequence[bytes] | None = None) -> int:
        """Write one statement that the sequencer might refuse; the growth rules alone hold it back."""
        raw, body, note = self.entry_of(statement, keys, items, self.state)
        self.node.force(raw, body, note)
        return self.size - 1

    def entry_of(
        self, statement: Statement, keys: Iterable[SigningKey], items: Sequence[bytes] | None, state: LogState
    ) -> tuple[bytes, bytes | None, bytes]:
        """The entry, its body and the note above it, at the end of a log in this state."""
        data = statements.encode(statement)
        raw = encode_entry(state.size, state.last_leaf, data, sign_statement(data, keys))
        body = None if items is None else encode_body(statement.kind, items)
        grown = state.copy()
        grown.apply(parse_entry(raw), body)
        origin = state.charter.origin
        note = sign_checkpoint(Checkpoint(origin, grown.size, grown.frontier.root()), self.keyring[grown.log_key.id])
        return raw, body, note


def signed(statement: Statement, keys: Iterable[SigningKey], items: Sequence[bytes] | None) -> SignedStatement:
    data = statements.encode(statement)
    return SignedStatement(data, sign_statement(data, keys), None if items is None else tuple(items))


def place(copy: Copy, log: LogId, index: int, items: Sequence[bytes], position: int, week: int) -> None:
    """Note where a copy came to stand."""
    copy.index, copy.week = index, week
    copy.receipt = encode_receipt(Receipt(log, index, position, prove_item(items, position)))


def subject_of(key: SigningKey) -> str:
    return base64url.encode(key.public.id)
