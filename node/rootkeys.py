"""Root keys as people name them on a command line: the text that `keygen` prints, or the file it wrote."""

from pathlib import Path

from ledger.log.didkey import parse_did_key
from ledger.log.keys import PublicKey
from node.keystore import read_key_file_public


def read_root_key(text: str) -> PublicKey:
    """The public key of a `did:key` text, or of a key file, whose passphrase is not needed.

    Raises:
        MalformedError: it is neither.
    """
    path = Path(text)
    if not text.startswith("did:key:") and path.is_file():
        return read_key_file_public(path)
    return parse_did_key(text)
