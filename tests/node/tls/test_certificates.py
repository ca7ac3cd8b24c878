"""The certificates of a running node: taken over when renewed, kept when the new one is wrong, told of in time."""

import os
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.errors import PolicyError
from ledger.log.identity import LogId
from ledger.log.keys import SigningKey
from node.config import NodeConfig
from node.tls.certificates import Certificates
from node.tls.modes import Listener, TLSMode
from node.tls.report import certificate_findings, read_reports
from node.tls.selfmade import FILE_NAME, FOLDER, LIFETIME_MS, SelfMade
from tests.node.tls.authority import DAY_MS, make_test_authority, now_ms, self_made, write_files

AUTHORITY = make_test_authority()
HOST = "cairn.granite.example"
CONFIG = NodeConfig(
    name="x",
    http_url=f"https://{HOST}",
    grpc_address=f"{HOST}:8471",
    tls_certificate="acme/fullchain.pem",
    tls_key="acme/privkey.pem",
    grpc_tls=TLSMode.SELF_MADE,
)


def certificates(folder: Path, config: NodeConfig = CONFIG, clock: Callable[[], int] = now_ms) -> Certificates:
    made = SelfMade(folder, LogId(b"l" * 32), lambda: (SigningKey(b"k" * 32),))
    return Certificates(folder, config, made, clock)


def test_each_listener_has_its_own(tmp_path: Path) -> None:
    files = write_files(tmp_path / "acme", AUTHORITY, HOST)

    held = certificates(tmp_path)

    assert held.pair_of(Listener.HTTP).certificate_file == files.certificate
    assert held.pair_of(Listener.GRPC).certificate_file == tmp_path / FOLDER / FILE_NAME
    assert held.findings() == ()
    assert [report.listener for report in held.reports()] == [Listener.HTTP, Listener.GRPC]


def test_without_tls_there_is_nothing_to_show(tmp_path: Path) -> None:
    held = certificates(tmp_path, NodeConfig(name="x"))

    assert held.pair(Listener.HTTP) is held.pair(Listener.GRPC) is held.http_context() is None
    assert held.reports() == held.findings() == ()
    assert not (tmp_path / FOLDER).exists()


def test_a_bad_file_is_told_at_the_start(tmp_path: Path) -> None:
    write_files(tmp_path / "acme", AUTHORITY, HOST).key.chmod(0o604)

    with pytest.raises(PolicyError, match="other accounts can open this key"):
        certificates(tmp_path)


def test_a_renewed_certificate_is_taken_over(tmp_path: Path) -> None:
    write_files(tmp_path / "acme", AUTHORITY, HOST)
    held = certificates(tmp_path)
    before = held.pair_of(Listener.HTTP)
    held.refresh()
    assert held.pair_of(Listener.HTTP) is before

    files = write_files(tmp_path / "acme", AUTHORITY, HOST, ends_in=80 * DAY_MS)
    held.refresh()

    assert held.pair_of(Listener.HTTP).fingerprint == files.pair().fingerprint != before.fingerprint


def test_half_a_renewal_is_not_in_use(tmp_path: Path) -> None:
    """An ACME client writes the certificate, then the key; in between the old pair stays, and the reason is told."""
    write_files(tmp_path / "acme", AUTHORITY, HOST)
    held = certificates(tmp_path)
    before = held.pair_of(Listener.HTTP)
    new = write_files(tmp_path / "new", AUTHORITY, HOST)

    os.replace(new.certificate, tmp_path / "acme" / "fullchain.pem")
    held.refresh()
    assert held.pair_of(Listener.HTTP) is before
    (finding,) = held.findings()
    assert "the newest file is not in use" in finding and "is not the key of" in finding

    os.replace(new.key, tmp_path / "acme" / "privkey.pem")
    held.refresh()
    assert held.pair_of(Listener.HTTP).fingerprint != before.fingerprint
    assert held.findings() == ()


def test_a_file_that_vanished_is_told_and_the_old_one_stays(tmp_path: Path) -> None:
    files = write_files(tmp_path / "acme", AUTHORITY, HOST)
    held = certificates(tmp_path)
    files.key.unlink()

    held.refresh()

    assert held.pair_of(Listener.HTTP)
    assert "no such file" in held.findings()[0]


def test_the_self_made_one_is_renewed_while_the_node_runs(tmp_path: Path) -> None:
    write_files(tmp_path / "acme", AUTHORITY, HOST)
    now = [now_ms()]
    held = certificates(tmp_path, clock=lambda: now[0])
    before = held.pair_of(Listener.GRPC)
    now[0] += LIFETIME_MS // 2

    held.refresh()

    assert held.pair_of(Listener.GRPC).not_after > before.not_after


@pytest.mark.parametrize(
    ("begins_in", "ends_in", "host", "finding"),
    [
        (-DAY_MS, 22 * DAY_MS, HOST, None),
        (-DAY_MS, 12 * DAY_MS + 1000, HOST, "certificate of the HTTP listener ends in 12 days, on "),
        (-DAY_MS, DAY_MS + 1000, HOST, "certificate of the HTTP listener ends in 1 day, on "),
        (-9 * DAY_MS, -DAY_MS, HOST, "certificate of the HTTP listener: it ended on "),
        (DAY_MS, 30 * DAY_MS, HOST, "certificate of the HTTP listener: it is not good before "),
        (-DAY_MS, 30 * DAY_MS, "other.example", "certificate of the HTTP listener: it is for other.example"),
    ],
)
def test_what_is_wrong_is_told_with_its_remedy(
    tmp_path: Path, begins_in: int, ends_in: int, host: str, finding: str | None
) -> None:
    """The node starts all the same: a school that sleeps through a renewal still serves whoever does not mind."""
    files = write_files(tmp_path / "acme", AUTHORITY, host, begins_in=begins_in, ends_in=ends_in)

    found = certificates(tmp_path).findings()

    assert len(found) == (0 if finding is None else 1)
    if finding is not None:
        assert found[0].startswith(finding)
        assert found[0].endswith(f"; renew {files.certificate}; the running node takes the new one over by itself")
    assert found == certificate_findings(tmp_path, CONFIG, now_ms())


def test_a_certificate_peers_would_refuse_is_told(tmp_path: Path) -> None:
    pair = self_made(tmp_path / "acme", None)
    config = replace(
        CONFIG,
        tls_certificate=str(pair.certificate_file),
        tls_key=str(pair.key_file),
        grpc_tls=TLSMode.AUTO,
        http_url="",
        grpc_address="",
    )

    http, grpc = certificates(tmp_path, config).findings()

    assert "browsers and wallets refuse it" in http
    assert 'set grpc_tls = "self-made"' in grpc


def test_a_certificate_without_its_chain_is_told(tmp_path: Path) -> None:
    files = write_files(tmp_path / "acme", AUTHORITY, HOST)
    end = b"-----END CERTIFICATE-----\n"
    files.certificate.write_bytes(files.certificate.read_bytes().partition(end)[0] + end)

    (finding,) = certificates(tmp_path).findings()

    assert "holds no chain" in finding


def test_reports_can_be_read_while_no_node_runs(tmp_path: Path) -> None:
    write_files(tmp_path / "acme", AUTHORITY, HOST)
    (only,) = read_reports(tmp_path, CONFIG)
    assert only.listener is Listener.HTTP and only.not_after is not None

    certificates(tmp_path)
    assert [report.mode for report in read_reports(tmp_path, CONFIG)] == [TLSMode.FILES, TLSMode.SELF_MADE]

    (tmp_path / "acme" / "privkey.pem").unlink()
    broken, _ = read_reports(tmp_path, CONFIG)
    assert broken.pair is None and "no such file" in broken.findings(now_ms())[0]


def test_the_http_context_follows_by_itself(tmp_path: Path) -> None:
    write_files(tmp_path / "acme", AUTHORITY, HOST)
    held = certificates(tmp_path)
    context = held.http_context()
    assert context is not None
    write_files(tmp_path / "acme", AUTHORITY, HOST)
    held.refresh()

    assert shake_hands(context, None) == held.pair_of(Listener.HTTP).fingerprint
    assert shake_hands(context, HOST) == held.pair_of(Listener.HTTP).fingerprint


def shake_hands(server: ssl.SSLContext, name: str | None) -> str:
    """A handshake in memory; gives the fingerprint of what the server showed."""
    from hashlib import sha256

    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(down, up, server_hostname=name)
    theirs = server.wrap_bio(up, down, server_side=True)
    open_ends = [ours, theirs]
    while open_ends:
        for end in tuple(open_ends):
            try:
                end.do_handshake()
                open_ends.remove(end)
            except ssl.SSLWantReadError:
                pass
    der = ours.getpeercert(binary_form=True)
    assert der is not None
    return sha256(der).hexdigest()
