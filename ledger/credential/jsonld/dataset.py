"""From a JSON-LD document to the RDF dataset it says, losing nothing (JSON-LD 1.1 API §5.1 and §8 in one walk).

The standard's expansion leaves out what no context maps: a member added to a signed document would vanish before it is
hashed, and the signature stay good. Here every member, every type and every id must come to an absolute IRI or the
document is refused ("safe mode"). So is a second spelling: `validUntil` written out as its IRI, or `id` as `@id`, makes
the same dataset, and a reader who looks for the member would not find it. So is what the walk does not support
(`@graph`, `@included`, `@reverse`, `@index`, list and set objects written out): refused, never passed over. What JSON-LD
gives no meaning to, a null or an empty array, may stand.

Statements about one node may stand in several places of a document and make the same dataset. What a reader looks for in
the document and in its subjects has to stand there: an expiry or status moved into another node of the same id, which
no reader looks into, is refused. So is a type that says what kind of credential the document is, unless that names it.

The numbers of quads, of levels and of contexts are bounded; `strict_json` bounds the document before.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.jsonld.literal import encode_json, encode_value
from ledger.credential.jsonld.nquads import BLANK, MAX_QUADS, RDF, Quad, encode_iri, is_absolute_iri
from ledger.credential.jsonld.term import UNSET, ActiveContext, Term, Unset
from ledger.credential.strict_json import JSONObject, JSONValue, name_type
from ledger.errors import MalformedError

MAX_DEPTH = 64
MAX_BUILT_CONTEXTS = 1_000
"""Contexts that have to be built for one document; a record of many kinds of credentials needs some dozens."""

_TYPE, _FIRST, _REST, _NIL = (f"<{RDF}{name}>" for name in ("type", "first", "rest", "nil"))
_XSD_UNTYPED = frozenset({"@none", "@id", "@vocab"})
_VALUE_MEMBERS = frozenset({"@value", "@type", "@language", "@direction", "@context"})
_READ_PLACES = frozenset({"", "credentialSubject"})
"""Paths of the nodes whose members decide what a credential says."""
_OPEN_BADGES = "https://purl.imsglobal.org/spec/vc/ob/vocab.html#"
_KINDS = {
    "https://www.w3.org/2018/credentials#VerifiableCredential": ("VerifiableCredential",),
    "https://www.w3.org/2018/credentials#VerifiablePresentation": ("VerifiablePresentation",),
    "https://purl.imsglobal.org/spec/vc/clr/vocab.html#ClrCredential": ("ClrCredential",),
    f"{_OPEN_BADGES}OpenBadgeCredential": ("OpenBadgeCredential", "AchievementCredential"),
    f"{_OPEN_BADGES}AchievementCredential": ("OpenBadgeCredential", "AchievementCredential"),
    f"{_OPEN_BADGES}EndorsementCredential": ("EndorsementCredential",),
}
"""Types by which readers tell how a document is to be judged, each with the names they look for."""


class UnsafeDocumentError(MalformedError):
    """The document says something that its dataset would not hold, so that no signature over the dataset covers it."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the walk stands: contexts in force, the graph quads go to, levels left, and a path for messages."""

    active: ActiveContext
    graph: str
    depth: int
    path: str

    def enter(self, active: ActiveContext, name: str) -> "_Place":
        if not self.depth:
            raise MalformedError(f"json-ld: nested deeper than {MAX_DEPTH} levels at {self.path}")
        return _Place(active, self.graph, self.depth - 1, f"{self.path}.{name}" if self.path else name)


def read_dataset(document: JSONObject, library: ContextLibrary, *, allow_inline: bool = False) -> tuple[Quad, ...]:
    """The quads of a document, blank nodes named `_:b0`, `_:b1`, … as they come.

    Args:
        document: one JSON object; what stands outside of it (a base URL, say) is not used.
        library: the contexts it may name.
        allow_inline: see `ContextLibrary.enter_document`.

    Raises:
        UnsafeDocumentError: a member, type or id means nothing in the contexts of its place.
        MalformedError: not JSON-LD, not supported, or beyond a bound.
        MissingContextError: a context is not held.
    """
    walk = _Walk(library, allow_inline)
    walk.read_node(document, _Place(library.root, "", MAX_DEPTH, ""), None)
    walk.check_grown(0, "the document")
    walk.check_moved()
    return tuple(walk.quads)


class _Walk:
    """One walk through a document, gathering quads."""

    def __init__(self, library: ContextLibrary, allow_inline: bool) -> None:
        self.library, self.allow_inline = library, allow_inline
        self.quads: list[Quad] = []
        self.blank_nodes = 0
        self.renamed: dict[str, str] = {}
        self.built_before = library.built
        # Of named nodes in the default graph: what their types let stand in them, and what stands elsewhere.
        self.owned: dict[str, set[str | None]] = {}
        self.elsewhere: list[tuple[str, str, str | None, _Place]] = []
        # The document itself, the kinds it names as readers know them, and what else makes it of a kind.
        self.root = ""
        self.named_kinds: set[str] = set()
        self.other_kinds: list[tuple[str, str, _Place]] = []

    def read_object(self, value: JSONObject, place: _Place, term: Term | None, name: str) -> str:
        """The term of an object: a value object's literal, or the subject of a node."""
        active = self._revert(value, place.active)
        if term is not None and term.scoped is not UNSET:
            active = self.library.enter_property(active, place.active, name)
        if "@context" in value:
            active = self.library.enter_document(active, value["@context"], allow_inline=self.allow_inline)
        place = place.enter(active, name)
        if any(active.expand_term(member) == "@value" for member in value):
            return self._read_value_object(value, place)
        return self.read_node(value, place, active)

    def read_node(self, node: JSONObject, place: _Place, active: ActiveContext | None) -> str:
        """The subject of a node, its quads gathered; `active` is None for the document itself."""
        if active is None:
            active = place.active
            if "@context" in node:
                active = self.library.enter_document(active, node["@context"], allow_inline=self.allow_inline)
        outer = active
        if self.library.built - self.built_before > MAX_BUILT_CONTEXTS:
            raise MalformedError(f"json-ld: more than {MAX_BUILT_CONTEXTS} combinations of contexts in one document")
        for kind in sorted(set(self._type_names(node, outer))):
            defined = outer.terms.get(kind)
            if defined is not None and defined.scoped is not UNSET:
                active = self.library.enter_type(active, outer, kind)
        place = _Place(active, place.graph, place.depth, place.path)
        members = [(name, active.expand_term(name), value) for name, value in node.items() if name != "@context"]
        for name, iri, _ in members:
            _check_spelling(name, iri, place)
        subject = self._read_id([value for _, iri, value in members if iri == "@id"], place)
        self.root = self.root or subject
        if not place.graph and not subject.startswith(BLANK):
            if place.path in _READ_PLACES:
                self.owned.setdefault(subject, set()).update(active.own_meanings(outer))
            else:
                self.elsewhere += [(subject, name, iri, place) for name, iri, _ in members]
        for name, iri, value in members:
            if iri == "@type":
                self._read_types(value, subject, outer, place)
            elif iri != "@id":
                self._read_member(name, iri, value, subject, place)
        return subject

    def _revert(self, value: JSONObject, active: ActiveContext) -> ActiveContext:
        """Leave the context of the enclosing node's type, unless this is a value or a bare reference (§5.1.2, 7)."""
        if active.previous is None:
            return active
        keywords = [active.expand_term(member) for member in value]
        return active if "@value" in keywords or keywords == ["@id"] else active.previous

    def _type_names(self, node: JSONObject, active: ActiveContext) -> Iterator[str]:
        for name, value in node.items():
            if active.expand_term(name) == "@type":
                yield from (item for item in (value if type(value) is list else [value]) if type(item) is str)

    def _read_id(self, ids: list[JSONValue], place: _Place) -> str:
        if not ids:
            return self._make_blank()
        if len(ids) > 1 or type(ids[0]) is not str:
            raise UnsafeDocumentError(f"json-ld: {_at(place)} has an id that is {name_type(ids[0])}, or two of them")
        return self._encode_reference(place.active.expand_id(ids[0]), ids[0], place)

    def _read_types(self, value: JSONValue, subject: str, active: ActiveContext, place: _Place) -> None:
        for item in value if type(value) is list else [value]:
            if type(item) is not str:
                raise UnsafeDocumentError(f"json-ld: a type of {_at(place)} is {name_type(item)} instead of a text")
            iri = active.expand_term(item)
            if iri is None or not is_absolute_iri(iri):
                raise UnsafeDocumentError(
                    f"json-ld: the type {item[:80]!r} of {_at(place)} means nothing in its contexts",
                    hint="the issuer should use a context that defines it; no signature over the dataset covers it",
                )
            _check_spelling(item, iri, _Place(active, place.graph, place.depth, place.path))
            if iri in _KINDS and subject == self.root and not place.graph:
                if not place.path and item in _KINDS[iri]:
                    self.named_kinds.add(iri)
                else:
                    self.other_kinds.append((item, iri, place))
            self._add(subject, _TYPE, f"<{iri}>", place)

    def _read_member(self, name: str, iri: str | None, value: JSONValue, subject: str, place: _Place) -> None:
        if iri is not None and iri.startswith("@"):
            raise MalformedError(f"json-ld: the keyword {iri} of {_at(place)} is not supported")
        if iri is None or not is_absolute_iri(iri):
            raise UnsafeDocumentError(
                f"json-ld: the member {name[:80]!r} of {_at(place)} means nothing in its contexts",
                hint="it was added after signing, or the issuer forgot a context; no signature over the dataset covers it",
            )
        predicate = f"<{iri}>"
        term = place.active.terms.get(name) or Term(iri=iri)
        if term.type == "@json":
            self._add(subject, predicate, encode_json(value), place)
            return
        if "@language" in term.container and type(value) is dict:
            for encoded in _language_map(value, term, place, name):
                self._add(subject, predicate, encoded, place)
            return
        if "@list" in term.container and value is not None:
            items: list[JSONValue] = value if type(value) is list else [value]
            self._add(subject, predicate, self._read_list(items, place, term, name), place)
            return
        for item in _flatten(value, name):
            self._add(subject, predicate, self._read_item(item, place, term, name), place)

    def _read_list(self, items: list[JSONValue], place: _Place, term: Term, name: str) -> str:
        """The head of an RDF list; a list in a list becomes one of its elements (JSON-LD 1.1)."""
        inner = place.enter(place.active, name)
        terms = [
            self._read_list(item, inner, term, name) if type(item) is list else self._read_item(item, place, term, name)
            for item in items
            if item is not None
        ]
        head = _NIL
        for encoded in reversed(terms):
            cell = self._make_blank()
            self._add(cell, _FIRST, encoded, place)
            self._add(cell, _REST, head, place)
            head = cell
        return head

    def _read_item(self, item: JSONValue, place: _Place, term: Term, name: str) -> str:
        if "@graph" in term.container:
            return self._read_graph(item, place, term, name)
        if type(item) is dict:
            return self.read_object(item, place, term, name)
        return self._read_scalar(item, place, term, name)

    def _read_graph(self, item: JSONValue, place: _Place, term: Term, name: str) -> str:
        """The name of a graph of its own that holds one node (`@container: @graph`)."""
        if type(item) is not dict:
            raise UnsafeDocumentError(f"json-ld: {name[:80]!r} of {_at(place)} is {name_type(item)}, not an object")
        graph, before = self._make_blank(), len(self.quads)
        self.read_object(item, _Place(place.active, graph, place.depth, place.path), term, name)
        self.check_grown(before, f"{name[:80]!r} of {_at(place)}")
        return graph

    def check_grown(self, before: int, what: str) -> None:
        """Refuse a node that says nothing: at the top of a graph even its id would be lost."""
        if len(self.quads) == before:
            raise UnsafeDocumentError(f"json-ld: {what} says nothing but an id or a value, which its graph would lose")

    def check_moved(self) -> None:
        """Refuse what belongs to the document or a subject and stands in another node of the same id."""
        for kind, iri, place in self.other_kinds:
            if iri not in self.named_kinds:
                raise MalformedError(
                    f"json-ld: the type {kind[:80]!r} of {_at(place)} says what the document is, where readers do not "
                    "look for it",
                    hint="it may have been moved or renamed after signing; ask for the document as it was issued",
                )
        for subject, name, meaning, place in self.elsewhere:
            if meaning in self.owned.get(subject, ()):
                raise MalformedError(
                    f"json-ld: {name[:80]!r} of {_at(place)} says something about {subject[:150]}, where readers do "
                    "not look for it",
                    hint="it may have been moved there after signing; ask for the document as it was issued",
                )

    def _read_scalar(self, item: JSONValue, place: _Place, term: Term, name: str) -> str:
        if term.scoped is not UNSET:
            active = self.library.enter_property(place.active, place.active, name)
            place = _Place(active, place.graph, place.depth, place.path)
        if type(item) is str and term.type == "@id":
            return self._encode_reference(place.active.expand_id(item), item, place)
        if type(item) is str and term.type == "@vocab":
            return self._encode_reference(place.active.expand_term(item) or item, item, place)
        datatype = None if term.type in _XSD_UNTYPED else term.type
        language = _own_or(term.language, place.active.language)
        direction = _own_or(term.direction, place.active.direction)
        return encode_value(item, name[:80], datatype=datatype, language=language, direction=direction)

    def _read_value_object(self, value: JSONObject, place: _Place) -> str:
        members: dict[str | None, JSONValue] = {place.active.expand_term(name): item for name, item in value.items()}
        if len(members) != len(value) or not members.keys() <= _VALUE_MEMBERS:
            raise UnsafeDocumentError(f"json-ld: the value {_at(place)} has members that a value does not have")
        kind, language, direction = members.get("@type"), members.get("@language"), members.get("@direction")
        if kind is not None and (type(kind) is not str or language is not None or direction is not None):
            raise MalformedError(f"json-ld: the value {_at(place)} has a type beside a language, or no text as type")
        if kind == "@json":
            return encode_json(members["@value"])
        datatype = place.active.expand_term(kind) if type(kind) is str else None
        if type(kind) is str and (datatype is None or not is_absolute_iri(datatype)):
            raise UnsafeDocumentError(f"json-ld: the type {kind[:80]!r} of the value {_at(place)} means nothing")
        if (language is not None or direction is not None) and type(members["@value"]) is not str:
            raise MalformedError(f"json-ld: the value {_at(place)} has a language and is no text")
        if (language is not None and type(language) is not str) or direction not in (None, "ltr", "rtl"):
            raise MalformedError(f"json-ld: the value {_at(place)} has a language or direction that is none")
        language = language.lower() if type(language) is str else None
        direction = direction if type(direction) is str else None
        return encode_value(members["@value"], place.path, datatype=datatype, language=language, direction=direction)

    def _encode_reference(self, iri: str, written: str, place: _Place) -> str:
        if iri.startswith(BLANK):
            return self.renamed.setdefault(iri, "") or self._rename(iri)
        if not is_absolute_iri(iri):
            raise UnsafeDocumentError(f"json-ld: {written[:80]!r} in {_at(place)} is no absolute IRI")
        return encode_iri(iri)

    def _rename(self, label: str) -> str:
        """Labels of a document could clash with ours, or be no labels at all."""
        self.renamed[label] = self._make_blank()
        return self.renamed[label]

    def _make_blank(self) -> str:
        self.blank_nodes += 1
        return f"{BLANK}b{self.blank_nodes - 1}"

    def _add(self, subject: str, predicate: str, value: str, place: _Place) -> None:
        self.quads.append(Quad(subject, predicate, value, place.graph))
        if len(self.quads) > MAX_QUADS:
            raise MalformedError(f"json-ld: more than {MAX_QUADS} quads")


def _check_spelling(name: str, iri: str | None, place: _Place) -> None:
    """Refuse a member or type that is written out although the context has a term for it."""
    if place.active.has_shorter(name, iri):
        raise MalformedError(
            f"json-ld: {name[:80]!r} of {_at(place)} is written out although its context has a term for it",
            hint="the signature may be good, but readers look for the term; ask for the document as it was issued",
        )


def _flatten(value: JSONValue, name: str) -> Iterator[JSONValue]:
    """The values of a member; null is nothing. An array in an array would be another spelling of one array."""
    for item in value if type(value) is list else [value]:
        if type(item) is list:
            raise MalformedError(f"json-ld: {name[:80]!r} holds an array in an array")
        if item is not None:
            yield item


def _language_map(value: JSONObject, term: Term, place: _Place, name: str) -> Iterator[str]:
    """Literals of texts by language, `@none` for none (§5.1.2 step 13.7)."""
    direction = _own_or(term.direction, place.active.direction)
    for tag, texts in value.items():
        language = None if place.active.expand_term(tag) == "@none" else tag.lower()
        for text in _flatten(texts, name):
            if type(text) is not str:
                raise MalformedError(f"json-ld: {name[:80]!r} of {_at(place)} holds {name_type(text)} for a language")
            yield encode_value(text, name, language=language, direction=direction)


def _own_or(own: str | Unset | None, inherited: str | None) -> str | None:
    return inherited if isinstance(own, Unset) else own


def _at(place: _Place) -> str:
    return repr(place.path[:120]) if place.path else "the document"
