"""Certificates for tests: a private authority, files as an ACME client leaves them, and a node's self-made one."""

import ssl
import time
from dataclasses import dataclass
from pathlib import Path

from ledger.log.identity import LogId
from ledger.log.keys import SigningKey
from ledger.log.voucher import VOUCHER_OID, TransportKey, sign_voucher
from node.client.pin import TLS_NAME
from node.tls.certificate import (
    Authority,
    CertificatePlan,
    encode_certificates,
    encode_private_key,
    encode_public_key,
    make_authority,
    make_certificate,
    make_private_key,
    make_self_signed,
)
from node.tls.pair import CertificatePair, read_pair

DAY_MS = 86_400_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def make_test_authority(name: str = "Test Authority") -> Authority:
    return make_authority(
        make_private_key(), CertificatePlan(name=name, not_before=now_ms() - DAY_MS, not_after=now_ms() + 90 * DAY_MS)
    )


def trusting(authority: Authority) -> ssl.SSLContext:
    """What `ssl.create_default_context` gives on a computer that knows the authority."""
    return ssl.create_default_context(cadata=encode_certificates([authority.certificate]).decode())


@dataclass(frozen=True)
class Files:
    """`fullchain.pem` and `privkey.pem` in one folder."""

    certificate: Path
    key: Path

    def pair(self) -> CertificatePair:
        return read_pair(self.certificate, self.key)


def write_files(
    folder: Path,
    authority: Authority,
    *hosts: str,
    begins_in: int = -DAY_MS,
    ends_in: int = 60 * DAY_MS,
) -> Files:
    """Write or replace a certificate for hosts; times in milliseconds from now."""
    folder.mkdir(exist_ok=True)
    key = make_private_key()
    plan = CertificatePlan(
        name=hosts[0], hosts=hosts, not_before=now_ms() + begins_in, not_after=now_ms() + ends_in, is_server=True
    )
    chain = encode_certificates([make_certificate(key.public_key(), plan, authority), authority.certificate])
    files = Files(folder / "fullchain.pem", folder / "privkey.pem")
    files.certificate.write_bytes(chain)
    files.key.write_bytes(encode_private_key(key))
    files.key.chmod(0o600)
    return files


def self_made(
    folder: Path,
    log: LogId | None,
    *signers: SigningKey,
    begins_in: int = -DAY_MS,
    ends_in: int = 30 * DAY_MS,
    vouched_ends_in: int | None = None,
) -> CertificatePair:
    """A certificate as a node makes it for `log`; without one, self-signed and nothing more.

    `vouched_ends_in` makes the voucher speak of another end than the certificate has.
    """
    folder.mkdir(exist_ok=True)
    key = make_private_key()
    begin, end = (now_ms() + begins_in) // 1000, (now_ms() + ends_in) // 1000
    extension = None
    if log is not None:
        told = end if vouched_ends_in is None else (now_ms() + vouched_ends_in) // 1000
        transport = TransportKey(log, encode_public_key(key.public_key()), begin, told)
        extension = (VOUCHER_OID, sign_voucher(transport, signers))
    plan = CertificatePlan(
        name="node",
        hosts=(TLS_NAME, "localhost"),
        not_before=begin * 1000,
        not_after=end * 1000,
        is_server=True,
        extension=extension,
    )
    path = folder / f"{key.public_key().public_numbers().x:x}.pem"
    path.write_bytes(encode_certificates([make_self_signed(key, plan)]) + encode_private_key(key))
    path.chmod(0o600)
    return read_pair(path, path)
