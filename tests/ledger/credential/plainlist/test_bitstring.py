"""Bitstring Status List: what we write is read, and everything that must not count is refused by name."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.plainlist.bitstring import encode_bits
from ledger.credential.plainlist.bitstring_reader import BitstringEntry, parse_entries, parse_entry, read_bitstring
from ledger.credential.plainlist.packing import MAX_LIST_BYTES, Compression, compress, pack_left
from ledger.credential.plainlist.problem import StatusListError, StatusProblem
from ledger.credential.plainlist.slots import PLAIN_SLOTS, PlainSlot, Purpose, status_members
from ledger.credential.strict_json import JSONObject
from ledger.credential.timestamp import parse_timestamp
from ledger.errors import CairnError
from tests.conformance import record
from tests.ledger.credential.badges import SCHOOL_DID, STRANGER, STRANGER_DID, VECTORS, library
from tests.ledger.credential.plainlist.lists import (
    DAY,
    FREE,
    HEAD,
    ISSUER_URL,
    NOW,
    REVOKED,
    SUSPENDED,
    asked,
    bare,
    bitstring,
    bitstring_jwt,
    entry,
    sign,
)
from tests.shared import shared_path

MANY = encode_bits(pack_left({REVOKED: 3, FREE: 1}, PLAIN_SLOTS, 2))
MESSAGES = [{"status": f"0x{n}", "message": word} for n, word in enumerate(("good", "late", "lost", "void"))]


def message_entry(**changes: Any) -> JSONObject:
    (value, _), _ = status_members(PlainSlot(0, REVOKED), ISSUER_URL)
    return value | {"statusPurpose": "message", "statusSize": 2, "statusMessage": MESSAGES} | changes


@pytest.mark.parametrize("as_jwt", [False, True])
def test_each_purpose_has_its_bits(as_jwt: bool) -> None:
    """A revoked slot is set in one list, a suspended one in the other, a free one in none."""
    found = {}
    for purpose in Purpose:
        made = bitstring_jwt(bare(purpose)) if as_jwt else bitstring(purpose)
        for slot in (REVOKED, SUSPENDED, FREE):
            found[purpose.value, slot] = read_bitstring(made, entry(slot, purpose), asked()).value
    assert [key for key, value in found.items() if value] == [("revocation", REVOKED), ("suspension", SUSPENDED)]


def test_the_head_of_the_ledger_stands_inside_and_is_signed() -> None:
    """Log, size and root, under names that a proof over RDF covers as well."""
    document = sign(bare(), suite=Cryptosuite.EDDSA_RDFC_2022)
    evidence = document["evidence"]
    assert type(evidence) is list
    assert type(evidence[0]) is dict
    assert evidence[0]["cairn:size"] == HEAD.size
    assert read_bitstring(document, entry(), asked(library=library())).value == 1
    evidence[0]["cairn:size"] = HEAD.size + 1
    with pytest.raises(StatusListError, match="does not cover this document"):
        read_bitstring(document, entry(), asked(library=library()))


def test_values_of_several_bits_have_meanings() -> None:
    """`statusSize` and `statusMessage` go together."""
    made = bitstring(statusPurpose=["revocation", "message"], encodedList=MANY)
    answer = read_bitstring(made, parse_entry(message_entry()), asked())
    assert (answer.value, answer.message) == (3, "void")


def test_a_credential_has_one_entry_for_each_purpose() -> None:
    """An object or an array; entries of other kinds are left out."""
    entries, _ = status_members(PlainSlot(0, REVOKED), ISSUER_URL)
    assert [parsed.purpose for parsed in parse_entries([*entries, {"type": "1EdTechRevocationList"}])] == list(Purpose)
    assert parse_entries(entries[0]) == (parse_entry(entries[0]),)
    assert parse_entries(None) == ()


def expired() -> JSONObject:
    return sign(bare() | {"validUntil": "2025-12-31T23:59:59Z"})


def tampered() -> JSONObject:
    made, other = bitstring(), encode_bits(bytes(PLAIN_SLOTS // 8))
    subject = made["credentialSubject"]
    assert type(subject) is dict
    subject["encodedList"] = other
    return made


LISTS: list[tuple[str, Any, StatusProblem, str]] = [
    ("not a status list", lambda: sign(bare() | {"type": ["VerifiableCredential"]}), StatusProblem.VERIFICATION, "type"),
    ("another list", lambda: sign(bare() | {"id": f"{ISSUER_URL}/status/1/revocation"}), StatusProblem.VERIFICATION,
     "the credential names"),
    ("subject of another kind", lambda: bitstring(type="StatusList2021"), StatusProblem.MALFORMED, "no BitstringStatus"),
    ("no subject", lambda: sign(bare() | {"credentialSubject": [1]}), StatusProblem.MALFORMED, "no BitstringStatus"),
    ("another issuer", lambda: sign(bare() | {"issuer": STRANGER_DID}, STRANGER), StatusProblem.VERIFICATION,
     "it is issued by"),
    ("signed by a stranger", lambda: sign(bare(), STRANGER), StatusProblem.VERIFICATION, "has to be signed by"),
    ("not signed", bare, StatusProblem.VERIFICATION, "holds none by"),
    ("tampered", tampered, StatusProblem.VERIFICATION, "does not cover"),
    ("expired", expired, StatusProblem.VERIFICATION, "expired at 2025-12-31"),
    ("not yet valid", lambda: sign(bare() | {"validFrom": "2026-01-02T00:00:00Z"}), StatusProblem.VERIFICATION,
     "valid from 2026-01-02"),
    ("no date", lambda: sign(bare() | {"validUntil": "soon"}), StatusProblem.VERIFICATION, "no date and time"),
    ("another purpose", lambda: bitstring(statusPurpose="refresh"), StatusProblem.VERIFICATION, "it is for refresh"),
    ("no bits", lambda: bitstring(encodedList=7), StatusProblem.MALFORMED, "expected a text 'encodedList'"),
    ("no multibase", lambda: bitstring(encodedList="H4sIAAA"), StatusProblem.MALFORMED, "expected multibase 'u'"),
    ("padding", lambda: bitstring(encodedList=encode_bits(b"") + "="), StatusProblem.MALFORMED, "base64url"),
    ("not gzip", lambda: bitstring(encodedList="uAAAA"), StatusProblem.MALFORMED, "not gzip"),
    ("bomb", lambda: bitstring(encodedList=encode_bits(bytes(MAX_LIST_BYTES + 1))), StatusProblem.MALFORMED, "expands"),
    ("short", lambda: bitstring(encodedList=encode_bits(bytes(PLAIN_SLOTS // 8 - 1))), StatusProblem.LENGTH,
     "131064 places"),
    ("jwt of another type", lambda: bitstring_jwt().replace("eyJ", "eyK", 1), StatusProblem.MALFORMED, "status list"),
    ("jwt by a stranger", lambda: bitstring_jwt(key=STRANGER), StatusProblem.VERIFICATION, "not of its issuer"),
    ("jwt with a vc claim", lambda: bitstring_jwt(bare() | {"vc": {}}), StatusProblem.VERIFICATION, "claim 'vc'"),
    ("jwt by another iss", lambda: bitstring_jwt(bare() | {"iss": STRANGER_DID}), StatusProblem.VERIFICATION, "'iss'"),
    ("jwt expired", lambda: bitstring_jwt(bare() | {"exp": NOW // 1000}), StatusProblem.VERIFICATION, "expired at"),
    ("jwt with a flipped signature", lambda: bitstring_jwt()[:-8] + "AAAAAAAA", StatusProblem.VERIFICATION, "EdDSA"),
    ("no jwt", lambda: "hello", StatusProblem.MALFORMED, "three parts"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "problem", "words"), [row[1:] for row in LISTS], ids=[row[0] for row in LISTS])
def test_a_list_that_says_nothing(make: Any, problem: StatusProblem, words: str) -> None:
    """Each step of reading refuses, under its own name."""
    with pytest.raises(StatusListError, match=words) as caught:
        read_bitstring(make(), entry(), asked())
    assert caught.value.problem is problem


def test_a_place_beyond_the_list() -> None:
    """The last place is read, the one behind it is out of range."""
    made = bitstring(statusPurpose="message", encodedList=MANY)
    last = parse_entry(message_entry(statusListIndex=str(PLAIN_SLOTS - 1)))
    assert read_bitstring(made, last, asked()).value == 0
    with pytest.raises(StatusListError, match=f"no place {PLAIN_SLOTS}, it has {PLAIN_SLOTS}") as caught:
        read_bitstring(made, parse_entry(message_entry(statusListIndex=str(PLAIN_SLOTS))), asked())
    assert caught.value.problem is StatusProblem.RANGE


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"statusListCredential": None}, "expected a text 'statusListCredential', found nothing"),
        ({"statusPurpose": ["revocation"]}, "expected a text 'statusPurpose', found an array"),
        ({"id": f"{ISSUER_URL}/status/0/revocation"}, "its id is the URL of the list"),
        ({"statusListIndex": 5}, "expected a text 'statusListIndex', found a number"),
        ({"statusListIndex": "-1"}, "'-1' is no number"),
        ({"statusListIndex": "5.0"}, "'5.0' is no number"),
        ({"statusListIndex": "٣"}, "is no number"),
        ({"statusListIndex": "9" * 13}, "is no number"),
        ({"statusSize": 0}, "statusSize 0 is not 1 to 16"),
        ({"statusSize": True}, "statusSize True"),
        ({"statusSize": 17}, "statusSize 17"),
        ({"statusMessage": None}, "expected statusMessage with 4 meanings"),
        ({"statusMessage": MESSAGES[:3]}, "expected statusMessage with 4 meanings"),
        ({"statusMessage": [*MESSAGES[:3], MESSAGES[0]]}, "two meanings for one value"),
        ({"statusMessage": [*MESSAGES[:3], {"status": "0x4", "message": ""}]}, "does not fit 2 bits"),
        ({"statusMessage": [*MESSAGES[:3], {"status": "3", "message": ""}]}, "no number like '0x1'"),
        ({"statusMessage": [*MESSAGES[:3], 3]}, "expected 'status' and 'message'"),
    ],
)
def test_an_entry_that_cannot_be_read(changes: dict[str, Any], words: str) -> None:
    """Each member of the entry is checked before any list is looked at."""
    with pytest.raises(StatusListError, match=words) as caught:
        parse_entry(message_entry(**changes))
    assert caught.value.problem is StatusProblem.MALFORMED


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)
)


@given(st.sampled_from(["type", "id", "issuer", "validFrom", "credentialSubject", "proof"]), JSON)
@settings(max_examples=60)
def test_any_value_in_any_member_is_refused_by_name(name: str, value: Any) -> None:
    """Nothing but a refusal leaves the reader; no member of the list may be anything at all."""
    with pytest.raises(StatusListError):
        read_bitstring(bitstring() | {name: value}, entry(), asked())


@given(st.dictionaries(st.sampled_from(sorted(message_entry())), JSON))
def test_any_entry_is_read_or_refused(changes: dict[str, Any]) -> None:
    """Nothing but a refusal leaves the parser."""
    try:
        assert parse_entry(message_entry(**changes)).size <= 16
    except StatusListError as error:
        assert error.problem is StatusProblem.MALFORMED


def test_generated_cases() -> None:
    """Every case of the shared vectors comes out as expected."""
    cases = json.loads(shared_path(f"{VECTORS}/generated/bitstring-cases.json").read_bytes())["cases"]
    for case in cases:
        now, document = parse_timestamp(case["now"], where="now"), case["statusListCredential"]
        try:
            question = asked(now=now, issuers=frozenset({document["issuer"]}))
            found: object = read_bitstring(document, parse_entry(case["entry"]), question).value
        except StatusListError as error:
            found = error.problem.value
        assert found == case["expect"], case["name"]
    accepted = sum(isinstance(case["expect"], int) for case in cases)
    files = [f"{VECTORS}/generated/bitstring-cases.json"]
    record("Bitstring Status List 1.0", "generated cases", files, accepted=accepted, refused=len(cases) - accepted)


def test_examples_of_the_specification() -> None:
    """Entries are read; the lists expand to 131,072 clear bits and are refused for want of a proof alone."""
    folder = shared_path(f"{VECTORS}/bitstring-status-list")
    documents = {path.stem[-2:]: json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))}
    revocation, suspension = parse_entries(documents["01"]["credentialStatus"])
    assert (revocation.index, suspension.index, suspension.purpose) == (94_567, 23_452, "suspension")
    assert parse_entries(documents["03"]["credentialStatus"]) == (revocation,)
    for name in ("02", "04"):
        value = documents[name]
        with pytest.raises(StatusListError, match="holds none by 'did:example:12345'"):
            read_bitstring(value, revocation, asked(issuers=frozenset({value["issuer"]})))
        mine = bare(encodedList=value["credentialSubject"]["encodedList"]) | {"id": revocation.url}
        assert read_bitstring(sign(mine), revocation, asked()).value == 0
    record(
        "Bitstring Status List 1.0", "examples of the text", [f"{VECTORS}/bitstring-status-list"], accepted=2, refused=2
    )


def test_lists_of_other_software() -> None:
    """The lists of the DCC: one without its type; one well signed, whose 100,000 places are fewer than the least."""
    folder = shared_path(f"{VECTORS}/dcc/statusLists/didkey-ed25519Signature2020")
    problems = {}
    for path in sorted(folder.glob("*.json")):
        document = json.loads(path.read_bytes())
        question = asked(issuers=frozenset({document["issuer"]}), library=library())
        with pytest.raises(StatusListError) as caught:
            read_bitstring(document, BitstringEntry(url=document["id"], purpose="revocation", index=0), question)
        problems[path.stem] = caught.value.problem
    assert problems == {
        "e5WK8CbZ1GjycuPombrj": StatusProblem.LENGTH,
        "missingBitStringType": StatusProblem.VERIFICATION,
    }
    record(
        "Bitstring Status List 1.0",
        "lists of the DCC: too short, without its type",
        [f"{VECTORS}/dcc/statusLists"],
        refused=2,
    )


def test_problems_are_errors_about_outside_data() -> None:
    """Callers that know nothing of status lists still catch them."""
    assert issubclass(StatusListError, CairnError)
    assert compress(b"", Compression.GZIP)[4:8] == bytes(4), "no time stands in the header"
    assert asked(now=NOW + DAY).issuers == {SCHOOL_DID}
