"""A network countersigns a school by a proof chain: the report names who did, and only where that proof is good."""

from typing import Any

import pytest

from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.report import Code
from tests.ledger.credential.badges import NETWORK, NETWORK_DID, SCHOOL_DID, signed
from tests.ledger.credential.external.asking import book, code_of, first

FIRST = "urn:uuid:6b1d8f0e-0001-4a0e-9d0f-0000000000f1"
NAMED = book(named=(SCHOOL_DID,))


@pytest.mark.parametrize("suite", [Cryptosuite.EDDSA_JCS_2022, Cryptosuite.EDDSA_RDFC_2022])
def test_the_report_names_the_countersigner(suite: Cryptosuite) -> None:
    """Beside the school, whose credential it stays; the network alone makes no issuer."""
    alone = signed(suite, id=FIRST)
    both: Any = signed(suite, alone, NETWORK, previous=(FIRST,))
    report = first(both, contexts=True, book=NAMED)
    assert report.code is Code.VALID
    assert f"countersigned by {NETWORK_DID} on 2025-06-15" in "\n".join(report.to_lines())
    assert "countersigned" not in "\n".join(first(alone, contexts=True, book=NAMED).to_lines())
    assert code_of(both, contexts=True, book=book(named=(NETWORK_DID,))) is Code.UNKNOWN_ISSUER


@pytest.mark.parametrize("suite", [Cryptosuite.EDDSA_JCS_2022, Cryptosuite.EDDSA_RDFC_2022])
def test_a_countersignature_that_failed_is_no_small_thing(suite: Cryptosuite) -> None:
    """It is not passed over: the file was changed after somebody signed it."""
    both: Any = signed(suite, signed(suite, id=FIRST), NETWORK, previous=(FIRST,))
    both["proof"][1]["created"] = "2025-12-31T00:00:00Z"
    report = first(both, contexts=True, book=NAMED)
    assert report.code is Code.BAD_SIGNATURE
    assert "countersigned" not in "\n".join(report.to_lines())
