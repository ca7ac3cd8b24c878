"""The files of the plain lists: made and signed anew after every cut, when the log holds it.

They say what the lists have been since that cut, and which state of the log they follow. A file that was not made,
because the node stopped in between, is made when it starts: the state is in the database, the files only show it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from ledger import base64url
from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.dataintegrity.issuer_document import did_web_of, method_url
from ledger.credential.dataintegrity.signing import ProofTerms, add_proof
from ledger.credential.jsonld.context import MissingContextError
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.plainlist.bitstring import ListTerms, describe_bitstring
from ledger.credential.plainlist.slots import LedgerHead, ListFile, PlainList, Purpose
from ledger.credential.plainlist.token import sign_token_list
from ledger.credential.strict_json import JSONObject
from ledger.duration import DAY_MS
from ledger.errors import MalformedError
from ledger.log.checkpoint import read_checkpoint
from ledger.log.keys import SigningKey
from ledger.log.view import LogView

KEPT_MS = 7 * DAY_MS
"""How long a list counts beyond two intervals: a node may be down for a week before its copies cannot be checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSigner:
    """Who signs the lists of one institution.

    Attributes:
        issuer_url: its URL below the network's host.
        key: its credential key in force.
        library: contexts; where the one of the lists is held, they get an `eddsa-rdfc-2022` proof too.
    """

    issuer_url: str
    key: SigningKey
    library: ContextLibrary

    @property
    def issuer(self) -> str:
        """What it is called in verifiable credentials: its `did:web`; the URL itself while that is not on HTTPS."""
        return issuer_of(self.issuer_url)


def issuer_of(issuer_url: str) -> str:
    """The id an institution has in verifiable credentials, from its URL."""
    try:
        return did_web_of(issuer_url)
    except MalformedError:
        return issuer_url


def make_terms(signer: ListSigner, log: LogView, *, interval: int, now: int) -> ListTerms:
    """What the files say beside the bits.

    Args:
        signer: who signs.
        log: the institution's own, which holds the cut; it has a checkpoint.
        interval: between two cuts, ms; 0 where they are made on command.
        now: Unix ms.
    """
    assert log.note is not None, "a log that was cut has a checkpoint"
    checkpoint = read_checkpoint(log.note)
    return ListTerms(
        issuer=signer.issuer,
        issuer_url=signer.issuer_url,
        valid_from=now,
        valid_until=now + 2 * interval + KEPT_MS,
        ttl_ms=min(interval or DAY_MS, DAY_MS),
        head=LedgerHead(log.state.log_id, checkpoint.size, checkpoint.root),
    )


def make_files(content: PlainList, terms: ListTerms, signer: ListSigner) -> Iterator[tuple[ListFile, bytes]]:
    """The signed files of one list."""
    for purpose in Purpose:
        credential = _sign(describe_bitstring(content, purpose, terms), terms, signer)
        yield ListFile(purpose.value), orjson.dumps(credential)
    header = {"alg": "EdDSA", "kid": base64url.encode(signer.key.public.id)}
    yield ListFile.TOKEN, sign_token_list(content, terms, header, signer.key.sign).encode("ascii")


def _sign(credential: JSONObject, terms: ListTerms, signer: ListSigner) -> JSONObject:
    """With both proofs in one array, or with the one that needs no contexts where they are not held."""
    method = method_url(signer.issuer, signer.key.public)
    for suite in (Cryptosuite.EDDSA_RDFC_2022, Cryptosuite.EDDSA_JCS_2022):
        proof = ProofTerms(suite=suite, method=method, created=terms.valid_from)
        try:
            credential = add_proof(credential, proof, signer.key.sign, signer.library)
        except MissingContextError:
            continue
    return credential
