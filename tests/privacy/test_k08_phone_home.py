"""K8, phone-home: a university asks the school's node about one learner, and the school learns where she applied.

Answer: verification reads a local replica and opens no connection; wallets fetch whole batches and look for their own
themselves; no public call or address takes a commitment, a slot or the number of a certificate.
"""

import re
import socket
import urllib.request
from collections.abc import Iterable
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, ServiceDescriptor

from ledger.credential.report import Code
from node.pb import cairn_pb2, registrar_pb2
from node.web.app import build_app
from node.web.openid4vci import add_claims
from tests.node.web.served import ServedNode
from tests.privacy.small_school import small_school
from tests.simulator import NOW
from tests.wallet_cli.shown import DAY
from tests.wallet_cli.test_refresh import find, hold, node
from tests.wallet_cli.test_verify import Desk
from tests.wallet_cli.world import World

LEDGER_WORDS = {
    "log", "logs", "after", "limit", "known", "start", "end", "index", "size", "old_size", "new_size", "heads", "note",
    "notes", "evidence", "address", "proof", "skip", "data", "head", "rotation",
}  # fmt: skip
"""What a public call may be asked by: logs, places in them, and checkpoints."""
WEB_WORDS = {
    "log", "index", "path", "short", "folder", "id", "version", "code", "number", "file", "multikey",
}  # fmt: skip
"""The same for addresses; `id` and `version` are of published documents, `code` is of a claim link, which its learner has,
`number` and `file` are of a whole status list for other software, `multikey` is an institution's key."""


class Unplugged:
    """Every attempt to reach somebody, which fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tried: list[str] = []
        for name in ("socket", "create_connection", "getaddrinfo"):
            monkeypatch.setattr(socket, name, self._refuse(name))

    def _refuse(self, name: str) -> object:
        def refuse(*arguments: object, **options: object) -> None:
            self.tried.append(name)
            raise OSError("unplugged")

        return refuse


def test_k08_verification_reaches_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wallet_cli.clock.system_clock", lambda: NOW + DAY)
    desk = Desk(tmp_path)
    unplugged = Unplugged(monkeypatch)
    assert desk.judge()[0] is Code.VALID
    assert unplugged.tried == []


def test_k08_planted_a_verifier_that_asks_the_issuer_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: what fetches the status from the issuer's address opens a socket."""
    desk = Desk(tmp_path)
    unplugged = Unplugged(monkeypatch)
    with pytest.raises(OSError, match="unplugged"):
        urllib.request.urlopen(desk.world.issuer, timeout=1)
    assert unplugged.tried != []


async def test_k08_a_wallet_asks_for_the_same_whoever_it_belongs_to() -> None:
    """Two learners whose commitments stand in different batches, and one whose copy stands in none, ask alike."""
    asked = []
    for place in (0, 2, None):
        world = World()
        contents, commitments = hold(world)
        for batch in range(3):
            world.cut(*(commitments if batch == place else ()))
        paths: list[str] = []
        async with node(world, paths) as url:
            found = await find(world, contents, url)
        assert (found.holdings[0].copies[0].receipt is not None) == (place is not None)
        asked.append(paths)
    assert len(asked[0]) == 4 and asked[0] == asked[1] == asked[2]


def asks_for(services: Iterable[ServiceDescriptor]) -> set[str]:
    """Names of all fields that calls of these services take, at any depth."""

    def names(message: Descriptor) -> Iterable[str]:
        for field in message.fields:
            yield field.name
            if field.message_type is not None:
                yield from names(field.message_type)

    return {name for service in services for method in service.methods for name in names(method.input_type)}


def test_k08_no_public_call_takes_what_could_name_a_learner() -> None:
    """Control: the same look at the private calls finds learners and awards."""
    assert asks_for(cairn_pb2.DESCRIPTOR.services_by_name.values()) <= LEDGER_WORDS
    assert {"learner_id", "award_ids"} <= asks_for(registrar_pb2.DESCRIPTOR.services_by_name.values())


async def test_k08_no_public_address_has_room_for_a_commitment_or_a_slot(tmp_path: Path) -> None:
    async with small_school(tmp_path) as bench:
        app = build_app(ServedNode(bench.desk.parts.ledger, bench.log.state.log_id))  # type: ignore[arg-type]  # the store
        add_claims(app, bench.desk, bench.clock)
        routes = [resource.canonical for resource in app.router.resources()]
    assert len(routes) > 12
    assert {word for route in routes for word in re.findall(r"\{(\w+)", route)} <= WEB_WORDS
