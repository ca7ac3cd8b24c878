"""The secrets one node works with, and the encrypted file that keeps a root key away from it.

A node's own keys stand under `keys/`, one file each, mode 0600: `log.key`, `operate.key`, `issue.key`, `register.key`,
`define.key`, `witness.key` and `list_root.key` (opens every status page of this log). A key made later for the same
role gets a number (`operate-2.key`); which of them is in force is the log's to say, so none is ever overwritten.
`issue_p256.key` and `register_p256.key` sign credentials for receivers that know no Ed25519; an elder node has none.
A list root that was taken over from a log this one succeeds stands beside them
(`inherited_root.key`, `inherited_root-2.key`).
Root and governor keys never stand on a node. They are made elsewhere as one encrypted file: argon2id turns the
passphrase into the key of a secretbox around the 32-byte seed; the public half stands beside it in clear, and is
checked against the seed whenever the file is opened.
"""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path

from ledger import base64url, canonical
from ledger.credential.p256 import DRAWN_BYTES, P256SigningKey, make_secret
from ledger.errors import CairnError, MalformedError, RuleError
from ledger.log.identity import LOG_ID_LENGTH, LogId, encode_log_id
from ledger.log.keyfile import MAX_KEY_FILE_BYTES, MODERATE_COST, KeyCost, SealedKey, read_sealed_key, seal_key
from ledger.log.keys import SEED_BYTES, KeyId, PublicKey, SigningKey, parse_public_key
from node import durable
from node.clock import Draw

_FORMAT = "cairn/root-key/v1"
_RESTORE = "restore the keys from the backup"
_INHERITED = "inherited_root"
_FILE_NAME = re.compile(r"([a-z][a-z0-9_]*)(?:-([1-9][0-9]{0,5}))?\.key")


class KeyRole(StrEnum):
    """What a node's key is for; one key never has two roles."""

    LOG = "log"
    OPERATE = "operate"
    ISSUE = "issue"
    REGISTER = "register"
    DEFINE = "define"
    WITNESS = "witness"


P256_ROLES = {KeyRole.ISSUE: "issue_p256", KeyRole.REGISTER: "register_p256"}
"""Roles for which there may be P-256 keys too, and how their files are called."""

_P256_NAMES = {name: role for role, name in P256_ROLES.items()}


class Keystore:
    """The keys under one `keys/` directory, read once; only `add`, `add_p256` and `reload` change them."""

    def __init__(
        self,
        directory: Path,
        keys: dict[KeyRole, dict[int, SigningKey]],
        p256: dict[KeyRole, dict[int, P256SigningKey]],
        list_root: bytes,
        inherited_roots: Mapping[LogId, bytes],
    ) -> None:
        """Use `open_keystore` or `create_keystore`."""
        self._directory = directory
        self._keys = keys
        self._p256 = p256
        self.list_root = list_root
        self.inherited_roots = dict(inherited_roots)
        """List roots of the logs that this institution succeeds, as far as they survived."""

    def find(self, key_id: KeyId) -> SigningKey | None:
        """The Ed25519 key with this id, whatever its role, or None when this node does not have it."""
        return next((key for keys in self._keys.values() for key in keys.values() if key.public.id == key_id), None)

    def holds(self, key_id: KeyId) -> bool:
        """Whether this node has the key with this id, of either algorithm."""
        p256 = (key for keys in self._p256.values() for key in keys.values())
        return self.find(key_id) is not None or any(key.public.id == key_id for key in p256)

    def p256_with_role(self, role: KeyRole) -> tuple[P256SigningKey, ...]:
        """All P-256 keys made for a role, oldest first; none for a role that signs no credentials."""
        return tuple(key for _, key in sorted(self._p256.get(role, {}).items()))

    def with_role(self, role: KeyRole) -> tuple[SigningKey, ...]:
        """All Ed25519 keys made for a role, oldest first; the log says which of them is in force."""
        return tuple(key for _, key in sorted(self._keys[role].items()))

    def newest(self, role: KeyRole) -> SigningKey:
        """The key made last for a role."""
        return self.with_role(role)[-1]

    def reload(self) -> None:
        """Read the files again: a command may have made a key beside a node that runs.

        Raises:
            MalformedError, PolicyError: as `open_keystore`; the keys known before stay.
        """
        again = open_keystore(self._directory)
        self._keys, self._p256 = again._keys, again._p256
        self.list_root, self.inherited_roots = again.list_root, again.inherited_roots

    def add(self, role: KeyRole, draw: Draw) -> SigningKey:
        """Make one more key for a role and write its file; it counts once the log names it."""
        number = max(self._keys[role], default=0) + 1
        key = SigningKey(draw(SEED_BYTES))
        durable.create_file(self._directory / _file_name(role, number), _encode_key(role, key.public, key.seed))
        self._keys[role][number] = key
        return key

    def add_p256(self, role: KeyRole, draw: Draw) -> P256SigningKey:
        """As `add`, a P-256 key for a role of `P256_ROLES`."""
        number = max(self._p256[role], default=0) + 1
        key, name = P256SigningKey(make_secret(draw(DRAWN_BYTES))), P256_ROLES[role]
        durable.create_file(self._directory / _file_name(name, number), _encode_key(name, key.public, key.secret))
        self._p256[role][number] = key
        return key

    def add_inherited_root(self, log: LogId, secret: bytes) -> None:
        """Keep the list root of a log that this institution succeeds; the same one again changes nothing.

        Raises:
            RuleError: another one is kept for that log.
        """
        known = self.inherited_roots.get(log)
        if known not in (None, secret):
            raise RuleError(
                f"list root: another one is kept for log {encode_log_id(log)}",
                hint="move the wrong inherited_root file out of keys/ first",
            )
        if known is None:
            taken = [number for _, name, number in _key_files(self._directory) if name == _INHERITED]
            path = self._directory / _file_name(_INHERITED, max(taken, default=0) + 1)
            content: canonical.JSONObject = {
                "log": encode_log_id(log),
                "role": _INHERITED,
                "secret": base64url.encode(secret),
            }
            durable.create_file(path, canonical.encode(content) + b"\n")
            self.inherited_roots[log] = secret


def create_keystore(directory: Path, draw: Draw) -> Keystore:
    """Make the directory (0700) with one key for each role and the list root.

    Raises:
        FileExistsError: something stands at `directory`.
    """
    directory.mkdir(mode=0o700)
    p256: dict[KeyRole, dict[int, P256SigningKey]] = {role: {} for role in P256_ROLES}
    store = Keystore(directory, {role: {} for role in KeyRole}, p256, draw(SEED_BYTES), {})
    for role in KeyRole:
        store.add(role, draw)
    for role in P256_ROLES:
        store.add_p256(role, draw)
    durable.create_file(
        directory / "list_root.key",
        canonical.encode({"role": "list_root", "secret": base64url.encode(store.list_root)}) + b"\n",
    )
    return store


def open_keystore(directory: Path) -> Keystore:
    """Read every key file of a directory.

    Raises:
        MalformedError: a file does not parse, is not named after its role, or a role has no key.
        PolicyError: other accounts of this computer can open a file.
    """
    keys: dict[KeyRole, dict[int, SigningKey]] = {role: {} for role in KeyRole}
    p256: dict[KeyRole, dict[int, P256SigningKey]] = {role: {} for role in P256_ROLES}
    inherited: dict[LogId, bytes] = {}
    for path, name, number in _key_files(directory):
        if name in _P256_NAMES:
            p256[_P256_NAMES[name]][number] = _read_p256_key(path, name)
        elif name == _INHERITED:
            inherited.update([_read_inherited_root(path)])
        elif name != "list_root":
            role = _role(path, name)
            keys[role][number] = _read_key(path, role)
    for role, found in keys.items():
        if not found:
            raise MalformedError(f"{directory}: no key for role {role}", hint=_RESTORE)
    return Keystore(directory, keys, p256, read_list_root(directory / "list_root.key"), inherited)


def find_bad_files(directory: Path) -> list[tuple[Path, CairnError]]:
    """Every key file that cannot be used, and each one that is missing, with the reason.

    Raises:
        OSError: the directory cannot be listed.
    """
    bad: list[tuple[Path, CairnError]] = []
    good: set[str] = set()
    for path in sorted(directory.glob("*.key")):
        try:
            match = _FILE_NAME.fullmatch(path.name)
            if match is None or match[2] == "1":
                raise MalformedError(f"{path}: not named after a role", hint="move foreign files out of this directory")
            if match[1] == "list_root":
                read_list_root(path)
            elif match[1] in _P256_NAMES:
                _read_p256_key(path, match[1])
            elif match[1] == _INHERITED:
                _read_inherited_root(path)
            else:
                _read_key(path, _role(path, match[1]))
            good.add(match[1])
        except CairnError as error:
            bad.append((path, error))
    told = {path.name for path, _ in bad}
    for name in ("list_root", *KeyRole):
        missing = directory / f"{name}.key"
        if name not in good and missing.name not in told:
            bad.append((missing, MalformedError(f"{missing}: no such key file", hint=_RESTORE)))
    return bad


def create_key_file(
    path: Path, passphrase: str, draw: Draw, *, cost: KeyCost = MODERATE_COST, key: SigningKey | None = None
) -> PublicKey:
    """Make a root or governor key as an encrypted file, and return its public half.

    Args:
        path: must not exist yet.
        passphrase: not empty; compared after NFC normalisation, so that any keyboard spells it alike.
        draw: source of the seed, the salt and the nonce.
        cost: what one guess at the passphrase costs.
        key: a key that exists already; a new one is made otherwise.

    Raises:
        FileExistsError: something stands at `path`.
        RuleError: the passphrase is empty.
    """
    key = key if key is not None else SigningKey(draw(SEED_BYTES))
    durable.create_file(path, seal_key(key, passphrase, _FORMAT, draw, cost) + b"\n")
    return key.public


def open_key_file(path: Path, passphrase: str) -> SigningKey:
    """Decrypt a file that `create_key_file` made.

    Raises:
        MalformedError: it is not such a file, the passphrase is wrong, or the seed does not belong to the public key.
        PolicyError: other accounts of this computer can open the file.
    """
    return _read_key_file(path).open(passphrase, str(path))


def read_key_file_public(path: Path) -> PublicKey:
    """The public half as the file states it; no passphrase is needed, and nothing proves it."""
    return _read_key_file(path).public


def _read_key_file(path: Path) -> SealedKey:
    return read_sealed_key(_read_json(path), _FORMAT, str(path))


def _file_name(role: str, number: int) -> str:
    return f"{role}.key" if number == 1 else f"{role}-{number}.key"


def _key_files(directory: Path) -> Iterator[tuple[Path, str, int]]:
    for path in sorted(directory.glob("*.key")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None or match[2] == "1":
            raise MalformedError(f"{path}: not named after a role", hint="move foreign files out of this directory")
        yield path, match[1], int(match[2] or 1)


def _role(path: Path, name: str) -> KeyRole:
    try:
        return KeyRole(name)
    except ValueError as error:
        raise MalformedError(f"{path}: no role is called {name}") from error


def _encode_key(role: str, public: PublicKey, secret: bytes) -> bytes:
    content: canonical.JSONObject = {"public": public.to_json(), "role": str(role), "seed": base64url.encode(secret)}
    return canonical.encode(content) + b"\n"


def _read_key(path: Path, role: KeyRole) -> SigningKey:
    public, seed = _read_pair(path, role)
    key = SigningKey(seed)
    _check_pair(path, public, key.public)
    return key


def _read_p256_key(path: Path, name: str) -> P256SigningKey:
    public, secret = _read_pair(path, name)
    try:
        key = P256SigningKey(secret)
    except ValueError as error:
        raise MalformedError(f"{path}: {error}") from None
    _check_pair(path, public, key.public)
    return key


def _read_pair(path: Path, role: str) -> tuple[PublicKey, bytes]:
    fields = canonical.Fields(_read_json(path), str(path))
    if (stated := fields.text("role", max_length=32)) != role:
        raise MalformedError(f"{path}: a key for role {stated}, expected {role}")
    secret = fields.data("seed", SEED_BYTES)
    public = parse_public_key(fields.object("public"), f"{path}: public")
    fields.finish()
    return public, secret


def _check_pair(path: Path, stated: PublicKey, public: PublicKey) -> None:
    if stated != public:
        raise MalformedError(f"{path}: the secret does not belong to the public key beside it")


def read_list_root(path: Path) -> bytes:
    """Read the secret of a `list_root.key`, 32 bytes.

    Raises:
        MalformedError: it is no such file.
        PolicyError: other accounts of this computer can open it.
    """
    fields = canonical.Fields(_read_json(path), str(path))
    if (role := fields.text("role", max_length=32)) != "list_root":
        raise MalformedError(f"{path}: a key for role {role}, expected list_root")
    secret = fields.data("secret", SEED_BYTES)
    fields.finish()
    return secret


def read_list_roots(directory: Path) -> tuple[bytes | None, dict[LogId, bytes]]:
    """Read the list roots of a keys directory of which nothing else may be left: its own, and inherited ones by log.

    Raises:
        MalformedError, PolicyError: as `read_list_root`.
    """
    own = directory / "list_root.key"
    inherited = dict(_read_inherited_root(path) for path in sorted(directory.glob(f"{_INHERITED}*.key")))
    return (read_list_root(own) if own.exists() else None), inherited


def _read_inherited_root(path: Path) -> tuple[LogId, bytes]:
    fields = canonical.Fields(_read_json(path), str(path))
    if (role := fields.text("role", max_length=32)) != _INHERITED:
        raise MalformedError(f"{path}: a key for role {role}, expected {_INHERITED}")
    found = LogId(fields.data("log", LOG_ID_LENGTH)), fields.data("secret", SEED_BYTES)
    fields.finish()
    return found


def _read_json(path: Path) -> canonical.JSONObject:
    try:
        data = durable.read_secret(path, max_bytes=MAX_KEY_FILE_BYTES)
    except FileNotFoundError as error:
        raise MalformedError(f"{path}: no such key file", hint=_RESTORE) from error
    try:
        return canonical.parse(data.removesuffix(b"\n"), max_bytes=MAX_KEY_FILE_BYTES)
    except MalformedError as error:
        # The parser may quote what it refuses, which may be the secret.
        raise MalformedError(f"{path}: not a key file, or damaged") from error
