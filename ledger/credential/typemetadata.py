"""What the claims of our credentials mean: SD-JWT VC type metadata, and the hash that copies pin it by.

The bytes behind one `vct` never change: a copy may carry their hash as `vct#integrity`, and a reader that finds another
document there has to refuse the copy (SD-JWT VC, document integrity). Other content needs another number in `TYPE_PATH`.
"""

import base64
import hashlib
from collections.abc import Sequence

import orjson

TYPE_PATH = "/achievement/1"
"""What stands behind an issuer's URL in the claim `vct` of its copies."""

_NAME = "Achievement"
_DESCRIPTION = "An Open Badges 3.0 AchievementCredential in the claim `ld`, on the Cairn ledger of its issuer."
_IN_CLEAR: tuple[tuple[tuple[str, ...], str], ...] = (
    (("iss",), "Issuer"),
    (("status",), "Where its status is read"),
    (("ld", "credentialSubject", "achievement"), "What was awarded"),
)
_HIDEABLE: tuple[tuple[tuple[str, ...], str], ...] = (
    (("ld", "awardedDate"), "Awarded on"),
    (("ld", "credentialSubject", "identifier"), "Who the learner is"),
    (("ld", "credentialSubject", "creditsEarned"), "Credits"),
    (("ld", "credentialSubject", "result"), "Results"),
)


def encode_type_metadata(vct: str) -> bytes:
    """The type metadata of our credentials, exact bytes; `vct` is the address they are found at."""
    in_clear = [_claim(path, label, "never") for path, label in _IN_CLEAR]
    hideable = [_claim(path, label, "allowed") for path, label in _HIDEABLE]
    return orjson.dumps(
        {
            "claims": in_clear + hideable,
            "description": _DESCRIPTION,
            "display": [{"description": _DESCRIPTION, "locale": "en", "name": _NAME}],
            "name": _NAME,
            "vct": vct,
        }
    )


def hash_type_metadata(vct: str) -> str:
    """The value of `vct#integrity`: the SHA-256 of the metadata, as W3C Subresource Integrity writes it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(encode_type_metadata(vct)).digest()).decode('ascii')}"


def _claim(path: Sequence[str], label: str, sd: str) -> dict[str, object]:
    return {"display": [{"label": label, "locale": "en"}], "path": list(path), "sd": sd}
