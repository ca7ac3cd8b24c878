"""What institutions published in plain lists whose logs this one goes on with: read once, before anything is published in
their name.

What was published is never taken back, and a database may be lost or older than the last publication. So the lists are
read from where everybody reads them, the network's host, and from this node's own folder where it is that host. What
they say of slots that the old database did not know is kept for ever. Until they were read nothing is published, since a
list that says less would make revoked copies good again.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from ledger import base64url
from ledger.credential.jose import parse_jws, verify_jws
from ledger.credential.plainlist.head import find_head
from ledger.credential.plainlist.slots import ListFile, PlainList, list_url
from ledger.credential.plainlist.token import MAX_TOKEN_BYTES, TOKEN_TYPE, read_own_list
from ledger.credential.strict_json import parse_strict_object
from ledger.errors import CairnError, MalformedError, RuleError, SignatureError
from ledger.log.charter import Role
from ledger.log.identity import LogId, encode_log_id, short_log_id
from ledger.log.keys import KeyId, PublicKey
from ledger.log.merkle import root_at
from ledger.log.view import LogView
from node.registrar import plainslots
from node.registrar.inherited import is_inherited
from node.registrar.issuer import find_issuer_id
from node.registrar.parts import DeskParts
from node.registrar.predecessors import Predecessor, end_log, find_predecessors
from node.registrar.tables import Setting
from node.statusfiles import StatusFiles

READ_SECONDS = 20.0
"""Longest time for the lists of one predecessor; the next cut tries again."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Unread:
    """A log that was taken over, and under which URL its institution issued."""

    predecessor: Predecessor
    issuer_url: str
    host: str
    """URL of the network whose host serves its lists."""

    @property
    def short(self) -> str:
        return short_log_id(self.predecessor.log)


class PlainHeritage:
    """Reads them. One for a desk."""

    def __init__(self, parts: DeskParts) -> None:
        """Take what the desk works with."""
        self._parts = parts

    async def read(self, files: StatusFiles) -> None:
        """Read what every predecessor published that was taken over since; what cannot be had now is tried again."""
        fetch = self._parts.published_lists
        for unread in await asyncio.to_thread(lambda: tuple(self._find_unread())):
            tokens: Mapping[int, bytes] = {}
            try:
                if not self._is_host(unread.host):
                    if fetch is None:
                        continue
                    # Whoever made the cut waits for this.
                    async with asyncio.timeout(READ_SECONDS):
                        tokens = await fetch(unread.host, unread.short)
            except (CairnError, TimeoutError) as error:
                reason = str(error) or f"{unread.host} did not answer within {READ_SECONDS:.0f} s"
                fields = {"log": encode_log_id(unread.predecessor.log), "reason": reason}
                _log.warning("status lists of a predecessor were not read", extra=fields)
            else:
                await asyncio.to_thread(self._enter, unread, tokens, files)

    def _find_unread(self) -> Iterator[_Unread]:
        parts = self._parts
        for log, predecessor in find_predecessors(parts.ledger, parts.log_id, parts.networks()).items():
            network = parts.ledger.log(predecessor.network)
            with parts.database.read() as session:
                is_due = is_inherited(session, log) and not is_read(session, log)
            if is_due and network is not None:
                issuer_url = find_issuer_id(parts.ledger, log, [predecessor.network], "")
                yield _Unread(predecessor, issuer_url, network.state.url)

    def _is_host(self, url: str) -> bool:
        return urlsplit(url).netloc == urlsplit(self._parts.http_url).netloc

    def _enter(self, unread: _Unread, tokens: Mapping[int, bytes], files: StatusFiles) -> None:
        """Enter what they say, in one transaction with the note that they were read."""
        parts, log = self._parts, unread.predecessor.log
        found = [*tokens.items(), *read_folder(files, unread.short)]
        with parts.database.write() as session:
            for number, data in found:
                try:
                    content = self._open(unread, number, data)
                except CairnError as error:
                    fields = {"log": encode_log_id(log), "reason": str(error)}
                    _log.warning("a status list of a predecessor was passed over", extra=fields)
                else:
                    plainslots.keep_published(session, content, parts.clock(), log)
            _mark_read(session, log, parts.clock())

    def _open(self, unread: _Unread, number: int, data: bytes) -> PlainList:
        writers = tuple(self._writers(unread.predecessor))
        url = list_url(unread.issuer_url, number, ListFile.TOKEN)
        return open_published(data, number, writers, url=url)

    def _writers(self, last: Predecessor) -> Iterator[LogView]:
        """The log itself up to its end, and those that went on with it before this one."""
        parts = self._parts
        predecessors = find_predecessors(parts.ledger, parts.log_id, [last.network])
        network = parts.ledger.log(last.network)
        line = () if network is None else network.state.members.line_of(last.log)
        for log in line:
            if log in predecessors:
                yield end_log(parts.ledger, predecessors[log])
        own = parts.ledger.log(parts.log_id)
        if own is not None:
            yield own


def is_read(session: Session, log: LogId) -> bool:
    """Whether what an institution published was read, so that this one may publish in its name."""
    return session.get(Setting, _mark(log)) is not None


def open_published(data: bytes, number: int, writers: tuple[LogView, ...], *, url: str) -> PlainList:
    """What a list says that somebody published once; that it may have expired since is no matter.

    1. it is a token of that URL, and follows a state of one of the logs; 2. signed by a credential key of that log; 3.
    the state is on that log.

    Args:
        data: the token.
        number: of the list.
        writers: logs that were to publish it, each up to its end.
        url: where it stands for readers.

    Raises:
        CairnError: a step fails.
    """
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise MalformedError("status token: not ASCII") from error
    jws = parse_jws(text, where="status token")
    claims = parse_strict_object(jws.payload, max_bytes=MAX_TOKEN_BYTES, where="status token")
    head = find_head(claims)  # 1
    if jws.header.get("typ") != TOKEN_TYPE or claims.get("sub") != url:
        raise RuleError(f"status token: is not the list {url[:150]!r}")
    log = next((writer for writer in writers if writer.state.log_id == head.log), None)
    if log is None:
        raise RuleError(f"status token: follows log {encode_log_id(head.log)}, which was not to publish it")
    verify_jws(jws, find_credential_key(jws.header.get("kid"), log), where="status token")  # 2
    if head.size > log.state.size or root_at(head.size, log.read_hashes) != head.root:  # 3
        raise SignatureError(f"status token: follows a state of size {head.size} that its log never had")
    return read_own_list(text, number)


def find_credential_key(name: object, log: LogView) -> PublicKey:
    """The credential key that the header of a status token names.

    Raises:
        SignatureError: no credential key of the log, or a stolen one.
    """
    key_id = KeyId(base64url.decode(name)) if isinstance(name, str) else None
    record = None if key_id is None else log.state.keys.records.get(key_id)
    is_credential_key = record is not None and record.role in (Role.ISSUE, Role.REGISTER)
    if record is None or not is_credential_key or record.stolen_since is not None:
        raise SignatureError("status token: signed by no credential key of its institution")
    return record.key


def read_folder(files: StatusFiles, short: str) -> Iterator[tuple[int, bytes]]:
    """The tokens of an institution's lists that are kept here, by number."""
    for number in files.numbers(short):
        data = files.read(short, number, ListFile.TOKEN)
        if data is not None:
            yield number, data


def _mark_read(session: Session, log: LogId, now: int) -> None:
    session.merge(Setting(name=_mark(log), value=str(now)))


def _mark(log: LogId) -> str:
    return f"plain lists read {encode_log_id(log)}"
