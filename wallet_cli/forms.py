"""Forms of a credential that a wallet can ask for, and how an issuer's metadata names them (OpenID4VCI 1.0 Appendix A).

An offer names configurations of its issuer. A learner may want another form than the one that was offered: at a node of
this ledger it has the offered name with the form behind it; elsewhere the offer itself has to name one of that kind.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from ledger.errors import MalformedError
from wallet_cli.offer import Offer

SD_JWT_FORMATS = ("dc+sd-jwt", "vc+sd-jwt")


class Form(StrEnum):
    """Forms beside the native one, by the names that `cairn-node copy` has for them."""

    OPEN_BADGE = "open-badge"
    JWS = "jws"
    SD_JWT_ES256 = "sd-jwt-es256"

    @property
    def is_file(self) -> bool:
        """Whether it is kept as a file, in which nothing can be hidden, rather than as an SD-JWT."""
        return self is not Form.SD_JWT_ES256

    @property
    def suffix(self) -> str:
        """How the name of such a file ends."""
        return ".json" if self is Form.OPEN_BADGE else ".jws" if self is Form.JWS else ".sdjwt"


_FORMATS = {Form.OPEN_BADGE: ("ldp_vc",), Form.JWS: ("jwt_vc_json",), Form.SD_JWT_ES256: SD_JWT_FORMATS}


def choose_configurations(metadata: dict[str, Any], offer: Offer, form: Form | None) -> tuple[str, ...]:
    """What to ask an issuer for, one name for each credential of the offer that there is in this form.

    Args:
        metadata: of the issuer, JSON of any shape.
        offer: names what it holds.
        form: asked for; None for whatever SD-JWT is offered.

    Raises:
        MalformedError: the issuer has none of it in this form.
    """
    supported = metadata.get("credential_configurations_supported")
    rows = supported if isinstance(supported, dict) else {}
    found = (
        next((name for name in _names(one, form) if _is_in(rows.get(name), form)), None) for one in offer.configurations
    )
    chosen = tuple(dict.fromkeys(name for name in found if name is not None))
    if chosen:
        return chosen
    offered = ", ".join(offer.configurations)[:200]
    others = [other for other in Form if any(_is_in(rows.get(name), other) for name in offer.configurations)]
    if form is None and others:
        raise MalformedError(f"offer: {offered} is no SD-JWT credential", hint=f"take it with --form {others[0]}")
    if form is None:
        raise MalformedError(
            f"offer: none of {offered} is an SD-JWT credential of this issuer",
            hint="ask the school for a claim link for cairn",
        )
    raise MalformedError(
        f"offer: this issuer gives {offered} in no form {form}",
        hint="leave out --form, or ask the school for a file in that form",
    )


def _names(offered: str, form: Form | None) -> Iterator[str]:
    yield offered
    if form is not None:
        yield f"{offered}/{form}"
        native, _, last = offered.rpartition("/")
        if last in {other.value for other in Form}:
            yield f"{native}/{form}"


def _is_in(row: object, form: Form | None) -> bool:
    if not isinstance(row, dict):
        return False
    if row.get("format") not in (SD_JWT_FORMATS if form is None else _FORMATS[form]):
        return False
    algorithms = row.get("credential_signing_alg_values_supported")
    return form is not Form.SD_JWT_ES256 or (isinstance(algorithms, list) and "ES256" in algorithms)
