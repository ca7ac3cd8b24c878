"""Remarks on text that is about to stand on the ledger for everybody, for ever: what may be about a person.

A list of words can only remind: whether `Requirement set for the autism unit` tells who is in that unit is for a person to
say. So a remark stops nothing for good; `cairn-node publish` asks for `--reviewed`. Words are looked up whole and without
regard to upper and lower case, in English and Spanish. What learners learn may well be about refugees: in the items of a
framework words are left alone.
"""

import re
from collections.abc import Iterator

from ledger.credential.strict_json import JSONValue, parse_strict_json
from ledger.errors import MalformedError

_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    # From the sign on: asked from every beginning, a long word without one would take time by its square.
    ("an e-mail address", re.compile(r"(?<=[^\s@<>\"'])@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")),
    ("a telephone number", re.compile(r"(?<![\w/.:-])(?:\+\d[\d ().-]{8,}\d|\(\d{3}\) ?\d{3}-\d{4})(?!\w)")),
    ("a social security number", re.compile(r"(?<![\w/-])\d{3}-\d{2}-\d{4}(?![\w-])")),
)
_SENSITIVE = (
    "autism", "autistic", "dyslexia", "dyslexic", "adhd", "disability", "disabilities", "disabled", "special education",
    "special needs", "iep", "504 plan", "resource room", "behavioral unit", "behavioural unit", "emotional disturbance",
    "english learner", "english learners", "esl", "ell", "refugee", "refugees", "asylum", "undocumented", "migrant",
    "homeless", "foster care", "incarcerated", "juvenile detention", "expelled", "expulsion",
    "pregnant", "parenting teens", "free lunch", "reduced lunch", "remedial", "at-risk", "dropout",
    "dropouts", "lgbtq", "pregnancy", "mental health", "chronic illness", "probation",
    "autismo", "discapacidad", "necesidades especiales", "refugiado", "refugiados", "migrante", "embarazada",
)  # fmt: skip
_ITEMS = ("CFItems[", "items[")
"""Where the items of a framework stand."""
_WORDS = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, _SENSITIVE)) + r")(?!\w)", re.IGNORECASE)
_SEPARATORS = re.compile(r"[-_./:#]+")


def find_remarks(text: str, *, with_words: bool = True) -> Iterator[str]:
    """What in a text may be about a person, each in words that go on from `its id …`, each once.

    Args:
        text: any.
        with_words: whether words count, beside what looks like somebody's address or number.
    """
    for what, pattern in _PATTERNS:
        if pattern.search(text):
            # What was found is not repeated: it may be somebody's.
            yield f"looks as if it held {what}"
    if not with_words:
        return
    # Ids join their words with signs: `autism-unit` is found as `autism unit` is.
    found = {match[0].lower() for words in (text, _SEPARATORS.sub(" ", text)) for match in _WORDS.finditer(words)}
    yield from (f"says {word!r}" for word in sorted(found))


def review_document(data: bytes, max_bytes: int) -> tuple[str, ...]:
    """What should be looked at in a document before it is published: path and remark, in the document's order.

    Args:
        data: JSON; anything else is looked through as text.
        max_bytes: that it may have.
    """
    try:
        value = parse_strict_json(data, max_bytes=max_bytes)
    except MalformedError:
        return tuple(f"the file {remark}" for remark in find_remarks(data.decode("utf-8", "replace")))
    remarks = (
        f"{path or 'it'} {remark}"
        for path, text in _texts(value, "")
        for remark in find_remarks(text, with_words=not path.startswith(_ITEMS))
    )
    return tuple(dict.fromkeys(remarks))


def _texts(value: JSONValue, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield path, name
            yield from _texts(member, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for position, element in enumerate(value):
            yield from _texts(element, f"{path}[{position}]")
