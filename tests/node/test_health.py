"""Every finding has its cause: real nodes are brought into each state, and told what is wrong and what to do."""

import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from ledger.errors import CairnError
from ledger.log.charter import Institution
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.identity import encode_log_id
from ledger.log.merkle import RootHash
from node.client.exchange import OfferedHead, Offers
from node.client.finding import Finding, FindingCode, Severity
from node.client.ledger import LedgerClient
from node.health import gather_findings
from node.keystore import KeyRole
from tests.end_to_end.world import Campus, found, until, world

HOUR_MS = 3_600_000


def now() -> int:
    return time.time_ns() // 1_000_000


async def findings(campus: Campus) -> dict[FindingCode, Finding]:
    told = await gather_findings(campus.node, now)
    return {finding.code: finding for finding in told if finding.code is not FindingCode.DISK_LOW}


def check_words(told: Sequence[Finding]) -> None:
    """What every finding promises: one sentence, without full stop, and something to do."""
    for finding in told:
        for words in (finding.what, finding.do):
            assert words and not words.endswith(".") and "\n" not in words
        assert re.match(r"[a-z0-9]", finding.do), finding.do


async def test_all_is_well_in_a_network(tmp_path: Path) -> None:
    async with world(tmp_path) as made:
        for campus in made.everybody:
            await until(lambda campus=campus: campus.node.startup.may_sign)  # type: ignore[misc]  # bound at once
            index = await campus.issue()
            assert await campus.node.cosigning.wait_for_quorum(index + 1, 60)
            # The witness that was not needed for the quorum comes last.
            await until(lambda campus=campus: not any(campus.node.cosigning.problems.values()))  # type: ignore[misc]
            assert await findings(campus) == {}


async def test_a_school_alone_is_told_to_join(tmp_path: Path) -> None:
    campus = found(tmp_path, "school", Institution.SCHOOL)
    await campus.start()
    try:
        await until(lambda: campus.node.startup.may_sign)
        told = await findings(campus)
        assert list(told) == [FindingCode.NO_NETWORK]
        assert "cairn-node join DIR" in told[FindingCode.NO_NETWORK].do
        check_words([*told.values()])
    finally:
        await campus.stop()


async def test_missing_witnesses_and_silent_peers(tmp_path: Path) -> None:
    """With both of its witnesses gone: no quorum, each witness by name, and after an hour each peer by address."""
    async with world(tmp_path) as made:
        school, *others = made.members
        await until(lambda: len(school.node.followers.reports()) == 3)
        for other in others:
            await other.stop()
        await school.issue()
        await until(lambda: len([p for p in school.node.cosigning.problems.values() if p]) == 2)
        await until(lambda: len([r for r in school.node.followers.reports() if r.problem]) == 2)
        told = await gather_findings(school.node, lambda: now() + 2 * HOUR_MS)
        by_code = {code: [f for f in told if f.code is code] for code in {f.code for f in told}}
        by_code.pop(FindingCode.DISK_LOW, None)
        assert set(by_code) == {FindingCode.NO_QUORUM, FindingCode.WITNESS_MISSING, FindingCode.PEER_SILENT}
        assert "size 2 of the log has 0 of the 2 cosignatures it needs" in by_code[FindingCode.NO_QUORUM][0].what
        assert by_code[FindingCode.NO_QUORUM][0].severity is Severity.PROBLEM
        silent = {f.subject: f.since for f in by_code[FindingCode.PEER_SILENT]}
        assert set(silent) == {other.address for other in others}
        assert all(since is not None and since <= now() for since in silent.values())
        # Within the hour a restart of a peer is nobody's business.
        assert FindingCode.PEER_SILENT not in await findings(school)
        check_words(told)


async def test_a_start_without_witnesses_waits(tmp_path: Path) -> None:
    async with world(tmp_path) as made:
        for campus in made.everybody:
            await campus.stop()
        school = made.members[0]
        await school.start()
        told = await findings(school)
        assert told[FindingCode.WAITING_FOR_PEERS].severity is Severity.WARNING
        await until(lambda: "witnesses" in (school.node.startup.reason or ""))
        told = await findings(school)
        assert "waiting for 1 of 2 witnesses, 0 answered" in told[FindingCode.WAITING_FOR_PEERS].why
        check_words([*told.values()])


async def test_an_older_copy_is_told(tmp_path: Path) -> None:
    async with world(tmp_path) as made:
        school = made.members[0]
        larger = Checkpoint(school.log.state.charter.origin, school.log.size + 5, RootHash(bytes(32)))
        note = sign_checkpoint(larger, school.key(KeyRole.LOG))
        async with LedgerClient(school.address, timeout_seconds=5) as client:
            await client.offer_heads(Offers((OfferedHead(school.log_id, note),)))
        told = await findings(school)
        assert told[FindingCode.OLDER_COPY].severity is Severity.PROBLEM
        assert "another node holds" in told[FindingCode.OLDER_COPY].why


async def test_a_lost_record_of_signing_is_told(tmp_path: Path) -> None:
    campus = found(tmp_path, "school", Institution.SCHOOL)
    await campus.start()
    await until(lambda: campus.node.startup.may_sign)
    await campus.issue()
    high_water = campus.node.high_water.path
    await campus.stop()
    high_water.unlink()
    await campus.start()
    try:
        await until(lambda: "--only-copy" in (campus.node.startup.reason or ""))
        assert "--only-copy" in (await findings(campus))[FindingCode.NO_SIGNING_RECORD].do
    finally:
        await campus.stop()


async def test_a_record_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Something stands in the way of its temporary file, whoever this test runs as."""
    campus = found(tmp_path, "school", Institution.SCHOOL)
    await campus.start()
    await until(lambda: campus.node.startup.may_sign)
    path = campus.node.high_water.path
    await campus.stop()
    path.unlink()
    path.with_name(f".{path.name}.{os.getpid()}.tmp").mkdir()
    await campus.start()
    try:
        await until(lambda: "cannot be written" in (campus.node.startup.reason or ""))
        assert "XDG_STATE_HOME" in (await findings(campus))[FindingCode.SIGNING_RECORD_UNWRITABLE].do
    finally:
        await campus.stop()


async def test_a_failed_write_is_told(tmp_path: Path) -> None:
    """After an error nobody knows what is on disk: the node must be started again, and says so."""
    campus = found(tmp_path, "school", Institution.SCHOOL)
    await campus.start()
    try:
        await until(lambda: campus.node.startup.may_sign)
        campus.node.sequencer._pause = _fail
        with pytest.raises(CairnError):
            await campus.issue()
        await until(lambda: campus.node.sequencer.failure)
        told = await findings(campus)
        assert "no space left" in told[FindingCode.WRITE_FAILED].why
        assert told[FindingCode.WRITE_FAILED].severity is Severity.PROBLEM
    finally:
        await campus.stop()


def _fail(point: str) -> None:
    raise OSError("no space left on device")


async def test_a_missing_key_is_told_by_its_role(tmp_path: Path) -> None:
    campus = found(tmp_path, "school", Institution.SCHOOL)
    await campus.start()
    try:
        await until(lambda: campus.node.startup.may_sign)
        del campus.node.parts.keystore._keys[KeyRole.OPERATE][1]
        told = await findings(campus)
        assert told[FindingCode.KEY_MISSING].subject == "operate"
        assert "backup" in told[FindingCode.KEY_MISSING].do
    finally:
        await campus.stop()


async def test_a_quota_that_is_used_up_is_told(tmp_path: Path) -> None:
    async with world(tmp_path, members=1) as made:
        network, school = made.network, made.members[0]
        quota = school.node.puller._quota
        quota.mark_caught_up(network.log_id)
        quota.spend(network.log_id, school.node.puller.daily_bytes)
        with pytest.raises(CairnError):
            quota.check(network.log_id, 1, is_proven=True)
        told = (await findings(school))[FindingCode.LOG_PAUSED]
        assert told.subject == encode_log_id(network.log_id)
        assert "64.0 MiB" in told.what


@pytest.mark.parametrize(
    ("ahead_ms", "words"), [(-HOUR_MS, r"(59|60) minutes ahead"), (HOUR_MS, r"(59|60) minutes behind"), (0, "")]
)
async def test_a_clock_that_is_off_is_told_by_what_witnesses_sign(tmp_path: Path, ahead_ms: int, words: str) -> None:
    """Their cosignatures carry their time: whoever just asked for them can compare."""
    campus = found(tmp_path, "school", Institution.SCHOOL)
    await campus.start()
    try:
        keeping = campus.node.timekeeping
        for witness in ("a", "b", "c"):
            keeping.heard(witness, (now() + ahead_ms) // 1000, keeping.moment())
        told = (await findings(campus)).get(FindingCode.CLOCK_OFF)
        assert re.search(words, told.what if told else "")
        assert (told is None) == (not words)
    finally:
        await campus.stop()
