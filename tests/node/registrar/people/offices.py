"""A real desk behind a real door: one institution whose registrars call over loopback with certificates of their own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography import x509
from sqlalchemy import select

from node.client.certificates import make_key, make_signing_request
from node.client.identity import Identity, Invitation, parse_invitation
from node.client.people import PeopleClient
from node.client.reach import Reach, reach_listener, reach_socket
from node.client.registrar import RegistrarClient
from node.client.staff import Enrolled
from node.clock import system_clock
from node.config import NodeConfig
from node.countersigning import CountersigningDesk
from node.found import KEYS_DIRECTORY
from node.newestheads import NewestHeads
from node.registrar.copy_desk import CopyDesk
from node.registrar.desk import RegistrarDesk
from node.registrar.learners.desk import LearnerDesk
from node.registrar.learners.service import add_rights
from node.registrar.people import trail
from node.registrar.people.authority import Authority, open_authority
from node.registrar.people.entrance import Entrance
from node.registrar.people.tables import TrailRow
from node.registrar.service import add_registrar
from node.service.boundary import ErrorBoundary
from node.service.copies import add_copies
from node.service.gate import Gate
from node.service.operator import add_operator
from node.service.recovery import add_recovery
from node.service.server import listen, make_server
from node.store.ledgerstore import LedgerStore
from node.verifying import VerifyingDesk
from tests.node.registrar.desks import Bench, Clock, Dice, achievement_json, found, open_bench

SECONDS = 30
DAY_MS = 86_400_000


@dataclass
class Office:
    """A node's private listener, and ways to come to it."""

    bench: Bench
    entrance: Entrance
    socket: Path
    clock: Clock

    @property
    def desk(self) -> RegistrarDesk:
        return self.bench.desk

    @property
    def address(self) -> str:
        return self.entrance.address()

    @property
    def authority(self) -> Authority:
        authority = open_authority(self.bench.directory / KEYS_DIRECTORY)
        assert authority is not None
        return authority

    def local(self) -> RegistrarClient:
        """Who sits at the node's own computer."""
        return RegistrarClient(reach_socket(str(self.socket)), timeout_seconds=SECONDS)

    def local_people(self) -> PeopleClient:
        return PeopleClient(reach_socket(str(self.socket)), timeout_seconds=SECONDS)

    async def invite(self, *roles: str, name: str = "Ana Ruiz") -> Invitation:
        async with self.local_people() as client:
            answer = await client.invite(name, roles, 7)
        return parse_invitation(answer.invitation, "invitation")

    async def let_in(self, *roles: str, name: str = "Ana Ruiz") -> Identity:
        """A person with a certificate."""
        invitation, key = await self.invite(*roles, name=name), make_key()
        async with people_of(invitation) as client:
            enrolled = await client.enrol(make_signing_request(key))
        return identity_of(invitation, enrolled, key)

    async def rows(self) -> list[TrailRow]:
        """The trail, which must hold together."""
        found, broken_at = await self.desk.database.look(
            lambda session: (list(session.scalars(select(TrailRow))), trail.find_break(session))
        )
        assert broken_at is None
        return found

    async def last_row(self) -> TrailRow:
        return (await self.rows())[-1]


def identity_of(invitation: Invitation | Identity, enrolled: Enrolled, key: object) -> Identity:
    return Identity(
        address=invitation.address,
        authority=invitation.authority,
        key=key,  # type: ignore[arg-type]  # as made by make_key
        certificate=x509.load_der_x509_certificate(enrolled.certificate),
        person=enrolled.person,
        roles=enrolled.roles,
        institution=enrolled.institution,
    )


def registrar_of(identity: Identity | Invitation | Reach) -> RegistrarClient:
    reach = identity if isinstance(identity, Reach) else reach_listener(identity)
    return RegistrarClient(reach, timeout_seconds=SECONDS)


def people_of(identity: Identity | Invitation | Reach) -> PeopleClient:
    reach = identity if isinstance(identity, Reach) else reach_listener(identity)
    return PeopleClient(reach, timeout_seconds=SECONDS)


@asynccontextmanager
async def open_office(
    folder: Path, *, four_eyes: Sequence[str] = (), seed: str = "test", **changes: object
) -> AsyncIterator[Office]:
    """An institution with one achievement, listening on a Unix socket and a free port."""
    clock, dice = Clock(system_clock()), Dice(seed)
    directory = folder / f"school-{seed}"
    log_id = found(directory, clock, dice)
    config = replace(
        NodeConfig(name="Granite", registrar_listen="127.0.0.1:0", four_eyes=tuple(four_eyes)),
        **changes,  # type: ignore[arg-type]  # each test names real fields
    )
    async with AsyncExitStack() as stack:
        bench = await stack.enter_async_context(open_bench(directory, log_id, clock, dice))
        await bench.desk.publish(achievement_json())
        entrance = Entrance(config, bench.desk, directory / KEYS_DIRECTORY)
        stack.push_async_callback(entrance.close)
        server = make_server(ErrorBoundary(), Gate(entrance.guard))
        add_registrar(server, bench.desk)
        add_operator(server, bench.desk.database, bench.desk.parts.ledger)  # type: ignore[arg-type]  # the store itself
        add_recovery(server, bench.desk.parts)
        ledger: LedgerStore = bench.desk.parts.ledger  # type: ignore[assignment]  # the store itself
        # It belongs to no network, so that it looks at none.
        verifying = VerifyingDesk(NewestHeads(ledger, lambda _: None), lambda: (), clock)
        stack.callback(verifying.close)
        add_copies(server, CopyDesk(bench.desk), CountersigningDesk(bench.desk, verifying))
        add_rights(server, LearnerDesk(bench.desk))
        entrance.add_to(server)
        listen(server, entrance.door.inner)
        await server.start()
        stack.push_async_callback(server.stop, None)
        socket = folder / f"{seed}.sock"
        await entrance.open(socket)
        yield Office(bench, entrance, socket, clock)


async def shortly(condition: object) -> None:
    """Wait until something is true that another task brings about."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # type: ignore[operator]  # a function without arguments
            await asyncio.sleep(0.01)
