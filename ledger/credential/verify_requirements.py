"""Step 12: the requirement set a diploma names, read from the ledger and held against what is shown.

What a school publishes says which requirements there are, which of them may be waived and how many. A copy shows how
some of them were reached, or none. So the answer is `yes` only where everything required is shown and fits, `no` where
what is shown cannot fit, and `could not check` otherwise; that the work behind a result was judged by the published
rules stands on the issuer's word in every case. This step informs and never changes the verdict.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from ledger.credential.openbadge import REQUIREMENT_SET_TYPE, result_code
from ledger.credential.report import Answer, Step, make_step
from ledger.credential.strict_json import JSONObject, parse_strict_object
from ledger.credential.verify_status import SYNC, read_entry
from ledger.errors import CairnError, MalformedError, ProofError
from ledger.log.body import verify_body
from ledger.log.identity import LogId
from ledger.log.network import Network
from ledger.log.receipt import Receipt
from ledger.log.records import DocumentName, DocumentType, Publish

MET, WAIVED = "met", "waived"

MAX_SET_BYTES = 1024 * 1024
MAX_SETS = 4
"""Requirement sets of one credential that are looked up."""
MAX_KEPT_SETS = 64
"""Sets that a network keeps, so that a batch reads the file of each once."""
MAX_LINES = 200
MAX_LABEL_CHARACTERS = 120

_NAME = re.compile(r"(.{1,180})/([1-9][0-9]{0,8})", re.ASCII)
_WORD = "on the issuer's word: that what counts as reached was judged by the published rules"


@dataclass(frozen=True, slots=True)
class Required:
    """One requirement as published."""

    id: str
    label: str
    is_waivable: bool


@dataclass(frozen=True, slots=True)
class PublishedSet:
    """What a published requirement set asks of a credential."""

    requirements: tuple[Required, ...]
    max_waivers: int


@dataclass(frozen=True, slots=True)
class _Found:
    """A requirement set on the ledger."""

    log: LogId
    index: int
    data: bytes


def check_requirements(
    credential: JSONObject, owner: LogId | None, network: Network, receipt: Receipt | None = None
) -> Step:
    """Answer step 12; never raises for what a credential or a document says.

    Args:
        credential: the Open Badges object after processing: with what is disclosed, without what is not.
        owner: the log its issuer id belongs to; None where nobody in the network owns it.
        network: the verifier's view.
        receipt: where the credential stands, if that is proven.
    """
    subject = _object(credential.get("credentialSubject"))
    names = _names_of(_object(subject.get("achievement")))
    if not names:
        return make_step(12, Answer.NOT_APPLICABLE, "it names no requirement set")
    if len(names) > MAX_SETS:
        return make_step(12, Answer.COULD_NOT_CHECK, f"it names {len(names)} requirement sets", "ask the issuer")
    shown = _shown_results(subject)
    steps = [_check_one(name, shown, owner, network, receipt) for name in names]
    if len(steps) == 1:
        return steps[0]
    order = (Answer.NO, Answer.COULD_NOT_CHECK, Answer.YES)
    first = min(steps, key=lambda step: order.index(step.answer))
    detail = "; ".join(step.detail for step in steps)
    return replace(first, detail=detail, lines=tuple(line for step in steps for line in step.lines))


def parse_published_set(data: bytes) -> PublishedSet:
    """Read from a requirement set what a verifier needs of it; members for the evaluator are passed over.

    Raises:
        MalformedError: it is none.
    """
    where = "requirement set"
    content = parse_strict_object(data, max_bytes=MAX_SET_BYTES, where=where)
    rows = content.get("requirements")
    if not isinstance(rows, list) or not rows:
        raise MalformedError(f"{where}: requirements: expected a list of at least one")
    found: dict[str, Required] = {}
    for position, row in enumerate(rows):
        name = _text(_object(row), "id")
        if not name or name in found:
            raise MalformedError(f"{where}: requirements[{position}]: has no id of its own")
        found[name] = Required(name, _text(_object(row), "label"), _object(row).get("waivable") is True)
    limit = content.get("maxWaivers", 0)
    if type(limit) is not int or limit < 0:
        raise MalformedError(f"{where}: maxWaivers: expected a whole number from 0")
    return PublishedSet(tuple(found.values()), limit)


_parse_cached = lru_cache(maxsize=16)(parse_published_set)
"""Every diploma of a school names the same set: a batch reads it once."""


def _check_one(
    name: str, shown: Sequence[tuple[str, str]], owner: LogId | None, network: Network, receipt: Receipt | None
) -> Step:
    try:
        found = _find(name, owner, network)
        asked = _parse_cached(found.data)
    except CairnError as error:
        return make_step(12, Answer.COULD_NOT_CHECK, f"it names {name[:200]}: {error}", error.hint or "ask the issuer")
    place = f"{name}, entry {found.index} of the log of {network.name_of(found.log)}"
    late = receipt is not None and receipt.log == found.log and receipt.index < found.index
    if late:
        place += ", published after this credential"
    faults = list(_find_faults(asked, shown))
    values = dict(shown)
    codes = {one.id for one in asked.requirements}
    count = sum(1 for code in values if code in codes)
    detail = f"{place}: {count} of {len(codes)} shown"
    lines = tuple(_tell(asked, values))
    if faults:
        step = make_step(12, Answer.NO, f"{detail}; {'; '.join(faults[:10])}", "ask the issuer how this came about")
    elif count < len(codes):
        remedy = "where it matters, ask the learner to show the rest"
        step = make_step(12, Answer.COULD_NOT_CHECK, f"{detail}, the rest stands on the issuer's word", remedy)
    else:
        step = make_step(12, Answer.YES, detail)
    return replace(step, lines=lines)


def _find(name: str, owner: LogId | None, network: Network) -> _Found:
    """The document on the issuer's log, or on the network's; read once for all diplomas that name it.

    Raises:
        CairnError: it is not there, not held, or two differ.
    """
    kept = network.sets.get((owner, name))
    if isinstance(kept, _Found):
        return kept
    found = _read_set(name, owner, network)
    if len(network.sets) < MAX_KEPT_SETS:
        network.sets[owner, name] = found
    return found


def _read_set(name: str, owner: LogId | None, network: Network) -> _Found:
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise MalformedError("is not ID/VERSION")
    if owner is None:
        raise ProofError("the log of its issuer is not known")
    version = int(parts[2])
    found: list[_Found] = []
    for log in dict.fromkeys((owner, network.trust.network)):
        view = network.ledger.log(log)
        if view is None:
            raise ProofError(f"the log of {network.name_of(log)} is not held here", hint=SYNC)
        for document in (f"requirements/{parts[1]}", parts[1]):
            record = view.state.document(DocumentName(document, version))
            if record is None or record.type is not DocumentType.REQUIREMENT_SET:
                continue
            entry = read_entry(network, log, view, record.index)
            body = view.body(record.index)
            if body is None or not isinstance(entry.statement, Publish):
                raise ProofError(f"entry {record.index} of {network.name_of(log)} is not held whole", hint=SYNC)
            (data,) = verify_body("publish", entry.statement.reference, body)
            found.append(_Found(log, record.index, data))
            break
    if not found:
        raise ProofError("neither its issuer nor the network has published it", hint=SYNC)
    if any(one.data != found[0].data for one in found):
        raise ProofError("its issuer and the network have published different ones", hint="ask the issuer which it is")
    return found[0]


def _find_faults(asked: PublishedSet, shown: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Why what is shown cannot satisfy the set."""
    values = dict(shown)
    for code in sorted({code for code, value in shown if values[code] != value}):
        yield f"{code} is shown twice with different values"
    waived = 0
    for one in asked.requirements:
        value = values.get(one.id)
        waived += value == WAIVED
        if value == WAIVED and not one.is_waivable:
            yield f"{one.id} is waived and must not be"
        elif value not in (None, MET, WAIVED):
            yield f"{one.id} is neither met nor waived"
    if waived > asked.max_waivers:
        yield f"{waived} waived, at most {asked.max_waivers} may be"


def _tell(asked: PublishedSet, values: Mapping[str, str]) -> Iterator[str]:
    """One fact a line: each requirement and what is shown of it."""
    for one in asked.requirements[:MAX_LINES]:
        label = f"{one.id} {one.label}".strip()[:MAX_LABEL_CHARACTERS]
        value = values.get(one.id)
        what = "not shown, on the issuer's word" if value is None else f"shown as {value[:40]}"
        yield f"required: {label}: {what}"
    if len(asked.requirements) > MAX_LINES:
        yield f"and {len(asked.requirements) - MAX_LINES} more"
    yield _WORD


def _names_of(achievement: JSONObject) -> list[str]:
    entries = [_object(item) for item in _list(achievement.get("otherIdentifier"))]
    return list(
        dict.fromkeys(_text(e, "identifier") for e in entries if e.get("identifierType") == REQUIREMENT_SET_TYPE)
    )


def _shown_results(subject: JSONObject) -> list[tuple[str, str]]:
    """Code and value of every result shown, hidden before or in clear."""
    rows = [_object(item) for item in _list(subject.get("result"))]
    return [(result_code(_text(row, "resultDescription")), _text(row, "value")) for row in rows]


def _object(value: object) -> JSONObject:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _text(value: JSONObject, name: str) -> str:
    text = value.get(name)
    return text if isinstance(text, str) else ""
