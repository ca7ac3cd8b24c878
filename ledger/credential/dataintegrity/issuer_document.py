"""Documents that say which keys speak for an issuer or holder: `did:key` (made from the key), DID and controller documents.

Nothing is fetched. `did:web` documents come from a ledger's key history (`document_of_history`), or from whoever asks:
a live one forgets keys that were rotated away, and with them every diploma they signed. A key counts for a purpose only
where the document lists it under that purpose and is itself the document of the key's controller.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import quote, unquote, urlsplit

from ledger.credential.jose import parse_jwk
from ledger.credential.strict_json import JSONObject, JSONValue, name_type
from ledger.credential.timestamp import format_timestamp, parse_timestamp
from ledger.errors import CairnError, MalformedError, SignatureError
from ledger.log.charter import Role
from ledger.log.didkey import encode_multikey, parse_did_key, parse_multikey
from ledger.log.keyring import KeyRecord, KeyRing
from ledger.log.keys import PublicKey

ASSERTION = "assertionMethod"
"""Purpose of credentials."""
AUTHENTICATION = "authentication"
"""Purpose of presentations."""
PURPOSES = (ASSERTION, AUTHENTICATION)

CREDENTIAL_ROLES = (Role.ISSUE, Role.REGISTER)
"""Roles of the keys that sign credentials."""

MAX_METHODS = 1_000
CONTEXTS = ("https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1")

_DID_KEY, _DID_WEB = "did:key:", "did:web:"


class UnknownIssuerError(CairnError):
    """No document is held that could say whose key this is: could not check, never no."""


@dataclass(frozen=True, slots=True)
class VerificationMethod:
    """One key of a controller.

    Attributes:
        id: URL it is referred to by.
        controller: whose key it is.
        key: None where it is of a kind not understood here.
        purposes: what the controller lists it for.
        ends: Unix ms from which it should verify nothing, where the document says so.
    """

    id: str
    controller: str
    key: PublicKey | None
    purposes: frozenset[str]
    ends: int | None = None


@dataclass(frozen=True, slots=True)
class IssuerDocument:
    """A parsed DID or controller document: whose it is, and its keys by URL."""

    id: str
    methods: MappingProxyType[str, VerificationMethod]


class IssuerDocuments:
    """The documents a verifier holds, and those that need not be held because a name is the key."""

    def __init__(self, documents: Iterable[IssuerDocument] = ()) -> None:
        """Take documents that the caller trusts to be their controllers'."""
        self._documents = {document.id: document for document in documents}

    def find_method(self, url: str, purpose: str) -> VerificationMethod:
        """The key a proof names, listed for `purpose` by its controller.

        Raises:
            UnknownIssuerError: its controller's document is not held, or its key is of a kind not understood.
            SignatureError: the document is held and does not list that key for that purpose.
            MalformedError: a `did:key` that is none.
        """
        owner, _, fragment = url.partition("#")
        document = document_of_did_key(owner) if owner.startswith(_DID_KEY) else self._documents.get(owner)
        if owner.startswith(_DID_KEY) and not fragment:
            url = f"{owner}#{owner.removeprefix(_DID_KEY)}"  # some write the DID alone: it has but one key
        if document is None:
            raise UnknownIssuerError(
                f"key {url[:200]!r}: no document of {owner[:150]!r} is held, and none is fetched while verifying",
                hint="give it with --issuer-document FILE, or sync a ledger its institution writes to",
            )
        method = document.methods.get(url)
        if method is None:
            raise SignatureError(f"key {url[:200]!r}: not one of the {len(document.methods)} keys of its controller")
        if purpose not in method.purposes:
            raise SignatureError(f"key {url[:200]!r}: its controller does not list it under {purpose}")
        if method.key is None:
            raise UnknownIssuerError(f"key {url[:200]!r}: of a kind not understood here; Ed25519 and P-256 are")
        return method


@lru_cache(maxsize=256)
def document_of_did_key(did: str) -> IssuerDocument:
    """The document a `did:key` stands for: one key, for every purpose.

    Raises:
        MalformedError: not a `did:key` of a kind understood here.
    """
    key = parse_did_key(did)
    url = f"{did}#{did.removeprefix(_DID_KEY)}"
    method = VerificationMethod(url, did, key, frozenset(PURPOSES))
    return IssuerDocument(did, MappingProxyType({url: method}))


def parse_issuer_document(value: JSONObject, expected_id: str) -> IssuerDocument:
    """A DID or controller document.

    Args:
        value: parsed JSON of the document.
        expected_id: the name it was looked up by; a document of another name is refused.

    Raises:
        MalformedError: another id, a key that is not well formed, or more than `MAX_METHODS`.
    """
    if value.get("id") != expected_id:
        raise MalformedError(f"issuer document: its id is {str(value.get('id'))[:150]!r}, not {expected_id[:150]!r}")
    purposes: dict[str, set[str]] = {}
    objects: dict[str, JSONObject] = {}
    for name in ("verificationMethod", *PURPOSES):
        for item in _listed(value, name):
            url = _method_url(item, expected_id, name)
            if type(item) is dict:
                objects[url] = item
            purposes.setdefault(url, set()).update({name} - {"verificationMethod"})
    if len(purposes) > MAX_METHODS:
        raise MalformedError(f"issuer document: {len(purposes)} keys, at most {MAX_METHODS} are read")
    methods = {
        url: _parse_method(url, item, purposes[url])
        for url, item in objects.items()
        # a key of somebody else's does not become the issuer's by being copied here
        if item.get("controller") == expected_id
    }
    return IssuerDocument(expected_id, MappingProxyType(methods))


def check_in_force(ends: int | None, now: int, *, where: str) -> None:
    """Check that a key has not ended at `now` (Unix ms), whatever it signed before.

    Raises:
        UnknownIssuerError: it has: could not check.
    """
    if ends is not None and now >= ends:
        raise UnknownIssuerError(
            f"{where}: its key verifies nothing since {format_timestamp(ends)}",
            hint="only its issuer can tell whether it signed before; ask for a copy with a key in force",
        )


def document_of_keys(did: str, keys: Sequence[PublicKey], withdrawn: Sequence[PublicKey] = ()) -> JSONObject:
    """The DID document of an institution with all credential keys it ever had.

    Args:
        did: the institution's `did:web`.
        keys: in force or retired: what they signed stays good, so all stand under `assertionMethod`.
        withdrawn: compromised keys, named and listed for nothing.
    """
    methods: list[JSONValue] = [
        {
            "controller": did,
            "id": method_url(did, key),
            "publicKeyMultibase": encode_multikey(key),
            "type": "Multikey",
        }
        for key in (*keys, *withdrawn)
    ]
    return {
        "@context": list(CONTEXTS),
        "assertionMethod": [method_url(did, key) for key in keys],
        "id": did,
        "verificationMethod": methods,
    }


def document_of_history(did: str, *histories: KeyRing) -> JSONObject:
    """The DID document that a ledger's key history says of an institution.

    All its credential keys in the order they were added: retired ones stay, compromised ones are named and listed for
    nothing, since a reader of this document cannot tell by position what a thief signed.

    Args:
        did: the institution's `did:web`.
        histories: of its log, then of those that went on with it, whose keys sign in its name too.
    """
    records: dict[bytes, KeyRecord] = {}
    for history in histories:
        for record in sorted(history.records.values(), key=lambda record: (record.added, record.key.id)):
            known = records.get(record.key.id)
            if record.role in CREDENTIAL_ROLES and (known is None or record.stolen_since is not None):
                records[record.key.id] = record
    keys = [record.key for record in records.values() if record.stolen_since is None]
    return document_of_keys(did, keys, [one.key for one in records.values() if one.stolen_since is not None])


def method_url(did: str, key: PublicKey) -> str:
    """The URL a key has in documents made here: the controller's name, and the Multikey as fragment."""
    return f"{did}#{encode_multikey(key)}"


def did_web_of(url: str) -> str:
    """The `did:web` whose document stands at `did.json` below an HTTPS URL.

    Raises:
        MalformedError: not HTTPS, or with user, query or fragment.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
        raise MalformedError(f"did:web: {url[:200]!r} is no plain https URL")
    path = [quote(unquote(part), safe="") for part in parts.path.split("/") if part]
    return _DID_WEB + ":".join([parts.netloc.lower().replace(":", "%3A"), *path])


def did_web_location(did: str) -> str:
    """The HTTPS URL where the document of a `did:web` is published.

    Raises:
        MalformedError: not a `did:web`, or with a part that is empty or leads elsewhere.
    """
    host, *path = did.removeprefix(_DID_WEB).split(":")
    decoded_host = unquote(host)
    if not did.startswith(_DID_WEB) or not host or any(character in decoded_host for character in "/?#@ \\"):
        raise MalformedError(f"did:web: {did[:200]!r} names no host")
    if any(unquote(part) in ("", ".", "..") or "/" in unquote(part) for part in path) or not set("/?#").isdisjoint(did):
        raise MalformedError(f"did:web: {did[:200]!r} has a path that leads elsewhere")
    return f"https://{decoded_host}/{'/'.join(path) if path else '.well-known'}/did.json"


def _listed(value: JSONObject, name: str) -> list[JSONValue]:
    items = value.get(name, [])
    return items if type(items) is list else [items]


def _method_url(item: JSONValue, owner: str, name: str) -> str:
    url = item.get("id") if type(item) is dict else item
    if type(url) is not str:
        raise MalformedError(f"issuer document: expected a key or its URL under {name}, found {name_type(item)}")
    return owner + url if url.startswith("#") else url


def _parse_method(url: str, item: JSONObject, purposes: set[str]) -> VerificationMethod:
    key: PublicKey | None
    try:
        key = _parse_key(item, url)
    except MalformedError:
        key = None  # of another kind: it stands for itself, and is told apart only if a proof names it
    return VerificationMethod(url, str(item["controller"]), key, frozenset(purposes), end_of_method(item))


def end_of_method(item: JSONObject) -> int | None:
    """Unix ms from which a key should verify nothing, where its document says so.

    Raises:
        MalformedError: no date and time.
    """
    times = [parse_timestamp(item[name], where=f"key {name}") for name in ("expires", "revoked") if name in item]
    return min(times, default=None)


def _parse_key(item: JSONObject, url: str) -> PublicKey:
    multikey = item.get("publicKeyMultibase")
    if type(multikey) is str:
        return parse_multikey(multikey, where=f"key {url[:200]!r}")
    return parse_jwk(item.get("publicKeyJwk"), where=f"key {url[:200]!r}")
