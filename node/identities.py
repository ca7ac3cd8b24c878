"""The certificates that this computer has for nodes elsewhere: files of mode 0600, each under its node's address.

Getting one is done so that it can be repeated: the key is on disk before the node hears of it, so an answer that was lost
is asked for again with the same key. A certificate is renewed by whichever command uses it once a third of its time has
passed, under a new key each time; the node goes on taking the old one until it has seen the new.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from ledger.errors import MalformedError, RuleError
from node import durable
from node.client.certificates import encode_key, is_certificate_for, make_key, make_signing_request, parse_key
from node.client.identity import (
    MAX_FILE_BYTES,
    Identity,
    Invitation,
    encode_identity,
    parse_identity,
    parse_invitation,
)
from node.client.people import PeopleClient
from node.client.reach import reach_listener
from node.client.staff import Enrolled
from node.errors import NotAllowedError

_SAFE = re.compile(r"[^A-Za-z0-9.-]")


def identity_path(folder: Path, address: str) -> Path:
    """The file for a node's address."""
    return folder / f"{_SAFE.sub('_', address)}.json"


def load_identity(folder: Path, address: str) -> Identity:
    """The certificate kept for a node's address.

    Raises:
        RuleError: there is none.
        MalformedError: the file is damaged.
        PolicyError: other accounts of this computer can open it.
    """
    path = identity_path(folder, address)
    try:
        data = durable.read_secret(path, max_bytes=MAX_FILE_BYTES)
    except FileNotFoundError as error:
        raise RuleError(
            f"{address}: this computer has no certificate for it in {folder}",
            hint="cairn-node registrar accept INVITATION gets one",
        ) from error
    return parse_identity(data, str(path))


def store_identity(folder: Path, identity: Identity) -> Path:
    """Keep a certificate, in place of an earlier one for the same address."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = identity_path(folder, identity.address)
    durable.replace_file(path, encode_identity(identity))
    return path


def default_folder(environment: Mapping[str, str]) -> Path:
    """`cairn/registrars` in the folder for what programs are configured with (XDG Base Directory Specification)."""
    configured = environment.get("XDG_CONFIG_HOME", "")
    base = Path(configured) if os.path.isabs(configured) else Path.home() / ".config"
    return base / "cairn" / "registrars"


def read_invitation(path: Path) -> Invitation:
    """Read an invitation's file, whatever its mode: it came from somebody else.

    Raises:
        MalformedError: see `parse_invitation`.
    """
    with path.open("rb") as file:
        return parse_invitation(file.read(MAX_FILE_BYTES + 1), str(path))


async def accept_invitation(invitation: Invitation, folder: Path, *, now: int, force: bool = False) -> Identity:
    """Trade an invitation for a certificate and keep it.

    Args:
        invitation: what the operator handed over.
        folder: where certificates are kept; made (0700) if it is not there.
        now: Unix ms.
        force: replace a certificate for the same address.

    Raises:
        RuleError: the invitation has expired, or there is a certificate for this address already.
        NotAllowedError: the node refuses, or is not the one that invited.
        UnreachableError: it cannot be reached.
    """
    if now >= invitation.expires_at:
        raise RuleError("invitation: has expired", hint="ask the node's operator for a new one")
    path = identity_path(folder, invitation.address)
    if path.exists() and not force:
        raise RuleError(
            f"{path}: this computer has a certificate for {invitation.address} already",
            hint="--force puts the new one in its place, --to keeps it elsewhere",
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    pending = path.with_suffix(".pending")
    key = _pending_key(pending)
    async with PeopleClient(reach_listener(invitation)) as client:
        try:
            enrolled = await client.enrol(make_signing_request(key))
        except NotAllowedError:
            pending.unlink()
            raise
    identity = _make_identity(invitation.address, invitation.authority, key, enrolled)
    store_identity(folder, identity)
    pending.unlink()
    durable.sync_directory(folder)
    return identity


async def fresh_identity(folder: Path, address: str, now: int) -> Identity:
    """The certificate for a node's address, renewed if it is time (`now` is Unix ms).

    Raises:
        RuleError: there is none, or it has expired.
        CairnError: it is time to renew and the node refuses; nothing was changed.
    """
    identity = load_identity(folder, address)
    if now >= identity.expires_at:
        raise RuleError(
            f"{address}: this computer's certificate has expired",
            hint="ask the node's operator for a new invitation, then cairn-node registrar accept FILE --force",
        )
    if not identity.is_due(now):
        return identity
    key = make_key()
    async with PeopleClient(reach_listener(identity)) as client:
        enrolled = await client.renew(make_signing_request(key))
    renewed = _make_identity(identity.address, identity.authority, key, enrolled)
    store_identity(folder, renewed)
    return renewed


def _pending_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The key of an attempt whose answer was lost, or a new one, on disk before anybody hears of it."""
    try:
        return parse_key(durable.read_secret(path, max_bytes=MAX_FILE_BYTES).decode("ascii", "replace"), str(path))
    except FileNotFoundError:
        key = make_key()
        durable.create_file(path, encode_key(key))
        return key


def _make_identity(
    address: str, authority: x509.Certificate, key: ec.EllipticCurvePrivateKey, enrolled: Enrolled
) -> Identity:
    try:
        certificate = x509.load_der_x509_certificate(enrolled.certificate)
    except ValueError as error:
        raise MalformedError(f"{address}: answered with something that is no certificate") from error
    if not is_certificate_for(certificate, key, authority):
        raise NotAllowedError(f"{address}: answered with a certificate that is not for this computer's key")
    return Identity(
        address=address,
        authority=authority,
        key=key,
        certificate=certificate,
        person=enrolled.person,
        roles=enrolled.roles,
        institution=enrolled.institution,
    )
