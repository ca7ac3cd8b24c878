"""The Verifier service on everything that `cairn verify` reads: the same answers as on the command line, in every form."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ledger.credential.baking import bake
from ledger.credential.batch_report import parse_report
from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.external.given import Given
from ledger.credential.jose import public_key_to_jwk
from ledger.credential.plainlist.slots import PlainSlot, Purpose, status_members
from ledger.credential.receipt_list import encode_receipts
from ledger.credential.report import Code, RecordReport
from ledger.credential.status import Status
from ledger.errors import MalformedError, PolicyError
from ledger.log.charter import Role
from ledger.log.policy import TrustRoot, encode_trust_root
from ledger.log.receipt import Receipt, encode_receipt
from node.client.contexts import fill_folder, open_library
from node.client.reach import translating
from node.client.shownfiles import Receipts, find_files
from node.client.verifier import MAX_GIVEN_BYTES, Asked, ShownFile, VerifierClient
from node.newestheads import NewestHeads
from node.pb import verifier_pb2 as pb
from node.service.boundary import ErrorBoundary
from node.service.server import listen, make_server
from node.service.verifier import add_verifier
from node.verifying import Inquiry, VerifyingDesk
from tests.ledger.credential.badges import NOW as BADGES_NOW
from tests.ledger.credential.badges import SCHOOL, SCHOOL_DID, VECTORS, badge, signed
from tests.ledger.credential.external.test_traps import jws, png, svg
from tests.ledger.credential.plainlist import lists
from tests.ledger.credential.test_verify_forms import P256, Copy, Forms
from tests.node.service.test_verifier import calling
from tests.node.test_newestheads import Shown
from tests.node.web.served import open_store
from tests.shared import shared_path
from tests.simulator import NOW
from tests.wallet_cli.shown import write_logs
from wallet_cli import remembered
from wallet_cli.main import run
from wallet_cli.remembered import Remembered
from wallet_cli.replica_key import obtain_key

JCS = Cryptosuite.EDDSA_JCS_2022
SUFFIXES = (".json", ".jws", ".jwt", ".txt", ".png", ".svg")
FOLDERS = ("blockcerts", "clr2", "ob2", "ob3", "sd-jwt-vc", "dcc")
ASKED = Asked(at=NOW + 60_000)
LATER = Asked(at=BADGES_NOW)
NAMED = replace(LATER, given=Given(issuers=(SCHOOL_DID,)))


class Desk:
    """Granite's copies in other forms, the store that holds its log, and a desk over it; contexts if they are at hand."""

    def __init__(self, folder: Path, world: Forms) -> None:
        self.world, self.folder = world, folder
        self.store = open_store(folder / "ledger", world.logs)
        self.trusts: tuple[TrustRoot, ...] = (world.trust,)
        heads = NewestHeads(self.store, Shown(self.store).newest_head)
        self.desk = VerifyingDesk(heads, lambda: self.trusts, lambda: NOW + 60_000, open_library(folder))


@asynccontextmanager
async def serving(folder: Path, world: Forms | None = None) -> AsyncIterator[tuple[Desk, VerifierClient]]:
    made = Desk(folder, world or Forms())
    server = make_server(ErrorBoundary())
    add_verifier(server, made.desk)
    listen(server, f"unix:{folder / 's'}")
    await server.start()
    try:
        async with asyncio.timeout(120), calling(folder / "s") as client:
            yield made, client
    finally:
        await server.stop(None)
        made.desk.close()
        made.store.close()


async def ask_all(client: VerifierClient, asked: Asked, *files: ShownFile) -> list[RecordReport]:
    async def shown() -> AsyncIterator[ShownFile]:
        for file in files:
            yield file

    return [report async for report in client.verify_all(shown(), asked)]


async def ask(client: VerifierClient, data: bytes | str | dict[str, Any], asked: Asked = LATER) -> RecordReport:
    """Ask both calls about a file, which have to agree."""
    text = json.dumps(data) if isinstance(data, dict) else data
    file = ShownFile(text.encode() if isinstance(text, str) else text)
    report = await client.verify(file, asked)
    assert await ask_all(client, asked, file) == [report]
    return report


def receipts_of(*copies: Copy) -> tuple[object, ...]:
    return tuple(encode_receipt(one.receipt) for one in copies if isinstance(one.receipt, Receipt))


def test_of_every_file_the_command_line_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every credential of the formats' own collections, and our own copies in each form, with the contexts: word for word."""
    fill_folder(shared_path(f"{VECTORS}/contexts"), tmp_path)
    sources = [shared_path(f"{VECTORS}/{name}") for name in FOLDERS]
    found = [path for source in sources for path in sorted(source.rglob("*")) if path.is_file()]
    world = Forms()
    shelf = write_copies(world, tmp_path / "shelf")
    files = [path for path in found if path.suffix in SUFFIXES] + [*find_files([str(shelf)])]
    assert len(files) > 100
    write_logs(tmp_path / "replica", world.logs, obtain_key(tmp_path))
    (tmp_path / "trust.json").write_bytes(encode_trust_root(world.trust))
    remembered.save(tmp_path, Remembered(trust=tmp_path / "trust.json", replica=tmp_path / "replica"))
    now = NOW + 60_000
    monkeypatch.setattr("wallet_cli.clock.system_clock", lambda: now)
    run(["verify", "--json", "--issuer", SCHOOL_DID, "--vault", str(tmp_path / "vault"), *map(str, files)])
    told = json.loads(capsys.readouterr().out)["files"]

    async def by_node() -> list[RecordReport]:
        async with serving(tmp_path, world) as (_, client):
            receipts = Receipts()
            shown = [ShownFile(path.read_bytes(), receipts.given) for path in receipts.follow(files)]
            return await ask_all(client, replace(ASKED, given=Given(issuers=(SCHOOL_DID,))), *shown)

    reports = asyncio.run(by_node())
    for path, one, report in zip(files, told, reports, strict=True):
        assert json.loads(json.dumps({"file": str(path), **report.to_json()})) == one, path
    codes = [report.credentials[0].code for report in reports]
    assert codes[-6:] == [Code.VALID, Code.VALID, Code.VALID, Code.REVOKED, Code.VALID, Code.VALID]
    assert {Code.UNKNOWN_ISSUER, Code.BAD_SIGNATURE, Code.INCOMPLETE, Code.MALFORMED} <= set(codes)


def write_copies(world: Forms, folder: Path) -> Path:
    """Granite's copies as files with their receipts beside: badge, JWS, picture, revoked, record; and a stranger's badge."""
    folder.mkdir()
    world.granite.add_key(P256, Role.REGISTER)  # type: ignore[arg-type]  # it signs like the others
    one, token, picture, revoked, inside = world.badge(), world.es256(), world.badge(), world.badge(), world.badge()
    record = world.record(inside)
    for made in (one, token, picture, revoked, record, inside):
        world.cut(made)  # type: ignore[arg-type]  # what a batch wants of a copy it has
    world.desk(world.granite).statuses[revoked.slot] = Status.REVOKED
    world.cut()
    contents = {
        "a.json": (one.text.encode(), [one]),
        "b.jws": (token.text.encode(), [token]),
        "c.png": (bake(png(), picture.text), [picture]),
        "d.json": (revoked.text.encode(), [revoked]),
        "e.json": (record.text.encode(), [record, inside]),
        "f.json": (json.dumps(signed(JCS)).encode(), []),
    }
    for name, (data, copies) in contents.items():
        (folder / name).write_bytes(data)
        if copies:
            (folder / f"{name.partition('.')[0]}.receipts.json").write_bytes(encode_receipts(receipts_of(*copies)))
    return folder


async def test_a_copy_of_a_members_goes_through_the_whole_list(tmp_path: Path) -> None:
    """Read from the full logs held, also without a receipt; and as of a day before it was revoked."""
    world = Forms()
    one = world.held()
    async with serving(tmp_path, world) as (_, client):
        report = await ask(client, one.text, ASKED)
        (credential,) = report.credentials
        assert (credential.code, credential.issuer) == (Code.VALID, "Granite")
        assert [step.number for step in credential.steps] == list(range(1, 15))
        asked = replace(ASKED, as_of=NOW + 30_000)
        (credential,) = (await ask(client, one.text, asked)).credentials
        assert credential.as_of is not None and credential.as_of.at == NOW + 30_000
        # What is not of the ledger has no history to look up: today's answer stands for itself.
        (credential,) = (await ask(client, signed(JCS), asked)).credentials
        assert (credential.code, credential.as_of) == (Code.UNKNOWN_ISSUER, None)
        with pytest.raises(MalformedError, match="is still to come"):
            await ask(client, signed(JCS), replace(ASKED, as_of=NOW + 10**9))


async def test_a_node_of_no_network_judges_what_needs_none(tmp_path: Path) -> None:
    async with serving(tmp_path) as (desk, client):
        desk.trusts = ()
        assert (await ask(client, signed(JCS), NAMED)).credentials[0].code is Code.VALID
        with pytest.raises(PolicyError, match="belongs to no network"):
            await ask(client, signed(JCS), replace(NAMED, as_of=NOW))
        with pytest.raises(PolicyError, match="belongs to no network"):
            await ask(client, b'{"credentials":[],"v":1}', NAMED)


async def test_what_was_not_given_is_told_with_what_to_get(tmp_path: Path) -> None:
    """The issuer's id, or a key set, which does not say whose it is: could not check without, decided with."""
    async with serving(tmp_path) as (_, client):
        (credential,) = (await ask(client, signed(JCS))).credentials
        assert (credential.code, "--issuer" in credential.steps[8].remedy) == (Code.UNKNOWN_ISSUER, True)
        assert (await ask(client, signed(JCS), NAMED)).credentials[0].code is Code.VALID
        document = badge() | {"issuer": {"id": "https://granite.example", "type": ["Profile"]}}
        keys = json.dumps({"keys": [public_key_to_jwk(SCHOOL.public)]}).encode()
        given = Given(documents=(("https://granite.example", keys),))
        (credential,) = (await ask(client, jws(document))).credentials
        assert credential.code in (Code.UNKNOWN_ISSUER, Code.INCOMPLETE)
        assert (await ask(client, jws(document), replace(LATER, given=given))).credentials[0].code is Code.VALID


async def test_contexts_come_from_the_nodes_own_folder(tmp_path: Path) -> None:
    """Told how while there are none; read without a restart once they are there."""
    source = shared_path(f"{VECTORS}/contexts")
    document = signed(Cryptosuite.EDDSA_RDFC_2022)
    async with serving(tmp_path) as (_, client):
        (credential,) = (await ask(client, document, NAMED)).credentials
        assert credential.code is Code.INCOMPLETE
        assert "cairn-node contexts NODE --from DIR" in credential.steps[1].remedy
        await asyncio.to_thread(fill_folder, source, tmp_path)
        assert (await ask(client, document, NAMED)).credentials[0].code is Code.VALID


async def test_no_address_in_a_file_is_called(tmp_path: Path) -> None:
    """A link, a hosted badge, a status list, an issuer and a context that all stand on a port that listens: nobody comes."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.setblocking(False)
        base = f"http://127.0.0.1:{trap.getsockname()[1]}"
        hosted = {
            "@context": "https://w3id.org/openbadges/v2",
            "type": "Assertion",
            "id": f"{base}/assertion",
            "recipient": {"type": "email", "identity": "a@b.example", "hashed": False},
            "badge": f"{base}/badge",
            "verification": {"type": "hosted"},
            "issuedOn": "2026-01-01T00:00:00Z",
        }
        entries, _ = status_members(PlainSlot(0, 1), base)
        files: list[Any] = [
            f"{base}/assertion",
            hosted,
            signed(JCS, badge() | {"credentialStatus": entries}),
            signed(JCS, badge() | {"issuer": {"id": f"{base}/issuer", "type": ["Profile"]}}),
            signed(JCS) | {"@context": [*badge()["@context"], f"{base}/context"]},  # type: ignore[misc]
            jws(badge(), kid=f"{base}/key", jku=f"{base}/keys"),
        ]
        async with serving(tmp_path) as (_, client):
            for file in files:
                report = await ask(client, file, NAMED)
                assert report.credentials[0].steps, file
        with pytest.raises(BlockingIOError):
            trap.accept()


async def test_a_list_that_was_fetched_is_given_and_read(tmp_path: Path) -> None:
    """It is signed by its issuer, so it counts whoever brings it; given once, it counts for every file of a stream."""
    given = Given(
        issuers=(SCHOOL_DID,),
        status_lists=(json.dumps(lists.bitstring()).encode(), json.dumps(lists.bitstring(Purpose.SUSPENSION)).encode()),
    )
    files = []
    for slot in (lists.REVOKED, lists.FREE, lists.SUSPENDED):
        entries, _ = status_members(PlainSlot(0, slot), lists.ISSUER_URL)
        files.append(ShownFile(json.dumps(signed(JCS, badge() | {"credentialStatus": list(entries)})).encode()))
    async with serving(tmp_path) as (_, client):
        for report in await ask_all(client, NAMED, *files):
            assert report.credentials[0].code is Code.INCOMPLETE
            assert "--status-list FILE" in report.credentials[0].steps[10].remedy
        reports = await ask_all(client, replace(LATER, given=given), *files)
        assert [report.credentials[0].code for report in reports] == [Code.REVOKED, Code.VALID, Code.SUSPENDED]
        late = replace(LATER, given=given, at=BADGES_NOW + 9 * lists.DAY)
        assert {report.credentials[0].code for report in await ask_all(client, late, *files)} == {Code.INCOMPLETE}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (pb.VerifyRequest(given=pb.Given(issuers=["x"] * 1001)), "given: 1001 things"),
        (pb.VerifyRequest(given=pb.Given(status_lists=[b"x"])), "JWS|token|status list"),
        (pb.VerifyRequest(given=pb.Given(authorities=[b"x"])), "certificate"),
        (
            pb.VerifyRequest(given=pb.Given(issuer_documents=[pb.Given.IssuerDocument(document=b"{}")])),
            "does not say whose",
        ),
        (pb.VerifyRequest(receipts=[b"{"]), "receipts"),
        (pb.VerifyRequest(receipts=[b"1"]), "expected an array of receipts"),
    ],
)
async def test_what_is_given_is_none(tmp_path: Path, request_: pb.VerifyRequest, message: str) -> None:
    async with serving(tmp_path) as (_, client):
        with pytest.raises(MalformedError, match=message):
            async with translating(client._reach):
                await client._stub.Verify(request_, timeout=30)
        with pytest.raises(MalformedError, match=message):
            async with translating(client._reach):
                async for _ in client._stub.VerifyStream(iter([request_]), timeout=30):
                    pytest.fail("an answer to what is none")


async def test_bounds(tmp_path: Path) -> None:
    """A picture may be larger than a message; the credential in a file has a mebibyte; so has one thing that is given."""
    picture = bake(png((b"tEXt", b"Comment\0" + b"x" * (2 << 20))), jws(badge()))
    long = json.dumps(signed(JCS) | {"name": "x" * (1 << 20)}).encode()
    async with serving(tmp_path) as (_, client):
        reports = await ask_all(client, NAMED, ShownFile(picture), ShownFile(long), ShownFile(bytes(10 << 20) + b"x"))
        assert [report.credentials[0].code for report in reports] == [Code.VALID, Code.MALFORMED, Code.MALFORMED]
        with pytest.raises(MalformedError, match="a message has"):
            await client.verify(ShownFile(picture), NAMED)
        with pytest.raises(MalformedError, match="can be sent to a node") as refusal:
            await ask_all(client, replace(LATER, given=Given(status_lists=(bytes(MAX_GIVEN_BYTES + 1),))))
        assert "cairn verify" in refusal.value.hint


async def test_receipts_of_one_file_are_not_the_next_ones(tmp_path: Path) -> None:
    """A receipt above all that is held is told; sent in pieces among hundreds, and forgotten with its file."""
    world = Forms()
    one, waiting = world.held(), world.badge()
    assert one.receipt is not None
    newer = (*receipts_of(one) * 350, encode_receipt(replace(one.receipt, index=9_999)))
    file = ShownFile(waiting.text.encode(), newer)
    async with serving(tmp_path, world) as (_, client):
        first, second = await ask_all(client, ASKED, file, ShownFile(file.data))
        assert (first.credentials[0].code, second.credentials[0].code) == (Code.STALE, Code.NO_RECEIPT)
        assert (await client.verify(file, ASKED)) == first


SAMPLES = [json.dumps(signed(JCS)).encode(), jws(badge()).encode(), bake(png(), jws(badge())), svg("x")]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A desk without a server around it."""
    made = Desk(tmp_path_factory.mktemp("desk"), Forms())
    yield made.desk
    made.desk.close()
    made.store.close()


@given(
    data=st.binary(max_size=300)
    | st.builds(bytes.__add__, st.sampled_from([b"{", b"<svg", b"a.b.c~", b"\x89PNG"]), st.binary(max_size=100))
)
@example(data=b"")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_have_a_report(judged: VerifyingDesk, data: bytes) -> None:
    assert parse_report(judged._verify(data, Inquiry())).exit_code in (1, 2, 3)


@given(st.sampled_from(SAMPLES), st.integers(0), st.binary(min_size=1, max_size=3))
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], deadline=None)
def test_any_change_of_a_file_has_a_report(judged: VerifyingDesk, data: bytes, position: int, noise: bytes) -> None:
    start = position % len(data)
    parse_report(judged._verify(data[:start] + noise + data[start + len(noise) :], Inquiry()))
