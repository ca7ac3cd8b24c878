"""The RSA key for receivers that know RS256 alone: made when the first copy of that form is asked for.

The ledger names no RSA keys. This one is vouched for by a published document, a JWK signed into the log like any other by
the `define` key, and found at its own URL, which is what Open Badges 3.0 asks of a JWS's `kid`.

    DIR/keys/rs256-<SHA-256 of the JWK>.pem
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import orjson
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ledger import base64url
from ledger.errors import CairnError, MalformedError
from ledger.log.keys import KeyId
from node import durable
from node.found import KEYS_DIRECTORY

BITS = 3072
ALGORITHM = "RS256"
MAX_FILE_BYTES = 16 * 1024

_NAME = re.compile(r"rs256-([A-Za-z0-9_-]{43})\.pem")


@dataclass(frozen=True, slots=True)
class RSAKey:
    """A key that can sign, and how it is published."""

    id: KeyId
    """SHA-256 of `jwk`, 32 bytes."""
    jwk: bytes
    """The public half as a JSON document, exact bytes."""
    _private: rsa.RSAPrivateKey

    @property
    def document_id(self) -> str:
        """Name of the published document."""
        return f"rs256-{base64url.encode(self.id)[:22]}"

    def url(self, issuer_url: str) -> str:
        """Where the network's host serves the document."""
        return f"{issuer_url}/policies/{self.document_id}/1"

    def sign(self, message: bytes) -> bytes:
        """The RS256 signature of a message."""
        return self._private.sign(message, padding.PKCS1v15(), hashes.SHA256())


def find_ids(directory: Path | None) -> frozenset[KeyId]:
    """Ids of the RSA keys of a node, read from the names of their files.

    Raises:
        CairnError: the folder of the keys cannot be listed.
    """
    if directory is None:
        return frozenset()
    folder = directory / KEYS_DIRECTORY
    try:
        names = [_NAME.fullmatch(path.name) for path in folder.glob("rs256-*.pem")]
    except OSError as error:
        raise CairnError(
            f"{folder}: cannot be listed: {error.strerror}", hint="look at the disk; then the same again"
        ) from error
    return frozenset(KeyId(base64url.decode(name[1], 32)) for name in names if name is not None)


def open_key(directory: Path) -> RSAKey:
    """The RSA key of a node, made where there is none.

    Raises:
        MalformedError: its file is damaged, or not named after it.
        PolicyError: other accounts of this computer can open it.
    """
    paths = sorted(path for path in (directory / KEYS_DIRECTORY).glob("rs256-*.pem") if _NAME.fullmatch(path.name))
    return _read(paths[0]) if paths else _make(directory / KEYS_DIRECTORY)


def _make(folder: Path) -> RSAKey:
    private = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    key = _describe(private)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    durable.create_file(folder / f"rs256-{base64url.encode(key.id)}.pem", pem)
    return key


def _read(path: Path) -> RSAKey:
    data = durable.read_secret(path, max_bytes=MAX_FILE_BYTES)
    try:
        private = serialization.load_pem_private_key(data, password=None)
    except ValueError as error:
        # The chained error could show a part of the key.
        raise MalformedError(f"{path}: not a key file, or damaged") from error
    if not isinstance(private, rsa.RSAPrivateKey):
        raise MalformedError(f"{path}: is no RSA key")
    key = _describe(private)
    if path.name != f"rs256-{base64url.encode(key.id)}.pem":
        raise MalformedError(f"{path}: is not named after its key")
    return key


def _describe(private: rsa.RSAPrivateKey) -> RSAKey:
    numbers = private.public_key().public_numbers()
    e, n = (
        base64url.encode(number.to_bytes((number.bit_length() + 7) // 8, "big")) for number in (numbers.e, numbers.n)
    )
    jwk = orjson.dumps({"alg": ALGORITHM, "e": e, "kty": "RSA", "n": n, "use": "sig"})
    return RSAKey(KeyId(hashlib.sha256(jwk).digest()), jwk, private)
