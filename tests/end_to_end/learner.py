"""A learner, or whoever verifies: the command `cairn` with a vault of its own, run as people run it."""

import asyncio
import contextlib
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node.client.registry import IssueReport, IssueRequest, OfferedLink
from tests.end_to_end.town import ROOT, Neighbour
from wallet_cli.main import run
from wallet_cli.vault import Cost, Vault

CHEAP = Cost(1, 8)
PASSPHRASE = "four small grey owls"
AUDIENCE, NONCE = "Tidewater College", "n-7f3a91"
AWARDS = ROOT / "examples" / "awards"
ACHIEVEMENTS = ROOT / "examples" / "achievements"
PROCESS_SECONDS = 60

# Whatever touches a socket raises an audit event, also from C code: none may come.
UNPLUGGED = (
    "import sys\n"
    "def watch(event, arguments):\n"
    "    if event.startswith('socket.'):\n"
    "        raise SystemExit('a socket was used: ' + event)\n"
    "sys.addaudithook(watch)\n"
    "from wallet_cli.main import run\n"
    "sys.exit(run(sys.argv[1:]))\n"
)


@dataclass
class Learner:
    """One vault, and what is remembered beside it."""

    folder: Path

    @property
    def vault(self) -> Path:
        return self.folder / "vault"

    @property
    def options(self) -> list[str]:
        passphrase = self.folder / "passphrase"
        return ["--vault", str(self.vault), "--passphrase-file", str(passphrase), "--yes"]

    async def cairn(self, *arguments: object, expected: int = 0) -> str:
        """Run one command; gives what it printed as its result."""
        code, output, errors = await asyncio.to_thread(_run, [*self.options, *map(str, arguments)])
        assert code == expected, f"cairn {arguments[0]}: {code}\n{output}\n{errors}"
        return output

    async def claim(self, link: OfferedLink, copies: int = 1) -> None:
        await self.cairn("receive", link.link, "--tx-code", link.tx_code, "--copies", copies)

    async def holdings(self) -> dict[str, str]:
        """Ids of what is held, by title."""
        rows = json.loads(await self.cairn("list", "--json"))
        return {row["title"]: row["id"] for row in rows}

    async def present(self, file: Path, *shown: tuple[str, tuple[str, ...]]) -> bytes:
        """Show these fields of these holdings."""
        chosen: list[str] = []
        for holding, names in shown:
            chosen += ["--credential", holding, "--disclose", *names]
        await self.cairn("present", "--to", AUDIENCE, "--nonce", NONCE, *chosen, "-o", file)
        return file.read_bytes()

    async def verify(self, file: Path, *, expected: int, replica: Path | None = None) -> Any:
        """Verify in a process that no socket may be used in; gives the report."""
        chosen = [] if replica is None else ["--replica", str(replica)]
        asked = ["verify", str(file), *chosen, "--audience", AUDIENCE, "--nonce", NONCE, "--json"]
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", UNPLUGGED, "--vault", str(self.vault), *asked],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PROCESS_SECONDS,
        )
        assert done.returncode == expected, done.stdout + done.stderr
        (report,) = json.loads(done.stdout)["files"]
        return report


async def new_learner(folder: Path, name: str, trust: Path, *nodes: Neighbour) -> Learner:
    """A vault, the trust root, and a first light replica from these nodes."""
    learner = Learner(folder / name)
    learner.folder.mkdir()
    (learner.folder / "passphrase").write_text(PASSPHRASE + "\n")
    Vault.create(learner.vault, PASSPHRASE, cost=CHEAP)
    await learner.cairn("trust", trust)
    await learner.cairn("sync", *(word for node in nodes for word in ("--node", node.http)))
    return learner


async def award(
    school: Neighbour, name: str, *, csv: bytes | None = None, achievement: bytes | None = None
) -> IssueReport:
    """Publish an achievement and award it to everybody of its CSV file."""
    async with school.desk() as desk:
        published = await desk.publish(achievement or (ACHIEVEMENTS / f"{name}.json").read_bytes())
        data = csv or (AWARDS / f"{name}.csv").read_bytes()
        report = await desk.issue(IssueRequest(data=data, achievement=published.id))
    assert not report.problems, report.problems
    return report


async def offer(school: Neighbour, learner_id: str) -> OfferedLink:
    """A claim link for all that a school awarded to a learner."""
    async with school.desk() as desk:
        (link,) = (await desk.offer(learner_id=learner_id)).links
    return link


def steps_of(report: Any) -> list[tuple[str, dict[int, str]]]:
    """Code and numbered answers of every credential in a report."""
    return [
        (credential["code"], {step["number"]: step["answer"] for step in credential["steps"]})
        for credential in report["credentials"]
    ]


def _run(arguments: list[str]) -> tuple[int, str, str]:
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        code = run(arguments)
    return code, output.getvalue(), errors.getvalue()
