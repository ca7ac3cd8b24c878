"""RDF datasets as canonical N-Quads (RDF Dataset Canonicalization §A, RDF 1.1 N-Quads).

A term is carried in its canonical N-Quads spelling: `<iri>`, `_:label`, `"text"`, `"text"@en`, `"1"^^<datatype>`. So
two terms are equal exactly if their texts are, and writing a quad is joining four of them. Characters that a reader
could take for the end of a term are escaped in text and refused in an IRI: a dataset has one spelling, and a spelling
one dataset.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from ledger.errors import MalformedError

MAX_QUADS = 100_000

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XSD = "http://www.w3.org/2001/XMLSchema#"
XSD_STRING = f"{XSD}string"
BLANK = "_:"
"""What the label of every blank node begins with, and no other term."""

_ESCAPES = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
# Everything else outside the characters of XML 1.1 that canonical form writes by number; lone surrogates never get here.
_ESCAPES |= {code: f"\\u{code:04X}" for code in (*range(0x20), 0x7F, 0xFFFE, 0xFFFF) if code not in _ESCAPES}
_needs_escape = re.compile('[\\x00-\\x1f"\\\\\x7f\ufffe\uffff]').search
_is_iri = re.compile(r'[A-Za-z][A-Za-z0-9+.\-]*:[^\x00-\x20<>"{}|^`\\]*').fullmatch
_is_language = re.compile(r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*").fullmatch

_IRI = r'<(?:[^\x00-\x20<>"{}|^`\\]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})*>'
_LABEL = r"_:[\w:](?:[\w:.\-]*[\w:\-])?"
_TEXT = r'"(?:[^\x22\x5c\x0a\x0d]|\\[tbnrf"\'\\]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})*"'
_match_quad = re.compile(
    rf"[ \t]*({_IRI}|{_LABEL})[ \t]*({_IRI})[ \t]*"
    rf"(?:({_IRI}|{_LABEL})|({_TEXT})(?:\^\^({_IRI})|@([a-zA-Z]+(?:-[a-zA-Z0-9]+)*))?)"
    rf"[ \t]*({_IRI}|{_LABEL})?[ \t]*\.[ \t]*(?:#.*)?"
).fullmatch
_is_empty = re.compile(r"[ \t]*(?:#.*)?").fullmatch
_escaped = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
_ESCAPED_LETTERS = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f", '"': '"', "'": "'", "\\": "\\"}


class Quad(NamedTuple):
    """One statement of a dataset, its terms in canonical N-Quads spelling; `graph` is empty for the default graph."""

    subject: str
    predicate: str
    object: str
    graph: str

    def to_line(self) -> str:
        """The quad as one line of N-Quads, with its line end."""
        if self.graph:
            return f"{self.subject} {self.predicate} {self.object} {self.graph} .\n"
        return f"{self.subject} {self.predicate} {self.object} .\n"


def encode_iri(iri: str) -> str:
    """The term of an absolute IRI.

    Raises:
        MalformedError: it is relative, or holds white space, a control character or one of `<>"{}|^` + "`" + `\\`: in
            N-Quads it could end the term and begin another.
    """
    if not _is_iri(iri):
        raise MalformedError(f"rdf: {iri[:100]!r} is no absolute IRI")
    return f"<{iri}>"


def is_absolute_iri(text: str) -> bool:
    """Whether `text` can be the IRI of a term; see `encode_iri`."""
    return _is_iri(text) is not None


def encode_literal(text: str, datatype: str = XSD_STRING, language: str = "") -> str:
    """The term of a literal: `text` with a language, or with a datatype.

    Raises:
        MalformedError: no language tag, or a datatype that is no absolute IRI.
    """
    quoted = f'"{text.translate(_ESCAPES)}"' if _needs_escape(text) else f'"{text}"'
    if language:
        if not _is_language(language):
            raise MalformedError(f"rdf: {language[:40]!r} is no language tag")
        return f"{quoted}@{language}"
    return quoted if datatype == XSD_STRING else f"{quoted}^^{encode_iri(datatype)}"


def encode_nquads(quads: Iterable[Quad]) -> str:
    """Canonical N-Quads: every quad once, lines in code point order."""
    return "".join(sorted({quad.to_line() for quad in quads}))


def parse_nquads(text: str) -> tuple[Quad, ...]:
    """The quads of an N-Quads document in any spelling, each once, in the order they first occur.

    Raises:
        MalformedError: a line is no quad, or there are more than `MAX_QUADS`.
    """
    quads: dict[Quad, None] = {}
    for number, line in enumerate(re.split(r"[\r\n]+", text), start=1):
        if not _is_empty(line):
            quads[_parse_line(line, number)] = None
            if len(quads) > MAX_QUADS:
                raise MalformedError(f"n-quads: more than {MAX_QUADS} quads")
    return tuple(quads)


def _parse_line(line: str, number: int) -> Quad:
    match = _match_quad(line)
    if match is None:
        raise MalformedError(f"n-quads: line {number} is no quad")
    subject, predicate, node, quoted, datatype, language, graph = match.groups()
    if node is not None:
        value = _parse_node(node)
    else:
        value = encode_literal(_unescape(quoted[1:-1]), _unescape(datatype[1:-1]) if datatype else XSD_STRING, language)
    return Quad(_parse_node(subject), _parse_node(predicate), value, _parse_node(graph) if graph else "")


def _parse_node(term: str) -> str:
    return term if term.startswith(BLANK) else encode_iri(_unescape(term[1:-1]))


def _unescape(text: str) -> str:
    return _escaped.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    short, long, letter = match.groups()
    if letter is not None:
        return _ESCAPED_LETTERS[letter]
    code = int(short or long, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise MalformedError(f"n-quads: U+{code:04X} is no character")
    return chr(code)
