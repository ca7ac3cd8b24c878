"""The evaluation digest (DOMAIN 2.15): what an award says about how it was decided, without saying it.

A transcript names the definitions by digest, every input that could have counted by id and digest, and the result rows.
Its fingerprint stays at the school. What a copy of the award bears is keyed with a fresh 128-bit salt and disclosed
together with that salt, so that no two copies share a value and nobody can guess small inputs. Whoever is given the
private inputs makes the transcript again; `find_difference` names the first thing that does not agree.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date

from ledger import canonical
from ledger.canonical import Fields, JSONObject, JSONValue
from ledger.credential.evaluation import MAX_LABEL_CHARACTERS, EvaluationRecord, key_fingerprint
from ledger.errors import MalformedError
from ledger.mastery import status_events
from ledger.mastery.admission import exclusion_of
from ledger.mastery.dataset import Dataset
from ledger.mastery.evaluate import HEADER, Evaluation
from ledger.mastery.requirements import ApprovalsTest, MasteredTest, RequirementSet, SignOffTest
from ledger.mastery.rules import child_rules_of

_SEPARATORS = re.compile(r"[\s;\x00-\x1f\x7f]")
_CONTEXT = b"cairn/transcript/v1\n"
_INPUT_CONTEXT = b"cairn/input/v1\n"


@dataclass(frozen=True, slots=True)
class Named:
    """A definition or an input by kind, id and the SHA-256 (hexadecimal) of what it says."""

    kind: str
    id: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """Everything an evaluation rested on and came to. Private: it never leaves the school as it is."""

    as_of: str
    definitions: tuple[Named, ...]
    """Requirement set, framework, then the rules it leads to, sorted."""
    inputs: tuple[Named, ...]
    """Rows that could have counted, sorted by kind and id."""
    results: tuple[tuple[str, ...], ...]
    """Result rows in their order."""

    def to_json(self) -> JSONObject:
        """As ledger JSON."""
        return {
            "as_of": self.as_of,
            "definitions": [_named_json(one) for one in self.definitions],
            "inputs": [_named_json(one) for one in self.inputs],
            "results": [list(row) for row in self.results],
        }


def make_transcript(evaluation: Evaluation) -> Transcript:
    """The transcript of an evaluation."""
    dataset, definition = evaluation.case.dataset, evaluation.definition
    rules = sorted(_rules_of(dataset, definition))
    return Transcript(
        as_of=evaluation.case.as_of.isoformat(),
        definitions=(
            Named("requirement_set", f"{definition.id} {definition.version}".strip(), definition.digest),
            Named("framework", dataset.framework.uri, dataset.framework.digest),
            *(Named("rule", f"{r} {dataset.rules[r].version}".strip(), dataset.rules[r].digest) for r in rules),
        ),
        inputs=tuple(sorted(_inputs(evaluation), key=lambda one: (one.kind, one.id))),
        results=tuple(evaluation.rows()),
    )


def parse_transcript(value: JSONValue) -> Transcript:
    """Read what `Transcript.to_json` gave.

    Raises:
        MalformedError: it is something else.
    """
    fields_ = Fields(value, "transcript")
    found = Transcript(
        as_of=fields_.text("as_of"),
        definitions=tuple(_parse_named(one) for one in fields_.array("definitions")),
        inputs=tuple(_parse_named(one) for one in fields_.array("inputs")),
        results=tuple(_parse_row(row) for row in fields_.array("results")),
    )
    fields_.finish()
    return found


def fingerprint_transcript(transcript: Transcript) -> bytes:
    """SHA-256("cairn/transcript/v1\\n" || canonical JSON of the transcript), 32 bytes; private, for it has no salt."""
    return hashlib.sha256(_CONTEXT + canonical.encode(transcript.to_json())).digest()


def digest_transcript(transcript: Transcript, salt: bytes) -> bytes:
    """What a copy with this salt (16 bytes) bears, 32 bytes.

    Raises:
        ValueError: the salt has another length.
    """
    return key_fingerprint(fingerprint_transcript(transcript), salt)


def record_evaluation(evaluation: Evaluation, transcript: Transcript) -> EvaluationRecord:
    """What an award says of its evaluation, once it is keyed."""
    dataset, definition = evaluation.case.dataset, evaluation.definition
    rules = (_label(rule, dataset.rules[rule].version) for rule in sorted(_rules_of(dataset, definition)))
    return EvaluationRecord(
        fingerprint=fingerprint_transcript(transcript),
        requirement_set=_label(definition.id, definition.version),
        rules=tuple(dict.fromkeys(rules)),
        judges=tuple(sorted({_label(kind) for kind in _kinds_of_judges(evaluation)})),
    )


def find_difference(old: Transcript, new: Transcript) -> str:
    """The first thing in which two transcripts differ, in words; empty where they agree.

    Result rows come first, since they are what a person asks about; then what they rest on.
    """
    for before, after in zip(old.results, new.results, strict=False):
        if before != after:
            return f"result row {before[1]} {before[2]}: {_first_cell(before, after)}"
    if len(old.results) != len(new.results):
        longer = max(old.results, new.results, key=len)
        row = longer[min(len(old.results), len(new.results))]
        return f"result row {row[1]} {row[2]} stands in one of the two only"
    if old.as_of != new.as_of:
        return f"as of {old.as_of} and as of {new.as_of}"
    return _compare(old.definitions, new.definitions) or _compare(old.inputs, new.inputs)


def digest_input(kind: str, row: object) -> Named:
    """An input row by its id and the digest of its fields, whatever file format it came in."""
    texts = {field.name: _text(getattr(row, field.name)) for field in fields(row)}  # type: ignore[arg-type]  # every input row is a dataclass
    digest = hashlib.sha256(_INPUT_CONTEXT + canonical.encode({"kind": kind, "row": texts})).hexdigest()
    return Named(kind, texts["id"], digest)


def _kinds_of_judges(evaluation: Evaluation) -> Iterator[str]:
    """Of everybody whose word counted for something mastered, signed or approved; `transfer` for a grant."""
    case, signers = evaluation.case, set[str]()
    for judgment in (*evaluation.items, *evaluation.awards):
        if judgment.is_mastered:
            yield from (piece.assessor.kind for piece in judgment.counted if piece.assessor is not None)
            yield from ("transfer" for piece in judgment.counted if piece.match is not None)
            yield from ("transfer",) if judgment.match is not None else ()
            signers |= {judgment.signoff.signer} if judgment.signoff is not None else set()
    for test in evaluation.definition.tests():
        if isinstance(test, SignOffTest | ApprovalsTest):
            signers |= {one.signer for one in case.signoffs_of(test.subject)}
    assessors = case.dataset.assessors
    yield from (assessors[signer].kind for signer in signers if signer in assessors)


def _label(name: str, version: str = "") -> str:
    """`ID/VERSION`, without anything that would separate it in a list."""
    return _SEPARATORS.sub("_", f"{name}/{version}" if version else name)[:MAX_LABEL_CHARACTERS]


def _parse_named(value: JSONValue) -> Named:
    one = Fields(value, "transcript")
    named = Named(one.text("kind"), one.text("id"), one.text("digest"))
    one.finish()
    return named


def _parse_row(value: JSONValue) -> tuple[str, ...]:
    cells = value if isinstance(value, list) else []
    texts = tuple(cell for cell in cells if isinstance(cell, str))
    if not len(texts) == len(cells) == len(HEADER):
        raise MalformedError(f"transcript: a result row is not {len(HEADER)} texts")
    return texts


def _first_cell(before: Sequence[str], after: Sequence[str]) -> str:
    name, was, now = next((n, b, a) for n, b, a in zip(HEADER, before, after, strict=True) if b != a)
    return f"{name} was {was!r} and is {now!r}"


def _compare(old: Sequence[Named], new: Sequence[Named]) -> str:
    before = {(one.kind, one.id): one.digest for one in old}
    after = {(one.kind, one.id): one.digest for one in new}
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            kind, name = key[0].replace("_", " "), key[1]
            if key in before and key in after:
                return f"{kind} {name} has changed"
            return f"{kind} {name} {'no longer counts' if key in before else 'did not count before'}"
    return ""


def _rules_of(dataset: Dataset, definition: RequirementSet) -> set[str]:
    """Rules the definition names, and those they name."""
    todo = [award.rule for award in definition.awards]
    for test in definition.tests():
        if isinstance(test, MasteredTest):
            todo += test.rules
    found = set[str]()
    while todo:
        rule = todo.pop()
        if rule not in found:
            found.add(rule)
            todo += child_rules_of(dataset.rules[rule])
    return found


def _inputs(evaluation: Evaluation) -> Iterator[Named]:
    """Rows of the learner that pass every condition no rule changes."""
    case, rows = evaluation.case, evaluation.case.rows
    standing, assessors, as_of = case.dataset.standing, case.dataset.assessors, case.as_of
    for row in rows.evidence:
        if exclusion_of(row, as_of, standing, assessors) is None:
            yield digest_input(status_events.EVIDENCE, row)
    for subject in dict.fromkeys(row.subject for row in rows.signoffs):
        yield from (digest_input(status_events.SIGNOFF, one) for one in case.signoffs_of(subject))
    for kind in dict.fromkeys(row.type for row in rows.experiences):
        yield from (digest_input(status_events.EXPERIENCE, one) for one in case.experiences_of(kind))
    yield from (digest_input(status_events.CREDENTIAL, one) for one in case.holdings())
    for requirement in evaluation.definition.requirements:
        waivers = case.waivers_of(evaluation.definition.id, requirement.id)
        yield from (digest_input(status_events.WAIVER, one) for one in waivers)
    for transfer in rows.transfers:
        if transfer.issued_on <= as_of and not standing.is_void(status_events.TRANSFER, transfer.id):
            yield digest_input(status_events.TRANSFER, transfer)


def _named_json(one: Named) -> Mapping[str, str]:
    return {"digest": one.digest, "id": one.id, "kind": one.kind}


def _text(value: object) -> str:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date) else str(value)
