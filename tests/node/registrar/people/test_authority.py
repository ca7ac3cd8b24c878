"""The node's certificate authority: one file, found again, refused when damaged, and signing only what it should."""

import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from ledger.errors import MalformedError, PolicyError
from node.client.certificates import encode_key, is_certificate_for, make_key, make_signing_request
from node.clock import system_clock, system_draw
from node.found import KEYS_DIRECTORY, found_institution
from node.keystore import open_keystore
from node.registrar.people.authority import (
    FILE_NAME,
    SERVER_DAYS,
    SERVER_RENEWAL_DAYS,
    Authority,
    ServerContext,
    fingerprint,
    make_authority,
    open_authority,
    parse_signing_request,
)
from tests.node.school import founding

DAY_MS = 86_400_000


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return make_authority(tmp_path, "granite", system_clock())


def test_it_is_kept_and_found_again(tmp_path: Path, authority: Authority) -> None:
    again = open_authority(tmp_path)
    assert again is not None and again.pem == authority.pem and again.words == authority.words
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        make_authority(tmp_path, "granite", system_clock())


def test_it_stands_beside_the_keys_of_the_log(tmp_path: Path) -> None:
    """The key backup is the folder; the keystore takes no notice of it."""
    found_institution(tmp_path / "school", founding(), system_clock, system_draw)
    keys = tmp_path / "school" / KEYS_DIRECTORY
    assert open_authority(keys) is None
    make_authority(keys, "granite", system_clock())
    open_keystore(keys)
    assert open_authority(keys) is not None


def test_a_damaged_file_is_refused(tmp_path: Path, authority: Authority) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(MalformedError, match="not a key with its certificate"):
        open_authority(tmp_path)
    path.write_bytes(encode_key(make_key()) + authority.pem.encode())
    with pytest.raises(MalformedError, match="do not belong together"):
        open_authority(tmp_path)
    path.chmod(0o640)
    with pytest.raises(PolicyError, match="other accounts"):
        open_authority(tmp_path)


def test_clients_and_servers_are_told_apart(authority: Authority) -> None:
    key, now = make_key(), system_clock()
    client = x509.load_der_x509_certificate(authority.sign_client("x", key.public_key(), now, now + DAY_MS))
    server = x509.load_der_x509_certificate(authority.sign_server(key.public_key(), now, now + DAY_MS))
    for certificate, usage in ((client, ExtendedKeyUsageOID.CLIENT_AUTH), (server, ExtendedKeyUsageOID.SERVER_AUTH)):
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(usages) == [usage]
        assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
        assert is_certificate_for(certificate, key, authority.certificate)
        assert not is_certificate_for(certificate, make_key(), authority.certificate)
    assert client.not_valid_after_utc == datetime.datetime.fromtimestamp((now + DAY_MS) // 1000, datetime.UTC)


def test_another_authority_of_the_same_name_is_another(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "other").mkdir()
    other = make_authority(tmp_path / "other", "granite", system_clock())
    key, now = make_key(), system_clock()
    der = other.sign_client("x", key.public_key(), now, now + DAY_MS)
    assert not is_certificate_for(x509.load_der_x509_certificate(der), key, authority.certificate)
    assert other.words != authority.words
    assert fingerprint(der) != fingerprint(other.sign_client("x", key.public_key(), now, now + DAY_MS))


def test_a_request_is_for_the_key_that_signed_it() -> None:
    key = make_key()
    assert parse_signing_request(make_signing_request(key)) == key.public_key()


def test_requests_of_other_kinds_are_refused() -> None:
    from cryptography.hazmat.primitives import hashes, serialization

    for key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())):
        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
        with pytest.raises(MalformedError, match="not of the kind P-256"):
            parse_signing_request(request.public_bytes(serialization.Encoding.DER))


def test_the_listeners_certificate_is_replaced_before_it_ends(authority: Authority) -> None:
    """A node that runs for years never shows an expired one."""
    context, now = ServerContext(authority), system_clock()
    first = context.context(now)
    assert first.minimum_version is ssl.TLSVersion.TLSv1_3
    assert (first.verify_mode, first.num_tickets) == (ssl.CERT_REQUIRED, 0)
    ends = context._ends_at
    context.context(now + (SERVER_DAYS - SERVER_RENEWAL_DAYS) * DAY_MS - DAY_MS)
    assert context._ends_at == ends
    context.context(now + (SERVER_DAYS - SERVER_RENEWAL_DAYS + 1) * DAY_MS)
    assert context._ends_at > ends
