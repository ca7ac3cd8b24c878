"""Checking the secrets under `keys/`: each file by itself, and all of them against the log they are for."""

import stat
from collections.abc import Iterable
from pathlib import Path

from ledger.credential.status import ITEM_BYTES, Status, decode_page, list_key
from ledger.errors import CairnError, PolicyError
from ledger.log.body import parse_body
from ledger.log.charter import Role
from ledger.log.didkey import encode_did_key
from ledger.log.identity import encode_log_id
from ledger.log.keyring import KeyStatus
from ledger.log.state import LogState
from ledger.log.view import LogView
from node.fsck.finding import Finding, Part
from node.keystore import KeyRole, Keystore, find_bad_files

_FROM_BACKUP = "put the file back from the key backup; nobody else has it"


def check_key_files(directory: Path) -> list[Finding]:
    """Check that every key file can be read, by nobody else, and holds what its name says."""
    try:
        found = [_about_file(path, error) for path, error in find_bad_files(directory)]
        mode = stat.S_IMODE(directory.stat().st_mode)
    except OSError as error:
        what = (error.strerror or str(error)).lower()
        return [_finding(str(directory), what, "the node can neither sign nor start", _FROM_BACKUP)]
    if mode & 0o077:
        what = f"other accounts can list it (mode {mode:04o}, expected 0700)"
        found.append(_finding(str(directory), what, "the files in it are not secret enough", f"chmod 700 {directory}"))
    return found


def check_keys_match(keystore: Keystore, log: LogView, networks: Iterable[LogState]) -> list[Finding]:
    """Check that the keys are those of the log, and can go on with it.

    Args:
        keystore: this node's keys.
        log: its own log.
        networks: folds of the networks it belongs to.
    """
    state = log.state
    found = []
    if keystore.find(state.log_key.id) is None:
        what = f"the log key in force, {encode_did_key(state.log_key)}, is not among them"
        found.append(_finding("keys/log.key", what, "no checkpoint can be signed: the log cannot grow", _FROM_BACKUP))
    for role in Role:
        if not any(
            state.key_status(key.public.id, role, state.size) is KeyStatus.IN_FORCE
            for key in keystore.with_role(KeyRole(role.value))
        ):
            remedy = (
                f"put it back from the key backup, or cairn-node key add DIR --role {role.value} -o P makes a new one"
            )
            found.append(
                _finding(f"keys/{role.value}.key", f"no {role.value} key is in force", _needed_for(role), remedy)
            )
    own = {key.public for key in keystore.with_role(KeyRole.WITNESS)}
    for network in networks:
        standing = network.members.standing_of(state.log_id)
        if standing is not None and standing.witness is not None and standing.witness.key not in own:
            what = f"the witness key that {network.name} names is not among them"
            found.append(_finding("keys/witness.key", what, "this node's cosignatures count for nothing", _FROM_BACKUP))
    return found + _check_list_roots(keystore, log)


def _check_list_roots(keystore: Keystore, log: LogView) -> list[Finding]:
    record = log.state.effective_status()
    body = None if record is None else log.body(record.index)
    if record is None or body is None:
        return []
    items = parse_body("status", body)
    roots = {log.state.log_id: keystore.list_root, **keystore.inherited_roots}
    means = "no status can be read or changed, and no cut can be made"
    for place in record.lists:
        name = "list_root.key" if place.log == log.state.log_id else "inherited_root.key"
        root = roots.get(place.log)
        if root is None:
            what = f"the list root of log {encode_log_id(place.log)}, which this one goes on with, is not there"
            return [_finding(f"keys/{name}", what, means, _FROM_BACKUP)]
        part = tuple(items[place.first : place.first + place.slots // ITEM_BYTES])
        plain = decode_page(list_key(root, place.number), part, record.statement_id)
        if any(byte > Status.REPLACED for byte in plain):
            return [_finding(f"keys/{name}", "it does not open the newest status page", means, _FROM_BACKUP)]
    return []


def _needed_for(role: Role) -> str:
    return {
        Role.OPERATE: "no cut can be made",
        Role.ISSUE: "no credential but diplomas can be issued",
        Role.REGISTER: "no diploma can be issued",
        Role.DEFINE: "no document can be published",
    }[role]


def _about_file(path: Path, error: CairnError) -> Finding:
    what = str(error).removeprefix(f"{path}: ")
    if isinstance(error, PolicyError):
        return _finding(str(path), what, "somebody else may have read it", error.hint or f"chmod 600 {path}")
    return _finding(str(path), what, "the node does not start without it", _FROM_BACKUP)


def _finding(place: str, what: str, means: str, remedy: str) -> Finding:
    return Finding(part=Part.KEYS, place=place, what=what, means=means, remedy=remedy)
