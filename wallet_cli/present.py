"""Showing chosen fields of chosen credentials to one audience, in one file.

A copy shown to two receivers lets them find out that they met the same person, so for a new audience a copy nobody
has seen is taken first. The history is written before the file: a file that left without a trace in the history would
be worse than a line in the history about a file that was never sent.
"""

import secrets
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ledger import base64url
from ledger.credential import presentation
from ledger.credential.commitment import commit
from ledger.credential.fields import select_fields
from ledger.credential.keybinding import sign_key_binding
from ledger.credential.presentation import PresentedCredential
from ledger.credential.processing import find_digest
from ledger.credential.sdjwt import parse_sd_jwt
from ledger.duration import DAY_MS
from ledger.errors import MalformedError
from ledger.log.keys import SigningKey
from wallet_cli import files
from wallet_cli.choice import ALL, Choice
from wallet_cli.clock import system_clock
from wallet_cli.enclosing import NOTHING, Enclosed, enclose
from wallet_cli.held import HeldLedger
from wallet_cli.holdings import SUSPENDED, Contents, Copy, Holding, Presented, Shown
from wallet_cli.reading import Reading, read_credential
from wallet_cli.records import day_and_time, expectation

NONCE_BYTES = 16
MAX_TEXT_BYTES = 1 << 17
_REPLACES = "replaces"
"""The one field whose value belongs to another copy, so that several may have it in common."""

LIMITS = (
    "Whoever has seen a copy can read its status, past and future, and when it was made. What is shown cannot be taken back.",
    "All copies of one award change status on the same day, and the school recognises each: receivers who compare, or ask",
    "the school, may find out that they met the same person. Whoever gets the school's status key can read every status.",
)
"""What no choice of fields prevents (DESIGN 4): told before every presentation, and with the history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """For whom a presentation is made, with which nonce, what for, and until when (Unix milliseconds)."""

    audience: str
    nonce: str
    purpose: str
    created: int
    expires: int
    learner: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Selected:
    """One credential as it will be shown: the copy taken, fields shown and hidden by name, warnings in words, proofs."""

    holding: Holding
    copy: Copy
    reading: Reading
    shown: tuple[str, ...]
    hidden: tuple[str, ...]
    warnings: tuple[str, ...]
    enclosed: Enclosed = NOTHING

    @property
    def commitment(self) -> bytes:
        """What stands on the ledger for this copy."""
        return commit(self.reading.token.issuer_jwt)


def draw_nonce() -> str:
    """Return a nonce of our own, where the receiver gave none."""
    return base64url.encode(secrets.token_bytes(NONCE_BYTES))


def make_request(
    audience: str, nonce: str, purpose: str, days: int, learner: tuple[tuple[str, str], ...], now: int | None = None
) -> Request:
    """Return a request that starts now (Unix milliseconds) and ends `days` later; an empty nonce is drawn."""
    created = system_clock() if now is None else now
    return Request(
        # As build_envelope writes it: the key binding must name the same text.
        audience=unicodedata.normalize("NFC", audience),
        nonce=nonce or draw_nonce(),
        purpose=purpose,
        created=created,
        expires=created + days * DAY_MS,
        learner=learner,
    )


def parse_written(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Read `NAME=TEXT` arguments; a text `@FILE` is read from a file.

    Raises:
        MalformedError: no `=`, a name twice, or a file that cannot be read.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise MalformedError(
                f"--write {text[:40]!r} is not NAME=TEXT", hint="for example: --write goals='to study'"
            )
        if name in found:
            raise MalformedError(f"--write {name} is given twice")
        found[name] = _read_text(Path(value[1:])) if value.startswith("@") else value
    return tuple(found.items())


def check_output(path: Path, *, force: bool) -> None:
    """Check, before anything is asked, that the file can be written where it shall be.

    Raises:
        MalformedError: it exists and `force` is not set, or its folder does not exist.
    """
    if path.exists() and not force:
        raise MalformedError(f"{path} exists already", hint="name another file with -o, or add --force")
    if not path.parent.is_dir() or path.is_dir():
        raise MalformedError(f"{path} cannot be written: no such folder", hint="name another file with -o")


def write_output(path: Path, data: bytes) -> None:
    """Write the presentation, readable by its owner only; it holds what others should not read."""
    files.write_atomically(path, data)


def _read_text(path: Path) -> str:
    try:
        return files.read_bounded(path, MAX_TEXT_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MalformedError(f"{path} cannot be read as UTF-8 text") from error


def select(contents: Contents, choices: Sequence[Choice], audience: str, now: int) -> tuple[Selected, ...]:
    """Find the copies and fields that were chosen.

    Raises:
        MalformedError: no such credential, or none was chosen.
        RuleError: a credential has no such field; the hint lists them.
    """
    if not choices:
        raise MalformedError(
            "nothing was chosen", hint="for example: --credential c1 --disclose name; see `cairn list`"
        )
    return tuple(_select_one(contents, choice, audience, now) for choice in choices)


def enclose_proofs(selected: Sequence[Selected], held: HeldLedger | None) -> tuple[Selected, ...]:
    """Add what verifiers without a ledger need, from the replica held here.

    Raises:
        PolicyError: none is held.
    """
    enclosed = enclose(held, [(item.copy, item.reading) for item in selected])
    return tuple(replace(item, enclosed=one) for item, one in zip(selected, enclosed, strict=True))


def explain(selected: Sequence[Selected], request: Request) -> Iterator[str]:
    """Yield in words what the learner is about to show; foreign text is not escaped yet."""
    yield f"You are about to show {request.audience!r}, until {day_and_time(request.expires)}:"
    for item in selected:
        yield ""
        yield f"  {item.reading.title}, issued by {item.reading.issuer_name} ({item.holding.id})"
        yield f"    always visible: achievement, issuer{_validity(item.reading)}, and its status"
        for name in item.shown:
            yield f"    shown:  {name} = {item.reading.fields[name].value}"
        yield f"    hidden: {', '.join(item.hidden) or 'nothing'}"
        yield from (f"    proof:  {line}" for line in item.enclosed.lines)
        yield from (f"    note:   {warning}" for warning in item.warnings)
    if request.learner:
        yield ""
        yield from (f"  in your own words: {name} = {text}" for name, text in request.learner)
    yield ""
    yield from LIMITS


def build(selected: Sequence[Selected], request: Request) -> bytes:
    """Build and sign the presentation file.

    Raises:
        MalformedError: audience, purpose, dates or size are beyond what a presentation may have.
    """
    envelope = presentation.build_envelope(
        audience=request.audience,
        nonce=request.nonce,
        purpose=request.purpose,
        created=request.created,
        expires=request.expires,
        credentials=[
            PresentedCredential(
                select_fields(item.copy.sd_jwt, item.shown),
                item.copy.receipt,
                item.enclosed.proof,
                item.enclosed.status,
            )
            for item in selected
        ],
        learner=dict(request.learner),
    )
    claims = {presentation.HASH_CLAIM: presentation.hash_claim(envelope)}
    bound = [
        _bind(item, credential.sd_jwt, envelope.audience, request, claims)
        for item, credential in zip(selected, envelope.credentials, strict=True)
    ]
    return presentation.encode_presentation(presentation.bind_credentials(envelope, bound))


def with_history(contents: Contents, selected: Sequence[Selected], request: Request, file: str) -> Contents:
    """Add a presentation to the history."""
    made = Presented(
        at=request.created,
        audience=request.audience,
        nonce=request.nonce,
        purpose=request.purpose,
        expires_at=request.expires,
        file=file,
        shown=tuple(Shown(holding=item.holding.id, commitment=item.commitment, fields=item.shown) for item in selected),
    )
    return replace(contents, history=(*contents.history, made))


def _select_one(contents: Contents, choice: Choice, audience: str, now: int) -> Selected:
    holding = contents.holding(choice.credential)
    copy, other = _choose_copy(contents, holding, audience)
    reading = read_credential(copy.sd_jwt)
    names = tuple(reading.fields) if ALL in choice.fields else choice.fields
    select_fields(copy.sd_jwt, names)
    warnings = []
    if other:
        warnings.append(f"{other} has seen this copy too: the two could find out that it is the same person")
    if _REPLACES in names:
        warnings.append(
            f"{_REPLACES} may be the same in all your copies: receivers who see it could find out who they met"
        )
    if copy.receipt is None:
        warnings.append(f"{expectation(copy, now)}; until then the receiver reads `Cannot tell yet`")
    if copy.seed is None:
        warnings.append("it is bound to nobody: whoever gets the file could show it as their own")
    hidden = tuple(name for name in reading.fields if name not in names)
    return Selected(holding, copy, reading, names, hidden, tuple(warnings))


def _choose_copy(contents: Contents, holding: Holding, audience: str) -> tuple[Copy, str]:
    """Return the copy to show, and who else has seen it ("" for nobody)."""
    seen: dict[bytes, list[str]] = {}
    for item in contents.history:
        for one in item.shown:
            seen.setdefault(one.commitment, []).append(item.audience)

    def rank(copy: Copy) -> tuple[bool, bool, int, int]:
        audiences = seen.get(commit(copy.sd_jwt.partition("~")[0]), [])
        # On the ledger first; then one without a suspension in its past; then one this audience knows already, else the
        # one that the fewest others have seen.
        known = -(audience in audiences)
        return copy.receipt is None, copy.mark == SUSPENDED, known, len(set(audiences) - {audience})

    copy = min(holding.current, key=rank)
    others = [name for name in seen.get(commit(copy.sd_jwt.partition("~")[0]), []) if name != audience]
    return copy, others[-1] if others else ""


def _bind(item: Selected, text: str, audience: str, request: Request, claims: dict[str, Any]) -> str:
    if item.copy.seed is None:
        return text
    return sign_key_binding(
        text,
        audience=audience,
        nonce=request.nonce,
        now=request.created,
        sign=SigningKey(item.copy.seed).sign,
        digest=find_digest(parse_sd_jwt(text).payload),
        claims=claims,
    )


def _validity(reading: Reading) -> str:
    return f", valid until {reading.valid_until}" if reading.valid_until else ""
