"""Tests of ledger.credential.processing: RFC 9901 §7.1, step by step."""

from typing import Any

import pytest

from ledger.credential.disclosure import DIGESTS, format_path, parse_disclosure
from ledger.credential.processing import process_disclosures
from ledger.errors import CairnError, MalformedError, RuleError
from tests.ledger.credential.tokens import BASE, SHA_256, disclosure, placeholder

NAME = disclosure("s1", "name", "Ada")
CITY = disclosure("s2", "city", "Turin")
ADDRESS = disclosure("s3", "address", {"country": "IT", "_sd": [SHA_256(CITY)]})
ELEMENT = disclosure("s4", "B1")
INNER = disclosure("s5", ["x", placeholder(ELEMENT)])


def payload(**members: Any) -> dict[str, Any]:
    return {**BASE, **members}


def test_disclosures_take_their_places() -> None:
    """Members, nested members, elements and elements in elements, with their paths and parents."""
    signed = payload(
        _sd=[SHA_256(NAME), SHA_256(ADDRESS), "decoy"],
        courses=["A", placeholder(disclosure("s", "hidden")), placeholder(INNER)],
        _sd_alg="sha-256",
    )
    claims = process_disclosures(signed, [INNER, CITY, ELEMENT, ADDRESS, NAME])
    assert claims.payload == payload(courses=["A", ["x", "B1"]], address={"country": "IT", "city": "Turin"}, name="Ada")
    assert [(format_path(one.path), one.parent) for one in claims.shown] == [
        ("courses.2", None),
        ("address.city", 3),
        ("courses.2.1", 0),
        ("address", None),
        ("name", None),
    ]
    assert claims.shown[3].value == {"country": "IT", "city": "Turin"}
    assert claims.undisclosed == 2


def test_the_signed_payload_is_left_as_it_is() -> None:
    """Processing twice gives the same answer twice."""
    signed = payload(_sd=[SHA_256(NAME)], list=[placeholder(ELEMENT)], _sd_alg="sha-256")
    before = repr(signed)
    first = process_disclosures(signed, [NAME, ELEMENT])
    assert process_disclosures(signed, [NAME, ELEMENT]) == first
    assert repr(signed) == before


def test_members_come_in_the_order_of_the_token() -> None:
    """Sorted digests do not shuffle what people read."""
    texts = [disclosure("s", f"claim{number}", number) for number in range(20)]
    claims = process_disclosures({"_sd": sorted(map(SHA_256, texts))}, texts)
    assert list(claims.payload) == [f"claim{number}" for number in range(20)]


@pytest.mark.parametrize("name", ["sha-256", "sha-384", "sha-512"])
def test_strong_hashes_are_known(name: str) -> None:
    """All digests of a token, nested ones included, use the hash its payload names."""
    digest = DIGESTS[name]
    outer = disclosure("s", "outer", {"_sd": [digest(NAME)]})
    claims = process_disclosures({"_sd": [digest(outer)], "_sd_alg": name}, [outer, NAME])
    assert claims.payload == {"outer": {"name": "Ada"}}


@pytest.mark.parametrize("value", [None, True, 0, -1.5, "", [], {}, [None], {"a": None}])
def test_any_value_can_be_disclosed(value: Any) -> None:
    """As a member and as an element."""
    member, element = disclosure("s", "v", value), disclosure("s", value)
    claims = process_disclosures({"_sd": [SHA_256(member)], "l": [placeholder(element)]}, [member, element])
    assert claims.payload == {"l": [value], "v": value}


def hide(name: Any, value: Any = "x") -> tuple[dict[str, Any], list[str]]:
    """A payload whose only digest is that of one disclosure."""
    text = disclosure("s", name, value)
    return payload(_sd=[SHA_256(text)]), [text]


def signed(text: str) -> tuple[dict[str, Any], list[str]]:
    return payload(_sd=[SHA_256(text)]), [text]


def element(text: str) -> tuple[dict[str, Any], list[str]]:
    return payload(list=[placeholder(text)]), [text]


def deep(levels: int) -> Any:
    return "x" if levels == 0 else [deep(levels - 1)]


REFUSALS: list[tuple[str, tuple[dict[str, Any], list[str]], type[CairnError], str]] = [
    ("hash unknown", (payload(_sd_alg="md5"), []), RuleError, "_sd_alg 'md5' is not one of sha-256"),
    ("hash no text", (payload(_sd_alg=["sha-256"]), []), RuleError, "_sd_alg"),
    ("hash null", (payload(_sd_alg=None), []), RuleError, "_sd_alg 'None'"),
    ("1 deep over a disclosure", element(disclosure("s", deep(31))), MalformedError, "deeper than 32"),
    ("1 disclosure deep by itself", element(disclosure("s", deep(40))), MalformedError, "deeper than 33"),
    ("2 ... in the payload", (payload(**{"...": "x"}), []), RuleError, "reserved name .* in the payload"),
    ("2 ... in an object", (payload(o={"...": "x"}), []), RuleError, "reserved name .* in 'o'"),
    ("2 ... beside others", (payload(l=[{"...": "x", "a": 1}]), []), RuleError, "reserved name .* in 'l.0'"),
    ("2 _sd_alg below", (payload(o={"_sd_alg": "sha-256"}), []), RuleError, "reserved name .* in 'o'"),
    ("2 _sd_alg disclosed", hide("_sd_alg", "sha-256"), RuleError, "reserved name '_sd_alg'"),
    ("2 ... as disclosed value", element(disclosure("s", {"...": "x"})), RuleError, "reserved name .* in 'list.0'"),
    ("2 _sd no array", (payload(_sd="x"), []), MalformedError, "array as _sd in the payload"),
    ("2 _sd null", (payload(o={"_sd": None}), []), MalformedError, "array as _sd in 'o'"),
    ("2 _sd of numbers", (payload(_sd=[1]), []), MalformedError, "text as digest in the payload"),
    ("2 _sd of arrays", (payload(_sd=[["x"]]), []), MalformedError, "text as digest"),
    ("2 ... of a number", (payload(l=[{"...": 1}]), []), MalformedError, "text as digest in 'l'"),
    ("3 in cnf", (payload(cnf={"_sd": ["x"]}), []), RuleError, "claim 'cnf' holds a digest"),
    ("3 in cnf.jwk", (payload(cnf={"jwk": {"_sd": []}}), []), RuleError, "claim 'cnf' holds a digest"),
    ("3 in status", (payload(status={"l": [{"...": "x"}]}), []), RuleError, "claim 'status' holds a digest"),
    ("3 in aka_vcts", (payload(aka_vcts=[{"...": "x"}]), []), RuleError, "claim 'aka_vcts' holds a digest"),
    ("4 twice in one _sd", (payload(_sd=["x", "x"]), []), RuleError, "occurs twice, the second time in the payload"),
    ("4 in two places", (payload(_sd=["x"], o={"_sd": ["x"]}), []), RuleError, "occurs twice"),
    ("4 in array and object", (payload(_sd=["x"], l=[{"...": "x"}]), []), RuleError, "occurs twice"),
    (
        "4 inside a disclosure",
        (payload(_sd=[SHA_256(ADDRESS), SHA_256(CITY)]), [ADDRESS]),
        RuleError,
        "occurs twice",
    ),
    ("5 two elements", signed(disclosure("s", "x")), RuleError, "no claim name"),
    ("5 one element", signed(disclosure("s")), MalformedError, "two or three elements, found 1"),
    ("5 four elements", signed(disclosure("s", "n", "v", "w")), MalformedError, "two or three elements, found 4"),
    ("5 name a number", hide(5), MalformedError, "expected a text as claim name, found a number"),
    ("5 name null", hide(None), MalformedError, "claim name, found nothing"),
    ("5 salt a number", signed(disclosure(1, "n", "v")), MalformedError, "text as salt"),
    ("5 an object", signed("eyJhIjoxfQ"), MalformedError, "JSON array, found an object"),
    ("5 no JSON", signed("QUJD"), MalformedError, "disclosure 1: content: not JSON"),
    ("5 no base64url", signed("QUI="), MalformedError, "disclosure 1: base64url"),
    ("5 no elements", signed("W10"), MalformedError, "two or three elements, found 0"),
    ("5 value ambiguous", signed("WyJzIiwibiIseyJhIjoxLCJhIjoyfV0"), MalformedError, "'a' stands twice"),
    ("5 reserved _sd", hide("_sd", []), RuleError, "reserved name '_sd'"),
    ("5 reserved ...", hide("...", "x"), RuleError, "reserved name '...'"),
    ("5 exists in clear", (payload(name="Eve", **hide("name")[0]), hide("name")[1]), RuleError, "already has"),
    (
        "5 two of one name",
        (payload(_sd=[SHA_256(NAME), SHA_256(disclosure("t", "name", "Eve"))]), [NAME, disclosure("t", "name", "Eve")]),
        RuleError,
        "disclosure 2 names a claim that the payload already has",
    ),
    ("6 three elements", element(disclosure("s", "n", "v")), RuleError, "has a name, its digest stands in an array"),
    ("7 unsigned", (payload(_sd=[SHA_256(NAME)]), [NAME, CITY]), RuleError, "disclosure 2 of 2 matches no digest"),
    ("7 unsigned and unreadable", (payload(), ["!!"]), RuleError, "disclosure 1 of 1 matches no digest"),
    ("7 child without parent", (payload(_sd=[SHA_256(ADDRESS)]), [CITY]), RuleError, "disclosure 1 of 1 matches no"),
    ("7 twice", (payload(_sd=[SHA_256(NAME)]), [NAME, NAME]), RuleError, "stands twice"),
]
REFUSALS += [
    (f"5 hidden {name}", hide(name), RuleError, f"hides the claim {name!r}, which must stand in clear")
    for name in ("iss", "exp", "nbf", "cnf", "vct", "status", "vct#integrity", "aka_vcts")
    if name not in BASE
]


@pytest.mark.parametrize(("case", "error", "message"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_each_step_refuses(case: tuple[dict[str, Any], list[str]], error: type[CairnError], message: str) -> None:
    """One row for each way a payload and its disclosures can be wrong; the number is the step of the module."""
    with pytest.raises(error, match=message):
        process_disclosures(*case)


@pytest.mark.parametrize("name", ["iss", "exp", "vct"])
def test_no_disclosure_replaces_what_must_stand_in_clear(name: str) -> None:
    """Not even where the claim is missing in clear."""
    signed_claims, texts = hide(name, "https://evil.example")
    del signed_claims[name]
    with pytest.raises(RuleError, match=f"hides the claim {name!r}"):
        process_disclosures(signed_claims, texts)


def test_names_that_must_stand_in_clear_are_free_below_the_top() -> None:
    """`status` of a course is not the status of the credential."""
    text = disclosure("s", "status", "passed")
    claims = process_disclosures(payload(course={"_sd": [SHA_256(text)]}), [text])
    assert claims.payload["course"] == {"status": "passed"}


def test_nesting_may_reach_the_limit() -> None:
    """32 levels, some of them inside a disclosure."""
    text = disclosure("s", deep(30))
    claims = process_disclosures({"list": [placeholder(text)]}, [text])
    assert claims.payload == {"list": [deep(30)]}


def test_ten_thousand_disclosures_are_processed() -> None:
    """In time that grows with their number; the deadline is the suite's."""
    texts = [disclosure(str(number), number) for number in range(10_000)]
    claims = process_disclosures({"list": [placeholder(text) for text in texts]}, texts)
    assert claims.payload == {"list": list(range(10_000))}


def test_a_disclosure_reads_back() -> None:
    """Name and value of a member, value of an element."""
    assert parse_disclosure(NAME) == ("name", "Ada")
    assert parse_disclosure(ELEMENT) == (None, "B1")
