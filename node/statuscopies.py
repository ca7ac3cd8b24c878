"""Copies of the members' status lists, kept by the network's host (DESIGN 4).

The URLs in a copy for other software stand under the network's host, so that they outlive the school's domain and the
school does not see who asks. The node that is that host looks which members have made a cut, fetches their lists from
their own nodes and serves them. A list is kept only if it is what any reader would accept, follows a state of that
member's log as it is held here, and none older than the copy before.

Where another member goes on with a log, the lists come from that one, signed by its keys and following its log: what the
keys of a log that has ended sign counts nowhere.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from ledger.credential.dataintegrity.issuer_document import IssuerDocuments, document_of_history, parse_issuer_document
from ledger.credential.jose import parse_jws
from ledger.credential.plainlist.bitstring_reader import MAX_LIST_CHARS, BitstringEntry, ListQuestion, read_bitstring
from ledger.credential.plainlist.head import find_head
from ledger.credential.plainlist.slots import ListFile, list_url
from ledger.credential.plainlist.token import MAX_TOKEN_BYTES, TokenReference, read_token_status
from ledger.credential.strict_json import JSONObject, parse_strict_object
from ledger.errors import CairnError, MalformedError, RuleError, SignatureError
from ledger.log.identity import LogId, encode_log_id, short_log_id
from ledger.log.merkle import root_at
from ledger.log.policy import TrustRoot
from ledger.log.view import LedgerView, LogView
from node.client.statuslists import StatusListHTTP
from node.clock import Clock
from node.registrar.issuer import find_issuer_id
from node.registrar.plainfiles import issuer_of
from node.registrar.plainheritage import find_credential_key
from node.statusfiles import MAX_FILE_BYTES, StatusFiles

LOOK_SECONDS = 60.0
"""Between two looks at which members have cut; what is looked at is held here."""
MAX_LISTS = 64
"""Lists of one member: one each year or two, and one after each restoration."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyParts:
    """What copying works with.

    Attributes:
        ledger: logs held.
        own: this node's own log, whose lists are not copied.
        networks: the networks it belongs to or is.
        http_url: its public URL.
        files: where copies are kept.
        trust: for certificates that members made themselves.
        clock: Unix ms.
        locate: where a member's own node answers; what its charter says.
    """

    ledger: LedgerView
    own: LogId
    networks: Callable[[], Sequence[LogId]]
    http_url: str
    files: StatusFiles
    trust: Callable[[], TrustRoot | None]
    clock: Clock
    locate: Callable[[LogView], str] = lambda log: log.state.url


class StatusCopies:
    """Runs as one task of every node; does nothing where the node is no network's host."""

    def __init__(self, parts: CopyParts) -> None:
        """Take the parts; nothing is fetched yet."""
        self._parts = parts
        # by member: whose newest page its copies follow, and where that stands
        self._copied: dict[LogId, tuple[LogId, int]] = {}

    async def run(self) -> None:
        """Look and copy until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Copy the lists of every member that has cut since the copy before."""
        for network, member in self._hosted():
            writer = self._writer_of(network, member)
            log = self._parts.ledger.log(writer)
            page = None if log is None else log.state.effective_status()
            # What this node writes itself it serves as it stands.
            if log is None or page is None or writer == self._parts.own:
                continue
            if self._copied.get(member) == (writer, page.index):
                continue
            try:
                await self._copy(network, member, log)
            except CairnError as error:
                fields = {"log": encode_log_id(member), "reason": str(error)}
                _log.warning("status lists of a member were not copied", extra=fields)
            else:
                self._copied[member] = writer, page.index

    def _writer_of(self, network: LogId, member: LogId) -> LogId:
        """Who publishes a member's lists: itself, or whoever goes on with its log."""
        log = self._parts.ledger.log(network)
        return member if log is None else log.state.members.line_of(member)[-1]

    def _hosted(self) -> list[tuple[LogId, LogId]]:
        """Networks this node is the host of, each with its members in turn."""
        found = []
        for network in self._parts.networks():
            log = self._parts.ledger.log(network)
            is_host = log is not None and (
                network == self._parts.own or urlsplit(log.state.url).netloc == urlsplit(self._parts.http_url).netloc
            )
            if log is not None and is_host:
                found += [(network, member) for member in log.state.members.records if member != self._parts.own]
        return found

    async def _copy(self, network: LogId, member: LogId, log: LogView) -> None:
        parts, short = self._parts, short_log_id(member)
        issuer_url = find_issuer_id(parts.ledger, member, (network,), log.state.url)
        async with StatusListHTTP(parts.locate(log), trust=parts.trust()) as source:
            for number in await source.status_lists(short, MAX_LISTS):
                for file in ListFile:
                    data = await source.status_list(short, number, file.value, MAX_FILE_BYTES)
                    before = await parts.files.find(short, number, file)
                    await asyncio.to_thread(
                        check_copy,
                        data,
                        before,
                        log,
                        url=list_url(issuer_url, number, file),
                        file=file,
                        now=parts.clock(),
                    )
                    await asyncio.to_thread(parts.files.keep, short, number, file, data)


def check_copy(data: bytes, before: bytes | None, log: LogView, *, url: str, file: ListFile, now: int) -> None:
    """Check a list that somebody sent as a member's.

    1. it is the list of that URL, signed by a credential key of the log, and valid now; 2. it names a state of that log; 3.
    that state is one this node holds; 4. it is not older than that of the copy before, where that followed the same log.

    Args:
        data: the file; before: the copy that is served now.
        log: the member's, or that of whoever goes on with it.
        url: where the list stands for readers; file: which it is.
        now: Unix ms.

    Raises:
        CairnError: a step fails.
    """
    head = find_head(_read_list(data, log, url=url, file=file, now=now))  # 1, 2
    if head.log != log.state.log_id:
        raise RuleError(f"status list: follows log {encode_log_id(head.log)}, not its issuer's")
    if head.size > log.state.size:  # 3
        raise RuleError(f"status list: follows size {head.size} of its log, held are {log.state.size}", hint="later")
    if root_at(head.size, log.read_hashes) != head.root:
        raise SignatureError(f"status list: its log has another root at size {head.size}")
    served = None if before is None else find_head(_parse(before, file))
    if served is not None and served.log == head.log and head.size < served.size:  # 4
        raise RuleError("status list: older than the copy that is served")


def _read_list(data: bytes, log: LogView, *, url: str, file: ListFile, now: int) -> JSONObject:
    """Step 1: what a list says, read as a stranger would read it."""
    claims = _parse(data, file)
    if file is ListFile.TOKEN:
        key = find_credential_key(parse_jws(data.decode("ascii"), where="status token").header.get("kid"), log)
        read_token_status(data.decode("ascii"), TokenReference(0, url), key, now)
        return claims
    issuer = issuer_of(url.rsplit("/", 3)[0])
    documents = IssuerDocuments([parse_issuer_document(document_of_history(issuer, log.state.keys), issuer)])
    entry = BitstringEntry(url=url, purpose=file.value, index=0)
    read_bitstring(claims, entry, ListQuestion(now=now, issuers=frozenset({issuer}), documents=documents))
    return claims


def _parse(data: bytes, file: ListFile) -> JSONObject:
    if file is not ListFile.TOKEN:
        return parse_strict_object(data, max_bytes=MAX_LIST_CHARS, where="status list")
    try:
        payload = parse_jws(data.decode("ascii"), where="status token").payload
    except UnicodeDecodeError as error:
        raise MalformedError("status token: not ASCII") from error
    return parse_strict_object(payload, max_bytes=MAX_TOKEN_BYTES, where="status token")
