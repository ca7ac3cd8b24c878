"""The certificate a node makes itself: good for 30 days, made anew 10 days later with a new key, vouched for by its log.

It stands with its key in one file, `DIR/tls/self-made.pem`, replaced as a whole. A stolen copy of it is good until it ends;
a stolen log key until it is rotated, since peers look for the key in force in the newest copy of the log they hold.

Every log key and witness key this node still has signs. A peer whose copy of the log is older knows only the key before
a rotation, and could otherwise never fetch the entry that names the new one.
"""

import logging
import ssl
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ledger.duration import DAY_MS
from ledger.errors import CairnError
from ledger.log.identity import LogId, short_log_id
from ledger.log.keys import SigningKey
from ledger.log.voucher import MAX_SIGNATURES, VOUCHER_OID, TransportKey, sign_voucher
from node import durable
from node.client.pin import TLS_NAME, parse_certificate
from node.keystore import KeyRole, Keystore
from node.tls.certificate import (
    CertificatePlan,
    encode_certificates,
    encode_private_key,
    encode_public_key,
    make_private_key,
    make_self_signed,
)
from node.tls.pair import CertificatePair, read_pair

FOLDER = "tls"
FILE_NAME = "self-made.pem"

LIFETIME_MS = 30 * DAY_MS
RENEW_BEFORE_MS = 20 * DAY_MS
"""Made anew this long before the end, so that a wrong clock on either side is noticed before it hurts."""
BACKDATED_MS = DAY_MS
"""Peers whose clock is late accept it at once."""

_log = logging.getLogger(__name__)


class SelfMade:
    """Keeps the self-made certificate of one node.

    Args:
        directory: of the node.
        log: its own.
        signers: the keys that vouch, asked at every making: they are rotated while a node runs.
        hosts: under which the node is reached, for clients that look at names.
    """

    def __init__(
        self, directory: Path, log: LogId, signers: Callable[[], Sequence[SigningKey]], hosts: Iterable[str] = ()
    ) -> None:
        self.path = directory / FOLDER / FILE_NAME
        self._log = log
        self._signers = signers
        self._hosts = tuple(dict.fromkeys([TLS_NAME, *(host for host in hosts if host)]))

    def renew(self, now: int) -> bool:
        """Make the certificate if there is none, it is old or damaged, or other keys vouch now; true if made.

        Raises:
            OSError: the file cannot be written.
        """
        try:
            if self._is_fresh(read_pair(self.path, self.path), now):
                return False
        except CairnError as error:
            # Nothing is lost with it: whatever is wrong, a new one is right.
            if self.path.exists():
                _log.warning("self-made certificate replaced", extra={"file": str(self.path), "reason": str(error)})
        self.make(now)
        return True

    def make(self, now: int) -> None:
        """Make a new certificate with a new key, whatever stands there."""
        key = make_private_key()
        public_key = encode_public_key(key.public_key())
        not_before, not_after = (now - BACKDATED_MS) // 1000, (now + LIFETIME_MS) // 1000
        signers = self._signers()
        voucher = sign_voucher(TransportKey(self._log, public_key, not_before, not_after), signers)
        plan = CertificatePlan(
            name=f"Cairn node of log {short_log_id(self._log)}",
            hosts=self._hosts,
            not_before=not_before * 1000,
            not_after=not_after * 1000,
            is_server=True,
            extension=(VOUCHER_OID, voucher),
        )
        data = encode_certificates([make_self_signed(key, plan)]) + encode_private_key(key)
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        durable.replace_file(self.path, data, mode=durable.SECRET_MODE)

    def _is_fresh(self, pair: CertificatePair, now: int) -> bool:
        voucher = parse_certificate(ssl.PEM_cert_to_DER_cert(pair.chain.decode("ascii"))).voucher
        return (
            pair.not_before <= now < pair.not_after - RENEW_BEFORE_MS
            and set(self._hosts) <= set(pair.names)
            and voucher is not None
            and voucher.log == self._log
            and {key for key, _ in voucher.signatures} == {signer.public for signer in self._signers()}
        )


def vouching_keys(keystore: Keystore) -> tuple[SigningKey, ...]:
    """The newest log keys and witness keys of a node, as many as a voucher takes."""
    half = MAX_SIGNATURES // 2
    return (*keystore.with_role(KeyRole.LOG)[-half:], *keystore.with_role(KeyRole.WITNESS)[-half:])
