"""RDFC-1.0: one canonical form of an RDF dataset, whatever its blank nodes were called (W3C Recommendation, 2024).

Blank nodes get labels from what surrounds them. Where that does not tell two of them apart, paths through their
neighbours are compared, in the worst case in every order: a few lines of hostile input ("poison graphs") can ask for
work without end. Every path begun costs one of a fixed number of steps, and the error says which bound was met. Real
credentials need none or a few steps.

Terms are texts (see `nquads`), so a blank node is known by its first two characters.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from itertools import permutations

from ledger.credential.jsonld.nquads import BLANK, MAX_QUADS, Quad, encode_nquads
from ledger.errors import MalformedError

MAX_STEPS = 20_000
"""Paths between blank nodes that may be followed; the largest harmless test of the W3C takes a few hundred."""
MAX_BLANK_NODES = 20_000
MAX_RECURSION = 100
"""Blank nodes on one path that are all alike."""

_THIS, _OTHER = "_:a", "_:z"
_CANONICAL = "c14n"


class HashAlgorithm(StrEnum):
    """Hashes that RDFC-1.0 may be used with, by the names of `hashlib`."""

    SHA256 = "sha256"
    SHA384 = "sha384"


def canonicalize(quads: Iterable[Quad], algorithm: HashAlgorithm = HashAlgorithm.SHA256) -> str:
    """The canonical N-Quads of a dataset: blank nodes named `_:c14n0`, `_:c14n1`, …, lines sorted.

    Raises:
        MalformedError: a bound of this module is met; the message names it.
    """
    dataset = list(dict.fromkeys(quads))
    labels = label_blank_nodes(dataset, algorithm)
    return encode_nquads([_relabel(quad, labels) for quad in dataset] if labels else dataset)


def label_blank_nodes(quads: Iterable[Quad], algorithm: HashAlgorithm = HashAlgorithm.SHA256) -> dict[str, str]:
    """The canonical label of every blank node, by the label it has (`_:x`), in the order they were given (§4.4).

    Raises:
        MalformedError: a bound of this module is met.
    """
    dataset = list(quads)
    if len(dataset) > MAX_QUADS:
        raise MalformedError(f"rdfc: {len(dataset)} quads, at most {MAX_QUADS} are canonicalized")
    return _Canonicalization(dataset, algorithm).label()


class _Issuer:
    """Gives out labels in the order they are asked for (§4.5)."""

    __slots__ = ("labels", "prefix")

    def __init__(self, prefix: str, labels: Mapping[str, str] | None = None) -> None:
        self.prefix = prefix
        self.labels = {} if labels is None else dict(labels)

    def issue(self, node: str) -> str:
        label = self.labels.get(node)
        if label is None:
            label = self.labels[node] = f"{BLANK}{self.prefix}{len(self.labels)}"
        return label

    def copy(self) -> "_Issuer":
        return _Issuer(self.prefix, self.labels)


class _Canonicalization:
    """The state of one run (§4.3): quads by blank node, hashes, labels given, steps left."""

    def __init__(self, quads: list[Quad], algorithm: HashAlgorithm) -> None:
        self.hash: Callable[[str], str] = _hashers[algorithm]
        self.quads_of: defaultdict[str, list[Quad]] = defaultdict(list)
        for quad in quads:
            for term in {quad.subject, quad.object, quad.graph}:
                if term.startswith(BLANK):
                    self.quads_of[term].append(quad)
        if len(self.quads_of) > MAX_BLANK_NODES:
            raise MalformedError(f"rdfc: {len(self.quads_of)} blank nodes, at most {MAX_BLANK_NODES} are labelled")
        self.first_hashes: dict[str, str] = {}
        self.canonical = _Issuer(_CANONICAL)
        self.steps = MAX_STEPS

    def label(self) -> dict[str, str]:
        """Canonical labels of all blank nodes (§4.4.3, steps 3 to 5)."""
        alike: defaultdict[str, list[str]] = defaultdict(list)
        for node in self.quads_of:
            alike[self.first_hash(node)].append(node)
        shared = []
        for digest in sorted(alike):
            if len(alike[digest]) == 1:
                self.canonical.issue(alike[digest][0])
            else:
                shared.append(alike[digest])
        for nodes in shared:
            self._label_alike(nodes)
        return self.canonical.labels

    def _label_alike(self, nodes: list[str]) -> None:
        """Tell nodes apart that look alike on their own, by what lies around them (step 5)."""
        found: list[tuple[str, _Issuer]] = []
        for node in nodes:
            if node not in self.canonical.labels:
                temporary = _Issuer("b")
                temporary.issue(node)
                found.append(self.hash_n_degree(node, temporary, 1))
        for _, issuer in sorted(found, key=lambda pair: pair[0]):
            for node in issuer.labels:
                self.canonical.issue(node)

    def first_hash(self, node: str) -> str:
        """Hash of the quads of a node, itself called `_:a` and every other blank node `_:z` (§4.6)."""
        digest = self.first_hashes.get(node)
        if digest is None:
            lines = sorted(_quad_around(node, quad).to_line() for quad in self.quads_of[node])
            digest = self.first_hashes[node] = self.hash("".join(lines))
        return digest

    def hash_related(self, related: str, quad: Quad, issuer: _Issuer, position: str) -> str:
        """Hash of a neighbour by its label or first hash, and how it is reached (§4.7)."""
        known = self.canonical.labels.get(related) or issuer.labels.get(related)
        predicate = "" if position == "g" else quad.predicate
        return self.hash(f"{position}{predicate}{known or self.first_hash(related)}")

    def hash_n_degree(self, node: str, issuer: _Issuer, depth: int) -> tuple[str, _Issuer]:
        """Hash of everything reachable from a node, and the labels given on the way (§4.8)."""
        self._spend()
        if depth > MAX_RECURSION:
            raise MalformedError(f"rdfc: more than {MAX_RECURSION} blank nodes that look alike follow each other")
        text = []
        for digest, related in sorted(self._neighbours(node, issuer).items()):
            path, issuer = self._choose_path(related, issuer, depth)
            text.append(digest + path)
        return self.hash("".join(text)), issuer

    def _neighbours(self, node: str, issuer: _Issuer) -> dict[str, list[str]]:
        """Other blank nodes in the quads of a node, grouped by `hash_related`; one per occurrence (step 3)."""
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for quad in self.quads_of[node]:
            for position, term in (("s", quad.subject), ("o", quad.object), ("g", quad.graph)):
                if term != node and term.startswith(BLANK):
                    self._spend()
                    groups[self.hash_related(term, quad, issuer, position)].append(term)
        return groups

    def _choose_path(self, related: list[str], issuer: _Issuer, depth: int) -> tuple[str, _Issuer]:
        """The order of equal neighbours that gives the smallest path, and the labels it gives (steps 5.4 to 5.6)."""
        chosen_path, chosen_issuer = "", issuer
        for order in permutations(related):
            self._spend()
            tried = self._try_path(order, issuer.copy(), depth, chosen_path)
            if tried is not None and (not chosen_path or tried[0] < chosen_path):
                chosen_path, chosen_issuer = tried
        return chosen_path, chosen_issuer

    def _try_path(self, order: tuple[str, ...], issuer: _Issuer, depth: int, best: str) -> tuple[str, _Issuer] | None:
        """Path and labels of one order; None as soon as it cannot beat `best` (steps 5.4.1 to 5.4.5)."""
        path, unvisited = "", []
        for node in order:
            known = self.canonical.labels.get(node)
            if known is None:
                if node not in issuer.labels:
                    unvisited.append(node)
                known = issuer.issue(node)
            path += known
            if best and len(path) >= len(best) and path > best:
                return None
        for node in unvisited:
            digest, issuer = self.hash_n_degree(node, issuer, depth + 1)
            path += f"{issuer.issue(node)}<{digest}>"
            if best and len(path) >= len(best) and path > best:
                return None
        return path, issuer

    def _spend(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise MalformedError(
                f"rdfc: telling its blank nodes apart takes more than {MAX_STEPS} steps, the bound on work",
                hint="no honest credential needs that many; whoever made it should name its parts with ids",
            )


def _quad_around(node: str, quad: Quad) -> Quad:
    """The quad as seen from one of its blank nodes."""
    subject, predicate, value, graph = quad
    return Quad(_seen_from(node, subject), predicate, _seen_from(node, value), _seen_from(node, graph))


def _seen_from(node: str, term: str) -> str:
    if not term.startswith(BLANK):
        return term
    return _THIS if term == node else _OTHER


def _relabel(quad: Quad, labels: Mapping[str, str]) -> Quad:
    subject, predicate, value, graph = quad
    return Quad(labels.get(subject, subject), predicate, labels.get(value, value), labels.get(graph, graph))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _sha384(text: str) -> str:
    return hashlib.sha384(text.encode()).hexdigest()


_hashers = {HashAlgorithm.SHA256: _sha256, HashAlgorithm.SHA384: _sha384}
