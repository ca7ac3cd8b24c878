"""Verifying a small Open Badge with embedded proofs, beside other software that does it.

Peers are pinned: `openvc-core` by pip (extra `peers`), the @digitalbazaar suites by npm into a temporary folder. Where
one cannot be had its row says why instead of a figure.
"""

import importlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.dataintegrity.issuer_document import document_of_keys
from ledger.credential.dataintegrity.judgement import judge_proofs
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.report import Answer
from ledger.credential.strict_json import JSONObject
from tests.ledger.credential import badges
from tests.shared import SHARED

PEERS = Path(__file__).parent / "peers"
ROUNDS = 300
_CONTEXTS = SHARED / "vectors" / "formats" / "contexts"
_INSTALL_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Measured:
    """Median milliseconds for one verification, or why there are none."""

    milliseconds: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ProofTimes:
    """Ours and the peers' for one cryptosuite."""

    suite: Cryptosuite
    ours: Measured
    openvc: Measured
    digitalbazaar: Measured


def measure() -> Iterator[ProofTimes]:
    """Measure both suites, peer by peer in the same minute."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        missing = _install(folder)
        for suite in (Cryptosuite.EDDSA_JCS_2022, Cryptosuite.EDDSA_RDFC_2022):
            if suite is Cryptosuite.EDDSA_RDFC_2022 and not _CONTEXTS.exists():
                absent = Measured(None, "no contexts")
                yield ProofTimes(suite, absent, absent, absent)
                continue
            badge = badges.signed(suite)
            yield ProofTimes(
                suite, _ours(suite, badge), _openvc(suite, badge), _digitalbazaar(suite, badge, folder, missing)
            )


def median_of(action: Callable[[], object], rounds: int = ROUNDS) -> Measured:
    """The median of some rounds of an action, in milliseconds."""
    times = []
    for _ in range(rounds):
        started = perf_counter()
        action()
        times.append(perf_counter() - started)
    return Measured(sorted(times)[rounds // 2] * 1000)


def _ours(suite: Cryptosuite, badge: JSONObject) -> Measured:
    contexts = ContextLibrary() if suite is Cryptosuite.EDDSA_JCS_2022 else badges.library()
    question = badges.question(contexts=contexts)

    def verify() -> None:
        judgement = judge_proofs(badge, question)
        if judgement.answer is not Answer.YES:
            raise SystemExit(judgement.reason)

    return median_of(verify)


def _openvc(suite: Cryptosuite, badge: JSONObject) -> Measured:
    try:
        if suite is Cryptosuite.EDDSA_JCS_2022:
            simple = importlib.import_module("openvc.proof.di_jcs").EddsaJcsProofSuite()
            return median_of(lambda: simple.verify(badge))
        peer = importlib.import_module("openvc.proof.data_integrity").DataIntegrityProofSuite()
    except ImportError as error:
        return Measured(None, f"pip install '.[peers]' ({error.name} is not here)")
    contexts = {url: document for url, document in _documents().items() if url in str(badge["@context"])}
    return median_of(lambda: peer.verify(badge, extra_contexts=contexts), 20)


def _install(folder: Path) -> str:
    """Install the npm peers; gives why not, or nothing."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        return "npm and node were not found"
    for name in ("package.json", "verify.mjs"):
        shutil.copy(PEERS / name, folder)
    command = ["npm", "install", "--prefix", str(folder), "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_INSTALL_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        return f"npm install failed: {type(error).__name__}"
    return ""


def _digitalbazaar(suite: Cryptosuite, badge: JSONObject, folder: Path, missing: str) -> Measured:
    if missing or not _CONTEXTS.exists():
        return Measured(None, missing or "no contexts")
    file = folder / f"{suite}.json"
    file.write_text(json.dumps({"suite": suite, "credential": badge, "documents": _documents()}))
    command = ["node", str(folder / "verify.mjs"), str(file), str(ROUNDS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode:
        return Measured(None, f"it refused: {done.stderr.strip().splitlines()[0][:60]}")
    return Measured(float(done.stdout))


def _documents() -> dict[str, object]:
    """What the peer looks up: contexts, and the key's documents."""
    index = json.loads((_CONTEXTS / "index.json").read_bytes())
    files = {url: _CONTEXTS / name for url, name in index.items()}
    documents: dict[str, object] = {url: json.loads(file.read_bytes()) for url, file in files.items() if file.exists()}
    did = badges.SCHOOL_DID
    document = document_of_keys(did, [badges.SCHOOL.public])
    methods = document["verificationMethod"]
    assert isinstance(methods, list) and isinstance(methods[0], dict)
    documents[did] = document
    documents[badges.url_of(badges.SCHOOL)] = {"@context": "https://w3id.org/security/multikey/v1", **methods[0]}
    return documents
