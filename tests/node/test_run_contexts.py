"""A running node signs with the contexts of its own folder, from the moment they are there."""

import asyncio
import json
from pathlib import Path

import pytest

from ledger.credential.plainlist.slots import ListFile
from ledger.errors import RuleError
from ledger.log.charter import Institution
from ledger.log.identity import short_log_id
from node.client.contexts import fill_folder
from node.client.copyform import CopyOrder, Form
from node.client.registry import IssueRequest
from node.registrar.copy_desk import CopyDesk
from node.run import Node, open_node
from tests.end_to_end.world import found
from tests.node.registrar.desks import DIPLOMA, achievement_json, csv_of
from tests.shared import shared_path

DEADLINE_SECONDS = 60
BOTH = ["eddsa-rdfc-2022", "eddsa-jcs-2022"]


def suites(text: str | bytes) -> list[str]:
    proof = json.loads(text)["proof"]
    return [one["cryptosuite"] for one in (proof if isinstance(proof, list) else [proof])]


def newest_list(node: Node) -> bytes:
    short = short_log_id(node.log_id)
    data = node.status_files.read(short, max(node.status_files.numbers(short)), ListFile.REVOCATION)
    assert data is not None
    return data


async def test_lists_and_badges_carry_both_proofs(tmp_path: Path) -> None:
    """Without contexts a badge is refused, and lists carry the proof that needs none; with them both carry both."""
    school = found(tmp_path, "school", Institution.SCHOOL, http_url="https://ledger.example")
    stop, ready = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(DEADLINE_SECONDS), open_node(school.directory, home=tmp_path / "state") as node:
        running = asyncio.create_task(node.run(stop, ready.set))
        await ready.wait()
        await node.desk.publish(achievement_json())
        (award,) = (await node.desk.issue(IssueRequest(data=csv_of([1]), achievement=DIPLOMA))).issued
        order = CopyOrder(form=Form.OPEN_BADGE, award_ids=(award,))
        await CopyDesk(node.desk).make(CopyOrder(form=Form.JWS, award_ids=(award,)))
        with pytest.raises(RuleError, match="not held") as refusal:
            await CopyDesk(node.desk).make(order)
        assert "cairn-node contexts" in refusal.value.hint
        await node.desk.cut()
        assert suites(newest_list(node)) == BOTH[1:]
        fill_folder(shared_path("vectors/formats/contexts"), school.directory)
        assert suites((await CopyDesk(node.desk).make(order)).text) == BOTH
        await node.desk.cut()
        assert suites(newest_list(node)) == BOTH
        stop.set()
        await running
