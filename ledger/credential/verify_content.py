"""Steps 12-14: what a credential shows, who says so, and what it leaves out. They inform and never change the verdict."""

from dataclasses import dataclass
from functools import lru_cache

import orjson

from ledger.credential import fields, openbadge
from ledger.credential.report import Answer, ClaimClass, ShownLine, Step, make_step
from ledger.credential.strict_json import JSONObject
from ledger.credential.verify_requirements import check_requirements
from ledger.credential.verify_status import SYNC
from ledger.credential.verify_token import TokenFindings
from ledger.errors import CairnError
from ledger.log.network import Network
from ledger.log.receipt import Receipt

_NOT_HELD = make_step(12, Answer.COULD_NOT_CHECK, "what it may name stands on the ledger, which is not held here", SYNC)


@dataclass(frozen=True, slots=True)
class Content:
    """What a report tells of a credential besides its verdict."""

    steps: tuple[Step, ...]
    title: str
    issuer: str
    achievement: str
    shown: tuple[ShownLine, ...]
    not_shown: tuple[str, ...]


def describe(token: TokenFindings, network: Network | None, receipt: Receipt | None = None) -> Content:
    """Answer steps 12-14 for a credential whose signature is good.

    Args:
        token: what steps 1-5 found.
        network: the verifier's view; None where no ledger is held.
        receipt: if its place on the ledger is proven.
    """
    assert token.claims is not None
    credential = _object(token.payload.get("ld"))
    subject = _object(credential.get("credentialSubject"))
    achievement = _object(subject.get("achievement"))
    named = fields.name_fields(token.claims.shown)
    shown = tuple(
        ShownLine(field.name, field.value, _class_of(field.name, is_member=token.owner is not None))
        for field in named.values()
    )
    declared = _declared(achievement)
    hidden = tuple(name for name in declared if name not in named)
    kind = _text(achievement, "achievementType")
    return Content(
        steps=(
            _NOT_HELD if network is None else check_requirements(credential, token.owner, network, receipt),
            _endorsements(credential),
            _classes(token, shown, hidden),
        ),
        title=_text(achievement, "name") or _text(credential, "name"),
        issuer=_text(_object(credential.get("issuer")), "name"),
        achievement=f"{kind}: {_text(achievement, 'id')}" if kind else _text(achievement, "id"),
        shown=shown,
        not_shown=hidden,
    )


def _class_of(name: str, *, is_member: bool) -> ClaimClass:
    if not is_member:
        return ClaimClass.EXTERNAL
    # A member places a learner's statement in a copy and does not vouch for it.
    return ClaimClass.SELF_ASSERTED if name == fields.STATEMENT else ClaimClass.ISSUED


def _endorsements(credential: JSONObject) -> Step:
    if "endorsement" not in credential and "endorsementJwt" not in credential:
        return make_step(13, Answer.NOT_APPLICABLE, "it carries none")
    return make_step(
        13, Answer.COULD_NOT_CHECK, "it carries endorsements this version does not read", "ask the endorser"
    )


def _classes(token: TokenFindings, shown: tuple[ShownLine, ...], hidden: tuple[str, ...]) -> Step:
    # Only in an SD-JWT can anything be hidden; other forms had to be whole to be read at all.
    missing = () if token.token is None else fields.missing_in_clear(token.token.payload)
    if missing:
        detail = f"fields that must never be hidden are: {', '.join(missing)}"
        return make_step(14, Answer.NO, detail, "ask the issuer for a copy that shows them")
    detail = f"{len(shown)} field{'' if len(shown) == 1 else 's'} shown"
    if hidden:
        detail += "; not shown, or not there: " + ", ".join(hidden)
    return make_step(14, Answer.YES, detail)


def _declared(achievement: JSONObject) -> tuple[str, ...]:
    return _declared_by(orjson.dumps(achievement))


@lru_cache(maxsize=256)
def _declared_by(achievement: bytes) -> tuple[str, ...]:
    # Every diploma of a school carries the same achievement: reading it once makes a batch a tenth faster.
    try:
        return fields.declared_fields(openbadge.parse_achievement(achievement))
    except CairnError:
        return ()


def _object(value: object) -> JSONObject:
    return value if isinstance(value, dict) else {}


def _text(value: JSONObject, name: str) -> str:
    text = value.get(name)
    return text if isinstance(text, str) else ""
