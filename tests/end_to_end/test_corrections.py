"""What a registrar puts right reaches the learner's next file: suspension, correction, stolen keys, as real processes.

One town for all: the parts use different learners, and play in order, since keys that were stolen stay so.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ledger.credential.sdjwt import open_claims, parse_sd_jwt
from ledger.credential.status import Status
from ledger.log.charter import Role
from node.client.correction import DecisionOrder, DecisionReport, Selection
from node.client.registrar import RegistrarClient
from node.clock import system_clock, system_draw
from node.drafting import Drafter
from node.home import open_home
from node.keystore import KeyRole
from node.proposal import Proposal, sign_proposal, signatures_to_submit
from tests.end_to_end.learner import Learner, award, new_learner, offer
from tests.end_to_end.town import Neighbour, Town, town

SHOWN = ("name", "awarded_on")
LEARNERS = {"suspended": "L01", "corrected": "L02", "stolen": "L07"}


@asynccontextmanager
async def corrections(tmp_path: Path) -> AsyncIterator[tuple[Town, dict[str, Learner], Learner]]:
    """A town whose school has awarded and cut, learners who hold their diplomas, and somebody who verifies."""
    async with town(tmp_path) as made:
        granite = made["granite-hollow"]
        trust = await made.write_trust()
        await award(granite, "granite-hollow")
        learners = {}
        for name, learner_id in LEARNERS.items():
            learners[name] = await new_learner(tmp_path, name, trust, granite, made.network)
            await learners[name].claim(await offer(granite, learner_id), copies=2)
        await made.cut("granite-hollow")
        for learner in learners.values():
            await learner.cairn("refresh")
        yield made, learners, await new_learner(tmp_path, "college", trust, granite, made.network)


async def decide(school: Neighbour, learner_id: str, status: Status, **more: Any) -> DecisionReport:
    """A decision about all awards of a learner, previewed and then taken as it was shown."""
    order = DecisionOrder(selection=Selection(learner_id=learner_id), status=status, **more)
    async with school.desk() as desk:
        preview = await desk.corrections.decide(
            DecisionOrder(selection=order.selection, status=status, corrections=order.corrections, dry_run=True)
        )
        return await desk.corrections.decide(
            DecisionOrder(
                selection=order.selection,
                status=status,
                corrections=order.corrections,
                expected=preview.fingerprint,
            )
        )


async def show(learner: Learner, file: Path, fields: tuple[str, ...] = SHOWN) -> Path:
    """The learner's one diploma, shown in a file."""
    (holding,) = (await learner.holdings()).values()
    await learner.present(file, (holding, fields))
    return file


async def code_of(verifier: Learner, file: Path, expected: int) -> str:
    """What somebody who has just synced reads about a file."""
    await verifier.cairn("sync")
    report = await verifier.verify(file, expected=expected)
    (credential,) = report["credentials"]
    return str(credential["code"])


async def refresh(learner: Learner) -> Any:
    """What `cairn refresh` fetched anew."""
    return json.loads(await learner.cairn("refresh", "--json"))["renewed"]


async def submit(desk: RegistrarClient, proposal: Proposal, school: Neighbour) -> int:
    signed = sign_proposal(proposal, school.roots[0])
    return await desk.submit(signed.statement_bytes, signatures_to_submit(signed))


async def declare_stolen(school: Neighbour, role: Role, since: int) -> str:
    """A new key in force, and the old one stolen from an entry on; gives the beginning of the old one's id."""
    keystore = open_home(school.directory).keystore()
    old = keystore.newest(KeyRole(role.value)).public
    new = keystore.add(KeyRole(role.value), system_draw).public
    async with school.desk() as desk:
        for draft in (
            lambda drafter: drafter.add_key(new, role),
            lambda drafter: drafter.compromise_key(old.id, since),
        ):
            drafter = Drafter((await desk.held_log()).state, system_clock(), os.urandom(16))
            await submit(desk, draft(drafter), school)  # type: ignore[no-untyped-call]  # lambdas of a drafter
        from ledger import base64url

        return base64url.encode(old.id)


@pytest.mark.soak  # docs/corrections.md is played on every run; this adds what it does not show
async def test_what_a_registrar_puts_right_reaches_the_learner(tmp_path: Path) -> None:
    """Each time the old file stops counting, and after one refresh and a cut the next file counts, without a link."""
    async with corrections(tmp_path) as (made, learners, college):
        granite = made["granite-hollow"]
        await _suspended_and_valid_again(made, granite, learners["suspended"], college, tmp_path)
        await _corrected(made, granite, learners["corrected"], college, tmp_path)
        await _signed_by_a_stolen_key(made, granite, learners["stolen"], college, tmp_path)
        await _entries_of_a_stolen_key(made, granite, learners["stolen"], college, tmp_path)


async def _suspended_and_valid_again(
    made: Town, granite: Neighbour, learner: Learner, college: Learner, folder: Path
) -> None:
    old = await show(learner, folder / "s-old.cairn")
    assert await code_of(college, old, 0) == "VALID"
    await decide(granite, "L01", Status.SUSPENDED)
    await made.cut("granite-hollow")
    assert await code_of(college, old, 1) == "SUSPENDED"
    assert await refresh(learner) == []  # nothing to fetch while it is suspended
    await decide(granite, "L01", Status.VALID)
    await made.cut("granite-hollow")
    assert await code_of(college, old, 0) == "VALID"
    renewed = await refresh(learner)
    assert [(one["reason"], one["problem"], one["changed"]) for one in renewed] == [("reinstated", None, [])] * 2
    assert await refresh(learner) == []
    await made.cut("granite-hollow")
    assert await refresh(learner) == []
    new = await show(learner, folder / "s-new.cairn", (*SHOWN,))
    assert await code_of(college, new, 0) == "VALID"
    assert slots_of(old).isdisjoint(slots_of(new))
    assert "replaces" not in claims_of(await show(learner, folder / "s-all.cairn", ("all",)))


async def _corrected(made: Town, granite: Neighbour, learner: Learner, college: Learner, folder: Path) -> None:
    old = await show(learner, folder / "c-old.cairn")
    report = await decide(granite, "L02", Status.REPLACED, corrections=(("name", "Basalt Thistlewood"),))
    assert (len(report.changed), len(report.new), report.wallet_copies) == (1, 1, 2)
    await made.cut("granite-hollow")
    assert await code_of(college, old, 1) == "SUPERSEDED"
    renewed = await refresh(learner)
    assert [(one["reason"], one["problem"], one["changed"]) for one in renewed] == [("replaced", None, ["name"])] * 2
    await made.cut("granite-hollow")
    await learner.cairn("refresh")
    new = await show(learner, folder / "c-new.cairn")
    assert await code_of(college, new, 0) == "VALID"
    assert "replaces" not in claims_of(new)
    whole = claims_of(await show(learner, folder / "c-all.cairn", (*SHOWN, "replaces")))
    # The id of a copy this wallet held, which only its receivers have seen.
    assert whole["replaces"].startswith("urn:uuid:") and "Basalt Thistlewood" in json.dumps(whole)


async def _signed_by_a_stolen_key(
    made: Town, granite: Neighbour, learner: Learner, college: Learner, folder: Path
) -> None:
    old = await show(learner, folder / "k-old.cairn")
    key = await declare_stolen(granite, Role.REGISTER, since=1)
    await made.cut("granite-hollow")
    assert await code_of(college, old, 1) == "KEY_COMPROMISED"
    async with granite.desk() as desk:
        impact = await desk.corrections.describe_key(key, "1")
        # The award that was corrected is hit as well; another stands in its place.
        assert (impact.hit_awards, impact.reissuable) == (6, 5)
        report = await desk.corrections.reissue(key)
    # In wallets: two of each learner, and the two that replaced those that were suspended once.
    assert (report.awards, report.new_copies, report.wallet_copies) == (5, 5, 8)
    await made.cut("granite-hollow")
    assert await code_of(college, old, 1) == "KEY_COMPROMISED"
    renewed = await refresh(learner)
    assert [(one["reason"], one["problem"]) for one in renewed] == [("compromised", None)] * 2
    await made.cut("granite-hollow")
    await learner.cairn("refresh")
    assert await code_of(college, await show(learner, folder / "k-new.cairn"), 0) == "VALID"


async def _entries_of_a_stolen_key(
    made: Town, granite: Neighbour, learner: Learner, college: Learner, folder: Path
) -> None:
    file = await show(learner, folder / "o.cairn")
    await declare_stolen(granite, Role.OPERATE, since=1)
    await made.level()
    async with made.network.desk() as desk:
        await desk.cut()
    await made.level()
    assert await code_of(college, file, 3) == "INCOMPLETE"
    async with granite.desk() as desk:
        findings = (await desk.status()).findings
        assert any("cairn-node restate" in str(finding) for finding in findings)
        report = await desk.corrections.restate()
        assert report.restated and not report.unknown
        assert not (await desk.corrections.restate()).restated
    await made.level()
    async with made.network.desk() as desk:
        await desk.cut()
    await made.level()
    assert await code_of(college, file, 0) == "VALID"
    await made.cut("granite-hollow")
    assert await code_of(college, file, 0) == "VALID"


def claims_of(file: Path) -> Any:
    """What a receiver reads of the one credential in a file."""
    (credential,) = json.loads(file.read_bytes())["credentials"]
    return open_claims(parse_sd_jwt(credential["sd_jwt"])).payload


def slots_of(file: Path) -> set[tuple[Any, Any]]:
    """The slots of the credentials in a file."""
    status = claims_of(file)["status"]["cairn"]
    return {(status["list"]["number"], status["slot"])}
