"""What `key impact` says about keys that sign neither batches nor credentials: log, witness and root keys."""

from pathlib import Path
from typing import TYPE_CHECKING

from node import terminal

if TYPE_CHECKING:
    from ledger.log.state import LogState
    from node.keystore import Keystore

_WORDS = {
    "log": (
        "is the log key: it signs checkpoints and anchors, never batches or credentials",
        "its rotation hits nothing: whatever stands on the log stays, and is signed for by the new key",
        "a thief can sign a second history: no witness cosigns it, every replica keeps it as evidence, no verdict changes",
        "  if the host itself will not let go of the log: cairn-node key announce, then cairn-node takeover",
    ),
    "witness": (
        "is a witness key: it signs how far this node has seen the logs of others, and nothing of its own",
        "its rotation hits nothing: both keys cosign until the network has anchored the change",
        "a thief can cosign alone what no log key signed, which is nothing; with as many other witnesses as a quorum lacks, "
        "a second history",
    ),
    "root": (
        "is a root key: enough of them decide about all other keys, and about themselves",
        "replacing it hits nothing: what was decided before stands",
        "a thief of fewer than the threshold decides nothing; of enough, everything: then the network lets a new log succeed",
    ),
}


def find_elsewhere(state: "LogState", keystore: "Keystore", text: str) -> tuple[str, str] | None:
    """Role and id of the log, witness or root key that `text` begins, where there is exactly one."""
    from ledger import base64url
    from node.keystore import KeyRole

    keys = {key.id: "log" for _, key in state.log_keys}
    keys.update({key.id: "root" for key in state.roots.keys})
    keys.update({key.public.id: "witness" for key in keystore.with_role(KeyRole.WITNESS)})
    texts = {base64url.encode(key_id): role for key_id, role in keys.items()}
    found = [(role, name) for name, role in texts.items() if len(text) >= 6 and name.startswith(text)]
    return found[0] if len(found) == 1 else None


def show_elsewhere(role: str, key: str, directory: Path, *, as_json: bool) -> None:
    """Print what hangs on it, and name the next step."""
    first, *rest = _WORDS[role]
    if as_json:
        terminal.result_json({"key": key, "role": role})
    else:
        terminal.result(f"{key} {first}")
        for line in rest:
            terminal.result(line)
    following = {
        "log": f"cairn-node key rotate {directory} --role log -o P",
        "witness": f"cairn-node key rotate {directory} --role witness -o REQUEST",
        "root": f"cairn-node key replace-roots {directory} --root-key PUB… --threshold K -o P",
    }
    terminal.next_step(following[role])
