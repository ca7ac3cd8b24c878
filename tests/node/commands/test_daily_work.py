"""The registrar's day at a real node in a process of its own: publish, issue, offer, revoke, cut, and governance."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.credential.baking import unbake
from ledger.log.keyfile import LEAST_COST
from node import main
from node.keystore import create_key_file
from tests.node.commands.cli import PASSPHRASE, Shell, running
from tests.node.school import ROOT, make_draw
from tests.shared import shared_path

REPOSITORY = Path(__file__).resolve().parents[3]
EXAMPLES = REPOSITORY / "examples"
DIPLOMA = "urn:cairn:achievement:granite-hollow"
HEADER = "learner_id,name,date_of_birth,awarded_on,result.R1,result.R2,result.R3,result.R4,result.R5,result.R6\n"
ROW = "{},{},2008-02-11,2026-06-15,met,met,met,met,met,met\n"


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running school with one root key, `root.key`, and the diploma published."""
    folder = tmp_path_factory.mktemp("running")
    create_key_file(folder / "root.key", PASSPHRASE, make_draw("root"), cost=LEAST_COST, key=ROOT)
    directory = folder / "granite"
    # Behind a proxy, as most are: other software finds an issuer's keys at an https address alone.
    ports = ("--http", "https://granite.example", "--http-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0")
    init = ["init", str(directory), "--name", "Granite Hollow High", "--kind", "school", "--origin", "g.example/log"]
    assert main.run([*init, "--root-key", str(folder / "root.key"), "--batch-interval", "0", *ports]) == 0
    with running(directory, folder / "state"):
        assert main.run(["publish", str(directory), str(EXAMPLES / "achievements" / "granite-hollow.json")]) == 0
        yield directory


def csv_of(path: Path, *learners: str, extra: str = "") -> Path:
    path.write_text(HEADER + "".join(ROW.format(learner, f"Name {learner}") for learner in learners) + extra)
    return path


def issue(shell: Shell, school: Path, file: Path, *more: str) -> dict[str, object]:
    said = shell("issue", school, "--csv", file, "--achievement", DIPLOMA, "--json", *more)
    report: dict[str, object] = json.loads(said.out)
    assert said.code == (1 if report["problems"] else 0), said
    return report


def test_a_file_is_issued_once(shell: Shell, school: Path, tmp_path: Path) -> None:
    """A dry run changes nothing, a second run issues nothing new, a cut puts the copies on the ledger."""
    file = csv_of(tmp_path / "a.csv", "A1", "A2")
    assert issue(shell, school, file, "--dry-run") | {"new": 2, "issued": []} == issue(shell, school, file, "--dry-run")
    first = issue(shell, school, file)
    assert (first["new"], first["already"], len(first["issued"])) == (2, 0, 2)  # type: ignore[arg-type]  # a list
    again = issue(shell, school, file)
    assert (again["new"], again["already"], again["issued"]) == (0, 2, [])
    assert "waiting for the next cut" in shell.good("awards", school, "--learner", "A1")
    assert "2 copies went on the ledger" in shell.good("cut", school)
    assert "on the ledger at index" in shell.good("awards", school, "--learner", "A1")


def test_bad_rows_are_told_and_good_ones_awarded(shell: Shell, school: Path, tmp_path: Path) -> None:
    """By line and reason, in words and as JSON; the exit code says that something was left out."""
    file = csv_of(tmp_path / "b.csv", "B1", extra="B2,Name B2,2008-02-31,2026-06-15,met,met,met,met,met,met\n")
    said = shell("issue", school, "--csv", file, "--achievement", DIPLOMA, "--dry-run")
    assert said.code == 1
    assert "would be awarded: 1" in said.out
    assert "line 3, column date_of_birth" in said.out
    assert issue(shell, school, file)["new"] == 1


def test_columns_are_mapped_and_left_out(shell: Shell, school: Path, tmp_path: Path) -> None:
    """`--map` renames, `--ignore` drops, anything else unknown is refused."""
    text = csv_of(tmp_path / "c.csv", "C1").read_text()
    (tmp_path / "c.csv").write_text(
        text.replace("name", "Student Name", 1).replace("\n", ",shoe\n", 1).replace("met\n", "met,41\n")
    )
    refused = shell("issue", school, "--csv", tmp_path / "c.csv", "--achievement", DIPLOMA)
    assert (refused.code, refused.out) == (2, "")
    report = issue(shell, school, tmp_path / "c.csv", "--map", "Student Name=name", "--ignore", "shoe")
    assert (report["new"], report["ignored"]) == (1, ["shoe"])


def test_an_unknown_achievement_is_refused(shell: Shell, school: Path, tmp_path: Path) -> None:
    """With a hint that it has to be published first."""
    said = shell("issue", school, "--csv", csv_of(tmp_path / "d.csv", "D1"), "--achievement", "nothing")
    assert said.code == 1
    assert "cairn-node: hint: publish its definition first" in said.err


def test_decisions_follow_each_other(shell: Shell, school: Path, tmp_path: Path) -> None:
    """Suspended, valid again, revoked for good; each waits for the next cut's page."""
    issue(shell, school, csv_of(tmp_path / "e.csv", "E1"))
    (award,) = [row["id"] for row in json.loads(shell.good("awards", school, "--learner", "E1", "--json"))]
    assert "suspended: 1 award" in shell.good("suspend", school, award, "--reason", "under review", "--yes")
    assert "already suspended: 1 award" in shell.good("suspend", school, award)
    assert "valid again: 1 award" in shell.good("reinstate", school, award, "--yes")
    assert "revoked: 1 award" in shell.good("revoke", school, award, "--yes")
    shell.good("cut", school)
    (row,) = json.loads(shell.good("awards", school, "--learner", "E1", "--json"))
    assert (row["status"], row["is_status_pending"]) == ("revoked", False)
    final = shell("reinstate", school, award, "--yes")
    assert (final.code, "cannot become valid" in final.err) == (1, True)
    assert shell("revoke", school, "nothing").code == 1


def test_an_award_is_replaced_by_a_corrected_row(shell: Shell, school: Path, tmp_path: Path) -> None:
    """Other content is refused by `issue`, which names `replace`; `replace` takes it."""
    issue(shell, school, csv_of(tmp_path / "f.csv", "F1"))
    (award,) = [row["id"] for row in json.loads(shell.good("awards", school, "--learner", "F1", "--json"))]
    corrected = tmp_path / "corrected.csv"
    corrected.write_text((tmp_path / "f.csv").read_text().replace("Name F1", "Name F One"))
    assert "replace" in str(issue(shell, school, corrected)["problems"])
    assert "replaced: 1" in shell.good("replace", school, award, "--csv", corrected, "--yes")
    rows = json.loads(shell.good("awards", school, "--learner", "F1", "--json"))
    assert sorted(row["status"] for row in rows) == ["replaced", "valid"]


def test_copies_for_other_software(shell: Shell, school: Path, tmp_path: Path) -> None:
    """A picture with the badge, the same one again with its receipts, a record; and what is refused before signing."""
    issue(shell, school, csv_of(tmp_path / "h.csv", "H1"))
    (award,) = [row["id"] for row in json.loads(shell.good("awards", school, "--learner", "H1", "--json"))]
    (tmp_path / "plain.svg").write_bytes(b'<svg xmlns="http://www.w3.org/2000/svg"/>')
    badge = ("copy", school, award, "--form", "svg", "--image", tmp_path / "plain.svg", "--force", "-o")
    refused = shell(*badge, tmp_path / "h.svg")
    assert (refused.code, f"cairn-node contexts {school} --from" in refused.err.replace("DIR", str(school))) == (
        1,
        True,
    )
    assert "missing" in shell.good("contexts", school)
    shell.good("contexts", school, "--from", shared_path("vectors/formats/contexts"))
    assert "on the ledger with the next cut" in shell.good(
        *badge, tmp_path / "h.svg", "--receipts", tmp_path / "r.json"
    )
    baked = unbake((tmp_path / "h.svg").read_bytes())
    assert baked is not None and json.loads(baked.text)["type"][1] == "OpenBadgeCredential"
    shell.good("cut", school)
    assert "given again" in shell.good(*badge, tmp_path / "h.svg", "--receipts", tmp_path / "r.json")
    assert unbake((tmp_path / "h.svg").read_bytes()) == baked
    assert len(json.loads((tmp_path / "r.json").read_bytes())) == 1
    record = json.loads(
        shell.good("copy", school, "--learner", "H1", "--form", "clr", "-o", tmp_path / "h.json", "--json")
    )
    assert (record["new"], record["on_ledger"]) == (True, False)
    assert json.loads((tmp_path / "h.json").read_bytes())["partial"] is False
    for wrong in (("--form", "png"), ("--form", "jws", "--image", tmp_path / "plain.svg"), ("--form", "clr")):
        assert shell("copy", school, award, "--learner", "H1", *wrong, "-o", tmp_path / "no").code == 2


def test_offers_and_their_sheet(shell: Shell, school: Path, tmp_path: Path) -> None:
    """Links and codes in two files that only the owner can read; nothing is overwritten unasked."""
    issue(shell, school, csv_of(tmp_path / "g.csv", "G1", "G2"))
    shell.good("cut", school)
    sheet = tmp_path / "claims.html"
    (link,) = json.loads(shell.good("offer", school, "--learner", "G1", "--json"))
    assert link["link"].startswith("openid-credential-offer://")
    assert "link: openid-credential-offer" in shell.good("offer", school, "--learner", "G2")
    assert "1 page to print" in shell.good("offer", school, "--learner", "G1", "--sheet", sheet)
    codes = tmp_path / "claims.codes.csv"
    assert [path.stat().st_mode & 0o777 for path in (sheet, codes)] == [0o600, 0o600]
    assert "openid-credential-offer" in sheet.read_text()
    assert "openid-credential-offer" not in codes.read_text()
    assert shell("offer", school, "--learner", "G1", "--sheet", sheet).code == 2
    assert shell("offer", school).code == 2


def test_documents_keep_their_place(shell: Shell, school: Path, tmp_path: Path) -> None:
    """The same file again is the same entry; other content under the same version is refused."""
    path = EXAMPLES / "sample" / "requirements" / "granite-hollow.json"
    first = json.loads(shell.good("publish", school, path, "--json"))
    assert first == json.loads(shell.good("publish", school, path, "--json"))
    assert first[0]["type"] == "requirement_set"
    changed = tmp_path / "changed.json"
    changed.write_text(path.read_text().replace("Literacy", "Numeracy", 1))
    said = shell("publish", school, changed)
    assert (said.code, "give the content a new version" in said.err or "new version" in said.err) == (1, True)
    (tmp_path / "no.json").write_text('{"hello": 1}')
    assert shell("publish", school, tmp_path / "no.json").code == 2


def test_a_key_is_added_while_the_node_runs(shell: Shell, school: Path, tmp_path: Path) -> None:
    """Drafted from the running node, signed by the root key, submitted twice, and in force without a restart."""
    proposal = tmp_path / "key.proposal"
    shell.good("key", "add", school, "--role", "operate", "-o", proposal)
    shell.good("sign", proposal, "--key", school.parent / "root.key", *shell.secret, "--yes")
    first = json.loads(shell.good("submit", school, proposal, "--json"))
    assert json.loads(shell.good("submit", school, proposal, "--json"))["index"] == first["index"]
    listed = json.loads(shell.good("key", "list", school, "--json"))
    new = [row for row in listed if row["state"] == f"in force, from entry {first['index']}"]
    assert [(row["role"], row["here"]) for row in new] == [("operate", True)]
    shell.good("cut", school)


def test_status_tells_how_it_stands(shell: Shell, school: Path) -> None:
    """In words and as JSON; without a witness there is something to look at."""
    said = shell("status", school)
    assert said.code == 1
    assert "Granite Hollow High is running" in said.out
    assert "warning: no independent witness is in force for this log yet (for " in said.out
    assert "why: it belongs to no network" in said.out
    assert f"do:  cairn-node join {school} --trust FILE -o request.json" in said.out
    assert f"next: cairn-node join {school} --trust FILE -o request.json" in said.err
    status = json.loads(shell("status", school, "--json").out)
    assert (status["running"], status["origin"], status["head"]["has_quorum"]) == (True, "g.example/log", False)
    (finding,) = status["findings"]
    assert (finding["code"], finding["severity"], finding["subject"]) == ("no-network", "warning", "")


def test_a_second_node_on_the_same_directory_is_told(school: Path) -> None:
    """LevelDB admits one process: the second `run` says so and ends with 3."""
    # A process of its own: `run` configures logging for good.
    command = [sys.executable, "-m", "node.main", "run", str(school)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, timeout=60, check=False)
    assert done.returncode == 3
    assert "another process uses this directory" in done.stderr


def test_a_letter_from_a_parent(shell: Shell, school: Path, tmp_path: Path) -> None:
    """Report, restriction, hold, statement, disclosure, erasure with a receipt; a second run finds nothing."""
    issued = issue(shell, school, csv_of(tmp_path / "r.csv", "R1"))["issued"]
    (award,) = issued  # type: ignore[misc]  # a list
    shell.good("rights", "restrict", school, "R1", "--why", "contested")
    assert shell("offer", school, "--learner", "R1").code == 1
    shell.good("rights", "lift", school, "R1")
    assert shell("rights", "lift", school, "R1").code == 1
    shell.good("rights", "disagree", school, award, "--statement", "I was ill.")
    shell.good("rights", "disclosed", school, "R1", "--to", "Auditor", "--what", "transcript", "--for", "audit")
    said = shell.good("subject-report", school, "R1", "-o", tmp_path / "r.json")
    assert "disagreement since" in said and "to Auditor: transcript, for audit" in said
    assert (tmp_path / "r.json").stat().st_mode & 0o777 == 0o600
    shell.good("rights", "hold", school, "R1", "--why", "subpoena 7")
    refused = shell("forget", school, "R1", "--yes")
    assert refused.code == 1 and "subpoena 7" in refused.err
    shell.good("rights", "release", school, "R1")
    assert "to be erased: 1 award" in shell.good("forget", school, "R1", "--dry-run")
    assert "erased: 1 award" in shell.good("forget", school, "R1", "--yes", "-o", tmp_path / "receipt.json")
    receipt = (tmp_path / "receipt.json").read_text()
    assert award in receipt and "R1" not in receipt and "Name" not in receipt
    assert shell("forget", school, "R1", "--yes").code == 1
    assert shell("subject-report", school, "R1").code == 1
    assert "nothing is erased by itself" in shell.good("retention", school)
    rows = json.loads(shell.good("registrar", "trail", school, "--json"))["rows"]
    forgotten = next(row for row in rows if row["call"] == "Rights.Forget" and row["outcome"] == "done")
    assert forgotten["about"] == "request" and forgotten["award_ids"] == [award]
