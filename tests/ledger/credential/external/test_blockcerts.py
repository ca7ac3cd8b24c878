"""Blockcerts v2 and v3: the fixtures of their own verifier, offline, one by one."""

import json
from pathlib import Path

import pytest

from ledger.credential.external.merkle import parse_proof_2019
from ledger.credential.report import Answer, Code
from tests.conformance import record
from tests.ledger.credential.badges import VECTORS
from tests.ledger.credential.external.asking import ask, first, load, step
from tests.shared import SHARED, shared_path

FOLDER = SHARED / VECTORS / "blockcerts"
SUITE = "Blockcerts v2 and v3, offline"
MOCKNET = [path for path in sorted(FOLDER.glob("v*/mocknet-*.json")) if "presentation" not in path.name]
UNSUPPORTED = {"mocknet-vc-v2-credential-subject-array.json"}
"""Marks a node with `@language`, which no statement covers: could not check, and says so."""
ON_CHAIN = {
    "v3/ethereum-sepolia-v3.json": "existed before transaction 0x1f6154",
    "v3/testnet-v3-did.json": "existed before transaction 140ee938",
    "v3/cert-rl-status-list-2021.json": "existed before transaction 188bd871",
}
NOT_HELD = {
    "v2/testnet-valid-v1-issuer-2.0.json": "https://openbadgespec.org/v2/context.json",
    "v3/blockcerts-3.0-alpha.json": "https://www.w3.org/ns/odrl.jsonld",
}
"""Name contexts that are not among the pinned ones."""


@pytest.mark.parametrize("path", MOCKNET, ids=lambda path: path.name)
def test_the_mock_chain(path: Path) -> None:
    """Hash and path hold; nobody's chain is behind them, and the report says that."""
    report = first(path.read_bytes(), contexts=True)
    if path.name in UNSUPPORTED:
        assert step(report, 3)[0] is Answer.COULD_NOT_CHECK
        assert "@language" in step(report, 3)[1]
        return
    assert step(report, 3)[0] is Answer.YES
    assert step(report, 2) == (Answer.COULD_NOT_CHECK, "made for tests: its root stands on no real chain")
    assert report.code is (Code.EXPIRED if "expired" in path.name else Code.UNKNOWN_ISSUER)
    text = path.read_text(encoding="utf-8")
    mark = "Master of Puppets" if "Master of Puppets" in text else "Canad" if "Canad" in text else "Eularia Landroth"
    changed = first(text.replace(mark, "Somebody else", 1).encode(), contexts=True)
    assert changed.code is Code.BAD_SIGNATURE


def test_the_mock_chain_is_counted() -> None:
    """Each file is a test of its own; one whose dates have passed is good by its hash, as the others are."""
    shared_path(f"{VECTORS}/blockcerts")
    doubts = {"marks a node with @language, which the hash does not cover": len(UNSUPPORTED)}
    good = len(MOCKNET) - len(UNSUPPORTED)
    part = "mocknet: hash and path hold; another name in it"
    record(SUITE, part, len(MOCKNET), accepted=good, refused=good, unchecked=doubts)


def test_files_on_a_chain() -> None:
    """Hash and path hold, and what the chain would confirm is said, as something that could not be checked."""
    for name, words in ON_CHAIN.items():
        report = first(shared_path(f"{VECTORS}/blockcerts/{name}").read_bytes(), contexts=True)
        assert step(report, 3)[0] is Answer.YES, name
        answer, detail = step(report, 2)
        assert answer is Answer.COULD_NOT_CHECK
        assert detail.startswith(words) and detail.endswith("could not check")
    count = len(ON_CHAIN)
    doubts = {"hash and path hold; whether the chain confirms the root is not asked": count}
    record(SUITE, "on a public chain", count, unchecked=doubts)


def test_files_of_contexts_that_are_not_held() -> None:
    """Could not check, and the context is named."""
    for name, url in NOT_HELD.items():
        answer, detail = step(first(shared_path(f"{VECTORS}/blockcerts/{name}").read_bytes(), contexts=True), 3)
        assert answer is Answer.COULD_NOT_CHECK and f"{url!r} is not held here" in detail
    doubts = {f"its context {url} is not held": 1 for url in NOT_HELD.values()}
    record(SUITE, "of elder contexts", len(NOT_HELD), unchecked=doubts)


def test_a_display_that_the_hash_does_not_cover() -> None:
    """The elder context calls the shown page an IRI, which HTML is not: no statement holds it, anybody could change it.

    Software that leaves out what it cannot express finds the hash of the file right, whatever page stands in it.
    """
    document = load(shared_path(f"{VECTORS}/blockcerts/v3/blockcerts-3.0-beta.json"))
    answer, detail = step(first(document, contexts=True), 3)
    assert answer is Answer.NO
    assert "'display' is no absolute IRI" in detail
    record(SUITE, "3.0-beta: its display is covered by no hash", 1, refused=1)


def test_a_file_that_was_made_otherwise() -> None:
    """Its published hash is not that of its content; the reference (jsonld.js 9.0.0) comes to the same hash as we do."""
    document = load(shared_path(f"{VECTORS}/blockcerts/v3/testnet-v3--no-did.json"))
    answer, detail = step(first(document, contexts=True), 3)
    assert answer is Answer.NO
    target = parse_proof_2019(document["proof"]["proofValue"]).target.hex()
    ours = "812f6575947219276105408ba1e7336a6f4dbeb5f193db1ea89de2b0fb88d57d"
    assert f"hash is {ours}, the proof is for {target}" in detail
    record(SUITE, "testnet-v3--no-did: not what its hash was made of", 1, refused=1)


def test_a_presentation() -> None:
    """A presentation of two, each judged, the proof around them too."""
    data = shared_path(f"{VECTORS}/blockcerts/v3/mocknet-verifiable-presentation.json").read_bytes()
    report = ask(data, contexts=True)
    assert [one.title for one in report.credentials] == ["Presentation", "BlockcertsCredential", "Canadian Id Card"]
    assert report.exit_code == 3
    assert [step(one, 3)[0] for one in report.credentials] == [Answer.YES] * 3
    changed = json.loads(data)
    changed["verifiableCredential"][0]["issuer"] = "did:example:somebody"
    assert ask(changed, contexts=True).exit_code != 0
    record(SUITE, "mocknet: a presentation and the two inside; with another issuer", 1, accepted=3, refused=1)
