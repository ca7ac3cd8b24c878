"""The contexts a verifier holds, each known by its URL and the hash of its content, and what was made of them.

A context decides what a signature means, so it is never taken from where a document points. `PINS` in `pins` says
which content stands behind which URL; a library holds the part of it that a folder had. Reading a context into term
definitions takes longer than anything else here, so each combination is read once and kept: the combinations, not what
came in documents, and at most `MAX_DERIVED` of them.
"""

import hashlib
from collections.abc import Mapping
from urllib.parse import quote

from ledger.credential.jcs import canonicalize
from ledger.credential.jsonld.context import MissingContextError, check_number, process_context
from ledger.credential.jsonld.pins import PINS
from ledger.credential.jsonld.term import UNSET, ActiveContext
from ledger.credential.strict_json import JSONObject, JSONValue, parse_strict_object
from ledger.errors import MalformedError, ProofError

MAX_CONTEXT_BYTES = 256 * 1024
MAX_DERIVED = 2_000
"""Contexts kept ready; a credential needs about ten, and all of a kind the same."""


def hash_context(data: bytes) -> bytes:
    """SHA-256 of the canonical form (RFC 8785) of a context document: files of one content differ in their white space.

    Raises:
        MalformedError: longer than `MAX_CONTEXT_BYTES`, or not one JSON object with an `@context`.
    """
    return hashlib.sha256(canonicalize(_parse_document(data))).digest()


def file_name(url: str) -> str:
    """The name a context has in a folder of contexts: its URL, escaped."""
    return quote(url, safe="") + ".json"


class ContextLibrary:
    """Contexts by URL. Pure: whoever has files passes their bytes."""

    def __init__(self, documents: Mapping[str, bytes] | None = None, pins: Mapping[str, bytes] = PINS) -> None:
        """Take context documents by URL; each is checked against its pin when it is first needed.

        Args:
            documents: bytes of each context document, possibly read only when asked for; None for none.
            pins: SHA-256 of the canonical form by URL; see `hash_context`.
        """
        self._documents: Mapping[str, bytes] = {} if documents is None else documents
        self._pins = pins
        self._contexts: dict[str, JSONValue] = {}
        self._root = ActiveContext()
        self._derived = 0
        self.built = 0
        """Contexts built so far, kept or not: what a document cost is the difference."""

    @property
    def urls(self) -> frozenset[str]:
        """URLs of the contexts held."""
        return frozenset(self._documents)

    @property
    def root(self) -> ActiveContext:
        """The context that nothing was added to."""
        return self._root

    def lookup(self, url: str) -> JSONValue:
        """What stands under `@context` in the document at `url`.

        Raises:
            MissingContextError: this library does not hold it.
            MalformedError: what it holds is no context.
            ProofError: what it holds is not what is pinned for this URL, or nothing is.
        """
        if url not in self._contexts:
            data = self._documents.get(url)
            if data is None:
                raise MissingContextError(url)
            self._contexts[url] = _check(url, data, self._pins)
        return self._contexts[url]

    def enter_document(self, active: ActiveContext, local: JSONValue, *, allow_inline: bool) -> ActiveContext:
        """The context in force after an `@context` inside a document.

        Args:
            active: in force outside; from this library.
            local: value of the `@context`.
            allow_inline: accept definitions written into the document. What is signed are IRIs: whoever writes the
                definitions chooses which names people read for them, so only formats that need it should.

        Raises:
            MalformedError: not well formed, or written into the document although not allowed.
            MissingContextError: a URL that is not held.
        """
        contexts = local if type(local) is list else [local]
        check_number(contexts)
        if all(type(url) is str for url in contexts):
            for url in contexts:
                active = self._derive(active, ("url", url), url)
            return active
        if not allow_inline:
            raise MalformedError(
                "json-ld: a context written into the document; only contexts named by URL and pinned are read",
                hint="its issuer should publish the context, or sign with eddsa-jcs-2022",
            )
        return process_context(active, local, self.lookup)

    def enter_property(self, active: ActiveContext, defining: ActiveContext, name: str) -> ActiveContext:
        """The context in force for values of a property whose term, in `defining`, has a context of its own."""
        return self._derive(active, ("property", name, defining), defining.terms[name].scoped, override_protected=True)

    def enter_type(self, active: ActiveContext, defining: ActiveContext, name: str) -> ActiveContext:
        """The context in force inside a node of a type whose term, in `defining`, has a context of its own."""
        return self._derive(active, ("type", name, defining), defining.terms[name].scoped, propagate=False)

    def _derive(
        self,
        active: ActiveContext,
        key: tuple[object, ...],
        local: object,
        *,
        override_protected: bool = False,
        propagate: bool = True,
    ) -> ActiveContext:
        found = active.derived.get(key)
        if found is None:
            assert local is not UNSET, "asked for a scoped context of a term without one"
            found = process_context(
                active,
                local,  # type: ignore[arg-type]  # a JSON value: only `UNSET` is none
                self.lookup,
                override_protected=override_protected,
                propagate=propagate,
            )
            self._keep(active, key, found)
        return found

    def _keep(self, active: ActiveContext, key: tuple[object, ...], found: ActiveContext) -> None:
        if self._derived >= MAX_DERIVED:
            # Hostile documents can ask for endless sequences of contexts. What is in use lives on with its user.
            self._root, self._derived = ActiveContext(), 0
        active.derived[key] = found
        self._derived += 1
        self.built += 1


def _check(url: str, data: bytes, pins: Mapping[str, bytes]) -> JSONValue:
    if url not in pins:
        raise ProofError(f"context {url[:200]!r}: nothing is pinned for it")
    document = _parse_document(data)
    digest = hashlib.sha256(canonicalize(document)).digest()
    if digest != pins[url]:
        raise ProofError(
            f"context {url!r}: its SHA-256 is {digest.hex()}, pinned is {pins[url].hex()}",
            hint="it was changed since it was published, or is another version; `cairn contexts` fills the folder anew",
        )
    return document["@context"]


def _parse_document(data: bytes) -> JSONObject:
    document = parse_strict_object(data, max_bytes=MAX_CONTEXT_BYTES, where="context")
    if "@context" not in document:
        raise MalformedError("context: the document has no '@context'")
    return document
