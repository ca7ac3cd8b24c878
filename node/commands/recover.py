"""`cairn-node recover`: a node from its keys and its peers."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import SpreadCommand, directory_argument, json_option, passphrase_option

if TYPE_CHECKING:
    from node.recovery.keys import KeySource
    from node.recovery.recover import Order, Recovered


@click.command(
    "recover",
    cls=SpreadCommand,
    epilog="Example:  cairn-node recover /srv/cairn --from ledger.tidewater.example:443 --keys /mnt/stick/keys.backup "
    "--trust network.trust.json",
)
@directory_argument
@click.option(
    "--from", "peers", multiple=True, required=True, metavar="HOST:PORT…", help="Nodes that followed this institution."
)
@click.option(
    "--keys",
    metavar="BACKUP",
    type=click.Path(exists=True, path_type=Path),
    help="The key backup, or a copy of the keys directory, where DIR has no keys.",
)
@passphrase_option("--passphrase-file", "the key backup")
@click.option(
    "--trust",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Trust root of the network, where neither DIR nor the key backup has it.",
)
@click.option("--log", "log_text", metavar="ID", help="Id of the log, where its keys were all replaced since.")
@json_option
def command(
    directory: Path,
    peers: tuple[str, ...],
    keys: Path | None,
    passphrase_file: Path | None,
    trust: Path | None,
    log_text: str | None,
    as_json: bool,
) -> int:
    """Bring back whatever DIR lacks: the whole node after a fire, its ledger store, or its registrar's database.

    The log and what it carries are fetched from peers and checked from the first entry on. The newest status page is read
    into the registrar's database, so that what was revoked stays so. It says what only a backup or the learners' wallets
    can bring back.

    Exit code 0: all the log ever said is there again. 1: something is missing, as said. 3: no peer answered.
    """
    import asyncio

    from node.clock import system_clock, system_draw
    from node.recovery.recover import recover_node

    order = _order(directory, peers, _key_source(keys, passphrase_file), trust, log_text)
    _refuse_running(directory)
    with terminal.progress("fetching and checking") as progress:
        recovered = asyncio.run(recover_node(order, system_clock, system_draw, progress))
    if as_json:
        terminal.result_json(_to_json(recovered))
    else:
        _show(recovered, directory)
    return _next(recovered, directory)


def _order(
    directory: Path, peers: tuple[str, ...], keys: "KeySource | None", trust: Path | None, log_text: str | None
) -> "Order":
    import os

    from ledger.errors import MalformedError
    from ledger.log.identity import parse_log_id
    from ledger.log.policy import MAX_TRUST_ROOT_BYTES, parse_trust_root
    from node.client.exchange import is_host_port
    from node.highwater import state_home
    from node.outfile import read_input
    from node.recovery.recover import Order

    for peer in peers:
        if not is_host_port(peer):
            raise MalformedError(
                f"--from {peer}: is not HOST:PORT", hint="the gRPC address of a node, such as a.example:443"
            )
    return Order(
        directory=directory.absolute(),
        addresses=peers,
        keys=keys,
        trust=None if trust is None else parse_trust_root(read_input(trust, MAX_TRUST_ROOT_BYTES)),
        log=None if log_text is None else parse_log_id(log_text),
        state_home=state_home(os.environ),
    )


def _key_source(path: Path | None, passphrase_file: Path | None) -> "KeySource | None":
    from node.backup.sealed import is_sealed
    from node.passphrase import read_passphrase
    from node.recovery.keys import KeySource

    if path is None:
        return None
    if path.is_dir() or not is_sealed(path):
        return KeySource(path)
    return KeySource(path, read_passphrase(passphrase_file, "passphrase of the key backup"))


def _refuse_running(directory: Path) -> None:
    from node.config import FILE_NAME
    from node.errors import BusyError
    from node.home import open_home

    if (directory / FILE_NAME).is_file() and open_home(directory).is_running():
        raise BusyError(f"{directory}: the node is running", hint="stop it first, then run the same again")


def _show(recovered: "Recovered", directory: Path) -> None:
    from node.fsck.telling import tell as tell_findings
    from node.recovery.telling import tell, tell_lost

    for line in tell(recovered):
        terminal.result(line)
    for address, reason in sorted(recovered.fetched.silent.items()):
        terminal.note(f"peer {address} did not answer: {reason}")
    for address, reason in sorted(recovered.fetched.refused.items()):
        terminal.note(f"peer {address} offered a copy that is not ours: {reason}")
    for line in tell_lost(recovered, str(directory)):
        terminal.result(line)
    for line in tell_findings(recovered.report.findings, str(directory)):
        terminal.result(line)


def _next(recovered: "Recovered", directory: Path) -> int:
    if recovered.is_new:
        terminal.note(
            "make sure that no other copy of this node runs: two with the same keys would contradict each other"
        )
    witnesses, _ = recovered.fetched.witnesses
    only = "" if witnesses else " --only-copy, if no newer copy of this log exists anywhere"
    terminal.next_step(f"cairn-node run {directory}{only}")
    return terminal.EXIT_NO if recovered.report.is_damaged else terminal.EXIT_YES


def _to_json(recovered: "Recovered") -> dict[str, object]:
    from ledger.log.identity import encode_log_id

    adoption = recovered.adoption
    witnesses, told = recovered.fetched.witnesses
    return {
        "awards": recovered.awards,
        "database": "empty" if recovered.is_new_database else "kept",
        "findings": [finding.to_json() for finding in recovered.report.findings],
        "kept_store": None if recovered.kept_store is None else str(recovered.kept_store),
        "log": encode_log_id(recovered.log),
        "name": recovered.name,
        "new_list": None if adoption is None else adoption.opened,
        "page": None if adoption is None else adoption.page,
        "peers": dict(sorted(recovered.fetched.told.items())),
        "silent": sorted(recovered.fetched.silent),
        "size": recovered.size,
        "size_before": recovered.held_before,
        "unknown_slots": None if adoption is None else adoption.unknown_slots,
        "witnesses": witnesses,
        "witnesses_told": told,
    }
