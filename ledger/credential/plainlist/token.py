"""Token Status List (IETF draft-ietf-oauth-status-list): a JWT of type `statuslist+jwt` with the compressed places.

Reading goes in this order (§8.3): 1. what the credential points with is well formed; 2. the token is a JWT of that
type; 3. it is signed by the key it has to be; 4. its `sub` is the URI the credential names; 5. it has been issued, and
has not expired; 6. its places can be expanded within bounds; 7. the place asked for is one of them. Any failure means
that nothing can be said. Nothing is fetched: the caller brings the token.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from ledger import base64url
from ledger.credential.jose import Sign, parse_jws, sign_jws, verify_jws
from ledger.credential.plainlist.bitstring import ListTerms
from ledger.credential.plainlist.packing import Compression, compress, expand, pack_right, read_right
from ledger.credential.plainlist.problem import StatusListError, StatusProblem, as_problem
from ledger.credential.plainlist.slots import PLAIN_SLOTS, ListFile, PlainList, PlainStatus, list_url
from ledger.credential.strict_json import JSONObject, JSONValue, name_type, parse_strict_object
from ledger.credential.validity import format_instant, parse_seconds
from ledger.errors import MalformedError, RuleError, SignatureError
from ledger.log.keys import PublicKey

TOKEN_TYPE = "statuslist+jwt"
MAX_TOKEN_BYTES = 1 << 20
PLACE_BITS = (1, 2, 4, 8)

_OUR_BITS = 2
_MAX_INDEX = (1 << 53) - 1
_CLOCK_SKEW_MS = 60_000
"""How far a token may be issued ahead of the reader's clock."""


@dataclass(frozen=True, slots=True)
class TokenReference:
    """What a JWT says of its status: `status.status_list`."""

    index: int
    uri: str


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """The value at the place (0 valid, 1 invalid, 2 suspended, others as the application says), and how long it may be
    kept: `expires` in Unix ms and `ttl_ms`, where the token says so.
    """

    value: int
    expires: int | None
    ttl_ms: int | None


def sign_token_list(content: PlainList, terms: ListTerms, header: Mapping[str, JSONValue], sign: Sign) -> str:
    """A list as a signed token, two bits for each slot (§5.1).

    Args:
        content: the list.
        terms: what every file of the cut says.
        header: names `alg` and whatever leads to the key (`kid`, `x5c`); `typ` is set here.
        sign: see `jose.Sign`.
    """
    uri = list_url(terms.issuer_url, content.number, ListFile.TOKEN)
    packed = pack_right({slot: int(status) for slot, status in content.statuses.items()}, PLAIN_SLOTS, _OUR_BITS)
    claims: JSONObject = {
        "exp": terms.valid_until // 1000,
        "iat": terms.valid_from // 1000,
        "iss": terms.issuer_url,
        "ledger": terms.head.to_claim(),
        "status_list": {"bits": _OUR_BITS, "lst": encode_places(packed)},
        "sub": uri,
        "ttl": max(1, terms.ttl_ms // 1000),
    }
    return sign_jws({**header, "typ": TOKEN_TYPE}, orjson.dumps(claims), sign)


def encode_places(data: bytes) -> str:
    """A packed list as `lst` writes it: zlib and base64url (§4.2)."""
    return base64url.encode(compress(data, Compression.ZLIB))


def parse_token_reference(status: JSONValue) -> TokenReference:
    """What the claim `status` of a JWT points to; step 1.

    Raises:
        StatusListError: MALFORMED.
    """
    pointer = status.get("status_list") if type(status) is dict else None
    with as_problem(StatusProblem.MALFORMED):
        if type(pointer) is not dict:
            raise MalformedError(f"status: expected an object 'status_list', found {name_type(pointer)}")
        index, uri = pointer.get("idx"), pointer.get("uri")
        if type(index) is not int or not 0 <= index <= _MAX_INDEX:
            raise MalformedError(f"status: expected a number from 0 in 'idx', found {str(index)[:40]}")
        if type(uri) is not str or not uri:
            raise MalformedError(f"status: expected a text 'uri', found {name_type(uri)}")
        return TokenReference(index, uri)


def read_token_status(token: str, reference: TokenReference, key: PublicKey, now: int) -> TokenAnswer:
    """The status that a token gives for a reference; steps 2 to 7 of the module's list.

    Args:
        token: compact JWT, as fetched from `reference.uri`.
        reference: from `parse_token_reference`.
        key: of the party that has to have signed it, normally the issuer of the credential.
        now: Unix ms.

    Raises:
        StatusListError: a step fails, so that nothing can be said; its `problem` names the kind.
    """
    with as_problem(StatusProblem.MALFORMED):
        jws = parse_jws(token.strip(), where="status token")
    with as_problem(StatusProblem.VERIFICATION):
        kind = jws.header.get("typ")
        if kind not in (TOKEN_TYPE, f"application/{TOKEN_TYPE}"):  # 2
            raise RuleError(f"status token: a JWT of type {str(kind)[:40]!r}, expected {TOKEN_TYPE!r}")
        verify_jws(jws, key, where="status token")  # 3
    with as_problem(StatusProblem.MALFORMED):
        claims = parse_strict_object(jws.payload, max_bytes=MAX_TOKEN_BYTES, where="status token")
    with as_problem(StatusProblem.VERIFICATION):
        if claims.get("sub") != reference.uri:  # 4
            subject, uri = str(claims.get("sub"))[:150], reference.uri[:150]
            raise SignatureError(f"status token: it is the list {subject!r}, the credential names {uri!r}")
        expires = _check_times(claims, now)  # 5
    data, bits = _expand(claims.get("status_list"))  # 6
    places = len(data) * 8 // bits
    if reference.index >= places:  # 7
        raise StatusListError(StatusProblem.RANGE, f"status token: no place {reference.index}, it has {places}")
    return TokenAnswer(read_right(data, reference.index, bits), expires, _read_ttl(claims))


def read_own_list(token: str, number: int) -> PlainList:
    """The list inside a token that the caller made itself; nothing about it is verified.

    Raises:
        CairnError: it cannot be read.
    """
    jws = parse_jws(token, where="status token")
    claims = parse_strict_object(jws.payload, max_bytes=MAX_TOKEN_BYTES, where="status token")
    data, bits = _expand(claims.get("status_list"))
    if bits != _OUR_BITS or len(data) * 8 // bits != PLAIN_SLOTS:
        raise MalformedError(f"status token: {len(data)} bytes with {bits} bits a place are no list of ours")
    # Most bytes are zero: only the others are looked into.
    places = (4 * n + k for n, byte in enumerate(data) if byte for k in range(4))
    values = ((place, read_right(data, place, bits)) for place in places)
    return PlainList(number, {place: PlainStatus(value) for place, value in values if 0 < value < 3})


def _check_times(claims: JSONObject, now: int) -> int | None:
    issued, expires = (parse_seconds(claims, name, "status token") for name in ("iat", "exp"))
    if issued is None:
        raise MalformedError("status token: it does not say when it was issued ('iat')")
    if issued > now + _CLOCK_SKEW_MS:
        raise RuleError(f"status token: issued at {format_instant(issued)}, which is to come")
    if expires is not None and now >= expires:
        hint = "fetch a newer one; until then nothing is known of the status"
        raise RuleError(f"status token: expired at {format_instant(expires)}", hint=hint)
    return expires


def _read_ttl(claims: JSONObject) -> int | None:
    ttl = claims.get("ttl")
    if ttl is None:
        return None
    if type(ttl) is not int or not 0 < ttl <= _MAX_INDEX // 1000:
        raise StatusListError(StatusProblem.MALFORMED, f"status token: ttl {str(ttl)[:40]} is no number of seconds")
    return ttl * 1000


def _expand(status_list: JSONValue) -> tuple[bytes, int]:
    with as_problem(StatusProblem.MALFORMED):
        if type(status_list) is not dict:
            raise MalformedError(f"status token: expected an object 'status_list', found {name_type(status_list)}")
        bits, encoded = status_list.get("bits"), status_list.get("lst")
        if type(bits) is not int or bits not in PLACE_BITS:
            raise MalformedError(f"status token: expected bits 1, 2, 4 or 8, found {str(bits)[:40]}")
        if type(encoded) is not str:
            raise MalformedError(f"status token: expected a text 'lst', found {name_type(encoded)}")
        return expand(base64url.decode(encoded), Compression.ZLIB, where="status token"), bits
