"""Judging a certificate by the ledger: one refusal for each step."""

import contextlib
import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedError
from ledger.log.identity import LogId, short_log_id
from ledger.log.keys import SigningKey
from ledger.log.voucher import VOUCHER_OID
from node.client.failures import UntrustedPeerError
from node.client.pin import (
    ANYBODY,
    MAX_CERTIFICATE_BYTES,
    Expectation,
    PeerCertificate,
    parse_certificate,
    verify_pin,
)
from node.tls.certificate import CertificatePlan, make_private_key, make_self_signed
from tests.node.tls.authority import DAY_MS, now_ms, self_made

LOG, OTHER = LogId(b"l" * 32), LogId(b"m" * 32)
LOG_KEY, WITNESS_KEY, STRANGER = (SigningKey(bytes([n]) * 32) for n in (1, 2, 3))
EXPECTED = Expectation(frozenset({(LOG, LOG_KEY.public), (LOG, WITNESS_KEY.public)}), is_named=True)
NOBODY = Expectation(frozenset(), is_named=True)


def shown(folder: Path, log: LogId | None, *signers: SigningKey, **times: int) -> PeerCertificate:
    pair = self_made(folder, log, *signers, **times)
    return parse_certificate(ssl.PEM_cert_to_DER_cert(pair.chain.decode()))


@pytest.mark.parametrize("signers", [(LOG_KEY,), (WITNESS_KEY,), (LOG_KEY, WITNESS_KEY), (STRANGER, LOG_KEY)])
def test_any_key_the_ledger_names_is_enough(tmp_path: Path, signers: tuple[SigningKey, ...]) -> None:
    assert verify_pin(shown(tmp_path, LOG, *signers), EXPECTED, now_ms(), "x:1") == LOG


@pytest.mark.parametrize(
    ("log", "signer", "times", "expected", "reason"),
    [
        (None, LOG_KEY, {}, EXPECTED, "carries no voucher"),
        (LOG, LOG_KEY, {"ends_in": -1000, "begins_in": -DAY_MS}, EXPECTED, "its certificate ended on"),
        (LOG, LOG_KEY, {"begins_in": DAY_MS}, EXPECTED, "its certificate is not good before"),
        (OTHER, LOG_KEY, {}, EXPECTED, f"that of log {short_log_id(OTHER)}, and {short_log_id(LOG)} is expected"),
        (LOG, LOG_KEY, {}, NOBODY, "and nobody known here is expected"),
        (LOG, STRANGER, {}, EXPECTED, "no key that is named for this log signed it"),
        # The times were changed after the institution signed.
        (LOG, LOG_KEY, {"vouched_ends_in": DAY_MS}, EXPECTED, "not signed by a key that the ledger names"),
    ],
)
def test_each_step_refuses(
    tmp_path: Path, log: LogId | None, signer: SigningKey, times: dict[str, int], expected: Expectation, reason: str
) -> None:
    certificate = shown(tmp_path, log, signer, **times)

    with pytest.raises(UntrustedPeerError, match=reason) as caught:
        verify_pin(certificate, expected, now_ms(), "x:1")

    assert str(caught.value).startswith("x:1: ")


def test_a_voucher_does_not_fit_another_key(tmp_path: Path) -> None:
    """Cut out of a good certificate and put into one's own, it vouches for nothing."""
    good = shown(tmp_path, LOG, LOG_KEY)
    stolen = PeerCertificate(good.der, shown(tmp_path, None).public_key, good.not_before, good.not_after, good.voucher)

    with pytest.raises(UntrustedPeerError, match="not signed by a key"):
        verify_pin(stolen, EXPECTED, now_ms(), "x:1")


def test_where_nobody_is_named_a_certificate_must_agree_with_itself(tmp_path: Path) -> None:
    assert verify_pin(shown(tmp_path, OTHER, STRANGER), ANYBODY, now_ms(), "x:1") == OTHER
    with pytest.raises(UntrustedPeerError):
        verify_pin(shown(tmp_path, OTHER, STRANGER, vouched_ends_in=DAY_MS), ANYBODY, now_ms(), "x:1")


def with_extension(value: bytes) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    plan = CertificatePlan(
        name="x", not_before=now_ms(), not_after=now_ms() + DAY_MS, extension=(VOUCHER_OID, value), is_server=True
    )
    return make_self_signed(make_private_key(), plan).public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("der", "reason"),
    [
        (b"", "cannot be read"),
        (bytes(range(100)), "cannot be read"),
        (bytes(MAX_CERTIFICATE_BYTES + 1), "more than"),
        (with_extension(b"{}"), "voucher"),
        (with_extension(b"x" * 5000), "4096"),
    ],
)
def test_what_is_no_certificate_is_refused(der: bytes, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        parse_certificate(der)


BASE = with_extension(b'{"log":"bGxsbGxsbGxsbGxsbGxsbGxsbGxsbGxsbGxsbGxsbGw","signatures":[],"v":1}')


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@given(st.integers(0, len(BASE) - 1), st.integers(0, 255))
def test_a_damaged_certificate_raises_nothing_else(position: int, value: int) -> None:
    """Its text comes from whoever answers: whatever it is, parsing ends in our own error or in a certificate."""
    damaged = bytearray(BASE)
    damaged[position] = value
    with contextlib.suppress(MalformedError):
        parse_certificate(bytes(damaged))
