"""How the certificates of a node stand: what `status`, `doctor` and metrics tell of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ledger.duration import DAY_MS
from ledger.errors import CairnError
from node.client.finding import Finding, FindingCode, Severity
from node.client.registry import ListenerCertificate
from node.tls.modes import Listener, TLSMode, tls_mode
from node.tls.pair import CertificatePair, read_pair
from node.tls.selfmade import FILE_NAME, FOLDER

if TYPE_CHECKING:
    from node.config import NodeConfig

WARN_FILES_MS = 21 * DAY_MS
"""ACME clients renew 30 days before the end; when 21 are left, that has failed for a while."""
WARN_SELF_MADE_MS = 10 * DAY_MS
"""The node renews its own 20 days before the end."""

URGENT_FILES_MS = 3 * DAY_MS
URGENT_SELF_MADE_MS = DAY_MS

_NAMES = {Listener.HTTP: "HTTP", Listener.GRPC: "gRPC"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateReport:
    """The certificate of one listener.

    Attributes:
        listener: which.
        mode: files or self-made.
        file: where it stands.
        host: under which others reach the listener; empty when `node.toml` does not say.
        pair: what the listener shows; None when nothing could be read.
        problem: why the newest file is not in use; empty when it is.
    """

    listener: Listener
    mode: TLSMode
    file: Path
    host: str
    pair: CertificatePair | None
    problem: str = ""

    @property
    def not_after(self) -> int | None:
        """When it ends, Unix milliseconds."""
        return None if self.pair is None else self.pair.not_after

    def shown(self) -> ListenerCertificate | None:
        """What the listener shows, for those who ask the node; None when nothing could be read."""
        if self.pair is None:
            return None
        return ListenerCertificate(
            listener=self.listener.value,
            file=str(self.file),
            is_self_made=self.mode is TLSMode.SELF_MADE,
            names=self.pair.names,
            not_before=self.pair.not_before,
            not_after=self.pair.not_after,
            fingerprint=self.pair.fingerprint,
        )

    def findings(self, now: int) -> tuple[str, ...]:
        """What somebody should look at, in words with a remedy; empty when all is well.

        Args:
            now: Unix milliseconds.
        """
        what = f"certificate of the {_NAMES[self.listener]} listener"
        if self.pair is None:
            return (f"{what}: {self.problem}",)
        found = [f"{what}: the newest file is not in use: {self.problem}"] if self.problem else []
        # The ledger says whom a self-made one belongs to; no name in it counts.
        host = "" if self.mode is TLSMode.SELF_MADE else self.host
        found += [f"{what}: {problem}; {self._remedy()}" for problem in self.pair.problems(now, host)]
        left = self.pair.not_after - now
        if 0 < left < (WARN_SELF_MADE_MS if self.mode is TLSMode.SELF_MADE else WARN_FILES_MS):
            day = datetime.fromtimestamp(self.pair.not_after / 1000, UTC).strftime("%Y-%m-%d")
            days = left // DAY_MS
            found.append(f"{what} ends in {days} day{'' if days == 1 else 's'}, on {day}; {self._remedy()}")
        if self.mode is TLSMode.FILES:
            found += self._chain_findings(what)
        return tuple(found)

    def _chain_findings(self, what: str) -> list[str]:
        assert self.pair is not None
        if self.pair.is_self_signed and self.listener is Listener.GRPC:
            return [f'{what}: no authority signed it, so peers refuse it; set grpc_tls = "self-made" in node.toml']
        if self.pair.is_self_signed:
            return [f"{what}: no authority signed it, so browsers and wallets refuse it; get one by ACME (docs/tls.md)"]
        if self.pair.is_alone:
            return [f"{what}: {self.file} holds no chain, so some clients refuse it; name the full chain"]
        return []

    def _remedy(self) -> str:
        if self.mode is TLSMode.SELF_MADE:
            return f"the node makes a new one by itself, so look why it cannot write {self.file}"
        return f"renew {self.file}; the running node takes the new one over by itself"


def find_certificate_trouble(report: CertificateReport, now: int) -> Iterator[Finding]:
    """What somebody should look at about a certificate, as findings (`now` in Unix milliseconds)."""
    left = None if report.not_after is None else report.not_after - now
    is_urgent = left is None or left < (URGENT_SELF_MADE_MS if report.mode is TLSMode.SELF_MADE else URGENT_FILES_MS)
    for text in report.findings(now):
        what, _, do = text.partition("; ")
        yield Finding(
            code=FindingCode.CERTIFICATE,
            severity=Severity.PROBLEM if is_urgent else Severity.WARNING,
            subject=report.listener.value,
            since=report.not_after if left is not None and left <= 0 else None,
            what=what,
            do=do or "docs/tls.md says what to do",
        )


def read_reports(directory: Path, config: "NodeConfig") -> tuple[CertificateReport, ...]:
    """The certificates as they stand on disk, for commands beside the node; a listener without TLS has no report."""
    reports = []
    for listener in Listener:
        mode = tls_mode(config, listener)
        if mode is TLSMode.OFF:
            continue
        certificate, key = certificate_files(directory, config, mode)
        pair, problem = None, ""
        try:
            pair = read_pair(certificate, key)
        except CairnError as error:
            problem = str(error)
        if mode is TLSMode.SELF_MADE and not certificate.exists():
            continue  # made at the first start
        host = public_host(config, listener)
        reports.append(
            CertificateReport(listener=listener, mode=mode, file=certificate, host=host, pair=pair, problem=problem)
        )
    return tuple(reports)


def certificate_findings(directory: Path, config: "NodeConfig", now: int) -> tuple[str, ...]:
    """What is wrong with the certificates as they stand on disk, in words; empty when all is well.

    Args:
        directory: of the node.
        config: its `node.toml`.
        now: Unix milliseconds.
    """
    return tuple(finding for report in read_reports(directory, config) for finding in report.findings(now))


def certificate_files(directory: Path, config: "NodeConfig", mode: TLSMode) -> tuple[Path, Path]:
    """Certificate and key file of a mode; one file holds both when the node makes them."""
    if mode is TLSMode.SELF_MADE:
        path = directory / FOLDER / FILE_NAME
        return path, path
    return directory / config.tls_certificate, directory / config.tls_key


def public_host(config: "NodeConfig", listener: Listener) -> str:
    """The host name or address under which others reach a listener; empty when `node.toml` does not say."""
    text = config.http_url if listener is Listener.HTTP else f"//{config.grpc_address}" if config.grpc_address else ""
    return urlsplit(text).hostname or ""
