"""Institutions in memory: they write real logs with the real rules, and can be told to misbehave.

A `SimulatedLog` satisfies `LogView` and a `SimulatedLedger` satisfies `LedgerView`. Keys and ids follow from the name, so
that runs repeat. `unsafe_append` puts an entry in without asking anybody.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Self

from ledger import base64url
from ledger.duration import DAY_MS
from ledger.log import statements
from ledger.log.body import describe_body, encode_body
from ledger.log.charter import BatchPolicy, Charter, Institution, ListPolicy, Role, RoleKey, Roots
from ledger.log.checkpoint import Checkpoint, add_signatures, cosign, sign_checkpoint, witness_verifier_key
from ledger.log.entry import NO_PREVIOUS, Entry, encode_entry, parse_entry, sign_statement
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
from ledger.log.keys import SigningKey
from ledger.log.merkle import Frontier, RootHash, hash_node
from ledger.log.policy import QuorumRule, TrustRoot
from ledger.log.records import Anchor, DocumentName, DocumentType, Issue, Publish, StatusList, StatusUpdate
from ledger.log.rotation import SignedRotation
from ledger.log.state import LogState, found_state
from ledger.log.statement import Statement

NOW = 1_781_000_000_000
BATCH = 4
SLOTS = 1024


def seeded(*parts: object) -> bytes:
    """32 bytes that follow from the parts."""
    return hashlib.sha256("/".join(map(str, parts)).encode()).digest()


class SimulatedLog:
    """One institution with all its keys and its whole log in memory."""

    def __init__(
        self,
        name: str,
        institution: Institution = Institution.SCHOOL,
        *,
        governors: int = 1,
        threshold: int = 1,
        seed: str = "",
        batch: int = BATCH,
        grpc: str = "",
    ) -> None:
        self.name = name
        self.seed = seed or name
        self.log_signer = self.key("log")
        self.root_signers = [self.key("root", n) for n in range(governors)]
        self.role_signers = {role: self.key(role) for role in Role}
        self.witness_signer = self.key("witness")
        self.witness_name = f"{name}.example/witness"
        self.entries: list[bytes] = []
        self.bodies: list[bytes | None] = []
        self.forks: list[bytes] = []
        self.note: bytes | None = None
        self.counter = 0
        charter = Charter(
            at=NOW,
            id=self.new_id(),
            log=None,
            origin=f"{name}.example/log",
            name=name.title(),
            institution=institution,
            url=f"https://{name}.example",
            grpc=grpc or f"{name}.example:8471",
            roots=Roots(tuple(key.public for key in self.root_signers), threshold),
            log_key=self.log_signer.public,
            keys=tuple(RoleKey(key.public, role) for role, key in self.role_signers.items()),
            batch=BatchPolicy(0, 0, batch),
            lists=ListPolicy("08-01", SLOTS),
        )
        data = statements.encode(charter)
        raw = encode_entry(0, NO_PREVIOUS, data, sign_statement(data, [self.log_signer]))
        self.state: LogState = found_state(parse_entry(raw))
        self.entries.append(raw)
        self.bodies.append(None)
        self.sign()

    def key(self, *parts: object) -> SigningKey:
        return SigningKey(seeded(self.seed, *parts))

    def new_id(self) -> bytes:
        self.counter += 1
        return seeded(self.seed, "statement", self.counter)[:16]

    @property
    def log_id(self) -> LogId:
        return self.state.log_id

    @property
    def size(self) -> int:
        return len(self.entries)

    @property
    def roots_needed(self) -> list[SigningKey]:
        return self.root_signers[: self.state.roots.threshold]

    def header(self) -> dict[str, object]:
        return {"at": NOW + self.counter, "id": self.new_id(), "log": self.log_id}

    def append(self, statement: Statement, keys: Iterable[SigningKey], items: Sequence[bytes] | None = None) -> Entry:
        """Append one entry as the writer would, and sign the new checkpoint."""
        data = statements.encode(statement)
        raw = encode_entry(self.size, self.state.last_leaf, data, sign_statement(data, keys))
        return self.append_raw(raw, None if items is None else encode_body(statement.kind, items))

    def append_raw(self, raw: bytes, body: bytes | None) -> Entry:
        entry = parse_entry(raw)
        self.state.apply(entry, body)
        self.entries.append(raw)
        self.bodies.append(body)
        self.sign()
        return entry

    def sign(self, cosigners: "Iterable[SimulatedLog]" = (), seconds: int = NOW // 1000) -> bytes:
        """Sign the checkpoint over everything, and let others cosign it."""
        checkpoint = Checkpoint(self.state.charter.origin, self.state.size, self.state.frontier.root())
        note = sign_checkpoint(checkpoint, self.log_signer)
        self.note = self.cosigned(note, cosigners, seconds)
        return self.note

    def cosigned(self, note: bytes, cosigners: "Iterable[SimulatedLog]", seconds: int = NOW // 1000) -> bytes:
        lines = [cosign(note, other.witness_name, other.witness_signer, seconds) for other in cosigners]
        return add_signatures(note, lines)

    # the eight kinds

    def publish(
        self, id_: str, version: int = 1, document: bytes = b"{}", type_: DocumentType = DocumentType.ACHIEVEMENT
    ) -> Entry:
        statement = Publish(
            **self.header(),  # type: ignore[arg-type]
            reference=describe_body("publish", [document]),
            name=DocumentName(id_, version),
            type=type_,
            media_type="application/json",
        )
        return self.append(statement, [self.role_signers[Role.DEFINE]], [document])

    def issue(
        self, commitments: Sequence[bytes] = (), key: SigningKey | None = None, restates: int | None = None
    ) -> Entry:
        size = self.state.batch.size
        items = [*commitments, *(seeded(self.seed, "decoy", self.counter, n) for n in range(size - len(commitments)))]
        statement = Issue(**self.header(), reference=describe_body("issue", items), restates=restates)  # type: ignore[arg-type]
        return self.append(statement, [key or self.role_signers[Role.OPERATE]], items)

    def status(self, page: bytes, statement_id: bytes | None = None, key: SigningKey | None = None) -> Entry:
        items = [page[start : start + 1024] for start in range(0, len(page), 1024)]
        lists = (StatusList(0, self.log_id, 0, len(page)),)
        header = self.header()
        if statement_id is not None:
            header["id"] = statement_id
        statement = StatusUpdate(**header, reference=describe_body("status", items), lists=lists)  # type: ignore[arg-type]
        return self.append(statement, [key or self.role_signers[Role.OPERATE]], items)

    def anchor(self, others: Iterable[bytes] = ()) -> Entry:
        assert self.note is not None
        items = [self.note, *others]
        statement = Anchor(**self.header(), reference=describe_body("anchor", items))  # type: ignore[arg-type]
        return self.append(statement, [self.log_signer], items)

    def add_key(self, signer: SigningKey, role: Role) -> Entry:
        after = self.state.after(encode_key(signer))
        statement = AddKey(**self.header(), after=after, until=self.size + 64, key=RoleKey(signer.public, role))  # type: ignore[arg-type]
        return self.append(statement, self.roots_needed)

    def retire(self, signer: SigningKey) -> Entry:
        after = self.state.after(encode_key(signer))
        statement = RetireKey(**self.header(), after=after, until=self.size + 64, key=signer.public.id)  # type: ignore[arg-type]
        return self.append(statement, self.roots_needed)

    def compromise(self, signer: SigningKey, since: int) -> Entry:
        after = self.state.after(encode_key(signer))
        statement = CompromiseKey(**self.header(), after=after, key=signer.public.id, since=since)  # type: ignore[arg-type]
        return self.append(statement, self.roots_needed)

    def signed_rotation(self, signer: SigningKey, keys: Sequence[SigningKey] | None = None) -> SignedRotation:
        """A rotation of the log key that stands on no log yet."""
        after = self.state.after("log")
        statement = RotateLogKey(**self.header(), after=after, log_key=signer.public)  # type: ignore[arg-type]
        data = statements.encode(statement)
        return SignedRotation(data, sign_statement(data, self.roots_needed if keys is None else keys))

    def rotate(self, signer: SigningKey, rotation: SignedRotation | None = None) -> Entry:
        """Let another key sign checkpoints from now on."""
        signed = rotation or self.signed_rotation(signer)
        raw = encode_entry(self.size, self.state.last_leaf, signed.statement_bytes, signed.signatures)
        self.log_signer = signer
        return self.append_raw(raw, None)

    def replace_roots(self, roots: Sequence[SigningKey], threshold: int) -> Entry:
        """Let other root keys decide; signed by as many of the old and of the new ones as must."""
        new = Roots(tuple(key.public for key in roots), threshold)
        statement = ReplaceRoots(**self.header(), after=self.state.after("roots"), roots=new)  # type: ignore[arg-type]
        entry = self.append(statement, [*self.roots_needed, *roots[:threshold]])
        self.root_signers = list(roots)
        return entry

    def boundary(self) -> Boundary:
        return Boundary(self.log_id, self.size, self.state.frontier.root())

    def standing(self, rights: Rights) -> Standing:
        charter = self.state.charter
        witness = witness_verifier_key(self.witness_name, self.witness_signer.public)
        return Standing(
            name=charter.name,
            origin=charter.origin,
            log_key=charter.log_key,
            rights=rights,
            witness=witness,
            grpc=charter.grpc,
            url=charter.url,
        )

    def member(
        self, other: "SimulatedLog", op: MemberOp = MemberOp.ADMIT, rights: Rights | None = None, **change: object
    ) -> Entry:
        """As a network: decide about another log."""
        needs = op in (MemberOp.ADMIT, MemberOp.AMEND, MemberOp.REINSTATE)
        values: dict[str, object] = {
            "after": self.state.after(encode_log_id(other.log_id)),
            "until": self.size + 64,
            "op": op,
            "member": other.log_id,
            "boundary": other.boundary(),
            "standing": other.standing(rights or Rights(achievements=("*",))) if needs else None,
            **change,
        }
        statement = MemberChange(**self.header(), **values)  # type: ignore[arg-type]
        return self.append(statement, self.roots_needed)

    def cut(self, commitments: Sequence[bytes] = (), page: bytes | None = None, others: Iterable[bytes] = ()) -> int:
        """Anchor, issue, status; gives the index of the issue entry."""
        self.anchor(others)
        index = self.issue(commitments).index
        self.status(bytes(SLOTS) if page is None else page)
        return index

    # LogView

    def entry(self, index: int) -> bytes:
        return self.entries[index]

    def body(self, index: int) -> bytes | None:
        return self.bodies[index]

    def evidence(self) -> Sequence[bytes]:
        return self.forks

    def read_hashes(self, addresses: Sequence[tuple[int, int]]) -> list[bytes]:
        return [self._node(level, index) for level, index in addresses]

    def _node(self, level: int, index: int) -> bytes:
        if level == 0:
            return parse_entry(self.entries[index]).leaf_hash
        return hash_node(self._node(level - 1, 2 * index), self._node(level - 1, 2 * index + 1))

    def root_at(self, size: int) -> RootHash:
        frontier = Frontier()
        for raw in self.entries[:size]:
            frontier.append(parse_entry(raw).leaf_hash)
        return frontier.root()

    def copy(self) -> Self:
        """Give a copy that can part from the original: a fork, if both go on."""
        copy = object.__new__(type(self))
        for name, value in vars(self).items():
            setattr(copy, name, value.copy() if isinstance(value, list | LogState) else value)
        return copy


class SimulatedLedger:
    """Some logs, held together."""

    def __init__(self, *logs: SimulatedLog) -> None:
        self.logs = {log.log_id: log for log in logs}

    def log_ids(self) -> Sequence[LogId]:
        return list(self.logs)

    def log(self, log_id: LogId) -> SimulatedLog | None:
        return self.logs.get(log_id)


def trust_of(network: SimulatedLog, quorum: QuorumRule = QuorumRule.MAJORITY, size: int | None = None) -> TrustRoot:
    """The trust root that pins a network at a size (default: all of it)."""
    at = network.size if size is None else size
    pinned = next(item for item in reversed(network.state.members.witness_sets) if item.since < at)
    return TrustRoot(
        network=network.log_id,
        name=network.state.name,
        origin=network.state.charter.origin,
        log_key=network.log_signer.public,
        head_size=at,
        head_root=network.root_at(at),
        witnesses=pinned.witnesses,
        quorum=quorum,
        max_age=2 * DAY_MS,
    )


def found_network(*names: str, grpc: str = "") -> tuple[SimulatedLog, list[SimulatedLog]]:
    """A network with the named members, all witnessing, the witness set in force, and one cut made and anchored by all.

    `grpc` is where all of them say they are reached; by default at names that nobody has.
    """
    network = SimulatedLog("confluence", Institution.NETWORK, governors=3, threshold=2, grpc=grpc)
    members = [SimulatedLog(name, grpc=grpc) for name in names]
    everybody = [network, *members]
    for log in everybody:
        network.member(log)
    for log in everybody:
        log.sign([other for other in everybody if other is not log])
    network.anchor([log.note for log in members if log.note])
    network.sign(members)
    return network, members


def encode_key(signer: SigningKey) -> str:
    """The subject of governance about a key."""
    return base64url.encode(signer.public.id)
