"""A whole diploma network on this computer: `python -m examples.demo`, or `make demo`.

Four real node processes on free loopback ports, in a temporary folder, driven by the commands a person would type.
`KEEP=1` leaves the nodes running at the end. The exit code is 0 only if every verdict is the expected one.
"""

import base64
import csv
import html
import json
import os
import re
import signal
import sys
from dataclasses import dataclass

from examples import network
from examples.network import EVERYBODY, GRANITE, SECRET, TIDEWATER, URN, Institution
from examples.stage import Stage, Surprise

AUDIENCE = "Tidewater College admissions"
NONCE = "7f3a91c2"


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays: the learner who shows two credentials, the one whose diploma is revoked, and what the first hides."""

    shows: str = "L01"
    loses: str = "L02"
    hidden: str = "2008-02-11"


class Demo:
    """The scenes, in order."""

    def __init__(self, stage: Stage, cast: Cast = Cast()) -> None:  # frozen
        self.stage = stage
        self.cast = cast
        self.http: dict[str, str] = {}

    def play(self) -> None:
        """Play every scene."""
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
        self.stage.scene(1, "A network is founded, and three schools beside it")
        self.http = network.found(self.stage, EVERYBODY)

    def admit(self) -> None:
        """The schools ask, two governors sign, the network's log admits them and itself as witnesses."""
        self.stage.scene(2, "The governors admit the members")
        network.admit(self.stage, EVERYBODY)

    def publish(self) -> None:
        """Framework and rules by the network, requirement sets and achievements by everybody."""
        stage = self.stage
        stage.scene(3, "What can be earned is published")
        stage.run("cairn-node", "publish", "confluence", "examples/sample/framework.json")
        stage.run(
            "cairn-node",
            "publish",
            "confluence",
            "examples/sample/rules.json",
            "--id",
            "rules/stonepath",
            "--version",
            "1",
        )
        for institution in EVERYBODY:
            for document in institution.documents:
                stage.run("cairn-node", "publish", institution.folder, f"examples/sample/{document}")
            stage.run(
                "cairn-node", "publish", institution.folder, f"examples/achievements/{institution.achievement}.json"
            )

    def issue(self) -> None:
        """The evaluator says who is awarded a diploma; every institution awards from its CSV file and cuts."""
        stage = self.stage
        stage.scene(4, "Evidence is evaluated, diplomas and credits are awarded")
        for folder in ("awards", "transcripts"):
            (stage.folder / folder).mkdir()
        stage.run(
            "cairn-node", "evaluate", "examples/sample", "--awards", "awards", "--transcripts", "transcripts",
            contains=["written: awards/granite-hollow.csv"],
        )  # fmt: skip
        for institution in EVERYBODY:
            # A college's grade is no matter of the data set: it comes from the college's own system.
            lists = "examples/awards" if institution is TIDEWATER else "awards"
            command = (
                "cairn-node", "issue", institution.folder, "--csv", f"{lists}/{institution.achievement}.csv",
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
        for home, learner, issuers in (
            ("first", self.cast.shows, (GRANITE, TIDEWATER)),
            ("second", self.cast.loses, (GRANITE,)),
        ):
            stage.say(f"\nThe computer of learner {learner}, who has the printed pages and the letters with the codes:")
            vault = ("--vault", f"{home}/vault", *SECRET)
            (stage.folder / home).mkdir()
            stage.run("cairn", "init", *vault)
            self._sync(f"{home}/replica", "--vault", f"{home}/vault")
            for institution in issuers:
                link, code = self._claim(institution, learner)
                stage.run("cairn", "receive", link, "--tx-code", code, "--copies", "2", *vault)
        stage.say("\nThe copies go on the ledger with the next cuts, and the network's log anchors them:")
        for institution in (GRANITE, TIDEWATER):
            stage.run("cairn-node", "cut", institution.folder)
            stage.settle(institution.folder)
        stage.run("cairn-node", "cut", "confluence")
        stage.settle("confluence")
        for home in ("first", "second"):
            stage.run("cairn", "refresh", "--vault", f"{home}/vault", *SECRET, contains=["on the ledger"])

    def present(self) -> None:
        """One learner shows two credentials of two issuers in one file, hiding fields; another shows one."""
        stage = self.stage
        stage.scene(6, "A learner shows part of two credentials in one file")
        vault = ("--vault", "first/vault", *SECRET)
        held = stage.run("cairn", "show", "c1", *vault, contains=["date_of_birth", "evaluation"])
        stage.say("\nWhoever is given the evidence, the digest and its salt can decide again:")
        digest, salt = re.findall(r"(?:digest|salt): ([\w-]+)", held)
        stage.run(
            "cairn-node", "replay-award", "examples/sample", "--learner", self.cast.shows, "--digest", digest,
            "--salt", salt, contains=["the digest agrees"],
        )  # fmt: skip
        for_whom = ("--to", AUDIENCE, "--nonce", NONCE)
        stage.run(
            "cairn", "present", *for_whom, "--credential", "c1", "--disclose", "name", "awarded_on", "result.R1",
            "--credential", "c2", "--disclose", "name", "credits", "-o", "first.cairn", *vault, "--yes",
        )  # fmt: skip
        other = ("--vault", "second/vault", *SECRET)
        stage.run(
            "cairn",
            "present",
            *for_whom,
            "--credential",
            "c1",
            "--disclose",
            "name",
            "-o",
            "second.cairn",
            *other,
            "--yes",
        )

    def verify(self) -> None:
        """The university verifies from its own copy of the ledger, and notices one flipped byte."""
        stage = self.stage
        stage.scene(7, "A university verifies, asking nobody")
        stage.run("cairn", "trust", "confluence.trust.json", "--vault", "university/vault", "--yes")
        self._sync("university/replica", "--vault", "university/vault")
        report = self._verify("first.cairn", expect=0, contains=["Valid now"])
        if self.cast.hidden in report or "[issued] result.R2" in report:
            raise Surprise("the report shows what the learner hid")
        if "1 of 6 shown, the rest stands on the issuer's word" not in report:
            raise Surprise("the report does not hold the diploma against its requirements")
        stage.say("\nOne byte of what the school signed is flipped:")
        self._flip("first.cairn", "flipped.cairn")
        self._verify(
            "flipped.cairn",
            expect=1,
            contains=["Not authentic (BAD_SIGNATURE)", "2. Is the issuer's signature good? no"],
        )

    def revoke_and_lose(self) -> None:
        """Granite Hollow revokes a diploma, then its computer is gone; Tidewater's replica answers."""
        stage = self.stage
        stage.scene(8, "A school revokes a diploma, and then its computer dies for good")
        listed = stage.run("cairn-node", "awards", "granite", "--learner", self.cast.loses)
        (award,) = (line.split()[0] for line in listed.splitlines()[1:])
        stage.run("cairn-node", "revoke", "granite", award, "--reason", "issued to the wrong person", "--yes")
        stage.run("cairn-node", "cut", "granite")
        stage.settle("granite")
        stage.run("cairn-node", "cut", "confluence")
        stage.settle("confluence")
        stage.stop_node("granite")
        stage.run("cairn-node", "status", "granite", expect=3, contains=["is not running"])
        stage.say("\nThe university asks Tidewater College for news, and verifies again:")
        self._sync("university/replica", "--vault", "university/vault", node="tidewater")
        self._verify("first.cairn", expect=0, contains=["Valid now"])
        self._verify("second.cairn", expect=1, contains=["Was valid, not now"])

    def audit(self) -> None:
        """Every log is replayed from zero, fetched from a replica."""
        stage = self.stage
        stage.scene(9, "An auditor replays every log from zero")
        stage.run(
            "cairn", "audit", "--trust", "confluence.trust.json", "--node", self.http["tidewater"],
            "--report", "audit.json", contains=["clean: every log replays from zero"],
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
        """What the learner reads from the printed page and from the letter with the code."""
        folder = self.stage.folder
        with (folder / f"{institution.folder}-claims.codes.csv").open(encoding="utf-8", newline="") as file:
            (row,) = (row for row in csv.DictReader(file) if row["learner_id"] == learner)
        sheet = (folder / f"{institution.folder}-claims.html").read_text(encoding="utf-8")
        (page,) = (page for page in sheet.split("<section>") if f"<h1>{html.escape(row['name'])}</h1>" in page)
        (link,) = set(re.findall(r"openid-credential-offer://[^<' ]+", html.unescape(page)))
        return link, row["tx_code"]

    def _flip(self, source: str, target: str) -> None:
        """Change one byte so that the file still reads well: only the signature can tell."""
        data = bytearray((self.stage.folder / source).read_bytes())
        token = re.search(rb"(eyJ[\w-]+\.)(eyJ[\w-]+)\.[\w-]+~", data)
        assert token is not None, "a presentation holds an SD-JWT"
        start, end = token.span(2)
        for place in range(start + 40, end - 4):
            before = data[place]
            for other in b"AEIMQUYcgkosw048":
                data[place] = other
                if other != before and _is_json(bytes(data[start:end])):
                    (self.stage.folder / target).write_bytes(data)
                    return
            data[place] = before
        raise Surprise("no byte of the file can be changed without making it unreadable")

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
            "cairn list --vault first/vault --passphrase-file passphrase.txt",
            f"cairn verify first.cairn --audience '{AUDIENCE}' --nonce {NONCE} --vault university/vault",
            f"cairn audit --trust confluence.trust.json --node {self.http['confluence']}",
            "cairn-node run granite      # the school's computer comes back after all",
            f"kill {' '.join(str(process.pid) for process in stage.nodes.values())}; rm -rf {stage.folder}",
        ):
            stage.say(f"    {line}")


def _is_json(segment: bytes) -> bool:
    try:
        json.loads(base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4)))
    except ValueError:
        return False
    return True


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
    except KeyboardInterrupt:
        stage.say("\nstopped; the nodes are stopped with it")
        return 130
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
