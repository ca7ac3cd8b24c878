"""`cairn-node evaluate`: mastery and diplomas for a data set folder, each with its reasons."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import force_option, json_option
from node.outfile import PUBLIC_MODE

if TYPE_CHECKING:
    from ledger.mastery.awardlist import AwardLists
    from ledger.mastery.dataset import Dataset
    from ledger.mastery.evaluate import Evaluation
    from ledger.mastery.problems import ProblemCollector, ProblemList

MAX_FILE_BYTES = 1 << 30
MAX_SHOWN_PROBLEMS = 200
"""Problems written to a terminal; `--json` gives them all."""
PRIVATE_MODE = 0o600
"""Of files with names and birth dates in them."""

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)

_file = click.Path(dir_okay=False, path_type=Path)
_folder = click.Path(file_okay=False, path_type=Path)


@click.command(
    "evaluate", epilog="Example:  cairn-node evaluate examples/sample --out results.csv --sharing sharing.csv"
)
@click.argument("dataset", metavar="DATASET", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", metavar="FILE", type=_file, help="Write the results as CSV.")
@click.option("--sharing", metavar="FILE", type=_file, help="Write who may share a record as CSV.")
@click.option(
    "--awards", metavar="DIR", type=_folder, help="Write who is awarded, one CSV for each diploma, to issue from."
)
@click.option(
    "--transcripts", metavar="DIR", type=_folder, help="With --awards: keep what each award rests on, for replay-award."
)
@click.option("--learner", metavar="ID", help="Evaluate this learner only.")
@click.option("--explain", "is_explained", is_flag=True, help="Tell the story of one learner in plain words.")
@force_option
@json_option
def command(
    dataset: Path,
    out: Path | None,
    sharing: Path | None,
    awards: Path | None,
    transcripts: Path | None,
    learner: str | None,
    is_explained: bool,
    force: bool,
    as_json: bool,
) -> int:
    """Evaluate mastery and diplomas as of the date in DATASET/dataset.json.

    A pure function of the files: the same folder gives the same bytes everywhere. A folder with any mistake is refused
    with all of them, and nothing is written. The results are personal data and stand on no ledger. With --awards each
    diploma's learners stand in DIR/<diploma>.csv, for `cairn-node issue`.
    """
    from ledger.mastery.evaluate import decide_all_sharing, encode_sharing
    from ledger.mastery.lint import lint
    from ledger.mastery.problems import DataSetError, ProblemCollector

    if is_explained and learner is None:
        raise click.UsageError("--explain tells the story of one learner; name one with --learner")
    if transcripts is not None and awards is None:
        raise click.UsageError("--transcripts goes with --awards DIR")
    _check_outputs(out, sharing, force=force)
    problems = ProblemCollector()
    with terminal.show_work("evaluating"):
        try:
            read = load_dataset(dataset, problems)
            lists = None if awards is None else open_award_lists(dataset, read, has_transcripts=transcripts is not None)
        except DataSetError as error:
            return refuse(error.problems, as_json=as_json)
        found = _evaluate(read, learner, lists, is_explained=is_explained, as_json=as_json)
        decisions = [one for one in decide_all_sharing(read) if learner in (None, one.learner)]
    for remark in (*map(str, problems.remarks), *lint(read)):
        terminal.note(f"remark: {remark}")
    files: list[tuple[Path | None, bytes, int]]
    files = [(out, found.results, PUBLIC_MODE), (sharing, encode_sharing(decisions), PUBLIC_MODE)]
    if awards is not None and lists is not None:
        files += [(awards / f"{name}.csv", data, PRIVATE_MODE) for name, data in lists.encode().items()]
        if transcripts is not None:
            kept = lists.encode_transcripts()
            files += [(transcripts / f"{name}.jsonl", data, PRIVATE_MODE) for name, data in kept.items()]
    for folder in filter(None, (awards, transcripts)):
        # Names of learners go in: for this account alone.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = _write(files, force=force)
    if as_json:
        terminal.result_json(
            {
                "as_of": read.as_of.isoformat(),
                "learners": found.json,
                "sharing": [
                    {"age": one.age, "learner_id": one.learner, "may_share": one.may_share, "reason": one.reason.value}
                    for one in decisions
                ],
            }
        )
    else:
        _tell(found, written)
    terminal.next_step(_next(dataset, out, awards, learner, is_explained=is_explained))
    return terminal.EXIT_YES


@dataclass
class _Findings:
    """What is kept of evaluations, which are made and dropped one by one: a district has many thousand learners."""

    results: bytes = b""
    diplomas: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Learner, diploma, outcome and reason."""
    story: list[str] = field(default_factory=list)
    json: list[dict[str, object]] = field(default_factory=list)


def load_dataset(folder: Path, problems: "ProblemCollector") -> "Dataset":
    """Read a data set folder: the manifest, then the files it names.

    Raises:
        DataSetError: with everything that is wrong.
    """
    from ledger.mastery.dataset import parse_dataset, read_manifest
    from ledger.mastery.manifest import MANIFEST
    from node.outfile import read_input

    files: dict[str, bytes] = {}
    if (folder / MANIFEST).is_file():
        files[MANIFEST] = read_input(folder / MANIFEST, MAX_FILE_BYTES)
    for path in read_manifest(files, problems).paths():
        # A file that is not there is the data set's problem, told with all the others.
        if (folder / path).is_file():
            files[path] = read_input(folder / path, MAX_FILE_BYTES)
    return parse_dataset(files, problems)


def open_award_lists(folder: Path, dataset: "Dataset", *, has_transcripts: bool = False) -> "AwardLists":
    """Empty award lists of a data set folder, with the names of its roster.

    Raises:
        DataSetError: the roster has no names.
        MalformedError: a diploma's id cannot be a file name.
    """
    from ledger.errors import MalformedError
    from ledger.mastery.awardlist import AwardLists, parse_names
    from ledger.mastery.dataset import read_manifest
    from ledger.mastery.manifest import MANIFEST
    from ledger.mastery.problems import ProblemCollector
    from node.outfile import read_input

    for diploma in dataset.requirement_sets:
        if not _FILE_NAME.fullmatch(diploma):
            hint = "--awards needs diploma ids of letters, digits, dots, hyphens and underscores"
            raise MalformedError(f"{diploma[:100]}: cannot be the name of a file", hint=hint)
    problems = ProblemCollector()
    roster = read_manifest({MANIFEST: read_input(folder / MANIFEST, MAX_FILE_BYTES)}, problems).files["roster"]
    names = parse_names(roster, read_input(folder / roster, MAX_FILE_BYTES), problems)
    problems.refuse()
    return AwardLists(dataset, names, has_transcripts=has_transcripts)


def _evaluate(
    dataset: "Dataset", learner: str | None, lists: "AwardLists | None", *, is_explained: bool, as_json: bool
) -> _Findings:
    from ledger.errors import MalformedError
    from ledger.mastery.evaluate import encode_results, evaluate, evaluate_all
    from ledger.mastery.explain import explain

    if learner is None:
        evaluations = evaluate_all(dataset)
    else:
        known = dataset.learner(learner)
        if known is None:
            raise MalformedError(f"{learner}: nobody on the roster has this id", hint="learner ids stand in the roster")
        evaluations = iter([evaluate(dataset, learner, known.diploma)] if known.diploma else [])
    found = _Findings()

    def keep() -> "Iterator[Evaluation]":
        for one in evaluations:
            story = list(explain(one)) if is_explained else []
            found.diplomas.append((one.learner, one.definition.id, one.outcome.value, one.text))
            found.story += story
            if lists is not None:
                lists.add(one)
            if as_json:
                found.json.append(_to_json(one, story))
            yield one

    found.results = encode_results(keep())
    return found


def _check_outputs(out: Path | None, sharing: Path | None, *, force: bool) -> None:
    from ledger.errors import MalformedError
    from node.outfile import check_output

    if out is not None and sharing is not None and out.absolute() == sharing.absolute():
        raise MalformedError(f"{out}: named for the results and for sharing", hint="name two files")
    for path in (out, sharing):
        if path is not None:
            # Whether an existing file may stay is known once there is something to compare it with.
            check_output(path, force=force or path.is_file())


def _write(files: Sequence[tuple[Path | None, bytes, int]], *, force: bool) -> list[Path]:
    """Write each file whole, or none of them; the same evaluation over its own result changes nothing."""
    from node.outfile import check_output, write_output

    named = [(path, data, mode) for path, data, mode in files if path is not None]
    changed = [(path, data, mode) for path, data, mode in named if not path.is_file() or path.read_bytes() != data]
    for path, _, _ in changed:
        check_output(path, force=force)
    for path, data, mode in changed:
        write_output(path, data, mode=mode)
    return [path for path, _, _ in named]


def refuse(problems: "ProblemList", *, as_json: bool) -> int:
    """Tell what is wrong with a data set, and give the exit code for it."""
    found = problems.problems
    if as_json:
        rows = [{"column": p.column, "file": p.file, "line": p.line, "reason": p.reason} for p in found]
        terminal.result_json({"problems": rows})
    for problem in found[:MAX_SHOWN_PROBLEMS]:
        terminal.note(f"cairn-node: error: {problem}")
    more = len(found) - MAX_SHOWN_PROBLEMS
    rest = f" ({more:,} more are listed with --json)" if more > 0 else ""
    terminal.note(f"cairn-node: hint: repair {terminal.count(len(found), 'problem')}{rest}; nothing was written")
    return terminal.EXIT_UNREADABLE


def _tell(found: _Findings, written: list[Path]) -> None:
    for line in found.story:
        terminal.result(line)
    if not found.story and not written:
        terminal.table(("learner", "diploma", "outcome", "reason"), found.diplomas)
    for path in written:
        terminal.result(f"written: {path}")
    counts = Counter(outcome for _, _, outcome, _ in found.diplomas)
    words = ", ".join(f"{number:,} {_words(outcome)}" for outcome, number in sorted(counts.items()))
    terminal.note(f"{terminal.count(len(found.diplomas), 'learner')}: {words or 'no diploma to evaluate'}")


def _words(outcome: str) -> str:
    return "not yet" if outcome == "NOT_AWARDED" else outcome.lower()


def _to_json(evaluation: "Evaluation", story: list[str]) -> dict[str, object]:
    from ledger.mastery.evaluate import HEADER

    found: dict[str, object] = {
        "diploma": evaluation.definition.id,
        "learner_id": evaluation.learner,
        "outcome": evaluation.outcome.value,
        "reason": evaluation.text,
        "results": [dict(zip(HEADER[1:], row[1:], strict=True)) for row in evaluation.rows()],
        "version": evaluation.definition.version,
    }
    return {**found, "explanation": story} if story else found


def _next(dataset: Path, out: Path | None, awards: Path | None, learner: str | None, *, is_explained: bool) -> str:
    if learner is not None and not is_explained:
        return f"cairn-node evaluate {dataset} --learner {learner} --explain"
    if out is None and awards is None and learner is None:
        return f"cairn-node evaluate {dataset} --out FILE, or --learner ID --explain"
    if awards is None:
        return f"cairn-node evaluate {dataset} --awards DIR, for those awarded"
    return f"cairn-node issue DIR --csv {awards}/DIPLOMA.csv --achievement ID"
