"""A network's decisions by command, from proposal to verdict: boundaries, charters, entries of members, and succession."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import select

from ledger.credential.report import Code
from ledger.log.charter import CharterAmendment
from ledger.log.governance import MemberChange
from node.client.registry import IssueRequest
from node.proposal import parse_proposal
from node.registrar.tables import Copy
from tests.node.commands.cli import Said, Shell
from tests.node.registrar.desks import DIPLOMA, achievement_json, csv_of
from tests.node.successions import NETWORK, Valley, valley

pytestmark = pytest.mark.asyncio(loop_scope="module")
SCHOOL, HEIR = "granite-hollow", "tidewater"


@pytest_asyncio.fixture(loop_scope="module")
async def made(tmp_path: Path) -> AsyncIterator[tuple[Valley, list[str], list[int]]]:
    """A school that cut two awards one after the other, both anchored by its network; the copies, and the batches."""
    async with valley(tmp_path) as made:
        await made[SCHOOL].desk.publish(achievement_json())
        batches = []
        for learner in (1, 2):
            await made[SCHOOL].desk.issue(IssueRequest(data=csv_of([learner]), achievement=DIPLOMA))
            batches.append((await made[SCHOOL].desk.cut()).indexes[1])
            made.send(SCHOOL, NETWORK)
            await made[NETWORK].desk.cut()
        copies = await made[SCHOOL].desk.database.look(
            lambda session: list(session.scalars(select(Copy.credential).order_by(Copy.id)))
        )
        made.send(NETWORK, SCHOOL)
        yield made, copies, batches


async def run(shell: Shell, *words: str | Path) -> Said:
    """A command runs a loop of its own, so not in this one."""
    return await asyncio.to_thread(shell, *words)


async def good(shell: Shell, *words: str | Path) -> str:
    return await asyncio.to_thread(shell.good, *words)


async def propose(made: Valley, shell: Shell, *words: str | Path, name: str = NETWORK) -> tuple[Path, str]:
    """A proposal written by a command beside a stopped node; what the command said."""
    output = made.folder / "p.proposal"
    await made.close(name)
    try:
        said = await run(shell, *words, "-o", output, "--force")
        assert said.code == 0, said
    finally:
        await made.open(name)
    return output, said.out + said.err


async def test_a_suspension_may_reach_back(
    made: tuple[Valley, list[str], list[int]], shell: Shell, tmp_path: Path
) -> None:
    """The boundary is named by entry, its root comes from the replica; below it nothing changes, above it everything."""
    world, copies, batches = made
    boundary = batches[1] - 1
    file, said = await propose(
        world, shell, "member", "propose", tmp_path / NETWORK, "--suspend", "Granite Hollow", "--at", str(boundary)
    )
    assert f"this counts from entry {boundary} on; every verification will say so" in said
    proposal = parse_proposal(file.read_bytes())
    assert isinstance(proposal.statement, MemberChange)
    await world.decide(proposal)
    reports = [world.judge(copy, SCHOOL) for copy in copies]
    assert [report.code for report in reports] == [Code.VALID, Code.ISSUER_NOT_AUTHORISED]
    assert f"it was suspended from entry {boundary} on, which was decided only after" in reports[1].steps[8].detail
    await world.close(NETWORK)
    history = json.loads(await good(shell, "member", "history", tmp_path / NETWORK, "Granite Hollow", "--json"))
    assert [entry["retroactive_below"] for entry in history] == [None, batches[1] + 2]
    assert "retroactive: " in await good(shell, "member", "history", tmp_path / NETWORK, "Granite Hollow")
    far = await run(
        shell,
        "member",
        "propose",
        tmp_path / NETWORK,
        "--reinstate",
        "Granite Hollow",
        "--at",
        "999",
        "-o",
        file,
        "--force",
    )
    assert (far.code, "a boundary at entry 999 is asked for" in far.err) == (1, True)


async def test_a_members_entry_is_renewed_from_its_own_request(
    made: tuple[Valley, list[str], list[int]], shell: Shell, tmp_path: Path
) -> None:
    world, _, _ = made
    world.join(SCHOOL)
    await world.decide_at(
        SCHOOL, world.drafter(SCHOOL).amend_charter(name="Granite Hollow College", grpc="g.example:443")
    )
    world.send(SCHOOL, NETWORK)
    await world.close(SCHOOL)
    (trust,) = (tmp_path / SCHOOL / "networks").glob("*.json")
    await good(shell, "join", tmp_path / SCHOOL, "--trust", trust, "-o", tmp_path / "again.request")
    request = ("--request", tmp_path / "again.request")
    amend = ("member", "propose", tmp_path / NETWORK, "--amend")
    file, said = await propose(world, shell, *amend, "Granite Hollow", *request)
    assert "name Granite Hollow College" in said and "g.example:443" in said
    statement = parse_proposal(file.read_bytes()).statement
    assert isinstance(statement, MemberChange) and statement.standing is not None
    assert statement.standing.rights == world.rights and statement.standing.witness is not None
    _, said = await propose(
        world, shell, "member", "propose", tmp_path / NETWORK, "--amend", "Tidewater", "--no-witness"
    )
    assert "does not cosign" in said
    await world.close(NETWORK)
    other = await run(shell, *amend, "Tidewater", *request, "-o", file, "--force")
    assert (other.code, "not of this member to this network" in other.err) == (1, True)


async def test_a_charter_is_amended_by_command(
    made: tuple[Valley, list[str], list[int]], shell: Shell, tmp_path: Path
) -> None:
    world, _, _ = made
    amend = ("charter", "amend", tmp_path / SCHOOL)
    file, said = await propose(
        world, shell, *amend, "--url", "https://new.example", "--batch-interval", "12h", "--batch-at", "03:15", name=SCHOOL
    )  # fmt: skip
    assert "cuts: every 720 minutes from 03:15 UTC" in said
    assert "change it there too" in said
    assert isinstance(parse_proposal(file.read_bytes()).statement, CharterAmendment)
    await world.decide_at(SCHOOL, parse_proposal(file.read_bytes()))
    await world.close(SCHOOL)
    shown = json.loads(await good(shell, "charter", "show", tmp_path / SCHOOL, "--json"))
    assert (shown["url"], shown["urls_before"]) == ("https://new.example", [f"https://{SCHOOL}.example"])
    assert shown["batch_coming"]["interval"] == 12 * 3_600_000
    assert "after 2 more cuts: every 720 minutes" in await good(shell, "charter", "show", tmp_path / SCHOOL)
    for words, reason in (
        ((), "say what shall change"),
        (("--batch-size", "300"), "is not a power of two"),
        (("--grpc", "nowhere"), "is not HOST:PORT"),
        (("--url", "ftp://x"), "--url"),
    ):
        refused = await run(shell, *amend, *words, "-o", file, "--force")
        assert (refused.code, reason in refused.err) == (2, True), refused


async def test_a_succession_by_command(made: tuple[Valley, list[str], list[int]], shell: Shell, tmp_path: Path) -> None:
    """Proposed, decided, taken over from the old node's directory, and told in words."""
    world, copies, _ = made
    file, _ = await propose(
        world, shell, "member", "propose", tmp_path / NETWORK, "--succeed", "Granite Hollow", "--by", "Tidewater"
    )
    world.join(HEIR)
    await world.close(HEIR)
    early = await run(shell, "inherit", tmp_path / HEIR, "--from", tmp_path / SCHOOL)
    assert (early.code, "no network says that another institution's log goes on here" in early.err) == (1, True)
    await world.open(HEIR)
    await world.decide(parse_proposal(file.read_bytes()))
    await world.close(HEIR)
    unfetched = await run(shell, "inherit", tmp_path / HEIR, "--from", tmp_path / SCHOOL)
    assert (unfetched.code, "entries are held here" in unfetched.err) == (1, True)
    await world.open(HEIR)
    world.send(SCHOOL, HEIR)
    await world.close(SCHOOL)
    await world.close(HEIR)
    inherit = ("inherit", tmp_path / HEIR, "--log", "Granite Hollow", "--from", tmp_path / SCHOOL)
    assert "1 status list would be taken over, 2 awards" in await good(shell, *inherit, "--dry-run")
    done = json.loads(await good(shell, *inherit, "--learner-prefix", "granite-", "--json"))
    assert (done["lists"], done["awards"], done["minted"], done["closed_lists"]) == (1, 2, 0, 0)
    nobody = await run(shell, "inherit", tmp_path / HEIR, "--log", "Nobody")
    assert (nobody.code, "say --log, one of: Granite Hollow" in nobody.err) == (1, True)
    await world.open(HEIR)
    await world[HEIR].desk.cut()
    assert [world.judge(copy, HEIR).code for copy in copies] == [Code.VALID, Code.VALID]
