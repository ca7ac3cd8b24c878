"""Receipts are found by searching whole batches here; nobody is told what is looked for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ledger.credential.commitment import commit
from ledger.errors import ProofError
from ledger.log.entry import parse_entry
from ledger.log.identity import encode_log_id
from ledger.log.keys import SigningKey
from ledger.log.receipt import parse_receipt, verify_receipt
from node.client.http import TransportError
from tests.simulator import NOW
from tests.wallet_cli.world import World, new_vault
from wallet_cli import refresh
from wallet_cli.acceptance import accept_credential
from wallet_cli.holdings import Contents, Copy
from wallet_cli.refresh import search_body

KEY = SigningKey(b"\x07" * 32)


@pytest.fixture
def world() -> World:
    return World()


def hold(world: World, count: int = 1) -> tuple[Contents, list[bytes]]:
    """A vault's content with copies just received, and their commitments."""
    contents, commitments = Contents(), []
    for _ in range(count):
        text = world.mint(KEY.public)
        accepted = accept_credential(text, keys=(KEY.public,), server="", held=world.held, now=NOW)
        copy = Copy(
            sd_jwt=text,
            seed=KEY.seed,
            received_at=NOW,
            log=encode_log_id(world.school.log_id),
            search_from=accepted.search_from,
            checked=True,
        )
        contents = contents.with_holding((copy,))
        commitments.append(commit(text.partition("~")[0]))
    return contents, commitments


@asynccontextmanager
async def node(world: World, asked: list[str], *, broken: bool = False) -> AsyncIterator[str]:
    async def body(request: web.Request) -> web.Response:
        asked.append(request.path)
        data = world.school.bodies[int(request.match_info["index"])]
        assert data is not None
        return web.Response(body=bytes(len(data)) if broken else data)

    app = web.Application()
    app.router.add_get("/log/{log}/body/{index}", body)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("")).rstrip("/")


async def find(world: World, contents: Contents, *nodes: str) -> Contents:
    held = replace(world.held, nodes=nodes)
    receipts = await refresh.find_receipts(refresh.find_waiting(contents, held), held)
    return refresh.with_receipts(contents, receipts)


async def test_receipts_prove_themselves_against_the_replica(world: World) -> None:
    contents, commitments = hold(world, 3)
    first = world.cut(commitments[1], commitments[0])
    second = world.cut(b"\x99" * 32, commitments[2])
    asked: list[str] = []
    async with node(world, asked) as url:
        found = await find(world, contents, url)
    for holding, commitment, index in zip(found.holdings, commitments, (first, first, second), strict=True):
        receipt = parse_receipt(holding.copies[0].receipt)
        assert receipt.index == index
        verify_receipt(receipt, commitment, parse_entry(world.school.entry(index)))


async def test_every_batch_since_minting_is_fetched_whole_also_after_the_find(world: World) -> None:
    contents, commitments = hold(world)
    start = world.school.size
    contents = contents.with_copy("c1", 0, replace(contents.holdings[0].copies[0], search_from=start))
    indexes = [world.cut(commitments[0]), world.cut(), world.cut()]
    asked: list[str] = []
    async with node(world, asked) as url:
        await find(world, contents, url)
    prefix = f"/log/{encode_log_id(world.school.log_id)}/body"
    assert asked == [f"{prefix}/{index}" for index in indexes]


async def test_a_node_that_lies_is_passed_over(world: World) -> None:
    contents, commitments = hold(world)
    world.cut(*commitments)
    asked: list[str] = []
    async with node(world, asked, broken=True) as bad, node(world, asked) as good:
        found = await find(world, contents, bad, "http://127.0.0.1:1", good)
        assert found.holdings[0].copies[0].receipt is not None
        with pytest.raises(ProofError):
            await find(world, contents, bad)
    with pytest.raises(TransportError, match="cannot be reached"):
        await find(world, contents, "http://127.0.0.1:1")


async def test_what_is_not_there_yet_keeps_waiting(world: World) -> None:
    contents, _ = hold(world)
    world.cut(b"\x77" * 32)
    async with node(world, []) as url:
        assert await find(world, contents, url) == contents


async def test_a_batch_by_a_stolen_key_gives_no_receipt(world: World) -> None:
    from ledger.log.charter import Role

    contents, commitments = hold(world)
    index = world.cut(*commitments)
    world.school.compromise(world.school.role_signers[Role.OPERATE], index)
    async with node(world, []) as url:
        assert await find(world, contents, url) == contents


async def test_a_copy_received_without_a_ledger_is_found_by_its_issuer(world: World, tmp_path: Path) -> None:
    from wallet_cli.receive import receive_text

    text = world.mint(None)
    vault = new_vault(tmp_path)
    receive_text(vault, text, held=None, now=NOW)
    world.cut(commit(text.partition("~")[0]))
    async with node(world, []) as url:
        found = await find(world, vault.contents, url)
    assert found.holdings[0].copies[0].log == encode_log_id(world.school.log_id)


@pytest.mark.parametrize("is_forged", [False, True])
async def test_what_was_kept_without_a_ledger_is_checked_against_it_later(world: World, is_forged: bool) -> None:
    contents, commitments = hold(world, 1)
    copy = replace(contents.holdings[0].copies[0], checked=False)
    if is_forged:
        token, mark, rest = copy.sd_jwt.partition("~")
        start, signature = token.rsplit(".", 1)
        forged = f"{start}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
        copy = replace(copy, sd_jwt=forged + mark + rest)
        commitments = [commit(forged)]
    contents = contents.with_copy(contents.holdings[0].id, 0, copy)
    told: list[str] = []
    assert refresh.confirm_unchecked(contents, world.held, told.append) == contents, "it does not stand there yet"
    world.cut(*commitments)
    async with node(world, []) as url:
        found = await find(world, contents, url)
    confirmed = refresh.confirm_unchecked(found, world.held, told.append)
    assert confirmed.holdings[0].copies[0].checked is not is_forged
    assert len(told) == is_forged


def test_a_match_across_two_items_is_no_match() -> None:
    wanted = b"\x01" * 16 + b"\x02" * 16
    body = bytes(16) + wanted + bytes(16) + wanted
    assert list(search_body(body, {wanted: ("c1", 0)})) == [(("c1", 0), 2)]
    assert list(search_body(body[:64], {wanted: ("c1", 0)})) == []
