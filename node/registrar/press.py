"""What copies are made with at one moment: keys in force, names of issuers, the newest page."""

from collections.abc import Sequence
from pathlib import Path

from ledger.credential.copy import IssuerProfile
from ledger.credential.dataintegrity.issuer_document import CREDENTIAL_ROLES
from ledger.log.identity import LogId
from ledger.log.state import LogState
from ledger.log.view import LedgerView
from node.clock import Draw
from node.keystore import Keystore
from node.registrar import rsakey
from node.registrar.copies import Press, find_key, find_p256_key
from node.registrar.issuer import find_issuer_id
from node.registrar.predecessors import find_predecessors


def make_press(
    ledger: LedgerView,
    state: LogState,
    keystore: Keystore,
    networks: Sequence[LogId],
    *,
    http_url: str,
    now: int,
    draw: Draw,
    directory: Path | None = None,
) -> Press:
    """Read it from what is held.

    Args:
        ledger: all logs held.
        state: of this institution's own log.
        keystore: this node's keys.
        networks: logs of the networks it belongs to, its own first if it is one.
        http_url: where this node answers.
        now: Unix ms.
        draw: source of ids, salts and slots.
        directory: of the node, where keys are that the keystore does not know; None for none.
    """
    found = {role: find_key(keystore, state, role) for role in CREDENTIAL_ROLES}
    p256 = {role: find_p256_key(keystore, state, role) for role in CREDENTIAL_ROLES}
    page = state.effective_status()
    return Press(
        log=state.log_id,
        issuer=IssuerProfile(find_issuer_id(ledger, state.log_id, networks, http_url), state.name, state.url),
        keys={role.value: key for role, key in found.items() if key is not None},
        p256_keys={role.value: key for role, key in p256.items() if key is not None},
        other_keys=rsakey.find_ids(directory),
        list_root=keystore.list_root,
        list_policy=state.charter.lists,
        newest_page=None if page is None else page.statement_id,
        now=now,
        draw=draw,
        predecessors=_profiles(ledger, state.log_id, networks),
    )


def _profiles(ledger: LedgerView, own: LogId, networks: Sequence[LogId]) -> dict[LogId, IssuerProfile]:
    profiles = {}
    for log, predecessor in find_predecessors(ledger, own, networks).items():
        held = ledger.log(log)
        if held is not None:
            url = held.state.url
            issuer = find_issuer_id(ledger, log, [predecessor.network], url)
            profiles[log] = IssuerProfile(issuer, held.state.name, url)
    return profiles
