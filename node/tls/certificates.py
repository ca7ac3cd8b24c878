"""The certificates of a running node: read at the start, looked at again every few seconds, replaced without a restart.

A renewed file takes effect when it is good as a whole. ACME clients replace certificate and key one after the other, so in
between the two do not match; then, and whenever a new file is wrong, the listeners keep what they have, and say so.
"""

import asyncio
import logging
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import CairnError
from node.client.registry import ListenerCertificate
from node.clock import Clock
from node.tls.modes import Listener, TLSMode, tls_mode
from node.tls.pair import CertificatePair, read_pair
from node.tls.report import CertificateReport, certificate_files, public_host
from node.tls.selfmade import SelfMade

if TYPE_CHECKING:
    from node.config import NodeConfig

LOOK_SECONDS = 5.0
"""Between two looks at the files."""

_log = logging.getLogger(__name__)

Stamp = tuple[tuple[int, int, int], ...]
"""What tells one state of the files from another: time, inode and length of each."""


class Certificates:
    """Gives each listener what it shows. `refresh` runs in one thread at a time; the rest may be asked from any.

    Args:
        directory: of the node; paths in `node.toml` may be relative to it.
        config: says which listener uses what.
        self_made: makes the node's own.
        clock: Unix milliseconds.

    Raises:
        CairnError: a certificate or key is missing, damaged, open to others, or they do not belong together.
        OSError: the self-made certificate cannot be written.
    """

    def __init__(self, directory: Path, config: "NodeConfig", self_made: SelfMade, clock: Clock) -> None:
        self._directory = directory
        self._config = config
        self._self_made = self_made
        self._clock = clock
        self._modes = {listener: tls_mode(config, listener) for listener in Listener}
        # By mode: what is shown, the files it came from, and why newer files are not in use. Each value is replaced whole.
        self._pairs: dict[TLSMode, CertificatePair] = {}
        self._stamps: dict[TLSMode, Stamp] = {}
        self._problems: dict[TLSMode, str] = {}
        for mode in self._used():
            self._load(mode)
        for report in self.reports():
            for finding in report.findings(clock()):
                _log.warning("certificate", extra={"finding": finding})

    def pair(self, listener: Listener) -> CertificatePair | None:
        """What a listener shows now; None where it speaks plain text."""
        return self._pairs.get(self._modes[listener])

    def pair_of(self, listener: Listener) -> CertificatePair:
        """The same for a listener that is known to speak TLS: it never loses the certificate it began with."""
        return self._pairs[self._modes[listener]]

    def http_context(self) -> ssl.SSLContext | None:
        """The context of the HTTP listener, which follows renewals by itself; None where it speaks plain text."""
        pair = self.pair(Listener.HTTP)
        if pair is None:
            return None

        def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, context: ssl.SSLContext) -> None:
            # Called for each handshake, also without a host name: loading into a context in use has states in between.
            connection.context = self.pair_of(Listener.HTTP).context

        pair.context.sni_callback = choose
        return pair.context

    def reports(self) -> tuple[CertificateReport, ...]:
        """How each listener with TLS stands."""
        return tuple(
            CertificateReport(
                listener=listener,
                mode=mode,
                file=certificate_files(self._directory, self._config, mode)[0],
                host=public_host(self._config, listener),
                pair=self._pairs.get(mode),
                problem=self._problems.get(mode, ""),
            )
            for listener, mode in self._modes.items()
            if mode is not TLSMode.OFF
        )

    def shown(self) -> tuple[ListenerCertificate, ...]:
        """What each listener with TLS shows."""
        return tuple(shown for report in self.reports() if (shown := report.shown()) is not None)

    def findings(self) -> tuple[str, ...]:
        """What somebody should look at, in words, each once though both listeners may show one certificate."""
        return tuple(finding for report in self.reports() for finding in report.findings(self._clock()))

    def refresh(self) -> None:
        """Look at the files, and take over what is new and good."""
        for mode in self._used():
            try:
                self._load(mode)
            except (CairnError, OSError) as error:
                if self._problems.get(mode) != str(error):
                    _log.warning("new certificate not in use", extra={"reason": str(error)})
                self._problems[mode] = str(error)
            else:
                self._problems.pop(mode, None)

    async def keep(self) -> None:
        """Refresh until cancelled."""
        while self._used():
            await asyncio.sleep(LOOK_SECONDS)
            await asyncio.to_thread(self.refresh)

    def _used(self) -> tuple[TLSMode, ...]:
        return tuple(dict.fromkeys(mode for mode in self._modes.values() if mode is not TLSMode.OFF))

    def _load(self, mode: TLSMode) -> None:
        if mode is TLSMode.SELF_MADE:
            self._self_made.renew(self._clock())
        files = certificate_files(self._directory, self._config, mode)
        # Before reading: files that change meanwhile have another stamp next time.
        stamp = _stamp(files)
        if stamp == self._stamps.get(mode):
            return
        pair = read_pair(*files)
        self._pairs[mode], self._stamps[mode] = pair, stamp
        fields = {"file": str(pair.certificate_file), "fingerprint": pair.fingerprint, "until": pair.not_after}
        _log.info("certificate in use", extra=fields)


def _stamp(files: tuple[Path, Path]) -> Stamp:
    found = []
    for path in files:
        try:
            status = path.stat()
        except OSError:
            # Told by `read_pair`, in words.
            found.append((0, 0, 0))
        else:
            found.append((status.st_mtime_ns, status.st_ino, status.st_size))
    return tuple(found)
