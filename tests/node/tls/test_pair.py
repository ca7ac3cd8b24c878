"""Certificate and key files: what is taken, and what is told in words."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from ledger.errors import CairnError
from node.tls.certificate import make_private_key
from node.tls.pair import MAX_PEM_BYTES, covers, read_pair
from tests.node.tls.authority import DAY_MS, Files, make_test_authority, now_ms, self_made, write_files

AUTHORITY = make_test_authority()
HOST = "cairn.granite.example"


def test_files_of_an_authority_are_read(tmp_path: Path) -> None:
    pair = write_files(tmp_path, AUTHORITY, HOST, "192.0.2.7").pair()

    assert pair.names == (HOST, "192.0.2.7")
    assert not pair.is_alone and not pair.is_self_signed
    assert pair.problems(now_ms(), HOST) == pair.problems(now_ms()) == ()
    assert pair.context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert "PRIVATE" not in repr(pair)


def test_one_file_may_hold_both(tmp_path: Path) -> None:
    pair = self_made(tmp_path, None)

    assert pair.is_alone and pair.is_self_signed
    assert b"PRIVATE" not in pair.chain


@pytest.mark.parametrize(
    ("begins_in", "ends_in", "host", "problem"),
    [
        (-2 * DAY_MS, -DAY_MS, HOST, "it ended on "),
        (DAY_MS, 2 * DAY_MS, HOST, "it is not good before "),
        (-DAY_MS, DAY_MS, "other.example", "it is for cairn.granite.example, and others come to other.example"),
    ],
)
def test_what_clients_would_refuse_is_told(
    tmp_path: Path, begins_in: int, ends_in: int, host: str, problem: str
) -> None:
    pair = write_files(tmp_path, AUTHORITY, HOST, begins_in=begins_in, ends_in=ends_in).pair()

    (found,) = pair.problems(now_ms(), host)
    assert found.startswith(problem)


def pem(
    key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, password: bytes = b""
) -> bytes:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        encryption = serialization.BestAvailableEncryption(password)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda files: files.key.chmod(0o644), "other accounts can open this key (mode 0644"),
        (lambda files: files.key.chmod(0o660), "other accounts can open this key (mode 0660"),
        (lambda files: files.key.unlink(), "no such file"),
        (lambda files: files.certificate.unlink(), "no such file"),
        (lambda files: files.key.write_bytes(pem(make_private_key())), "is not the key of"),
        (lambda files: files.key.write_bytes(pem(make_private_key(), b"secret")), "the key is encrypted"),
        (lambda files: files.key.write_bytes(pem(ed25519.Ed25519PrivateKey.generate())), "not every client takes"),
        (lambda files: files.key.write_bytes(b"nothing"), "holds no private key in PEM form"),
        (lambda files: files.key.write_bytes(b"x" * (MAX_PEM_BYTES + 1)), "too large"),
        (lambda files: files.certificate.write_bytes(b"nothing"), "holds no certificates in PEM form"),
        (lambda files: files.certificate.write_bytes(files.key.read_bytes()), "holds no certificates in PEM form"),
        (lambda files: files.certificate.write_bytes(b"x" * (MAX_PEM_BYTES + 1)), "too large"),
    ],
)
def test_what_cannot_work_is_refused_by_file_and_reason(
    tmp_path: Path, spoil: Callable[[Files], object], reason: str
) -> None:
    files = write_files(tmp_path, AUTHORITY, HOST)
    spoil(files)

    with pytest.raises(CairnError) as caught:
        files.pair()

    assert str(caught.value).startswith(str(tmp_path)) and reason in str(caught.value)


def test_a_key_shared_with_a_group_is_taken(tmp_path: Path) -> None:
    files = write_files(tmp_path, AUTHORITY, HOST)
    files.key.chmod(0o640)

    assert read_pair(files.certificate, files.key).names == (HOST,)


@pytest.mark.parametrize(
    ("names", "host", "is_covered"),
    [
        (("a.example",), "a.example", True),
        (("a.example",), "A.Example.", True),
        (("A.example",), "a.example", True),
        (("*.example",), "a.example", True),
        (("*.example",), "b.a.example", False),
        (("*.example",), "example", False),
        (("a.example",), "b.example", False),
        ((), "a.example", False),
        (("127.0.0.1",), "127.0.0.1", True),
        (("::1",), "0:0:0:0:0:0:0:1", True),
        (("*.0.0.1",), "127.0.0.1", False),
    ],
)
def test_names_mean_hosts(names: tuple[str, ...], host: str, is_covered: bool) -> None:
    assert covers(names, host) is is_covered
