"""Writing a trust root: which head of a network is pinned, and who vouches for it."""

from ledger.duration import DAY_MS
from ledger.errors import PolicyError
from ledger.log.checkpoint import read_checkpoint
from ledger.log.members import judge_quorum
from ledger.log.merkle import RootHash
from ledger.log.policy import QuorumRule, TrustRoot
from node.client.held import HeldLog


def pin_network(network: HeldLog, quorum: QuorumRule) -> TrustRoot:
    """Give the trust root that pins the network's newest head.

    With witnesses in force it is the newest checkpoint that carries their quorum. Without any it is the newest
    checkpoint, and only for `quorum none`.

    Args:
        network: the network's log as held.
        quorum: what verifiers shall demand of a head.

    Raises:
        PolicyError: it is not a network, there is no witness yet, or no head with a quorum.
    """
    state = network.state
    if not state.is_network:
        raise PolicyError(f"{state.name}: is a {state.charter.institution}, not a network; nobody starts trust there")
    newest = state.members.witness_sets[-1]
    if quorum is QuorumRule.MAJORITY and not newest.witnesses:
        raise PolicyError(
            f"{state.name}: no witness is in force yet, so no head can be vouched for",
            hint="--quorum none pins the writer's word alone, for members that join before the first cut",
        )
    size, root = _newest_head(network, quorum)
    pinned = next(item for item in reversed(state.members.witness_sets) if item.since < size)
    return TrustRoot(
        network=state.log_id,
        name=state.name,
        origin=state.charter.origin,
        log_key=state.log_key,
        head_size=size,
        head_root=root,
        witnesses=pinned.witnesses,
        quorum=quorum,
        max_age=state.batch.interval + DAY_MS,
        http=_addresses(network, "url"),
        grpc=_addresses(network, "grpc"),
    )


def _newest_head(network: HeldLog, quorum: QuorumRule) -> tuple[int, RootHash]:
    state = network.state
    head = read_checkpoint(network.note)
    newest = state.members.witness_sets[-1]
    if quorum is QuorumRule.NONE:
        return head.size, head.root
    if head.size > newest.since and judge_quorum(network.note, state.log_id, newest).has_quorum:
        return head.size, head.root
    anchored = [
        item
        for item in state.members.anchored.get(state.log_id, ())
        if item.seconds is not None and item.size > newest.since
    ]
    if not anchored:
        raise PolicyError(
            f"{state.name}: no head has the quorum of its witnesses yet",
            hint="wait until they have cosigned (cairn-node status shows it), or let the network cut once more",
        )
    best = max(anchored, key=lambda item: item.size)
    return best.size, RootHash(best.root)


def _addresses(network: HeldLog, what: str) -> tuple[str, ...]:
    """Where to fetch from: the network's node first, then its members in good standing."""
    members = network.state.members
    found = [getattr(network.state, what)]
    for log in members.records:
        standing = members.standing_of(log)
        if standing is not None and members.is_active(log):
            found.append(getattr(standing, what))
    return tuple(dict.fromkeys(str(address) for address in found if address))
