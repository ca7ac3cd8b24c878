"""`cairn sync` as a command: in a process of its own, against a real server."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ledger.log.policy import encode_trust_root
from tests.node.web.served import serve_logs
from tests.simulator import found_network, trust_of
from wallet_cli import remembered
from wallet_cli.places import find_places
from wallet_cli.replica_writer import ReplicaWriter

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[str]:
    network, members = found_network("granite", "lantern")
    (tmp_path / "trust.json").write_bytes(encode_trust_root(trust_of(network)))
    async with serve_logs(tmp_path / "store", [network, *members]) as url:
        yield url


async def cairn(folder: Path, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from wallet_cli.main import main; main()",
        *arguments,
        "--vault",
        str(folder / "vault"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_fetches_and_remembers(node: str, tmp_path: Path) -> None:
    """The first run names trust root and node; the next needs no options and finds nothing new."""
    code, out, err = await cairn(tmp_path, "sync", "--trust", str(tmp_path / "trust.json"), "--node", node)
    assert (code, "Granite: 1 entry, 1 new" in out) == (0, True), err
    assert "next: cairn verify" in err
    known = remembered.load(tmp_path)
    assert (known.trust, known.replica) == (tmp_path / "trust.json", tmp_path / "replica")
    assert known.nodes == (node,)
    code, out, _ = await cairn(tmp_path, "sync", "--json")
    value = json.loads(out)
    assert (code, value["complete"], [log["size"] - log["before"] for log in value["logs"]]) == (0, True, [0, 0, 0])


async def test_another_copy_is_not_remembered_unasked(node: str, tmp_path: Path) -> None:
    """An auditor's copy beside the remembered replica leaves `cairn verify` alone; --remember switches over."""
    trust, copy = ["--trust", str(tmp_path / "trust.json")], str(tmp_path / "copy")
    assert (await cairn(tmp_path, "sync", *trust, "--node", node))[0] == 0
    known = remembered.load(tmp_path)
    code, _, err = await cairn(tmp_path, "sync", copy, "--history")
    assert (code, remembered.load(tmp_path)) == (0, known)
    assert f"`cairn verify` goes on using {tmp_path / 'replica'}" in err
    assert f"next: cairn audit --dump {copy}" in err
    code, _, err = await cairn(tmp_path, "sync", copy, "--remember")
    assert (code, remembered.load(tmp_path).replica) == (0, tmp_path / "copy")
    assert "next: cairn verify FILE" in err
    assert "not made by this account" not in err


async def test_the_first_copy_is_remembered_wherever_it_is(node: str, tmp_path: Path) -> None:
    """Nothing is remembered yet, so the folder that was named is."""
    trust = ["--trust", str(tmp_path / "trust.json")]
    assert (await cairn(tmp_path, "sync", str(tmp_path / "copy"), *trust, "--node", node))[0] == 0
    assert remembered.load(tmp_path).replica == tmp_path / "copy"


async def test_a_folder_in_use(node: str, tmp_path: Path) -> None:
    """Two syncs at a time into one folder: the second could not decide, and says why."""
    with ReplicaWriter(tmp_path / "replica"):
        code, _, err = await cairn(tmp_path, "sync", "--trust", str(tmp_path / "trust.json"), "--node", node)
    assert (code, "being written by another process" in err) == (3, True)


async def test_nobody_answers(tmp_path: Path, node: str) -> None:
    """No node can be reached: could not decide, without a traceback, and nothing is remembered."""
    trust = str(tmp_path / "trust.json")
    code, _, err = await cairn(tmp_path, "sync", "--trust", trust, "--node", "http://127.0.0.1:1")
    assert (code, "cairn: error:" in err, "Traceback" in err) == (3, True, False)
    assert remembered.load(tmp_path).trust is None


async def test_audit_over_http(node: str, tmp_path: Path) -> None:
    """The auditor's command fetches everything itself and keeps nothing."""
    code, out, err = await cairn(tmp_path, "audit", "--trust", str(tmp_path / "trust.json"), "--node", node)
    assert (code, "clean: every log replays from zero" in out) == (0, True), err
    assert not (tmp_path / "replica").exists()


def test_places_fall_back_in_order(tmp_path: Path) -> None:
    """Options win over what is remembered, that over what the trust root names, and a folder beside the vault."""
    network, _ = found_network("granite")
    path = tmp_path / "trust.json"
    path.write_bytes(encode_trust_root(trust_of(network)))
    first = find_places(tmp_path, str(path), None)
    assert (first.replica, first.nodes) == (tmp_path / "replica", ())
    remembered.save(
        tmp_path, remembered.Remembered(trust=path, replica=tmp_path / "elsewhere", nodes=("https://a.example",))
    )
    second = find_places(tmp_path, None, None)
    assert (second.trust_path, second.replica, second.nodes) == (path, tmp_path / "elsewhere", ("https://a.example",))
    third = find_places(tmp_path, None, str(tmp_path / "here"), ["https://b.example"])
    assert (third.replica, third.nodes) == (tmp_path / "here", ("https://b.example",))
