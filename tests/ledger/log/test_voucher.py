"""Vouchers for TLS keys: what is signed, what is refused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import base64url, canonical
from ledger.errors import CairnError, MalformedError, SignatureError
from ledger.log.identity import LogId
from ledger.log.keys import SigningKey
from ledger.log.voucher import MAX_SIGNATURES, MAX_VOUCHER_BYTES, TransportKey, parse_voucher, sign_voucher

LOG = LogId(b"l" * 32)
KEYS = [SigningKey(bytes([n]) * 32) for n in range(1, MAX_SIGNATURES + 2)]
TRANSPORT = TransportKey(LOG, b"public key", 1_700_000_000, 1_702_592_000)


def test_the_signed_bytes_are_those_of_the_format() -> None:
    assert TRANSPORT.signed_bytes() == (
        b'cairn/tls-key/v1\n{"log":"bGxsbGxsbGxsbGxsbGxsbGxsbGxsbGxsbGxsbGxsbGw","not_after":1702592000,'
        b'"not_before":1700000000,"public_key":"9WmobTwsjX3aJrXb6iC9XBnus138Y_23JLrE8hwieFA"}'
    )


@pytest.mark.parametrize("count", [1, 2, MAX_SIGNATURES])
def test_one_trusted_signer_is_enough(count: int) -> None:
    voucher = parse_voucher(sign_voucher(TRANSPORT, KEYS[:count]))

    for key in KEYS[:count]:
        voucher.verify(TRANSPORT, [KEYS[-1].public, key.public])


@pytest.mark.parametrize("signers", [[], KEYS])
def test_too_few_or_too_many_signers_are_refused(signers: list[SigningKey]) -> None:
    with pytest.raises(MalformedError):
        sign_voucher(TRANSPORT, signers)


@pytest.mark.parametrize(
    ("transport", "trusted", "reason"),
    [
        (replace(TRANSPORT, log=LogId(b"m" * 32)), KEYS[:1], "it is of another log"),
        (TRANSPORT, [], "no key that is named for this log signed it"),
        (TRANSPORT, KEYS[1:], "no key that is named for this log signed it"),
        (replace(TRANSPORT, public_key=b"another"), KEYS[:1], "signature"),
        (replace(TRANSPORT, not_before=TRANSPORT.not_before - 1), KEYS[:1], "signature"),
        (replace(TRANSPORT, not_after=TRANSPORT.not_after + 1), KEYS[:1], "signature"),
    ],
)
def test_each_step_refuses(transport: TransportKey, trusted: list[SigningKey], reason: str) -> None:
    voucher = parse_voucher(sign_voucher(TRANSPORT, KEYS[:1]))

    with pytest.raises(SignatureError, match=reason):
        voucher.verify(transport, [key.public for key in trusted])


def test_a_trusted_key_with_a_wrong_signature_spoils_the_voucher() -> None:
    """Though another trusted one verifies: somebody has been at it."""
    good, other = (
        parse_voucher(sign_voucher(TRANSPORT, KEYS[:2])),
        sign_voucher(replace(TRANSPORT, not_after=1), KEYS[:2]),
    )
    mixed = replace(good, signatures=(good.signatures[0], parse_voucher(other).signatures[1]))

    with pytest.raises(SignatureError):
        mixed.verify(TRANSPORT, [key.public for key in KEYS[:2]])


def test_a_statement_is_no_voucher() -> None:
    """The context keeps a signature from meaning two things."""
    message = TRANSPORT.signed_bytes().partition(b"\n")[2]
    value = canonical.parse(sign_voucher(TRANSPORT, KEYS[:1]), max_bytes=MAX_VOUCHER_BYTES)
    value["signatures"][0]["sig"] = base64url.encode(KEYS[0].sign(message))  # type: ignore[index, call-overload]

    with pytest.raises(SignatureError):
        parse_voucher(canonical.encode(value)).verify(TRANSPORT, [KEYS[0].public])


def change(**members: object) -> bytes:
    value = canonical.parse(sign_voucher(TRANSPORT, KEYS[:2]), max_bytes=MAX_VOUCHER_BYTES)
    return canonical.encode({**value, **members})  # type: ignore[dict-item]


SIGNATURES = canonical.parse(sign_voucher(TRANSPORT, KEYS[:2]), max_bytes=MAX_VOUCHER_BYTES)["signatures"]
assert isinstance(SIGNATURES, list)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        change(v=2),
        change(extra=1),
        change(log="bGxs"),
        change(signatures=[]),
        change(signatures=SIGNATURES[::-1]),
        change(signatures=[SIGNATURES[0], SIGNATURES[0]]),
        change(signatures=[{"alg": "ed25519"}]),
        sign_voucher(TRANSPORT, KEYS[:1]) + b"\n",
        b" " * (MAX_VOUCHER_BYTES + 1),
    ],
)
def test_other_spellings_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_voucher(data)


@given(st.data())
def test_any_flipped_bit_is_refused(data: st.DataObject) -> None:
    voucher = bytearray(sign_voucher(TRANSPORT, KEYS[:1]))
    voucher[data.draw(st.integers(0, len(voucher) - 1))] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(CairnError):
        parse_voucher(bytes(voucher)).verify(TRANSPORT, [KEYS[0].public])
