"""Whose key signed a token: found by what the verifier was given, never by what the token says of itself.

In this order: 1. a chain of certificates in `x5c` under an authority the verifier named; 2. the key the header's `kid`
names among the keys of the issuer; 3. an inline `jwk`, if the issuer publishes the same key; 4. the issuer's only key
of the algorithm. An inline `jwk` that no document of the issuer confirms proves that its owner signed and nothing about
who that is.
"""

from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from ledger.credential.dataintegrity.issuer_document import ASSERTION, UnknownIssuerError, check_in_force
from ledger.credential.external.certificate import (
    Leaf,
    UnknownAuthorityError,
    parse_chain,
    read_leaf,
    verify_chain,
)
from ledger.credential.external.issuers import NamedKey, check_owner
from ledger.credential.external.key import algorithm_of, parse_foreign_jwk, thumbprint, verify_foreign_jws
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.jose import JWS, is_name_of
from ledger.errors import SignatureError

_MAX_TRIED = 20


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed a token.

    Attributes:
        words: the key, for people.
        is_confirmed: whether something the verifier was given says that the key is the issuer's.
        leaf: of a certificate, whom it names.
        is_certified: whether its chain ends in an authority the verifier named.
        doubt, remedy: why it is not confirmed, and what to do.
    """

    words: str
    is_confirmed: bool
    leaf: Leaf | None = None
    is_certified: bool = False
    doubt: str = ""
    remedy: str = ""


def verify_signer(jws: JWS, issuer: str, asked: ExternalQuestion, *, where: str, purpose: str = ASSERTION) -> Signer:
    """Check who signed a token.

    Args:
        jws: the token.
        issuer: id of the issuer it names; "" where it names none.
        asked: with the verifier's documents, and now.
        where: subject of error messages.
        purpose: what the issuer has to list the key for: credentials, or presentations (`AUTHENTICATION`).

    Raises:
        UnknownIssuerError: no key to check with is at hand, or it has ended since: could not check.
        SignatureError: the signature does not verify, or the key is not the issuer's.
        MalformedError: a key that is not well formed.
    """
    if "x5c" in jws.header and asked.book.authorities:
        # Another's chain says nothing: what else is known of the issuer decides, as if no authority had been named.
        with suppress(UnknownAuthorityError):
            return _by_certificate(jws, issuer, asked, where)
    try:
        keys = asked.book.keys_of(issuer, purpose)
    except UnknownIssuerError as error:
        return _by_itself(jws, error, where)
    chosen = _choose(jws, issuer, list(keys))
    used = _verify_any(jws, chosen, where)
    check_in_force(used.ends, asked.now, where=where)
    return Signer(f"the key {used.name or issuer}", is_confirmed=True)


def _by_certificate(jws: JWS, issuer: str, asked: ExternalQuestion, where: str) -> Signer:
    chain = parse_chain(jws.header["x5c"])
    leaf = read_leaf(chain)
    verify_foreign_jws(jws, leaf.key, where=where)
    verify_chain(chain, asked.book.authorities, asked.now)
    if issuer and not _stands_for(leaf, issuer):
        raise SignatureError(
            f"x5c: the certificate is for {', '.join(sorted(leaf.names))[:200] or leaf.subject!r}, "
            f"the credential says its issuer is {issuer[:150]!r}"
        )
    return Signer(f"the certificate of {leaf.subject}", is_confirmed=True, leaf=leaf, is_certified=True)


def _stands_for(leaf: Leaf, issuer: str) -> bool:
    if issuer in leaf.names:
        return True
    try:
        parts = urlsplit(issuer)
    except ValueError:  # brackets that hold no address
        return False
    # A name before an `@` is no host: people read it as one.
    return (
        parts.scheme == "https" and "@" not in parts.netloc and parts.hostname in {name.lower() for name in leaf.names}
    )


def _by_itself(jws: JWS, unknown: UnknownIssuerError, where: str) -> Signer:
    """A token whose issuer's keys are not at hand: it may carry one, which proves little."""
    if "x5c" in jws.header:
        leaf = read_leaf(parse_chain(jws.header["x5c"]))
        verify_foreign_jws(jws, leaf.key, where=where)
        doubt = f"the certificate of {leaf.subject} is under no authority that you named"
        return Signer(doubt, False, leaf, doubt=doubt, remedy="give the authority's certificate with --ca FILE")
    if "jwk" not in jws.header:
        raise unknown
    key = parse_foreign_jwk(jws.header["jwk"], where=f"{where}: header jwk")
    verify_foreign_jws(jws, key, where=where)
    words = f"the key inside the token itself (SHA-256 {thumbprint(key)})"
    return Signer(words, False, doubt=f"{words}; nothing says that it is the issuer's", remedy=unknown.hint)


def _choose(jws: JWS, issuer: str, keys: list[NamedKey]) -> list[NamedKey]:
    """The issuer's keys that a token's header points at."""
    name, inline = jws.header.get("kid"), jws.header.get("jwk")
    if type(name) is str and name:
        owner, mark, _ = name.partition("#")
        if mark and owner and owner.startswith("did:"):
            check_owner(owner, issuer)
        ends = f"{issuer}{name}" if name.startswith("#") else name
        named = [one for one in keys if one.name in (name, ends) or one.name == f"{issuer}#{name}"]
        if not named and issuer.startswith("did:key:") and name == issuer:
            named = keys  # some write the DID alone: it has but one key
        if not named and any(one.name for one in keys):
            raise SignatureError(
                f"key {name[:150]!r}: not among the {len(keys)} keys of {issuer[:150]!r}",
                hint="the issuer's document may be too new: retired keys should stay listed; ask for an older one",
            )
        keys = named or keys
    if inline is not None:
        print_of_inline = thumbprint(parse_foreign_jwk(inline, where="header jwk"))
        keys = [one for one in keys if thumbprint(one.key) == print_of_inline]
        if not keys:
            raise SignatureError(f"header jwk: a key that {issuer[:150]!r} does not publish")
    fitting = [one for one in keys if is_name_of(jws.header["alg"], algorithm_of(one.key))]
    if not fitting:
        expected = ", ".join(sorted({algorithm_of(one.key) for one in keys})) or "none, it has no keys"
        raise SignatureError(f"jws: algorithm {str(jws.header['alg'])[:40]!r}, the issuer's keys are for {expected}")
    return fitting[:_MAX_TRIED]


def _verify_any(jws: JWS, keys: list[NamedKey], where: str) -> NamedKey:
    for one in keys[:-1]:
        try:
            verify_foreign_jws(jws, one.key, where=where)
        except SignatureError:
            continue
        return one
    verify_foreign_jws(jws, keys[-1].key, where=where)
    return keys[-1]
