"""Blockcerts v2 and v3, as far as no chain is asked: the document's hash, its path, and whose address signed it.

The issuer's signature is a transaction on a chain, so step 2 is at best "could not check": a root that leads to no
transaction was made by anybody. What the chain would confirm is said with it: the document existed before that block.
"""

from ledger.credential.dataintegrity.proof import proofs_of
from ledger.credential.external.contents import lines_of, read_contents, text_of
from ledger.credential.external.document import answer_unbound, end_document
from ledger.credential.external.ending import (
    answer_content,
    answer_dates,
    answer_issuer,
    answer_status,
)
from ledger.credential.external.findings import Findings
from ledger.credential.external.kind import Envelope, Found, Kind, is_merkle_proof
from ledger.credential.external.merkle import MerkleProof, parse_proof_2017, parse_proof_2019, verify_merkle_proof
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.external.revocation import list_of_ids
from ledger.credential.external.shape import check_credential, issuer_of
from ledger.credential.external.times import parse_assertion_validity
from ledger.credential.jsonld.context import MissingContextError
from ledger.credential.jsonld.dataset import UnsafeDocumentError, read_dataset
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.jsonld.rdfc import canonicalize
from ledger.credential.report import Code, CredentialReport
from ledger.credential.strict_json import JSONObject, JSONValue
from ledger.errors import MalformedError, ProofError

_CHAIN_HINT = "look the transaction up on that chain: it must hold the Merkle root, and come from the issuer's address"


def judge_blockcerts_3(found: Found, asked: ExternalQuestion) -> CredentialReport:
    """Judge a Blockcerts v3 credential; never raises for what it holds."""
    findings = Findings(Kind.BLOCKCERTS_3, Envelope.EMBEDDED)
    document = found.document
    try:
        check_credential(document)
        issuer = issuer_of(document)
        value, rest = split_proofs(document)
        proof = parse_proof_2019(value.get("proofValue"))
    except MalformedError as error:
        return findings.unreadable(error)
    findings.yes(1, str(found.kind))
    if not answer_merkle(findings, rest, proof, asked.library):
        return findings.stop()
    if not _answer_method(findings, value, issuer, asked):
        return findings.stop()
    bare = {name: member for name, member in document.items() if name != "proof"}
    return end_document(findings, bare, issuer, asked, key="")


def judge_blockcerts_2(found: Found, asked: ExternalQuestion) -> CredentialReport:
    """Judge a Blockcerts v2 certificate; never raises for what it holds."""
    findings = Findings(Kind.BLOCKCERTS_2, Envelope.EMBEDDED)
    signature = found.document.get("signature")
    rest = {name: value for name, value in found.document.items() if name != "signature"}
    try:
        if type(signature) is not dict:
            raise MalformedError("signature: expected an object")
        proof = parse_proof_2017(signature)
        validity = parse_assertion_validity(rest)
    except MalformedError as error:
        return findings.unreadable(error)
    findings.yes(1, str(found.kind))
    if not answer_merkle(findings, rest, proof, asked.library):
        return findings.stop()
    badge = rest.get("badge")
    badge = badge if type(badge) is dict else {}
    profile = badge.get("issuer")
    issuer = text_of(profile.get("id") if type(profile) is dict else profile)
    answer_dates(findings, (validity,), asked.now)
    answer_unbound(findings, asked)
    answer_issuer(findings, issuer, asked)
    url = profile.get("revocationList") if type(profile) is dict else None
    entries = (list_of_ids(url, text_of(rest.get("id"))),) if type(url) is str else ()
    answer_status(findings, entries, issuer, asked)
    shown = lines_of([rest.get("recipientProfile") or rest.get("recipient"), {"badge": badge.get("description")}])
    answer_content(findings, len(shown))
    name = read_contents({"name": badge.get("name"), "issuer": profile})
    return findings.report(title=name.title, issuer=name.issuer, shown=shown)


def split_proofs(document: JSONObject) -> tuple[JSONObject, JSONObject]:
    """The Merkle proof of a document, and what it covers: the document without it, other proofs kept.

    Raises:
        MalformedError: not exactly one such proof.
    """
    proofs = proofs_of(document)
    merkle = [one for one in proofs if is_merkle_proof(one)]

    if len(merkle) != 1:
        raise MalformedError(f"proof: expected one Merkle proof, found {len(merkle)}")
    rest = {name: value for name, value in document.items() if name != "proof"}
    others: list[JSONValue] = [one for one in proofs if one is not merkle[0]]
    if others:
        rest["proof"] = others if len(others) > 1 else others[0]
    return merkle[0], rest


def answer_merkle(findings: Findings, document: JSONObject, proof: MerkleProof, library: ContextLibrary) -> bool:
    """Steps 2 and 3 from a Merkle proof; whether the content may be shown."""
    try:
        # These formats define terms inside the document, which is safe here: the hash covers those definitions' IRIs
        # and nothing but the chain says who made it.
        canonical = canonicalize(read_dataset(document, library, allow_inline=True))
        verify_merkle_proof(canonical, proof)
    except (ProofError, UnsafeDocumentError) as error:
        findings.no(3, Code.BAD_SIGNATURE, str(error), error.hint)
        return False
    except (MissingContextError, MalformedError) as error:
        findings.unclear(3, Code.INCOMPLETE, str(error), error.hint or "ask the issuer for another form of it")
        return False
    findings.yes(3, f"its Merkle proof leads to the root {proof.root.hex()}")
    anchor = next(iter(proof.anchors), None)
    if anchor is None:
        findings.unclear(
            2, Code.INCOMPLETE, "its root stands on no chain, so nobody signed it", "ask for the final file"
        )
    elif anchor.is_mock:
        findings.unclear(
            2, Code.INCOMPLETE, "made for tests: its root stands on no real chain", "ask for one that was issued"
        )
    else:
        findings.unclear(
            2, Code.INCOMPLETE, f"existed before {anchor}, if the chain confirms: could not check", _CHAIN_HINT
        )
    return True


def _answer_method(findings: Findings, proof: JSONObject, issuer: str, asked: ExternalQuestion) -> bool:
    """Whether the proof's key is of the issuer, by its URL and by the issuer's document where that was given."""
    method = proof.get("verificationMethod")
    if type(method) is not str or "#" not in method:
        return True  # elder proofs name an address, which only the chain and the issuer's profile connect
    owner = method.partition("#")[0]
    if owner != issuer:
        findings.no(
            2, Code.BAD_SIGNATURE, f"the key is of {owner[:150]!r}, the credential says its issuer is {issuer[:150]!r}"
        )
        return False
    given = asked.book.find(issuer)
    if given is not None and not _lists(given, method):
        findings.no(2, Code.BAD_SIGNATURE, f"the document of {issuer[:150]!r} does not list the key {method[:150]!r}")
        return False
    return True


def _lists(document: JSONObject, method: str) -> bool:
    for name in ("verificationMethod", "assertionMethod", "publicKey"):
        value = document.get(name)
        for item in value if type(value) is list else [value]:
            url = item.get("id") if type(item) is dict else item
            if url in (method, f"#{method.partition('#')[2]}"):
                return True
    return False
