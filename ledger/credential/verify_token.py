"""Steps 1-5: what a credential's bytes prove by themselves, given the issuer's keys.

1 it parses, within limits; 2 the issuer signed it; 3 everything shown is what was signed; 4 it was made for this verifier by
the holder; 5 it is within its dates. A bad answer to 1, 2 or 3 ends the walk: nothing else about the file is believed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from ledger import base64url
from ledger.credential import keybinding, presentation, sdjwt, validity
from ledger.credential.commitment import commit
from ledger.credential.countersignature import Countersignature
from ledger.credential.keybinding import BindingPolicy
from ledger.credential.presentation import Presentation
from ledger.credential.processing import Claims
from ledger.credential.report import Answer, Code, Step, make_step
from ledger.credential.sdjwt import SDJWT
from ledger.credential.strict_json import JSONObject
from ledger.credential.validity import format_instant
from ledger.errors import CairnError, MalformedError, SignatureError
from ledger.log.identity import LogId
from ledger.log.keyring import KeyRecord
from ledger.log.keys import KeyId
from ledger.log.network import Network
from ledger.log.records import DocumentName

MAX_AGE_MS = presentation.MAX_AGE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the verifier asks, and what the file around the credential says.

    Attributes:
        now: Unix milliseconds.
        audience, nonce: what the verifier demands; `None` for no demand.
        envelope: the presentation the credential stands in, if it does.
        envelope_claim: the value every key binding in that presentation must sign.
        as_of: the moment that is asked about besides, in Unix milliseconds; `None` for now alone.
    """

    now: int
    audience: str | None = None
    nonce: str | None = None
    envelope: Presentation | None = None
    envelope_claim: str = ""
    as_of: int | None = None

    @classmethod
    def of_presentation(
        cls, envelope: Presentation, now: int, audience: str | None, nonce: str | None, as_of: int | None = None
    ) -> "Terms":
        """Terms for the credentials of one presentation."""
        claim = presentation.hash_claim(envelope)
        return cls(now=now, audience=audience, nonce=nonce, envelope=envelope, envelope_claim=claim, as_of=as_of)

    @property
    def is_unsigned_file(self) -> bool:
        """Tell whether the credential stands in a file of nothing but unbound copies, which no holder key signed."""
        return self.envelope is not None and all(item.sd_jwt.endswith("~") for item in self.envelope.credentials)


@dataclass(slots=True)
class TokenFindings:
    """What steps 1-5 found. `claims` and everything after it are there once the signature is good."""

    steps: list[Step] = field(default_factory=list)
    lasting: list[Code] = field(default_factory=list)
    """The codes that steps 1-4 gave."""
    notes: list[str] = field(default_factory=list)
    countersignatures: tuple[Countersignature, ...] = ()
    token: SDJWT | None = None
    claims: Claims | None = None
    owner: LogId | None = None
    """The log that owns `iss`."""
    key_log: LogId | None = None
    """The log whose key signed: the owner, or its successor."""
    key: KeyRecord | None = None
    key_document: DocumentName | None = None
    """The published document that vouches for the key, where it is of a kind that logs do not name."""
    commitment: bytes = b""
    """What stands for it on the ledger."""
    is_record: bool = False
    """Whether it only puts other credentials together, so that no right to issue an achievement is needed."""
    is_bound: bool = False
    dates: tuple[Step, Code | None] | None = None
    """The answer to step 5, which alone of these depends on when it is asked about."""

    @property
    def codes(self) -> list[Code]:
        """The codes that apply."""
        code = None if self.dates is None else self.dates[1]
        return self.lasting if code is None else [*self.lasting, code]

    @property
    def is_believed(self) -> bool:
        """Tell whether the signature is good and everything shown is covered by it."""
        return self.claims is not None

    @property
    def payload(self) -> JSONObject:
        """The claims in clear and disclosed."""
        assert self.claims is not None
        return self.claims.payload

    def answer(self, number: int, answer: Answer, detail: str = "", remedy: str = "", code: Code | None = None) -> None:
        """Record the answer to one step, and the code that goes with it."""
        self.steps.append(make_step(number, answer, detail, remedy))
        if code is not None:
            self.lasting.append(code)


KeyFinder = Callable[[TokenFindings, SDJWT], bool]
"""Finds the key that should have signed a token; answers step 2 itself, with false, where there is none."""


def examine_token(text: str, network: Network, terms: Terms) -> TokenFindings:
    """Walk steps 1-5 for one compact SD-JWT."""
    return examine_by(text, partial(_find_key, network=network), terms)


def examine_by(text: str, find_key: KeyFinder, terms: Terms) -> TokenFindings:
    """Walk steps 1-5 for one compact SD-JWT, whose issuer's key is found elsewhere than in a replica."""
    found = TokenFindings()
    try:
        found.token = sdjwt.parse_sd_jwt(text)
    except CairnError as error:
        found.answer(1, Answer.NO, str(error), "ask for the file again", Code.MALFORMED)
        return found
    found.answer(1, Answer.YES)
    if find_key(found, found.token) and _open(found, found.token):
        _check_binding(found, found.token, terms)
        found.dates = judge_dates(found.payload, terms.now)
        found.steps.append(found.dates[0])
    return found


def read_issuer(found: TokenFindings, token: SDJWT) -> tuple[str, str] | None:
    """Give the issuer and the key id a token names, as text; answers step 2 where it names none."""
    issuer, key_text = token.payload.get("iss"), token.jws.header.get("kid")
    if not isinstance(issuer, str) or not isinstance(key_text, str):
        found.answer(2, Answer.NO, "it names no issuer or no key of one", code=Code.BAD_SIGNATURE)
        return None
    return issuer, key_text


def read_key_id(found: TokenFindings, key_text: str) -> KeyId | None:
    """Give the key id of a text; answers step 2 where it is none."""
    try:
        return KeyId(base64url.decode(key_text, 32))
    except MalformedError:
        found.answer(2, Answer.NO, "its key id is not one of this ledger", code=Code.BAD_SIGNATURE)
        return None


def _find_key(found: TokenFindings, token: SDJWT, network: Network) -> bool:
    named = read_issuer(found, token)
    if named is None:
        return False
    issuer, key_text = named
    found.owner = network.owner_of(issuer)
    if found.owner is None:
        detail = f"{issuer} is not an issuer in the network {network.state.name}"
        remedy = "if it should be one, run `cairn sync`; otherwise ask the issuer which network it belongs to"
        found.answer(2, Answer.COULD_NOT_CHECK, detail, remedy, Code.UNKNOWN_ISSUER)
        return False
    key_id = read_key_id(found, key_text)
    if key_id is None:
        return False
    held = False
    for log in network.line_of(found.owner):
        view = network.ledger.log(log)
        record = None if view is None else view.state.keys.records.get(key_id)
        held = held or view is not None
        if record is not None:
            found.key, found.key_log = record, log
            return True
    name = network.name_of(found.owner)
    if not held:
        detail, remedy = f"the log of {name} is not held here", "run `cairn sync`"
        found.answer(2, Answer.COULD_NOT_CHECK, detail, remedy, Code.INCOMPLETE)
        return False
    detail = f"signed with a key that {name} never named, as far as its log is held here"
    found.answer(2, Answer.NO, detail, "if it is very new, run `cairn sync` and try again", Code.BAD_SIGNATURE)
    return False


def _open(found: TokenFindings, token: SDJWT) -> bool:
    assert found.key is not None
    try:
        sdjwt.verify_issuer_signature(token, found.key.key)
    except CairnError as error:
        found.answer(2, Answer.NO, str(error), "ask for the file again: this one was changed", Code.BAD_SIGNATURE)
        return False
    found.answer(2, Answer.YES)
    found.commitment = commit(token.issuer_jwt)
    try:
        found.claims = sdjwt.open_claims(token)
    except CairnError as error:
        found.answer(3, Answer.NO, str(error), "ask for the file again: this one was changed", Code.BAD_SIGNATURE)
        return False
    found.answer(3, Answer.YES, f"{len(token.disclosures)} field{'' if len(token.disclosures) == 1 else 's'} shown")
    return True


def _check_binding(found: TokenFindings, token: SDJWT, terms: Terms) -> None:
    found.is_bound = "cnf" in token.payload
    asked = terms.audience is not None or terms.nonce is not None
    if not found.is_bound:
        if asked:
            detail = "it names no holder key, so nobody can show that it was made for you"
            found.answer(4, Answer.NO, detail, "ask the learner for a copy from the wallet", Code.NOT_BOUND)
        else:
            detail = "; nobody signed the file it stands in" if terms.is_unsigned_file else ""
            found.answer(4, Answer.NOT_APPLICABLE, "it names no holder key" + detail)
        return
    remedy = "ask the holder to present it again, for you"
    envelope = terms.envelope
    max_age = keybinding.DEFAULT_MAX_AGE_MS if envelope is None else MAX_AGE_MS
    try:
        if envelope is not None and terms.now >= envelope.expires:
            raise SignatureError(
                f"the presentation could be used until {format_instant(envelope.expires)}, "
                f"now is {format_instant(terms.now)}"
            )
        # The verifier's own demand first; then that the file around it is what was signed, and says the same.
        binding = sdjwt.open_key_binding(token, BindingPolicy(terms.audience, terms.nonce, max_age), terms.now)
        if envelope is not None:
            presentation.verify_binding(envelope, binding, claim=terms.envelope_claim)
    except CairnError as error:
        found.answer(4, Answer.NO, str(error), remedy, Code.NOT_BOUND)
        return
    when = format_instant(binding.issued_at)
    found.answer(4, Answer.YES, f"made for {binding.audience} on {when}" + ("" if asked else "; you asked for no name"))


def judge_dates(payload: JSONObject, now: int) -> tuple[Step, Code | None]:
    """Answer step 5 for a moment (Unix ms), with the code that goes with it."""
    try:
        dates = validity.parse_validity(payload, where="credential")
    except CairnError as error:
        return make_step(5, Answer.COULD_NOT_CHECK, str(error), "ask the issuer"), Code.INCOMPLETE
    if dates.is_expired(now):
        until = format_instant(dates.expires or 0)
        return make_step(5, Answer.NO, f"valid until {until}", "ask the issuer whether it renews"), Code.EXPIRED
    start = _valid_from(payload)
    today = format_instant(now)[:10]
    if dates.is_early(now) or start > today:
        first = max(start, "" if dates.not_before is None else format_instant(dates.not_before)[:10])
        return make_step(5, Answer.NO, f"valid from {first}", "wait until then"), Code.NOT_YET_VALID
    until = "" if dates.expires is None else f", until {format_instant(dates.expires)[:10]}"
    return make_step(5, Answer.YES, f"valid from {start}{until}" if start else "no dates set"), None


def _valid_from(payload: JSONObject) -> str:
    """The day the Open Badges object is valid from, as ISO text; days compare as texts."""
    credential = payload.get("ld")
    value = credential.get("validFrom") if isinstance(credential, dict) else None
    return value[:10] if isinstance(value, str) else ""
