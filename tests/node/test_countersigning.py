"""From a school's desk to a file, to the network's desk, to a verifier: real logs, keys, stores and gRPC, in one process."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from ledger.credential.baking import bake, unbake
from ledger.credential.dataintegrity.issuer_document import did_web_of, document_of_history
from ledger.credential.external.judge import judge_external
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.report import Code, RecordReport
from ledger.credential.status import Status
from ledger.credential.verify_forms import FormJudge
from ledger.errors import CairnError, MalformedError, PolicyError, RuleError
from ledger.log.governance import MemberOp
from ledger.log.network import Network
from node import main
from node.client.contexts import fill_folder
from node.client.copyform import CopyOrder, Form, MadeCopy
from node.client.countersigned import Countersigned, countersign
from node.client.reach import reach_socket
from node.client.registry import IssueRequest
from node.countersigning import CountersigningDesk
from node.errors import BusyError
from node.home import open_home
from node.newestheads import NewestHeads
from node.registrar.copy_desk import CopyDesk
from node.service.boundary import ErrorBoundary
from node.service.copies import add_copies
from node.service.server import listen, make_server
from node.verifying import LOOK_MS, VerifyingDesk
from tests.ledger.credential import badges
from tests.ledger.credential.test_baking import SVG, png
from tests.node.registrar.desks import DIPLOMA, achievement_json, csv_of
from tests.node.successions import NETWORK, Valley, valley
from tests.shared import shared_path

pytestmark = pytest.mark.asyncio(loop_scope="module")
SCHOOL, OTHER = "granite-hollow", "tidewater"
DAY = "2026-09-21"
TIMEOUT_SECONDS = 60


@dataclass
class Countersigning:
    """A network with its desk, and a member that hands out files."""

    valley: Valley
    desks: dict[str, CountersigningDesk]
    awards: dict[int, str]

    def send(self) -> None:
        # A desk looks anew when its last look is old.
        self.valley.clock.advance(2 * LOOK_MS)
        for name in (NETWORK, OTHER):
            self.valley.send(SCHOOL, name)

    async def copy(self, learner: int, form: Form = Form.OPEN_BADGE, *, cut: bool = True, **more: Any) -> MadeCopy:
        """A copy of a learner's award, on the ledger if asked to be, and everybody has heard of it."""
        if learner not in self.awards:
            request = IssueRequest(data=csv_of([learner]), achievement=DIPLOMA)
            (self.awards[learner],) = (await self.school.desk.issue(request)).issued
        given = more or {"award_ids": (self.awards[learner],)}
        made = await CopyDesk(self.school.desk).make(CopyOrder(form=form, **given))
        if cut:
            await self.school.desk.cut()
            self.send()
        return made

    @property
    def school(self) -> Any:
        return self.valley[SCHOOL]

    @property
    def clock(self) -> Any:
        return self.valley.clock

    async def countersign(self, text: str, *receipts: bytes, at: str = NETWORK) -> Countersigned:
        made = await self.desks[at].countersign(text.encode(), receipts)
        assert isinstance(made, Countersigned), made
        return made

    async def refusal(self, text: str) -> RecordReport:
        made = await self.desks[NETWORK].countersign(text.encode())
        assert isinstance(made, RecordReport)
        return made

    def judge(self, text: str, contexts: ContextLibrary | None = None) -> RecordReport:
        """What the other member's verifier says."""
        seen = Network(self.valley.trust(), self.valley[OTHER].desk.parts.ledger)
        library = badges.library() if contexts is None else contexts
        question = ExternalQuestion(now=self.clock(), library=library, own=FormJudge(seen))
        return judge_external(text.encode(), question)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def made(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Countersigning]:
    contexts = shared_path("vectors/formats/contexts")
    async with valley(tmp_path_factory.mktemp("valley")) as opened:
        verifying = []
        desks = {}
        for name in (NETWORK, SCHOOL, OTHER):
            fill_folder(contexts, opened[name].directory)
            ledger: Any = opened[name].desk.parts.ledger

            def newest(log: Any, ledger: Any = ledger) -> bytes:
                return bytes(ledger.log(log).note)

            one = VerifyingDesk(NewestHeads(ledger, newest), lambda: (opened.trust(),), opened.clock)
            verifying.append(one)
            desks[name] = CountersigningDesk(opened[name].desk, one)
        await opened[SCHOOL].desk.publish(achievement_json())
        yield Countersigning(opened, desks, {})
        for one in verifying:
            one.close()


async def test_a_badge_from_a_school_by_its_network_to_a_verifier(made: Countersigning) -> None:
    """The school's proofs stay bit by bit; both proofs of the network are good; status and place are found as before."""
    copy = await made.copy(1)
    signed = await made.countersign(copy.text)
    assert (signed.network, signed.issuer) == ("Confluence", "Granite Hollow")
    before, after = json.loads(copy.text), json.loads(signed.text)
    assert after["proof"][:2] == before["proof"] and len(after["proof"]) == 4
    assert {name: after[name] for name in after if name != "proof"} == {n: before[n] for n in before if n != "proof"}
    (report,) = made.judge(signed.text).credentials
    assert report.code is Code.VALID and report.steps[1].detail == ""
    assert f"countersigned by Confluence on {DAY}" in report.notes
    assert made.judge(signed.text, ContextLibrary()).credentials[0].code is Code.VALID
    await made.school.desk.set_status([made.awards[1]], Status.REVOKED)
    await made.school.desk.cut()
    made.send()
    assert made.judge(signed.text).credentials[0].code is Code.REVOKED


async def test_the_key_stands_in_the_networks_own_document(made: Countersigning) -> None:
    """Under its did:web, as its node serves it, for software that holds no ledger."""
    signed = await made.countersign((await made.copy(2)).text)
    bench = made.valley[NETWORK]
    did = did_web_of(bench.desk.make_press().issuer.id)
    document: Any = document_of_history(did, bench.log.state.keys)
    proofs = json.loads(signed.text)["proof"][2:]
    assert signed.did == did
    assert {proof["verificationMethod"] for proof in proofs} <= set(document["assertionMethod"])
    assert [proof["previousProof"] for proof in proofs] == [[p["id"] for p in json.loads(signed.text)["proof"][:2]]] * 2


async def test_receipts_stay_good(made: Countersigning) -> None:
    """A receipt given with the copy finds it before and after."""
    text = (await made.copy(3)).text
    again = await made.copy(3, cut=False)
    assert again.text == text and again.receipts
    signed = await made.countersign(text, *again.receipts)
    seen = Network(made.valley.trust(), made.valley[OTHER].desk.parts.ledger)
    own = FormJudge(seen, None, tuple(json.loads(one) for one in again.receipts))
    question = ExternalQuestion(now=made.clock(), library=badges.library(), own=own)
    (report,) = judge_external(signed.text.encode(), question).credentials
    assert report.code is Code.VALID and "entry" in report.steps[5].detail


async def test_a_record_is_countersigned(made: Countersigning) -> None:
    """All credentials inside were verified too; the outer proofs are those that are chained."""
    await made.copy(4)
    record = await made.copy(4, Form.CLR, learner_id="L0004")
    signed = await made.countersign(record.text)
    reports = made.judge(signed.text).credentials
    assert [one.code for one in reports] == [Code.VALID] * 2
    assert [bool(one.countersignatures) for one in reports] == [True, False]


async def test_what_is_not_valid_is_not_signed(made: Countersigning) -> None:
    """1 for a true no, 3 for what could not be decided: the report says why, and there is no file."""
    waiting = await made.copy(5, cut=False)
    report = await made.refusal(waiting.text)
    assert (report.exit_code, report.credentials[0].code) == (3, Code.NO_RECEIPT)
    await made.school.desk.cut()
    made.send()
    changed = json.loads(waiting.text) | {"name": "Doctor"}
    report = await made.refusal(json.dumps(changed))
    assert (report.exit_code, report.credentials[0].code) == (1, Code.BAD_SIGNATURE)
    await made.school.desk.set_status([made.awards[5]], Status.SUSPENDED)
    await made.school.desk.cut()
    made.send()
    report = await made.refusal(waiting.text)
    assert (report.exit_code, report.credentials[0].code) == (1, Code.SUSPENDED)


def document(change: Callable[[Any], object]) -> Callable[[str], str]:
    def edit(text: str) -> str:
        value = json.loads(text)
        change(value)
        return json.dumps(value)

    return edit


REFUSED: dict[str, tuple[Callable[[str], str], type[CairnError], str]] = {
    "no JSON": (lambda text: text[:-1], MalformedError, "file"),
    "no credential": (lambda _: '{"type":"Other"}', MalformedError, "its types are"),
    "a stranger's": (document(lambda d: d["issuer"].update(id="did:web:x.example")), RuleError, "is no member of"),
    "no issuer": (document(lambda d: d.pop("issuer")), MalformedError, "issuer"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_no_members_badge_is_refused(made: Countersigning, case: str) -> None:
    """In words, before anything is judged."""
    edit, kind, words = REFUSED[case]
    with pytest.raises(kind, match=words):
        await made.countersign(edit((await made.copy(6)).text))


async def test_nothing_is_signed_twice_or_in_another_form(made: Countersigning) -> None:
    """Nor for a receipt that is none."""
    copy = await made.copy(6)
    signed = await made.countersign(copy.text)
    with pytest.raises(RuleError, match="has signed this file already"):
        await made.countersign(signed.text)
    for form, words in ((Form.JWS, "secured as JWS"), (Form.SD_JWT, "secured as SD-JWT")):
        with pytest.raises(RuleError, match=words) as refused:
            await made.countersign((await made.copy(6, form, cut=False)).text)
        assert "--form open-badge" in refused.value.hint
    with pytest.raises(MalformedError, match="receipt"):
        await made.countersign(copy.text, b"{")


async def test_a_school_does_not_countersign(made: Countersigning) -> None:
    """Only a network says who its members are."""
    copy = await made.copy(6)
    with pytest.raises(RuleError, match=r"is a school, and a network countersigns"):
        await made.countersign(copy.text, at=OTHER)


async def test_without_contexts_it_cannot_be_decided(made: Countersigning) -> None:
    """The network signs over no proof that it could not check; the same call succeeds once they are there."""
    folder = made.valley[NETWORK].directory / "contexts"
    copy = await made.copy(7)
    away = folder.with_name("away")
    folder.rename(away)
    try:
        bench = made.valley[NETWORK]
        # Contexts once read stay in memory: a desk that has read none stands for a node just started.
        parts, bench.desk.parts = bench.desk.parts, _without_contexts(bench.desk.parts)
        with pytest.raises(BusyError, match="not all of its proofs could be checked") as refused:
            await made.countersign(copy.text)
        assert "cairn-node contexts" in refused.value.hint
    finally:
        bench.desk.parts = parts
        away.rename(folder)
    assert (await made.countersign(copy.text)).text


def _without_contexts(parts: Any) -> Any:
    import dataclasses

    return dataclasses.replace(parts, contexts=ContextLibrary())


@asynccontextmanager
async def served(made: Countersigning) -> AsyncIterator[Path]:
    """The network's private listener, where commands look for it."""
    directory = made.valley[NETWORK].directory
    server = make_server(ErrorBoundary())
    add_copies(server, CopyDesk(made.valley[NETWORK].desk), made.desks[NETWORK])
    listen(server, f"unix:{open_home(directory).socket_path()}")
    await server.start()
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            yield directory
    finally:
        await server.stop(None)


async def run(*words: str | Path) -> int:
    return await asyncio.to_thread(main.run, ["countersign", *map(str, words)])


async def test_the_command_writes_a_file_once(
    made: Countersigning, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Text, JSON, pictures; never over anything; the errors of the node keep their exit codes."""
    copy = await made.copy(8)
    source, target = tmp_path / "maya.json", tmp_path / "out.json"
    source.write_text(copy.text)
    again = await made.copy(8, cut=False)
    (tmp_path / "r.json").write_text(json.dumps([json.loads(one) for one in again.receipts]))
    async with served(made) as directory:
        assert await run(directory, source, "-o", target, "--receipts", tmp_path / "r.json") == 0
        said = capsys.readouterr()
        assert said.out.splitlines() == [
            f"countersigned: {target}",
            f"Proficiency Diploma, issued by Granite Hollow; countersigned by Confluence on {DAY}",
        ]
        assert said.err.splitlines()[-1].startswith(f"next: cairn verify {target} --receipts ")
        written = target.read_text()
        assert made.judge(written).credentials[0].code is Code.VALID
        assert await run(directory, source, "-o", target) == 2
        assert "exists already" in capsys.readouterr().err and target.read_text() == written
        assert await run(directory, target, "-o", tmp_path / "twice.json") == 1
        assert "has signed this file already" in capsys.readouterr().err
        assert await run(directory, tmp_path / "r.json", "-o", tmp_path / "twice.json") == 2
        assert await run(directory, source, "-o", tmp_path / "no" / "out.json") == 2
        assert not (tmp_path / "twice.json").exists()

        for image, name in ((png(), "maya.png"), (SVG, "maya.svg")):
            (tmp_path / name).write_bytes(bake(image, copy.text))
            assert await run(directory, tmp_path / name, "-o", tmp_path / f"new-{name}", "--json") == 0
            found = unbake((tmp_path / f"new-{name}").read_bytes())
            assert found is not None and len(json.loads(found.text)["proof"]) == 4
            capsys.readouterr()

        await made.school.desk.set_status([made.awards[8]], Status.REVOKED)
        await made.school.desk.cut()
        made.send()
        assert await run(directory, source, "-o", tmp_path / "late.json", "--json") == 1
        told = json.loads(capsys.readouterr().out)
        assert (told["countersigned"], told["report"]["credentials"][0]["code"]) == (False, "REVOKED")
        assert await run(directory, source, "-o", tmp_path / "late.json") == 1
        out = capsys.readouterr().out
        assert out.startswith(f"not countersigned: {source}\nWas valid, not now (REVOKED)")
        assert not (tmp_path / "late.json").exists()
        reach = reach_socket(str(open_home(directory).socket_path()))
        with pytest.raises(MalformedError, match="at most"):
            await countersign(reach, "x" * (2 << 20), ())
        await reach.channel.close(None)
    assert await run(directory, source, "-o", tmp_path / "late.json") == 3
    assert "no node runs here" in capsys.readouterr().err


async def test_a_member_no_more_is_not_countersigned(made: Countersigning) -> None:
    """What it issued while it was one stays valid; the network puts its name to it no longer. A node without trust in it
    says so."""
    copy = await made.copy(9)
    signed = await made.countersign(copy.text)
    await made.valley.change(MemberOp.SUSPEND, SCHOOL)
    made.clock.advance(2 * LOOK_MS)
    with pytest.raises(RuleError, match="is no member of Confluence any more, or is suspended"):
        await made.countersign(copy.text)
    assert made.judge(signed.text).credentials[0].code is Code.VALID
    nobody = VerifyingDesk(made.desks[NETWORK]._verifying._heads, lambda: (), made.clock)
    with pytest.raises(PolicyError):
        await CountersigningDesk(made.valley[NETWORK].desk, nobody).countersign(copy.text.encode())
    nobody.close()
