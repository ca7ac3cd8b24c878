"""`cairn-node export-framework`: a framework file as strict CASE 1.1, for programs that accept nothing else."""

from pathlib import Path

import click

from node import terminal
from node.commands.options import force_option, output_option

_file = click.Path(dir_okay=False, path_type=Path)


@click.command(
    "export-framework",
    epilog="Example:  cairn-node export-framework examples/sample/framework.json -o framework-case.json",
)
@click.argument("framework", metavar="FILE", type=_file)
@output_option("Write the CASE 1.1 package here.")
@force_option
def command(framework: Path, output: Path, force: bool) -> int:
    """Write a framework, ours or another program's export, member for member as CASE 1.1 has it.

    What CASE demands is filled in, members it does not know move into `extensions`, and the tree stays what it was: the
    file written can be published and evaluated like the one read.
    """
    from datetime import UTC, datetime

    from ledger.credential.strict_json import parse_strict_object
    from ledger.log.body import MAX_DOCUMENT_BYTES
    from ledger.mastery.exchange import encode_case
    from ledger.mastery.framework import parse_framework
    from ledger.mastery.problems import ProblemCollector
    from node.outfile import check_output, read_input, write_output

    check_output(output, force=force)
    data = read_input(framework, MAX_DOCUMENT_BYTES)
    package = parse_strict_object(data, max_bytes=MAX_DOCUMENT_BYTES, where=framework.name)
    problems = ProblemCollector()
    parsed = parse_framework(framework.name, data, problems)
    problems.refuse()
    write_output(output, encode_case(package, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"))
    count = len(parsed.items) if parsed is not None else 0
    terminal.result(f"{terminal.count(count, 'item')} written to {output}")
    terminal.next_step(f"give {output} to whoever asks, or publish it: cairn-node publish DIR {output}")
    return terminal.EXIT_YES
