"""The diploma network of the demonstration and of the first-day pages: who is in it, how it is founded, who is admitted.

`python -m examples.network` founds all of it but Granite Hollow High, at the addresses that the pages in `docs/` name,
and keeps the nodes running until Ctrl-C: the place to follow the first-day pages by hand.
"""

import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from examples.stage import Stage

SECRET = ("--passphrase-file", "passphrase.txt")
PASSPHRASE = "granite under running water"
GOVERNORS = ("anna", "ben", "carol")
URN = "urn:cairn:achievement:"
FIRST_PORT = 8480


@dataclass(frozen=True, slots=True)
class Institution:
    """One institution of the network and what it publishes, awards and is for."""

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
EVERYBODY = (CONFLUENCE, GRANITE, LANTERN, TIDEWATER)


def found(stage: Stage, institutions: tuple[Institution, ...]) -> dict[str, str]:
    """Make the governors' keys, found the institutions, start their nodes; returns their HTTP addresses by folder."""
    (stage.folder / "passphrase.txt").write_text(f"{PASSPHRASE}\n")
    stage.say("\nThree governors make their keys, each on a computer of their own. Two of the three must sign.")
    keys = stage.each(
        lambda name: stage.run("cairn-node", "keygen", f"governor-{name}.key", *SECRET).strip(), GOVERNORS
    )
    addresses = {one.folder: [f"127.0.0.1:{stage.free_port()}" for _ in ("HTTP", "gRPC")] for one in institutions}

    def found_one(one: Institution) -> None:
        http, grpc = addresses[one.folder]
        roots = ("--root-key", *keys, "--threshold", "2") if one is CONFLUENCE else SECRET
        stage.run(
            "cairn-node", "init", one.folder, "--name", one.name, "--kind", one.kind,
            "--origin", f"ledger.{one.folder}.example/log", "--http", f"http://{http}", "--grpc", grpc,
            "--batch-interval", "0", *roots,
        )  # fmt: skip

    stage.each(found_one, institutions)
    stage.release_ports()
    stage.each(lambda one: stage.start_node(one.folder), institutions)
    return {folder: f"http://{http}" for folder, (http, _) in addresses.items()}


def admit(stage: Stage, institutions: tuple[Institution, ...]) -> None:
    """The institutions ask, two governors sign, the network's log admits them and itself; verifiers get the trust root."""
    stage.run("cairn-node", "trust", "export", "confluence", "--quorum", "none", "-o", "founding.trust.json")

    def ask(one: Institution) -> None:
        # The network's own node asks itself.
        trust = () if one is CONFLUENCE else ("--trust", "founding.trust.json")
        stage.run("cairn-node", "join", one.folder, *trust, "-o", f"{one.folder}.request")

    def admit_one(one: Institution) -> None:
        proposal = f"admit-{one.folder}.proposal"
        stage.run(
            "cairn-node", "member", "propose", "confluence", "--admit", f"{one.folder}.request",
            "--rights", URN + one.achievement, "-o", proposal, quiet=True,
        )  # fmt: skip
        stage.run("cairn-node", "sign", proposal, "--key", "governor-anna.key", *SECRET, "--yes")
        stage.run("cairn-node", "sign", proposal, "--key", "governor-carol.key", *SECRET, "--yes", quiet=True)
        stage.run("cairn-node", "submit", "confluence", proposal)

    stage.each(ask, institutions)
    stage.each(admit_one, institutions)
    stage.run("cairn-node", "cut", "confluence")
    stage.settle(*(one.folder for one in institutions))
    others = len(institutions) - 1
    enough = f"cosigned by {others} of {others} independent witnesses, {others // 2 + 1} needed"
    stage.run("cairn-node", "status", "confluence", contains=[enough])
    stage.run("cairn-node", "trust", "export", "confluence", "-o", "confluence.trust.json")


class FixedStage(Stage):
    """A stage whose nodes stand where the first-day pages say: HTTP of the first at port 8480, its gRPC next to it."""

    def __init__(self) -> None:
        super().__init__()
        self._ports = count(FIRST_PORT)

    def free_port(self) -> int:
        """The next port, whether or not it is free: a node that cannot have it says so."""
        return next(self._ports)


def main() -> None:
    """Found the network that the first day begins with, tell where it is, and keep it until Ctrl-C."""
    stage = FixedStage()
    institutions = (CONFLUENCE, LANTERN, TIDEWATER)
    try:
        found(stage, institutions)
        admit(stage, institutions)
        stage.say("\n\nThe network is running, until you press Ctrl-C here. In a second terminal type:\n")
        home = stage.folder / "home"
        stage.say(f"    cd {stage.folder}")
        stage.say(f"    export PATH={Path(sys.executable).parent}:$PATH HOME={home} XDG_STATE_HOME={home / 'state'}")
        stage.say("\nand then what docs/first-day-operator.md says. The passphrase of the governors' keys is:\n")
        stage.say(f"    {PASSPHRASE}")
        for process in stage.nodes.values():
            process.wait()
    except KeyboardInterrupt:
        stage.say()
    finally:
        stage.close(keep=False)


if __name__ == "__main__":
    main()
