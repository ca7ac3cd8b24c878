"""Who is a member, as people read it; and a log that ends, with another that goes on."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from node.proposal import encode_proposal, parse_proposal, sign_proposal
from tests.end_to_end.town import THRESHOLD, Neighbour, Town, town

COMMAND = str(Path(sys.executable).with_name("cairn-node"))


async def cairn_node(*arguments: object, expected: int = 0) -> str:
    """Run a command as an operator does; stdout where it succeeds, stderr where it is to fail."""
    ran = await asyncio.to_thread(
        subprocess.run, [COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == expected, ran.stdout + ran.stderr
    return ran.stderr if expected else ran.stdout


async def decide(made: Town, *words: object) -> str:
    """Propose, let the governors sign, submit; what the proposal said."""
    file = made.folder / "decision.proposal"
    said = await cairn_node("member", "propose", made.network.directory, *words, "-o", file, "--force")
    proposal = parse_proposal(file.read_bytes())
    for key in made.network.roots[:THRESHOLD]:
        proposal = sign_proposal(proposal, key)
    file.write_bytes(encode_proposal(proposal))
    await cairn_node("submit", made.network.directory, file)
    return said


async def listed(node: Neighbour, *words: object) -> Any:  # Any: parsed JSON
    return json.loads(await cairn_node("member", *words[:1], node.directory, *words[1:], "--json"))


async def test_a_member_ends_and_another_goes_on(tmp_path: Path) -> None:
    async with town(tmp_path) as made:
        school, college = made["granite-hollow"], made["tidewater"]
        before = {row["name"]: row for row in await listed(college, "show")}
        assert {row["standing"] for row in before.values()} == {"member"}
        assert before["Granite Hollow"]["rights"][0] == "may issue every achievement"

        # The running node computes the root of an earlier point from its own replica.
        said = await decide(made, "--suspend", "Granite Hollow", "--at", 1)
        assert "from entry 1 of its log on" in said
        await made.level()
        (row,) = await listed(school, "show", "Granite Hollow")
        assert (row["standing"], row["rights"], row["witness"]) == ("suspended", ["may issue nothing"], False)

        said = await decide(made, "--succeed", "Granite Hollow", "--by", "Tidewater")
        assert "end a log and name the one that goes on" in said
        await made.level()
        history = await listed(college, "history", "Granite Hollow")
        assert [entry["op"] for entry in history] == ["admit", "suspend", "succeed"]
        assert [entry["entry"] for entry in history] == sorted(entry["entry"] for entry in history)
        size = await school.size_of(school.log_id)
        assert history[-1]["boundary"]["size"] == size
        assert any("goes on in the log" in line for line in history[-1]["words"])
        (row,) = await listed(college, "show", "Granite Hollow")
        assert row["standing"] == "ended, with a successor"

        told = await cairn_node("member", "history", college.directory, "Granite Hollow")
        assert "suspend a member: it may issue nothing" in told

        refused = await refuse(made, "--succeed", "Granite Hollow", "--by", "Tidewater", code=1)
        assert "the log has a successor already" in refused
        assert "cannot go on with itself" in await refuse(made, "--succeed", "Tidewater", "--by", "Tidewater", code=1)
        assert "--succeed and --by go together" in await refuse(made, "--succeed", "Tidewater", code=2)
        assert "no member is called that" in await cairn_node("member", "show", college.directory, "Nobody", expected=1)
        unknown = await cairn_node("member", "show", college.directory, "--network", "Nowhere", expected=1)
        assert "no network is called that" in unknown


async def refuse(made: Town, *words: object, code: int) -> str:
    file = made.folder / "refused.proposal"
    said = await cairn_node("member", "propose", made.network.directory, *words, "-o", file, expected=code)
    assert not file.exists()
    return said
