"""A saved answer of a badge host: the credentials of one person, in the two arrays of the Open Badges 3.0 interface.

The text of that interface calls the array of tokens `compactJwsStrings`, its schema `compactJwsString`; hosts write either,
so both are read (Open Badges 3.0 §7.1, GetOpenBadgeCredentialsResponse).
"""

from ledger.credential.external.kind import MAX_TEXT_BYTES
from ledger.credential.strict_json import JSONObject, JSONValue, parse_strict_object
from ledger.errors import MalformedError

DOCUMENTS = "credential"
TOKENS = ("compactJwsString", "compactJwsStrings")


def read_answer(text: str) -> list[JSONObject | str] | None:
    """The credentials of an answer, documents first; None where the text is no such answer.

    Raises:
        MalformedError: it is one and cannot be read: an item of the wrong kind, or JSON that two readers could read
            differently.
    """
    if not text.startswith("{") or not any(f'"{name}"' in text for name in (DOCUMENTS, *TOKENS)):
        return None
    value = parse_strict_object(text.encode(), max_bytes=4 * MAX_TEXT_BYTES, where="file")
    if "@context" in value or not any(name in value for name in (DOCUMENTS, *TOKENS)):
        return None
    found: list[JSONObject | str] = []
    for name in (DOCUMENTS, *TOKENS):
        for item in _listed(value.get(name), name):
            if not isinstance(item, dict if name == DOCUMENTS else str):
                raise MalformedError(f"{name}: expected {'objects' if name == DOCUMENTS else 'tokens'}", hint=_HINT)
            assert isinstance(item, dict | str)
            found.append(item)
    return found


_HINT = "save the host's answer again, unchanged"


def _listed(value: JSONValue, name: str) -> list[JSONValue]:
    if value is None:
        return []
    if type(value) is not list:
        raise MalformedError(f"{name}: expected an array", hint=_HINT)
    return value
