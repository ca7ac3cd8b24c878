"""A network whose nodes talk over TLS, each certificate vouched for by the ledger, and somebody who stands in between."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from grpc import aio

from ledger.log.charter import Institution
from ledger.log.governance import RotateLogKey
from ledger.log.identity import LogId
from ledger.log.keys import SigningKey
from ledger.log.policy import QuorumRule
from node.client.failures import UnreachableError, UntrustedPeerError
from node.keystore import KeyRole
from node.pb import cairn_pb2_grpc as rpc
from node.service.boundary import ErrorBoundary
from node.service.secure import listen_secure
from node.service.server import make_server
from node.tls.modes import Listener, TLSMode
from node.tls.pair import CertificatePair
from tests.end_to_end.hostile import HostilePeer, Served
from tests.end_to_end.world import DEADLINE_SECONDS, Campus, found, has_all, until, world
from tests.node.tls.authority import self_made

SECURE = {"grpc_tls": TLSMode.SELF_MADE}


@asynccontextmanager
async def in_between(peer: HostilePeer, address: str, certificate: CertificatePair) -> AsyncIterator[None]:
    """Answer at an address where a node of the network used to be."""
    server: aio.Server = make_server(ErrorBoundary())
    rpc.add_LedgerServicer_to_server(peer, server)
    listen_secure(server, address, lambda: certificate)
    await server.start()
    try:
        yield
    finally:
        await server.stop(None)


async def refusal(campus: Campus, address: str) -> str:
    """Why a node does not talk to whoever is at an address; a connection it had before may have to end first."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            with pytest.raises(UnreachableError) as caught:
                await campus.node.peers.client(address).heads([campus.log_id])
            if isinstance(caught.value, UntrustedPeerError) and "shows another" not in str(caught.value):
                return str(caught.value)


def served(campus: Campus) -> Served:
    """The school's own log, as an older copy of it would be told."""
    log = campus.log
    entries = list(log.entries(0, log.size))
    return Served(campus.log_id, entries, [log.body(index) for index in range(log.size)], log.note)


async def test_a_network_lives_over_pinned_tls(tmp_path: Path) -> None:
    """Admission, cosigning and replication go over TLS, and each peer knows by the ledger whom it talks to."""
    async with world(tmp_path, **SECURE) as made:
        school, other, _ = made.members
        index = await school.issue()
        assert await school.node.cosigning.wait_for_quorum(index + 1, DEADLINE_SECONDS)
        await until(lambda: all(has_all(one, made) for one in made.everybody))
        for one in (made.network, other):
            assert await school.node.peers.client(one.address).peer_log() == one.log_id


async def test_who_cannot_show_a_pinned_certificate_is_no_witness_at_the_start(tmp_path: Path) -> None:
    """After a restart an older copy of the own log is told by somebody at the witnesses' addresses: it opens nothing."""
    async with world(tmp_path, **SECURE) as made:
        school, *witnesses = made.members
        stranger = SigningKey(os.urandom(32))
        names = [(one.address, one.log_id, one.key(KeyRole.WITNESS)) for one in witnesses]
        lie = HostilePeer(served(school))
        for one in made.everybody:
            await one.stop()
        (first, log, right), (second, _, _) = names
        with_foreign_key = self_made(tmp_path / "forged", log, stranger)
        without_voucher = self_made(tmp_path / "forged", None)
        async with in_between(lie, first, with_foreign_key), in_between(lie, second, without_voucher):
            await school.start()

            def are_told() -> bool:
                problems = {report.address: report.problem for report in school.node.followers.reports()}
                return all("certificate is not" in problems.get(address, "") for address in (first, second))

            await until(are_told)
            await until(lambda: "waiting for 1 of 2 witnesses, 0 answered" in (school.node.startup.reason or ""))
            assert lie.asked == []
            assert "not signed by a key that the ledger names" in await refusal(school, first)
        # The same liar is heard where it has the witness's own key: it is the certificate that made the difference.
        async with in_between(lie, first, self_made(tmp_path / "forged", log, right)):
            await until(lambda: school.node.startup.may_sign)


async def test_a_member_cannot_stand_in_for_another(tmp_path: Path) -> None:
    """A certificate that is good for one member is refused at the address of another."""
    async with world(tmp_path, **SECURE) as made:
        school, other, third = made.members
        pair = third.node.certificates.pair(Listener.GRPC)
        assert pair is not None
        address, lie = other.address, HostilePeer()
        await other.stop()
        async with in_between(lie, address, pair):
            assert "its certificate is that of log" in await refusal(school, address)
        assert lie.asked == []


async def test_a_first_contact_rests_on_the_trust_root(tmp_path: Path) -> None:
    """A newcomer knows the network's log key and its witnesses from its trust root alone, and talks to nobody else there."""
    async with world(tmp_path, members=1, **SECURE) as made:
        trust = made.network.trust(quorum=QuorumRule.NONE)
        address, network = made.network.address, made.network.log_id
        for one in made.everybody:
            await one.stop()
        newcomer = found(tmp_path, "newcomer", Institution.COLLEGE, **SECURE)
        await newcomer.start()
        try:
            newcomer.join(trust)
            lie = HostilePeer()
            stranger = SigningKey(os.urandom(32))
            async with in_between(lie, address, self_made(tmp_path / "forged", network, stranger)):
                await until(
                    lambda: any("not signed by a key" in report.problem for report in newcomer.node.followers.reports())
                )
            assert lie.asked == []
            await made.network.start()
            await until(lambda: newcomer.holds(network, trust.head_size))
        finally:
            await newcomer.stop()


async def test_a_rotated_log_key_takes_over_and_the_old_one_ends(tmp_path: Path) -> None:
    """Peers that knew only the old key learn of the new one over TLS; from then on the stolen one opens nothing."""
    async with world(tmp_path, **SECURE) as made:
        school, other, _ = made.members
        stolen = school.key(KeyRole.LOG)
        keystore = school.node.parts.keystore
        fresh = keystore.add(KeyRole.LOG, os.urandom)
        statement = RotateLogKey(
            at=0,
            id=os.urandom(16),
            log=school.log_id,
            after=school.log.state.after("log"),
            log_key=fresh.public,
        )
        before = school.node.certificates.pair_of(Listener.GRPC)
        school.node.certificates.refresh()
        assert school.node.certificates.pair_of(Listener.GRPC) != before
        size = await school.append(statement, school.root) + 1
        address, log_id = school.address, school.log_id
        await until(lambda: other.holds(log_id, size))
        assert knows_only(other, address, log_id, fresh, stolen)
        await school.stop()
        lie = HostilePeer()
        async with in_between(lie, address, self_made(tmp_path / "forged", log_id, stolen)):
            assert "not signed by a key that the ledger names" in await refusal(other, address)
        assert lie.asked == []


def knows_only(campus: Campus, address: str, log: LogId, fresh: SigningKey, stolen: SigningKey) -> bool:
    keys = campus.node.directory.expected_at(address).keys_of(log)
    return fresh.public in keys and stolen.public not in keys
