"""The private listener put together: the door, the guard behind it, and the People service.

Unix socket ──┐
              ├─ door ── gRPC server ── gate (guard) ── Registrar, People
TLS listener ─┘
"""

import logging
import socket
from pathlib import Path
from typing import Any

from ledger.errors import CairnError, RuleError
from ledger.log.identity import short_log_id
from node.address import Address, parse_address
from node.config import NodeConfig
from node.registrar.desk import RegistrarDesk
from node.registrar.people.authority import FILE_NAME, Authority, ServerContext, make_authority, open_authority
from node.registrar.people.door import Door
from node.registrar.people.guard import Guard
from node.registrar.people.office import PeopleOffice
from node.registrar.people.service import add_people, replay_on
from node.registrar.service import RegistrarService

EVERYWHERE = ("0.0.0.0", "::")
"""All interfaces: good to listen on, no address to call."""

logger = logging.getLogger(__name__)


class Entrance:
    """Everything between a connection of the private listener and the services behind it."""

    def __init__(self, config: NodeConfig, desk: RegistrarDesk, keys: Path) -> None:
        """Prepare; nothing listens yet. The authority is made when `registrar_listen` is first set.

        Args:
            config: the node's.
            desk: the registrar's.
            keys: the node's key directory.
        """
        parts = desk.parts
        self._config = config
        authority = _find_authority(desk, keys) if config.registrar_listen else None
        self._context = None if authority is None else ServerContext(authority)
        # Bound now, so that a taken port is told before anything runs.
        self._socket = _bind(parse_address(config.registrar_listen)) if config.registrar_listen else None
        self.door = Door(keys.parent, parts.clock, parts.draw)
        self.guard = Guard(desk.database, self.door.find_arrival, config.four_eyes, parts.clock, parts.draw)
        self.office = PeopleOffice(
            desk.database,
            replay_on(RegistrarService(desk)),
            authority=authority,
            address=self._public_address,
            institution=lambda: desk.held_log().state.name,
            certificate_days=config.registrar_certificate_days,
            clock=parts.clock,
            draw=parts.draw,
        )

    def address(self) -> str:
        """HOST:PORT under which others reach the TLS listener; empty where there is none."""
        if self._socket is None or self._config.registrar_address:
            return self._config.registrar_address
        host, port = self._socket.getsockname()[:2]
        return f"{f'[{host}]' if ':' in host else host}:{port}"

    def _public_address(self) -> str:
        """The address for an invitation.

        Raises:
            RuleError: it listens on all interfaces, and nothing says under which name.
        """
        if not self._config.registrar_address and parse_address(self.address()).host in EVERYWHERE:
            raise RuleError(
                f"invitation: registrar_listen is {self.address()}, which nobody can call",
                hint='say in node.toml under which name it is reached: registrar_address = "HOST:PORT"',
            )
        return self.address()

    def add_to(self, server: Any) -> None:  # Any: grpc stays behind its seams
        """Put the People service on the server behind the gate."""
        add_people(server, self.office)

    async def open(self, socket_path: Path) -> None:
        """Let connections in, by the Unix socket and, where `node.toml` says so, by TLS."""
        await self.door.open_socket(socket_path)
        if self._socket is not None and self._context is not None:
            await self.door.open_tls(self._socket, self._context.context)
            logger.info("listening for registrars", extra={"address": self.address()})

    async def close(self) -> None:
        """End all connections."""
        await self.door.close()
        if self._socket is not None:
            self._socket.close()


def _find_authority(desk: RegistrarDesk, keys: Path) -> Authority:
    authority = open_authority(keys)
    if authority is None:
        parts = desk.parts
        authority = make_authority(keys, short_log_id(parts.log_id), parts.clock())
        logger.warning("authority for registrars made: back up the keys again", extra={"file": FILE_NAME})
    return authority


def _bind(address: Address) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        return socket.create_server((address.host, address.port), family=family, backlog=128)
    except OSError as error:
        raise CairnError(
            f"registrar_listen: {address.host}:{address.port}: cannot listen: {error.strerror}",
            hint="another program may use this port",
        ) from error
