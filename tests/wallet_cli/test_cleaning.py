"""Nodes that spoil notes, vary evidence or never end: what a replica takes over all the same, and what it leaves."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from ledger.log import tiles
from ledger.log.checkpoint import Checkpoint, add_signatures, read_checkpoint, sign_checkpoint
from ledger.log.identity import encode_log_id
from ledger.log.keys import SigningKey
from ledger.log.merkle import RootHash
from ledger.log.network import Network
from ledger.log.note import NoteSignature, encode_note, parse_note
from tests.simulator import SimulatedLog
from tests.wallet_cli.test_sync import Setting, app_of, setting
from wallet_cli import cleaning, sync
from wallet_cli.replica import Replica

__all__ = ["setting"]


def spoiled(note: bytes, origin: str) -> bytes:
    """Every cosignature with one bit turned, and a hundred lines of strangers less those that are there."""
    parsed = parse_note(note)
    lines = [
        line
        if line.name == origin
        else NoteSignature(line.name, line.key_id, line.signature[:-1] + bytes([line.signature[-1] ^ 1]))
        for line in parsed.signatures
    ]
    strangers = [NoteSignature(f"s{n}.example", bytes(4), bytes(72)) for n in range(100 - len(lines))]
    return encode_note(parsed.text, [*lines, *strangers])


async def test_a_node_that_spoils_cosignatures_costs_no_quorum(setting: Setting) -> None:
    """Heard first or second, its lines are left out, and those of the honest node count."""
    network, members = setting.network, setting.members
    honest = await setting.serve()
    good = network.note or b""
    network.note = spoiled(good, network.state.charter.origin)
    bad = await setting.serve_app(app_of(network))
    for nodes in ((bad, honest), (honest, bad)):
        setting.folder = Path(f"{setting.folder}-")
        await setting.sync(*nodes)
        answer = Network(setting.trust, Replica(setting.folder)).judge_head(network.log_id)
        assert (answer.quorum.present, answer.quorum.has_quorum) == (len(members), True)


async def test_evidence_is_kept_without_lines_of_strangers_and_not_without_end(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One true contradiction in many wrappings is one piece; true ones of the writer alone are bounded."""
    from ledger.log.evidence import ForkEvidence, encode_fork

    monkeypatch.setattr(cleaning, "MAX_EVIDENCE", 3)
    granite = setting.members[0]
    head = read_checkpoint(granite.note or b"")

    def contradiction(n: int, stranger: int) -> bytes:
        note = sign_checkpoint(Checkpoint(head.origin, head.size, RootHash(bytes([n]) * 32)), granite.log_signer)
        line = NoteSignature("s.example", bytes([stranger] * 4), bytes(72))
        return encode_fork(ForkEvidence(granite.note or b"", add_signatures(note, [line])))

    granite.forks = [contradiction(1, n) for n in range(5)]
    report = await setting.sync(await setting.serve(setting.network), await setting.serve_app(app_of(granite)))
    assert (report.logs[1].forks, len(setting.held(granite).evidence())) == (1, 1)
    granite.forks = [contradiction(n, 0) for n in range(9)]
    await setting.sync(await setting.serve(setting.network), await setting.serve_app(app_of(granite)))
    assert len(setting.held(granite).evidence()) == 3


def endless(log: SimulatedLog, asked: list[int]) -> web.Application:
    """A node that claims a thousand million entries under a note that nobody known signed, and serves them."""
    note = sign_checkpoint(Checkpoint(log.state.charter.origin, 10**9, RootHash(bytes(32))), SigningKey(bytes(32)))

    async def logs(request: web.Request) -> web.Response:
        return web.json_response([encode_log_id(log.log_id)])

    async def checkpoint(request: web.Request) -> web.Response:
        return web.Response(body=note)

    async def tile(request: web.Request) -> web.Response:
        asked.append(1)
        return web.Response(body=tiles.encode_bundle([bytes(1000)] * 256))

    app = web.Application()
    app.router.add_get("/logs", logs)
    app.router.add_get("/log/{id}/checkpoint", checkpoint)
    app.router.add_get("/log/{id}/{path:tile/.*}", tile)
    return app


async def test_a_node_that_makes_up_entries_without_end_is_left_and_heard_last(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "MAX_UNSIGNED_BYTES", 1_000_000)
    asked: list[int] = []
    report = await setting.sync(await setting.serve_app(endless(setting.network, asked)), await setting.serve())
    assert [log.size for log in report.logs] == [log.size for log in setting.logs]
    assert len(asked) <= 5
    assert any("are claimed" in problem for problem in report.logs[0].problems)


async def asked_bodies(setting: Setting, served: SimulatedLog) -> int:
    """Sync what is held already from one that serves this; gives how many bodies that one was asked for."""
    asked: list[str] = []
    app = app_of(served)

    @web.middleware
    async def count(request: web.Request, handler: Any) -> web.StreamResponse:  # Any: aiohttp's handlers are untyped
        asked.extend([request.path] if "/body/" in request.path else [])
        response: web.StreamResponse = await handler(request)
        return response

    app.middlewares.append(count)
    held = setting.held(served).size
    report = await setting.sync(await setting.serve(setting.network), await setting.serve_app(app), history=True)
    assert setting.held(served).size == held and not report.is_complete
    return len(asked)


async def test_nothing_beside_entries_is_fetched_that_the_checkpoint_does_not_name(setting: Setting) -> None:
    """Anybody can chain entries onto what is held and name bodies without end; the writer's note is not over them."""
    granite = setting.members[0]
    await setting.sync(await setting.serve())
    liar = granite.copy()
    for n in range(3):
        liar.publish(f"made up {n}", document=bytes(5000))
    granite.cut()
    liar.note = granite.note
    assert await asked_bodies(setting, liar) == 0


async def test_of_bodies_that_nobody_known_signed_for_only_so_much_is_fetched(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    granite = setting.members[0]
    await setting.sync(await setting.serve())
    granite.publish("made up", document=bytes(5000))
    head = Checkpoint(granite.state.charter.origin, granite.size, granite.root_at(granite.size))
    granite.note = sign_checkpoint(head, SigningKey(bytes(32)))
    assert await asked_bodies(setting, granite) == 1
    monkeypatch.setattr(sync, "MAX_UNSIGNED_BODY_BYTES", 4999)
    assert await asked_bodies(setting, granite) == 0
