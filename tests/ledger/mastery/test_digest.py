"""The evaluation digest: bound to every input that could count, keyed by a salt, and explainable where it differs."""

import hashlib
from collections.abc import Callable

import pytest

from ledger import canonical
from ledger.mastery.dataset import parse_dataset
from ledger.mastery.digest import (
    Transcript,
    digest_transcript,
    find_difference,
    fingerprint_transcript,
    make_transcript,
)
from ledger.mastery.evaluate import evaluate
from tests.ledger.mastery.sample import Files, edit_json, edit_rows, sample_files

SALT = bytes(range(16))


def transcript(files: Files, learner: str = "L25", diploma: str = "confluence") -> Transcript:
    return make_transcript(evaluate(parse_dataset(files), learner, diploma))


def cell(name: str, key: str, **cells: str) -> Callable[[Files], Files]:
    return lambda files: edit_rows(
        files, name, lambda rows: next(r for r in rows if next(iter(r.values())) == key).update(cells)
    )


def test_the_digest_is_what_the_format_says() -> None:
    """SHA-256 over context, salt and canonical JSON."""
    found = transcript(sample_files())
    fingerprint = hashlib.sha256(b"cairn/transcript/v1\n" + canonical.encode(found.to_json())).digest()
    assert fingerprint_transcript(found) == fingerprint
    expected = hashlib.sha256(b"cairn/evaluation/v1\n" + SALT + fingerprint).digest()
    assert digest_transcript(found, SALT) == expected


def test_order_of_rows_and_spacing_do_not_matter() -> None:
    """The same facts in another order, and definitions with other blanks, have the same digest."""
    files = sample_files()
    shuffled = edit_rows(files, "evidence.csv", lambda rows: rows.reverse())
    spaced = edit_json(shuffled, "rules.json", lambda value: value)
    assert digest_transcript(transcript(spaced), SALT) == digest_transcript(transcript(files), SALT)


def test_salts_make_digests_unlinkable() -> None:
    """Another salt, another digest; a salt of another length is a mistake of the caller."""
    found = transcript(sample_files())
    assert digest_transcript(found, SALT) != digest_transcript(found, bytes(16))
    with pytest.raises(ValueError, match="salt: 15 bytes, expected 16"):
        digest_transcript(found, SALT[:15])


def test_other_learners_do_not_reach_the_transcript() -> None:
    """It holds rows of one learner only, and no name or date of birth."""
    files = sample_files()
    other = cell("evidence.csv", "EV-0001", value="4")(files)
    assert transcript(other) == transcript(files)
    told = canonical.encode(transcript(files).to_json()).decode()
    assert "Lanternfluff" not in told and "2008-03-17" not in told


DIFFERENCES: dict[str, tuple[Callable[[Files], Files], str]] = {
    "a value that decides": (cell("evidence.csv", "EV-0414", value="1"),
        "result row item IS.1: outcome was 'MASTERED' and is 'NOT_YET'"),
    "a value that does not decide": (cell("evidence.csv", "EV-0414", setting="online"), ""),
    "a date that does not decide": (cell("evidence.csv", "EV-0414", recorded_on="2026-03-19"),
        "evidence EV-0414 has changed"),
    "an input that appears": (cell("status_events.csv", "SE-001", effective_on="2027-01-01"),
        "result row item IS.1: outcome was"),
    "a sign-off nobody looks at": (cell("signoffs.csv", "SO-100", learner_id="L25", subject="ELSE"),
        "signoff SO-100 did not count before"),
    "a rule's title": (lambda f: edit_json(f, "rules.json", lambda v: v["rules"][7].update(title="Other")),
        "rule CF-CORE 1 has changed"),
    "a rule of another diploma": (lambda f: edit_json(f, "rules.json", lambda v: v["rules"][0].update(title="Other")), ""),
    "the framework": (lambda f: {**f, "framework.json": f["framework.json"] + b"\n"},
        "framework urn:cairn:framework:stonepath:1.0 has changed"),
    "the definition": (lambda f: edit_json(f, "requirements/confluence.json", lambda v: v.update(note="Other")),
        "requirement set confluence 1 has changed"),
    "the day": (lambda f: {**f, "dataset.json": f["dataset.json"].replace(b"06-15", b"06-16")},
        "as of 2026-06-15 and as of 2026-06-16"),
}  # fmt: skip


@pytest.mark.parametrize("name", DIFFERENCES)
def test_the_first_difference_is_named(name: str) -> None:
    """Whoever makes the transcript again is told what differs, and digests differ exactly then."""
    change, words = DIFFERENCES[name]
    before, after = transcript(sample_files()), transcript(change(sample_files()))
    assert find_difference(before, after).startswith(words)
    assert bool(find_difference(before, after)) == bool(words)
    assert (digest_transcript(before, SALT) == digest_transcript(after, SALT)) == (not words)


def test_rows_that_are_missing_are_named() -> None:
    """A result row that only one of the two has is a difference too."""
    before = transcript(sample_files())
    after = Transcript(
        as_of=before.as_of, definitions=before.definitions, inputs=before.inputs, results=before.results[:-1]
    )
    assert find_difference(before, after) == "result row diploma confluence stands in one of the two only"
