"""`cairn-node trust`: the file that verifiers start from."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import directory_argument, force_option, json_option, output_option

if TYPE_CHECKING:
    from ledger.log.policy import TrustRoot


@click.group("trust")
def command() -> None:
    """Write the file that verifiers start from."""


@command.command("export", epilog="Example:  cairn-node trust export /srv/confluence -o confluence.trust.json")
@directory_argument
@output_option("Where to write the trust root.")
@click.option(
    "--quorum",
    type=click.Choice(("majority", "none")),
    default="majority",
    show_default=True,
    help="What a head needs: more than half of the independent witnesses, or the writer's word alone.",
)
@click.option("--network", metavar="NAME", help="Which network, where the node follows several: name or log id.")
@click.option(
    "--wait",
    "wait_seconds",
    type=click.FloatRange(0, 600),
    metavar="SECONDS",
    default=10,
    show_default=True,
    help="How long to wait for a head with a quorum.",
)
@click.option(
    "--policy",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write its log, witnesses and quorum as a C2SP tlog-policy, for tools of others.",
)
@force_option
@json_option
def export(
    directory: Path,
    output: Path,
    quorum: str,
    network: str | None,
    wait_seconds: float,
    policy: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Write the trust root of a node's network: its log, its newest head, its witnesses.

    It is public. Whoever verifies with it trusts what it names, so people compare its fingerprint by another way.
    """
    import asyncio

    from ledger.log.identity import encode_log_id
    from ledger.log.policy import QuorumRule, encode_trust_root
    from ledger.log.witness_policy import encode_witness_policy, make_policy
    from node.exporting import export_trust_root
    from node.home import open_home
    from node.outfile import check_output, write_output

    check_output(output, force=force)
    if policy is not None:
        check_output(policy, force=force)
    home = open_home(directory)
    trust = asyncio.run(export_trust_root(home, QuorumRule(quorum), network, wait_seconds))
    policy_text = encode_witness_policy(make_policy(trust)) if policy is not None else b""
    write_output(output, encode_trust_root(trust) + b"\n")
    if policy is not None:
        write_output(policy, policy_text)
    log, needed = encode_log_id(trust.network), len(trust.witnesses)
    if as_json:
        head = {"size": trust.head_size, "witnesses": needed}
        files = {"file": str(output), "policy": None if policy is None else str(policy)}
        terminal.result_json({**files, "network": log, "quorum": trust.quorum.value, **head})
    else:
        terminal.result(
            f"written: {output}: {trust.name}, pinned at {terminal.count(trust.head_size, 'entry', 'entries')}"
        )
        terminal.result(f"log id: {log} (people compare it)")
        terminal.result(_describe_quorum(trust))
        if policy is not None:
            terminal.result(f"written: {policy}: the same witnesses and quorum for other tools")
    if trust.quorum is QuorumRule.NONE:
        terminal.note(
            "without a quorum every verdict rests on the writer's word; export again once witnesses are in force"
        )
        terminal.next_step(f"cairn-node join DIR --trust {output} -o REQUEST, at each member to be")
    else:
        terminal.next_step(f"cairn trust {output}, at whoever verifies")
    return terminal.EXIT_YES


def _describe_quorum(trust: "TrustRoot") -> str:
    from ledger.log.members import quorum_of
    from ledger.log.policy import QuorumRule

    witnesses = len(trust.witnesses)
    if trust.quorum is QuorumRule.NONE:
        return "quorum: none; the writer's signature is enough"
    own = sum(witness.log == trust.network for witness in trust.witnesses)
    counting = witnesses - own
    return f"quorum: {quorum_of(counting)} of the {counting} witnesses not run by the network itself"
