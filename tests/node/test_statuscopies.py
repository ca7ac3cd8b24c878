"""The network's host copies the members' lists after each cut, and only what any reader would accept."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from ledger.credential.jose import parse_jws, sign_jws
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.plainlist.slots import ListFile, PlainList, PlainStatus, list_url
from ledger.errors import CairnError
from ledger.log.charter import Role
from ledger.log.identity import short_log_id
from ledger.log.keys import SigningKey
from node.registrar.issuer import find_issuer_id
from node.registrar.plainfiles import ListSigner, make_files, make_terms
from node.statuscopies import CopyParts, StatusCopies, check_copy
from node.statusfiles import StatusFiles
from node.web.app import build_app
from tests.node.web.served import ServedNode, open_store, serve
from tests.simulator import NOW, SimulatedLedger, SimulatedLog, found_network

NUMBER = 20_000
DAY = 86_400_000


class Town:
    """A network, a school of it that has cut twice, and the school's files."""

    def __init__(self) -> None:
        self.network, (self.school, self.stranger) = found_network("granite", "basalt")
        self.school.cut()
        self.stranger.cut()
        self.ledger = SimulatedLedger(self.network, self.school, self.stranger)
        self.url = find_issuer_id(self.ledger, self.school.log_id, (self.network.log_id,), "")
        self.content = PlainList(NUMBER, {7: PlainStatus.INVALID})

    def signer(self, **changes: Any) -> ListSigner:
        values: dict[str, Any] = {
            "issuer_url": self.url,
            "key": self.school.role_signers[Role.ISSUE],
            "library": ContextLibrary(),
        }
        return ListSigner(**(values | changes))

    def file(
        self, file: ListFile = ListFile.REVOCATION, *, head: dict[str, Any] | None = None, **changes: Any
    ) -> bytes:
        """A file as the school makes it; or with another head, or another signer."""
        signer = self.signer(**changes)
        terms = make_terms(signer, self.school, interval=DAY, now=NOW)
        terms = replace(terms, head=replace(terms.head, **(head or {})))
        return dict(make_files(self.content, terms, signer))[file]

    def check(
        self, data: bytes, file: ListFile = ListFile.REVOCATION, before: bytes | None = None, now: int = NOW
    ) -> None:
        check_copy(data, before, self.school, url=list_url(self.url, NUMBER, file), file=file, now=now)


@pytest.fixture(scope="module")
def town() -> Town:
    return Town()


@pytest.mark.parametrize("file", list(ListFile))
def test_what_the_school_publishes_is_copied(file: ListFile, town: Town) -> None:
    """Each form passes, again and after a later one of the same state."""
    data = town.file(file)
    town.check(data, file)
    town.check(data, file, before=data)


def unsigned_token(town: Town) -> bytes:
    jws = parse_jws(town.file(ListFile.TOKEN).decode())
    return sign_jws(dict(jws.header) | {"kid": "AAAA"}, jws.payload, town.school.role_signers[Role.ISSUE].sign).encode()


def headless(town: Town) -> bytes:
    jws = parse_jws(town.file(ListFile.TOKEN).decode())
    claims = orjson.loads(jws.payload)
    del claims["ledger"]
    return sign_jws(jws.header, orjson.dumps(claims), town.school.role_signers[Role.ISSUE].sign).encode()


REFUSED: list[tuple[str, ListFile, Callable[[Town], bytes], str]] = [
    ("no list", ListFile.REVOCATION, lambda town: b"[]", "expected a JSON object"),
    ("another list", ListFile.REVOCATION, lambda town: town.file(ListFile.SUSPENSION), "the credential names"),
    ("signed by nobody known", ListFile.REVOCATION, lambda town: town.file(key=SigningKey(b"x" * 32)), "not one of the"),
    ("signed by an operate key", ListFile.REVOCATION, lambda town: town.file(key=town.school.role_signers[Role.OPERATE]),
     "not one of the"),
    ("of another log", ListFile.REVOCATION, lambda town: town.file(head={"log": town.stranger.log_id}), "follows log"),
    ("of a state not held", ListFile.REVOCATION, lambda town: town.file(head={"size": 10_000}), "follows size 10000"),
    ("of another history", ListFile.REVOCATION, lambda town: town.file(head={"root": b"r" * 32}), "another root"),
    ("token of a strange key", ListFile.TOKEN, unsigned_token, "no credential key"),
    ("token of an operate key", ListFile.TOKEN,
     lambda town: town.file(ListFile.TOKEN, key=town.school.role_signers[Role.OPERATE]), "no credential key"),
    ("token without a head", ListFile.TOKEN, headless, "names no state of a ledger"),
    ("token that is none", ListFile.TOKEN, lambda town: "ü".encode(), "not ASCII"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "make", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_not_copied(file: ListFile, make: Callable[[Town], bytes], words: str, town: Town) -> None:
    """Whatever a reader would refuse, and what does not follow the member's log as it is held here."""
    with pytest.raises(CairnError, match=words):
        town.check(make(town), file)


def test_nothing_older_takes_the_place_of_a_copy(town: Town) -> None:
    """Nor does an expired list."""
    size = town.school.size
    older = town.file(head={"size": size - 1, "root": town.school.root_at(size - 1)})
    town.check(older)
    with pytest.raises(CairnError, match="older than the copy"):
        town.check(older, before=town.file())
    with pytest.raises(CairnError, match="expired"):
        town.check(town.file(), now=NOW + 60 * DAY)


async def test_the_host_serves_what_the_school_published(tmp_path: Path) -> None:
    """After the school's cut the host has the same bytes; while nothing is cut it does not ask again."""
    town = Town()
    short = short_log_id(town.school.log_id)
    theirs, ours = StatusFiles(tmp_path / "school"), StatusFiles(tmp_path / "host")
    for file in ListFile:
        theirs.keep(short, NUMBER, file, town.file(file))
    store = open_store(tmp_path / "ledger", [town.school])
    asked: list[bytes] = []
    try:
        async with serve(build_app(ServedNode(store, town.school.log_id, status_files=theirs))) as url:

            def locate(log: Any) -> str:
                asked.append(log.state.log_id)
                return url

            parts = CopyParts(
                ledger=SimulatedLedger(town.network, town.school),
                own=town.network.log_id,
                networks=lambda: (town.network.log_id,),
                http_url="https://elsewhere.example",
                files=ours,
                trust=lambda: None,
                clock=lambda: NOW,
                locate=locate,
            )
            copies = StatusCopies(parts)
            await copies.look()
            await copies.look()
            assert asked == [town.school.log_id]
            assert [ours.read(short, NUMBER, file) for file in ListFile] == [
                theirs.read(short, NUMBER, file) for file in ListFile
            ]
            town.school.cut()
            await copies.look()
            assert len(asked) == 2
            # a node that is no network's host asks nobody
            other = StatusCopies(replace(parts, own=town.school.log_id))
            await other.look()
            assert len(asked) == 2
    finally:
        store.close()


async def test_a_member_that_does_not_answer_holds_nobody_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is told, and asked again at the next look."""
    town = Town()
    asked: list[bytes] = []

    def locate(log: SimulatedLog) -> str:
        asked.append(log.log_id)
        return "http://127.0.0.1:1"

    parts = CopyParts(
        ledger=town.ledger,
        own=town.network.log_id,
        networks=lambda: (town.network.log_id,),
        http_url="https://elsewhere.example",
        files=StatusFiles(tmp_path),
        trust=lambda: None,
        clock=lambda: NOW,
        locate=locate,  # type: ignore[arg-type]  # every view of this test is a simulated log
    )
    copies = StatusCopies(parts)
    await copies.look()
    await copies.look()
    assert len(asked) == 4
    assert caplog.text.count("status lists of a member were not copied") == 4
