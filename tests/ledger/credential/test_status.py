"""Status pages: the exact bytes of DESIGN 4, and that a page says nothing to whoever lacks the key."""

import hashlib
from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.credential import status
from ledger.credential.status import Status, StatusReference
from ledger.credential.strict_json import JSONObject
from ledger.errors import MalformedError, ProofError

ROOT = bytes(range(32))
KEY = status.list_key(ROOT, 3)
ID = b"\x07" * 16


@dataclass(frozen=True, slots=True)
class Place:
    log: bytes
    number: int
    first: int
    slots: int


def test_keys_are_the_hashes_of_the_design() -> None:
    """List key and slot key follow from the list root by the two context strings, numbers as 4 bytes big-endian."""
    expected = hashlib.sha256(b"cairn/list/v1\n" + ROOT + b"\x00\x00\x00\x03").digest()
    assert expected == KEY
    assert status.slot_key(KEY, 258) == hashlib.sha256(b"cairn/slot/v1\n" + KEY + b"\x00\x00\x01\x02").digest()


def test_a_page_byte_is_the_status_under_one_byte_of_noise() -> None:
    """Every slot of a page reads as the design's formula says, unassigned ones as 0."""
    items = status.encode_page(KEY, 2048, {0: 1, 1023: 2, 1024: 3}, ID)
    assert [len(item) for item in items] == [1024, 1024]
    page = b"".join(items)
    expected = {0: 1, 1023: 2, 1024: 3}
    for slot in (0, 1, 1023, 1024, 2047):
        k = hashlib.sha256(b"cairn/slot/v1\n" + KEY + slot.to_bytes(4, "big")).digest()
        noise = hashlib.sha256(b"cairn/page/v1\n" + k + ID).digest()[0]
        assert page[slot] == expected.get(slot, 0) ^ noise


def test_golden_page() -> None:
    """The bytes never change: a page of 1,024 slots has this hash."""
    (item,) = status.encode_page(KEY, 1024, {5: 1}, ID)
    assert hashlib.sha256(item).hexdigest() == "857cd1dbcb9d23ed5499aeb2a7a8d7b78fb1a61cc6526a9839257e0ea0368775"


def test_a_slot_key_reads_its_slot_and_page_position_finds_it() -> None:
    """What a verifier does: position from the entry's lists, one byte, the copy's key."""
    own = b"\x01" * 32
    other = b"\x02" * 32
    lists = [Place(own, 0, 0, 1024), Place(own, 1, 1, 2048), Place(other, 0, 3, 1024)]
    pages = [
        status.encode_page(status.list_key(ROOT, 0), 1024, {}, ID),
        status.encode_page(status.list_key(ROOT, 1), 2048, {1500: Status.SUSPENDED}, ID),
        status.encode_page(status.list_key(ROOT, 9), 1024, {7: Status.REPLACED}, ID),
    ]
    items = [item for page in pages for item in page]
    item, offset = status.page_position(lists, own, 1, 1500)
    assert (item, offset) == (2, 476)
    k = status.slot_key(status.list_key(ROOT, 1), 1500)
    assert status.read_status(items[item][offset], k, ID) is Status.SUSPENDED
    item, offset = status.page_position(lists, other, 0, 7)
    k = status.slot_key(status.list_key(ROOT, 9), 7)
    assert status.read_status(items[item][offset], k, ID) is Status.REPLACED


@pytest.mark.parametrize(
    ("number", "slot", "message"),
    [
        (2, 0, "list 2 of log AQEB"),
        (0, 1024, "slot 1024 is beyond the 1024 slots of list 0"),
        (0, -1, "slot -1 is beyond"),
    ],
)
def test_page_position_refuses(number: int, slot: int, message: str) -> None:
    """A list that the entry does not restate and a slot beyond the list are told apart."""
    with pytest.raises(ProofError, match=message):
        status.page_position([Place(b"\x01" * 32, 0, 0, 1024)], b"\x01" * 32, number, slot)


def test_the_wrong_key_could_not_check() -> None:
    """A byte above 3 is an error, never a status; a wrong key gives one for 252 of 256 bytes."""
    k = status.slot_key(KEY, 0)
    noise = hashlib.sha256(b"cairn/page/v1\n" + k + ID).digest()[0]
    refused = 0
    for byte in range(256):
        if byte ^ noise <= 3:
            assert status.read_status(byte, k, ID) == byte ^ noise
            continue
        with pytest.raises(ProofError, match="could not check"):
            status.read_status(byte, k, ID)
        refused += 1
    assert refused == 252


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.integers(0, 1023), st.sampled_from(Status)), st.binary(min_size=16, max_size=16))
def test_decode_inverts_encode(statuses: dict[int, Status], statement_id: bytes) -> None:
    """What a list says is what was put in; nothing else is set."""
    items = status.encode_page(KEY, 1024, statuses, statement_id)
    plain = status.decode_page(KEY, items, statement_id)
    assert {slot: value for slot, value in enumerate(plain) if value} == {s: v for s, v in statuses.items() if v}


def test_bytes_are_encoded_as_they_are() -> None:
    """A recovered page keeps bytes above 3 of slots its database does not know."""
    plain = bytes(range(256)) * 4
    items = status.encode_page(KEY, 1024, plain, ID)
    assert status.decode_page(KEY, items, ID) == plain


def test_pages_pass_for_noise() -> None:
    """Pages with nothing and with everything revoked look alike, and two pages of equal statuses share nothing."""
    nothing = b"".join(status.encode_page(KEY, 16_384, {}, ID))
    everything = b"".join(status.encode_page(KEY, 16_384, dict.fromkeys(range(16_384), 1), b"\x08" * 16))
    again = b"".join(status.encode_page(KEY, 16_384, {}, b"\x09" * 16))
    for page in (nothing, everything):
        # 255 degrees of freedom: 330 is beyond 1 in 1,000; the inputs are fixed, so this cannot flicker
        expected = len(page) / 256
        chi_squared = sum((count - expected) ** 2 / expected for count in Counter(page).values())
        assert 190 < chi_squared < 330
    same = sum(a == b for a, b in zip(nothing, again, strict=True))
    assert 30 < same < 110


@pytest.mark.parametrize("slots", [0, 1, 512, 1023, 1025, 3072, 1 << 21])
def test_lists_have_a_power_of_two_of_slots(slots: int) -> None:
    """Other sizes are a mistake of the caller."""
    assert not status.is_slot_count(slots)
    with pytest.raises(ValueError, match="power of two"):
        status.encode_page(KEY, slots, {}, ID)


@pytest.mark.parametrize(
    ("statuses", "message"),
    [({1024: 1}, "slot 1024"), ({-1: 1}, "slot -1"), ({0: 4}, "4"), (b"\x00" * 1023, "1023 statuses for 1024 slots")],
)
def test_encode_page_refuses(statuses: dict[int, int] | bytes, message: str) -> None:
    """Slots beyond the list and values that are no status are mistakes of the caller."""
    with pytest.raises(ValueError, match=message):
        status.encode_page(KEY, 1024, statuses, ID)


@pytest.mark.parametrize("items", [(), (b"\x00" * 1023,), (b"\x00" * 1024,) * 3, (b"\x00" * 512, b"\x00" * 512)])
def test_decode_page_refuses(items: tuple[bytes, ...]) -> None:
    """Items that cannot be a list are refused."""
    with pytest.raises(MalformedError, match="do not make a list"):
        status.decode_page(KEY, items, ID)


REFERENCE = StatusReference(log=b"\x05" * 32, number=2, slot=77, key=b"\x06" * 32)


def test_the_status_claim_round_trips() -> None:
    """The claim in a copy names log, list, slot and key; other methods beside it are left alone."""
    claim = status.encode_status_claim(REFERENCE)
    assert claim == {
        "cairn": {
            "list": {"log": "BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU", "number": 2},
            "slot": 77,
            "k": "BgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgY",
        }
    }
    assert status.parse_status_claim({**claim, "status_list": {"idx": 0}}) == REFERENCE
    assert status.parse_status_claim({"status_list": {"idx": 0}}) is None
    assert status.parse_status_claim(None) is None


def test_the_slot_key_is_not_in_the_representation() -> None:
    """A reference that reaches a log line gives nothing away."""
    assert "Bg" not in repr(REFERENCE)
    assert "0606" not in repr(REFERENCE)
    assert "\\x06" not in repr(REFERENCE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"slot": -1}, r"status\.cairn\.slot"),
        ({"slot": True}, r"status\.cairn\.slot"),
        ({"slot": 1.0}, r"status\.cairn\.slot"),
        ({"slot": 1 << 20}, r"status\.cairn\.slot"),
        ({"k": "AA"}, r"status\.cairn\.k"),
        ({"k": 5}, r"status\.cairn\.k"),
        ({"list": None}, r"status\.cairn\.list"),
        ({"list": {"log": "BQ", "number": 2}}, r"status\.cairn\.list\.log"),
        ({"list": {"log": "BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU", "number": -1}}, r"list\.number"),
        ({"more": 1}, "exactly k, list, slot"),
    ],
)
def test_parse_status_claim_refuses(change: JSONObject, message: str) -> None:
    """Anything but the one spelling is refused, naming the member."""
    claim = status.encode_status_claim(REFERENCE)
    cairn = claim["cairn"]
    assert isinstance(cairn, dict)
    with pytest.raises(MalformedError, match=message):
        status.parse_status_claim({"cairn": {**cairn, **change}})


@pytest.mark.parametrize("length", [0, 31, 33])
def test_keys_of_another_length_are_mistakes(length: int) -> None:
    """A key that is not 32 bytes never reads anything."""
    with pytest.raises(ValueError, match="expected 32"):
        status.read_status(0, b"\x00" * length, ID)
    with pytest.raises(ValueError, match="expected 32"):
        status.slot_key(b"\x00" * length, 0)
    with pytest.raises(ValueError, match="expected 32"):
        status.list_key(b"\x00" * length, 0)


def test_a_page_is_turned_as_it_is_decoded_and_encoded() -> None:
    """One pass gives what the two calls give, also where a list is longer than one stride."""
    key, slots, first, second = status.list_key(b"r" * 32, 3), 32_768, b"1" * 16, b"2" * 16
    before = {5: 1, 20_000: 2}
    after = {5: 1, 20_000: 0, 32_767: 3}
    items = status.encode_page(key, slots, before, first)
    assert status.turn_page(key, items, first, after, second) == (
        status.decode_page(key, items, first),
        status.encode_page(key, slots, after, second),
    )
    with pytest.raises(MalformedError, match="do not make a list"):
        status.turn_page(key, items[:3], first, after, second)
