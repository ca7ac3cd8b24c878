"""K15, aggregates: a dashboard says `3 awards this week`, and there are seven candidates.

Answer: public addresses count nothing about awards, claims or queues: before and after a day's work they answer the same
bytes. What counts for the operator stands on the private listener.
"""

from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from ledger.log.identity import encode_log_id, short_log_id
from node.web.app import build_app
from node.web.openid4vci import add_claims
from tests.node.registrar.desks import DIPLOMA, Bench
from tests.node.web.served import ServedNode
from tests.privacy.small_school import award, claim, live, revoke, roster_of, small_school
from tests.privacy.test_k05_linkage import KEYS

Answers = dict[str, tuple[int, bytes, str]]


async def look_around(bench: Bench, app: web.Application) -> Answers:
    """What every public address answers to a stranger who knows all of them: status, body, headers but the date."""
    log, short = encode_log_id(bench.log.state.log_id), short_log_id(bench.log.state.log_id)
    paths = [
        "/healthz", "/logs", "/.well-known/openid-credential-issuer", "/.well-known/oauth-authorization-server",
        f"/log/{log}/checkpoint", f"/log/{log}/evidence", f"/log/{log}/tile/0/000.p/{bench.log.size}",
        f"/log/{log}/tile/entries/000.p/{bench.log.size}", *(f"/log/{log}/body/{n}" for n in range(bench.log.size + 1)),
        f"/m/{short}/achievement/1", f"/m/{short}/achievements/{DIPLOMA}", f"/m/{short}/achievements/{DIPLOMA}/1",
        f"/.well-known/jwt-vc-issuer/m/{short}", "/offer/unknown", "/metrics", "/status", "/awards",
    ]  # fmt: skip
    found: Answers = {}
    async with TestClient(TestServer(app)) as client:
        for path in paths:
            async with client.get(path) as answer:
                headers = sorted((name, value) for name, value in answer.headers.items() if name != "Date")
                found[path] = answer.status, await answer.read(), str(headers)
        for path in ("/token", "/credential"):
            async with client.post(path, data={"grant_type": "none"}) as answer:
                found[path] = answer.status, await answer.read(), ""
    return found


def public_app(bench: Bench) -> web.Application:
    app = build_app(ServedNode(bench.desk.parts.ledger, bench.log.state.log_id, clock=bench.clock))  # type: ignore[arg-type]  # the store
    add_claims(app, bench.desk, bench.clock)
    return app


async def a_days_work(bench: Bench) -> None:
    issued = await award(bench, roster_of(0)[:6])
    await bench.desk.offer(award_ids=issued)
    await claim(bench, issued[0], KEYS)
    await revoke(bench, issued[4:])


async def test_k15_no_public_answer_changes_with_a_days_work(tmp_path: Path) -> None:
    async with small_school(tmp_path) as bench:
        await live(bench, 1)
        before, told = await look_around(bench, public_app(bench)), await bench.desk.status()
        await a_days_work(bench)
        after, told_after = await look_around(bench, public_app(bench)), await bench.desk.status()
    assert sum(status == 200 for status, _, _ in before.values()) >= 12
    assert {path: answer for path, answer in after.items() if before[path] != answer} == {}
    assert (told.awards, told_after.awards) == (0, 6), "the private listener does count"
    assert before["/metrics"][0] == before["/awards"][0] == 404


async def test_k15_planted_a_public_counter_is_seen(tmp_path: Path) -> None:
    """Control: an address that tells how many awards there are."""

    def with_counter(bench: Bench) -> web.Application:
        async def count(_: web.Request) -> web.Response:
            return web.json_response({"awards": (await bench.desk.status()).awards})

        app = public_app(bench)
        app.router.add_get("/status", count)
        return app

    async with small_school(tmp_path) as bench:
        before = await look_around(bench, with_counter(bench))
        await a_days_work(bench)
        after = await look_around(bench, with_counter(bench))
    assert {path for path, answer in after.items() if before[path] != answer} == {"/status"}
