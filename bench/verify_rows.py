"""Checking one presentation against a light replica, warm and cold."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.calibrators import rate
from ledger import canonical
from ledger.credential import copy, fields, openbadge, presentation, status
from ledger.credential.commitment import commit
from ledger.credential.copy import AwardContent, CopyTerms, IssuerProfile
from ledger.credential.jose import public_key_to_jwk
from ledger.credential.keybinding import sign_key_binding
from ledger.credential.presentation import HASH_CLAIM, PresentedCredential
from ledger.credential.processing import find_digest
from ledger.credential.report import Code
from ledger.credential.sdjwt import parse_sd_jwt
from ledger.credential.status import StatusReference
from ledger.credential.strict_json import JSONObject, JSONValue
from ledger.credential.validity import format_instant
from ledger.credential.verify import Question, verify_file
from ledger.log.body import describe_body, encode_body
from ledger.log.charter import Role
from ledger.log.follow import judge_growth
from ledger.log.identity import LogId, short_log_id
from ledger.log.keys import SigningKey
from ledger.log.merkle import prove_item
from ledger.log.network import Network
from ledger.log.policy import TrustRoot, encode_trust_root
from ledger.log.receipt import Receipt, encode_receipt
from ledger.log.records import StatusList, StatusUpdate
from tests.simulator import SimulatedLog, found_network, seeded, trust_of
from wallet_cli.replica import Replica
from wallet_cli.replica_key import obtain_key
from wallet_cli.replica_writer import ReplicaWriter

AUDIENCE, NONCE = "https://tidewater.example/admissions", "n-1"
SLOTS = 16_384
DAY_MS = 86_400_000
TURNS = 100
NIGHTS = 60
"""Cuts since the presentation's batch, so that its date lies well below the newest state."""
SHOWN = ("name", "awarded_on", "result.R1", "result.R2")
RESULTS = tuple((f"R{n}", "met") for n in range(1, 10))
"""With name, date and credits these make the 12 claims."""


@dataclass(slots=True)
class Desk:
    """A verifier with an open replica, a trust root and one presentation on the desk."""

    folder: Path
    replica: Replica
    trust: TrustRoot
    presentation: bytes
    issuer: LogId
    now: int

    def check(self, network: Network, as_of: int | None = None) -> None:
        """Verify the presentation; anything but `Valid now`, and `Valid then` where asked, stops the measurement."""
        question = Question(now=self.now, audience=AUDIENCE, nonce=NONCE, as_of=as_of)
        report = verify_file(self.presentation, network, question).credentials[0]
        if not report.code is report.asked is Code.VALID:
            raise SystemExit("\n".join(report.to_lines()))

    def rate_new(self) -> float:
        """Checks per second where the issuer's head (2 cosignatures), batch and status page have to be judged anew."""
        network = Network(self.trust, self.replica)

        def action() -> None:
            network.forget(self.issuer)
            self.check(network)

        return rate(action, step=10)

    def rate_known(self) -> float:
        """Checks per second where the heads were judged before, as in a batch."""
        network = Network(self.trust, self.replica)
        return rate(lambda: self.check(network), step=10)

    @property
    def then(self) -> int:
        """Shortly after the presentation's batch was confirmed."""
        return self.now - NIGHTS * DAY_MS + 1000

    def rate_as_of(self) -> tuple[float, float]:
        """Checks per second of the same with the question what was known when the batch was new, heads judged before;
        and how many times as long that takes as without it, turn by turn."""
        plain, asked = Network(self.trust, self.replica), Network(self.trust, self.replica)
        self.check(plain)
        self.check(asked, self.then)
        seconds, times = [], []
        for _ in range(TURNS):
            without, taken = _turn(lambda: self.check(plain)), _turn(lambda: self.check(asked, self.then))
            seconds.append(taken)
            times.append(taken / without)
        return 1 / median(seconds), median(times)

    def cold_as_of(self, rounds: int) -> tuple[float, float]:
        """Seconds of `cairn verify FILE`, with `--as-of` and without."""
        cairn = self._command()
        moment = format_instant(self.then).replace(" UTC", "Z").replace(" ", "T")
        plain, asked = [], []
        self._run([*cairn, "--as-of", moment])
        for _ in range(rounds * 3):
            plain.append(self._run(cairn))
            asked.append(self._run([*cairn, "--as-of", moment]))
        return median(asked), median(plain)

    def _command(self) -> list[str]:
        cairn = [str(Path(sys.executable).with_name("cairn")), "verify", str(self.folder / "record.cairn")]
        cairn += ["--trust", str(self.folder / "trust.json"), "--replica", str(self.folder / "replica")]
        return [*cairn, "--vault", str(self.folder / "vault")]

    def cold_start(self, rounds: int) -> tuple[float, float]:
        """Seconds of `cairn verify FILE` above a bare interpreter, and of the bare interpreter."""
        cairn = self._command()
        bare, full = [], []
        self._run(cairn)
        for _ in range(rounds * 3):
            bare.append(self._run([sys.executable, "-c", "pass"]))
            full.append(self._run(cairn))
        return median(full) - median(bare), median(bare)

    def _run(self, command: list[str]) -> float:
        """Seconds of a command, with its bytecode kept as pip writes it for whatever it installs.

        From a source folder, and where the environment says to write none, every start would compile all modules anew.
        """
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(self.folder / "bytecode")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        started = time.perf_counter()
        subprocess.run(
            command,
            check=True,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
        )
        return time.perf_counter() - started


@contextmanager
def make_desk() -> Iterator[Desk]:
    """Write a network of four, one credential, a light replica and a presentation into a temporary folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        now = int(time.time() * 1000)
        seconds = now // 1000
        network, members = found_network("granite", "lantern", "tidewater")
        school, others = members[0], members[1:]
        trust = trust_of(network)
        holder = SigningKey(seeded("holder"))
        token = _mint(network, school, holder, seconds)
        commitment = commit(parse_sd_jwt(token).issuer_jwt)
        index = cut_once(school, commitment)
        body = school.bodies[index]
        assert body is not None
        items = [body[start : start + 32] for start in range(0, len(body), 32)]
        position = items.index(commitment)
        receipt = Receipt(school.log_id, index, position, prove_item(items, position))
        _confirm(network, school, others, seconds - NIGHTS * DAY_MS // 1000)
        for night in range(NIGHTS - 1, -1, -1):
            cut_once(school, seeded("copy of another", night))
            _confirm(network, school, others, seconds - night * DAY_MS // 1000)
        replica_folder = folder / "replica"
        key = obtain_key(folder)
        with ReplicaWriter(replica_folder, key) as writer:
            for log in (network, school):
                assert log.note is not None
                growth = judge_growth(None, log.entries, log.bodies, log.note)
                writer.commit(growth, log.note, {n: body for n, body in enumerate(log.bodies) if body is not None})
        (folder / "trust.json").write_bytes(encode_trust_root(trust))
        shown = _present(token, encode_receipt(receipt), holder, now)
        (folder / "record.cairn").write_bytes(shown)
        yield Desk(folder, Replica(replica_folder, key), trust, shown, school.log_id, now)


def _turn(action: Callable[[], None]) -> float:
    """Seconds of one, of ten in a row; short enough that whatever else the machine does weighs on neighbours alike."""
    started = time.perf_counter()
    for _ in range(10):
        action()
    return (time.perf_counter() - started) / 10


def _confirm(network: SimulatedLog, school: SimulatedLog, others: list[SimulatedLog], seconds: int) -> None:
    """The school's head is cosigned and anchored, and then the network's."""
    note = school.sign([network, others[0]], seconds)
    network.anchor([note])
    network.sign([school, *others], seconds)


def _mint(network: SimulatedLog, school: SimulatedLog, holder: SigningKey, seconds: int) -> str:
    base = f"https://confluence.example/m/{short_log_id(school.log_id)}"
    requirements: list[JSONValue] = [{"id": code, "label": code, "waivable": False} for code, _ in RESULTS]
    requirement_set: JSONObject = {
        "id": "bench",
        "version": 1,
        "title": "Bench Diploma",
        "achievementType": "SecondarySchoolDiploma",
        "requirements": requirements,
    }
    achievement = openbadge.check_achievement(openbadge.achievement_for_requirement_set(requirement_set, base))
    slot_key = status.slot_key(status.list_key(seeded("root"), 0), 7)
    content = AwardContent(
        achievement=achievement,
        issuer=IssuerProfile(base, "Granite", "https://granite.example"),
        name="Pebble Quillfeather",
        awarded_on="2026-06-15",
        credits="6.00",
        results=RESULTS,
    )
    signer = school.role_signers[Role.REGISTER]
    terms = CopyTerms(
        iss=base,
        vct=f"{base}/types/achievement/1",
        key_id=signer.public.id,
        status=StatusReference(log=school.log_id, number=0, slot=7, key=slot_key),
        holder=public_key_to_jwk(holder.public),
        issued_at=seconds - (NIGHTS + 1) * DAY_MS // 1000,
        copy_id="12345678-1234-4234-8234-123456789abc",
    )
    counter = iter(range(10**9))
    return copy.mint_copy(content, terms, signer.sign, lambda length: seeded("salt", next(counter))[:length])


def cut_once(school: SimulatedLog, commitment: bytes) -> int:
    """Append a cut with this commitment and one page of 16,384 slots; gives the index of the batch."""
    school.anchor()
    index = school.issue([commitment]).index
    header = school.header()
    statement_id = header["id"]
    assert isinstance(statement_id, bytes)
    items = status.encode_page(status.list_key(seeded("root"), 0), SLOTS, {}, statement_id)
    statement = StatusUpdate(
        **header,  # type: ignore[arg-type]  # the simulator's header has the three members
        reference=describe_body("status", items),
        lists=(StatusList(0, school.log_id, 0, SLOTS),),
    )
    school.append(statement, [school.role_signers[Role.OPERATE]], items)
    assert school.bodies[-1] == encode_body("status", items)
    return index


def _present(token: str, receipt: canonical.JSONObject, holder: SigningKey, now: int) -> bytes:
    selected = fields.select_fields(token, SHOWN)
    envelope = presentation.build_envelope(
        audience=AUDIENCE,
        nonce=NONCE,
        purpose="admission",
        created=now,
        expires=now + 30 * 86_400_000,
        credentials=[PresentedCredential(selected, receipt)],
    )
    bound = sign_key_binding(
        selected,
        audience=AUDIENCE,
        nonce=NONCE,
        now=now,
        sign=holder.sign,
        digest=find_digest(parse_sd_jwt(token).payload),
        claims={HASH_CLAIM: presentation.hash_claim(envelope)},
    )
    return presentation.encode_presentation(presentation.bind_credentials(envelope, [bound]))
