"""Acts that need two people: kept exactly, done once by somebody else, erased when they no longer wait."""

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger.credential.status import Status
from ledger.errors import MalformedError, RuleError
from node.client.correction import DecisionOrder, Selection
from node.client.identity import Identity
from node.client.registry import IssueRequest
from node.errors import AwaitsApprovalError, NotAllowedError
from node.pb import registrar_pb2 as pb
from node.registrar.people import acts, proposals
from node.registrar.people.tables import Proposal
from tests.node.registrar.desks import DIPLOMA, achievement_json, csv_of
from tests.node.registrar.people.offices import DAY_MS, Office, open_office, people_of, registrar_of

ALL = ("issue", "revoke", "suspend", "reinstate", "publish")
CSV = csv_of(range(3))


async def propose_issue(identity: Identity, data: bytes = CSV, **more: object) -> str:
    request = IssueRequest(data=data, achievement=DIPLOMA, **more)  # type: ignore[arg-type]  # each test names real fields
    async with registrar_of(identity) as client:
        with pytest.raises(AwaitsApprovalError, match="waits for a second person as proposal") as waiting:
            await client.issue(request)
    assert waiting.value.proposal in waiting.value.hint
    return waiting.value.proposal


async def stored(office: Office, proposal: str) -> Proposal:
    found = await office.desk.database.look(lambda session: session.get(Proposal, proposal))
    assert found is not None
    return found


@pytest.mark.usefixtures("each_database")
async def test_a_file_waits_and_is_awarded_exactly_by_a_second_person(tmp_path: Path) -> None:
    """Nothing is awarded before; afterwards the bytes are erased and the trail names both."""
    async with open_office(tmp_path, four_eyes=["issue"]) as office:
        ana, bo = await office.let_in("registrar"), await office.let_in("approver", name="Bo")
        proposal = await propose_issue(ana)
        assert await office.desk.list_awards() == []
        row = await office.last_row()
        assert (row.who, row.outcome, row.about) == (ana.person, "proposed", f"proposal {proposal}: issue")
        async with people_of(bo) as client:
            (line,) = await client.list_proposals()
            assert (line.id, line.act, line.proposed_by, line.state) == (proposal, "issue", ana.person, "waiting")
            shown = await client.read_proposal(proposal)
            assert shown.data == CSV
            assert shown.lines == (f"award {DIPLOMA} to the learners of a file of 4 lines, {len(CSV):,} bytes",)
            assert await client.approve(proposal) == ("awarded: 3",)
            awarded = await office.desk.list_awards()
            row = await office.last_row()
            assert (row.who, row.call, row.outcome, row.awards) == (bo.person, "People.Approve", "done", 3)
            assert row.about == f"proposal {proposal}: issue, proposed by {ana.person}"
            assert set(row.award_ids.split()) == {view.id for view in awarded}
            with pytest.raises(RuleError, match="was approved before"):
                await client.approve(proposal)
            with pytest.raises(RuleError, match="was approved before"):
                await client.read_proposal(proposal)
            assert await client.list_proposals() == []
            (line,) = await client.list_proposals(with_decided=True)
            assert (line.state, line.decided_by) == ("approved", bo.person)
        kept = await stored(office, proposal)
        assert (kept.content, kept.digest) == (None, line.digest)
        assert len(await office.desk.list_awards()) == 3


async def test_nobody_approves_their_own(tmp_path: Path) -> None:
    """Whatever their roles; at the node's computer the account counts."""
    async with open_office(tmp_path, four_eyes=["issue", "revoke"]) as office:
        ana = await office.let_in("registrar", "approver", "operator")
        proposal = await propose_issue(ana)
        async with people_of(ana) as client:
            with pytest.raises(NotAllowedError, match="was proposed by you"):
                await client.approve(proposal)
        assert (await office.last_row()).reason == "own proposal"
        async with office.local_people() as operator:
            await operator.approve(proposal)
        award = (await office.desk.list_awards())[0].id
        async with office.local() as local, office.local_people() as operator:
            with pytest.raises(AwaitsApprovalError) as waiting:
                await local.set_status([award], Status.REVOKED)
            with pytest.raises(NotAllowedError, match="was proposed by you"):
                await operator.approve(waiting.value.proposal)
        async with people_of(ana) as client:
            assert await client.approve(waiting.value.proposal) == ("changed: 1",)
        assert [view.status for view in await office.desk.list_awards()].count(Status.REVOKED) == 1


async def test_an_approver_approves_and_does_nothing_else(tmp_path: Path) -> None:
    async with open_office(tmp_path, four_eyes=["issue"]) as office:
        ana, bo = await office.let_in("registrar"), await office.let_in("registrar", name="Bo")
        proposal = await propose_issue(ana)
        async with people_of(bo) as client:
            with pytest.raises(NotAllowedError, match="roles that may: approver, operator"):
                await client.approve(proposal)
            with pytest.raises(NotAllowedError, match="is not yours"):
                await client.reject(proposal)


@pytest.mark.usefixtures("each_database")
async def test_the_same_act_again_is_the_same_proposal(tmp_path: Path) -> None:
    """A call sent again because its answer was lost, or replayed, asks for nothing twice."""
    async with open_office(tmp_path, four_eyes=["issue"]) as office:
        ana, bo = await office.let_in("registrar"), await office.let_in("registrar", name="Bo")
        first = await propose_issue(ana)
        assert await propose_issue(ana) == first
        assert await propose_issue(bo) != first
        assert await propose_issue(ana, csv_of(range(4))) != first


@pytest.mark.usefixtures("each_database")
async def test_two_approvals_at_once_do_it_once(tmp_path: Path) -> None:
    async with open_office(tmp_path, four_eyes=["issue"]) as office:
        ana = await office.let_in("registrar")
        approvers = [await office.let_in("approver", name=f"Bo {n}") for n in range(4)]
        proposal = await propose_issue(ana)

        async def approve(identity: Identity) -> object:
            async with people_of(identity) as client:
                return await client.approve(proposal)

        answers = await asyncio.gather(*(approve(one) for one in approvers), return_exceptions=True)
        assert [answer for answer in answers if not isinstance(answer, RuleError)] == [("awarded: 3",)]
        assert len(await office.desk.list_awards()) == 3
        done = [row for row in await office.rows() if row.call == "People.Approve" and row.outcome == "done"]
        assert len(done) == 1


async def test_what_is_rejected_or_withdrawn_is_erased(tmp_path: Path) -> None:
    async with open_office(tmp_path, four_eyes=["issue"]) as office:
        ana, bo = await office.let_in("registrar"), await office.let_in("approver", name="Bo")
        rejected, withdrawn = await propose_issue(ana), await propose_issue(ana, csv_of(range(2)))
        async with people_of(bo) as client:
            await client.reject(rejected)
            with pytest.raises(RuleError, match="was rejected before"):
                await client.approve(rejected)
        async with people_of(ana) as client:
            await client.reject(withdrawn)
        for proposal, state in ((rejected, "rejected"), (withdrawn, "withdrawn")):
            kept = await stored(office, proposal)
            assert (kept.state, kept.content) == (state, None)
        assert await office.desk.list_awards() == []
        # The same file may be proposed again: it is another proposal.
        assert await propose_issue(ana) not in (rejected, withdrawn)


@pytest.mark.usefixtures("each_database")
async def test_a_proposal_expires_and_is_erased(tmp_path: Path) -> None:
    """After seven days, by the task that tidies up, whether or not anybody looks."""
    async with open_office(tmp_path, four_eyes=["issue"], registrar_certificate_days=90) as office:
        ana, bo = await office.let_in("registrar"), await office.let_in("approver", name="Bo")
        proposal = await propose_issue(ana)
        office.clock.advance(7 * DAY_MS)
        async with people_of(bo) as client:
            assert await client.list_proposals() == []
            with pytest.raises(RuleError, match="has expired"):
                await client.approve(proposal)
        tidying = asyncio.create_task(office.entrance.office.keep_tidy())
        async with asyncio.timeout(30):
            while (await stored(office, proposal)).content is not None:
                await asyncio.sleep(0.01)
        tidying.cancel()
        assert (await stored(office, proposal)).state == "expired"


async def test_a_removed_persons_proposals_are_withdrawn(tmp_path: Path) -> None:
    async with open_office(tmp_path, four_eyes=["issue"]) as office:
        ana, bo = await office.let_in("registrar"), await office.let_in("approver", name="Bo")
        proposal = await propose_issue(ana)
        async with office.local_people() as operator:
            assert await operator.remove(ana.person) == 1
        async with people_of(bo) as client:
            with pytest.raises(RuleError, match="was withdrawn before"):
                await client.approve(proposal)


async def test_what_cannot_be_done_goes_on_waiting(tmp_path: Path) -> None:
    """The act's own error reaches whoever approves; nothing was decided."""
    async with open_office(tmp_path, four_eyes=["revoke"]) as office:
        bo = await office.let_in("approver", name="Bo")
        async with office.local() as client:
            with pytest.raises(AwaitsApprovalError) as waiting:
                await client.set_status(["nobody"], Status.REVOKED, reason="x")
        async with people_of(bo) as approver:
            with pytest.raises(RuleError, match="no such award"):
                await approver.approve(waiting.value.proposal)
            (line,) = await approver.list_proposals()
            assert line.state == "waiting"
        row = await office.last_row()
        assert (row.call, row.outcome, row.reason) == ("People.Approve", "failed", "RuleError")


async def test_every_act_that_can_be_named_waits(tmp_path: Path) -> None:
    """With all of them named; what is not named, and a dry run, is done at once."""
    async with open_office(tmp_path) as office, office.local() as client:
        report = await client.issue(IssueRequest(data=CSV, achievement=DIPLOMA))
    async with open_office(tmp_path, four_eyes=ALL, seed="two") as office, office.local() as client:
        request = IssueRequest(data=CSV, achievement=DIPLOMA, dry_run=True)
        assert (await client.issue(request)).new == 3
        for status in (Status.REVOKED, Status.SUSPENDED, Status.VALID):
            with pytest.raises(AwaitsApprovalError):
                await client.set_status(report.issued, status)
        with pytest.raises(AwaitsApprovalError) as waiting:
            await client.publish(achievement_json(version=9))
        assert (await client.cut()).copies == 0
        bo = await office.let_in("approver", name="Bo")
        async with people_of(bo) as approver:
            shown = await approver.read_proposal(waiting.value.proposal)
            assert shown.data == achievement_json(version=9)
            (line,) = await approver.approve(waiting.value.proposal)
            assert line.startswith(f"published: {DIPLOMA}, version 9, entry ")
            assert (await office.last_row()).outcome == "done"
            assert (await stored(office, waiting.value.proposal)).state == "approved"
            acts_waiting = {line.act for line in await approver.list_proposals()}
        assert acts_waiting == {"revoke", "suspend", "reinstate"}


@pytest.mark.usefixtures("each_database")
async def test_a_selection_waits_as_it_was_previewed(tmp_path: Path) -> None:
    """What is approved are the awards that somebody looked at, or nothing."""
    async with open_office(tmp_path, four_eyes=["revoke", "issue"]) as office:
        ana, bo = await office.let_in("registrar"), await office.let_in("approver", name="Bo")
        first = await propose_issue(ana)
        async with people_of(bo) as approver:
            await approver.approve(first)
        order = DecisionOrder(selection=Selection(achievement=DIPLOMA), status=Status.REVOKED, reason="stolen")
        async with registrar_of(ana) as client, people_of(bo) as approver:
            with pytest.raises(MalformedError, match="without the fingerprint of a preview"):
                await client.corrections.decide(order)
            preview = await client.corrections.decide(replace(order, dry_run=True))
            assert (await office.last_row()).about == "revoke"
            agreed = replace(order, expected=preview.fingerprint)
            with pytest.raises(AwaitsApprovalError) as waiting:
                await client.corrections.decide(agreed)
            shown = await approver.read_proposal(waiting.value.proposal)
            assert shown.lines[:2] == ("revoke", f"selected by achievement {DIPLOMA}")
            second = await propose_issue(ana, csv_of(range(3, 5)))
            await approver.approve(second)
            with pytest.raises(RuleError, match="other awards than those that were shown"):
                await approver.approve(waiting.value.proposal)
            preview = await client.corrections.decide(replace(order, dry_run=True))
            with pytest.raises(AwaitsApprovalError) as waiting:
                await client.corrections.decide(replace(order, expected=preview.fingerprint))
            assert await approver.approve(waiting.value.proposal) == ("changed: 5",)
            assert (await office.last_row()).awards == 5
        assert {view.status for view in await office.desk.list_awards()} == {Status.REVOKED}


async def test_a_correction_is_an_award(tmp_path: Path) -> None:
    """`issue` covers what replaces: nobody corrects alone what they may not award alone."""
    async with open_office(tmp_path, four_eyes=["issue"]) as office:
        ana, bo = await office.let_in("registrar"), await office.let_in("approver", name="Bo")
        proposal = await propose_issue(ana)
        async with people_of(bo) as approver:
            await approver.approve(proposal)
        award = (await office.desk.list_awards())[0].id
        order = DecisionOrder(
            selection=Selection(award_ids=(award,)), status=Status.REPLACED, corrections=(("awarded_on", "2026-06-16"),)
        )
        async with registrar_of(ana) as client, people_of(bo) as approver:
            with pytest.raises(AwaitsApprovalError) as waiting:
                await client.corrections.decide(order)
            lines = (await approver.read_proposal(waiting.value.proposal)).lines
            assert lines == ("replace 1 award", award, "awarded_on becomes 2026-06-16")
            assert await approver.approve(waiting.value.proposal) == ("changed: 1",)
            row = await office.last_row()
            assert award in row.award_ids.split() and row.awards == 2


async def test_a_publisher_sees_only_their_own(tmp_path: Path) -> None:
    """A file of awards is personal data; publishing does not need it."""
    async with open_office(tmp_path, four_eyes=["issue"]) as office:
        ana, cy = await office.let_in("registrar"), await office.let_in("publisher", name="Cy")
        proposal = await propose_issue(ana)
        async with people_of(cy) as client:
            with pytest.raises(NotAllowedError, match="is not yours"):
                await client.read_proposal(proposal)


@pytest.mark.usefixtures("each_database")
async def test_too_much_does_not_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposals, "MAX_WAITING", 1)
    async with open_office(tmp_path, four_eyes=["issue"]) as office:
        ana = await office.let_in("registrar")
        await propose_issue(ana)
        async with registrar_of(ana) as client:
            with pytest.raises(RuleError, match="1 wait already"):
                await client.issue(IssueRequest(data=csv_of(range(9)), achievement=DIPLOMA))


async def test_nothing_of_a_file_stays_behind(tmp_path: Path) -> None:
    """After approval the names are where awards are, and nowhere in the proposals."""
    async with open_office(tmp_path, four_eyes=["issue"]) as office:
        proposal = await propose_issue(await office.let_in("registrar"))
        async with office.local_people() as operator:
            await operator.reject(proposal)
        rows = await office.desk.database.look(lambda session: list(session.scalars(select(Proposal))))
        assert "Marker" not in str([vars(row) for row in rows])


def test_messages_are_kept_exactly() -> None:
    messages = [pb.IssueRequest(achievement="a", replace=["x"]), pb.IssueRequest(data=b"1"), pb.IssueRequest(data=b"")]
    content = acts.pack(messages)
    assert acts.unpack("Registrar.Issue", content) == messages
    assert hashlib.sha256(content).digest() == hashlib.sha256(acts.pack(messages)).digest()


@pytest.mark.parametrize(
    ("call", "content", "reason"),
    [
        ("Registrar.Issue", b"\0\0\0\x09abc", "damaged"),
        ("Registrar.Rename", b"", "no call of this version"),
        ("Elsewhere.Issue", b"", "no call of this version"),
    ],
)
def test_what_was_not_kept_is_refused(call: str, content: bytes, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        acts.unpack(call, content)


def test_acts_are_told_in_words() -> None:
    first = pb.IssueRequest(achievement="d", replace=["a1"], ignore=["x"])
    first.mapping.add(theirs="Nr", ours="learner_id")
    assert acts.describe("Registrar.Issue", [first])[0][1:] == [
        "replace: a1",
        "columns: Nr is learner_id",
        "columns left out: x",
    ]
    many = pb.SetStatusRequest(award_ids=[f"a{n}" for n in range(60)], status=pb.AWARD_STATUS_REVOKED, reason="r")
    lines, _ = acts.describe("Registrar.SetStatus", [many])
    assert lines[0] == "revoke 60 awards" and lines[1].endswith("a49 and 10 more") and lines[2] == "reason: r"
    assert acts.describe("Registrar.Offer", [pb.OfferRequest(learner_id="L1")])[0] == [
        'Registrar.Offer: learner_id: "L1"'
    ]
    assert acts.name_act("Registrar.Offer", pb.OfferRequest()) == ""
    assert acts.describe_outcome("Registrar.Offer", [pb.OfferResponse()]) == ["done"]
    summary = pb.IssueSummary(new=1, replaced=2, already=3)
    answers = [pb.IssueResponse(summary=summary), pb.IssueResponse(problems=[pb.RowProblem(line=2)])]
    assert acts.describe_outcome("Registrar.Issue", answers) == [
        "awarded: 1",
        "replaced: 2",
        "already issued: 3",
        "left out: 1 row",
    ]
