"""The demo's path on data full of markers: none of them leaves the registrar's side, in any spelling.

The data are the sample's award lists with every learner id, name, e-mail address, birth date, credit, result and
evaluation replaced by a long unusual value. Looked through afterwards: every value of every node's ledger store, every gRPC
message and error between nodes, every log line, what every public HTTP address answers to a stranger, and what an operator's
monitoring sees: figures, status, doctor, findings.
"""

import asyncio
import base64
import csv
import hashlib
import io
import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from ledger import base64url
from ledger.credential.sdjwt import parse_sd_jwt
from ledger.credential.status import Status
from ledger.log import tiles
from ledger.log.checkpoint import read_checkpoint
from ledger.log.identity import short_log_id
from node.client.registry import OfferedLink
from node.found import LEDGER_DIRECTORY
from node.home import open_home
from node.metrics.listener import metrics_socket
from node.store.database import Database
from node.watch import FILE_NAME as FINDINGS_FILE
from node.web.issuers import FOLDERS
from node.web.openid4vci import GRANT_TYPE
from tests.end_to_end.learner import ACHIEVEMENTS, AWARDS, PASSPHRASE, Learner, award, new_learner, offer
from tests.end_to_end.recorder import recording
from tests.end_to_end.town import NETWORK, ROOT, Neighbour, Town, town
from tests.node.metrics.scrape import scrape
from wallet_cli.vault import Vault

ISSUERS = {
    NETWORK: "confluence",
    "granite-hollow": "granite-hollow",
    "lantern": "lantern",
    "tidewater": "dual-enrolment",
}
DISCLOSED = ("name", "awarded_on", "credits", "result.grade")


class Marked:
    """The sample's award lists and achievements with markers in them, and a list of all markers."""

    def __init__(self) -> None:
        self.texts: set[str] = set()
        self._made: dict[tuple[str, str], str] = {}

    def marker(self, column: str, value: str) -> str:
        """The same value gets the same marker: a learner may be in two lists."""
        known = self._made.get((column, value))
        if known is None:
            known = self._made[column, value] = self._make(column, len(self._made))
            self.texts.add(known)
        return known

    def _make(self, column: str, number: int) -> str:
        if column == "date_of_birth":
            return f"1913-{1 + number % 12:02d}-{1 + number % 28:02d}"
        if column == "evaluation.fingerprint":
            raw = f"QzxFingerprintWvkj{number:03d}Pyxfghqzqxw"
            self.texts.add(raw)
            return base64url.encode(raw.encode())
        if column == "credits":
            return f"{7351 + number}.{713 + number % 250}"
        word = f"Qzx{column.replace('.', '').title().replace('_', '')}Wvkj{number:03d}Pyxfghq"
        return f"{word}@zqxwvk.example" if column == "email" else word

    def csv(self, name: str) -> bytes:
        rows = list(csv.DictReader((AWARDS / f"{name}.csv").read_text().splitlines()))
        marked = [{**row, "email": row["learner_id"]} for row in rows]
        for row in marked:
            for column in row.keys() - {"awarded_on"}:
                row[column] = self.marker(
                    column, f"{row['learner_id']}/{row[column]}" if "." in column else row[column]
                )
        text = io.StringIO()
        writer = csv.DictWriter(text, list(marked[0]))
        writer.writeheader()
        writer.writerows(marked)
        return text.getvalue().encode()

    def achievement(self, name: str) -> bytes:
        """The achievement, with results of any value: what is awarded is public, so no marker may stand in it."""
        value = json.loads((ACHIEVEMENTS / f"{name}.json").read_bytes())
        for description in value["resultDescription"]:
            description.pop("allowedValue", None)
            description.pop("requiredValue", None)
            description["resultType"] = "Result"
        return json.dumps(value).encode()


def spellings(secret: bytes) -> Iterator[bytes]:
    """How bytes may stand in others: raw, in hex, or inside something that was base64-encoded, at any of three places."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for offset in range(3):
        whole = bytes(offset) + secret
        # Characters that also hold bits of what stands before or after are left out.
        first, last = -(-offset * 8 // 6), len(whole) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(whole)[first:last]


def find(secrets: Iterable[bytes], texts: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    """Which secret stands in which text (the first bytes of it)."""
    needles = {spelling: secret for secret in secrets for spelling in spellings(secret)}
    everything = b"\0".join(set(texts))
    return [
        (secret, everything[max(0, at - 60) : at + 60])
        for needle, secret in needles.items()
        if (at := everything.find(needle)) >= 0
    ]


@pytest.mark.parametrize("offset", range(4))
def test_the_search_finds_what_is_planted(offset: int) -> None:
    """The negative control: a marker in any spelling, anywhere in a text, is found."""
    secret = b"QzxNameWvkj007"
    around = b"x" * offset
    planted = around + secret + around
    for text in (planted, planted.hex().encode(), base64.b64encode(planted), base64url.encode(planted).encode()):
        assert find([secret], [b"other", b"before" + text + b"after"])
    assert not find([secret], [b"QzxNameWvkk007", base64.b64encode(b"QzxNameWvkk007" * 9)])


async def test_nothing_personal_leaves_the_registrar(tmp_path: Path) -> None:
    """Issue, offer, claim, cut, present, revoke, verify, audit; then look everywhere."""
    marked = Marked()
    async with recording() as recorder:
        async with town(tmp_path, forward=recorder.stand_before, log_level="debug") as made:
            trust = await made.write_trust()
            reports = {
                name: await award(made[name], file, csv=marked.csv(file), achievement=marked.achievement(file))
                for name, file in ISSUERS.items()
            }
            pebble = await new_learner(tmp_path, "pebble", trust, made.network)
            links = [
                await offer(made[name], marked.marker("learner_id", "L01")) for name in ("granite-hollow", "tidewater")
            ]
            for link in links:
                await pebble.claim(link, copies=2)
            open_link = await offer(made["granite-hollow"], marked.marker("learner_id", "L07"))
            for name in ISSUERS:
                await made.cut(name)
            await pebble.cairn("refresh")
            file = tmp_path / "record.cairn"
            shown = [
                (holding, DISCLOSED if "dual" in title else DISCLOSED[:2])
                for title, holding in (await pebble.holdings()).items()
            ]
            presented = await pebble.present(file, *shown)
            assert len(shown) == 2
            assert find([name.encode() for name in marked.texts], [presented]), "the file shows what was chosen"
            async with made["granite-hollow"].desk() as desk:
                await desk.set_status(
                    reports["granite-hollow"].issued[1:2], Status.REVOKED, reason="QzxReasonWvkjPyxfghq"
                )
            await made.cut("granite-hollow")
            college = await new_learner(tmp_path, "college", trust, made["tidewater"])
            assert (await college.verify(file, expected=0))["verdict"] == "Valid now"
            await college.cairn("audit", "--node", made["lantern"].http)

            answers = [t for node in made.nodes.values() for t in await look_around(node, made, [*links, open_link])]
            operators = [text for node in made.nodes.values() for text in await observe(node)]
        messages = recorder.messages
    stores = {value for node in made.nodes.values() for value in read_store(node)}
    lines = {path.read_bytes() for node in made.nodes.values() for path in node.log_files}

    secrets = {text.encode() for text in marked.texts} | {b"QzxReasonWvkjPyxfghq"}
    # A hash of a number is as good as the number (K2); ids, codes, slot keys and salts belong to nobody else either.
    secrets |= {hashlib.sha256(text).digest() for text in secrets}
    private = secrets | set(keepsakes(pebble)) | {award_id.encode() for r in reports.values() for award_id in r.issued}
    private |= {code_of(link).encode() for link in [*links, open_link]}
    assert len(marked.texts) > 60

    # What was looked through is what was meant: it holds what is public.
    assert find([b"Granite Hollow"], stores) and find([b"granite-hollow.example/log"], messages)
    assert find([b"granite-hollow.example/log"], answers) and find([b"level=debug"], lines)
    assert {"/cairn.v1.Ledger/StreamBody", "/cairn.v1.Witness/AddCheckpoint"} <= recorder.methods
    assert find(private, stores) == []
    assert find(private, messages) == []
    assert find(private, lines) == []
    for known in (b"cairn.v1.Registrar/Issue", b"of this log", b"newest checkpoint", b'"has_quorum"', b'"outcome"'):
        assert find([known], operators), known
    # The operator's account may read the log, not the awards: ids of awards are for the registrar.
    assert find(private, operators) == []
    assert find(secrets | set(keepsakes(pebble)), answers) == []


async def observe(node: Neighbour) -> list[bytes]:
    """What the operator of a node sees without asking the registrar: figures, status, doctor, and the files they leave."""
    socket = metrics_socket(open_home(node.directory).socket_path())
    found = [(await scrape(socket, accept)).text.encode() for accept in ("", "application/openmetrics-text")]
    for words in (("status",), ("status", "--json"), ("doctor",), ("doctor", "--json")):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "node.main", words[0], str(node.directory), *words[1:]),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(60):
            out, _ = await process.communicate()
        assert process.returncode in (0, 1, 3), out
        found.append(out)
    found += [path.read_bytes() for path in (node.directory / FINDINGS_FILE,) if path.exists()]
    return found


def read_store(node: Neighbour) -> Iterator[bytes]:
    """Every key and value of a stopped node's ledger store."""
    database = Database(node.directory / LEDGER_DIRECTORY)
    try:
        for key, value in database.scan(b"", b"\xff" * 80):
            yield key
            yield value
    finally:
        database.close()


def keepsakes(learner: Learner) -> Iterator[bytes]:
    """What a learner's copies hold that nobody else has: id, slot key, salts and disclosed values."""
    vault = Vault.open(learner.vault, PASSPHRASE)
    for holding in vault.contents.holdings:
        for copy in holding.copies:
            token = parse_sd_jwt(copy.sd_jwt)
            payload = json.loads(token.jws.payload)
            yield base64url.decode(payload["status"]["cairn"]["k"], 32)
            yield payload["ld"]["id"].removeprefix("urn:uuid:").encode()
            yield token.jws.signature
            for disclosure in copy.sd_jwt.split("~")[1:]:
                if disclosure:
                    yield base64url.decode(disclosure)
                    yield json.loads(base64url.decode(disclosure))[0].encode()


def code_of(link: OfferedLink) -> str:
    (uri,) = parse_qs(urlsplit(link.link).query)["credential_offer_uri"]
    return uri.rsplit("/", 1)[1]


async def look_around(node: Neighbour, made: Town, links: list[OfferedLink]) -> list[bytes]:
    """What a node's public addresses answer to somebody who knows all of them, and links that were made for others."""
    async with aiohttp.ClientSession(node.http, timeout=aiohttp.ClientTimeout(30)) as session:
        found: list[bytes] = []

        async def get(path: str, allowed: tuple[int, ...] = (200,)) -> bytes:
            async with session.get(path) as answer:
                assert answer.status in allowed, (path, answer.status)
                found.extend([await answer.read(), str(answer.headers).encode()])
                return found[-2]

        for path in ("/healthz", "/.well-known/openid-credential-issuer", "/.well-known/oauth-authorization-server"):
            await get(path)
        for text in json.loads(await get("/logs")):
            await _look_at_log(text, get)
        for other in made.nodes.values():
            short = short_log_id(other.log_id)
            await get(f"/m/{short}/achievement/1")
            await get(f"/.well-known/jwt-vc-issuer/m/{short}")
            for folder in FOLDERS:
                for name in ISSUERS.values():
                    await get(f"/m/{short}/{folder}/urn:cairn:achievement:{name}", (200, 404))
                    await get(f"/m/{short}/{folder}/urn:cairn:achievement:{name}/1", (200, 404))
        for link in links:
            await get(f"/offer/{code_of(link)}", (200, 404))
            form = {"grant_type": GRANT_TYPE, "pre-authorized_code": code_of(link), "tx_code": "x"}
            async with session.post("/token", data=form) as answer:
                assert answer.status == 400
                found.append(await answer.read())
        for path in ("/nonce", "/credential", "/token"):
            async with session.post(path, json={"proofs": {}}) as answer:
                found.append(await answer.read())
        return found


Get = Callable[..., Awaitable[bytes]]


async def _look_at_log(text: str, get: Get) -> None:
    size = read_checkpoint(await get(f"/log/{text}/checkpoint")).size
    await get(f"/log/{text}/evidence")
    for index in range(-(-size // tiles.TILE_WIDTH)):
        width = tiles.tile_width(0, index, size)
        await get(f"/log/{text}/{tiles.entries_path(index, width)}")
        await get(f"/log/{text}/{tiles.tile_path(0, index, width)}")
    for index in range(size):
        await get(f"/log/{text}/body/{index}", (200, 404))
