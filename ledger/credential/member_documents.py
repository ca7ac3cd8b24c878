"""Whose key a proof names, as a network's logs tell it: for those who sign over an issuer's proofs (`countersignature`).

A countersignature has no position on a ledger, so that nothing tells when it was made but itself. Therefore its key has to
be one that verifies whatever its date: of the network or of a member today, named by its log, and never stolen. Whatever
is not that could not be checked, but for a key that its log names for other work.
"""

from ledger.credential.dataintegrity.issuer_document import (
    ASSERTION,
    CREDENTIAL_ROLES,
    IssuerDocument,
    IssuerDocuments,
    UnknownIssuerError,
    VerificationMethod,
    did_web_location,
)
from ledger.errors import MalformedError, SignatureError
from ledger.log.didkey import parse_multikey
from ledger.log.identity import LogId
from ledger.log.keyring import KeyRecord
from ledger.log.keys import KeyId
from ledger.log.network import Network

_SYNC = "if it is very new, run `cairn sync` and try again"
_ASK = "ask them who they are; what the issuer signed stands by itself"
_DID_KEY = "did:key:"


def issuer_url(issuer: str) -> str:
    """The issuer id under which a network knows an institution: of a `did:web` the URL that it stands for."""
    try:
        return did_web_location(issuer).removesuffix("/did.json")
    except MalformedError:
        return issuer


def is_member_today(network: Network, log: LogId) -> bool:
    """Whether an institution, or whoever goes on with its log, is a member in force as far as the network's log is held."""
    return any(network.state.members.is_active(one) for one in network.line_of(log))


class MemberDocuments(IssuerDocuments):
    """The document of an issuer, and those of everybody else in its network, made from their logs as they are asked for."""

    def __init__(self, network: Network, issuer: IssuerDocument) -> None:
        """Take the network, and the document of the issuer whose credential it is."""
        super().__init__([issuer])
        self._network, self._issuer = network, issuer

    def name_of(self, did: str) -> str | None:
        """The name of a member, or of the network itself; None for others."""
        owner = self._network.owner_of(issuer_url(did))
        return None if owner is None else self._network.name_of(owner)

    def find_method(self, url: str, purpose: str) -> VerificationMethod:
        """The key a proof names.

        Raises:
            UnknownIssuerError, SignatureError, MalformedError: as `IssuerDocuments.find_method`.
        """
        owner, _, multikey = url.partition("#")
        if owner == self._issuer.id or owner.startswith(_DID_KEY):
            return super().find_method(url, purpose)
        member = self._find_member(owner)
        record, name = self._find_record(member, multikey), self._network.name_of(member)
        if record.role not in CREDENTIAL_ROLES or purpose != ASSERTION:
            raise SignatureError(f"its key is one that {name} named for the role {record.role.value}")
        if record.stolen_since is not None:
            raise UnknownIssuerError(
                f"its key was stolen from {name}, and nothing says when this was signed",
                hint=f"ask {name} for a new one",
            )
        return VerificationMethod(url, owner, record.key, frozenset({ASSERTION}))

    def _find_member(self, did: str) -> LogId:
        network, owner = self._network, self._network.owner_of(issuer_url(did))
        if owner is None:
            raise UnknownIssuerError(f"{did[:150]!r} is no member of {network.state.name}", hint=_ASK)
        if owner != network.trust.network and not is_member_today(network, owner):
            raise UnknownIssuerError(f"{network.name_of(owner)} is no member of {network.state.name} today", hint=_ASK)
        return owner

    def _find_record(self, owner: LogId, multikey: str) -> KeyRecord:
        name = self._network.name_of(owner)
        key_id: KeyId = parse_multikey(multikey, where="countersignature: its key").id
        held = [view for log in self._network.line_of(owner) if (view := self._network.ledger.log(log)) is not None]
        if not held:
            raise UnknownIssuerError(f"the log of {name} is not held here", hint="run `cairn sync` and try again")
        for view in held:
            record = view.state.keys.records.get(key_id)
            if record is not None:
                return record
        raise UnknownIssuerError(f"{name} never named its key, as far as its log is held here", hint=_SYNC)
