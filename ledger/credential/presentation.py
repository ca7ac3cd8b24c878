"""Presentations: one file that shows chosen parts of chosen credentials to one audience (DESIGN 5).

One canonical JSON object, `application/vnd.cairn.presentation+json`, file ending `.cairn`:

    {"audience","created","credentials":[{"proof","receipt","sd_jwt","status"}],"expires","learner":{…},"nonce",
     "purpose","v":1}

The envelope hash is SHA-256 of `cairn/presentation/v1\\n` and the canonical form of that object with every credential's
key-binding JWT cut off. It stands as claim `cairn_presentation` in every key-binding JWT, so each holder key signs the
whole file: no credential, disclosure, receipt, learner-written part or date can be added, removed or swapped, and no
further signature is needed. A copy that is not bound to a key stands in the file without one; a file with nothing but
such copies is signed by nobody, so nothing proves for whom it was made.

`receipt` is left out where there is none; what it must prove is judged by `ledger.log.receipt`. `proof` and `status` are
for verifiers without a replica, or with an old one: judged by `ledger.log.standalone` and `stapled`. Whether the
key-binding JWTs hold is judged by `verify`; here is only what the file itself demands.
"""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ledger import base64url, canonical
from ledger.canonical import JSONObject, JSONValue
from ledger.credential.keybinding import KeyBinding
from ledger.duration import DAY_MS
from ledger.errors import MalformedError, RuleError

MEDIA_TYPE = "application/vnd.cairn.presentation+json"
FILE_ENDING = ".cairn"
HASH_CLAIM = "cairn_presentation"
"""Claim of every key-binding JWT in the file: the envelope hash, base64url."""

MAX_PRESENTATION_BYTES = 10 * 1024 * 1024
MAX_CREDENTIALS = 200
MAX_SD_JWT_CHARACTERS = 1024 * 1024
MAX_LINE_CHARACTERS = 1000
"""Longest audience, nonce or purpose."""
MAX_LEARNER_PARTS = 50
MAX_LEARNER_PART_CHARACTERS = 20_000
MAX_AGE_MS = 180 * DAY_MS
"""Longest time between `created` and `expires`, in milliseconds."""

_CONTEXT = b"cairn/presentation/v1\n"
_SD_JWT = re.compile(r"[A-Za-z0-9_.-]+~[A-Za-z0-9_.~-]*")
_PART_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_EXTRAS = ("receipt", "proof", "status")
"""Members of a credential beside its text, each an object that somebody else judges."""
_MEMBERS = frozenset({"audience", "created", "credentials", "expires", "learner", "nonce", "purpose", "v"})
_MAX_INTEGER = (1 << 53) - 1


@dataclass(frozen=True, slots=True)
class PresentedCredential:
    """One credential of the file: SD-JWT with its chosen disclosures, then the key-binding JWT if it is bound.

    `proof` makes the receipt stand alone and is there only with one; `status` is a stapled status.
    """

    sd_jwt: str
    receipt: JSONObject | None = None
    proof: JSONObject | None = None
    status: JSONObject | None = None

    @property
    def unbound_text(self) -> str:
        """The SD-JWT without its key-binding JWT; ends in a tilde."""
        return self.sd_jwt[: self.sd_jwt.rindex("~") + 1]


@dataclass(frozen=True, slots=True)
class LearnerPart:
    """What the learner wrote beside the credentials: shown as `self-asserted`, under a name such as `goals`."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """A presentation; times are Unix milliseconds, parts ascend by name."""

    audience: str
    nonce: str
    purpose: str
    created: int
    expires: int
    credentials: tuple[PresentedCredential, ...]
    learner: tuple[LearnerPart, ...] = ()


def build_envelope(
    *,
    audience: str,
    nonce: str,
    purpose: str,
    created: int,
    expires: int,
    credentials: Sequence[PresentedCredential],
    learner: Mapping[str, str] | None = None,
) -> Presentation:
    """Put a presentation together whose credentials wait for their key-binding JWTs (see `bind_credentials`).

    Text is NFC-normalised.

    Args:
        audience: for whom, at most 1,000 characters; the verifier asks for exactly this text.
        nonce: the verifier's, or one drawn by the wallet.
        purpose: what for, in words; may be empty.
        created: now, in Unix milliseconds.
        expires: until when it may be used, at most 180 days after `created`.
        credentials: 1 to 200, each an SD-JWT that ends in a tilde.
        learner: names of parts (`[a-z][a-z0-9_]*`) and their texts.

    Raises:
        MalformedError: one of these does not fit; the message names it.
    """
    parts = sorted((learner or {}).items())
    envelope = Presentation(
        audience=unicodedata.normalize("NFC", audience),
        nonce=nonce,
        purpose=unicodedata.normalize("NFC", purpose),
        created=created,
        expires=expires,
        credentials=tuple(replace(c, sd_jwt=c.unbound_text) for c in credentials if _is_sd_jwt(c.sd_jwt)),
        learner=tuple(LearnerPart(name, unicodedata.normalize("NFC", text)) for name, text in parts),
    )
    if len(envelope.credentials) != len(credentials):
        raise MalformedError("presentation: a credential is not an SD-JWT")
    _check(envelope)
    return envelope


def envelope_hash(presentation: Presentation) -> bytes:
    """The 32 bytes every holder key signs; the same before and after the key-binding JWTs are there."""
    return hashlib.sha256(_CONTEXT + canonical.encode(_to_json(presentation, bound=False))).digest()


def hash_claim(presentation: Presentation) -> str:
    """The value of the claim `cairn_presentation`: the envelope hash as base64url."""
    return base64url.encode(envelope_hash(presentation))


def bind_credentials(envelope: Presentation, sd_jwts: Sequence[str]) -> Presentation:
    """Put the key-binding JWTs in: one text per credential, in order, the envelope's own with nothing or a JWT behind.

    Raises:
        ValueError: a text is not the envelope's credential.
    """
    if len(sd_jwts) != len(envelope.credentials):
        raise ValueError(f"presentation: {len(sd_jwts)} texts for {len(envelope.credentials)} credentials")
    bound = tuple(replace(c, sd_jwt=text) for c, text in zip(envelope.credentials, sd_jwts, strict=True))
    for before, after in zip(envelope.credentials, bound, strict=True):
        if after.unbound_text != before.unbound_text:
            raise ValueError("presentation: a text is not the credential the envelope was made with")
    return replace(envelope, credentials=bound)


def verify_binding(presentation: Presentation, binding: KeyBinding, *, claim: str) -> None:
    """Check that a verified key binding was made for this whole file.

    1. its claim `cairn_presentation` is the file's envelope hash; 2. its audience and 3. its nonce are the file's.

    Args:
        presentation: the file.
        binding: of one of its credentials, its signature and `sd_hash` already verified.
        claim: `hash_claim(presentation)`, computed once for all credentials of the file.

    Raises:
        RuleError: a step fails.
    """
    found = binding.claims.get(HASH_CLAIM)
    if found is None:  # 1
        raise RuleError("presentation: the holder key signed this credential alone, not the file it stands in")
    if found != claim:
        raise RuleError(
            "presentation: the holder key signed another file: something in this one was added, removed or changed"
        )
    if binding.audience != presentation.audience:  # 2
        raise RuleError(
            f"presentation: key binding for {binding.audience!r}, the file is for {presentation.audience!r}"
        )
    if binding.nonce != presentation.nonce:  # 3
        raise RuleError(f"presentation: key binding with nonce {binding.nonce!r}, the file has {presentation.nonce!r}")


def encode_presentation(presentation: Presentation) -> bytes:
    """The bytes of the file; `parse_presentation` inverts it.

    Raises:
        MalformedError: it holds what `parse_presentation` would refuse.
    """
    _check(presentation)
    data = canonical.encode(_to_json(presentation, bound=True))
    if len(data) > MAX_PRESENTATION_BYTES:
        raise MalformedError(
            f"presentation: {len(data)} bytes, at most {MAX_PRESENTATION_BYTES} are taken",
            hint="show fewer credentials",
        )
    return data


def parse_presentation(data: bytes) -> Presentation:
    """Parse a file of at most 10 MiB; only its own canonical form is taken.

    Raises:
        MalformedError: too large (checked first), not canonical, unknown or missing members, or beyond a limit.
    """
    if len(data) > MAX_PRESENTATION_BYTES:
        raise MalformedError(f"presentation: {len(data)} bytes, at most {MAX_PRESENTATION_BYTES} are taken")
    members = canonical.parse(data, max_bytes=MAX_PRESENTATION_BYTES)
    _require_members(members, _MEMBERS, "presentation")
    if members["v"] != 1 or type(members["v"]) is not int:
        raise MalformedError("presentation: v: expected 1", hint="this file may need a newer cairn")
    credentials = members["credentials"]
    if not isinstance(credentials, list) or not 1 <= len(credentials) <= MAX_CREDENTIALS:
        raise MalformedError(f"presentation: credentials: expected a list of 1 to {MAX_CREDENTIALS}")
    presentation = Presentation(
        audience=_text(members, "audience"),
        nonce=_text(members, "nonce"),
        purpose=_text(members, "purpose"),
        created=_milliseconds(members, "created"),
        expires=_milliseconds(members, "expires"),
        credentials=tuple(_credential(value, n) for n, value in enumerate(credentials)),
        learner=_learner(members["learner"]),
    )
    _check(presentation)
    return presentation


def _to_json(presentation: Presentation, *, bound: bool) -> JSONObject:
    credentials: list[JSONValue] = []
    for credential in presentation.credentials:
        row: JSONObject = {"sd_jwt": credential.sd_jwt if bound else credential.unbound_text}
        for name in _EXTRAS:
            value = getattr(credential, name)
            if value is not None:
                row[name] = value
        credentials.append(row)
    return {
        "audience": presentation.audience,
        "created": presentation.created,
        "credentials": credentials,
        "expires": presentation.expires,
        "learner": {part.name: part.text for part in presentation.learner},
        "nonce": presentation.nonce,
        "purpose": presentation.purpose,
        "v": 1,
    }


def _check(presentation: Presentation) -> None:
    """The limits that hold for files made and files read."""
    if not presentation.audience.strip() or not presentation.nonce:
        raise MalformedError("presentation: audience and nonce must not be empty")
    for name in ("audience", "nonce", "purpose"):
        length = len(getattr(presentation, name))
        if length > MAX_LINE_CHARACTERS:
            raise MalformedError(f"presentation: {name}: {length} characters, at most {MAX_LINE_CHARACTERS} are taken")
    if not presentation.created < presentation.expires <= presentation.created + MAX_AGE_MS:
        raise MalformedError(
            "presentation: expires: must come after created, by 180 days at most",
            hint="make a new one when it runs out",
        )
    if not 1 <= len(presentation.credentials) <= MAX_CREDENTIALS:
        raise MalformedError(
            f"presentation: {len(presentation.credentials)} credentials, expected 1 to {MAX_CREDENTIALS}"
        )
    if len(presentation.learner) > MAX_LEARNER_PARTS:
        raise MalformedError(f"presentation: learner: {len(presentation.learner)} parts, at most {MAX_LEARNER_PARTS}")
    for part in presentation.learner:
        if not _PART_NAME.fullmatch(part.name):
            raise MalformedError(
                f"presentation: learner: {part.name[:100]!r} is not a name for a part",
                hint="a small letter, then up to 63 small letters, digits or underscores",
            )
        if len(part.text) > MAX_LEARNER_PART_CHARACTERS:
            raise MalformedError(
                f"presentation: learner.{part.name}: {len(part.text)} characters, at most {MAX_LEARNER_PART_CHARACTERS}"
            )


def _credential(value: JSONValue, position: int) -> PresentedCredential:
    where = f"presentation: credentials[{position}]"
    if not isinstance(value, dict) or not {"sd_jwt"} <= value.keys() <= {"sd_jwt", *_EXTRAS}:
        raise MalformedError(f"{where}: expected an object with sd_jwt and at most {', '.join(_EXTRAS)}")
    text = value["sd_jwt"]
    if not isinstance(text, str) or not _is_sd_jwt(text):
        raise MalformedError(f"{where}.sd_jwt: is not an SD-JWT of at most {MAX_SD_JWT_CHARACTERS} characters")
    extras: dict[str, JSONObject] = {}
    for name in _EXTRAS:
        extra = value.get(name, {})
        if not isinstance(extra, dict):
            raise MalformedError(f"{where}.{name}: expected an object")
        if name in value:
            extras[name] = extra
    if "proof" in extras and "receipt" not in extras:
        raise MalformedError(f"{where}.proof: stands without the receipt it belongs to")
    return PresentedCredential(text, **extras)


def _is_sd_jwt(text: str) -> bool:
    return len(text) <= MAX_SD_JWT_CHARACTERS and _SD_JWT.fullmatch(text) is not None


def _learner(value: JSONValue) -> tuple[LearnerPart, ...]:
    if not isinstance(value, dict):
        raise MalformedError("presentation: learner: expected an object")
    parts = []
    for name, text in value.items():
        if not isinstance(text, str):
            raise MalformedError(f"presentation: learner.{name[:100]}: expected text")
        parts.append(LearnerPart(name, text))
    return tuple(parts)


def _require_members(members: JSONObject, names: frozenset[str], where: str) -> None:
    unknown = sorted(members.keys() - names)
    missing = sorted(names - members.keys())
    if unknown or missing:
        what = f"unknown member {unknown[0][:100]!r}" if unknown else f"{missing[0]} is missing"
        raise MalformedError(f"{where}: {what}")


def _text(members: JSONObject, name: str) -> str:
    value = members[name]
    if not isinstance(value, str):
        raise MalformedError(f"presentation: {name}: expected text")
    return value


def _milliseconds(members: JSONObject, name: str) -> int:
    value = members[name]
    if type(value) is not int or not 0 <= value <= _MAX_INTEGER:
        raise MalformedError(f"presentation: {name}: expected Unix milliseconds")
    return value
