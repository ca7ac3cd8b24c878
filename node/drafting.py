"""Drafting statements of governance from what a log says now: who may sign, what was decided before, until when.

A draft is only a suggestion. What counts is the log when the statement gets there; a statement that would have no effect is
refused by the sequencer.
"""

from dataclasses import dataclass, replace

from ledger import base64url
from ledger.errors import RuleError
from ledger.log import statements
from ledger.log.charter import BatchPolicy, CharterAmendment, Role, RoleKey, Roots
from ledger.log.governance import (
    AddKey,
    Boundary,
    CompromiseKey,
    MemberChange,
    MemberOp,
    ReplaceRoots,
    RetireKey,
    Rights,
    RotateLogKey,
    Standing,
)
from ledger.log.identity import LogId, encode_log_id, short_log_id
from ledger.log.judge import Governance
from ledger.log.keyring import KeyRecord
from ledger.log.keys import KeyId, PublicKey
from ledger.log.state import LogState
from node.proposal import Proposal
from node.request import MembershipRequest

UNTIL_ENTRIES = 64
"""How many entries later a statement may still be used, by default."""


@dataclass(frozen=True, slots=True)
class Drafter:
    """Drafts statements for one log.

    Attributes:
        state: of the log they are for.
        at: Unix milliseconds.
        id: 16 random bytes; one draft each.
    """

    state: LogState
    at: int
    id: bytes

    def admit(self, request: MembershipRequest, rights: Rights, *, is_witness: bool = True) -> Proposal:
        """Make an institution a member, as it asked.

        Raises:
            RuleError: the request is for another network, or it cannot become a member.
        """
        self._check_request(request)
        standing = request.standing(rights)
        if not is_witness:
            standing = replace(standing, witness=None)
        return self._member(MemberOp.ADMIT, request.log, request.boundary, standing)

    def change_member(
        self, op: MemberOp, member: LogId, boundary: Boundary, standing: Standing | None = None
    ) -> Proposal:
        """Amend, suspend, reinstate or remove a member from a boundary on.

        Args:
            op: what is decided.
            member: whose log.
            boundary: in that log.
            standing: its complete new entry, for amend and reinstate; None keeps the last.

        Raises:
            RuleError: the log is no member, or the change does not follow on what was decided.
        """
        self._check_network()
        if op not in (MemberOp.AMEND, MemberOp.REINSTATE):
            standing = None
        elif standing is None:
            standing = self.state.members.standing_of(member)
            if standing is None:
                raise RuleError(f"member {encode_log_id(member)}: was never admitted")
        return self._member(op, member, boundary, standing)

    def amend_charter(
        self,
        *,
        name: str | None = None,
        url: str | None = None,
        grpc: str | None = None,
        batch: BatchPolicy | None = None,
    ) -> Proposal:
        """Change what the charter says; None keeps what is."""
        after = self.state.after("charter")
        return self._propose(
            CharterAmendment(
                at=self.at,
                id=self.id,
                log=self.state.log_id,
                after=after,
                until=self._until(),
                name=name,
                url=url,
                grpc=grpc,
                batch=batch,
            )
        )

    def succeed(self, member: LogId, boundary: Boundary, successor: LogId) -> Proposal:
        """End a member's log at a boundary; the successor's goes on."""
        self._check_network()
        return self._member(MemberOp.SUCCEED, member, boundary, None, successor)

    def add_key(self, key: PublicKey, role: Role) -> Proposal:
        """Put a new key in force."""
        after = self.state.after(base64url.encode(key.id))
        role_key = RoleKey(key, role)
        return self._propose(
            AddKey(at=self.at, id=self.id, log=self.state.log_id, after=after, until=self._until(), key=role_key)
        )

    def retire_key(self, key: KeyId) -> Proposal:
        """Take a key out of force."""
        after = self.state.after(base64url.encode(key))
        return self._propose(
            RetireKey(at=self.at, id=self.id, log=self.state.log_id, after=after, until=self._until(), key=key)
        )

    def compromise_key(self, key: KeyId, since: int) -> Proposal:
        """Void what a key signed from an index on."""
        after = self.state.after(base64url.encode(key))
        return self._propose(
            CompromiseKey(at=self.at, id=self.id, log=self.state.log_id, after=after, key=key, since=since)
        )

    def rotate_log_key(self, key: PublicKey) -> Proposal:
        """Sign checkpoints with another key."""
        after = self.state.after("log")
        return self._propose(RotateLogKey(at=self.at, id=self.id, log=self.state.log_id, after=after, log_key=key))

    def replace_roots(self, roots: Roots) -> Proposal:
        """Let other root keys decide."""
        after = self.state.after("roots")
        return self._propose(ReplaceRoots(at=self.at, id=self.id, log=self.state.log_id, after=after, roots=roots))

    def _check_request(self, request: MembershipRequest) -> None:
        self._check_network()
        if request.network != self.state.log_id:
            raise RuleError(
                f"request: it asks the network {encode_log_id(request.network)}, this is "
                f"{encode_log_id(self.state.log_id)}",
                hint="the institution has to ask again with this network's trust root",
            )

    def _member(
        self,
        op: MemberOp,
        member: LogId,
        boundary: Boundary,
        standing: Standing | None,
        successor: LogId | None = None,
    ) -> Proposal:
        change = MemberChange(
            at=self.at,
            id=self.id,
            log=self.state.log_id,
            after=self.state.after(encode_log_id(member)),
            until=self._until(),
            op=op,
            member=member,
            boundary=boundary,
            standing=standing,
            successor=successor,
        )
        reason = self.state.members.find_illegality(change)
        if reason is not None:
            raise RuleError(f"member: this would have no effect: {reason}")
        return self._propose(change)

    def _propose(self, statement: Governance) -> Proposal:
        return Proposal(statements.encode(statement), self.state.roots)

    def _check_network(self) -> None:
        if not self.state.is_network:
            raise RuleError(f"{self.state.name}: is a {self.state.charter.institution}; only a network has members")

    def _until(self) -> int:
        return self.state.size + UNTIL_ENTRIES


def find_member(state: LogState, text: str) -> LogId:
    """The member that a log id, its first 22 characters, an origin or a name means.

    Raises:
        RuleError: none, or more than one.
    """
    found = []
    for log in state.members.records:
        standing = state.members.standing_of(log)
        names = {encode_log_id(log), short_log_id(log)}
        names |= set() if standing is None else {standing.name, standing.origin}
        if text in names:
            found.append(log)
    if len(found) != 1:
        known = sorted(standing.name for log in state.members.records if (standing := state.members.standing_of(log)))
        what = "no member is called that" if not found else "more than one member is called that"
        raise RuleError(f"member {text!r}: {what}", hint=f"members: {', '.join(known) or 'none'}; or give a log id")
    return found[0]


def find_key(state: LogState, text: str) -> KeyRecord:
    """The role key that a key id or an unmistakable beginning of one means.

    Raises:
        RuleError: none, or more than one.
    """
    found = [record for key_id, record in state.keys.records.items() if base64url.encode(key_id).startswith(text)]
    if len(found) != 1 or len(text) < 6:
        what = "no key of this log has that id" if not found else "too short to tell keys apart"
        raise RuleError(f"key {text!r}: {what}", hint="cairn-node key list DIR shows the ids")
    return found[0]
