"""A network with governors in a temporary directory, without a running node: what the tests of governance stand on."""

from dataclasses import replace
from pathlib import Path

from ledger.log.charter import Institution
from ledger.log.checkpoint import witness_verifier_key
from ledger.log.keys import SigningKey
from ledger.log.note import VerifierKey
from ledger.log.state import LogState
from node.client.held import HeldLog, read_held
from node.directory import cosigner_name
from node.drafting import Drafter
from node.keystore import KeyRole, Keystore
from node.request import MembershipRequest, make_request, parse_request
from tests.node.school import NOW, School, found_school

GOVERNORS = tuple(SigningKey(bytes([number]) * 32) for number in (1, 2, 3))


def found_network(directory: Path) -> School:
    return found_school(
        directory,
        name="Confluence",
        kind=Institution.NETWORK,
        origin="confluence.example/log",
        root_keys=tuple(key.public for key in GOVERNORS),
        threshold=2,
    )


def held(school: School) -> HeldLog:
    return read_held(school.log)


def request_of(school: School, network: School, *, key: SigningKey | None = None) -> bytes:
    own = held(school)
    return make_request(
        own.state,
        entry=own.charter,
        note=own.note,
        network=network.log.state.log_id,
        witness=witness_key_of(own.state, school.keys),
        key=key or school.keys.newest(KeyRole.LOG),
        at=NOW,
    )


def witness_key_of(state: LogState, keys: Keystore) -> VerifierKey:
    return witness_verifier_key(cosigner_name(state.charter.origin), keys.newest(KeyRole.WITNESS).public)


def drafter(school: School, number: int = 1) -> Drafter:
    return Drafter(school.log.state, NOW, number.to_bytes(16, "big"))


def asked(school: School, network: School, **changes: object) -> MembershipRequest:
    return replace(parse_request(request_of(school, network)), **changes)  # type: ignore[arg-type]  # real fields
