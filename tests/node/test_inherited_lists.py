"""A school closes whose badges other software reads: its status lists go on in its name, by the key of its successor."""

import json
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from ledger import base64url
from ledger.credential.external.asking import make_question
from ledger.credential.external.given import Given
from ledger.credential.external.judge import judge_external
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.plainlist.head import find_head
from ledger.credential.plainlist.slots import ListFile, PlainList, PlainStatus, list_url
from ledger.credential.report import Code
from ledger.credential.status import Status
from ledger.credential.verify_forms import FormJudge
from ledger.errors import CairnError
from ledger.log.charter import Role
from ledger.log.identity import LogId, short_log_id
from ledger.log.keys import SigningKey
from ledger.log.network import Network
from node.client.contexts import fill_folder
from node.client.copyform import CopyOrder, Form
from node.client.registry import IssueRequest
from node.client.statuslists import fetch_tokens
from node.keystore import KeyRole, open_keystore
from node.registrar.copy_desk import CopyDesk
from node.registrar.estate import Sources
from node.registrar.plainfiles import ListSigner, make_files, make_terms
from node.registrar.plainheritage import open_published
from node.statuscopies import CopyParts, StatusCopies
from node.statusfiles import StatusFiles
from node.web.app import build_app
from tests.node.registrar.desks import DIPLOMA, Bench, Clock, achievement_json, csv_of
from tests.node.successions import Valley, valley
from tests.node.web.served import ServedNode, serve
from tests.shared import shared_path

pytestmark = pytest.mark.asyncio(loop_scope="module")
NUMBER = 20_000
OLD, HEIR, HOST = "granite-hollow", "tidewater", "confluence"


@dataclass
class Closed:
    """A folder in which the old school has ended; two badges, the second revoked, by award."""

    folder: Path
    made: Valley
    badges: Mapping[str, str]

    def bench(self, name: str) -> Bench:
        return self.made[name]

    def files(self, name: str) -> StatusFiles:
        return StatusFiles(self.folder / name / "status")

    @property
    def short(self) -> str:
        return short_log_id(self.made.logs[OLD])

    def web(self, name: str) -> Any:
        """What a member's node serves to everybody."""
        ledger: Any = self.bench(name).desk.parts.ledger
        clock = self.made.clock
        node = ServedNode(ledger, self.made.logs[name], self.made.trust(), clock, status_files=self.files(name))
        return serve(build_app(node))

    async def copy(self, writer: str) -> None:
        """The network's host looks which members have cut, and fetches their lists from where they are written."""
        async with self.web(writer) as url:
            parts = CopyParts(
                ledger=self.bench(HOST).desk.parts.ledger,
                own=self.made.logs[HOST],
                networks=lambda: (self.made.logs[HOST],),
                http_url="https://confluence.example",
                files=self.files(HOST),
                trust=lambda: None,
                clock=self.made.clock,
                locate=lambda log: url if log.state.log_id == self.made.logs[writer] else "http://127.0.0.1:1",
            )
            await StatusCopies(parts).look()

    async def ask_as_stranger(self, badge: str) -> Code:
        """Judge a badge as software does that knows no ledger: by what the network's host answers at the URLs in it."""
        async with self.web(HOST) as url, aiohttp.ClientSession() as session:

            async def fetch(path: str) -> bytes:
                async with session.get(f"{url}{path}") as answer:
                    assert answer.status == 200, path
                    return await answer.read()

            document = await fetch(f"/m/{self.short}/did.json")
            numbers = json.loads(await fetch(f"/m/{self.short}/status"))["lists"]
            lists = [await fetch(f"/m/{self.short}/status/{number}/revocation") for number in numbers]
        did = json.loads(document)["id"]
        given = Given(documents=((None, document),), status_lists=tuple(lists))
        question = make_question(given, ContextLibrary(), now=self.made.clock())
        report = judge_external(badge.encode(), question).credentials[0]
        assert did.endswith(self.short)
        return report.code

    async def fetch_as_stranger(self, path: str) -> int:
        async with self.web(HOST) as url, aiohttp.ClientSession() as session, session.get(f"{url}{path}") as answer:
            return answer.status

    def ask_ledger(self, badge: str) -> Code:
        """Judge it by the ledger, as the heir holds it."""
        seen = Network(self.made.trust(), self.bench(HEIR).desk.parts.ledger)
        question = make_question(Given(), ContextLibrary(), now=self.made.clock(), own=FormJudge(seen))
        return judge_external(badge.encode(), question).credentials[0].code


async def close_school(folder: Path) -> Closed:
    async with valley(folder) as made:
        old = made[OLD].desk
        for name in (OLD, HEIR):
            fill_folder(shared_path("vectors/formats/contexts"), folder / name)
        await old.publish(achievement_json())
        report = await old.issue(IssueRequest(data=csv_of(range(1, 3)), achievement=DIPLOMA))
        await old.cut()
        copies = CopyDesk(old)
        badges = {
            award: (await copies.make(CopyOrder(form=Form.OPEN_BADGE, award_ids=(award,)))).text
            for award in report.issued
        }
        await old.cut()
        await old.set_status([report.issued[1]], Status.REVOKED)
        await old.cut()
        closed = Closed(folder, made, badges)
        for name in (HOST, HEIR):
            made.send(OLD, name)
        await closed.copy(OLD)
        await made.succeed(OLD, HEIR)
        await made[HEIR].desk.cut()
        for log in (OLD, HOST):
            made.send(log, HEIR)
        return closed


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def template(tmp_path_factory: pytest.TempPathFactory) -> Closed:
    return await close_school(tmp_path_factory.mktemp("valley"))


@pytest_asyncio.fixture(loop_scope="module")
async def closed(template: Closed, tmp_path: Path) -> AsyncIterator[Closed]:
    """The same in a folder of the test's own, with network and heir open."""
    folder = tmp_path / "valley"
    shutil.copytree(template.folder, folder)
    made = Valley(folder, Clock(template.made.clock.now), dict(template.made.logs), template.made.networks)
    try:
        for name in (HOST, HEIR):
            await made.open(name)
        yield Closed(folder, made, template.badges)
    finally:
        await made.close_all()


@asynccontextmanager
async def reading_host(closed: Closed) -> AsyncIterator[None]:
    """The heir's desk can ask the network's host for what was published."""
    async with closed.web(HOST) as url:
        desk = closed.bench(HEIR).desk
        desk.parts = replace(
            desk.parts, published_lists=lambda _, short: fetch_tokens(url, short, most=8, max_bytes=1 << 20)
        )
        desk._plain_lists._heritage._parts = desk.parts
        yield


async def cut_and_copy(closed: Closed) -> None:
    async with reading_host(closed):
        await closed.bench(HEIR).desk.cut()
    closed.made.send(HEIR, HOST)
    await closed.copy(HEIR)


def codes(closed: Closed) -> list[Code]:
    return [closed.ask_ledger(badge) for badge in closed.badges.values()]


async def strangers(closed: Closed) -> list[Code]:
    return [await closed.ask_as_stranger(badge) for badge in closed.badges.values()]


async def test_until_the_heir_acts_the_last_lists_stand(closed: Closed) -> None:
    """The network's host goes on serving them; the heir publishes nothing in a name it has not taken over."""
    assert await strangers(closed) == [Code.VALID, Code.REVOKED]
    await cut_and_copy(closed)
    assert closed.files(HEIR).numbers(closed.short) == ()
    assert await strangers(closed) == codes(closed) == [Code.VALID, Code.REVOKED]


async def test_with_the_database_statuses_can_change_for_everybody(closed: Closed) -> None:
    done = await closed.made.inherit(HEIR, sources=Sources(backup=closed.folder / OLD))
    assert done.taken.plain_lists == 1
    await cut_and_copy(closed)
    assert await strangers(closed) == codes(closed) == [Code.VALID, Code.REVOKED]
    (number,) = closed.files(HOST).numbers(closed.short)
    served = json.loads(closed.files(HOST).read(closed.short, number, ListFile.REVOCATION) or b"")
    assert find_head(served).log == closed.made.logs[HEIR]
    assert served["issuer"].endswith(closed.short)
    await closed.bench(HEIR).desk.set_status([next(iter(closed.badges))], Status.REVOKED)
    assert await strangers(closed) == [Code.VALID, Code.REVOKED]
    await cut_and_copy(closed)
    assert await strangers(closed) == codes(closed) == [Code.REVOKED, Code.REVOKED]


async def test_without_a_database_the_lists_stay_as_they_were_and_stay_alive(closed: Closed) -> None:
    """Read from the host, signed anew: what was revoked stays so, years after the old school's last signature expired."""
    root = closed.folder / OLD / "keys" / "list_root.key"
    done = await closed.made.inherit(HEIR, sources=Sources(keys=root))
    assert done.taken.plain_lists == 0
    closed.made.clock.now += 400 * 86_400_000
    assert await strangers(closed) == [Code.INCOMPLETE, Code.INCOMPLETE]
    await cut_and_copy(closed)
    assert await strangers(closed) == [Code.VALID, Code.REVOKED]
    # The database is found later: then they follow decisions again.
    again = await closed.made.inherit(HEIR, sources=Sources(backup=closed.folder / OLD))
    assert again.taken.plain_lists == 1
    await closed.bench(HEIR).desk.set_status([next(iter(closed.badges))], Status.REVOKED)
    await cut_and_copy(closed)
    assert await strangers(closed) == [Code.REVOKED, Code.REVOKED]


async def test_nothing_is_published_before_what_was_published_was_read(
    closed: Closed, caplog: pytest.LogCaptureFixture
) -> None:
    """The host does not answer: the operator is told, the last lists stand, and the next cut tries again."""
    await closed.made.inherit(HEIR, sources=Sources(backup=closed.folder / OLD))
    desk = closed.bench(HEIR).desk

    async def fails(url: str, short: str) -> Mapping[int, bytes]:
        raise CairnError(f"{url}: does not answer")

    desk._plain_lists._heritage._parts = replace(desk.parts, published_lists=fails)
    for number in closed.files(HEIR).numbers(closed.short):
        shutil.rmtree(closed.folder / HEIR / "status" / closed.short / str(number))
    await desk.database.change(forget_reading)
    await desk.cut()
    assert closed.files(HEIR).numbers(closed.short) == ()
    assert "status lists of a predecessor were not read" in caplog.text
    await cut_and_copy(closed)
    assert await strangers(closed) == [Code.VALID, Code.REVOKED]


def forget_reading(session: Any) -> None:
    from node.registrar.tables import Setting

    session.query(Setting).filter(Setting.name.startswith("plain lists read")).delete()


async def test_what_the_heir_makes_in_the_old_name_is_read_by_everybody(closed: Closed) -> None:
    """Badge, JWS and SD-JWT carry the old issuer's id, the heir's key, and a list in the old name that is the heir's own."""
    await closed.made.inherit(HEIR, sources=Sources(backup=closed.folder / OLD))
    heir = closed.bench(HEIR).desk
    await heir.cut()
    award = next(iter(closed.badges))
    forms = (Form.OPEN_BADGE, Form.JWS, Form.JWS_RS256, Form.SD_JWT_ES256)
    made = {
        form: (await CopyDesk(heir).make(CopyOrder(form=form, award_ids=(award,), is_fresh=True))).text
        for form in forms
    }
    await cut_and_copy(closed)
    badge = json.loads(made[Form.OPEN_BADGE])
    assert badge["issuer"]["id"].endswith(closed.short)
    assert f"/m/{closed.short}/status/" in badge["credentialStatus"]["statusListCredential"]
    assert len(closed.files(HOST).numbers(closed.short)) == 2
    assert await closed.ask_as_stranger(made[Form.OPEN_BADGE]) is Code.VALID
    assert [closed.ask_ledger(text) for text in made.values()] == [Code.VALID] * 4
    for form in (Form.JWS, Form.JWS_RS256):
        kid = json.loads(base64url.decode(made[form].split(".")[0]))["kid"]
        assert f"/m/{closed.short}/" in kid
        assert await closed.fetch_as_stranger(kid.removeprefix("https://confluence.example")) == 200
    payload = json.loads(base64url.decode(made[Form.SD_JWT_ES256].split(".")[1]))
    assert payload["iss"].endswith(closed.short)
    assert f"/m/{closed.short}/status/" in payload["status"]["status_list"]["uri"]
    await heir.set_status([award], Status.REVOKED)
    await cut_and_copy(closed)
    assert await closed.ask_as_stranger(made[Form.OPEN_BADGE]) is Code.REVOKED
    assert [closed.ask_ledger(text) for text in made.values()] == [Code.REVOKED] * 4


def published(closed: Closed, held: Any, role: Role = Role.ISSUE, **changes: Any) -> bytes:
    """A token as the keys in the old school's directory sign it."""
    keys = open_keystore(closed.folder / OLD / "keys")
    key = changes.pop("key", None) or keys.with_role(KeyRole(role.value))[-1]
    signer = ListSigner(
        issuer_url=changes.pop("url", f"https://confluence.example/m/{closed.short}"), key=key, library=ContextLibrary()
    )
    terms = make_terms(signer, held, interval=0, now=closed.made.clock())
    terms = replace(terms, head=replace(terms.head, **changes))
    return dict(make_files(PlainList(NUMBER, {7: PlainStatus.INVALID}), terms, signer))[ListFile.TOKEN]


REFUSED: list[tuple[str, Any, str]] = [
    ("not ascii", lambda closed, log: "ü".encode(), "not ASCII"),
    ("no token", lambda closed, log: b"a.b", "status token"),
    ("another url", lambda closed, log: published(closed, log, url="https://other.example/m/x"), "is not the list"),
    ("another log", lambda closed, log: published(closed, log, log=LogId(bytes(32))), "was not to publish it"),
    ("a strange key", lambda closed, log: published(closed, log, key=SigningKey(b"x" * 32)), "no credential key"),
    ("an operate key", lambda closed, log: published(closed, log, Role.OPERATE), "no credential key"),
    ("above the end", lambda closed, log: published(closed, log, size=10_000), "its log never had"),
    ("another history", lambda closed, log: published(closed, log, root=b"r" * 32), "its log never had"),
]


async def test_what_counts_as_published(closed: Closed) -> None:
    """Each step of reading what somebody says the old school published refuses; the old school's own token passes."""
    log = closed.bench(HEIR).desk.parts.ledger.log(closed.made.logs[OLD])
    assert log is not None
    url = list_url(f"https://confluence.example/m/{closed.short}", NUMBER, ListFile.TOKEN)
    good = open_published(published(closed, log), NUMBER, (log,), url=url)
    assert good == PlainList(NUMBER, {7: PlainStatus.INVALID})
    for name, make, words in REFUSED:
        with pytest.raises(CairnError, match=words):
            open_published(make(closed, log), NUMBER, (log,), url=url)
            pytest.fail(name)


async def test_the_old_schools_keys_publish_nothing_any_more(closed: Closed, caplog: pytest.LogCaptureFixture) -> None:
    """A list that they sign after the end is not copied by the host, though it was good the day before."""
    await closed.made.inherit(HEIR, sources=Sources(backup=closed.folder / OLD))
    await cut_and_copy(closed)
    (number,) = closed.files(HOST).numbers(closed.short)
    before = closed.files(HOST).read(closed.short, number, ListFile.TOKEN)
    log = closed.bench(HOST).desk.parts.ledger.log(closed.made.logs[OLD])
    key = open_keystore(closed.folder / OLD / "keys").newest(KeyRole.ISSUE)
    signer = ListSigner(issuer_url=f"https://confluence.example/m/{closed.short}", key=key, library=ContextLibrary())
    assert log is not None
    terms = make_terms(signer, log, interval=0, now=closed.made.clock())
    for file, data in make_files(PlainList(number, {}), terms, signer):
        closed.files(HEIR).keep(closed.short, number, file, data)
    await closed.copy(HEIR)
    assert "status lists of a member were not copied" in caplog.text
    assert closed.files(HOST).read(closed.short, number, ListFile.TOKEN) == before
