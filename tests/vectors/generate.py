"""Golden bytes of every format, made from names: `python -m tests.vectors.generate` writes them beside this file.

It also fills the worked example of `ledger/FORMAT.md`, which says what the bytes mean. Text of the formats stands as text,
everything else as base64url without padding. `tests/test_vectors.py` makes all of it again and compares: a difference is a
new version of the format or a mistake, never a reason to run this file.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from ledger import base64url, canonical
from ledger.credential.commitment import commit
from ledger.credential.evaluation import SALT_BYTES, EvaluationRecord, encode_claim, encode_columns
from ledger.credential.presentation import encode_presentation, envelope_hash, hash_claim
from ledger.credential.sdjwt import parse_sd_jwt
from ledger.credential.status import list_key, slot_key
from ledger.log.attestation import Attestation, AttestationKind, AttestedHead, attested_trust, sign_attestation
from ledger.log.didkey import encode_did_key
from ledger.log.entry import encode_entry, parse_entry, sign_statement
from ledger.log.forkfile import encode_fork_file, make_fork_file
from ledger.log.identity import encode_log_id, short_log_id
from ledger.log.keys import Algorithm, PublicKey, SigningKey
from ledger.log.members import WitnessSet
from ledger.log.merkle import EMPTY_ROOT, LeafHash, hash_leaf, prove_consistency, prove_inclusion, root_of_hashes
from ledger.log.policy import QuorumRule, TrustRoot, encode_trust_root, parse_trust_root
from ledger.log.receipt import encode_receipt
from ledger.log.state import LogState, found_state
from ledger.log.tiles import TILE_WIDTH, TileReader, encode_bundle, entries_path, full_tiles, partial_width, tile_path
from ledger.log.voucher import TransportKey, sign_voucher
from ledger.mastery.digest import Named, Transcript, fingerprint_transcript
from node.proposal import Proposal, encode_proposal, sign_proposal
from node.request import make_request
from tests.vectors import enclosed
from tests.vectors.document import fill_blocks
from tests.vectors.scribe import AT, LABEL, SLOTS, Scribe
from tests.vectors.story import SLOT, STATUSES, Story, tell

FOLDER = Path(__file__).resolve().parent
FORMAT = FOLDER.parents[1] / "ledger" / "FORMAT.md"
PIN_SIZE = 7
"""Entries of the network's log that the trust root pins: the founding and the first cut."""
TREE_SIZE = 600
_text = base64url.encode


def build() -> dict[str, object]:
    """All vectors, by file name."""
    story = tell()
    return {
        "keys.json": keys(story),
        "tree.json": tree(),
        "network-log.json": {**log(story.network), **membership(story.network.state)},
        "school-log.json": log(story.school),
        "academy-log.json": log(story.academy),
        "refused.json": refused(story.school, story.academy),
        "status.json": status(story.school),
        "credential.json": credential(story),
        "presentation.json": presentation(story),
        "enclosed.json": enclosed.build(story, parse_trust_root(trust_root(story.network))),
        "evaluation.json": evaluation(),
        "evidence.json": {"equal_sizes": story.evidence[0].decode(), "split": story.evidence[1].decode()},
        "fork-file.json": {"file": encode_fork_file(make_fork_file(story.academy, story.evidence)).decode()},
        "trust-root.json": {"file": trust_root(story.network).decode()},
        "request.json": {"file": request(story).decode()},
        "voucher.json": voucher(story),
        "attestation.json": attestation(story),
        "proposal.json": {"file": proposal(story.network).decode()},
    }


def encode(value: object) -> str:
    """The text of one file."""
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def keys(story: Story) -> dict[str, object]:
    institutions = {log.name: log.signers for log in (story.network, story.school, story.academy)}
    named: Mapping[str, Mapping[str, SigningKey]] = {**institutions, "learner": {"holder": story.holder}}
    # The generator point of P-256, which everybody knows.
    p256 = bytes.fromhex("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296")
    return {
        "seed_label": LABEL,
        "ed25519": {
            who: {what: {**describe_key(key.public), "seed": _text(key.seed)} for what, key in by_name.items()}
            for who, by_name in named.items()
        },
        "p256": describe_key(PublicKey(Algorithm.P256, p256)),
    }


def describe_key(key: PublicKey) -> dict[str, object]:
    return {"did": encode_did_key(key), "id": _text(key.id), "public": key.to_json()}


def tree() -> dict[str, object]:
    """A tree of 600 leaves, leaf n holding n in 4 bytes: roots, proofs, tiles."""
    leaves = [hash_leaf(n.to_bytes(4)) for n in range(TREE_SIZE)]
    firsts = [root_of_hashes(leaves[start : start + TILE_WIDTH]) for start in range(0, 512, TILE_WIDTH)]
    tiles: dict[tuple[int, int], bytes] = {(1, 0): b"".join(firsts)}
    for index in range(full_tiles(0, TREE_SIZE) + 1):
        tiles[0, index] = b"".join(leaves[index * TILE_WIDTH : (index + 1) * TILE_WIDTH])
    read = TileReader(lambda level, index: tiles[level, index])
    sizes = (1, 2, 3, 4, 5, 6, 7, 8, 255, 256, 257, TREE_SIZE)
    return {
        "empty_root": _text(EMPTY_ROOT),
        "roots": {str(size): _text(root_of_hashes(leaves[:size])) for size in sizes},
        "inclusion": [
            {"index": index, "size": size, "proof": [_text(h) for h in prove_inclusion(index, size, read)]}
            for index, size in ((0, 1), (2, 3), (6, 7), (100, 257), (256, 257), (599, 600))
        ],
        "consistency": [
            {"old": old, "new": new, "proof": [_text(h) for h in prove_consistency(old, new, read)]}
            for old, new in ((1, 2), (3, 7), (4, 7), (6, 8), (256, 600), (257, 600), (7, 8))
        ],
        "tiles": {
            tile_path(level, index, len(data) // 32): digest(data) for (level, index), data in sorted(tiles.items())
        },
        "paths": {
            "tile 1234067": tile_path(0, 1234067),
            "7 of bundle 5": entries_path(5, partial_width(0, 5 * 256 + 7)),
        },
    }


def digest(data: bytes) -> dict[str, object]:
    return {"bytes": len(data), "sha256": _text(hashlib.sha256(data).digest())}


def log(scribe: Scribe) -> dict[str, object]:
    state = scribe.state
    parsed = [parse_entry(raw) for raw in scribe.entries]
    return {
        "name": scribe.name,
        "log_id": encode_log_id(scribe.log_id),
        "short_log_id": short_log_id(scribe.log_id),
        "entries": [raw.decode() for raw in scribe.entries],
        "bodies": [None if body is None else _text(body) for body in scribe.bodies],
        "leaf_hashes": [_text(leaf) for leaf in scribe.leaf_hashes()],
        "void_by_itself": sorted(state.void),
        "void_by_compromise": sorted(e.index for e in parsed if e.index not in state.void and state.void_reason(e)),
        "restated": {str(index): [item.index for item in items] for index, items in sorted(state.restated.items())},
        "first_unknown": state.unknown,
        "log_vkeys": {str(size): scribe.log_vkey(size) for size in scribe.notes},
        "witness_vkey": scribe.witness.encode(),
        "notes": {str(size): note.decode() for size, note in scribe.notes.items()},
        "tile": _text(b"".join(scribe.leaf_hashes())),
        "bundle": digest(encode_bundle(scribe.entries)),
    }


def membership(state: LogState) -> dict[str, object]:
    """What follows from the network's log about others."""

    def describe(item: WitnessSet) -> dict[str, object]:
        return {"since": item.since, "witnesses": [[encode_log_id(w.log), w.key.encode()] for w in item.witnesses]}

    anchored = [
        {"index": head.index, "log": encode_log_id(log_id), "size": head.size, "seconds": head.seconds}
        for log_id, heads in sorted(state.members.anchored.items())
        for head in heads
    ]
    return {"witness_sets": [describe(item) for item in state.members.witness_sets], "anchored": anchored}


def refused(school: Scribe, academy: Scribe) -> list[dict[str, object]]:
    """Second entries that the school's log must refuse, each for one reason: the rule, and our name for the error."""
    state = found_state(parse_entry(school.entries[0]))
    good = parse_entry(school.entries[1])
    statement, body = good.statement_bytes, school.bodies[1] or b""
    define, operate, stranger = school.key("define"), school.key("operate"), academy.key("define")

    def signed(text: bytes, *signers: SigningKey, index: int = 1, previous: LeafHash = state.last_leaf) -> bytes:
        return encode_entry(index, previous, text, sign_statement(text, signers))

    raw = good.raw
    both = signed(statement, define, operate)
    pair = both.partition(b'"signatures":[')[2].partition(b'],"statement"')[0]
    first, second = pair[: len(pair) // 2], pair[len(pair) // 2 + 1 :]
    ids = [encode_log_id(scribe.log_id).encode() for scribe in (school, academy)]
    wrong: list[tuple[str, str, str, bytes, bytes | None]] = [
        ("another index", "G1", "RuleError", signed(statement, define, index=2), body),
        ("another previous hash", "G1", "RuleError", signed(statement, define, previous=LeafHash(bytes(32))), body),
        ("a statement of another log", "G2", "RuleError", signed(statement.replace(*ids), define), body),
        ("a key this log never named", "G3", "SignatureError", signed(statement, stranger), body),
        ("a signature of other bytes", "G3", "SignatureError", raw.replace(b'"version":1', b'"version":2'), body),
        ("a body of another size", "G4", "ProofError", raw, body + b" "),
        ("a body with another root", "G4", "ProofError", raw, body[:-1] + b" "),
        ("no body", "G4", "MalformedError", raw, None),
        ("white space", "form", "MalformedError", raw.replace(b",", b", ", 1), body),
        ("another version", "form", "MalformedError", raw.replace(b'"v":1}', b'"v":2}'), body),
        ("an unknown member", "form", "MalformedError", raw.replace(b'"v":1}', b'"v":1,"w":1}'), body),
        ("a null", "form", "MalformedError", raw.replace(b'"index":1', b'"index":null'), body),
        ("a fraction", "form", "MalformedError", raw.replace(b'"index":1', b'"index":1.0'), body),
        ("no signature", "form", "MalformedError", signed(statement), body),
        ("signatures that descend", "form", "MalformedError", both.replace(pair, second + b"," + first), body),
        ("a key twice", "form", "MalformedError", both.replace(pair, first + b"," + first), body),
    ]
    return [
        {
            "why": why,
            "rule": rule,
            "error": error,
            "entry": entry.decode(),
            "body": None if data is None else _text(data),
        }
        for why, rule, error, entry, data in wrong
    ]


def status(school: Scribe) -> dict[str, object]:
    """The school's first page, and how its slots are read."""
    record = school.state.statuses[0]
    key = list_key(school.list_root, 0)
    return {
        "list_root": _text(school.list_root),
        "list_number": 0,
        "list_key": _text(key),
        "slots": SLOTS,
        "entry": record.index,
        "statement_id": _text(record.statement_id),
        "page": _text(school.bodies[record.index] or b""),
        "statuses": {str(slot): value for slot, value in STATUSES.items()},
        "slot_keys": {str(slot): _text(slot_key(key, slot)) for slot in STATUSES},
    }


def credential(story: Story) -> dict[str, object]:
    """Both copies of one award, whole; the payload of the first is there to be looked at."""
    copies = {
        name: {"sd_jwt": copy, "commitment": _text(commit(copy.partition("~")[0])), "slot": slot}
        for name, copy, slot in zip(("holder", "registrar"), story.copies, (SLOT, SLOT + 1), strict=True)
    }
    return {**copies, "payload": json.loads(parse_sd_jwt(story.copies[0]).jws.payload)}


def evaluation() -> dict[str, object]:
    """What a copy says of how it was decided, from a transcript with one row of each kind."""
    row = ("L01", "diploma", "reading", "all", "AWARDED", "", "", "AWARDED", "Awarded: 1 met, 0 waived.")
    transcript = Transcript(
        as_of="2026-06-01",
        definitions=tuple(
            Named(kind, name, hashlib.sha256(name.encode()).hexdigest())
            for kind, name in (("requirement_set", "reading 1"), ("framework", "urn:books"), ("rule", "RD-10 1"))
        ),
        inputs=(Named("evidence", "EV-1", hashlib.sha256(b"EV-1").hexdigest()),),
        results=(row,),
    )
    fingerprint, salt = fingerprint_transcript(transcript), hashlib.sha256(b"evaluation/salt").digest()[:SALT_BYTES]
    record = EvaluationRecord(
        fingerprint=fingerprint, requirement_set="reading/1", rules=("RD-10/1",), judges=("human",)
    )
    return {
        "transcript": canonical.encode(transcript.to_json()).decode(),
        "fingerprint": _text(fingerprint),
        "columns": encode_columns(record),
        "claim": encode_claim(record, salt),
    }


def presentation(story: Story) -> dict[str, object]:
    shown = story.presentation
    file = encode_presentation(shown)
    envelope = json.loads(file)
    for row, item in zip(envelope["credentials"], shown.credentials, strict=True):
        row["sd_jwt"] = item.unbound_text
    return {
        "file": file.decode(),
        "envelope": canonical.encode(envelope).decode(),
        "envelope_hash": _text(envelope_hash(shown)),
        "hash_claim": hash_claim(shown),
        "commitment": _text(commit(shown.credentials[0].sd_jwt.partition("~")[0])),
        "receipt": canonical.encode(encode_receipt(story.receipt)).decode(),
    }


def trust_root(network: Scribe) -> bytes:
    """Pins the network's first head with a quorum of its witnesses."""
    state = network.state
    pinned = next(item for item in reversed(state.members.witness_sets) if item.since < PIN_SIZE)
    trust = TrustRoot(
        network=network.log_id,
        name=state.name,
        origin=state.charter.origin,
        log_key=state.log_key,
        head_size=PIN_SIZE,
        head_root=network.root_at(PIN_SIZE),
        witnesses=pinned.witnesses,
        quorum=QuorumRule.MAJORITY,
        max_age=2 * 86_400_000,
        http=(state.url,),
        grpc=(state.grpc,),
    )
    return encode_trust_root(trust)


def request(story: Story) -> bytes:
    """How the school might ask for membership; without the newline that ends the file."""
    school = story.school
    data = make_request(
        school.state,
        entry=school.entries[0],
        note=school.note,
        network=story.network.log_id,
        witness=school.witness,
        key=school.log_signer,
        at=AT,
    )
    return data.removesuffix(b"\n")


def voucher(story: Story) -> dict[str, object]:
    """What the school's node might put into its TLS certificate; the public key is the generator point of P-256."""
    point = (
        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
    )
    public_key = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200" + point)
    key = TransportKey(story.school.log_id, public_key, AT // 1000, AT // 1000 + 30 * 86_400)
    data = sign_voucher(key, [story.school.log_signer, story.school.key("witness")])
    return {
        "file": data.decode(),
        "not_after": key.not_after,
        "not_before": key.not_before,
        "public_key": public_key.hex(),
        "signed": key.signed_bytes().decode(),
    }


def attestation(story: Story) -> dict[str, object]:
    """What an auditor says who has replayed the school's log and found one void entry."""
    school = story.school.state
    finding = {"evidence": "", "index": 2, "log": encode_log_id(school.log_id), "rule": "effect"}
    record = Attestation(
        at=AT,
        by="Audit Office",
        kind=AttestationKind.AUDIT,
        trust=attested_trust(parse_trust_root(trust_root(story.network))),
        heads=(AttestedHead(school.log_id, school.size, school.frontier.root()),),
        result={"clean": False, "findings": [{**finding, "severity": "void", "text": "issue entry is void: …"}]},
    )
    return {"file": sign_attestation(record, story.school.key("auditor")).decode()}


def proposal(network: Scribe) -> bytes:
    """The school's admission after the first of two signatures; without the newline that ends the file."""
    start = Proposal(parse_entry(network.entries[2]).statement_bytes, network.state.roots)
    return encode_proposal(sign_proposal(start, network.root_signers[0])).removesuffix(b"\n")


def main() -> None:
    """Write every file anew, and the blocks of the worked example."""
    vectors = build()
    for name, value in vectors.items():
        (FOLDER / name).write_text(encode(value), encoding="utf-8")
    FORMAT.write_text(fill_blocks(FORMAT.read_text(encoding="utf-8"), vectors), encoding="utf-8")


if __name__ == "__main__":
    main()
