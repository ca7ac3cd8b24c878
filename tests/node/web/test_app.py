"""The public web application over real logs: tiles, bodies, documents, health, and nothing else."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from ledger import base64url
from ledger.credential.dataintegrity.issuer_document import did_web_location, did_web_of, parse_issuer_document
from ledger.credential.jose import parse_jwk
from ledger.credential.typemetadata import encode_type_metadata, hash_type_metadata
from ledger.log import tiles
from ledger.log.didkey import encode_multikey
from ledger.log.entry import parse_entry
from ledger.log.evidence import ForkEvidence, encode_fork
from ledger.log.identity import encode_log_id, short_log_id
from ledger.log.merkle import root_of_hashes
from node.web.app import build_app
from tests.node.web.served import ServedNode, open_store, serve, serve_logs
from tests.simulator import SimulatedLog, found_network, trust_of

TIMEOUT = aiohttp.ClientTimeout(total=20)


class Reader:
    """A browser that knows one node."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.session = session

    async def get(self, path: str, **options: object) -> tuple[int, bytes, dict[str, str]]:
        async with self.session.get(self.url + path, **options) as answer:  # type: ignore[arg-type]
            return answer.status, await answer.read(), dict(answer.headers)


@pytest.fixture
def network() -> tuple[SimulatedLog, list[SimulatedLog]]:
    network, members = found_network("granite", "lantern")
    members[0].publish("urn:cairn:achievement:granite-hollow", document=b'{"type": ["Achievement"]}')
    for _ in range(3):
        members[0].cut()
    return network, members


@pytest.fixture
async def reader(network: tuple[SimulatedLog, list[SimulatedLog]], tmp_path: Path) -> AsyncIterator[Reader]:
    founder, members = network
    path, session = tmp_path / "store", aiohttp.ClientSession(timeout=TIMEOUT)
    async with serve_logs(path, [founder, *members], trust_of(founder)) as url, session:
        yield Reader(url, session)


def log_path(log: SimulatedLog) -> str:
    return f"/log/{encode_log_id(log.log_id)}"


async def test_lists_exactly_the_logs_held(reader: Reader, network: tuple[SimulatedLog, list[SimulatedLog]]) -> None:
    """`/logs` names every log held, each once."""
    status, data, _ = await reader.get("/logs")
    expected = sorted(encode_log_id(log.log_id) for log in (network[0], *network[1]))
    assert (status, sorted(json.loads(data))) == (200, expected)


async def test_entries_and_hashes_lead_to_the_checkpoint(
    reader: Reader, network: tuple[SimulatedLog, list[SimulatedLog]]
) -> None:
    """The bundle gives back the entries, the tile their hashes, and both the root of the checkpoint."""
    school = network[1][0]
    _, note, headers = await reader.get(f"{log_path(school)}/checkpoint")
    assert (note, headers["Content-Type"]) == (school.note, "text/plain; charset=utf-8")
    _, bundle, _ = await reader.get(f"{log_path(school)}/{tiles.entries_path(0, school.size)}")
    assert list(tiles.parse_bundle(bundle)) == school.entries
    _, tile, headers = await reader.get(f"{log_path(school)}/{tiles.tile_path(0, 0, school.size)}")
    assert root_of_hashes([tile[at : at + 32] for at in range(0, len(tile), 32)]) == school.state.frontier.root()
    assert "immutable" in headers["Cache-Control"]


async def test_earlier_partial_tiles_stay_served(
    reader: Reader, network: tuple[SimulatedLog, list[SimulatedLog]]
) -> None:
    """A partial tile of an earlier size is the beginning of today's."""
    school = network[1][0]
    _, now, _ = await reader.get(f"{log_path(school)}/{tiles.tile_path(0, 0, school.size)}")
    status, before, _ = await reader.get(f"{log_path(school)}/{tiles.tile_path(0, 0, 3)}")
    assert (status, before) == (200, now[: 3 * 32])


async def test_bodies_come_whole(reader: Reader, network: tuple[SimulatedLog, list[SimulatedLog]]) -> None:
    """Every body is served as its exact bytes; a range request changes nothing, and entries without one are 404."""
    school = network[1][0]
    for index, body in enumerate(school.bodies):
        status, data, _ = await reader.get(f"{log_path(school)}/body/{index}", headers={"Range": "bytes=0-3"})
        assert (status, data if status == 200 else None) == ((404, None) if body is None else (200, body))


async def test_a_body_larger_than_a_piece_comes_whole(tmp_path: Path) -> None:
    """Pieces are put together again, and HEAD gives the length alone."""
    school = SimulatedLog("granite")
    document = bytes(range(256)) * 4096 + b"end"
    index = school.publish("urn:example:large", document=document).index
    async with serve_logs(tmp_path / "store", [school]) as url, aiohttp.ClientSession(timeout=TIMEOUT) as session:
        address = f"{log_path(school)}/body/{index}"
        assert (await Reader(url, session).get(address))[1] == document
        async with session.head(url + address) as answer:
            assert (answer.status, answer.content_length, await answer.read()) == (200, len(document), b"")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/logs/",
        "/log/{id}",
        "/log/{id}/",
        "/log/{id}/tile/0/000.p/999",
        "/log/{id}/tile/0/000",
        "/log/{id}/tile/0/001.p/1",
        "/log/{id}/tile/1/000.p/1",
        "/log/{id}/tile/00/000.p/1",
        "/log/{id}/tile/0/0.p/1",
        "/log/{id}/tile/64/000.p/1",
        "/log/{id}/tile/entries/000",
        "/log/{id}/tile/entries/001.p/1",
        "/log/{id}/tile/entries/000.p/0",
        "/log/{id}/tile/",
        "/log/{id}/tile/data/000.p/1",
        "/log/{id}/body/",
        "/log/{id}/body/-1",
        "/log/{id}/body/01",
        "/log/{id}/body/1e3",
        "/log/{id}/body/٣",
        "/log/{id}/body/99999999999999999999",
        "/log/{id}/checkpoint/x",
        "/log/{id}=/checkpoint",
        "/log/AAAA/checkpoint",
        "/log/" + "A" * 43 + "/checkpoint",
        "/log/../../etc/passwd",
        "/log/{id}/%2e%2e/%2e%2e/checkpoint",
        "/m/{short}",
        "/m/{short}/achievements",
        "/m/{short}/achievements/unknown/1",
        "/m/{short}/achievements/urn:cairn:achievement:granite-hollow/2",
        "/m/{short}/achievements/urn:cairn:achievement:granite-hollow/01",
        "/m/{short}/frameworks/urn:cairn:achievement:granite-hollow/1",
        "/m/{short}x/achievement/1",
        "/metrics",
        "/registrar",
        "/awards",
    ],
)
async def test_anything_else_is_not_found(
    reader: Reader, network: tuple[SimulatedLog, list[SimulatedLog]], path: str
) -> None:
    """Bad paths are 404, never an error, never kept by a cache."""
    school = network[1][0]
    address = path.format(id=encode_log_id(school.log_id), short=short_log_id(school.log_id))
    status, _, headers = await reader.get(address)
    assert (status, headers["Cache-Control"]) == (404, "no-store")


async def test_writing_is_refused(reader: Reader, network: tuple[SimulatedLog, list[SimulatedLog]]) -> None:
    """Nothing here takes a POST."""
    async with reader.session.post(reader.url + log_path(network[0]) + "/checkpoint", data=b"x") as answer:
        assert answer.status == 405


async def test_documents_are_given_out_as_published(
    reader: Reader, network: tuple[SimulatedLog, list[SimulatedLog]]
) -> None:
    """An achievement is found under its issuer, with and without version, as the exact bytes, and never as a page."""
    address = f"/m/{short_log_id(network[1][0].log_id)}/achievements/urn:cairn:achievement:granite-hollow"
    for path in (address, f"{address}/1"):
        status, data, headers = await reader.get(path)
        assert (status, data) == (200, b'{"type": ["Achievement"]}')
        assert "sandbox" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


async def test_type_metadata_names_its_own_address(
    reader: Reader, network: tuple[SimulatedLog, list[SimulatedLog]]
) -> None:
    """The metadata of a credential type carries the `vct` under the network's host that credentials carry."""
    short = short_log_id(network[1][0].log_id)
    _, data, _ = await reader.get(f"/m/{short}/achievement/1")
    assert data == encode_type_metadata(f"https://confluence.example/m/{short}/achievement/1")


async def test_issuer_keys_are_those_in_force(reader: Reader, network: tuple[SimulatedLog, list[SimulatedLog]]) -> None:
    """The well-known document has the two keys that sign credentials, and no other."""
    school = network[1][0]
    _, data, _ = await reader.get(f"/.well-known/jwt-vc-issuer/m/{short_log_id(school.log_id)}")
    value = json.loads(data)
    assert value["issuer"] == f"https://confluence.example/m/{short_log_id(school.log_id)}"
    expected = {base64url.encode(school.key(role).public.raw) for role in ("issue", "register")}
    assert {key["x"] for key in value["jwks"]["keys"]} == expected


async def test_the_did_document_and_single_keys(
    reader: Reader, network: tuple[SimulatedLog, list[SimulatedLog]]
) -> None:
    """The document is that of the ledger's key history, under the did:web of its address; each key is found as a JWK."""
    school = network[1][0]
    base = f"/m/{short_log_id(school.log_id)}"
    status, data, headers = await reader.get(f"{base}/did.json")
    did = did_web_of(f"https://confluence.example{base}")
    assert (status, headers["Content-Type"]) == (200, "application/did+json")
    assert did_web_location(did) == f"https://confluence.example{base}/did.json"
    held = parse_issuer_document(json.loads(data), did)
    keys = [school.key(role).public for role in ("issue", "register")]
    assert {method.key for method in held.methods.values()} == set(keys)
    for key in keys:
        _, jwk, _ = await reader.get(f"{base}/keys/{encode_multikey(key)}")
        assert parse_jwk(json.loads(jwk)) == key
    for other in (encode_multikey(school.key("operate").public), "zNothing"):
        assert (await reader.get(f"{base}/keys/{other}"))[0] == 404


async def test_type_metadata_never_changes() -> None:
    """Copies pin it by this hash: other bytes need another number in its path."""
    assert (
        hash_type_metadata("https://h.example/m/x/achievement/1")
        == "sha256-Absj7NhF1DZJwBEjGStkL+5/TL2TqdbwlZrSLkclvcw="
    )


async def test_health_tells_the_quorum(reader: Reader, network: tuple[SimulatedLog, list[SimulatedLog]]) -> None:
    """Alive, how old the own head is, and how many of the needed witnesses stand behind it."""
    founder = network[0]
    status, data, _ = await reader.get("/healthz")
    assert (status, json.loads(data)) == (
        200,
        {
            "alive": True,
            "head": {"age_ms": 60_000, "size": founder.size},
            "log": encode_log_id(founder.log_id),
            "quorum": {"has_quorum": True, "present": 2, "required": 2},
            "size": founder.size,
            "waiting": "",
        },
    )


async def test_health_before_any_network(tmp_path: Path) -> None:
    """A node that joined nothing is alive and has no head to speak of."""
    school = SimulatedLog("granite")
    async with serve_logs(tmp_path / "store", [school]) as url, aiohttp.ClientSession(timeout=TIMEOUT) as session:
        value = json.loads((await Reader(url, session).get("/healthz"))[1])
    assert (value["alive"], value["head"]["age_ms"], value["quorum"]["has_quorum"]) == (True, None, False)


async def test_evidence_is_given_out(tmp_path: Path) -> None:
    """Fork evidence held about a log is a list of its exact bytes."""
    school = SimulatedLog("granite")
    other = school.copy()
    school.publish("urn:example:one")
    other.publish("urn:example:two")
    assert school.note is not None
    assert other.note is not None
    evidence = encode_fork(ForkEvidence(school.note, other.note))
    store = open_store(tmp_path / "store", [school])
    log = store.log(school.log_id)
    assert log is not None
    log.add_evidence(evidence)
    app = build_app(ServedNode(store, school.log_id))
    async with serve(app) as url, aiohttp.ClientSession(timeout=TIMEOUT) as session:
        _, data, _ = await Reader(url, session).get(f"{log_path(school)}/evidence")
    store.close()
    assert [base64url.decode(item) for item in json.loads(data)] == [evidence]


async def test_a_failure_inside_says_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An unexpected exception is logged and answered 500 without its text or the caller's path."""
    store = open_store(tmp_path / "store", [SimulatedLog("granite")])
    app = build_app(ServedNode(store, store.log_ids()[0]))

    async def break_down(request: object) -> None:
        raise RuntimeError("secret detail")

    app.router.add_get("/broken/{token}", break_down)  # type: ignore[arg-type]
    async with serve(app) as url, aiohttp.ClientSession(timeout=TIMEOUT) as session:
        status, data, _ = await Reader(url, session).get("/broken/t0ken")
    store.close()
    assert (status, data) == (500, b"internal error\n")
    assert "t0ken" not in " ".join(str(vars(record)) for record in caplog.records if record.name.startswith("node"))


async def test_every_body_stands_where_its_entry_says(
    reader: Reader, network: tuple[SimulatedLog, list[SimulatedLog]]
) -> None:
    """What is bound by an entry is served under that entry's index."""
    school = network[1][0]
    for index, raw in enumerate(school.entries):
        reference = parse_entry(raw).statement.body
        status, data, _ = await reader.get(f"{log_path(school)}/body/{index}")
        assert (status == 200) == (reference is not None)
        assert reference is None or len(data) == reference.size
