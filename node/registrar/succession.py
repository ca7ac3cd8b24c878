"""The order in which one key follows another: never a moment without a key in force (DESIGN 3, Keys)."""

from ledger import base64url
from ledger.errors import RuleError
from ledger.log.charter import Role
from ledger.log.governance import RetireKey
from ledger.log.keyring import KeyStatus
from ledger.log.keys import Algorithm, KeyId, PublicKey
from ledger.log.state import LogState
from ledger.log.statement import Statement
from node.keystore import KeyRole, Keystore


def check_succession(statement: Statement, state: LogState, keystore: Keystore) -> None:
    """Check that a retirement comes after its successor, where one has been made.

    Whoever made no other key means to end the role, which is a decision like any other.

    Raises:
        RuleError: the last key of a role would go while its successor still waits to be put in force.
    """
    record = state.keys.records.get(statement.key) if isinstance(statement, RetireKey) else None
    if record is None:
        return
    here = _keys_like(record.key, record.role, keystore) - {record.key.id}
    if not here - state.named.keys() or others_in_force(state, keystore, record.key.id):
        return
    raise RuleError(
        f"key {base64url.encode(record.key.id)}: is the last {record.role.value} key in force on this node, and the "
        "one made to follow it is not in force yet",
        hint="submit the proposal that adds the new key first, then this one again",
    )


def others_in_force(state: LogState, keystore: Keystore, key_id: KeyId) -> int:
    """How many other keys of the same role and algorithm this node has that are in force for the next entry."""
    record = state.keys.records[key_id]
    here = _keys_like(record.key, record.role, keystore) - {key_id}
    return sum(state.key_status(other, record.role, state.size) is KeyStatus.IN_FORCE for other in here)


def _keys_like(key: PublicKey, role: Role, keystore: Keystore) -> set[KeyId]:
    """Ids of this node's keys that can stand in for a key: one algorithm cannot do the other's work."""
    name = KeyRole(role.value)
    if key.algorithm is Algorithm.P256:
        return {other.public.id for other in keystore.p256_with_role(name)}
    return {other.public.id for other in keystore.with_role(name)}
