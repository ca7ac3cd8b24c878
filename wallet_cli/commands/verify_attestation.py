"""`cairn verify-attestation`: read a signed record of an audit or a verification, offline."""

from typing import TYPE_CHECKING

import click

from wallet_cli import terminal
from wallet_cli.commands.options import json_option

if TYPE_CHECKING:
    from ledger.log.attestation import Attestation


@click.command(
    "verify-attestation",
    epilog="Example:  cairn verify-attestation june.attestation --signer did:key:z6Mk...",
)
@click.argument("file", metavar="FILE")
@click.option("--signer", metavar="KEY", help="The did:key that must have signed it, known from elsewhere.")
@click.option("--trust", "trust_file", metavar="FILE", help="Trust root it must have started from.")
@click.option("--replica", metavar="DIR", help="Replica that the heads in it must lie on.")
@click.option("--vault", metavar="FILE", help="Look for what is remembered beside this vault.")
@json_option
def command(
    file: str, signer: str | None, trust_file: str | None, replica: str | None, vault: str | None, as_json: bool
) -> int:
    """Check the signature of an attestation and read it out. Opens no connection.

    Exit code 0 means that the signature is good (and by KEY, from that trust root, on the logs of that replica, where
    these are given), 1 that it is not, 2 that the file cannot be read, 3 that the replica does not hold all that was
    checked. Whose key it is, the file cannot prove: compare it with what the signer publishes.
    """
    import json
    from pathlib import Path

    from ledger.errors import MalformedError, SignatureError, at_place
    from ledger.log.attestation import MAX_ATTESTATION_BYTES, attested_trust, parse_attestation
    from ledger.log.didkey import encode_did_key, parse_did_key
    from wallet_cli import files
    from wallet_cli.attest import describe_attestation
    from wallet_cli.trust import read_trust_root

    data = files.read_bounded(Path(file), MAX_ATTESTATION_BYTES)
    try:
        signed = parse_attestation(data.removesuffix(b"\n"))
    except MalformedError as error:
        raise MalformedError(f"{file}: {error}", hint="is it a record that --attest wrote? Get it again") from error
    try:
        signed.verify()
    except SignatureError as error:
        raise at_place(
            error, file, hint="it was changed since it was signed; get it again from who signed it"
        ) from error
    if signer is not None and parse_did_key(signer) != signed.key:
        raise SignatureError(f"attestation: signed by {encode_did_key(signed.key)}, not by {signer}")
    if trust_file is not None:
        expected = attested_trust(read_trust_root(Path(trust_file)))
        if expected.network != signed.attestation.trust.network:
            raise SignatureError("attestation: it is about another network than the trust root's")
    unknown = _compare(signed.attestation, replica, vault) if replica is not None else ()
    if as_json:
        terminal.result_json(json.loads(data))
    else:
        for line in describe_attestation(signed):
            terminal.result(terminal.escape(line))
    for line in unknown:
        terminal.note(f"cairn: {terminal.escape(line)}")
    if replica is not None and not unknown:
        terminal.note(f"cairn: every head in it lies on the logs held in {terminal.escape(replica)}")
    if signer is None:
        terminal.note("cairn: the signature is good; whether the key is theirs, compare with what they publish")
    terminal.next_step("cairn audit --trust FILE --node URL, to see for yourself")
    return terminal.EXIT_UNDECIDED if unknown else terminal.EXIT_YES


def _compare(attestation: "Attestation", replica: str, vault: str | None) -> tuple[str, ...]:
    from pathlib import Path

    from ledger.errors import MalformedError
    from wallet_cli.attest import check_heads
    from wallet_cli.commands.options import read_vault_options
    from wallet_cli.replica import Replica
    from wallet_cli.replica_key import load_key

    if not Path(replica).is_dir():
        raise MalformedError(f"{replica}: no replica is there", hint="cairn sync DIR makes one")
    key = load_key(read_vault_options(vault, None, False).folder)
    return check_heads(attestation, Replica(Path(replica), key))
