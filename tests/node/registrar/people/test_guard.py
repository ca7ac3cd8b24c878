"""Who was let in and is no longer, what is replayed, and what the trail has of it."""

import logging
from pathlib import Path

import pytest
from cryptography import x509

from ledger.credential.status import Status
from ledger.errors import MalformedError, RuleError, SignatureError
from node.client.certificates import make_key, make_signing_request
from node.client.registry import IssueRequest
from node.errors import NotAllowedError
from node.registrar.people import guard as guard_module
from tests.node.registrar.desks import DIPLOMA, csv_of
from tests.node.registrar.people.offices import DAY_MS, identity_of, open_office, people_of, registrar_of


@pytest.mark.usefixtures("each_database")
async def test_what_a_registrar_does_is_in_the_trail(tmp_path: Path) -> None:
    """Awards by their ids, in the order of the calls, and nothing about learners."""
    async with open_office(tmp_path) as office:
        ana = await office.let_in("registrar")
        async with registrar_of(ana) as client:
            report = await client.issue(IssueRequest(data=csv_of(range(3)), achievement=DIPLOMA))
            await client.set_status(report.issued[:2], Status.SUSPENDED, reason="Marker1 is away")
            await client.set_status(report.issued[:2], Status.SUSPENDED)
            await client.offer(award_ids=report.issued[2:])
            await client.cut()
            await client.status()
            await client.list_awards(learner_id="L0001")
            with pytest.raises(RuleError):
                await client.set_status(["nobody"], Status.REVOKED)
            with pytest.raises(MalformedError):
                await client.issue(IssueRequest(data=b"Learner Marker7\n", achievement=DIPLOMA))
        rows = [row for row in await office.rows() if row.who == ana.person]
        assert [(row.call.partition(".")[2], row.about, row.outcome, row.awards, row.reason) for row in rows] == [
            ("Enrol", f"person {ana.person}", "done", 0, ""),
            ("Issue", "", "done", 3, ""),
            ("SetStatus", "suspend", "done", 2, ""),
            ("SetStatus", "suspend", "done", 0, ""),
            ("Offer", "", "done", 1, ""),
            ("Cut", "", "done", 0, ""),
            ("ListAwards", "", "done", 1, ""),
            ("SetStatus", "revoke", "failed", 0, "FAILED_PRECONDITION"),
            ("Issue", "", "failed", 0, "INVALID_ARGUMENT"),
        ]
        assert rows[1].award_ids.split() == list(report.issued)
        everything = " ".join(str(vars(row)) for row in await office.rows())
        assert "Marker" not in everything and "L000" not in everything


async def test_the_trace_of_an_award_is_durable_with_it(tmp_path: Path) -> None:
    """Where the trail cannot be written nothing is awarded, and the other way round."""
    async with open_office(tmp_path) as office:
        with office.desk.database.write() as session:
            session.connection().exec_driver_sql(
                "CREATE TRIGGER full BEFORE INSERT ON trail WHEN NEW.outcome = 'done' "
                "BEGIN SELECT RAISE(FAIL, 'disk full'); END"
            )
        async with office.local() as client:
            with pytest.raises(Exception, match=r"internal error|cannot be written"):
                await client.issue(IssueRequest(data=csv_of(range(3)), achievement=DIPLOMA))
            assert await client.list_awards() == []
        with office.desk.database.write() as session:
            session.connection().exec_driver_sql("DROP TRIGGER full")
        async with office.local() as client:
            assert (await client.issue(IssueRequest(data=csv_of(range(3)), achievement=DIPLOMA))).new == 3
        row = await office.last_row()
        assert (row.call, row.awards, row.outcome) == ("Registrar.Issue", 3, "done")


@pytest.mark.usefixtures("each_database")
async def test_a_removed_person_is_refused_on_an_open_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The certificate is good for months; it opens nothing from the moment of the removal."""
    async with open_office(tmp_path) as office:
        ana = await office.let_in("registrar", name="Ana Marker Ruiz")
        async with registrar_of(ana) as client:
            await client.list_awards()
            async with office.local_people() as operator:
                assert await operator.remove(ana.person) == 0
                with pytest.raises(RuleError, match="was removed before"):
                    await operator.remove(ana.person)
            for _ in range(2):
                with pytest.raises(NotAllowedError, match=f"person {ana.person}: was removed"):
                    await client.issue(IssueRequest(data=csv_of(range(1)), achievement=DIPLOMA))
        row = await office.last_row()
        assert (row.who, row.call, row.outcome, row.reason) == (ana.person, "Registrar.Issue", "refused", "removed")
        assert await office.desk.list_awards() == []
        told = [vars(r) for r in caplog.records if r.getMessage() == "call refused"]
        assert (told[-1]["person"], told[-1]["reason"], told[-1]["levelno"]) == (ana.person, "removed", logging.WARNING)
        assert "Marker" not in str(told)


async def test_a_removed_person_renews_nothing(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        ana = await office.let_in("registrar")
        async with office.local_people() as operator:
            await operator.remove(ana.person)
        async with people_of(ana) as client:
            with pytest.raises(NotAllowedError, match="was removed"):
                await client.renew(make_signing_request(make_key()))


async def test_a_certificate_that_ended_by_the_nodes_record_is_refused_in_words(tmp_path: Path) -> None:
    """Also when the computer's clock says otherwise."""
    async with open_office(tmp_path, registrar_certificate_days=10) as office:
        ana = await office.let_in("registrar")
        office.clock.advance(10 * DAY_MS)
        async with registrar_of(ana) as client:
            with pytest.raises(NotAllowedError, match="certificate: has expired") as refusal:
                await client.status()
            assert "new invitation" in refusal.value.hint
        assert (await office.last_row()).reason == "expired"


@pytest.mark.usefixtures("each_database")
async def test_an_invitation_works_once(tmp_path: Path) -> None:
    """The same key gets the same certificate again, for an answer that was lost; another key is a copy of the file."""
    async with open_office(tmp_path) as office:
        invitation, key = await office.invite("registrar"), make_key()
        async with people_of(invitation) as client:
            first = await client.enrol(make_signing_request(key))
            again = await client.enrol(make_signing_request(key))
            assert again == first
            with pytest.raises(NotAllowedError, match="was used already, with another key") as refusal:
                await client.enrol(make_signing_request(make_key()))
            assert "tell the node's operator at once" in refusal.value.hint
        assert (await office.last_row()).reason == "invitation used"
        async with registrar_of(identity_of(invitation, first, key)) as registrar:
            await registrar.status()


async def test_an_invitation_opens_nothing_else(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        invitation = await office.invite("operator")
        async with registrar_of(invitation) as client:
            with pytest.raises(NotAllowedError, match="opens nothing but the way to a certificate"):
                await client.list_awards()
        async with people_of(invitation) as people:
            with pytest.raises(NotAllowedError, match="opens nothing but"):
                await people.invite("Mallory", ("operator",), 7)


async def test_an_invitation_expires_and_is_withdrawn_with_its_person(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        late, removed = await office.invite("registrar"), await office.invite("registrar")
        async with office.local_people() as operator:
            people = await operator.list_people()
            assert [person.describe(office.clock()) for person in people] == ["invited", "invited"]
            await operator.remove(removed.certificate.subject.rfc4514_string().split()[-1])
        async with people_of(removed) as client:
            with pytest.raises(NotAllowedError, match="was removed"):
                await client.enrol(make_signing_request(make_key()))
        office.clock.advance(7 * DAY_MS)
        async with people_of(late) as client:
            with pytest.raises(NotAllowedError, match="invitation: has expired"):
                await client.enrol(make_signing_request(make_key()))


async def test_what_is_no_signing_request_is_refused(tmp_path: Path) -> None:
    """Proof of the key is asked for; the invitation stays good."""
    async with open_office(tmp_path) as office:
        invitation, key = await office.invite("registrar"), make_key()
        request = make_signing_request(key)
        async with people_of(invitation) as client:
            with pytest.raises(MalformedError, match="is not PKCS #10"):
                await client.enrol(b"\x30\x00")
            with pytest.raises(MalformedError, match="more than 8192"):
                await client.enrol(bytes(8193))
            with pytest.raises((SignatureError, MalformedError)):
                await client.enrol(request[:-1] + bytes([request[-1] ^ 1]))
            assert (await client.enrol(request)).roles == ("registrar",)


@pytest.mark.usefixtures("each_database")
async def test_renewing_ends_the_old_certificate_at_first_use_of_the_new(tmp_path: Path) -> None:
    """A copy of the old one, stolen before, is refused and noticed; a lost answer locks nobody out."""
    async with open_office(tmp_path) as office:
        old = await office.let_in("registrar")
        key = make_key()
        async with people_of(old) as client:
            lost = await client.renew(make_signing_request(make_key()))
            answer = await client.renew(make_signing_request(key))
            assert await client.renew(make_signing_request(key)) == answer != lost
        new = identity_of(old, answer, key)
        async with registrar_of(old) as client, registrar_of(new) as renewed:
            await client.list_awards()
            await renewed.list_awards()
            with pytest.raises(NotAllowedError, match="was renewed and counts no longer") as refusal:
                await client.list_awards()
            assert "somebody else has a copy" in refusal.value.hint
            await renewed.list_awards()
        assert (await office.last_row()).outcome == "done"
        assert "renewed" in [row.reason for row in await office.rows()]


async def test_the_certificate_says_no_name(tmp_path: Path) -> None:
    """The person's short id alone; who that is stands in the node's own database."""
    async with open_office(tmp_path) as office:
        invitation = await office.invite("registrar", name="Ana Marker Ruiz")
        ana = await office.let_in("registrar", name="Ana Marker Ruiz")
        for certificate in (invitation.certificate, ana.certificate):
            assert "Marker" not in certificate.subject.rfc4514_string()
        assert ana.certificate.subject.rfc4514_string() == f"CN={ana.person}"
        assert isinstance(ana.certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).critical, bool)


async def test_refusals_do_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stolen certificate that knocks all day leaves a bounded number of rows an hour."""
    monkeypatch.setattr(guard_module, "MAX_RECORDED_REFUSALS", 3)
    async with open_office(tmp_path) as office:
        ana = await office.let_in("reader")
        async with registrar_of(ana) as client:
            for _ in range(5):
                with pytest.raises(NotAllowedError):
                    await client.cut()
            assert len([row for row in await office.rows() if row.outcome == "refused"]) == 3
            office.clock.advance(3_600_000)
            with pytest.raises(NotAllowedError):
                await client.cut()
            assert len([row for row in await office.rows() if row.outcome == "refused"]) == 4


@pytest.mark.parametrize(
    ("name", "days", "reason"),
    [
        ("", 7, "name: 1 to 200"),
        ("a\nb", 7, "name: 1 to 200"),
        ("x" * 201, 7, "name"),
        ("Ana", 0, "0 days"),
        ("Ana", 91, "91 days"),
    ],
)
async def test_what_cannot_be_invited(tmp_path: Path, name: str, days: int, reason: str) -> None:
    async with open_office(tmp_path) as office, office.local_people() as client:
        with pytest.raises(MalformedError, match=reason):
            await client.invite(name, ("registrar",), days)
        with pytest.raises(MalformedError, match="there is none of this name"):
            await client.invite("Ana", ("king",), 7)


async def test_nobody_is_let_in_where_nothing_listens(tmp_path: Path) -> None:
    """Without `registrar_listen` there is no authority either."""
    async with open_office(tmp_path, registrar_listen="") as office, office.local_people() as client:
        with pytest.raises(RuleError, match="lets nobody in from another computer") as refusal:
            await client.invite("Ana", ("registrar",), 7)
        assert "registrar_listen" in refusal.value.hint
        assert office.address == ""


async def test_an_invitation_needs_an_address_to_call(tmp_path: Path) -> None:
    async with open_office(tmp_path, registrar_listen="0.0.0.0:0") as office, office.local_people() as client:
        with pytest.raises(RuleError, match="which nobody can call") as refusal:
            await client.invite("Ana", ("registrar",), 7)
        assert "registrar_address" in refusal.value.hint
        assert await client.list_people() == []
    named = {"registrar_listen": "0.0.0.0:0", "registrar_address": "ledger.granite.example:8472"}
    async with open_office(tmp_path, seed="two", **named) as office:
        assert (await office.invite("registrar")).address == "ledger.granite.example:8472"


@pytest.mark.usefixtures("each_database")
async def test_the_operator_lists_people_with_their_state(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        ana, bo = await office.let_in("registrar"), await office.let_in("approver", "reader", name="Bo")
        async with registrar_of(ana) as client:
            await client.list_awards()
        async with office.local_people() as client:
            await client.remove(bo.person)
            people = sorted(await client.list_people(), key=lambda person: person.name)
        assert [(p.id, p.name, p.roles, p.describe(office.clock())) for p in people] == [
            (ana.person, "Ana Ruiz", ("registrar",), "let in"),
            (bo.person, "Bo", ("approver", "reader"), "removed"),
        ]
        assert people[0].last_call == office.clock()
        assert people[0].describe(office.clock() + 91 * DAY_MS) == "certificate expired"
