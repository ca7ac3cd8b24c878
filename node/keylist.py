"""The keys of an institution: which the log names, which are in force, which are here and not named yet."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from ledger import base64url
from ledger.credential.p256 import P256SigningKey
from ledger.log.charter import Role
from ledger.log.keyring import KeyRecord
from ledger.log.keys import Algorithm, SigningKey
from ledger.log.state import LogState
from node.clock import Draw
from node.keystore import KeyRole, Keystore


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedKey:
    """One key: its id, what it is for, how it stands, and whether its secret half is on this computer."""

    id: str
    algorithm: str
    role: str
    state: str
    is_here: bool

    def to_json(self) -> dict[str, object]:
        """Give it as JSON."""
        members = {"algorithm": self.algorithm, "here": self.is_here, "id": self.id}
        return {**members, "role": self.role, "state": self.state}


def describe_keys(state: LogState, keystore: Keystore) -> tuple[ListedKey, ...]:
    """Every key: role keys in the order they came, log keys, the witness keys held here, root keys."""
    rows = [
        ListedKey(
            id=base64url.encode(key_id),
            algorithm=record.key.algorithm.value,
            role=record.role.value,
            state=describe_record(record),
            is_here=keystore.holds(key_id),
        )
        for key_id, record in state.keys.records.items()
    ]
    ends = [since for since, _ in state.log_keys[1:]]
    for (since, key), end in zip_longest(state.log_keys, ends):
        is_here = keystore.find(key.id) is not None
        rows.append(
            ListedKey(
                id=base64url.encode(key.id),
                algorithm=key.algorithm.value,
                role="log",
                state=f"in force, from entry {since}" if end is None else f"rotated away by entry {end}",
                is_here=is_here,
            )
        )
    rows += [
        # No log of its own names a witness key: the networks it cosigns for do.
        ListedKey(
            id=base64url.encode(key.public.id),
            algorithm=key.public.algorithm.value,
            role=KeyRole.WITNESS.value,
            state=state_of_witness,
            is_here=True,
        )
        for key, state_of_witness in _witness_keys(keystore)
    ]
    needed = f"{state.roots.threshold} of {len(state.roots.keys)} sign"
    rows += [
        # A root key never stands on the node.
        ListedKey(
            id=base64url.encode(key.id),
            algorithm=key.algorithm.value,
            role="root",
            state=needed,
            is_here=keystore.find(key.id) is not None,
        )
        for key in state.roots.keys
    ]
    return tuple(rows)


def _witness_keys(keystore: Keystore) -> Iterator[tuple[SigningKey, str]]:
    *older, newest = keystore.with_role(KeyRole.WITNESS)
    yield from ((key, "older; counts where a network still names it") for key in older)
    yield newest, "newest; counts where a network names it"


def missing_keys(state: LogState, keystore: Keystore) -> Iterator[tuple[str, str]]:
    """The roles for which no key in force is here, each with what follows from that."""
    if keystore.find(state.log_key.id) is None:
        yield "log", "the log cannot go on"
    for role in Role:
        in_force = state.keys.in_force(role, state.size)
        if in_force and not any(keystore.holds(record.key.id) for record in in_force):
            yield role.value, "what this role signs waits"
        elif not in_force and role is Role.OPERATE:
            yield role.value, "the log names none in force, so no cut can be made"


def unused_key(keystore: Keystore, state: LogState, role: KeyRole, draw: Draw) -> SigningKey:
    """A key for a role that the log does not name yet: one made before, else a new one.

    A command that is repeated therefore makes no second key.
    """
    unused = [key for key in keystore.with_role(role) if key.public.id not in state.named]
    return unused[-1] if unused else keystore.add(role, draw)


def unused_p256_key(keystore: Keystore, state: LogState, role: KeyRole, draw: Draw) -> P256SigningKey:
    """As `unused_key`, a P-256 key for a role that signs credentials."""
    unused = [key for key in keystore.p256_with_role(role) if key.public.id not in state.named]
    return unused[-1] if unused else keystore.add_p256(role, draw)


def unused_like(record: KeyRecord, keystore: Keystore, state: LogState, draw: Draw) -> SigningKey | P256SigningKey:
    """A key that can follow another: of its role and algorithm."""
    make = unused_p256_key if record.key.algorithm is Algorithm.P256 else unused_key
    return make(keystore, state, KeyRole(record.role.value), draw)


def describe_record(record: KeyRecord) -> str:
    """How a role key stands, in words."""
    if record.stolen_since is not None:
        return f"stolen: void from entry {record.stolen_since} on"
    if record.retired is not None:
        return f"retired by entry {record.retired}"
    return f"in force, from entry {record.added}"
