"""What a JSON-LD context says of one term, and a set of them in force (JSON-LD 1.1 API §4.1, §4.2).

Supported is what credential contexts use: IRIs and prefixes, type coercion, language and direction, lists, sets, graphs
and language maps, contexts scoped to a property or a type, protection. Whatever else a context may define (`@reverse`,
`@nest`, maps by index, id or type, `@import`, `@base`) is refused: data under it would need rules nobody has tested
here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ledger.credential.strict_json import JSONValue

# fmt: off
KEYWORDS = frozenset((
    "@base", "@container", "@context", "@default", "@direction", "@graph", "@id", "@import", "@included", "@index",
    "@json", "@language", "@list", "@nest", "@none", "@prefix", "@propagate", "@protected", "@reverse", "@set",
    "@type", "@value", "@version", "@vocab",
))
# fmt: on


class Unset:
    """The type of `UNSET`: a language or direction a term says nothing about, so that the context's holds."""


UNSET = Unset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term definition."""

    iri: str | None
    """Absolute IRI, blank node or keyword that the term stands for; None where the context takes its meaning away."""
    type: str | None = None
    """Coercion: `@id`, `@vocab`, `@json`, `@none` or the IRI of a datatype."""
    container: frozenset[str] = frozenset()
    language: str | Unset | None = UNSET
    direction: str | Unset | None = UNSET
    scoped: "JSONValue | Unset" = UNSET
    """Context for values of this property, or for nodes of this type; `UNSET` for none, as null is one."""
    is_prefix: bool = False
    is_protected: bool = field(default=False, compare=False)
    """Not compared: a term may be defined again exactly as it was, and stays protected."""


@dataclass(slots=True, eq=False)
class ActiveContext:
    """The terms and defaults in force at one place of a document. Never changed once it is built, but for what it remembers.

    Attributes:
        terms: definitions by term.
        vocab: prefix of IRIs for terms without definition, if any.
        language, direction: of text whose term says neither.
        previous: context to go back to below a node whose type brought this one in.
        derived: contexts built on this one before, by what was added; filled only from pinned contexts.
        meanings: what its terms stand for; gathered when it is first asked for.
    """

    terms: dict[str, Term] = field(default_factory=dict)
    vocab: str | None = None
    language: str | None = None
    direction: str | None = None
    previous: "ActiveContext | None" = None
    derived: dict[object, "ActiveContext"] = field(default_factory=dict)
    meanings: frozenset[str | None] | None = None

    def copy(self) -> "ActiveContext":
        """A context to build on, with nothing derived from it yet."""
        return ActiveContext(dict(self.terms), self.vocab, self.language, self.direction, self.previous)

    def own_meanings(self, outer: "ActiveContext") -> frozenset[str | None]:
        """What its terms stand for that no term of `outer` does: of a node, what its types brought in."""
        if self is outer:
            return frozenset()
        return self._all_meanings() - outer._all_meanings()

    def has_shorter(self, name: str, iri: str | None) -> bool:
        """Whether `name` is no term here although there is one for what it stands for."""
        if name in self.terms:
            return False
        return iri in self._all_meanings()

    def _all_meanings(self) -> frozenset[str | None]:
        if self.meanings is None:
            self.meanings = frozenset(term.iri for term in self.terms.values())
        return self.meanings

    def expand_term(self, name: str) -> str | None:
        """The keyword or IRI that a member name or a type stands for; None where a context took its meaning away.

        A name that means nothing comes back unchanged: it holds no colon, or is no absolute IRI.
        """
        term = self.terms.get(name)
        if term is not None:
            return term.iri
        if name in KEYWORDS:
            return name
        compact = expand_compact(name, self.terms)
        if compact is not None:
            return compact
        return name if self.vocab is None else self.vocab + name

    def expand_id(self, text: str) -> str:
        """The IRI of an `@id`: a compact IRI written out, any other text unchanged (there is no base to resolve by)."""
        return text if text in KEYWORDS else expand_compact(text, self.terms) or text


def expand_compact(text: str, terms: Mapping[str, Term]) -> str | None:
    """`prefix:suffix` written out where the prefix is one, else `text` if it has a colon to be absolute by, else None."""
    prefix, colon, suffix = text.partition(":")
    if not colon or not prefix:
        return None
    if prefix == "_" or suffix.startswith("//"):
        return text
    term = terms.get(prefix)
    if term is not None and term.is_prefix and term.iri is not None:
        return term.iri + suffix
    return text
