"""The formats of others at real nodes: presentations that prove themselves, a node that verifies, HTTP witness, proofs."""

import asyncio
import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from grpc import aio
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.status import Status
from ledger.log.checkpoint import read_checkpoint
from ledger.log.note import parse_signature_lines
from node.client import http
from node.client.contexts import fill_folder
from node.client.exchange import CosignRequest
from node.client.ledger import LedgerClient
from node.client.witness import WitnessHTTP
from node.errors import ConflictError
from node.home import open_home
from tests.end_to_end.learner import AUDIENCE, NONCE, PROCESS_SECONDS, Learner, award, new_learner, offer, steps_of
from tests.end_to_end.town import ROOT, Neighbour, Town, eventually, town
from tests.ledger.credential.badges import SCHOOL_DID, signed
from tests.shared import shared_path

SESSION_SECONDS = 30


async def node_verifies(node: Neighbour, *files: Path, expected: int) -> Any:
    """`cairn-node verify`, in a process of its own; gives what it says."""
    words = ["verify", str(node.directory), *map(str, files), "--audience", AUDIENCE, "--nonce", NONCE, "--json"]
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "node.main", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PROCESS_SECONDS,
    )
    assert done.returncode == expected, done.stdout + done.stderr
    return json.loads(done.stdout)


async def listed(target: str) -> set[str]:
    """The services a listener tells of."""
    async with asyncio.timeout(SESSION_SECONDS), aio.insecure_channel(target) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        async for answer in stub.ServerReflectionInfo(iter([request])):
            return {service.name for service in answer.list_services_response.service}
    raise AssertionError("no answer")


async def test_one_award_through_every_format(tmp_path: Path) -> None:
    async with town(tmp_path) as made:
        granite, tidewater = made["granite-hollow"], made["tidewater"]
        trust = await made.write_trust()
        report = await award(granite, "granite-hollow")
        learner = await new_learner(tmp_path, "L01", trust, granite, made.network)
        await learner.claim(await offer(granite, "L01"))
        await made.cut("granite-hollow")
        await learner.cairn("refresh")
        await learner.cairn("sync")
        (holding,) = (await learner.holdings()).values()
        shown = ("--credential", holding, "--disclose", "name", "awarded_on")
        file = tmp_path / "record.cairn"
        await learner.cairn("present", "--to", AUDIENCE, "--nonce", NONCE, *shown, "--offline", "-o", file)

        await _leaves_for_others(made, learner)

        # A receiver with nothing but the trust root checks seven steps, and says that the rest is open.
        asked = ("--audience", AUDIENCE, "--nonce", NONCE, "--json")
        alone = json.loads(await learner.cairn("verify", file, "--no-replica", *asked, expected=3))
        ((code, steps),) = steps_of(alone["files"][0])
        assert (code, {steps[number] for number in range(1, 8)}) == ("INCOMPLETE", {"yes"})

        # A college's own node judges by what it holds, in order, past what is no file.
        (tmp_path / "junk").write_bytes(b"junk")
        judged = await node_verifies(tidewater, file, tmp_path / "gone", tmp_path / "junk", file, expected=3)
        assert [one["verdict"] for one in judged["files"]] == ["Valid now", "Not readable", "Not readable", "Valid now"]
        assert judged["files"][1]["file"].endswith("gone")
        await _reads_what_others_issue(tidewater, tmp_path)
        async with granite.desk() as desk:
            await desk.set_status([report.issued[0]], Status.REVOKED)
        await made.cut("granite-hollow")

        async def is_revoked() -> bool:
            found = await asyncio.to_thread(_verdict, tidewater, file)
            return found == "Was valid, not now"

        await eventually(is_revoked)

        await _cosigns_over_http(made["lantern"], granite)
        await _proves_to_others(learner, tmp_path)
        assert await listed(tidewater.grpc) == {
            "cairn.v1.Ledger",
            "cairn.v1.Witness",
            "grpc.health.v1.Health",
            "grpc.reflection.v1alpha.ServerReflection",
        }
        private = await listed(f"unix:{open_home(tidewater.directory).socket_path()}")
        assert {f"cairn.v1.{name}" for name in ("Operator", "People", "Registrar", "Verifier")} <= private


async def _reads_what_others_issue(node: Neighbour, folder: Path) -> None:
    """A badge of somebody who is on no ledger: whose it is, only an option can say."""
    badge = folder / "badge.json"
    badge.write_text(json.dumps(signed(Cryptosuite.EDDSA_JCS_2022)))
    for options, code, said in (
        ([], 3, "Cannot tell yet (UNKNOWN_ISSUER)"),
        (["--issuer", SCHOOL_DID], 0, "Valid now (VALID)"),
    ):
        words = ["verify", str(node.directory), str(badge), *options]
        command = [sys.executable, "-m", "node.main", *words]
        done = await asyncio.to_thread(
            subprocess.run, command, cwd=ROOT, capture_output=True, text=True, timeout=PROCESS_SECONDS
        )
        assert (done.returncode, said in done.stdout) == (code, True), done.stdout + done.stderr
    assert await asyncio.to_thread(_unread, [*command, "--json"]) == (3, "")


def _unread(command: list[str]) -> tuple[int, str]:
    """Exit code and errors of a command whose reader went away before its first word, as `head` does."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=PROCESS_SECONDS
        )
    finally:
        os.close(writer)
    return done.returncode, done.stderr


async def _leaves_for_others(made: Town, learner: Learner) -> None:
    """A badge from a claim link, found on the ledger, written for others, and in a record the learner signs."""
    granite, folder = made["granite-hollow"], learner.folder
    try:
        contexts = shared_path("vectors/formats/contexts")
    except pytest.skip.Exception:
        return  # no badge is signed without contexts; the rest of the story needs none
    fill_folder(contexts, granite.directory)
    fill_folder(contexts, folder)
    for _ in range(2):
        link = await offer(granite, "L01")
        await learner.cairn("receive", link.link, "--tx-code", link.tx_code, "--form", "open-badge")
    await made.cut("granite-hollow")
    found = json.loads(await learner.cairn("refresh", "--json"))
    assert (found["found"], [row["state"] for row in found["files"]]) == (2, ["a file of this ledger, Valid now"] * 2)
    first, second = (row["id"] for row in found["files"])
    await learner.cairn("export", first, "-o", folder / "maya.json")
    await learner.cairn("verify", folder / "maya.json")
    record = folder / "record.json"
    await learner.cairn("export", "--clr", first, second, "-o", record)
    (file,) = json.loads(await learner.cairn("verify", record, "--json"))["files"]
    assert [one["code"] for one in file["credentials"]] == ["VALID"] * 3
    assert any("assembled by the learner" in note for note in file["credentials"][0]["notes"])


def _verdict(node: Neighbour, file: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "node.main", "verify", str(node.directory), str(file), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PROCESS_SECONDS,
    )
    verdict: str = json.loads(done.stdout)["files"][0]["verdict"]
    return verdict


async def _cosigns_over_http(witness: Neighbour, writer: Neighbour) -> None:
    """A witness asked over HTTP signs again what it cosigned last, says how far it is, and shows it."""
    async with LedgerClient(writer.grpc, timeout_seconds=SESSION_SECONDS) as client:
        (head,) = await client.heads([writer.log_id])
    assert head.note is not None
    asked = WitnessHTTP(f"{witness.http}/witness")
    size = read_checkpoint(head.note).size
    line = await asked.add_checkpoint(
        CosignRequest(old_size=size, proof=(), note=head.note), timeout_seconds=SESSION_SECONDS
    )
    async with witness.desk() as desk:
        name = f"{(await desk.held_log()).state.charter.origin}/witness"
    (signature,) = parse_signature_lines(line)
    assert signature.name == name
    try:
        await asked.add_checkpoint(CosignRequest(old_size=0, proof=(), note=head.note), timeout_seconds=SESSION_SECONDS)
        raise AssertionError("a stale size was cosigned")
    except ConflictError as conflict:
        assert conflict.size == size
    origin = read_checkpoint(head.note).origin
    note = await asked.cosigned_note(origin, timeout_seconds=SESSION_SECONDS)
    assert note is not None
    assert read_checkpoint(note) == read_checkpoint(head.note)
    data = await http.get_bytes(
        f"{witness.http}/witness/{sha256(origin.encode()).hexdigest()}/checkpoint", max_bytes=1 << 16
    )
    assert data == note


async def _proves_to_others(learner: Any, folder: Path) -> None:
    await learner.cairn("sync")
    await learner.cairn("trust", folder / "trust.json", "--policy", folder / "x.policy")
    await learner.cairn("prove", 0, "-o", folder / "charter")
    said = await learner.cairn(
        *("verify-proof", folder / "charter.tlog-proof", "--data", folder / "charter.entry"),
        *("--policy", folder / "x.policy"),
    )
    assert said.startswith("yes: entry 0 of the ")
