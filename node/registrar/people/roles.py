"""Roles, and which calls of the private listener each may make.

One table for all calls: whoever adds a call gives it a line here, and a test names those that have none. A call without
a line is refused to everybody who comes from another computer. The operator's role includes all others; who comes by the
Unix socket has it, since they can open the node's directory anyway.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ledger.errors import MalformedError


class Role(StrEnum):
    """What a person is let in for; one person may have several."""

    OPERATOR = "operator"
    REGISTRAR = "registrar"
    APPROVER = "approver"
    PUBLISHER = "publisher"
    READER = "reader"


MEANINGS = {
    Role.OPERATOR: "everything, people and their invitations included",
    Role.REGISTRAR: "award, revoke, suspend, reinstate, replace, make claim links, cut",
    Role.APPROVER: "approve or reject what others proposed; read awards and the trail",
    Role.PUBLISHER: "publish documents",
    Role.READER: "read awards and the node's status",
}
"""Each role in words, as help and documentation have it."""

ACTS = ("issue", "revoke", "suspend", "reinstate", "publish")
"""What `four_eyes` in `node.toml` may name (`acts.name_act`). `issue` is any award made, so `replace` too."""

EVERYBODY = frozenset(Role)
NOBODY: frozenset[Role] = frozenset()


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may make a call.

    Attributes:
        deed: what the call does, as it reads after "may not".
        roles: the roles that may, beside the operator's.
        is_recorded: whether the trail has a row for it. Not for what shows nothing about anybody and is asked every
            minute by monitors.
        is_reading: whether it changes nothing. Who reads by the Unix socket leaves no row: the file itself can be read.
        is_for_here: whether it is for the Unix socket alone, whatever the role.
        is_for_invitations: whether an invitation's certificate may make it, and nobody else.
    """

    deed: str
    roles: frozenset[Role]
    is_recorded: bool = True
    is_reading: bool = False
    is_for_here: bool = False
    is_for_invitations: bool = False

    @property
    def who(self) -> str:
        """The roles in words, the operator's last."""
        named = [role.value for role in Role if role in self.roles and role is not Role.OPERATOR]
        return ", ".join([*named, Role.OPERATOR.value])


def _doing(deed: str, *roles: Role) -> Rule:
    return Rule(deed, frozenset(roles))


def _reading(deed: str, *roles: Role) -> Rule:
    return Rule(deed, frozenset(roles), is_reading=True)


def _looking(deed: str, *roles: Role) -> Rule:
    return Rule(deed, frozenset(roles), is_recorded=False, is_reading=True)


RULES: dict[str, Rule] = {
    "Registrar.Issue": _doing("award", Role.REGISTRAR),
    "Registrar.ListAwards": _reading("list awards", Role.REGISTRAR, Role.APPROVER, Role.READER),
    "Registrar.SetStatus": _doing("revoke, suspend or reinstate", Role.REGISTRAR),
    "Registrar.Offer": _doing("make claim links", Role.REGISTRAR),
    "Registrar.Publish": _doing("publish documents", Role.PUBLISHER),
    "Registrar.Submit": _doing("submit governance"),
    "Registrar.Cut": _doing("cut", Role.REGISTRAR),
    "Registrar.GetNodeStatus": _looking("see how the node stands", *Role),
    "Registrar.GetLog": _looking("read logs", *Role),
    "Registrar.Decide": _doing("revoke, suspend, reinstate or replace", Role.REGISTRAR),
    "Registrar.GetKeyImpact": _looking("see what a key signed", Role.REGISTRAR, Role.APPROVER),
    "Registrar.Reissue": _doing("make copies anew", Role.REGISTRAR),
    "Copies.MakeCopy": _doing("make copies for other software", Role.REGISTRAR),
    "Copies.Countersign": _doing("countersign credentials of members", Role.REGISTRAR),
    "Registrar.Restate": _doing("restate entries"),
    "Verifier.Verify": _looking("verify files", *Role),
    "Verifier.VerifyStream": _looking("verify files", *Role),
    "Operator.Backup": Rule("take a backup", NOBODY, is_for_here=True),
    "Operator.GetRoot": Rule("draft a proposal", NOBODY, is_for_here=True),
    "Operator.ExportEvidence": Rule("read evidence of forks", NOBODY, is_for_here=True),
    "Operator.ListStatements": Rule("list what was signed", NOBODY, is_for_here=True),
    "Recovery.Readmit": Rule("take an award back in", NOBODY, is_for_here=True),
    "Rights.Forget": _doing("forget learners", Role.REGISTRAR),
    "Rights.Report": _reading("read what is held about a learner", Role.REGISTRAR),
    "Rights.PutMark": _doing("restrict, hold or note disagreement", Role.REGISTRAR),
    "Rights.EndMark": _doing("end a restriction, hold or disagreement", Role.REGISTRAR),
    "Rights.NoteDisclosure": _doing("note disclosures", Role.REGISTRAR),
    "Rights.ApplyRetention": _doing("apply the retention table", Role.REGISTRAR),
    "People.Invite": _doing("let people in"),
    "People.Enrol": Rule("trade an invitation", NOBODY, is_for_invitations=True),
    "People.Renew": _doing("renew a certificate", *Role),
    "People.ListPeople": _reading("list people"),
    "People.RemovePerson": _doing("remove people"),
    "People.GetTrail": _reading("read the trail", Role.APPROVER),
    "People.ListProposals": _looking("list proposals", Role.REGISTRAR, Role.APPROVER, Role.PUBLISHER),
    "People.GetProposal": _reading("read proposals", Role.REGISTRAR, Role.APPROVER, Role.PUBLISHER),
    "People.Approve": _doing("approve", Role.APPROVER),
    "People.Reject": _doing("reject proposals", Role.REGISTRAR, Role.APPROVER, Role.PUBLISHER),
}
"""From `Service.Call` to who may make it."""


def call_name(method: str) -> str:
    """`Registrar.Issue` for gRPC's `/cairn.v1.Registrar/Issue`."""
    service, _, call = method.lstrip("/").partition("/")
    return f"{service.rpartition('.')[2]}.{call}"


def parse_roles(names: Sequence[str]) -> frozenset[Role]:
    """At least one role by name.

    Raises:
        MalformedError: none is given, or one is not known.
    """
    known = ", ".join(Role)
    if not names:
        raise MalformedError("role: none given", hint=f"roles: {known}")
    for name in names:
        if name not in set(Role):
            raise MalformedError(f"role {name[:40]!r}: there is none of this name", hint=f"roles: {known}")
    return frozenset(Role(name) for name in names)
