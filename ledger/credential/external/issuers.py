"""What a verifier was given about issuers: documents with their keys, names it vouches for, authorities of certificates.

A document that somebody gives is that person's word for whose it is: whoever verifies with it names its issuer. The same
goes for an id named alone, which is enough where the id is the key (`did:key`). Documents are read in the forms issuers
publish: DID and controller documents, `jwt-vc-issuer` metadata, JWK sets and single JWKs (under a name given with them),
and the profiles, badge classes and keys of Open Badges 2.0.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ledger import base64url
from ledger.credential.dataintegrity.issuer_document import (
    ASSERTION,
    AUTHENTICATION,
    PURPOSES,
    IssuerDocument,
    IssuerDocuments,
    UnknownIssuerError,
    document_of_did_key,
    end_of_method,
    parse_issuer_document,
)
from ledger.credential.external.key import ForeignKey, parse_foreign_jwk, parse_pem, thumbprint
from ledger.credential.strict_json import JSONObject, JSONValue, name_type, parse_strict_object
from ledger.errors import MalformedError, SignatureError

if TYPE_CHECKING:
    from cryptography import x509

MAX_DOCUMENT_BYTES = 1 << 20
MAX_KEYS = 1_000

_DID_KEY, _DID_JWK = "did:key:", "did:jwk:"


@dataclass(frozen=True, slots=True)
class NamedKey:
    """A key and the name its owner gives it: a URL, a `kid`, or nothing; and when it ends (Unix ms), if it does."""

    name: str
    key: ForeignKey
    ends: int | None = None


@dataclass(frozen=True, slots=True)
class GivenDocument:
    """One document as read: whose it is, what it says, and its keys in the two ways proofs ask for them.

    Of the keys, those for credentials, and those by which its owner shows credentials; a set of keys tells no difference.
    """

    id: str
    value: JSONObject
    keys: tuple[NamedKey, ...]
    holder_keys: tuple[NamedKey, ...]
    controlled: IssuerDocument | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerBook:
    """All that a verifier was given.

    Attributes:
        documents: read with `parse_given_document`.
        named: ids the verifier vouches for without a document.
        authorities: certificates that chains may end in.
    """

    documents: tuple[GivenDocument, ...] = ()
    named: frozenset[str] = frozenset()
    authorities: "tuple[x509.Certificate, ...]" = ()
    _by_id: Mapping[str, GivenDocument] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", MappingProxyType({one.id: one for one in self.documents}))

    def is_named(self, issuer: str) -> bool:
        """Whether the verifier vouches for an id."""
        return issuer in self.named or issuer in self._by_id

    def find(self, identifier: str) -> JSONObject | None:
        """The document of an id, as it was given."""
        given = self._by_id.get(identifier)
        return None if given is None else given.value

    @property
    def controlled(self) -> IssuerDocuments:
        """The DID and controller documents, for embedded proofs."""
        return IssuerDocuments([one.controlled for one in self.documents if one.controlled is not None])

    def keys_of(self, issuer: str, purpose: str = ASSERTION) -> Sequence[NamedKey]:
        """The keys an issuer signs credentials with; with the purpose `AUTHENTICATION` those for presentations.

        Raises:
            UnknownIssuerError: no document of it was given, and its name is no key.
            MalformedError: its name should be a key and is none.
        """
        given = self._by_id.get(issuer)
        if given is not None:
            return given.holder_keys if purpose == AUTHENTICATION else given.keys
        if issuer.startswith(_DID_KEY):
            return [
                NamedKey(url, method.key)
                for url, method in document_of_did_key(issuer).methods.items()
                if method.key is not None
            ]
        if issuer.startswith(_DID_JWK):
            return [NamedKey(f"{issuer}#0", _parse_did_jwk(issuer))]
        raise UnknownIssuerError(
            f"keys of {issuer[:200]!r}: no document of it is held, and none is fetched while verifying",
            hint="give the issuer's DID document, profile or key set with --issuer-document FILE",
        )


def parse_given_document(data: bytes, *, owner: str | None = None) -> GivenDocument:
    """A document about an issuer.

    Args:
        data: JSON, at most 1 MiB.
        owner: whose it is, where it does not say so itself (JWK sets); else it must agree.

    Raises:
        MalformedError: not read in any of the forms known, of another owner, or with keys that are not well formed.
    """
    value = parse_strict_object(data, max_bytes=MAX_DOCUMENT_BYTES, where="issuer document")
    said = next((value[name] for name in ("id", "issuer") if type(value.get(name)) is str), None)
    if owner is not None and said is not None and said != owner and "kty" not in value:
        raise MalformedError(f"issuer document: it says it is of {str(said)[:150]!r}, given as {owner[:150]!r}")
    whose = owner if owner is not None else said
    if type(whose) is not str:
        raise MalformedError(
            "issuer document: it does not say whose it is: expected a text 'id' or 'issuer'",
            hint="say --issuer-document ISSUER_ID=FILE",
        )
    controlled = _parse_controlled(value, whose)
    plain = [*_keys_of_set(value), *_key_of_pem(value, whose)]
    keys, holder_keys = (_dedupe([*_keys_of_methods(value, whose, purpose), *plain]) for purpose in PURPOSES)
    if max(len(keys), len(holder_keys)) > MAX_KEYS:
        raise MalformedError(f"issuer document: more than {MAX_KEYS} keys, which is as many as are read")
    return GivenDocument(whose, value, keys, holder_keys, controlled)


def host_of(url: str) -> str:
    """The host a URL names, with its port; "" where it names none."""
    try:
        return urlsplit(url).netloc
    except ValueError:  # brackets that hold no address
        return ""


def _parse_controlled(value: JSONObject, whose: str) -> IssuerDocument | None:
    if not {"verificationMethod", *PURPOSES} & value.keys():
        return None
    return parse_issuer_document({**value, "id": whose}, whose)


def _keys_of_methods(value: JSONObject, whose: str, purpose: str) -> Iterable[NamedKey]:
    """Keys under `assertionMethod` or `authentication`, RSA ones included; those of another kind are passed over."""
    methods: dict[str, JSONObject] = {}
    for item in [*_listed(value, "verificationMethod"), *_listed(value, purpose)]:
        if type(item) is dict and type(item.get("id")) is str:
            methods[_absolute(str(item["id"]), whose)] = item
    for item in _listed(value, purpose):
        url = item.get("id") if type(item) is dict else item
        if type(url) is not str:
            raise MalformedError(f"issuer document: expected a key or its URL under {purpose}, found {name_type(item)}")
        method = methods.get(_absolute(url, whose))
        if method is None or method.get("controller") != whose:
            continue
        key = _parse_method_key(method)
        if key is not None:
            yield NamedKey(_absolute(url, whose), key, end_of_method(method))


def _parse_method_key(method: JSONObject) -> ForeignKey | None:
    from ledger.log.didkey import parse_multikey

    try:
        text = method.get("publicKeyMultibase")
        if type(text) is str:
            return parse_multikey(text, where="key")
        return parse_foreign_jwk(method.get("publicKeyJwk"), where="key")
    except MalformedError:
        return None  # of another kind: it stands for itself


def _keys_of_set(value: JSONObject) -> Iterable[NamedKey]:
    """Keys of a JWK set, of `jwt-vc-issuer` metadata with one inside, or of a single JWK."""
    if "jwks" in value and "jwks_uri" in value:
        raise MalformedError("issuer document: expected one of 'jwks' and 'jwks_uri', found both")
    holder = value.get("jwks", value)
    if type(holder) is not dict:
        raise MalformedError(f"issuer document: expected an object as 'jwks', found {name_type(holder)}")
    items: list[JSONValue] = [value] if "kty" in value else _listed(holder, "keys")
    names: set[str] = set()
    for item in items:
        if type(item) is not dict or item.get("use", "sig") != "sig":
            continue  # keys to encrypt with stand in the same sets
        name = item.get("kid")
        name = name if type(name) is str else ""
        if name and name in names:
            raise MalformedError(f"issuer document: the key id {name[:80]!r} stands twice")
        names.add(name)
        try:
            yield NamedKey(name, parse_foreign_jwk(item, where="issuer document: key"))
        except MalformedError:
            if {"d", "p", "q"} & item.keys():
                raise


def _key_of_pem(value: JSONObject, whose: str) -> Iterable[NamedKey]:
    """The key of an Open Badges 2.0 `CryptographicKey`."""
    text = value.get("publicKeyPem")
    if type(text) is str:
        yield NamedKey(whose, parse_pem(text, where="issuer document: publicKeyPem"))


def _dedupe(keys: Iterable[NamedKey]) -> tuple[NamedKey, ...]:
    found: dict[tuple[str, str], NamedKey] = {}
    for one in keys:
        found.setdefault((one.name, thumbprint(one.key)), one)
    return tuple(found.values())


def _parse_did_jwk(did: str) -> ForeignKey:
    data = base64url.decode(did.removeprefix(_DID_JWK))
    return parse_foreign_jwk(parse_strict_object(data, max_bytes=8192, where="did:jwk"), where="did:jwk")


def _listed(value: JSONObject, name: str) -> list[JSONValue]:
    items = value.get(name, [])
    return items if type(items) is list else [items]


def _absolute(url: str, owner: str) -> str:
    return owner + url if url.startswith("#") else url


def check_owner(key_owner: str, issuer: str) -> None:
    """Check that the owner of a key is the issuer it signed for.

    Raises:
        SignatureError: it is somebody else's.
    """
    if key_owner != issuer:
        raise SignatureError(f"key: it is of {key_owner[:150]!r}, the credential says its issuer is {issuer[:150]!r}")
