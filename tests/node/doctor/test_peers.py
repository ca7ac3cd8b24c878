"""Peers' view of us, the clock beside theirs, and our standing with them: on a real network, and against liars."""

import os
from pathlib import Path

import pytest
from aiohttp import web

from ledger.errors import MalformedError
from ledger.log.charter import Institution
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.merkle import RootHash
from ledger.log.policy import QuorumRule, encode_trust_root
from node.client.exchange import Head
from node.client.held import HeldLog, read_held
from node.client.http import TransportError
from node.client.webdate import ask_date
from node.doctor import peers
from node.doctor.check import Check, Outcome
from node.keystore import KeyRole
from tests.end_to_end.hostile import HostilePeer, serving
from tests.end_to_end.world import DEADLINE_SECONDS, Campus, found, free_port, has_all, until, world
from tests.node.doctor.patients import check_words, now, patient_of

HOUR_MS = 3_600_000


async def test_a_network_in_good_health(tmp_path: Path) -> None:
    """Every peer holds every entry, the quorum is there, the membership stands."""
    async with world(tmp_path) as made:
        school, *others = made.members
        index = await school.issue()
        assert await school.node.cosigning.wait_for_quorum(index + 1, DEADLINE_SECONDS)
        await until(lambda: all(has_all(one, made) for one in made.everybody))
        followed = tuple(one.address for one in (made.network, *others))
        patient = patient_of(school, made.network, followed=followed)
        (check,) = await peers.check_peers(patient)
        assert (check.outcome, check.what) == (Outcome.OK, "3 of 3 hold all 2 entries of this log")
        (check,) = peers.check_network(patient)
        assert (check.outcome, check.what) == (Outcome.OK, "Confluence: a member in good standing")
        check = peers.check_quorum(patient)
        assert (check.outcome, check.what) == (Outcome.OK, "size 2: 2 of 2 independent witnesses, 2 needed")
        (check,) = peers.check_network(patient_of(made.network, made.network))
        assert check.what == "Confluence: this is its own log"


async def test_peers_that_are_away_or_behind(tmp_path: Path) -> None:
    """Each by its address, with what it answered; the others count."""
    async with world(tmp_path) as made:
        school, other, third = made.members
        await third.stop()
        for one in (made.network, other):
            await until(lambda one=one: one.holds(school.log_id, 1))  # type: ignore[misc]  # bound at once
            await one.stop()
        await school.issue()
        await other.start()
        stranger = found(tmp_path, "stranger", Institution.SCHOOL)
        await stranger.start()
        try:
            addresses = tuple(one.address for one in (other, third, stranger))
            checks = await peers.check_peers(patient_of(school, followed=addresses))
        finally:
            await stranger.stop()
        check_words(checks)
        told = {check.what.split()[0]: check for check in checks}
        assert "does not answer" in told[third.address].what and "refused" in told[third.address].why
        assert "holds nothing of this log" in told[stranger.address].what
        assert {check.outcome for check in checks} <= {Outcome.WARNING, Outcome.OK}


def head(own: HeldLog, campus: Campus, size: int, root: bytes) -> Head:
    checkpoint = Checkpoint(own.state.charter.origin, size, RootHash(root))
    note = sign_checkpoint(checkpoint, campus.key(KeyRole.LOG))
    return Head(log=own.state.log_id, size=size, note=note)


async def test_what_a_peer_shows_is_judged_by_our_own_signature(tmp_path: Path) -> None:
    """More than we hold, and another history: only if our key signed it. What a peer merely says proves nothing."""
    campus = found(tmp_path, "school", Institution.SCHOOL)
    await campus.start()
    try:
        await until(lambda: campus.node.startup.may_sign)
        await campus.issue()
        own = read_held(campus.log)
        true_root = bytes(own.state.frontier.root())

        def judge(answer: Head | str) -> list[Check]:
            checks = peers._judge_answers(own, [("peer.example:1", answer)])
            check_words(checks)
            return checks

        (more,) = judge(head(own, campus, 5, bytes(32)))
        assert (more.outcome, more.what) == (
            Outcome.PROBLEM,
            "peer.example:1 holds 5 entries of this log, this computer 2",
        )
        (other,) = judge(head(own, campus, 2, bytes(32)))
        assert (other.outcome, "another history" in other.what) == (Outcome.PROBLEM, True)
        (less,) = judge(head(own, campus, 1, bytes(32)))
        assert (less.outcome, less.what) == (Outcome.WARNING, "peer.example:1 holds 1 of 2 entries of this log")
        (same,) = judge(head(own, campus, 2, true_root))
        assert same.outcome is Outcome.OK
        (liar,) = judge(Head(log=own.state.log_id, size=10**9, note=head(own, campus, 1, bytes(32)).note))
        assert liar.outcome is Outcome.WARNING
        (nothing,) = judge(Head(log=own.state.log_id, size=0, note=None))
        assert "holds nothing" in nothing.what
    finally:
        await campus.stop()


async def test_a_peer_that_answers_nonsense_ends_nothing(tmp_path: Path) -> None:
    campus = found(tmp_path, "school", Institution.SCHOOL)
    await campus.start()
    try:
        async with serving(HostilePeer()) as peer:
            followed = (peer.address, f"127.0.0.1:{free_port()}")
            checks = await peers.check_peers(patient_of(campus, followed=followed))
        check_words(checks)
        assert len(checks) == 2
    finally:
        await campus.stop()


async def test_nobody_to_ask(tmp_path: Path) -> None:
    campus = found(tmp_path, "school", Institution.SCHOOL)
    await campus.start()
    try:
        patient = patient_of(campus)
        checks = [
            *await peers.check_peers(patient),
            *peers.check_network(patient),
            peers.check_quorum(patient),
            *await peers.check_clock(patient),
        ]
        check_words(checks)
        assert [check.outcome for check in checks] == [Outcome.WARNING] * 3 + [Outcome.COULD_NOT_CHECK]
    finally:
        await campus.stop()


async def test_without_a_log_nothing_is_judged(tmp_path: Path) -> None:
    campus = found(tmp_path, "school", Institution.SCHOOL)
    await campus.start()
    try:
        patient = patient_of(campus, own=None)
        checks = [*await peers.check_peers(patient), *peers.check_network(patient), peers.check_quorum(patient)]
        check_words(checks)
        assert {check.outcome for check in checks} == {Outcome.COULD_NOT_CHECK}
    finally:
        await campus.stop()


async def test_a_network_that_was_not_fetched_or_has_not_admitted(tmp_path: Path) -> None:
    network = found(tmp_path, "confluence", Institution.NETWORK)
    school = found(tmp_path, "school", Institution.SCHOOL)
    for campus in (network, school):
        await campus.start()
    try:
        trust = encode_trust_root(network.trust(quorum=QuorumRule.NONE))
        (school.directory / "networks" / "c.json").write_bytes(trust)
        (unfetched,) = peers.check_network(patient_of(school))
        assert "is not held yet" in unfetched.what
        (stranger,) = peers.check_network(patient_of(school, network))
        assert (stranger.outcome, "has not admitted" in stranger.what) == (Outcome.WARNING, True)
    finally:
        for campus in (network, school):
            await campus.stop()


@pytest.mark.parametrize(("offset_ms", "words"), [(-HOUR_MS, "behind or more"), (0, "")])
async def test_a_clock_that_was_set_back_is_caught_by_signatures(tmp_path: Path, offset_ms: int, words: str) -> None:
    """Without asking anybody: a witness signed at a time that has not come yet."""
    async with world(tmp_path) as made:
        school = made.members[0]
        index = await school.issue()
        assert await school.node.cosigning.wait_for_quorum(index + 1, DEADLINE_SECONDS)
        patient = patient_of(school, made.network, clock=lambda: now() + offset_ms)
        (check,) = await peers.check_clock(patient)
        assert words in check.what
        # Somebody else may run a node where members say that theirs answers over HTTP: then its clock is compared, too.
        assert check.outcome in ({Outcome.PROBLEM} if words else {Outcome.COULD_NOT_CHECK, Outcome.OK})


@pytest.mark.parametrize(("offset_ms", "outcome"), [(0, Outcome.OK), (HOUR_MS, Outcome.PROBLEM)])
async def test_a_clock_that_runs_ahead_is_caught_by_peers(tmp_path: Path, offset_ms: int, outcome: Outcome) -> None:
    """Nothing else would tell: all signatures are from the past."""
    app = web.Application()
    app.router.add_get("/healthz", _healthy)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    campus = found(tmp_path, "school", Institution.SCHOOL)
    await campus.start()
    try:
        patient = patient_of(campus, clock=lambda: now() + offset_ms)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(peers, "_peer_urls", lambda patient: [url])
            (check,) = await peers.check_clock(patient)
        check_words([check])
        assert check.outcome is outcome, check
        assert ("60 minutes ahead" in check.what) == bool(offset_ms)
    finally:
        await campus.stop()
        await runner.cleanup()


async def _healthy(request: web.Request) -> web.Response:
    return web.json_response({"alive": True})


async def test_a_server_that_tells_no_time(tmp_path: Path) -> None:
    """Refused in words; so is one that is not there, and one that would be asked in plain text."""

    async def timeless(request: web.Request) -> web.Response:
        return web.Response(headers={"Date": os.urandom(4).hex()})

    app = web.Application()
    app.router.add_get("/healthz", timeless)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        with pytest.raises(MalformedError, match="tells no time"):
            await ask_date(f"http://127.0.0.1:{runner.addresses[0][1]}", timeout_seconds=5)
    finally:
        await runner.cleanup()
    with pytest.raises(TransportError):
        await ask_date(f"http://127.0.0.1:{free_port()}", timeout_seconds=5)
    with pytest.raises(MalformedError, match="not encrypted"):
        await ask_date("http://school.example", timeout_seconds=5)
