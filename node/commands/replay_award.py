"""`cairn-node replay-award`: decide an award once more from the private inputs, and compare with what a copy bears."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import json_option

if TYPE_CHECKING:
    from ledger.mastery.dataset import Dataset
    from ledger.mastery.digest import Transcript

MAX_TRANSCRIPTS_BYTES = 1 << 30


@click.command(
    "replay-award",
    epilog="Example:  cairn-node replay-award examples/sample --learner L01 --digest D --salt S --transcripts kept/",
)
@click.argument("dataset", metavar="DATASET", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--learner", required=True, metavar="ID", help="Whose award it is.")
@click.option("--digest", required=True, metavar="D", help="What the field `evaluation` of a copy calls digest.")
@click.option("--salt", required=True, metavar="S", help="What it calls salt.")
@click.option("--diploma", metavar="ID", help="The diploma, if not the one the roster names.")
@click.option(
    "--transcripts",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="What `evaluate --transcripts` wrote, to name what differs.",
)
@json_option
def command(
    dataset: Path,
    learner: str,
    digest: str,
    salt: str,
    diploma: str | None,
    transcripts: Path | None,
    as_json: bool,
) -> int:
    """Recompute the evaluation digest of an award from a data set folder.

    The field `evaluation` of a copy, where the learner shows it, holds a digest and its salt. This evaluates the
    learner again as of the folder's date and says whether the digest is of just that. If it is not, the transcript
    kept from the day of the award tells the first row that differs.
    """
    from ledger import base64url
    from ledger.credential.evaluation import FINGERPRINT_BYTES, SALT_BYTES
    from ledger.errors import MalformedError
    from ledger.mastery.digest import digest_transcript, find_difference, make_transcript
    from ledger.mastery.evaluate import evaluate
    from ledger.mastery.problems import DataSetError, ProblemCollector
    from node.commands.evaluate import load_dataset, refuse

    try:
        wanted, key = base64url.decode(digest, FINGERPRINT_BYTES), base64url.decode(salt, SALT_BYTES)
    except MalformedError as error:
        raise MalformedError(
            f"digest and salt: {error}", hint="copy both from the field evaluation, as they stand there"
        ) from error
    with terminal.show_work("evaluating"):
        try:
            read = load_dataset(dataset, ProblemCollector())
        except DataSetError as error:
            return refuse(error.problems, as_json=as_json)
        name = _find_diploma(read, learner, diploma)
        now = make_transcript(evaluate(read, learner, name))
    kept = None if transcripts is None else _find_transcript(transcripts / f"{name}.jsonl", learner)
    same = digest_transcript(now, key) == wanted
    is_kept = kept is not None and digest_transcript(kept, key) == wanted
    difference = find_difference(kept, now) if kept is not None and is_kept and not same else ""
    if as_json:
        terminal.result_json({"agrees": same, "difference": difference, "transcript_agrees": is_kept})
    else:
        terminal.result(f"{learner}, {name}, as of {read.as_of}: {'the digest agrees' if same else 'not this digest'}")
        if difference:
            terminal.result(f"first difference: {difference}")
    if same:
        return terminal.EXIT_YES
    if transcripts is None:
        terminal.next_step("the same with --transcripts DIR, to name what differs")
    elif kept is None:
        terminal.note(f"{transcripts} holds no transcript of {learner} for {name}")
    elif not is_kept:
        terminal.note("the transcript kept is not of this digest either: another award, or another salt")
    return terminal.EXIT_NO


def _find_diploma(dataset: "Dataset", learner: str, diploma: str | None) -> str:
    from ledger.errors import MalformedError

    known = dataset.learner(learner)
    if known is None:
        raise MalformedError(f"{learner}: nobody on the roster has this id", hint="learner ids stand in the roster")
    name = diploma or known.diploma
    if name not in dataset.requirement_sets:
        have = ", ".join(dataset.requirement_sets)
        raise MalformedError(f"{name or learner}: no diploma of the data set", hint=f"--diploma is one of {have}")
    return name


def _find_transcript(path: Path, learner: str) -> "Transcript | None":
    from ledger.mastery.awardlist import find_transcript
    from node.outfile import read_input

    return find_transcript(read_input(path, MAX_TRANSCRIPTS_BYTES), learner) if path.is_file() else None
