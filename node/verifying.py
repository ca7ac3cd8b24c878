"""Verifying for the operator's own staff, against the logs this node holds (`ledger.credential.verify` judges).

One thread verifies, so that the event loop goes on with everything else and a night of transcripts is judged in order.
Nothing is kept: neither files nor reports, and no line is logged about either.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from ledger.credential.batch_report import encode_report, report_unreadable
from ledger.credential.verify import MAX_FILE_BYTES, Question, verify_file
from ledger.errors import PolicyError
from ledger.log.identity import LogId, encode_log_id
from ledger.log.network import Network
from ledger.log.policy import TrustRoot
from node.clock import Clock
from node.newestheads import NewestHeads

Found = TypeVar("Found")

LOOK_MS = 1000
"""How old a look at the store may be: verdicts lag behind it by no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """What somebody asks about a file.

    Attributes:
        audience: the name it must have been made for; None not to ask.
        nonce: the value it must carry; None not to ask.
        at: when it is judged, in Unix milliseconds; None for now.
        network: whose members may issue; None for the node's own network.
        as_of: the moment that is asked about besides, in Unix milliseconds; None for none.
    """

    audience: str | None = None
    nonce: str | None = None
    at: int | None = None
    network: LogId | None = None
    as_of: int | None = None


class VerifyingDesk:
    """Judges files. Made and closed by the node; `verify` is called from the event loop.

    Args:
        heads: what is held.
        trusts: the trust roots of this node's networks, its own first.
        clock: Unix milliseconds.
    """

    def __init__(self, heads: NewestHeads, trusts: Callable[[], tuple[TrustRoot, ...]], clock: Clock) -> None:
        self._heads = heads
        self._trusts = trusts
        self._clock = clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="verify")
        # Below: touched by that thread alone.
        self._networks: dict[LogId, Network] = {}
        self._looked_at: int | None = None

    async def verify(self, data: bytes | None, inquiry: Inquiry) -> bytes:
        """Give the report on one file as JSON.

        Args:
            data: the file; None where it was longer than any file may be.
            inquiry: for whom, when, and by whose rules.

        Raises:
            PolicyError: no such network here, or its log is not held as its trust root pins it.
            MalformedError: the moment that is asked about is still to come.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._verify, data, inquiry)

    async def look(self, network: LogId, work: Callable[[Network], Found]) -> Found:
        """Do further work that rests on what is held of a network, on the thread that verifies.

        Raises:
            PolicyError: as `verify`; and whatever `work` raises.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(self._network(network)))

    def close(self) -> None:
        """Let the thread end; files that wait are not judged."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _verify(self, data: bytes | None, inquiry: Inquiry) -> bytes:
        network = self._network(inquiry.network)
        if data is None:
            detail = f"file: more than {MAX_FILE_BYTES} bytes, which is the most that is read"
            return encode_report(report_unreadable(detail, "ask for the file again"))
        now = self._clock() if inquiry.at is None else inquiry.at
        question = Question(now=now, audience=inquiry.audience, nonce=inquiry.nonce, as_of=inquiry.as_of)
        return encode_report(verify_file(data, network, question))

    def _network(self, wanted: LogId | None) -> Network:
        now = self._clock()
        if self._looked_at is None or not 0 <= now - self._looked_at < LOOK_MS:
            if self._heads.look():
                self._networks.clear()
            self._looked_at = now
        trust = self._choose(wanted)
        known = self._networks.get(trust.network)
        if known is None or known.trust != trust:
            known = self._networks[trust.network] = Network(trust, self._heads)
        return known

    def _choose(self, wanted: LogId | None) -> TrustRoot:
        trusts = self._trusts()
        found = next((trust for trust in trusts if wanted in (None, trust.network)), None)
        if found is not None:
            return found
        if wanted is not None:
            raise PolicyError(f"network {encode_log_id(wanted)}: this node neither belongs to it nor follows it")
        raise PolicyError(
            "this node belongs to no network, so nobody is an issuer to it",
            hint="cairn-node join DIR --trust FILE -o REQUEST asks one for membership",
        )
