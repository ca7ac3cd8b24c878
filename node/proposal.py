"""Proposal files: one statement of governance on its way from signer to signer.

A file of ledger JSON with the exact bytes of the statement, what they say in words, who may sign and how many must, and the
signatures so far. The words are there for people who open the file; a program never believes them: it makes them
again from the bytes and refuses a file in which they differ. Signers see them before they sign.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ledger import base64url, canonical
from ledger.canonical import Fields, JSONObject, JSONValue
from ledger.errors import CairnError, MalformedError, PolicyError, RuleError, SignatureError, at_place
from ledger.log import statements
from ledger.log.charter import Roots, read_roots
from ledger.log.didkey import encode_did_key
from ledger.log.entry import STATEMENT_CONTEXT, Signature, read_signatures, sign_statement
from ledger.log.governance import ReplaceRoots
from ledger.log.judge import Governance
from ledger.log.keys import KeyId, PublicKey, SigningKey, verify_signature
from ledger.log.statement import MAX_STATEMENT_BYTES
from node.outfile import read_input
from node.wording import describe_governance

MAX_PROPOSAL_BYTES = 1024 * 1024
_FORMAT = "cairn/proposal/v1"
_ALTERED = "do not sign it; ask the proposer for a fresh one, by another way"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A statement waiting for signatures.

    Attributes:
        statement_bytes: what is signed, exact.
        roots: who may sign and how many must, as the proposer saw the log; the log itself decides in the end.
        signatures: so far, ascending by key id; all verify.
    """

    statement_bytes: bytes
    roots: Roots
    signatures: tuple[Signature, ...] = ()

    @property
    def statement(self) -> Governance:
        """What is proposed.

        Raises:
            MalformedError: it is no statement of governance.
        """
        return read_governance(self.statement_bytes)

    @property
    def words(self) -> tuple[str, ...]:
        """What the statement says, line by line, made from its bytes alone."""
        return describe_governance(self.statement)

    @property
    def signers(self) -> tuple[PublicKey, ...]:
        """Keys that may sign: the root keys and, where roots are replaced, the new ones too."""
        new = self.statement.roots.keys if isinstance(self.statement, ReplaceRoots) else ()
        return tuple(dict.fromkeys([*self.roots.keys, *new]))

    @property
    def is_complete(self) -> bool:
        """Whether enough have signed."""
        return self.enough() is not None

    def missing(self) -> int:
        """How many signatures are still needed."""
        present = {signature.key for signature in self.signatures}
        return max(0, *(roots.threshold - len(present & roots.ids) for roots in self._sets()))

    def enough(self) -> tuple[Signature, ...] | None:
        """Just as many signatures as are needed, since one beyond would make the entry void; None if too few."""
        chosen: dict[KeyId, Signature] = {}
        for roots in self._sets():
            for signature in self.signatures:
                if len(roots.ids & chosen.keys()) < roots.threshold and signature.key in roots.ids:
                    chosen[signature.key] = signature
            if len(roots.ids & chosen.keys()) < roots.threshold:
                return None
        return tuple(sorted(self._thinned(chosen).values(), key=lambda item: item.key))

    def _thinned(self, chosen: dict[KeyId, Signature]) -> dict[KeyId, Signature]:
        """Leave out what a later choice for another set made superfluous."""
        for key in list(chosen):
            rest = chosen.keys() - {key}
            if all(len(roots.ids & rest) >= roots.threshold for roots in self._sets()):
                del chosen[key]
        return chosen

    def _sets(self) -> tuple[Roots, ...]:
        statement = self.statement
        return (self.roots, statement.roots) if isinstance(statement, ReplaceRoots) else (self.roots,)


def read_governance(statement_bytes: bytes) -> Governance:
    """Read a statement that only root keys can make.

    Raises:
        MalformedError: it does not parse, or is something else.
    """
    statement = statements.parse(statement_bytes)
    if not isinstance(statement, Governance):
        raise MalformedError(f"proposal: a {statement.kind} statement is not governance")
    return statement


def sign_proposal(proposal: Proposal, key: SigningKey) -> Proposal:
    """Give the proposal with one more signature.

    Raises:
        RuleError: the key may not sign it, or has signed it.
    """
    if key.public not in proposal.signers:
        raise RuleError(
            f"key: it is none of the {len(proposal.signers)} that may sign this proposal",
            hint="is it the key file of this institution, and was the proposal made with its newest root keys?",
        )
    if any(signature.key == key.public.id for signature in proposal.signatures):
        raise RuleError("key: it has signed this proposal already", hint="hand the file to the next signer")
    (signature,) = sign_statement(proposal.statement_bytes, [key])
    return replace(proposal, signatures=tuple(sorted([*proposal.signatures, signature], key=lambda item: item.key)))


def encode_proposal(proposal: Proposal) -> bytes:
    """Give the bytes of a proposal file."""
    words: list[JSONValue] = list(proposal.words)
    value: JSONObject = {
        "format": _FORMAT,
        "roots": proposal.roots.to_json(),
        "signatures": _signatures(proposal.signatures),
        "statement": base64url.encode(proposal.statement_bytes),
        "words": words,
    }
    return canonical.encode(value) + b"\n"


def parse_proposal(data: bytes, *, verify: bool = True) -> Proposal:
    """Read a proposal file and check it.

    1. It is ledger JSON of this format, and its statement is governance.
    2. Its words are those that the statement's bytes give.
    3. Every signature is by a key that may sign, and verifies; left out where `verify` is False, to compare two files.

    Raises:
        MalformedError: step 1 fails.
        SignatureError: step 2 or 3 fails: somebody changed the file. After step 2 the error shows what differs; after
            step 3 whose signature is over something else than the file says now.
    """
    fields = Fields(canonical.parse(data.removesuffix(b"\n"), max_bytes=MAX_PROPOSAL_BYTES), "proposal")  # 1
    if (name := fields.text("format", max_length=64)) != _FORMAT:
        raise MalformedError(f"proposal: a file of format {name}, expected {_FORMAT}")
    signatures = fields.array("signatures")
    proposal = Proposal(
        _bounded(fields.data("statement")),
        read_roots(fields.fields("roots")),
        read_signatures(signatures) if signatures else (),
    )
    stated = fields.texts("words")
    fields.finish()
    if stated != proposal.words:  # 2
        found = "".join(
            f"\n  {line}" for line in describe_difference(stated, proposal.words, "the words say", "the statement says")
        )
        raise SignatureError(
            f"proposal: its words are not what its statement says; the file was altered:{found}", hint=_ALTERED
        )
    if verify:
        _verify_signatures(proposal)  # 3
    return proposal


def read_proposal(path: Path, *, verify: bool = True) -> Proposal:
    """Read a proposal from a file; see `parse_proposal`.

    Raises:
        MalformedError, SignatureError: as `parse_proposal`, naming the file: several are signed and submitted together.
    """
    try:
        return parse_proposal(read_input(path, MAX_PROPOSAL_BYTES), verify=verify)
    except CairnError as error:
        raise at_place(
            error, str(path), hint="it is no proposal, or damaged; ask the proposer for the file again"
        ) from error


def _verify_signatures(proposal: Proposal) -> None:
    by_id = {key.id: key for key in proposal.signers}
    for number, signature in enumerate(proposal.signatures, 1):
        key = by_id.get(signature.key)
        if key is None:
            raise SignatureError(f"proposal: signature {number} is by a key that may not sign it")
        try:
            verify_signature(key, STATEMENT_CONTEXT + proposal.statement_bytes, signature.signature)
        except SignatureError as error:
            who = encode_did_key(key)
            raise SignatureError(
                f"proposal: signature {number}, by {who}, is over something else than this file says; it was altered since",
                hint=f"{_ALTERED}; --against COPY shows what differs from a copy that the first signer kept",
            ) from error


def check_same(proposal: Proposal, kept: Proposal) -> None:
    """Check that a file says what a copy of it, kept from before, says: the same statement, the same signers asked.

    Raises:
        SignatureError: it does not; the error shows what differs, line by line.
    """
    found = describe_difference(_said(proposal), _said(kept), "this file says", "the copy says")
    if not found and proposal.statement_bytes != kept.statement_bytes:
        found = ["its statement has other bytes, which mean the same"]
    if found:
        lines = "".join(f"\n  {line}" for line in found)
        raise SignatureError(f"proposal: it is not what the copy says:{lines}", hint=_ALTERED)


def describe_difference(one: Sequence[str], other: Sequence[str], here: str, there: str) -> list[str]:
    """Tell two texts apart: each line that only one of them has, after the name of that one."""
    lines = [f"{here}: {line}" for line in one if line not in other]
    lines += [f"{there}: {line}" for line in other if line not in one]
    return lines or ([] if list(one) == list(other) else [f"{here}: the same lines in another order"])


def _said(proposal: Proposal) -> tuple[str, ...]:
    statement, roots = proposal.statement, proposal.roots
    own = [f"made at {statement.at} ms", f"id {base64url.encode(statement.id)}"]
    asked = [
        f"{roots.threshold} of {len(roots.keys)} must sign",
        *(f"asks {encode_did_key(key)}" for key in roots.keys),
    ]
    return (*proposal.words, *own, *asked)


def _signatures(signatures: Sequence[Signature]) -> list[JSONValue]:
    return [{"key": base64url.encode(item.key), "sig": base64url.encode(item.signature)} for item in signatures]


def _bounded(data: bytes) -> bytes:
    if len(data) > MAX_STATEMENT_BYTES:
        raise MalformedError(f"proposal: a statement of {len(data)} bytes, at most {MAX_STATEMENT_BYTES}")
    return data


def signatures_to_submit(proposal: Proposal) -> tuple[Signature, ...]:
    """The signatures an entry needs, and not one more.

    Raises:
        PolicyError: too few have signed.
    """
    enough = proposal.enough()
    if enough is None:
        raise PolicyError(
            f"proposal: {len(proposal.signatures)} have signed, {proposal.missing()} more must",
            hint="cairn-node sign P --key FILE adds a signature",
        )
    return enough
