"""`cairn-node init`: found an institution."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from node import terminal
from node.commands.options import SpreadCommand, json_option

if TYPE_CHECKING:
    from ledger.log.keys import PublicKey
    from node.found import Founding

KINDS = ("school", "network", "college", "employer", "state", "youth")
_UNITS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


@click.command(
    "init",
    cls=SpreadCommand,
    epilog="Example:  cairn-node init /srv/cairn --name 'Granite Hollow High' --kind school "
    "--origin ledger.granite.example/log --http https://ledger.granite.example --learners 400",
)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--name", required=True, metavar="NAME", help="What people call the institution.")
@click.option("--kind", required=True, type=click.Choice(KINDS), help="What it is.")
@click.option("--origin", required=True, metavar="ORIGIN", help="Name of its log: a URL without scheme, for ever.")
@click.option(
    "--root-key",
    "root_keys",
    multiple=True,
    metavar="PUB…",
    help="Public root keys, or key files of keygen. Without it one is made beside DIR.",
)
@click.option("--threshold", type=click.IntRange(1, 64), help="How many root keys must sign. Default: more than half.")
@click.option("--learners", type=int, metavar="N", help="How many learners it has: sizes batches and status lists.")
@click.option("--http", "http_url", metavar="URL", help="Public URL of its node.  [default: http://127.0.0.1:8470]")
@click.option(
    "--grpc",
    "grpc_address",
    metavar="ADDR",
    help="Public HOST:PORT of its node.  [default: the host of --http and port 8471]",
)
@click.option("--http-listen", metavar="ADDR", help="Where HTTP listens, if not as --http and docs/tls.md say.")
@click.option("--grpc-listen", metavar="ADDR", help="Where gRPC listens, if not as --grpc and docs/tls.md say.")
@click.option(
    "--tls-certificate",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Certificate of --http with its chain, PEM, such as certbot's fullchain.pem.",
)
@click.option("--tls-key", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Its key, PEM.")
@click.option("--insecure", is_flag=True, help="Allow listening beyond this computer without TLS.")
@click.option(
    "--batch-interval",
    metavar="TIME",
    default="1d",
    show_default=True,
    help="Time between cuts, such as 12h or 1d; 0 for cuts on command (tests and demonstrations only).",
)
@click.option("--batch-at", metavar="HH:MM", default="02:30", show_default=True, help="Time of day of a cut, UTC.")
@click.option("--lists-open", metavar="MM-DD", default="08-01", show_default=True, help="When a year's list opens.")
@click.option(
    "--passphrase-file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="For the root key made here.",
)
@json_option
def command(directory: Path, as_json: bool, **given: Any) -> int:  # Any: click passes each option by name
    """Found an institution: its keys, its log with the charter, and node.toml, all in DIR.

    This is done once. The log's id commits to the charter; people compare it as a fingerprint.
    """
    from ledger.log.charter import Institution
    from ledger.log.didkey import encode_did_key
    from ledger.log.identity import encode_log_id
    from node.clock import system_clock, system_draw
    from node.found import found_institution
    from node.rootkeys import read_root_key

    directory = directory.absolute()
    _refuse_existing(directory)
    keys = [read_root_key(text) for text in given["root_keys"]]
    made = None
    if not keys:
        made = directory.with_name(f"{directory.name}.root.key")
        keys = [_make_root_key(made, given["passphrase_file"])]
    try:
        founding = _founding(given, keys, Institution(given["kind"]))
        founded = found_institution(directory, founding, system_clock, system_draw)
    except BaseException:
        if made is not None:
            made.unlink(missing_ok=True)
        raise
    log = encode_log_id(founded.log_id)
    if as_json:
        roots = [encode_did_key(key) for key in founded.charter.roots.keys]
        terminal.result_json(
            {"directory": str(directory), "log": log, "root_key_file": str(made) if made else None, "roots": roots}
        )
    else:
        terminal.result(f"founded: {founding.name} in {directory}")
        terminal.result(f"log id: {log}")
        roots_line = f"{founding.threshold} of {terminal.count(len(keys), 'root key')} must sign changes of its keys"
        terminal.result(roots_line)
    _warn(founding, directory, made)
    terminal.next_step(f"cairn-node run {directory}")
    return terminal.EXIT_YES


def _founding(given: dict[str, Any], keys: "list[PublicKey]", kind: Any) -> "Founding":  # Any: see above
    from node.found import Founding
    from node.tls.defaults import plan_listeners
    from node.tls.modes import TLSMode

    http_url = (given["http_url"] or "http://127.0.0.1:8470").rstrip("/")
    certificate, key = (str(given[name].absolute()) if given[name] else "" for name in ("tls_certificate", "tls_key"))
    plan = plan_listeners(
        http_url, given["grpc_address"] or "", has_certificate=bool(certificate), insecure=given["insecure"]
    )
    return Founding(
        name=given["name"],
        kind=kind,
        origin=given["origin"],
        root_keys=tuple(keys),
        threshold=given["threshold"] or len(keys) // 2 + 1,
        http_url=http_url,
        grpc_address=plan.grpc_address,
        http_listen=given["http_listen"] or plan.http_listen,
        grpc_listen=given["grpc_listen"] or plan.grpc_listen,
        tls_certificate=certificate,
        tls_key=key,
        grpc_tls=TLSMode.AUTO if given["grpc_listen"] else plan.grpc_tls,
        insecure=given["insecure"],
        learners=given["learners"],
        interval_ms=read_interval(given["batch_interval"]),
        minute=read_minute(given["batch_at"]),
        lists_open=given["lists_open"],
    )


def read_interval(text: str) -> int:
    """Milliseconds of a time such as 30m, 12h, 1d or 0.

    Raises:
        MalformedError: it is none.
    """
    from ledger.errors import MalformedError

    number, unit = (text[:-1], text[-1:]) if text[-1:] in _UNITS else (text, "")
    if not number.isascii() or not number.isdigit() or (not unit and int(number) != 0):
        raise MalformedError(f"batch interval: {text!r} is not a time such as 30m, 12h, 1d or 0")
    return int(number) * _UNITS.get(unit, 0)


def read_minute(text: str) -> int:
    """Minute of the day of a time HH:MM.

    Raises:
        MalformedError: it is none.
    """
    from ledger.errors import MalformedError

    hours, separator, minutes = text.partition(":")
    if not separator or not (hours + minutes).isascii() or not (hours + minutes).isdigit():
        raise MalformedError(f"time of a cut: {text!r} is not HH:MM")
    if int(hours) > 23 or int(minutes) > 59:
        raise MalformedError(f"time of a cut: {text} is no time of day")
    return int(hours) * 60 + int(minutes)


def _make_root_key(path: Path, passphrase_file: Path | None) -> "PublicKey":
    from node.clock import system_draw
    from node.keystore import create_key_file
    from node.passphrase import read_passphrase

    _refuse_existing(path)
    passphrase = read_passphrase(passphrase_file, f"new passphrase for the root key {path.name}", confirm=True)
    return create_key_file(path, passphrase, system_draw)


def _refuse_existing(path: Path) -> None:
    import os

    from ledger.errors import RuleError

    if os.path.lexists(path):
        raise RuleError(f"{path}: exists already, and nothing in it was changed", hint="an institution is founded once")


def _warn(founding: "Founding", directory: Path, made: Path | None) -> None:
    if made is not None:
        terminal.note(f"root key: {made} (encrypted)")
        terminal.note("move it off this computer now, in two copies: whoever has it can replace every other key")
    if founding.interval_ms == 0:
        terminal.note("warning: cuts are made on command, so times and counts of awards can be guessed from the ledger")
        terminal.note(
            "warning: this is for tests and demonstrations; found a real institution without --batch-interval 0"
        )
    _tell_listeners(founding)
    terminal.note(f"back up {directory / 'keys'} now; without it the log cannot go on")


def _tell_listeners(founding: "Founding") -> None:
    from node.address import parse_address
    from node.tls.modes import TLSMode

    if founding.http_url.startswith("https://") and parse_address(founding.http_listen).is_loopback:
        terminal.note(
            f"{founding.http_url} has to be answered by a reverse proxy before {founding.http_listen}, or by the node with "
            "tls_certificate and tls_key in node.toml"
        )
    if founding.grpc_tls is TLSMode.SELF_MADE:
        terminal.note(
            f"gRPC listens on {founding.grpc_listen} with a certificate the node makes itself; let the firewall pass it"
        )
