"""Dishonest copies: what a thief of a key that signs credentials can make, and what he cannot."""

from ledger.credential.status import StatusReference
from ledger.log.charter import Role
from ledger.log.identity import LogId
from ledger.log.keys import SigningKey
from tests.simulation.institution import Actor
from tests.simulation.oracle import Copy, Kind
from tests.simulation.world import World


class Thief:
    """Holds one key of an institution."""

    def __init__(self, world: World, actor: Actor, key: SigningKey, role: Role) -> None:
        self.world, self.actor, self.key, self.role = world, actor, key, role
        self.press = actor.press(role).signed_by(key)

    def slip_in(self) -> Copy:
        """With an accomplice at the desk: a real slot, and a place in the next batch."""
        reference = self.actor.desk.draw_slot()
        return self.world.note(self.actor, self.press, Kind.SLIPPED_IN, reference, self.actor, waits=True)

    def make_homeless(self) -> Copy:
        """Alone: the copy stands nowhere, and its slot key is made up."""
        return self._note(Kind.HOMELESS)

    def borrow_receipt(self) -> Copy | None:
        """Alone, with the receipt of a copy that somebody was shown."""
        shown = next((copy for copy in self.world.oracle.copies if self._is_own(copy)), None)
        if shown is None:
            return None
        copy = self._note(Kind.BORROWED_RECEIPT)
        copy.receipt, copy.index, copy.week = shown.receipt, shown.index, self.world.week
        return copy

    def forge_on(self, kind: Kind) -> Copy:
        """With everything an owner of the log has; the caller finds it a place."""
        return self.world.note(self.actor, self.press, kind, self.actor.desk.draw_slot(), self.actor, waits=False)

    def forge_by_unknown_key(self) -> Copy:
        """By a key that was never put in force."""
        return self._note(Kind.UNKNOWN_KEY)

    def _is_own(self, copy: Copy) -> bool:
        return copy.kind is Kind.HONEST and copy.receipt is not None and copy.log == self.actor.log_id

    def _note(self, kind: Kind) -> Copy:
        slot = self.world.random.randrange(self.world.scale.slots)
        reference = StatusReference(LogId(self.actor.log_id), 0, slot, self.actor.draw(32))
        return self.world.note(self.actor, self.press, kind, reference, self.actor, waits=False)
