"""The certificate a node makes itself: who vouches, and when it is made anew."""

import stat
from pathlib import Path

import pytest

from ledger.log.identity import LogId
from ledger.log.keys import SigningKey
from node.client.pin import Expectation, parse_certificate, verify_pin
from node.tls.pair import CertificatePair, read_pair
from node.tls.selfmade import BACKDATED_MS, LIFETIME_MS, RENEW_BEFORE_MS, SelfMade
from tests.node.tls.authority import DAY_MS, now_ms

LOG = LogId(b"l" * 32)
OLD, NEW = SigningKey(b"o" * 32), SigningKey(b"n" * 32)
NOW = now_ms()


def shown(made: SelfMade) -> CertificatePair:
    return read_pair(made.path, made.path)


def der(pair: CertificatePair) -> bytes:
    import ssl

    return ssl.PEM_cert_to_DER_cert(pair.chain.decode())


def test_it_is_made_once_and_vouched_for(tmp_path: Path) -> None:
    made = SelfMade(tmp_path, LOG, lambda: (OLD, NEW), ["school.example", ""])

    assert made.renew(NOW)
    assert not made.renew(NOW)

    pair = shown(made)
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.path.parent.stat().st_mode) == 0o700
    assert pair.names == ("node.cairn.invalid", "school.example")
    assert pair.not_after - NOW == pytest.approx(LIFETIME_MS, abs=1000)
    for key in (OLD, NEW):
        expected = Expectation(frozenset({(LOG, key.public)}), is_named=True)
        assert verify_pin(parse_certificate(der(pair)), expected, NOW, "here") == LOG


@pytest.mark.parametrize(
    ("later", "is_renewed"),
    [
        (LIFETIME_MS - RENEW_BEFORE_MS - DAY_MS, False),
        (LIFETIME_MS - RENEW_BEFORE_MS + 1000, True),
        (LIFETIME_MS + DAY_MS, True),
        # The clock was far ahead when it was made, and is right again.
        (-BACKDATED_MS - 1000, True),
    ],
)
def test_it_is_made_anew_with_another_key_in_time(tmp_path: Path, later: int, is_renewed: bool) -> None:
    made = SelfMade(tmp_path, LOG, lambda: (OLD,))
    made.renew(NOW)
    before = shown(made)

    assert made.renew(NOW + later) is is_renewed

    assert (shown(made).key != before.key) is is_renewed
    assert shown(made).problems(NOW + later) == ()


def test_it_is_made_anew_when_other_keys_vouch(tmp_path: Path) -> None:
    signers = [OLD]
    made = SelfMade(tmp_path, LOG, lambda: signers)
    made.renew(NOW)
    signers.append(NEW)

    assert made.renew(NOW)
    assert not made.renew(NOW)


def test_it_is_made_anew_for_another_log_or_host(tmp_path: Path) -> None:
    SelfMade(tmp_path, LOG, lambda: (OLD,)).renew(NOW)

    assert SelfMade(tmp_path, LogId(b"m" * 32), lambda: (OLD,)).renew(NOW)
    assert SelfMade(tmp_path, LogId(b"m" * 32), lambda: (OLD,), ["moved.example"]).renew(NOW)


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_damaged_or_open_file_is_replaced(tmp_path: Path, mode: int) -> None:
    made = SelfMade(tmp_path, LOG, lambda: (OLD,))
    made.renew(NOW)
    key = shown(made).key
    if mode == 0o600:
        made.path.write_bytes(b"half a fi")
    made.path.chmod(mode)

    assert made.renew(NOW)
    assert shown(made).key != key
