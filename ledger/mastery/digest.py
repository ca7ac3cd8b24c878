"""The evaluation digest (DOMAIN 2.15): what an award says about how it was decided, without saying it.

A transcript names the definitions by digest, every input that could have counted by id and digest, and the result rows.
The digest over it is keyed with a fresh 128-bit salt for every copy of the award and is disclosed together with that
salt, so that no two copies share a value and nobody can guess small inputs. Whoever is given the private inputs makes the
transcript again; `find_difference` names the first thing that does not agree.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date

from ledger import canonical
from ledger.canonical import JSONObject
from ledger.mastery import status_events
from ledger.mastery.admission import exclusion_of
from ledger.mastery.dataset import Dataset
from ledger.mastery.evaluate import HEADER, Evaluation
from ledger.mastery.requirements import MasteredTest, RequirementSet
from ledger.mastery.rules import child_rules_of

SALT_BYTES = 16
_CONTEXT = b"cairn/evaluation/v1\n"
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


def digest_transcript(transcript: Transcript, salt: bytes) -> bytes:
    """SHA-256("cairn/evaluation/v1\\n" || salt || canonical JSON of the transcript), 32 bytes.

    Args:
        transcript: what was decided and on what.
        salt: 16 random bytes, fresh for every copy of an award.

    Raises:
        ValueError: the salt has another length.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"salt: {len(salt)} bytes, expected {SALT_BYTES}")
    return hashlib.sha256(_CONTEXT + salt + canonical.encode(transcript.to_json())).digest()


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
