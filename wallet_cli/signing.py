"""Signing what a command found: the key is opened before the work begins, the file is written after it."""

from dataclasses import dataclass
from pathlib import Path

from ledger.errors import MalformedError
from ledger.log.attestation import Attestation, sign_attestation
from ledger.log.keys import SigningKey
from wallet_cli import files, terminal
from wallet_cli.attestation_key import open_key
from wallet_cli.passphrase import read_passphrase


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs, with which key, into which file."""

    by: str
    key: SigningKey
    file: Path

    def write(self, attestation: Attestation) -> None:
        """Sign an attestation and write it.

        Raises:
            OSError: the file cannot be written.
        """
        files.write_atomically(self.file, sign_attestation(attestation, self.key) + b"\n", mode=0o644)
        terminal.note(f"cairn: signed: {terminal.escape(str(self.file))}; cairn verify-attestation reads it out")


def open_signer(
    attest: str | None, key_file: str | None, by: str | None, passphrase_file: str | None, *, force: bool
) -> Signer | None:
    """Open the key that --attest needs, asking for its passphrase; `None` where nothing is to be signed.

    Raises:
        MalformedError: an option is missing, the file exists already, or the key cannot be opened.
    """
    if attest is None:
        return None
    if not (key_file and by):
        raise MalformedError("--attest needs --key FILE and --by NAME", hint="`cairn keygen FILE` makes a key")
    if Path(attest).exists() and not force:
        raise MalformedError(f"{attest} exists already", hint="name another file, or say --force")
    path = Path(key_file)
    source = Path(passphrase_file).expanduser() if passphrase_file else None
    return Signer(by, open_key(path, read_passphrase(source, of=path.name)), Path(attest))
