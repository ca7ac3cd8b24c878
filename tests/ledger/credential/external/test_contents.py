"""What badges and records of others say beyond their signature: remarks are true, few, and cost little."""

import json
import time
from typing import Any

import pytest

from ledger.credential.baking import bake
from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.external.badge import MAX_REMARKS, remarks_on
from ledger.credential.external.clr import remarks_on_record, same_person
from ledger.credential.report import Code
from ledger.credential.strict_json import JSONObject
from tests.ledger.credential.badges import badge, signed
from tests.ledger.credential.external.asking import ask, code_of
from tests.ledger.credential.external.test_traps import NAMED, png, record

JCS, RDFC = Cryptosuite.EDDSA_JCS_2022, Cryptosuite.EDDSA_RDFC_2022
SECONDS = 5.0
"""Far above what the work takes, far below what it took when it grew with the square of a megabyte."""


def associations(*pairs: tuple[str, str]) -> JSONObject:
    """A record in which each first is a child of the second."""
    items = [{"associationType": "isChildOf", "sourceId": child, "targetId": parent} for child, parent in pairs]
    return {"credentialSubject": {"association": items}}  # type: ignore[dict-item]  # JSON


def circles(*pairs: tuple[str, str]) -> bool:
    return any("below itself" in remark for remark in remarks_on_record(associations(*pairs), []))


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], False),
        (["ab", "bc", "ac"], False),
        (["ab", "cb", "bd", "ad"], False),
        (["aa"], True),
        (["ab", "ba"], True),
        (["xa", "ab", "bc", "ca", "cy"], True),
        (["ab", "bc", "xy", "yx"], True),
    ],
)
def test_circles(pairs: list[str], expected: bool) -> None:
    """An achievement below itself is told, two ways down to one are not."""
    assert circles(*[(child, parent) for child, parent in pairs]) is expected


def test_a_long_chain_of_associations_costs_little() -> None:
    """As many as a megabyte holds, each below the one before."""
    chain = [(str(n), str(n + 1)) for n in range(15_000)]
    started = time.process_time()
    assert not circles(*chain) and not circles(*reversed(chain)) and circles(*chain, ("15000", "0"))
    assert time.process_time() - started < SECONDS


def test_many_results_of_one_description_cost_little() -> None:
    """What a result can be is looked up once, and what is odd is told a number of times."""
    document: dict[str, Any] = badge()
    document["credentialSubject"]["achievement"]["resultDescription"] = [
        {
            "id": "urn:r",
            "allowedValue": [f"v{n}" for n in range(20_000)],
            "rubricCriterionLevel": [{"id": f"urn:{n}"} for n in range(10_000)],
        }
    ]
    document["credentialSubject"]["result"] = [
        {"resultDescription": "urn:r", "value": f"x{n}", "achievedLevel": f"urn:x{n}"} for n in range(7_000)
    ]
    started = time.process_time()
    assert len(list(remarks_on(document))) == MAX_REMARKS
    assert time.process_time() - started < SECONDS
    endless = record(signed(JCS), subject="did:example:me")
    ends: Any = [{"sourceId": f"urn:{n}", "targetId": "urn:a", "associationType": "precedes"} for n in range(100)]
    endless["credentialSubject"]["association"] += ends  # type: ignore[index, call-overload, operator]  # as made
    bare = {name: value for name, value in endless.items() if name != "proof"}
    notes = ask(signed(JCS, bare), book=NAMED).credentials[0].notes
    assert len(notes) < MAX_REMARKS + 5 and any("below itself" in note for note in notes)


def test_a_part_of_a_record_says_so_in_either_spelling() -> None:
    """The truth and the text `true` make the same data set, and so keep the same signature."""
    bare = {name: value for name, value in record(signed(JCS), subject="did:example:me").items() if name != "proof"}
    whole = signed(RDFC, bare)
    for spelling in (True, "true"):
        report = ask(whole | {"partial": spelling}, book=NAMED, contexts=True).credentials[0]
        assert report.code is Code.VALID
        assert "its publisher says that it is not the whole record" in report.notes


@pytest.mark.parametrize("identifier", [{}, {"type": "IdentityObject"}, {"identityHash": ""}, {"identityHash": None}])
def test_identifiers_that_say_nothing_make_nobody_the_same(identifier: JSONObject) -> None:
    """Two people without a hash are not one person."""
    assert same_person({"identifier": [identifier]}, {"identifier": [identifier]}) is None
    assert same_person({"id": "urn:a", "identifier": identifier}, {"id": "urn:b", "identifier": identifier}) is False
    address: JSONObject = {"identityType": "emailAddress", "hashed": True, "identityHash": "sha256$aa"}
    assert same_person({"identifier": [identifier, address]}, {"identifier": dict(address)}) is True


@pytest.mark.parametrize(
    ("kind", "is_told"),
    [
        ("name", False),
        ("ext:dateOfBirth", False),
        ("isbn", False),
        (None, False),
        ("sourcedId", True),
        ("ext:id", True),
    ],
)
def test_a_name_makes_nobody_the_same(kind: str | None, is_told: bool) -> None:
    """A school has two learners of one name; what tells them apart is an address or a number."""
    item: JSONObject = {"type": "IdentityObject", "hashed": False, "identityHash": "Ann Lee", "identityType": kind}
    one, other = {"identifier": [item]}, {"identifier": [dict(item)]}
    assert same_person(one, other) is (True if is_told else None)
    assert same_person(one | {"id": "urn:a"}, other | {"id": "urn:b"}) is is_told


def test_a_mark_of_byte_order_inside_an_image() -> None:
    """Some editors put one before every text they save."""
    assert code_of(bake(png(), "\ufeff" + json.dumps(signed(JCS))), book=NAMED) is Code.VALID
