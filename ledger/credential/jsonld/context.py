"""Reading JSON-LD contexts into term definitions (JSON-LD 1.1 API §4.1 context processing, §4.2 term definitions).

A context that changes a protected term, runs in a circle or uses a feature this reader does not know (see `term`) is
refused as a whole. Nothing is fetched: URLs are looked up in what the caller holds, and one that is not there raises
`MissingContextError`, which is no statement about the document.
"""

import re
from collections.abc import Callable, Sequence

from ledger.credential.jsonld.term import KEYWORDS, UNSET, ActiveContext, Term, expand_compact
from ledger.credential.strict_json import JSONObject, JSONValue, name_type
from ledger.errors import CairnError, MalformedError

MAX_CONTEXTS = 20
"""Contexts in one `@context`."""
MAX_NESTING = 8
"""Contexts that name each other by URL."""

Lookup = Callable[[str], JSONValue]
"""Gives what stands under `@context` in the document at a URL; raises `MissingContextError`."""

_CONTEXT_KEYWORDS = frozenset({"@version", "@vocab", "@language", "@direction", "@propagate", "@protected"})
_TERM_KEYWORDS = frozenset(
    {"@id", "@type", "@container", "@context", "@language", "@direction", "@prefix", "@protected"}
)
_CONTAINERS = frozenset({"@set", "@list", "@graph", "@language"})
_DIRECTIONS = ("ltr", "rtl", None)
_looks_like_keyword = re.compile(r"@[A-Za-z]+").fullmatch


class MissingContextError(CairnError):
    """A context is not held here, so nothing can be said about documents that use it: could not check, never no."""

    def __init__(self, url: str) -> None:
        """Say which one, and how to get it."""
        super().__init__(
            f"json-ld: the context {url[:200]!r} is not held here, and none is fetched while verifying",
            hint="`cairn contexts --from DIR` takes it from a folder of context files, which `make contexts` fetches; at a "
            "node `cairn-node contexts NODE --from DIR` does",
        )
        self.url = url


def process_context(
    active: ActiveContext,
    local: JSONValue,
    lookup: Lookup,
    *,
    override_protected: bool = False,
    propagate: bool = True,
) -> ActiveContext:
    """The context in force after `local` was added to `active` (§4.1.2).

    Args:
        active: left unchanged.
        local: a context, a URL, null, or an array of them.
        lookup: see `Lookup`.
        override_protected: for contexts scoped to a property, which may redefine protected terms.
        propagate: False for contexts scoped to a type, which end below the node.

    Raises:
        MalformedError: the context is not well formed, or not supported.
        MissingContextError: it names a URL that `lookup` does not hold.
    """
    return _Processing(lookup, override_protected).add(active, local, propagate, 0)


def check_number(contexts: Sequence[JSONValue]) -> None:
    """Check that there are not too many contexts in one `@context`.

    Raises:
        MalformedError: more than `MAX_CONTEXTS`.
    """
    if len(contexts) > MAX_CONTEXTS:
        raise MalformedError(f"json-ld: {len(contexts)} contexts in one @context, at most {MAX_CONTEXTS} are read")


class _Processing:
    """Adds contexts to contexts; holds what stays the same meanwhile."""

    def __init__(self, lookup: Lookup, override_protected: bool) -> None:
        self.lookup = lookup
        self.override_protected = override_protected

    def add(self, active: ActiveContext, local: JSONValue, propagate: bool, nesting: int) -> ActiveContext:
        if type(local) is dict:
            propagate = _flag(local, "@propagate", propagate)
        result = active.copy()
        if not propagate and result.previous is None:
            result.previous = active
        contexts = local if type(local) is list else [local]
        check_number(contexts)
        for context in contexts:
            result = self._add_one(result, context, propagate, nesting)
        return result

    def _add_one(self, result: ActiveContext, context: JSONValue, propagate: bool, nesting: int) -> ActiveContext:
        if context is None:
            return self._clear(result, propagate)
        if type(context) is str:
            if nesting == MAX_NESTING:
                raise MalformedError(f"json-ld: contexts name each other more than {MAX_NESTING} deep, at {context!r}")
            return self.add(result, self.lookup(context), True, nesting + 1)
        if type(context) is not dict:
            raise MalformedError(f"json-ld: a context is {name_type(context)}")
        _Definitions(result, context, self.override_protected).define_all()
        return result

    def _clear(self, result: ActiveContext, propagate: bool) -> ActiveContext:
        if not self.override_protected and any(term.is_protected for term in result.terms.values()):
            raise MalformedError("json-ld: a context of null would remove protected terms")
        return ActiveContext() if propagate else ActiveContext(previous=result)


class _Definitions:
    """Adds the members of one context to the context being built (§4.1.2 step 5.5 on, §4.2.2)."""

    def __init__(self, result: ActiveContext, local: JSONObject, override_protected: bool) -> None:
        self.result, self.local, self.override_protected = result, local, override_protected
        self.defined: dict[str, bool] = {}  # False while a definition is under way: meeting one again is a circle

    def define_all(self) -> None:
        local, result = self.local, self.result
        if local.get("@version", 1.1) != 1.1:
            raise MalformedError(f"json-ld: version {str(local['@version'])[:20]!r} of a context, 1.1 is known")
        if "@vocab" in local:
            vocab = _text_or_null(local, "@vocab")
            result.vocab = None if vocab is None else self._expand(vocab, "@vocab")
        if "@language" in local:
            language = _text_or_null(local, "@language")
            result.language = None if language is None else language.lower()
        if "@direction" in local:
            result.direction = _direction(local)
        for name in local:
            if name not in _CONTEXT_KEYWORDS:
                self.define(name)

    def define(self, name: str) -> None:
        """Enter one term, those it is made of first."""
        if name in self.defined:
            if not self.defined[name]:
                raise MalformedError(f"json-ld: the definition of {name[:80]!r} runs in a circle")
            return
        self.defined[name] = False
        if not name or _looks_like_keyword(name):
            raise MalformedError(f"json-ld: a context defines {name[:80]!r}, which is not supported")
        value = self.local[name]
        known = self.result.terms.pop(name, None)
        term = self._read(name, value, _flag(self.local, "@protected", False))
        if known is not None and known.is_protected and not self.override_protected:
            if known != term:
                raise MalformedError(f"json-ld: a context changes the protected term {name[:80]!r}")
            term = known
        self.result.terms[name] = term
        self.defined[name] = True

    def _read(self, name: str, value: JSONValue, is_protected: bool) -> Term:
        if value is None:
            return Term(iri=None, is_protected=is_protected)
        is_simple = type(value) is str
        members: JSONObject = {"@id": value} if is_simple else value  # type: ignore[assignment]  # checked just below
        if type(members) is not dict:
            raise MalformedError(f"json-ld: the definition of {name[:80]!r} is {name_type(value)}")
        unknown = [member for member in members if member not in _TERM_KEYWORDS]
        if unknown:
            raise MalformedError(f"json-ld: {unknown[0][:40]!r} in the definition of {name[:80]!r} is not supported")
        iri = self._read_iri(name, members)
        kind = self._read_type(name, members)
        return Term(
            iri=iri,
            type=kind,
            container=_container(name, members),
            language=_lower(_text_or_null(members, "@language")) if "@language" in members else UNSET,
            direction=_direction(members) if "@direction" in members else UNSET,
            scoped=members.get("@context", UNSET),
            is_prefix=_is_prefix(name, iri, members, is_simple),
            is_protected=_flag(members, "@protected", is_protected),
        )

    def _read_iri(self, name: str, members: JSONObject) -> str | None:
        if "@id" in members and members["@id"] != name:
            text = _text_or_null(members, "@id")
            return None if text is None else self._expand(text, name)
        if ":" in name[1:]:
            return self._expand(name, name, is_own_name=True)
        if self.result.vocab is None:
            raise MalformedError(f"json-ld: the definition of {name[:80]!r} gives it no IRI")
        return self.result.vocab + name

    def _read_type(self, name: str, members: JSONObject) -> str | None:
        text = _text_or_null(members, "@type")
        if text is None or text in ("@id", "@vocab", "@json", "@none"):
            return text
        return self._expand(text, name)

    def _expand(self, text: str, where: str, *, is_own_name: bool = False) -> str:
        """An IRI inside a context: terms it is made of are defined first, and it must come out absolute."""
        if not is_own_name and text in self.local and text not in KEYWORDS:
            self.define(text)
        prefix = text.partition(":")[0]
        if prefix != text and prefix in self.local and not text[len(prefix) + 1 :].startswith("//"):
            self.define(prefix)
        term = None if is_own_name else self.result.terms.get(text)
        if term is not None and term.iri is not None:
            return term.iri
        if text in KEYWORDS:
            return text
        expanded = expand_compact(text, self.result.terms)
        if expanded is None and self.result.vocab is not None:
            expanded = self.result.vocab + text
        if expanded is None:
            raise MalformedError(f"json-ld: {text[:80]!r} in the definition of {where[:80]!r} is no absolute IRI")
        return expanded


def _is_prefix(name: str, iri: str | None, members: JSONObject, is_simple: bool) -> bool:
    """Whether the term may begin a compact IRI: said so, or a plain `name: IRI` that ends where one may go on."""
    if "@prefix" in members:
        return _flag(members, "@prefix", False)
    return is_simple and iri is not None and ":" not in name and "/" not in name and iri[-1:] in tuple(":/?#[]@")


def _container(name: str, members: JSONObject) -> frozenset[str]:
    value = members.get("@container")
    if value is None:
        return frozenset()
    names = value if type(value) is list else [value]
    container = frozenset(item for item in names if type(item) is str)
    if len(container) != len(names) or not container <= _CONTAINERS or ("@list" in container and len(container) > 1):
        raise MalformedError(f"json-ld: the container of {name[:80]!r} is not supported")
    return container


def _flag(members: JSONObject, name: str, default: bool) -> bool:
    value = members.get(name, default)
    if type(value) is not bool:
        raise MalformedError(f"json-ld: {name} is {name_type(value)} instead of a truth value")
    return value


def _text_or_null(members: JSONObject, name: str) -> str | None:
    value = members.get(name)
    if value is not None and type(value) is not str:
        raise MalformedError(f"json-ld: {name} is {name_type(value)} instead of a text")
    return value


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _direction(members: JSONObject) -> str | None:
    value = _text_or_null(members, "@direction")
    if value not in _DIRECTIONS:
        raise MalformedError(f"json-ld: direction {value[:20] if value else value!r} is neither ltr nor rtl")
    return value
