"""Tests of ledger.credential.clr: what may be put together, and how it hangs together."""

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.credential.badge import Issuer, read_slot, sign_document
from ledger.credential.clr import Association, RecordTerms, check_associations, make_record
from ledger.credential.copy import IssuerProfile
from ledger.credential.dataintegrity.judgement import judge_proofs
from ledger.credential.report import Answer
from ledger.errors import RuleError
from tests.conformance import record
from tests.ledger.credential.award import TERMS
from tests.ledger.credential.badges import NOW, SCHOOL, SCHOOL_DID, badge, library, question, url_of
from tests.shared import shared_path

SUBJECT = "urn:uuid:6b1d8f0e-0001-4a0e-9d0f-00000000000a"
RECORD = RecordTerms(
    issuer=IssuerProfile(SCHOOL_DID, "Granite School", "https://granite.example"),
    copy_id="6b1d8f0e-0001-4a0e-9d0f-0000000000ff",
    name="Learner record",
    subject_id=SUBJECT,
    issued_at=NOW // 1000 + 3600,
    is_partial=True,
    status=TERMS.status,
)


def credential(number: int, achievement: str, subject: str = SUBJECT) -> Any:
    document: Any = badge()
    document["id"] = f"urn:uuid:6b1d8f0e-0001-4a0e-9d0f-{number:012}"
    document["credentialSubject"]["id"] = subject
    document["credentialSubject"]["achievement"]["id"] = f"urn:a:{achievement}"
    return document


def link(text: str) -> Association:
    source, kind, target = text.split()
    return Association(kind, f"urn:a:{source}", f"urn:a:{target}")


def test_a_record_is_valid_and_its_proofs_are_good() -> None:
    """Against the schema of CLR 2.0, with associations; the slot is found; only the day stands in it."""
    made = make_record([credential(1, "x"), credential(2, "y")], replace(RECORD, associations=(link("x isPartOf y"),)))
    signed: Any = sign_document(made, Issuer(method=url_of(SCHOOL), sign=SCHOOL.sign, library=library()))
    file = "vectors/formats/schemas/clr-v2p0/clr_v2p0_clrcredential_schema.json"
    validator = jsonschema.Draft201909Validator(json.loads(shared_path(file).read_bytes()))
    validator.validate(signed)
    assert not validator.is_valid({name: value for name, value in signed.items() if name != "credentialSubject"})
    assert judge_proofs(signed, question()).answer is Answer.YES
    assert (signed["partial"], signed["validFrom"], read_slot(signed)) == (True, "2026-01-01T00:00:00Z", TERMS.status)
    part = "CLR 2.0, with an association; without its subject"
    record("What we issue, by the published schemas", part, [file], accepted=1, refused=1)


@pytest.mark.parametrize(
    ("credentials", "message"),
    [
        ([], "0 credentials"),
        ([credential(1, "x"), credential(1, "y")], "the same id"),
        ([credential(1, "x"), credential(2, "y", "urn:uuid:other")], "about another subject"),
    ],
)
def test_what_does_not_belong_together(credentials: list[Any], message: str) -> None:
    """Trap 20: another person's credential in a record."""
    with pytest.raises(RuleError, match=message):
        make_record(credentials, RECORD)


@pytest.mark.parametrize(
    ("links", "message"),
    [
        (("x above y",), "no type 'above'"),
        (("x isPartOf z",), "'urn:a:z' is not in the record"),
        (("x isPartOf x",), "with itself"),
        (("x isPartOf y", "x isPartOf y"), "stands twice"),
        (("x isPartOf y", "y isChildOf x"), "below itself"),
        (("x isPartOf y", "x isParentOf y"), "below itself"),
        (("w isChildOf x", "x isChildOf y", "y isChildOf v", "v isPartOf x"), "below itself"),
    ],
)
def test_associations_that_are_refused(links: tuple[str, ...], message: str) -> None:
    """A tree is read from them, so none may hang in the air or in a circle."""
    with pytest.raises(RuleError, match=message):
        check_associations([link(text) for text in links], frozenset(f"urn:a:{name}" for name in "vwxy"))


@given(st.sets(st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(lambda pair: pair[0] < pair[1])))
def test_every_tree_and_lattice_is_taken(pairs: set[tuple[int, int]]) -> None:
    """What only ever points upward has no circle; one link back along a path closes one."""
    names = [f"urn:a:{number}" for number in range(9)]
    links = [Association("isPartOf", names[low], names[high]) for low, high in sorted(pairs)]
    check_associations(links, frozenset(names))
    if pairs:
        low, high = min(pairs)
        with pytest.raises(RuleError, match="in a circle"):
            check_associations([*links, Association("isChildOf", names[high], names[low])], frozenset(names))
