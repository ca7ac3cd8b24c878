"""What the listeners say about themselves: every service of theirs, and nothing of the other's."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2 as wanted
from grpc_reflection.v1alpha import reflection_pb2_grpc

from node.service.boundary import ErrorBoundary
from node.service.ledger import LedgerService
from node.service.server import HealthSwitch, add_public_services, listen, make_server, reflect_private_services
from node.service.witness import WitnessService

PUBLIC = {"cairn.v1.Ledger", "cairn.v1.Witness", "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
PRIVATE = {
    "cairn.v1.Copies",
    "cairn.v1.Operator",
    "cairn.v1.People",
    "cairn.v1.Recovery",
    "cairn.v1.Registrar",
    "cairn.v1.Rights",
    "cairn.v1.Verifier",
    "grpc.reflection.v1alpha.ServerReflection",
}
SCHEMAS = Path(__file__).resolve().parents[3] / "proto" / "cairn" / "v1"


@asynccontextmanager
async def public(socket: Path) -> AsyncIterator[aio.Channel]:
    server, switch = make_server(ErrorBoundary()), HealthSwitch()
    # No call of theirs is made here, so nothing stands behind the services.
    nothing = cast(Any, None)
    add_public_services(server, LedgerService(nothing, nothing), WitnessService(nothing), switch)
    await switch.set_serving(ledger=True, witness=True)
    async with running(server, socket) as channel:
        yield channel


@asynccontextmanager
async def private(socket: Path) -> AsyncIterator[aio.Channel]:
    server = make_server(ErrorBoundary())
    reflect_private_services(server)
    async with running(server, socket) as channel:
        yield channel


@asynccontextmanager
async def running(server: aio.Server, socket: Path) -> AsyncIterator[aio.Channel]:
    listen(server, f"unix:{socket}")
    await server.start()
    try:
        async with asyncio.timeout(30), aio.insecure_channel(f"unix:{socket}") as channel:
            yield channel
    finally:
        await server.stop(None)


async def ask(channel: aio.Channel, **request: str) -> wanted.ServerReflectionResponse:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    call = stub.ServerReflectionInfo(iter([wanted.ServerReflectionRequest(**request)]))  # type: ignore[arg-type]
    async for answer in call:
        return cast(wanted.ServerReflectionResponse, answer)
    raise AssertionError("no answer")


async def names(channel: aio.Channel) -> set[str]:
    return {service.name for service in (await ask(channel, list_services="")).list_services_response.service}


async def test_the_public_listener_lists_its_services_and_health(tmp_path: Path) -> None:
    async with public(tmp_path / "s") as channel:
        assert await names(channel) == PUBLIC
        for service in PUBLIC:
            assert (await ask(channel, file_containing_symbol=service)).HasField("file_descriptor_response"), service


@pytest.mark.parametrize(
    "symbol", ["cairn.v1.Registrar", "cairn.v1.Verifier", "cairn.v1.IssueRequest", "cairn.v1.VerifyRequest"]
)
async def test_the_public_listener_knows_nothing_of_the_private_one(tmp_path: Path, symbol: str) -> None:
    async with public(tmp_path / "s") as channel:
        assert (await ask(channel, file_containing_symbol=symbol)).HasField("error_response")
        assert (await ask(channel, file_by_filename="node/pb/registrar.proto")).HasField("error_response")


async def test_the_private_listener_lists_its_own(tmp_path: Path) -> None:
    async with private(tmp_path / "s") as channel:
        assert await names(channel) == PRIVATE
        for service in PRIVATE:
            assert (await ask(channel, file_containing_symbol=service)).HasField("file_descriptor_response"), service


def test_every_service_of_the_schemas_is_on_one_of_the_two() -> None:
    """Whoever adds one adds it to a listener's reflection, and so decides who may know of it."""
    texts = [path.read_text(encoding="utf-8") for path in SCHEMAS.glob("*.proto")]
    services = {f"cairn.v1.{name}" for text in texts for name in re.findall(r"^service (\w+) ", text, re.MULTILINE)}
    ours = {name for name in PUBLIC | PRIVATE if name.startswith("cairn.")}
    assert services == ours
    assert not {name for name in PUBLIC & PRIVATE if name.startswith("cairn.")}


@pytest.mark.parametrize("service", ["", "cairn.v1.Ledger", "cairn.v1.Witness"])
async def test_health_is_told_for_every_public_service(tmp_path: Path, service: str) -> None:
    async with public(tmp_path / "s") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
