"""A whole diploma network on this computer: `python -m examples.demo`, or `make demo`.

Four real node processes on free loopback ports, in a temporary folder, driven by the commands a person would type.
`KEEP=1` leaves the nodes running at the end. The exit code is 0 only if every verdict is the expected one.
"""

import os
import signal
import sys
from dataclasses import dataclass

from examples.stage import Stage, Surprise

AUDIENCE = "Tidewater College admissions"
NONCE = "7f3a91c2"
SECRET = ("--passphrase-file", "passphrase.txt")
URN = "urn:cairn:achievement:"


@dataclass(frozen=True, slots=True)
class Institution:
    """One institution of the demonstration and what it publishes, awards and is for."""

    folder: str
    name: str
    kind: str
    achievement: str
    documents: tuple[str, ...]
    awards: int


CONFLUENCE = Institution("confluence", "Confluence", "network", "confluence", ("requirements/confluence.json",), 5)
GRANITE = Institution(
    "granite", "Granite Hollow High", "school", "granite-hollow", ("requirements/granite-hollow.json",), 5
)
LANTERN = Institution("lantern", "Lantern Academy", "school", "lantern", ("requirements/lantern.json",), 3)
TIDEWATER = Institution("tidewater", "Tidewater College", "college", "dual-enrolment", (), 1)
SCHOOLS = (GRANITE, LANTERN, TIDEWATER)
EVERYBODY = (CONFLUENCE, *SCHOOLS)


class Demo:
    """The scenes, in order."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.http: dict[str, str] = {}

    def play(self) -> None:
        """Play every scene."""
        (self.stage.folder / "passphrase.txt").write_text("granite under running water\n")
        self.found()
        self.admit()
        self.publish()
        self.issue()
        self.receive()
        self.present()
        self.verify()
        self.revoke_and_lose()
        self.audit()

    def found(self) -> None:
        """Three governors make keys; four institutions are founded and their nodes started."""
        stage = self.stage
        stage.scene(1, "A network is founded, and three schools beside it")
        stage.say("\nThree governors make their keys, each on a computer of their own. Two of the three must sign.")
        keys = [
            stage.run("cairn-node", "keygen", f"governor-{name}.key", *SECRET).strip()
            for name in ("anna", "ben", "carol")
        ]
        for institution in EVERYBODY:
            http, grpc = (f"127.0.0.1:{stage.free_port()}" for _ in range(2))
            self.http[institution.folder] = f"http://{http}"
            roots = ("--root-key", *keys, "--threshold", "2") if institution is CONFLUENCE else SECRET
            stage.run(
                "cairn-node", "init", institution.folder, "--name", institution.name, "--kind", institution.kind,
                "--origin", f"ledger.{institution.folder}.example/log", "--http", f"http://{http}", "--grpc", grpc,
                "--batch-interval", "0", *roots,
            )  # fmt: skip
        stage.release_ports()
        for institution in EVERYBODY:
            stage.start_node(institution.folder)

    def admit(self) -> None:
        """The schools ask, two governors sign, the network's log admits them and itself as witnesses."""
        stage = self.stage
        stage.scene(2, "The governors admit the members")
        stage.run("cairn-node", "trust", "export", "confluence", "--quorum", "none", "-o", "founding.trust.json")
        for institution in SCHOOLS:
            request = f"{institution.folder}.request"
            stage.run("cairn-node", "join", institution.folder, "--trust", "founding.trust.json", "-o", request)
        stage.run("cairn-node", "join", "confluence", "-o", "confluence.request")
        for institution in EVERYBODY:
            proposal = f"admit-{institution.folder}.proposal"
            stage.run(
                "cairn-node", "member", "propose", "confluence", "--admit", f"{institution.folder}.request",
                "--rights", URN + institution.achievement, "-o", proposal, quiet=True,
            )  # fmt: skip
            stage.run("cairn-node", "sign", proposal, "--key", "governor-anna.key", *SECRET, "--yes")
            stage.run("cairn-node", "sign", proposal, "--key", "governor-carol.key", *SECRET, "--yes", quiet=True)
            stage.run("cairn-node", "submit", "confluence", proposal)
        stage.run("cairn-node", "cut", "confluence")
        stage.settle(*(institution.folder for institution in EVERYBODY))
        stage.run(
            "cairn-node", "status", "confluence", contains=["3 of 3 independent witnesses cosigned it, 2 are needed"]
        )
        stage.run("cairn-node", "trust", "export", "confluence", "-o", "confluence.trust.json")

    def publish(self) -> None:
        """Framework and rules by the network, requirement sets and achievements by everybody."""
        stage = self.stage
        stage.scene(3, "What can be earned is published")
        stage.run("cairn-node", "publish", "confluence", "examples/sample/framework.json")
        stage.run(
            "cairn-node", "publish", "confluence", "examples/sample/rules.json", "--id", "rules/stonepath", "--version", "1"
        )
        for institution in EVERYBODY:
            for document in institution.documents:
                stage.run("cairn-node", "publish", institution.folder, f"examples/sample/{document}")
            stage.run(
                "cairn-node", "publish", institution.folder, f"examples/achievements/{institution.achievement}.json"
            )

    def issue(self) -> None:
        """Every institution awards from its CSV file and cuts."""
        stage = self.stage
        stage.scene(4, "Diplomas and credits are awarded from CSV files")
        for institution in EVERYBODY:
            command = (
                "cairn-node", "issue", institution.folder, "--csv", f"examples/awards/{institution.achievement}.csv",
                "--achievement", URN + institution.achievement,
            )  # fmt: skip
            if institution is GRANITE:
                stage.run(*command, "--dry-run", contains=[f"would be awarded: {institution.awards}"])
            stage.run(*command, contains=[f"awarded: {institution.awards}"])
            if institution is GRANITE:
                stage.run(*command, contains=["awarded: 0", f"already issued: {institution.awards}"])
            stage.run("cairn-node", "cut", institution.folder)
        stage.run("cairn-node", "awards", "granite", contains=["L01", "on the ledger at index"])

    def receive(self) -> None:
        """Learners fetch their own copies, which go on the ledger with the next cut."""
        stage = self.stage
        stage.scene(5, "Learners receive what they earned")
        for institution in (GRANITE, TIDEWATER):
            stage.run(
                "cairn-node", "offer", institution.folder, "--achievement", URN + institution.achievement,
                "--sheet", f"{institution.folder}-claims.html",
            )  # fmt: skip
        for learner, issuers in (("L01", (GRANITE, TIDEWATER)), ("L02", (GRANITE,))):
            stage.say(f"\nThe computer of learner {learner}:")
            vault = ("--vault", f"home-{learner}/vault", *SECRET)
            (stage.folder / f"home-{learner}").mkdir()
            stage.run("cairn", "init", *vault)
            self._sync(f"home-{learner}/replica", "--vault", f"home-{learner}/vault")
            for institution in issuers:
                link, code = self._claim(institution, learner)
                stage.run("cairn", "receive", link, "--tx-code", code, "--copies", "2", *vault)
        stage.say("\nThe copies go on the ledger with the next cuts, and the network's log anchors them:")
        for institution in (GRANITE, TIDEWATER):
            stage.run("cairn-node", "cut", institution.folder)
            stage.settle(institution.folder)
        stage.run("cairn-node", "cut", "confluence")
        stage.settle("confluence")
        for learner in ("L01", "L02"):
            stage.run("cairn", "refresh", "--vault", f"home-{learner}/vault", *SECRET)

    def present(self) -> None:
        """L01 shows two credentials of two issuers in one file, hiding fields; L02 shows one."""
        stage = self.stage
        stage.scene(6, "A learner shows part of two credentials in one file")
        vault = ("--vault", "home-L01/vault", *SECRET)
        stage.run("cairn", "show", "c1", *vault, contains=["date_of_birth"])
        for_whom = ("--to", AUDIENCE, "--nonce", NONCE)
        stage.run(
            "cairn", "present", *for_whom, "--credential", "c1", "--disclose", "name", "awarded_on", "result.R1",
            "--credential", "c2", "--disclose", "name", "credits", "-o", "L01.cairn", *vault, "--yes",
        )  # fmt: skip
        other = ("--vault", "home-L02/vault", *SECRET)
        stage.run(
            "cairn", "present", *for_whom, "--credential", "c1", "--disclose", "name", "-o", "L02.cairn", *other, "--yes"
        )

    def verify(self) -> None:
        """The university verifies from its own copy of the ledger, and notices one flipped byte."""
        stage = self.stage
        stage.scene(7, "A university verifies, asking nobody")
        stage.run("cairn", "trust", "confluence.trust.json", "--vault", "university/vault", "--yes")
        self._sync("university/replica", "--vault", "university/vault")
        report = self._verify("L01.cairn", expect=0, contains=["Valid now"])
        if "2008-02-11" in report or "[issued] result.R2" in report:
            raise Surprise("the report shows what the learner hid")
        stage.say("\nOne byte of the file is flipped:")
        self._flip("L01.cairn", "flipped.cairn")
        self._verify("flipped.cairn", expect=1, contains=["Not authentic"])

    def revoke_and_lose(self) -> None:
        """Granite Hollow revokes L02's diploma, then its computer is gone; Tidewater's replica answers."""
        stage = self.stage
        stage.scene(8, "A school revokes a diploma, and then its computer dies for good")
        awards = stage.ask("cairn-node", "awards", "granite", "--learner", "L02")
        stage.run("cairn-node", "revoke", "granite", awards[0]["id"], "--reason", "issued to the wrong person")
        stage.run("cairn-node", "cut", "granite")
        stage.settle("granite")
        stage.run("cairn-node", "cut", "confluence")
        stage.settle("confluence")
        stage.stop_node("granite")
        stage.run("cairn-node", "status", "granite", expect=3, contains=["is not running"])
        stage.say("\nThe university asks Tidewater College for news, and verifies again:")
        self._sync("university/replica", "--vault", "university/vault", node="tidewater")
        self._verify("L01.cairn", expect=0, contains=["Valid now"])
        self._verify("L02.cairn", expect=1, contains=["Was valid, not now"])

    def audit(self) -> None:
        """Every log is replayed from zero, fetched from a replica."""
        stage = self.stage
        stage.scene(9, "An auditor replays every log from zero")
        stage.run(
            "cairn", "audit", "--trust", "confluence.trust.json", "--node", self.http["tidewater"],
            "--report", "audit.json",
        )  # fmt: skip

    def _sync(self, replica: str, *options: str, node: str = "confluence") -> None:
        self.stage.run(
            "cairn", "sync", replica, "--trust", "confluence.trust.json", "--node", self.http[node], *options
        )

    def _verify(self, file: str, *, expect: int, contains: list[str]) -> str:
        return self.stage.run(
            "cairn", "verify", file, "--audience", AUDIENCE, "--nonce", NONCE, "--vault", "university/vault",
            expect=expect, contains=contains,
        )  # fmt: skip

    def _claim(self, institution: Institution, learner: str) -> tuple[str, str]:
        """What the learner reads from the printed page and the letter with the code."""
        (link,) = self.stage.ask("cairn-node", "offer", institution.folder, "--learner", learner)
        return str(link["link"]), str(link["tx_code"])

    def _flip(self, source: str, target: str) -> None:
        data = bytearray((self.stage.folder / source).read_bytes())
        # In the middle of the first credential's signed part: still text, so that it is the signature that tells.
        place = data.index(b"eyJ") + 400
        data[place] = ord("A") if data[place] != ord("A") else ord("B")
        (self.stage.folder / target).write_bytes(data)

    def farewell(self) -> None:
        """What to play with while the nodes are kept."""
        stage = self.stage
        stage.say("\nThree nodes go on running. To play with them:\n")
        for line in (
            f"cd {stage.folder}",
            f"export HOME={stage.folder}/home XDG_STATE_HOME={stage.folder}/home/state "
            f"PATH={os.path.dirname(sys.executable)}:$PATH",
            "cairn-node status tidewater",
            "cairn-node awards lantern",
            "cairn list --vault home-L01/vault --passphrase-file passphrase.txt",
            f"cairn verify L01.cairn --audience '{AUDIENCE}' --nonce {NONCE} --vault university/vault",
            f"cairn audit --trust confluence.trust.json --node {self.http['confluence']}",
            "cairn-node run granite      # the school's computer comes back after all",
            f"kill {' '.join(str(process.pid) for process in stage.nodes.values())}; rm -rf {stage.folder}",
        ):
            stage.say(f"    {line}")


def main() -> int:
    """Play the demonstration; the exit code is 0 if everything came out as expected."""
    keep = os.environ.get("KEEP", "") not in ("", "0")
    # So that a terminated demonstration ends its nodes too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    stage = Stage()
    demo = Demo(stage)
    done = False
    try:
        demo.play()
        done = True
        stage.say(f"\n\nEverything came out as expected: {stage.commands} commands, {stage.seconds:.0f} seconds.")
        if keep:
            demo.farewell()
    except Surprise as surprise:
        stage.say(f"\nNOT AS EXPECTED: {surprise}")
        for log in sorted(stage.folder.glob("*.log")):
            stage.say(f"\nlast lines of {log.name}:")
            stage.say("\n".join(log.read_text(errors="replace").splitlines()[-15:]))
    finally:
        stage.close(keep=keep and done)
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
