"""Checks before a credential is kept. A wallet that keeps what cannot be verified later fails its owner at the worst
moment.

1. it is an SD-JWT VC, whole, that nobody has shown before (no key binding);
2. every disclosure is one the issuer signed;
3. it is bound to the key we made for it; from a file: to nobody, or to a key of ours;
4. it has not expired;
5. its issuer is a member of the network we trust, the same that runs the server it came from, and may issue now;
6. a key of the issuer in force, with the role this achievement needs, signed it;
7. its status slot reads 0.

5 to 7 need the ledger. Where no replica is held they are told as not checked, never passed over.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from ledger.credential import status as pages
from ledger.credential.sdjwt import verify_issuer_signature
from ledger.credential.status import Status, StatusReference
from ledger.credential.validity import check_dates
from ledger.errors import PolicyError, ProofError, RuleError, SignatureError
from ledger.log.charter import BatchPolicy, Role
from ledger.log.identity import LogId
from ledger.log.keyring import KeyStatus
from ledger.log.keys import KeyId, PublicKey
from ledger.log.state import LogState
from ledger.log.view import LogView
from node.client.http import origin_of
from wallet_cli.held import HeldLedger
from wallet_cli.reading import PLAIN_LIST_NOTE, Reading, read_credential

_MINUTE_MS = 60_000


class Claimed(Protocol):
    """What steps 5 and 6 ask of a credential in whatever form; `Reading` says what the members mean."""

    @property
    def issuer(self) -> str:
        """Its issuer id, as the ledger has it."""

    @property
    def key_id(self) -> KeyId | None:
        """Id of the issuer's key."""

    @property
    def role(self) -> Role:
        """Role of the key that may sign it."""

    @property
    def achievement(self) -> str:
        """Id of the achievement."""

    @property
    def achievement_type(self) -> str:
        """Type of the achievement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A credential that may be kept.

    Attributes:
        reading: what it says.
        log: log of its issuer, None where no ledger says so.
        issuer_name: by the ledger where it was checked, else by the credential itself.
        search_from: index below which its commitment cannot stand in that log.
        expected_at: Unix milliseconds of the next cut, None where unknown or made on command.
        remarks: what could not be checked, and what its holder should know, in words.
    """

    reading: Reading
    log: LogId | None
    issuer_name: str
    search_from: int
    expected_at: int | None
    remarks: tuple[str, ...]


def accept_credential(
    sd_jwt: str,
    *,
    keys: Collection[PublicKey],
    server: str,
    held: HeldLedger | None,
    now: int,
) -> Accepted:
    """Check a credential before it is kept, by the steps of this module.

    Args:
        sd_jwt: as received.
        keys: holder keys it may be bound to; after a claim exactly the one key, and it must be bound.
        server: issuer identifier of the offer; "" for a file.
        held: the ledger as held here, None without one.
        now: Unix milliseconds.

    Raises:
        MalformedError: step 1 or 2.
        RuleError: step 1 to 4 or 7.
        PolicyError: step 5.
        SignatureError: step 6.
    """
    reading = read_credential(sd_jwt)  # 1, 2
    if reading.token.key_binding is not None:
        raise RuleError("credential: it carries a key binding, so somebody has shown it before", hint="ask the school")
    _check_holder(reading, keys, must_be_bound=bool(server))  # 3
    check_dates(reading.token.payload, now, where="credential")  # 4
    plain = (PLAIN_LIST_NOTE,) if reading.has_plain_list else ()
    if held is None:
        remark = "issuer, signature and status were not checked: no ledger is held here"
        return Accepted(
            reading=reading,
            log=None,
            issuer_name=reading.issuer_name,
            search_from=0,
            expected_at=None,
            remarks=(remark, *plain),
        )
    log_id, log = find_issuer(reading, server, held)  # 5
    _check_key(reading, log.state, log.state.size)  # 6
    remark = check_status(reading.status, held)  # 7
    return Accepted(
        reading=reading,
        log=log_id,
        issuer_name=log.state.name,
        # A file may be older than the replica; a copy just minted cannot stand below what is held.
        search_from=log.state.size if server else 0,
        expected_at=next_cut(log.state.batch, now),
        remarks=(remark, *plain) if remark else plain,
    )


def confirm_issuer(reading: Reading, log: LogView, index: int) -> None:
    """Check what could not be when a credential was kept without a ledger: whose key signed it (6).

    Args:
        reading: what the credential says.
        log: the log its commitment was found in.
        index: entry there.

    Raises:
        SignatureError: no key of the issuer that was in force at that entry signed it.
    """
    _check_key(reading, log.state, index)


def next_cut(policy: BatchPolicy, now: int) -> int | None:
    """Return the next instant (Unix milliseconds) at which a batch is due; None where cuts are made on command."""
    if policy.interval == 0:
        return None
    phase = policy.minute * _MINUTE_MS % policy.interval
    return ((now - phase) // policy.interval + 1) * policy.interval + phase


def find_slot(reference: StatusReference, held: HeldLedger) -> Status | None:
    """Return what the page that counts says about a slot: of the last institution in its log's line that restates its list.

    Raises:
        ProofError: the page does not fit the slot key.
        MalformedError: the replica is damaged.
    """
    for log_id in reversed(held.network.line_of(LogId(reference.log))):
        log, end = held.log(log_id), held.network.successor_of(log_id)
        found = None if log is None else read_slot(reference, log, None if end is None else end[1].size)
        if found is not None:
            return found
    return None


def read_slot(reference: StatusReference, log: LogView, below: int | None = None) -> Status | None:
    """Return what the newest page of a log held says about a slot; None where no page held can be read for it yet.

    Args:
        reference: of the slot.
        log: whose page is read.
        below: pages from this index on do not count, because the log ended there.

    Raises:
        ProofError: the page does not fit the slot key.
        MalformedError: the replica is damaged.
    """
    record = log.state.effective_status(below)
    if record is None or (reference.log, reference.number) not in {(row.log, row.number) for row in record.lists}:
        return None
    data = log.body(record.index)
    if data is None:
        return None
    item, byte = pages.page_position(record.lists, reference.log, reference.number, reference.slot)
    return pages.read_status(data[item * pages.ITEM_BYTES + byte], reference.key, record.statement_id)


def _check_holder(reading: Reading, keys: Collection[PublicKey], *, must_be_bound: bool) -> None:
    if reading.holder is None:
        if must_be_bound:
            raise RuleError(
                "credential: it is bound to nobody, though we proved a key",
                hint="tell the school: whoever copies it could show it",
            )
    elif reading.holder.id not in {key.id for key in keys}:
        raise RuleError(
            "credential: it is bound to a key that is not in this vault",
            hint="it was made for another wallet; ask the school for a claim link of your own",
        )


def find_issuer(reading: Claimed, server: str, held: HeldLedger) -> tuple[LogId, LogView]:
    """The log of whoever signed a credential, and that it may issue this now (5).

    Args:
        reading: what the credential says.
        server: issuer identifier of the offer; "" for a file.
        held: the ledger.

    Raises:
        PolicyError: it is no member, may not issue this, or the server is another member's.
    """
    network, name = held.network, held.trust.name
    owner = network.owner_of(reading.issuer)
    if owner is None:
        raise PolicyError(
            f"credential: {reading.issuer[:200]!r} is not an institution of {name}, as far as the ledger is held here",
            hint="run `cairn sync` and try again; a school of another network needs that network's trust root",
        )
    log = held.log(owner)
    if log is None:
        raise PolicyError(f"credential: the log of {network.name_of(owner)} is not held", hint="run `cairn sync`")
    if server:
        _check_server(owner, server, held)
    signer = owner
    # From a boundary on the successor issues under the old institution's URLs, with keys and a log of its own.
    for heir in network.line_of(owner)[1:]:
        view = held.log(heir)
        # What comes from a server is made now; a file may be from before, and is then the old institution's.
        if view is not None and (server or reading.key_id not in log.state.keys.records):
            signer, log = heir, view
    owner = signer
    end = network.successor_of(owner)
    # A copy of a log that ended stands below its end, or nowhere.
    answer = network.rights_at(owner, log.state.size if end is None or server else end[1].size - 1)
    if answer.reason is not None:
        raise PolicyError(f"credential: {log.state.name} may not issue: {answer.reason}", hint=f"ask {name}")
    if not answer.rights.allows(reading.achievement, reading.achievement_type):
        raise PolicyError(
            f"credential: {log.state.name} has no right to issue {reading.achievement[:200] or 'this'}",
            hint=f"ask {name}",
        )
    return owner, log


def _check_server(owner: LogId, server: str, held: HeldLedger) -> None:
    """Refuse a credential of one member from a server that the ledger says is another's."""
    line = held.network.line_of(owner)
    for log_id in held.ledger.log_ids():
        log = held.log(log_id)
        if log is None or log_id in line or _origin(log.state.url) != _origin(server):
            continue
        issuer = held.log(owner)
        if issuer is not None and _origin(issuer.state.url) == _origin(server):
            return
        raise PolicyError(
            f"credential: issued by {held.network.name_of(owner)}, but the server belongs to {log.state.name}",
            hint="ask the school whether this link is theirs",
        )


def _origin(url: str) -> tuple[str, str, int] | None:
    try:
        return origin_of(url)
    except ValueError:
        return None


def _check_key(reading: Reading, state: LogState, index: int) -> None:
    verify_issuer_signature(reading.token, find_key(reading, state, index))


def find_key(reading: Claimed, state: LogState, index: int) -> PublicKey:
    """The key that a credential names, if it may sign this at an index of its issuer's log (6).

    Raises:
        SignatureError: the log names no such key, or it was not in force there, or not for this.
    """
    if reading.key_id is None or reading.key_id not in state.keys.records:
        raise SignatureError(
            f"credential: signed by a key that {state.name} has not published, as far as the ledger is held here",
            hint="run `cairn sync` and try again",
        )
    answer = state.key_status(reading.key_id, reading.role, index)
    if answer is not KeyStatus.IN_FORCE:
        raise SignatureError(
            f"credential: its key may not sign this ({answer.value}; it needs the role {reading.role.value})",
            hint=f"ask {state.name} for a new one",
        )
    return state.keys.records[reading.key_id].key


def check_status(reference: StatusReference | None, held: HeldLedger) -> str:
    """Check that a slot reads 0 (7); gives a remark where it cannot be read yet.

    Raises:
        RuleError: it reads something else, or cannot be read.
    """
    if reference is None:
        return "it names no status on a ledger"
    try:
        found = find_slot(reference, held)
    except ProofError as error:
        raise RuleError(
            f"credential: its status cannot be read: {error}", hint="ask the school for a new one"
        ) from error
    if found is None:
        return "its status list is not on the ledger yet"
    if found is not Status.VALID:
        raise RuleError(
            f"credential: its status is {found.name.lower()}, by the newest page held",
            hint="ask the school for a new one",
        )
    return ""
