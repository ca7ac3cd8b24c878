"""Peers that single rows are fetched from. Nothing is taken that the caller's judgment does not find right."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from ledger.errors import CairnError
from ledger.log.identity import LogId
from node.client.failures import UnreachableError
from node.peers import Peers

MAX_RUN = 256
"""Entries asked for at once."""

IsRight = Callable[[int, bytes], bool]
"""Judges bytes that a peer gives for an index."""


class Sources(Protocol):
    """Where mended rows may come from."""

    async def entries(self, log: LogId, indexes: Sequence[int], is_right: IsRight) -> dict[int, bytes]:
        """Those of these entries that somebody has right."""
        ...

    async def bodies(self, log: LogId, indexes: Sequence[int], is_right: IsRight) -> dict[int, bytes]:
        """Those of the bodies of these entries that somebody has right."""
        ...

    async def notes(self, log: LogId, size: int) -> list[bytes]:
        """Notes of a size, of everybody who has one; unverified."""
        ...

    async def evidence(self, log: LogId) -> list[bytes]:
        """Fork evidence of everybody; unverified."""
        ...


class PeerSources:
    """Asks peers one after the other; one that does not answer is passed over.

    Attributes:
        silent: addresses that did not answer, with the reason.
    """

    def __init__(self, addresses: Sequence[str], peers: Peers) -> None:
        self.addresses = tuple(addresses)
        self._peers = peers
        self.silent: dict[str, str] = {}

    async def entries(self, log: LogId, indexes: Sequence[int], is_right: IsRight) -> dict[int, bytes]:
        """Those of these entries that somebody has right."""

        async def ask(address: str, start: int, end: int, found: dict[int, bytes]) -> None:
            async for package in self._peers.client(address).entries(log, start, end):
                found.update(enumerate(package.entries, package.first))

        return await self._collect(ask, indexes, is_right)

    async def bodies(self, log: LogId, indexes: Sequence[int], is_right: IsRight) -> dict[int, bytes]:
        """Those of the bodies of these entries that somebody has right."""

        async def ask(address: str, start: int, end: int, found: dict[int, bytes]) -> None:
            async for index, body in self._peers.client(address).bodies(log, start, end):
                found[index] = body

        return await self._collect(ask, indexes, is_right)

    async def notes(self, log: LogId, size: int) -> list[bytes]:
        """Notes of a size, of everybody who has one; unverified."""
        found: list[bytes] = []
        for address in self._awake():
            try:
                (head,) = await self._peers.client(address).heads([log])
                if head.size == size and head.note is not None:
                    found.append(head.note)
                elif head.size > size:
                    async for package in self._peers.client(address).entries(log, size - 1, size):
                        found += [] if package.note is None else [package.note]
            except CairnError as error:
                self.note(address, error)
        return found

    async def evidence(self, log: LogId) -> list[bytes]:
        """Fork evidence of everybody; unverified."""
        found: list[bytes] = []
        for address in self._awake():
            try:
                found += await self._peers.client(address).evidence(log)
            except CairnError as error:
                self.note(address, error)
        return found

    async def _collect(self, ask: "_Ask", indexes: Sequence[int], is_right: IsRight) -> dict[int, bytes]:
        right: dict[int, bytes] = {}
        for address in self._awake():
            for start, end in _runs([index for index in indexes if index not in right]):
                offered: dict[int, bytes] = {}
                try:
                    await ask(address, start, end, offered)
                except CairnError as error:
                    self.note(address, error)
                right.update((index, data) for index, data in offered.items() if is_right(index, data))
        return right

    def _awake(self) -> list[str]:
        return [address for address in self.addresses if address not in self.silent]

    def note(self, address: str, error: CairnError) -> None:
        """Remember a peer that is silent."""
        # Not to have a log, or not so far, is an answer; silence is asked once.
        if isinstance(error, UnreachableError):
            self.silent[address] = str(error)


_Ask = Callable[[str, int, int, dict[int, bytes]], Awaitable[None]]


def _runs(indexes: Sequence[int]) -> list[tuple[int, int]]:
    """Ranges `[start, end)` that cover ascending indexes without a gap, none longer than `MAX_RUN`."""
    runs: list[tuple[int, int]] = []
    for index in sorted(indexes):
        if runs and runs[-1][1] == index and index - runs[-1][0] < MAX_RUN:
            runs[-1] = runs[-1][0], index + 1
        else:
            runs.append((index, index + 1))
    return runs
