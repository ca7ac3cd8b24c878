"""What software of others makes of a badge that a network countersigned by a proof chain."""

import json
from typing import Any

import pytest

from ledger.credential.dataintegrity.issuer_document import document_of_history
from ledger.credential.report import Code
from tests.conformance import record
from tests.interop.peers import NodePeer
from tests.ledger.credential.test_countersigning import Chains
from tests.simulator import SimulatedLog

SUITE = "Software of others"
SUITES = ("eddsa-rdfc-2022", "eddsa-jcs-2022")


@pytest.fixture(scope="module")
def world() -> Chains:
    return Chains()


@pytest.fixture(scope="module")
def badge(world: Chains) -> Any:
    return json.loads(world.countersigned(world.held()))


def served(world: Chains, *logs: SimulatedLog) -> dict[str, Any]:
    """The did:web documents of institutions, and each of their keys."""
    found: dict[str, Any] = {}
    for log in logs:
        document: Any = document_of_history(world.did_of(log), log.state.keys)
        found[document["id"]] = document
        for method in document["verificationMethod"]:
            found[method["id"]] = {"@context": "https://w3id.org/security/multikey/v1", **method}
    return found


@pytest.mark.parametrize("suite", SUITES)
def test_digitalbazaar_verifies_the_school_in_it(
    suite: str, world: Chains, badge: Any, node_peer: NodePeer, contexts: dict[str, Any]
) -> None:
    """By either suite, whether it finds the network's document or not; a changed badge fails."""
    for logs in ((world.granite, world.network), (world.granite,)):
        asked = {"suite": suite, "documents": contexts | served(world, *logs)}
        assert node_peer.ask("vc-verify", credential=badge, **asked) == {"verified": True, "error": ""}
        assert node_peer.ask("vc-verify", credential=badge | {"name": "Other"}, **asked)["verified"] is False
    record(
        SUITE,
        f"@digitalbazaar/vc verifies a countersigned badge by its school's proof: {suite}",
        0,
        accepted=2,
        refused=2,
    )


@pytest.mark.parametrize("suite", SUITES)
def test_digitalbazaar_does_not_read_the_chain(
    suite: str, world: Chains, badge: Any, node_peer: NodePeer, contexts: dict[str, Any]
) -> None:
    """One good proof is enough for it: it passes over a countersignature that failed, for which we refuse the badge.

    Should this fail, it has learned `previousProof`: then say so in docs/credentials.md.
    """
    broken = [one | {"created": "2020-01-01T00:00:00Z"} if "previousProof" in one else one for one in badge["proof"]]
    document = badge | {"proof": broken}
    asked = {"suite": suite, "documents": contexts | served(world, world.granite, world.network)}
    assert node_peer.ask("vc-verify", credential=document, **asked)["verified"] is True
    assert world.report(json.dumps(document)).code is Code.BAD_SIGNATURE
    chain = badge | {"proof": [one for one in badge["proof"] if "previousProof" in one]}
    assert node_peer.ask("vc-verify", credential=chain, **asked)["verified"] is False
