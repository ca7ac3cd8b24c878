"""The trust roots a node works with: files under `networks/`, those `node.toml` names, and its own if it is a network.

A node that joined a network before that had witnesses follows it with `quorum none`. As soon as the first witnesses are in
force, it pins the network again by itself: a newer head with a quorum of them, and from then on a majority is needed.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ledger.duration import DAY_MS
from ledger.log.checkpoint import read_checkpoint
from ledger.log.identity import encode_log_id
from ledger.log.members import judge_quorum
from ledger.log.merkle import root_at
from ledger.log.policy import MAX_TRUST_ROOT_BYTES, QuorumRule, TrustRoot, encode_trust_root, parse_trust_root
from ledger.log.view import LogView
from node import durable

FILE_PATTERN = "*.json"

_log = logging.getLogger(__name__)


def load_trust_roots(directory: Path, named: Iterable[str]) -> dict[Path, TrustRoot]:
    """Read every trust root file below `directory/networks` and those named in the configuration.

    Args:
        directory: of the node.
        named: paths; relative ones start at `directory`.

    Raises:
        MalformedError: a file is no trust root.
        OSError: a file cannot be read.
    """
    paths = sorted((directory / "networks").glob(FILE_PATTERN)) + [directory / name for name in named]
    found: dict[Path, TrustRoot] = {}
    for path in dict.fromkeys(path.resolve() for path in paths):
        with path.open("rb") as file:
            found[path] = parse_trust_root(file.read(MAX_TRUST_ROOT_BYTES + 1))
    return found


def own_trust_root(log: LogView) -> TrustRoot:
    """How a network's own node sees its network: pinned at its founding entry, which needs no pin."""
    state = log.state
    policy = state.batch
    return TrustRoot(
        network=state.log_id,
        name=state.name,
        origin=state.charter.origin,
        log_key=state.log_key,
        head_size=1,
        head_root=root_at(1, log.read_hashes),
        witnesses=(),
        quorum=QuorumRule.MAJORITY,
        max_age=policy.interval + DAY_MS,
        http=(state.url,),
        grpc=(state.grpc,),
    )


def pin_again(trust: TrustRoot, log: LogView) -> TrustRoot | None:
    """The same trust root pinned at a head that the network's first witnesses stand behind; None while there is none.

    Args:
        trust: with `quorum none`.
        log: the network's.
    """
    witnesses = log.state.members.witness_sets[-1]
    note = log.note
    if trust.quorum is not QuorumRule.NONE or not witnesses.witnesses or note is None:
        return None
    head = read_checkpoint(note)
    if head.size <= witnesses.since or not judge_quorum(note, trust.network, witnesses).has_quorum:
        return None
    return replace(
        trust,
        log_key=log.state.log_key,
        head_size=head.size,
        head_root=head.root,
        witnesses=witnesses.witnesses,
        quorum=QuorumRule.MAJORITY,
    )


def store_trust_root(path: Path, trust: TrustRoot) -> None:
    """Put a trust root in place of the one in a file."""
    durable.replace_file(path, encode_trust_root(trust) + b"\n", mode=0o640)
    _log.info("network pinned again", extra={"network": encode_log_id(trust.network), "size": trust.head_size})
