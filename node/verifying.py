"""Verifying for the operator's own staff: files of this ledger against the logs held here, those of other formats by what
they prove and what whoever asks gives beside them (`ledger.credential.verify_either` judges).

Nothing is fetched: a node that called the addresses in a stranger's file would be a tool in the stranger's hand, and would
tell issuers who is being looked at. One thread verifies, so that the event loop goes on with everything else and a night of
transcripts is judged in order. Nothing is kept: neither files nor reports, and no line is logged about either.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from ledger.credential.batch_report import encode_report, report_unreadable
from ledger.credential.external.asking import make_question
from ledger.credential.external.given import NOTHING, Given
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.report import RecordReport
from ledger.credential.verify import MAX_FILE_BYTES, Question, verify_file
from ledger.credential.verify_either import judge_either
from ledger.credential.verify_forms import FormJudge
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
        given: about issuers outside of the ledger.
        receipts: of a copy in a form that has no place for them; JSON objects, unread.
    """

    audience: str | None = None
    nonce: str | None = None
    at: int | None = None
    network: LogId | None = None
    as_of: int | None = None
    given: Given = NOTHING
    receipts: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class _Opened:
    """A question made of what was given: the same thousand files are asked with the same lists."""

    given: Given
    question: ExternalQuestion

    def is_for(self, given: Given, now: int) -> bool:
        return self.given is given and 0 <= now - self.question.now < LOOK_MS


class VerifyingDesk:
    """Judges files. Made and closed by the node; `verify` is called from the event loop.

    Args:
        heads: what is held.
        trusts: the trust roots of this node's networks, its own first.
        clock: Unix milliseconds.
        library: JSON-LD contexts held here, used by this desk's thread alone; None for none.
    """

    def __init__(
        self,
        heads: NewestHeads,
        trusts: Callable[[], tuple[TrustRoot, ...]],
        clock: Clock,
        library: ContextLibrary | None = None,
    ) -> None:
        self._heads = heads
        self._trusts = trusts
        self._clock = clock
        self._library = library or ContextLibrary()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="verify")
        # Below: touched by that thread alone.
        self._networks: dict[LogId, Network] = {}
        self._looked_at: int | None = None
        self._opened: _Opened | None = None

    async def verify(self, data: bytes | None, inquiry: Inquiry) -> bytes:
        """Give the report on one file as JSON.

        Args:
            data: the file; None where it was longer than any file may be.
            inquiry: for whom, when, and by whose rules.

        Raises:
            PolicyError: no such network here, or its log is not held as its trust root pins it; also for a file of the
                ledger where this node belongs to no network.
            MalformedError: the moment that is asked about is still to come, or something given is none of its kind.
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
        network = self._find_network(inquiry)
        now = self._clock() if inquiry.at is None else inquiry.at
        question = Question(
            now=now,
            audience=inquiry.audience,
            nonce=inquiry.nonce,
            as_of=inquiry.as_of,
            receipts=inquiry.receipts,
        )
        external = self._open(inquiry, network, now)
        if data is None:
            detail = f"file: more than {MAX_FILE_BYTES} bytes, which is the most that is read"
            return encode_report(report_unreadable(detail, "ask for the file again"))

        def judge_own(data: bytes) -> RecordReport:
            return verify_file(data, network or self._network(None), question)

        def owns(issuer: str) -> bool:
            return network is not None and network.owner_of(issuer) is not None

        return encode_report(judge_either(lambda: judge_own, owns, lambda: external)(data))

    def _open(self, inquiry: Inquiry, network: Network | None, now: int) -> ExternalQuestion:
        """What is asked of a file of another format; read now, so that what is wrong with it is told at the first file."""
        if self._opened is None or not self._opened.is_for(inquiry.given, now):
            self._opened = _Opened(inquiry.given, make_question(inquiry.given, self._library, now=now))
        own = None if network is None else FormJudge(network, inquiry.as_of, inquiry.receipts)
        return replace(self._opened.question, now=now, audience=inquiry.audience, nonce=inquiry.nonce, own=own)

    def _find_network(self, inquiry: Inquiry) -> Network | None:
        """The network asked for; None where there is none and what was asked needs none: a badge is judged by itself."""
        try:
            return self._network(inquiry.network)
        except PolicyError:
            if inquiry.network is not None or inquiry.as_of is not None:
                raise
            return None

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
