"""A log written with fixed keys, for vectors: everything in it follows from names, and no byte from chance.

A `Scribe` keeps one institution's keys and log and satisfies `LogView`. What it writes goes through the real rules, which say
what became of each entry; nothing is asked beforehand, so void entries can be written too.
"""

import hashlib
from collections.abc import Iterable, Sequence

from ledger.log import statements
from ledger.log.body import describe_body, encode_body
from ledger.log.charter import BatchPolicy, Charter, Institution, ListPolicy, Role, RoleKey, Roots
from ledger.log.checkpoint import (
    Checkpoint,
    add_signatures,
    cosign,
    log_verifier_key,
    sign_checkpoint,
    witness_verifier_key,
)
from ledger.log.entry import NO_PREVIOUS, encode_entry, parse_entry, sign_statement
from ledger.log.governance import Boundary, Rights, Standing
from ledger.log.identity import LogId
from ledger.log.keys import SigningKey
from ledger.log.merkle import HashReader, RootHash, root_of_hashes
from ledger.log.note import VerifierKey
from ledger.log.records import Anchor, Issue, StatusList, StatusUpdate
from ledger.log.state import LogState, found_state
from ledger.log.statement import Statement
from ledger.log.tiles import TileReader

AT = 1_781_000_000_000
"""Unix milliseconds of everything said here: 2026-06-09."""
SECONDS = AT // 1000
BATCH = 4
SLOTS = 1024
LABEL = "cairn/vectors/v1\n"
"""Stands before every name that a seed, an id or a decoy is made from."""


def fixed(name: str) -> bytes:
    """32 bytes that follow from a name: SHA-256 of the label and the name."""
    return hashlib.sha256(f"{LABEL}{name}".encode()).digest()


class FixedDraw:
    """A draw whose bytes follow from a name: block n is `fixed("<name>/<n>")`, and every call starts a new block."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.blocks = 0

    def __call__(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += fixed(f"{self.name}/{self.blocks}")
            self.blocks += 1
        return data[:count]


class Scribe:
    """One institution: its keys by name, and its log."""

    def __init__(self, name: str, institution: Institution, *, governors: int = 1, threshold: int = 1) -> None:
        self.name = name
        self.signers: dict[str, SigningKey] = {}
        self.log_signer = self.key("log")
        self.root_signers = [self.key(f"root-{n}") for n in range(governors)]
        self.list_root = fixed(f"{name}/list-root")
        self.entries: list[bytes] = []
        self.bodies: list[bytes | None] = []
        self.forks: list[bytes] = []
        self.notes: dict[int, bytes] = {}
        self.statement_ids = 0
        charter = Charter(
            at=AT,
            id=self.new_id(),
            log=None,
            origin=f"{name}.example/log",
            name=name.replace("-", " ").title(),
            institution=institution,
            url=f"https://{name}.example",
            grpc=f"{name}.example:8471",
            roots=Roots(tuple(key.public for key in self.root_signers), threshold),
            log_key=self.log_signer.public,
            keys=tuple(RoleKey(self.key(role.value).public, role) for role in Role),
            batch=BatchPolicy(interval=86_400_000, minute=120, size=BATCH),
            lists=ListPolicy(opens="08-01", slots=SLOTS),
        )
        data = statements.encode(charter)
        raw = encode_entry(0, NO_PREVIOUS, data, sign_statement(data, [self.log_signer]))
        self.state: LogState = found_state(parse_entry(raw))
        self.entries.append(raw)
        self.bodies.append(None)

    def key(self, what: str) -> SigningKey:
        """A key of this institution, made from the seed `fixed("<institution>/<what>")`."""
        return self.signers.setdefault(what, SigningKey(fixed(f"{self.name}/{what}")))

    def new_id(self) -> bytes:
        """The next statement id."""
        self.statement_ids += 1
        return fixed(f"{self.name}/statement-{self.statement_ids}")[:16]

    @property
    def log_id(self) -> LogId:
        return self.state.log_id

    @property
    def size(self) -> int:
        return len(self.entries)

    @property
    def roots(self) -> list[SigningKey]:
        """Just as many root keys as have to sign."""
        return self.root_signers[: self.state.roots.threshold]

    @property
    def header(self) -> dict[str, object]:
        """The members that every statement has."""
        return {"at": AT + self.size, "id": self.new_id(), "log": self.log_id}

    @property
    def witness(self) -> VerifierKey:
        return witness_verifier_key(f"{self.name}.example/witness", self.key("witness").public)

    def append(self, statement: Statement, signers: Iterable[SigningKey], items: Sequence[bytes] | None = None) -> int:
        """Put a signed statement on the log; gives its index."""
        return self.append_bytes(
            statements.encode(statement), signers, None if items is None else encode_body(statement.kind, items)
        )

    def append_bytes(self, statement: bytes, signers: Iterable[SigningKey], body: bytes | None = None) -> int:
        raw = encode_entry(self.size, self.state.last_leaf, statement, sign_statement(statement, signers))
        self.state.apply(parse_entry(raw), body)
        self.entries.append(raw)
        self.bodies.append(body)
        return self.size - 1

    def sign(self, *witnesses: "Scribe") -> bytes:
        """Sign the checkpoint over everything; the n-th witness cosigns n + 1 seconds after `AT`."""
        checkpoint = Checkpoint(self.state.charter.origin, self.size, self.state.frontier.root())
        note = sign_checkpoint(checkpoint, self.log_signer)
        lines = [cosign(note, w.witness.name, w.key("witness"), SECONDS + n) for n, w in enumerate(witnesses, 1)]
        self.notes[self.size] = add_signatures(note, lines)
        return self.notes[self.size]

    def anchor(self, heads: Iterable[bytes] = ()) -> int:
        items = [self.notes[max(self.notes)], *heads]
        statement = Anchor(**self.header, reference=describe_body("anchor", items))
        return self.append(statement, [self.log_signer], items)

    def issue(
        self,
        commitments: Sequence[bytes] = (),
        *,
        items: int = BATCH,
        signer: str = "operate",
        statement_id: bytes | None = None,
    ) -> int:
        decoys = (fixed(f"{self.name}/decoy-{self.size}-{n}") for n in range(items - len(commitments)))
        parts = [*commitments, *decoys]
        header = self.header if statement_id is None else {**self.header, "id": statement_id}
        return self.append(Issue(**header, reference=describe_body("issue", parts)), [self.key(signer)], parts)

    def status(self, items: Sequence[bytes], statement_id: bytes, signer: str = "operate") -> int:
        lists = (StatusList(first=0, log=self.log_id, number=0, slots=SLOTS),)
        header = {"at": AT + self.size, "id": statement_id, "log": self.log_id}
        statement = StatusUpdate(**header, reference=describe_body("status", items), lists=lists)
        return self.append(statement, [self.key(signer)], items)

    def boundary(self, size: int = 1) -> Boundary:
        return Boundary(self.log_id, size, self.root_at(size))

    def standing(self, rights: Rights) -> Standing:
        charter = self.state.charter
        return Standing(
            name=charter.name,
            origin=charter.origin,
            log_key=charter.log_key,
            rights=rights,
            witness=self.witness,
            grpc=charter.grpc,
            url=charter.url,
        )

    # what `LogView` asks beside `state`

    @property
    def note(self) -> bytes:
        return self.notes[self.size]

    def entry(self, index: int) -> bytes:
        return self.entries[index]

    def body(self, index: int) -> bytes | None:
        return self.bodies[index]

    def evidence(self) -> Sequence[bytes]:
        return self.forks

    @property
    def read_hashes(self) -> HashReader:
        return TileReader(lambda level, index: b"".join(self.leaf_hashes()))  # no log here fills its first tile

    def leaf_hashes(self, size: int | None = None) -> list[bytes]:
        return [parse_entry(raw).leaf_hash for raw in self.entries[:size]]

    def root_at(self, size: int) -> RootHash:
        return root_of_hashes(self.leaf_hashes(size))

    def log_vkey(self, size: int) -> str:
        """The vkey that signs the checkpoint of this size."""
        return log_verifier_key(self.state.charter.origin, self.state.log_key_at(size)).encode()
