"""Merkle proofs of Blockcerts: `MerkleProof2017`, `MerkleProof2019` and `merkle-proof-2019`.

A proof says: the document's hash is `targetHash`, the path leads from it to `merkleRoot`, and that root stands in a
transaction of a chain. The first two are checked here. The third needs the chain, and only there is the issuer's
signature: without it a proof shows no more than that nothing was changed since somebody made it.

The 2019 form is CBOR in base58btc, pairs with numbers for names: 0 merkleRoot, 1 targetHash, 2 anchors, 3 path; a step
is [0 left or 1 right, hash]; hashes are texts encoded once more inside byte strings.
"""

import hashlib
import re
from dataclasses import dataclass

from ledger.credential.external.cbor import CBORValue, parse_cbor
from ledger.credential.strict_json import JSONObject, JSONValue, name_type
from ledger.errors import MalformedError, ProofError
from ledger.log.multibase import decode_base58btc

MAX_PATH = 64
MAX_ANCHORS = 16
MAX_VALUE_CHARS = 16_384
"""Base 58 takes quadratic time: 16,384 digits take some milliseconds."""

_ROOT, _TARGET, _ANCHORS, _PATH = range(4)
_CHAINS = {0: "bitcoin", 1: "ethereum", -1: "mocknet"}
_NETWORKS = {1: "mainnet", 3: "testnet", 4: "rinkeby", 5: "goerli", 11155111: "sepolia"}
_MOCK_NAMES = frozenset({"mocknet", "mockchain", "mock"})
_hash = re.compile(r"[0-9a-f]{64}").fullmatch


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a root stands: a chain in words, and a transaction."""

    chain: str
    transaction: str

    @property
    def is_mock(self) -> bool:
        """Whether the chain is made up, for tests."""
        return self.chain.lower() in _MOCK_NAMES

    def __str__(self) -> str:
        return f"transaction {self.transaction[:100]} of {self.chain}"


@dataclass(frozen=True, slots=True)
class MerkleProof:
    """A parsed proof: 32-byte hashes, the path from the leaf up as (is it on the left, hash)."""

    root: bytes
    target: bytes
    path: tuple[tuple[bool, bytes], ...]
    anchors: tuple[Anchor, ...]


def parse_proof_2019(value: JSONValue) -> MerkleProof:
    """The proof inside a `proofValue`.

    Raises:
        MalformedError: not of that form.
    """
    if type(value) is not str or len(value) > MAX_VALUE_CHARS:
        raise MalformedError(f"proofValue: expected at most {MAX_VALUE_CHARS} characters of base58btc")
    members = _pairs(parse_cbor(decode_base58btc(value, where="proofValue")), "proof")
    steps, anchors = members.get(_PATH, []), members.get(_ANCHORS, [])
    if not isinstance(steps, list) or not isinstance(anchors, list):
        raise MalformedError("proofValue: expected arrays as path and anchors")
    path = [_step_2019(step) for step in steps]
    return _make(
        _decode_hash(_text(members.get(_ROOT)), "merkleRoot"),
        _decode_hash(_text(members.get(_TARGET)), "targetHash"),
        path,
        [_anchor_2019(anchor) for anchor in anchors[: MAX_ANCHORS + 1]],
    )


def parse_proof_2017(signature: JSONObject) -> MerkleProof:
    """The proof under `signature` of a Blockcerts v2 assertion.

    Raises:
        MalformedError: not of that form.
    """
    steps, anchors = signature.get("proof", []), signature.get("anchors", [])
    if type(steps) is not list or type(anchors) is not list:
        raise MalformedError("signature: expected arrays as 'proof' and 'anchors'")
    path = []
    for step in steps:
        sides = [side for side in ("left", "right") if type(step) is dict and side in step]
        if type(step) is not dict or len(sides) != 1:
            raise MalformedError("signature: expected one of 'left' and 'right' in every step of 'proof'")
        path.append((sides[0] == "left", _decode_hash(step[sides[0]], sides[0])))
    found = []
    for anchor in anchors[: MAX_ANCHORS + 1]:
        if type(anchor) is not dict:
            raise MalformedError(f"signature: expected objects as anchors, found {name_type(anchor)}")
        chain = anchor.get("chain", anchor.get("type", ""))
        found.append(Anchor(str(chain)[:60], str(anchor.get("sourceId", ""))[:200]))
    root = _decode_hash(signature.get("merkleRoot"), "merkleRoot")
    return _make(root, _decode_hash(signature.get("targetHash"), "targetHash"), path, found)


def verify_merkle_proof(canonical: str, proof: MerkleProof) -> None:
    """Check that a document in canonical N-Quads is what the proof's root stands for.

    1. its SHA-256 is the target; 2. the path leads from the target to the root.

    Raises:
        ProofError: a step fails; both values are named.
    """
    digest = hashlib.sha256(canonical.encode()).digest()
    if digest != proof.target:  # 1
        raise ProofError(
            f"proof: the document's hash is {digest.hex()}, the proof is for {proof.target.hex()}",
            hint="it was changed after it was issued; ask for the file as it was",
        )
    node = digest
    for is_left, sibling in proof.path:  # 2
        node = hashlib.sha256(sibling + node if is_left else node + sibling).digest()
    if node != proof.root:
        raise ProofError(f"proof: its path leads to {node.hex()}, its root is {proof.root.hex()}")


def _make(root: bytes, target: bytes, path: list[tuple[bool, bytes]], anchors: list[Anchor]) -> MerkleProof:
    if len(path) > MAX_PATH or len(anchors) > MAX_ANCHORS:
        raise MalformedError(f"proof: a path of {len(path)} steps, or more than {MAX_ANCHORS} anchors")
    return MerkleProof(root, target, tuple(path), tuple(anchors))


def _pairs(value: CBORValue, where: str) -> dict[int, CBORValue]:
    """An array of pairs as a mapping; in some encoders it is a map."""
    if isinstance(value, dict):
        value = [[name, member] for name, member in value.items()]
    members: dict[int, CBORValue] = {}
    for pair in value if isinstance(value, list) else ():
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], int) or pair[0] in members:
            raise MalformedError(f"proofValue: expected pairs with a number each in {where}")
        members[pair[0]] = pair[1]
    if not members:
        raise MalformedError(f"proofValue: expected pairs in {where}, found none")
    return members


def _step_2019(value: CBORValue) -> tuple[bool, bytes]:
    if not isinstance(value, list) or len(value) != 2 or value[0] not in (0, 1):
        raise MalformedError("proofValue: expected [0 or 1, hash] as a step of the path")
    return value[0] == 0, _decode_hash(_text(value[1]), "path")


def _anchor_2019(value: CBORValue) -> Anchor:
    members = _pairs(value, "an anchor")
    chain = members.get(0)
    name = _CHAINS.get(chain, f"chain {chain}") if isinstance(chain, int) else "an unknown chain"
    network = members.get(1)
    if isinstance(network, int):
        name += f" {_NETWORKS.get(network, f'network {network}')}"
    transaction = members.get(2, network)
    return Anchor(name, _text(transaction)[:200] if isinstance(transaction, bytes | str) else "")


def _text(value: "CBORValue | None") -> str:
    """A text, or one encoded once more inside a byte string."""
    inner = parse_cbor(value) if isinstance(value, bytes) else value
    if not isinstance(inner, str):
        raise MalformedError("proofValue: expected a text inside a byte string")
    return inner


def _decode_hash(value: JSONValue, name: str) -> bytes:
    if type(value) is not str or not _hash(value):
        raise MalformedError(f"{name}: expected SHA-256 in 64 lower-case hexadecimal digits, found {str(value)[:80]!r}")
    return bytes.fromhex(value)
