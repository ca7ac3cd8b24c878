"""The golden bytes: rebuilt from fixed seeds, compared byte for byte, and read by a second reader.

That reader (`tests/vectors/independent.py`) was written from `ledger/FORMAT.md` alone: what it can check, the document says.
"""

import ast
import copy
import json
from pathlib import Path
from typing import Any

import pytest

from ledger import base64url, errors
from ledger.credential.presentation import encode_presentation, parse_presentation
from ledger.credential.report import Answer, Code
from ledger.credential.verify import Question, verify_file
from ledger.credential.verify_standalone import verify_file_alone
from ledger.log.attestation import parse_attestation, sign_attestation
from ledger.log.entry import parse_entry
from ledger.log.evidence import encode_fork, parse_fork, verify_fork
from ledger.log.follow import judge_growth
from ledger.log.forkfile import encode_fork_file, parse_fork_file, verify_fork_file
from ledger.log.identity import LogId, encode_log_id
from ledger.log.merkle import hash_leaf, root_of_hashes
from ledger.log.network import Network
from ledger.log.note import parse_verifier_key
from ledger.log.policy import encode_trust_root, parse_trust_root
from ledger.log.proof import encode_proof, parse_proof, verify_proof
from ledger.log.snapshot import encode_state
from ledger.log.state import found_state
from ledger.log.tiles import encode_bundle, parse_bundle
from ledger.log.voucher import TransportKey, parse_voucher
from ledger.log.witness_policy import encode_witness_policy, parse_witness_policy
from node.client.cosigntext import encode_cosign_request, encode_size, parse_cosign_request, parse_size
from node.proposal import parse_proposal
from node.request import parse_request
from node.store.tilerows import TileEdge
from tests.vectors import generate, independent, independent_enclosed, independent_fork
from tests.vectors.document import fill_blocks, find, read_blocks
from tests.vectors.scribe import AT, Scribe
from tests.vectors.story import Story, tell

VECTORS: dict[str, Any] = {
    path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(generate.FOLDER.glob("*.json"))
}
DOCUMENT = generate.FORMAT.read_text(encoding="utf-8")
EXAMPLE = read_blocks(DOCUMENT)
LOGS = ("network-log.json", "school-log.json", "academy-log.json")


@pytest.fixture(scope="module")
def story() -> Story:
    return tell()


def test_the_files_are_what_the_generator_makes() -> None:
    """Byte for byte, and no file more or less."""
    made = {name: generate.encode(value) for name, value in generate.build().items()}
    held = {path.name: path.read_text(encoding="utf-8") for path in generate.FOLDER.glob("*.json")}
    assert held == made


def test_the_worked_example_is_a_vector() -> None:
    """Every block of `FORMAT.md` equals the value that its comment names."""
    assert DOCUMENT.count("<!-- vector:") == len(EXAMPLE) > 15
    assert {pointer: find(VECTORS, pointer) for pointer in EXAMPLE} == EXAMPLE
    assert fill_blocks(DOCUMENT, VECTORS) == DOCUMENT


def test_the_document_suffices_for_its_example() -> None:
    """The second reader checks the example from the blocks alone, and leaves none unused."""
    used = set()

    def example(pointer: str) -> Any:
        used.add(pointer)
        return EXAMPLE[pointer]

    independent.check_example(example)
    assert EXAMPLE.keys() - used == {"presentation.json#/envelope_hash"}
    shown = VECTORS["presentation.json"]
    hashed = independent.sha256(b"cairn/presentation/v1\n", shown["envelope"].encode())
    assert EXAMPLE["presentation.json#/envelope_hash"] == independent.b64(hashed) == shown["hash_claim"]


def damage(value: Any) -> Any:
    """The same with one character in the middle, or its first number, changed."""
    if isinstance(value, str):
        middle = len(value) // 2
        while not value[middle].isalnum():
            middle += 1
        return value[:middle] + ("A" if value[middle] != "A" else "B") + value[middle + 1 :]
    changed = copy.deepcopy(value)
    name = min(changed)
    changed[name] = changed[name] + 1 if isinstance(changed[name], int) else damage(str(changed[name]))
    return changed


@pytest.mark.parametrize("pointer", [p for p in EXAMPLE if p != "presentation.json#/envelope_hash"])
def test_the_second_reader_notices_a_changed_block(pointer: str) -> None:
    """So that it cannot pass by looking away."""
    if pointer == "keys.json#/ed25519/school/log":
        changed = {**EXAMPLE, pointer: {**EXAMPLE[pointer], "id": damage(EXAMPLE[pointer]["id"])}}
    else:
        changed = {**EXAMPLE, pointer: damage(EXAMPLE[pointer])}
    with pytest.raises(Exception):  # noqa: B017  # whatever breaks first: a check, base64, JSON, libsodium
        independent.check_example(changed.__getitem__)


def test_the_second_reader_is_independent() -> None:
    """It imports nothing of ours."""
    tree = ast.parse(Path(independent.__file__).read_text(encoding="utf-8"))
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert modules == {"base64", "hashlib", "json", "collections.abc", "typing", "nacl.bindings"}
    other = Path(independent_enclosed.__file__).read_text(encoding="utf-8")
    ours = {str(node.module) for node in ast.walk(ast.parse(other)) if isinstance(node, ast.ImportFrom)}
    assert ours <= {*modules, "tests.vectors.independent"}


@pytest.mark.parametrize("name", LOGS)
def test_the_second_reader_walks_every_log(name: str) -> None:
    """Entries, signatures, bodies, trees, checkpoints and cosignatures of all three logs."""
    independent.check_log(VECTORS[name], [VECTORS[log]["witness_vkey"] for log in LOGS])


def test_the_second_reader_agrees_on_trees() -> None:
    """Roots and proofs of a tree of 600 leaves."""
    tree = VECTORS["tree.json"]
    leaves = [independent.leaf(n.to_bytes(4, "big")) for n in range(600)]
    roots = {size: independent.root(leaves[:size]) for size in range(1, 601) if size < 9 or size > 254}
    assert {size: independent.b64(roots[int(size)]) for size in tree["roots"]} == tree["roots"]
    for row in tree["inclusion"]:
        proof = [independent.unb64(item) for item in row["proof"]]
        found = independent.root_by_inclusion(leaves[row["index"]], row["index"], row["size"], proof)
        assert found == roots[row["size"]]
    for row in tree["consistency"]:
        proof = [independent.unb64(item) for item in row["proof"]]
        found = independent.roots_by_consistency(row["old"], row["new"], roots[row["old"]], proof)
        assert found == (roots[row["old"]], roots[row["new"]])


def test_the_second_reader_agrees_on_keys_and_forks() -> None:
    """Key ids of both algorithms, and evidence of both shapes."""
    keys = VECTORS["keys.json"]
    rows = [keys["p256"], *(row for named in keys["ed25519"].values() for row in named.values())]
    assert all(independent.b64(independent.key_id(row["public"])) == row["id"] for row in rows)
    for evidence in VECTORS["evidence.json"].values():
        independent.check_fork(evidence, VECTORS["academy-log.json"]["log_vkeys"]["2"])
    log, vkeys = independent_fork.check_fork_file(VECTORS["fork-file.json"]["file"])
    assert log == VECTORS["academy-log.json"]["log_id"]
    assert set(VECTORS["academy-log.json"]["log_vkeys"].values()) == set(vkeys)


def test_the_second_reader_agrees_on_the_attestation(story: Story) -> None:
    """The auditor's signature, the trust root it started from, and the head it is about."""
    file = VECTORS["attestation.json"]["file"]
    said = independent.check_attestation(file, VECTORS["trust-root.json"]["file"])
    assert [head["log"] for head in said["heads"]] == [VECTORS["school-log.json"]["log_id"]]
    signed = parse_attestation(file.encode())
    signed.verify()
    assert sign_attestation(signed.attestation, story.school.key("auditor")).decode() == file


def test_the_document_suffices_for_an_evaluation() -> None:
    """Fingerprint and digest follow from the transcript and the salt."""
    independent.check_evaluation(VECTORS["evaluation.json"])


@pytest.mark.parametrize("row", VECTORS["refused.json"], ids=lambda row: str(row["why"]))
def test_an_entry_to_refuse_is_refused(row: dict[str, Any]) -> None:
    """Each for its own reason, on top of the school's entry 0."""
    state = found_state(parse_entry(VECTORS["school-log.json"]["entries"][0].encode()))
    body = None if row["body"] is None else base64url.decode(row["body"])
    with pytest.raises(getattr(errors, row["error"])):
        state.apply(parse_entry(row["entry"].encode()), body)
    assert state.size == 1


def test_every_kind_and_op_stands_in_a_log() -> None:
    """All eight kinds, all ops, restatements, a closed document, a kind of the future."""
    said = [json.loads(entry)["statement"] for name in LOGS for entry in VECTORS[name]["entries"]]
    kinds = {(item["kind"], item.get("op")) for item in said}
    keys = {("key", op) for op in ("add", "retire", "compromise", "rotate", "replace")}
    members = {("member", op) for op in ("admit", "amend", "suspend", "reinstate", "remove", "succeed")}
    plain = {(kind, None) for kind in ("charter", "issue", "status", "publish", "anchor", "evidence", "recess")}
    assert kinds == keys | members | plain
    assert {item["kind"] for item in said if "restates" in item} == {"issue", "status"}
    assert any("closes" in item for item in said) and any("amend" in item for item in said)


def test_files_read_back_as_themselves() -> None:
    """`encode(parse(bytes)) == bytes` for each file of its own kind; request and proposal verify."""
    texts = {name: VECTORS[name]["file"].encode() for name in ("trust-root.json", "presentation.json", "request.json")}
    assert encode_trust_root(parse_trust_root(texts["trust-root.json"])) == texts["trust-root.json"]
    assert encode_presentation(parse_presentation(texts["presentation.json"])) == texts["presentation.json"]
    assert parse_request(texts["request.json"] + b"\n").boundary.size == len(VECTORS["school-log.json"]["entries"])
    assert parse_proposal(VECTORS["proposal.json"]["file"].encode() + b"\n").missing() == 1
    key = parse_verifier_key(VECTORS["academy-log.json"]["log_vkeys"]["2"])
    file = parse_fork_file(VECTORS["fork-file.json"]["file"].encode())
    assert encode_fork_file(file).decode() == VECTORS["fork-file.json"]["file"]
    assert [fork.common for fork in verify_fork_file(file)[1]] == [2, 2]
    for text in VECTORS["evidence.json"].values():
        assert encode_fork(parse_fork(text.encode())) == text.encode()
        assert verify_fork(parse_fork(text.encode()), [key]).common == 2


def test_the_document_suffices_for_what_is_enclosed() -> None:
    """Proof and stapled status in a presentation, and a request to a witness; each of them refused when changed."""
    enclosed = VECTORS["enclosed.json"]
    trust = json.loads(VECTORS["trust-root.json"]["file"])
    school = VECTORS["school-log.json"]
    witnesses = [item["key"] for item in trust["witnesses"] if item["log"] != school["log_id"]]
    independent_enclosed.check_enclosed(enclosed, witnesses, 2)
    for name in ("proof", "status"):
        with pytest.raises(Exception):  # noqa: B017  # whatever breaks first
            independent_enclosed.check_enclosed({**enclosed, name: damage(enclosed[name])}, witnesses, 2)
    leaves = [independent.unb64(leaf) for leaf in school["leaf_hashes"]]
    independent_enclosed.check_cosign_request(
        enclosed["add_checkpoint"], independent.unb64(enclosed["old_root"]), len(leaves), independent.root(leaves)
    )


def test_what_is_enclosed_reads_back_and_verifies(story: Story) -> None:
    """By our own parsers: without a ledger seven steps are good, with one all are."""
    enclosed = {name: text.encode() for name, text in VECTORS["enclosed.json"].items()}
    assert encode_presentation(parse_presentation(enclosed["file"])) == enclosed["file"]
    proof, policy = parse_proof(enclosed["tlog_proof"]), parse_witness_policy(enclosed["policy"])
    assert encode_proof(proof) == enclosed["tlog_proof"]
    assert encode_witness_policy(policy) == enclosed["policy"]
    verify_proof(proof, hash_leaf(enclosed["entry"]), policy)
    assert encode_cosign_request(parse_cosign_request(enclosed["add_checkpoint"])) == enclosed["add_checkpoint"]
    assert encode_size(parse_size(enclosed["conflict"])) == enclosed["conflict"]
    trust = parse_trust_root(VECTORS["trust-root.json"]["file"].encode())
    question = Question(now=AT + 60_000, audience="college.example", nonce="n-0S6_WzA2Mj")
    (alone,) = verify_file_alone(enclosed["file"], trust, question).credentials
    assert [step.answer for step in alone.steps[:7]] == [Answer.YES] * 7, alone.steps
    (held,) = verify_file(enclosed["file"], seen(story), question).credentials
    assert held.code is Code.VALID, held.steps


@pytest.mark.parametrize("name", LOGS)
def test_bundle_and_bodies_alone_give_the_log_again(name: str, story: Story) -> None:
    """Rebuilt from what a stranger serves: the same state, tile and root as those that were written down."""
    vector = VECTORS[name]
    bundle = encode_bundle([text.encode() for text in vector["entries"]])
    assert generate.digest(bundle) == vector["bundle"]
    entries = parse_bundle(bundle)
    bodies = [None if body is None else base64url.decode(body) for body in vector["bodies"]]
    note = vector["notes"][str(len(entries))].encode()
    growth = judge_growth(None, list(entries), bodies, note)
    (written,) = (log for log in (story.network, story.school, story.academy) if log.name == vector["name"])
    assert encode_state(growth.state) == encode_state(written.state)
    tiles, _ = TileEdge().extend([entry.leaf_hash for entry in growth.entries])
    assert [base64url.encode(tile.hashes) for tile in tiles] == [vector["tile"]]
    assert growth.state.frontier.root() == growth.checkpoint.root


def test_the_voucher_is_of_the_school() -> None:
    """Its log key and its witness key stand behind the TLS key, and what they signed is what the document says."""
    vector = VECTORS["voucher.json"]
    voucher = parse_voucher(vector["file"].encode())
    key = TransportKey(voucher.log, bytes.fromhex(vector["public_key"]), vector["not_before"], vector["not_after"])
    assert key.signed_bytes().decode() == vector["signed"]
    assert encode_log_id(voucher.log) == VECTORS["school-log.json"]["log_id"]
    for signer, _ in voucher.signatures:
        voucher.verify(key, [signer])
    assert len(voucher.signatures) == 2


def test_the_tiles_hold_the_tree() -> None:
    """Level 1 is the roots of the full tiles below it."""
    leaves = [hash_leaf(n.to_bytes(4)) for n in range(512)]
    above = b"".join(root_of_hashes(leaves[start : start + 256]) for start in (0, 256))
    tiles = VECTORS["tree.json"]["tiles"]
    assert tiles["tile/1/000.p/2"] == generate.digest(above)
    assert {name: row["bytes"] for name, row in tiles.items()} == {
        "tile/0/000": 8192,
        "tile/0/001": 8192,
        "tile/0/002.p/88": 2816,
        "tile/1/000.p/2": 64,
    }


class Held:
    """The three logs, as a verifier holds them."""

    def __init__(self, *logs: Scribe) -> None:
        self.logs = {log.log_id: log for log in logs}

    def log_ids(self) -> list[LogId]:
        return list(self.logs)

    def log(self, log_id: LogId) -> Scribe | None:
        return self.logs.get(log_id)


def seen(story: Story) -> Network:
    trust = parse_trust_root(VECTORS["trust-root.json"]["file"].encode())
    return Network(trust, Held(story.network, story.school, story.academy))


def test_the_presentation_verifies(story: Story) -> None:
    """The story holds together under the rules: from its trust root, its presentation is valid."""
    network = seen(story)
    question = Question(now=AT + 60_000, audience="college.example", nonce="n-0S6_WzA2Mj")
    (report,) = verify_file(VECTORS["presentation.json"]["file"].encode(), network, question).credentials
    assert report.code is Code.VALID, report.steps


def test_the_academy_ends_in_a_succession(story: Story) -> None:
    """Its fork is an alarm (no witness signed the other branch), and the school goes on."""
    story.academy.forks[:] = story.evidence
    network = seen(story)
    fork = network.fork_of(story.academy.log_id)
    assert fork is not None and fork.size == 2 and fork.is_alarm_only
    successor = network.successor_of(story.academy.log_id)
    assert successor is not None and successor[0] == story.school.log_id


def test_limits_in_the_document_are_those_of_the_code() -> None:
    """The numbers that code names stand in section 22."""
    from ledger import canonical
    from ledger.credential import disclosure, evaluation, keybinding, presentation, sdjwt, verify_requirements
    from ledger.log import (
        attestation,
        body,
        charter,
        entry,
        evidence,
        forkfile,
        governance,
        keys,
        note,
        policy,
        proof,
        receipt,
        records,
        reports,
        voucher,
        witness_policy,
    )
    from node import proposal, request

    limits = DOCUMENT.partition("## 22. Limits")[2]
    kib, mib = 1024, 1024 * 1024
    pairs: list[tuple[int, int, str]] = [
        (entry.MAX_ENTRY_BYTES, 65_535, "65,535 bytes"),
        (entry.MAX_SIGNATURES, 64, "signatures of an entry | 64"),
        (canonical.MAX_DEPTH, 16, "ledger JSON | 16"),
        (body.MAX_BODY_BYTES, 64 * mib, "64 MiB"),
        (body.MAX_DOCUMENT_BYTES, 8 * mib, "8 MiB"),
        (charter.MAX_KEYS, 64, "64; 64"),
        (keys.MAX_NAME_LENGTH, 200, "200 characters"),
        (keys.MAX_ORIGIN_BYTES, 255, "255 bytes"),
        (charter.MAX_URL_LENGTH, 500, "500; 500 characters"),
        (records.MAX_DOCUMENT_ID_LENGTH, 200, "200; 100; 40 characters"),
        (charter.MAX_BATCH_SIZE, 2**17, "2^17"),
        (charter.MAX_LIST_SLOTS, 2**20, "2^20"),
        (charter.MIN_LIST_SLOTS, 2**10, "at least 2^10"),
        (records.MAX_LISTS, 400, "; 400"),
        (charter.MAX_INTERVAL_MS, 400 * 86_400_000, "400 days"),
        (governance.MAX_RIGHTS, 500, "500 of 500 characters"),
        (note.MAX_NOTE_BYTES, 1_000_000, "1,000,000 bytes"),
        (note.MAX_SIGNATURES, 100, "; 100; 65,536 bytes"),
        (note.MAX_VERIFIER_KEY_LENGTH, 512, "512 characters"),
        (receipt.MAX_PATH, 17, "63; 17"),
        (evidence.MAX_EVIDENCE_BYTES, 256 * kib, "256 KiB; 256 KiB"),
        (policy.MAX_TRUST_ROOT_BYTES, 256 * kib, "256 KiB; 256 KiB"),
        (witness_policy.MAX_POLICY_BYTES, 256 * kib, "256 KiB; 1,000; 64 KiB"),
        (witness_policy.MAX_LINES, 1000, "256 KiB; 1,000; 64 KiB"),
        (proof.MAX_EXTRA_BYTES, 64 * kib, "256 KiB; 1,000; 64 KiB"),
        (forkfile.MAX_FORK_FILE_BYTES, 8 * mib, "8 MiB; 16; 1,000"),
        (forkfile.MAX_PIECES, 16, "8 MiB; 16; 1,000"),
        (forkfile.MAX_KEY_ENTRIES, 1_000, "8 MiB; 16; 1,000"),
        (reports.MAX_REPORTS, 256, "256, each entry's body at most 4 MiB"),
        (reports.MAX_REPORT_BYTES, 4 * mib, "256, each entry's body at most 4 MiB"),
        (request.MAX_REQUEST_BYTES, 512 * kib, "512 KiB; 1 MiB"),
        (proposal.MAX_PROPOSAL_BYTES, mib, "512 KiB; 1 MiB"),
        (attestation.MAX_ATTESTATION_BYTES, 16 * mib, "16 MiB; 10,000"),
        (attestation.MAX_HEADS, 10_000, "16 MiB; 10,000"),
        (voucher.MAX_VOUCHER_BYTES, 4096, "voucher; its signatures | 4,096 bytes; 8"),
        (voucher.MAX_SIGNATURES, 8, "voucher; its signatures | 4,096 bytes; 8"),
        (disclosure.MAX_TOKEN_CHARS, mib, "1 MiB; 10,000; 32; 64 KiB"),
        (sdjwt.MAX_DISCLOSURES, 10_000, "1 MiB; 10,000; 32; 64 KiB"),
        (disclosure.MAX_DEPTH, 32, "1 MiB; 10,000; 32; 64 KiB"),
        (keybinding.MAX_KEY_BINDING_BYTES, 64 * kib, "1 MiB; 10,000; 32; 64 KiB"),
        (evaluation.MAX_RULES, 500, "500; 100 characters; 1 MiB"),
        (evaluation.MAX_LABEL_CHARACTERS, 100, "500; 100 characters; 1 MiB"),
        (verify_requirements.MAX_SET_BYTES, mib, "500; 100 characters; 1 MiB"),
        (presentation.MAX_PRESENTATION_BYTES, 10 * mib, "10 MiB; 200; 180 days"),
        (presentation.MAX_CREDENTIALS, 200, "10 MiB; 200; 180 days"),
        (presentation.MAX_AGE_MS, 180 * 86_400_000, "10 MiB; 200; 180 days"),
        (presentation.MAX_LINE_CHARACTERS, 1000, "1,000 characters; 50 of 20,000"),
        (presentation.MAX_LEARNER_PARTS, 50, "1,000 characters; 50 of 20,000"),
        (presentation.MAX_LEARNER_PART_CHARACTERS, 20_000, "1,000 characters; 50 of 20,000"),
    ]
    assert [(value, text) for value, expected, text in pairs if value != expected or text not in limits] == []
