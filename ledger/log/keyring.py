"""Which keys a log has named, what each may do, and from which entry to which.

Position decides, never a clock: a key added by entry a is in force for entries above a, until the entry that retires it. A
compromise reaches back: what the key signed from `since` on is void, whatever stood in between. One key has one role for
ever; a key that was ever named is never given another.
"""

from dataclasses import dataclass
from enum import Enum

from ledger.log.charter import Role, RoleKey
from ledger.log.keys import KeyId, PublicKey


class KeyStatus(Enum):
    """Whether a key could act in a role at a position."""

    IN_FORCE = "in force"
    UNKNOWN = "not a key of this institution"
    WRONG_ROLE = "a key with another role"
    NOT_YET = "not yet added there"
    RETIRED = "retired before that position"
    COMPROMISED = "compromised from an earlier position on"


@dataclass(slots=True)
class KeyRecord:
    """The life of one role key, in indexes of its log.

    Attributes:
        key: the public key.
        role: its only role.
        added: index of the entry that added it.
        retired: index of the entry that retired it, if any.
        stolen_since: first position from which it is void, if compromised.
    """

    key: PublicKey
    role: Role
    added: int
    retired: int | None = None
    stolen_since: int | None = None

    def status_at(self, role: Role, index: int) -> KeyStatus:
        """Tell whether this key could act in `role` for entry `index`."""
        if self.role is not role:
            return KeyStatus.WRONG_ROLE
        if self.stolen_since is not None and index >= self.stolen_since:
            return KeyStatus.COMPROMISED
        if index <= self.added:
            return KeyStatus.NOT_YET
        if self.retired is not None and index > self.retired:
            return KeyStatus.RETIRED
        return KeyStatus.IN_FORCE


class KeyRing:
    """All role keys of one log."""

    __slots__ = ("records",)

    def __init__(self, records: dict[KeyId, KeyRecord] | None = None) -> None:
        """Start from the given records, or empty."""
        self.records: dict[KeyId, KeyRecord] = {} if records is None else records

    def copy(self) -> "KeyRing":
        """Give an independent copy."""
        return KeyRing(
            {
                key_id: KeyRecord(record.key, record.role, record.added, record.retired, record.stolen_since)
                for key_id, record in self.records.items()
            }
        )

    def status_at(self, key_id: KeyId, role: Role, index: int) -> KeyStatus:
        """Tell whether a key could act in `role` for entry `index`."""
        record = self.records.get(key_id)
        return KeyStatus.UNKNOWN if record is None else record.status_at(role, index)

    def is_stolen_at(self, key_id: KeyId, index: int) -> bool:
        """Tell whether what the key signed at `index` is void because somebody else had it."""
        record = self.records.get(key_id)
        return record is not None and record.stolen_since is not None and index >= record.stolen_since

    def add(self, role_key: RoleKey, index: int) -> None:
        """Enter a key that entry `index` names; the caller has checked that it is new."""
        self.records[role_key.key.id] = KeyRecord(role_key.key, role_key.role, index)

    def in_force(self, role: Role, index: int) -> list[KeyRecord]:
        """Give the keys that could act in `role` for entry `index`."""
        return [record for record in self.records.values() if record.status_at(role, index) is KeyStatus.IN_FORCE]
