"""Calling the running node from a command."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from node.errors import BusyError
from node.home import Home

if TYPE_CHECKING:
    from node.client.registrar import RegistrarClient

Answer = TypeVar("Answer")


async def at_desk(home: Home, call: "Callable[[RegistrarClient], Awaitable[Answer]]") -> Answer:
    """Make one call, or some, on the node that runs in a directory.

    Raises:
        BusyError: no node runs there.
        CairnError: what the node answers.
    """
    if not home.is_running():
        raise BusyError(f"{home.directory}: no node runs here", hint=f"cairn-node run {home.directory}")
    # grpc takes a tenth of a second to import; only commands that dial pay it.
    from node.client.registrar import RegistrarClient

    async with RegistrarClient(str(home.socket_path())) as client:
        return await call(client)
