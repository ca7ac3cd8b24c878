"""What verifiers without a ledger are given, and what witnesses that speak HTTP are asked: C2SP formats, in the story."""

from ledger import base64url, canonical
from ledger.credential.presentation import encode_presentation, hash_claim
from ledger.credential.stapled import StapledStatus, encode_stapled
from ledger.log.merkle import prove_consistency, prove_inclusion, prove_item
from ledger.log.policy import TrustRoot
from ledger.log.proof import encode_proof, make_proof
from ledger.log.standalone import EntryProof, StandaloneReceipt, encode_standalone
from ledger.log.witness_policy import encode_witness_policy, make_policy
from node.client.cosigntext import encode_cosign_request, encode_size
from node.client.exchange import CosignRequest
from tests.vectors.scribe import Scribe
from tests.vectors.story import SLOT, Story, show

HEAD = 6
"""Size of the school's head above its cut, whose last entry is the page."""
ADMISSION = 2
"""Index of the school's admission in the network's log."""


def build(story: Story, trust: TrustRoot) -> dict[str, object]:
    """The copy shown with proofs, the files for tools of others, and one request to a witness."""
    school, receipt = story.school, story.receipt
    charter_path = prove_inclusion(0, HEAD, school.read_hashes)
    proof = encode_standalone(StandaloneReceipt(prove(school, receipt.index), school.entries[0], charter_path))
    body = school.bodies[HEAD - 1] or b""
    items = [body[start : start + 1024] for start in range(0, len(body), 1024)]
    item = SLOT // 1024
    stapled = StapledStatus(prove(school, HEAD - 1), items[item], prove_item(items, item))
    shown = show(story.copies[0], receipt, story.holder, proof, encode_stapled(stapled))
    request = CosignRequest(
        old_size=HEAD, proof=prove_consistency(HEAD, school.size, school.read_hashes), note=school.note
    )
    return {
        "file": encode_presentation(shown).decode(),
        "hash_claim": hash_claim(shown),
        "proof": canonical.encode(proof).decode(),
        "status": canonical.encode(encode_stapled(stapled)).decode(),
        "tlog_proof": encode_proof(make_proof(ADMISSION, story.network.notes[7], story.network.read_hashes)).decode(),
        "entry": story.network.entries[ADMISSION].decode(),
        "policy": encode_witness_policy(make_policy(trust)).decode(),
        "add_checkpoint": encode_cosign_request(request).decode(),
        "conflict": encode_size(HEAD).decode(),
        "old_root": base64url.encode(school.root_at(HEAD)),
    }


def prove(log: Scribe, index: int) -> EntryProof:
    return EntryProof(log.entries[index], make_proof(index, log.notes[HEAD], log.read_hashes))
