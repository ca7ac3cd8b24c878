"""Calling a node from a command: the one that runs in a directory, or one on another computer.

Commands of the registrar take `DIR` or `--registrar HOST:PORT` (`node.commands.options.desk_argument`). Which it was,
`Desk` tells; its text is what stands in the same place of the next command.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from node.errors import BusyError
from node.home import Home, open_home

if TYPE_CHECKING:
    from node.client.people import PeopleClient
    from node.client.reach import Reach
    from node.client.registrar import RegistrarClient
    from node.client.rights import RightsClient
    from node.client.verifier import VerifierClient

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class RemoteDesk:
    """A node on another computer, for which this one has a certificate."""

    address: str
    """HOST:PORT of its registrar's listener."""
    certificates: Path | None = None
    """Folder of certificates; None for the default one."""

    def __str__(self) -> str:
        where = "" if self.certificates is None else f" --certificates {self.certificates}"
        return f"--registrar {self.address}{where}"


Desk: TypeAlias = Path | RemoteDesk
"""Where a command's node is: its directory, or its address elsewhere."""


def open_desk(desk: Desk) -> Home | RemoteDesk:
    """Look at where the node is; of one elsewhere nothing can be seen yet.

    Raises:
        MalformedError: there is no node in the directory.
    """
    return desk if isinstance(desk, RemoteDesk) else open_home(desk)


async def at_desk(where: Home | RemoteDesk, call: "Callable[[RegistrarClient], Awaitable[Answer]]") -> Answer:
    """Make one call, or some, on the node that runs in a directory or elsewhere.

    Raises:
        BusyError: no node runs there.
        RuleError: this computer has no certificate for the node elsewhere, or it has expired.
        CairnError: what the node answers.
    """
    async with _reach(where) as reach:
        from node.client.registrar import RegistrarClient

        return await call(RegistrarClient(reach))


async def with_people(where: Home | RemoteDesk, call: "Callable[[PeopleClient], Awaitable[Answer]]") -> Answer:
    """As `at_desk`, for calls about people, the trail and proposals."""
    async with _reach(where) as reach:
        from node.client.people import PeopleClient

        return await call(PeopleClient(reach))


async def with_reach(where: Home | RemoteDesk, call: "Callable[[Reach], Awaitable[Answer]]") -> Answer:
    """As `at_desk`, for calls of other services."""
    async with _reach(where) as reach:
        return await call(reach)


async def with_rights(where: Home | RemoteDesk, call: "Callable[[RightsClient], Awaitable[Answer]]") -> Answer:
    """As `at_desk`, for the rights of learners."""
    async with _reach(where) as reach:
        from node.client.rights import RightsClient

        return await call(RightsClient(reach))


@asynccontextmanager
async def at_verifier(where: Home | RemoteDesk) -> "AsyncIterator[VerifierClient]":
    """As `at_desk`, for verifying: the client for as long as the context lasts."""
    async with _reach(where) as reach:
        from node.client.verifier import VerifierClient

        yield VerifierClient(reach)


@asynccontextmanager
async def _reach(where: Home | RemoteDesk) -> "AsyncIterator[Reach]":
    if isinstance(where, RemoteDesk):
        reach = await _reach_elsewhere(where)
    else:
        if not where.is_running():
            raise BusyError(f"{where.directory}: no node runs here", hint=f"cairn-node run {where.directory}")
        # grpc takes a tenth of a second to import; only commands that dial pay it.
        from node.client.reach import reach_socket

        reach = reach_socket(str(where.socket_path()))
    try:
        yield reach
    finally:
        await reach.channel.close(None)


async def _reach_elsewhere(desk: RemoteDesk) -> "Reach":
    import os

    from node.client.reach import reach_listener
    from node.clock import system_clock
    from node.identities import default_folder, fresh_identity

    folder = desk.certificates if desk.certificates is not None else default_folder(os.environ)
    return reach_listener(await fresh_identity(folder, desk.address, system_clock()))
