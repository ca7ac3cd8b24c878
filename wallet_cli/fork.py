"""When a node shows another history of a log than the one held: the proof of it, which stands alone.

Two notes signed by the log's own key that cannot both be true are evidence against whoever has that key. To show where
they part, the other tree's leaf hashes are fetched, checked against its note, and compared with ours.
"""

from collections.abc import Sequence

from ledger.errors import CairnError, ProofError
from ledger.log import merkle, tiles
from ledger.log.checkpoint import Checkpoint, read_checkpoint
from ledger.log.evidence import Common, ForkEvidence, Split, encode_fork, verify_fork
from ledger.log.merkle import HashReader, LeafHash, NodeAddress, RootHash
from node.client.http import LedgerHTTP
from wallet_cli.replica import ReplicaLog

MAX_COMPARED = 1 << 20
"""Entries above which trees are not fetched whole: 32 MiB of hashes."""


async def find_fork(held: ReplicaLog, http: LedgerHTTP, note: bytes) -> bytes | None:
    """Give evidence that this note contradicts the log as held, `None` if it does not prove a fork.

    Args:
        held: the log, of at least one entry.
        http: the node that offered the note.
        note: signed by the log's key, or nothing is proven.

    Raises:
        CairnError: the node does not give what its own note promises.
    """
    other = read_checkpoint(note)
    if other.size == held.size:
        evidence = ForkEvidence(held.note, note)
    else:
        if other.size > MAX_COMPARED:
            return None
        leaves = await _fetch_leaves(http, held, other)
        index = _first_difference(held, leaves)
        if index is None:
            return None
        evidence = _describe(held, note, leaves, index)
    keys = [held.state.verifier_key_at(size) for size in {held.size, min(held.size, other.size)}]
    try:
        verify_fork(evidence, keys)
    except CairnError:
        return None
    return encode_fork(evidence)


async def _fetch_leaves(http: LedgerHTTP, held: ReplicaLog, other: Checkpoint) -> list[bytes]:
    leaves: list[bytes] = []
    for index in range(-(-other.size // tiles.TILE_WIDTH)):
        data = await http.tile(held.state.log_id, 0, index, tiles.tile_width(0, index, other.size))
        leaves += [data[at : at + merkle.HASH_BYTES] for at in range(0, len(data), merkle.HASH_BYTES)]
    if len(leaves) != other.size or merkle.root_of_hashes(leaves) != other.root:
        raise ProofError(f"{http.base_url}: its tiles do not lead to its own checkpoint")
    return leaves


def _first_difference(held: ReplicaLog, leaves: Sequence[bytes]) -> int | None:
    common = min(held.size, len(leaves))
    ours = held.read_hashes([(0, index) for index in range(common)])
    return next((index for index in range(common) if ours[index] != leaves[index]), None)


def _describe(held: ReplicaLog, note: bytes, leaves: Sequence[bytes], index: int) -> ForkEvidence:
    def read_theirs(addresses: Sequence[NodeAddress]) -> list[bytes]:
        return [merkle.root_of_hashes(leaves[at << level : at + 1 << level]) for level, at in addresses]

    theirs: HashReader = read_theirs
    ours = held.read_hashes
    split = Split(
        index=index,
        first_leaf=LeafHash(ours([(0, index)])[0]),
        first_proof=merkle.prove_inclusion(index, held.size, ours),
        second_leaf=LeafHash(leaves[index]),
        second_proof=merkle.prove_inclusion(index, len(leaves), theirs),
    )
    # Entry 0 is the log's identity, so two branches of one log always share at least that.
    common = Common(
        size=index,
        root=RootHash(merkle.root_at(index, ours)),
        first_proof=merkle.prove_consistency(index, held.size, ours),
        second_proof=merkle.prove_consistency(index, len(leaves), theirs),
    )
    return ForkEvidence(held.note, note, split, common if index else None)
