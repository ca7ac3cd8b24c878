"""SD-JWT in JWS JSON serialisation, turned into the compact form everything else reads (RFC 9901 §8).

Flattened, or general with one signature. Disclosures and key binding stand in the unprotected header; `sd_hash` covers
the compact form in either case, so nothing is lost.
"""

from ledger.credential.disclosure import MAX_TOKEN_CHARS
from ledger.credential.strict_json import JSONObject, JSONValue, name_type, parse_strict_object
from ledger.errors import MalformedError


def encode_compact(data: bytes) -> str:
    """The compact SD-JWT or SD-JWT+KB that a JSON serialisation says; not verified, nor are its parts parsed.

    Raises:
        MalformedError: not of that form, more than one signature, or over 1 MiB.
    """
    whole = parse_strict_object(data, max_bytes=MAX_TOKEN_CHARS, where="sd-jwt json")
    signed = whole
    if "signatures" in whole:
        signatures = whole["signatures"]
        if "signature" in whole or type(signatures) is not list or len(signatures) != 1:
            raise MalformedError("sd-jwt json: expected exactly one signature")
        signed = _object(signatures[0], "signature")
    header = _object(signed.get("header", {}), "header")
    disclosures = header.get("disclosures", [])
    if type(disclosures) is not list:
        raise MalformedError(f"sd-jwt json: expected an array as disclosures, found {name_type(disclosures)}")
    parts = [_part(signed, "protected"), _part(whole, "payload"), _part(signed, "signature")]
    texts = [_plain(disclosure, "disclosure") for disclosure in disclosures]
    key_binding = header.get("kb_jwt", "")
    if type(key_binding) is not str or "~" in key_binding:
        raise MalformedError("sd-jwt json: expected a compact JWT as kb_jwt")
    return "~".join((".".join(parts), *texts, key_binding))


def _object(value: JSONValue, name: str) -> JSONObject:
    if type(value) is not dict:
        raise MalformedError(f"sd-jwt json: expected an object as {name}, found {name_type(value)}")
    return value


def _part(members: JSONObject, name: str) -> str:
    return _plain(members.get(name), name)


def _plain(value: JSONValue, name: str) -> str:
    """A base64url text; separators inside it would move the borders between the parts."""
    if type(value) is not str or not value or "~" in value or "." in value:
        raise MalformedError(f"sd-jwt json: expected base64url text as {name}")
    return value
