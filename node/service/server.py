"""Making gRPC servers: limits, the error boundary, health and reflection."""

from collections.abc import Sequence

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from grpc import aio
from grpc_health.v1 import _async as health_aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from ledger.errors import CairnError
from node.client import exchange
from node.descriptors import connections_allowed
from node.pb import cairn_pb2 as pb
from node.pb import cairn_pb2_grpc as rpc
from node.pb import (
    copies_pb2,
    keyevents_pb2,
    operator_pb2,
    people_pb2,
    recovery_pb2,
    registrar_pb2,
    rights_pb2,
    verifier_pb2,
)
from node.service.boundary import MAX_CALL_SECONDS, MAX_CONNECTION_SECONDS, ErrorBoundary
from node.service.callers import MAX_CALLS
from node.service.ledger import LedgerService
from node.service.witness import WitnessService

MAX_CONCURRENT_CALLS = 4 * MAX_CALLS
HANDSHAKE_MILLISECONDS = 10_000
"""Whoever connects and says nothing is hung up on."""

Server = aio.Server
"""A gRPC server, for those who only start and stop it."""

_OPTIONS: Sequence[tuple[str, int]] = (
    ("grpc.max_receive_message_length", exchange.MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", exchange.MAX_MESSAGE_BYTES + 64 * 1024),
    # Two nodes on one port would take turns in answering.
    ("grpc.so_reuseport", 0),
    # Who connects and says nothing, or has gone without saying so, gives the connection back; callers dial again.
    ("grpc.server_handshake_timeout_ms", HANDSHAKE_MILLISECONDS),
    ("grpc.max_connection_idle_ms", 600_000),
    # gRPC cannot drop one call of a reader that takes nothing, only its connection.
    ("grpc.max_connection_age_ms", MAX_CONNECTION_SECONDS * 1000),
    ("grpc.max_connection_age_grace_ms", MAX_CALL_SECONDS * 1000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # Our own clients ask in this way whether we are still there.
    ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
)

PRIVATE_OPTIONS: Sequence[tuple[str, int]] = (("grpc.max_connection_age_ms", 2**31 - 1),)
"""What differs on the private listener: a connection of our own staff may last a night, as `LONG_CALLS` do."""


class HealthSwitch:
    """The standard health service (grpc.health.v1): what a load balancer asks."""

    def __init__(self) -> None:
        self._servicer = health_aio.HealthServicer()

    def add_to(self, server: aio.Server) -> None:
        """Put the service on a server."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    async def set_serving(self, *, ledger: bool, witness: bool) -> None:
        """Say which services answer; a log that may not be cosigned yet is told of in the answer itself."""
        for service, serving in (("", ledger), ("cairn.v1.Ledger", ledger), ("cairn.v1.Witness", witness)):
            status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
            await self._servicer.set(service, status)

    async def leave(self) -> None:
        """Answer NOT_SERVING from now on, whatever is set later."""
        await self._servicer.enter_graceful_shutdown()


def make_server(
    boundary: ErrorBoundary,
    *further: aio.ServerInterceptor,  # type: ignore[type-arg]  # as in the typings
    changed: Sequence[tuple[str, int]] = (),
) -> aio.Server:
    """A server with our limits and error boundary, and nothing on it yet.

    Args:
        boundary: wraps every handler.
        further: interceptors that stand inside it.
        changed: gRPC options that shall be others than ours; tests have less time.
    """
    options = [*_OPTIONS, ("grpc.max_allowed_incoming_connections", connections_allowed())]
    names = {name for name, _ in changed}
    options = [*(option for option in options if option[0] not in names), *changed]
    return aio.server(interceptors=(boundary, *further), options=options, maximum_concurrent_rpcs=MAX_CONCURRENT_CALLS)


def add_public_services(
    server: aio.Server, ledger: LedgerService, witness: WitnessService, health_switch: HealthSwitch
) -> None:
    """Put everything on the public listener."""
    rpc.add_LedgerServicer_to_server(ledger, server)
    rpc.add_WitnessServicer_to_server(witness, server)
    health_switch.add_to(server)
    _reflect(server, [pb.DESCRIPTOR, health_pb2.DESCRIPTOR])


def reflect_private_services(server: aio.Server) -> None:
    """Let tools list what the private listener offers; whoever adds a service there adds its schema here."""
    # What another imports comes before it.
    schemas = (
        copies_pb2,
        keyevents_pb2,
        operator_pb2,
        people_pb2,
        recovery_pb2,
        registrar_pb2,
        rights_pb2,
        verifier_pb2,
    )
    _reflect(server, [schema.DESCRIPTOR for schema in schemas])


def _reflect(server: aio.Server, schemas: Sequence[FileDescriptor]) -> None:
    """Offer reflection for these schemas and nothing else this program knows: a pool of its own, with no other in it."""
    pool = DescriptorPool()
    for schema in (*schemas, reflection_pb2.DESCRIPTOR):
        pool.AddSerializedFile(schema.serialized_pb)
    names = [service.full_name for schema in schemas for service in schema.services_by_name.values()]
    reflection.enable_server_reflection([*names, reflection.SERVICE_NAME], server, pool=pool)


def listen(server: aio.Server, address: str) -> int:
    """Bind "host:port" (port 0: any free one) or "unix:PATH"; gives the port.

    Raises:
        CairnError: the address cannot be bound.
    """
    try:
        return server.add_insecure_port(address)
    except RuntimeError as error:
        raise CairnError(f"{address}: cannot listen: {error}", hint="another program may use this port") from error
