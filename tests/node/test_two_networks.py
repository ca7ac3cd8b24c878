"""One school in two networks: whose rights count, what its anchors name, who may go on with it; a charter that changes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import select

from ledger.credential.report import Code
from ledger.errors import RuleError
from ledger.log.body import parse_body
from ledger.log.charter import BatchPolicy, Institution
from ledger.log.checkpoint import read_checkpoint
from ledger.log.governance import MemberOp, Rights
from ledger.log.identity import short_log_id
from ledger.log.network import Network
from node.client.registry import IssueRequest
from node.registrar.estate import Sources
from node.registrar.issuer import find_issuer_id
from node.registrar.tables import Copy
from tests.node.registrar.desks import DIPLOMA, achievement_json, csv_of
from tests.node.successions import NETWORK, RIGHTS, Valley, valley

pytestmark = pytest.mark.asyncio(loop_scope="module")
SCHOOL, HEIR, SECOND = "granite-hollow", "tidewater", "delta"


@pytest_asyncio.fixture(loop_scope="module")
async def made(tmp_path: Path) -> AsyncIterator[Valley]:
    """School and heir are members of the first network; the school has joined a second one since."""
    async with valley(tmp_path) as made:
        await made[SCHOOL].desk.publish(achievement_json())
        made.found(SECOND, Institution.NETWORK)
        await made.open(SECOND)
        first = issuer_of(made)
        await made.admit(SCHOOL, SECOND, Rights(("*",), issuers=(first,)))
        assert issuer_of(made) == first
        yield made


def issuer_of(made: Valley) -> str:
    ledger = made[SCHOOL].desk.parts.ledger
    networks = [made.logs[name] for name in reversed(made.networks)]
    return find_issuer_id(ledger, made.logs[SCHOOL], networks, "https://nowhere.example")


async def issue(made: Valley, learner: int, at: str = SCHOOL) -> str:
    await made[at].desk.issue(IssueRequest(data=csv_of([learner]), achievement=DIPLOMA))
    await made[at].desk.cut()
    for name in made.benches:
        if name != at:
            made.send(at, name)
    return await made[at].desk.database.look(
        lambda session: session.scalars(select(Copy.credential).order_by(Copy.id.desc()).limit(1)).one()
    )


async def test_the_id_stays_and_the_rights_are_those_of_the_network_that_is_asked(made: Valley) -> None:
    one = await issue(made, 1)
    assert f"https://{NETWORK}.example/m/{short_log_id(made.logs[SCHOOL])}" == issuer_of(made)
    assert made.judge(one, SCHOOL).code is Code.VALID
    assert made.judge(one, SCHOOL, SECOND).code is Code.VALID
    await made.change(MemberOp.REMOVE, SCHOOL, SECOND)
    two = await issue(made, 2)
    assert [made.judge(copy, SCHOOL).code for copy in (one, two)] == [Code.VALID, Code.VALID]
    told = [made.judge(copy, SCHOOL, SECOND) for copy in (one, two)]
    assert [report.code for report in told] == [Code.VALID, Code.ISSUER_NOT_AUTHORISED]
    assert "it was removed from entry" in told[1].steps[8].detail


async def test_an_id_that_a_network_does_not_list_is_unknown_to_it(made: Valley) -> None:
    one = await issue(made, 1)
    await made.change(MemberOp.AMEND, SCHOOL, SECOND, RIGHTS)
    two = await issue(made, 2)
    assert made.judge(one, SCHOOL, SECOND).code is Code.VALID
    report = made.judge(two, SCHOOL, SECOND)
    assert report.code is Code.ISSUER_NOT_AUTHORISED
    assert "without the right to the issuer id" in report.steps[8].detail


async def test_its_anchors_name_both_networks(made: Valley) -> None:
    index = (await made[SCHOOL].desk.cut()).indexes[0]
    body = made[SCHOOL].log.body(index)
    assert body is not None
    origins = {read_checkpoint(note).origin for note in parse_body("anchor", body)}
    assert origins == {f"{name}.example/log" for name in (SCHOOL, NETWORK, SECOND)}


async def test_a_network_that_has_not_decided_stops_the_heir(made: Valley) -> None:
    """It knows both, and would count none of the heir's pages; one that never knew the old school does not mind."""
    one = await issue(made, 1)
    await made.admit(HEIR, SECOND)
    made.send(SECOND, HEIR)
    await made.succeed(SCHOOL, HEIR)
    sources = Sources(backup=made.folder / SCHOOL)
    await made.close(SCHOOL)
    with pytest.raises(RuleError, match="Delta does not say yet who goes on with that log"):
        await made.inherit(HEIR, sources=sources)
    await made.succeed(SCHOOL, HEIR, SECOND)
    await made.inherit(HEIR, sources=sources, prefix="G-")
    await made[HEIR].desk.cut()
    for network in made.networks:
        report = made.judge(one, HEIR, network)
        assert report.code is Code.VALID and "of the log of Tidewater" in report.steps[10].detail


async def test_a_third_network_minds_nobody_it_never_knew(made: Valley) -> None:
    third = "estuary"
    made.found(third, Institution.NETWORK)
    await made.open(third)
    await made.admit(HEIR, third)
    await issue(made, 1)
    for network in (NETWORK, SECOND):
        if network == NETWORK:
            await made.succeed(SCHOOL, HEIR, network)
    await made.close(SCHOOL)
    await made.inherit(HEIR, sources=Sources(backup=made.folder / SCHOOL), prefix="G-")
    await made[HEIR].desk.publish(achievement_json(name="tidewater-course"))
    await made[HEIR].desk.cut()
    seen = Network(made.trust(third), made[HEIR].desk.parts.ledger)
    assert seen.may_restate(made.logs[HEIR], made.logs[SCHOOL])
    seen = Network(made.trust(SECOND), made[HEIR].desk.parts.ledger)
    assert not seen.may_restate(made.logs[HEIR], made.logs[SCHOOL])


async def test_a_network_that_moves_keeps_what_names_its_old_host(made: Valley) -> None:
    one = await issue(made, 1)
    await made.decide(made.drafter().amend_charter(url="https://ledger.confluence.example"))
    assert issuer_of(made).startswith("https://ledger.confluence.example/m/")
    two = await issue(made, 2)
    assert [made.judge(copy, SCHOOL).code for copy in (one, two)] == [Code.VALID, Code.VALID]


async def test_new_cuts_begin_with_the_second_next_one(made: Valley) -> None:
    """The running desk takes them up by itself, without a restart."""
    bench = made[NETWORK]
    before = bench.log.state.batch
    await made.decide(made.drafter().amend_charter(batch=BatchPolicy(0, 0, 2 * before.size)))
    sizes = []
    for _ in range(4):
        index = (await bench.desk.cut()).indexes[1]
        body = bench.log.body(index)
        assert body is not None
        sizes.append(len(body) // 32)
    assert sizes == [before.size, before.size, 2 * before.size, 2 * before.size]
