"""`cairn verify`: judge what somebody shows you, without a network."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.client.givenoptions import given_options
from wallet_cli import terminal
from wallet_cli.commands.options import json_option, read_vault_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ledger.credential.batch_report import FileReport, Tally
    from ledger.credential.report import RecordReport
    from node.client.givenfiles import GivenFiles
    from wallet_cli.places import Places
    from wallet_cli.signing import Signer


@click.command("verify", epilog="Example:  cairn verify record.cairn --audience 'Tidewater College' --nonce 7f3a91")
@click.argument("names", metavar="FILE...", nargs=-1, required=True)
@click.option("--trust", "trust_file", metavar="FILE", help="Trust root; the remembered one by default.")
@click.option(
    "--replica",
    metavar="DIR",
    help="Light replica made by `cairn sync`, also by somebody else's; the remembered one by default.",
)
@click.option(
    "--no-replica", "alone", is_flag=True, help="Hold no ledger: check what the file itself proves, with a trust root."
)
@click.option("--audience", metavar="NAME", help="Your name: refuse a file that was made for somebody else.")
@click.option("--nonce", metavar="TEXT", help="The value you gave out: refuse a file that does not carry it.")
@click.option(
    "--as-of",
    "as_of",
    metavar="DATE",
    help="Also say what was known then: a day (its end, UTC) or an instant such as 2026-06-30T12:00:00Z.",
)
@click.option("--node", "nodes", metavar="URL", multiple=True, help="Sync from this node first, then verify.")
@click.option("--full", is_flag=True, help="The whole report for every file, also when there are several.")
@click.option("--attest", metavar="FILE", help="Write what was found as a signed record; needs --key and --by.")
@click.option("--attest-report", is_flag=True, help="Also put into that record what the files show about learners.")
@click.option("--key", "key_file", metavar="FILE", help="The key to sign with, made by `cairn keygen`.")
@click.option("--by", metavar="NAME", help="Who you are, as it shall stand in the record.")
@click.option("--passphrase-file", metavar="FILE", help="Read the passphrase of the key from this file.")
@click.option("--force", is_flag=True, help="Overwrite the file of the record.")
@click.option("--vault", metavar="FILE", help="Look for what is remembered beside this vault.")
@given_options
@json_option
def command(
    names: tuple[str, ...],
    trust_file: str | None,
    replica: str | None,
    alone: bool,
    audience: str | None,
    nonce: str | None,
    as_of: str | None,
    nodes: tuple[str, ...],
    full: bool,
    attest: str | None,
    attest_report: bool,
    key_file: str | None,
    by: str | None,
    passphrase_file: str | None,
    force: bool,
    vault: str | None,
    given: "GivenFiles",
    as_json: bool,
) -> int:
    """Judge presentations and credentials against the ledger held on this computer; nobody is asked.

    FILE may be a folder. The report goes through a numbered list and says of each step yes, no, or could not check
    and why. A replica that somebody else made is checked whole first. Without any, what `cairn present --offline`
    encloses can be checked, which is never enough for `Valid now`. --attest signs what was found, without anything
    that the files say about learners unless --attest-report asks for it. Exit code 0: all valid now. 1: at least one
    is not. 2: nothing could be read. 3: could not be decided.

    With --as-of the report says what was known on that date and, apart from that, what is known today about that date; below
    stands the answer of today. What was known then decides the exit code, because that is what was asked: a decision of then
    is not made wrong by what came out later. Whoever decides today asks without --as-of. The file itself (steps 1 to 4) is
    judged as of today. Most dates need `cairn sync --history` once.

    Badges, images with a badge inside, records and tokens of other formats are judged by what they prove themselves, as of
    today, and need no ledger. Who their issuer is, only --issuer, --issuer-document or --ca can say. If a member of the
    network held issued them, they go through the whole list like any other credential of the ledger.
    """
    from ledger.credential.batch_report import Tally
    from ledger.credential.moment import parse_moment
    from ledger.credential.verify import Question
    from ledger.credential.verify_either import judge_either
    from node.client.shownfiles import Receipts, find_files
    from wallet_cli import foreign, places, verify
    from wallet_cli.clock import system_clock
    from wallet_cli.ledger_judge import LedgerJudge

    folder = read_vault_options(vault, None, False).folder
    if alone and (nodes or replica or attest or as_of):
        raise click.UsageError(
            "--no-replica holds no ledger, so it goes with none of --replica, --node, --attest and --as-of."
        )
    if attest_report and not attest:
        raise click.UsageError("--attest-report belongs to --attest.")
    now = system_clock()
    moment = None if as_of is None else parse_moment(as_of, now)
    signer = _open_signer(attest, key_file, by, passphrase_file, force)
    if nodes:
        _sync(places.find_places(folder, trust_file, replica, nodes))
    # Asked again, so that what a sync has just brought is not from the future.
    question = Question(now=max(now, system_clock()), audience=audience, nonce=nonce, as_of=moment)
    receipts = Receipts(given.receipts)
    own = LedgerJudge(lambda: places.find_places(folder, trust_file, replica, nodes), question, receipts, alone=alone)
    if trust_file or replica or nodes or attest or as_of:
        own.judge()  # what was asked for by name has to be there, whatever the files are
    judge = judge_either(
        own.judge,
        own.owns,
        lambda: foreign.open_question(given, folder, question.now, audience, nonce, own=own.form_judge(moment)),
    )
    reports = verify.verify_files(receipts.follow(find_files(names)), judge)
    found: list[tuple[bytes, RecordReport]] = []
    if signer is not None:
        reports = _remembering(reports, found)
    tally, undecided = Tally(), set[bool]()
    reports = _noting(reports, undecided)
    if as_json:
        _print_json(reports, tally)
    else:
        is_batch = len(names) > 1 or Path(names[0]).is_dir()
        _print_text(reports, tally, is_batch=is_batch, full=full)
    if signer is not None:
        from wallet_cli.attest import attest_verification

        signed = attest_verification(found, own.network, question.now, signer.by, with_report=attest_report)
        signer.write(signed)
    if tally.exit_code == terminal.EXIT_UNDECIDED:
        what = "cairn sync" if as_of is None else "cairn sync --history"
        if undecided == {True}:
            terminal.next_step("do what the report says, then verify again with what you know of the issuer (--help)")
        else:
            terminal.next_step(f"{what}, then verify again; each report says what else can be done")
    return tally.exit_code


def _noting(reports: "Iterator[FileReport]", undecided: set[bool]) -> "Iterator[FileReport]":
    """Give reports on, noting of those that decide nothing whether all in them is external: no ledger helps there."""
    for report in reports:
        if report.report.exit_code == terminal.EXIT_UNDECIDED:
            # Imported where it is wanted: most files are of the ledger, and are judged without.
            from ledger.credential.external.findings import EXTERNAL_NOTE

            notes = [credential.notes for credential in report.report.credentials]
            undecided.add(all(any(note.startswith(EXTERNAL_NOTE) for note in those) for those in notes))
        yield report


def _open_signer(
    attest: str | None, key_file: str | None, by: str | None, passphrase_file: str | None, force: bool
) -> "Signer | None":
    # Imported where it is wanted: a verification without it must start in a quarter of a second.
    if attest is None:
        return None
    from wallet_cli.signing import open_signer

    return open_signer(attest, key_file, by, passphrase_file, force=force)


def _remembering(reports: "Iterable[FileReport]", found: "list[tuple[bytes, RecordReport]]") -> "Iterator[FileReport]":
    for report in reports:
        found.append((report.digest, report.report))
        yield report


def _print_text(reports: "Iterable[FileReport]", tally: "Tally", *, is_batch: bool, full: bool) -> None:
    from ledger.credential.report import CLOSING

    for report in reports:
        tally.add(report)
        if is_batch:
            terminal.result(terminal.escape(report.to_line()))
        for line in report.report.to_lines(closing=False) if full or not is_batch else ():
            terminal.result(terminal.escape(line))
    if is_batch:
        terminal.result(tally.to_line() or "no file")
    terminal.result(CLOSING)


def _print_json(reports: "Iterable[FileReport]", tally: "Tally") -> None:
    # Written file by file: sixty thousand reports are not kept in memory to be printed at the end.
    import json

    terminal.result('{"files": [')
    separator = " "
    for report in reports:
        tally.add(report)
        terminal.result(separator + json.dumps(report.to_json(), ensure_ascii=True, sort_keys=True))
        separator = ","
    terminal.result(f'], "counts": {json.dumps(tally.counts, sort_keys=True)}, "exit_code": {tally.exit_code}}}')


def _sync(place: "Places") -> None:
    """Sync first; what cannot be had now is told, and the files are judged by what is held."""
    import asyncio

    from ledger.errors import CairnError
    from wallet_cli.replica_key import obtain_key
    from wallet_cli.replica_writer import ReplicaWriter
    from wallet_cli.sync import sync_replica

    try:
        with ReplicaWriter(place.replica, obtain_key(place.folder)) as writer:
            report = asyncio.run(sync_replica(writer, place.trust, place.nodes))
    except (CairnError, OSError) as error:
        terminal.note(f"cairn: could not sync: {terminal.escape(str(error))}")
        return
    for log in report.logs:
        for problem in log.problems:
            terminal.note(f"cairn: {terminal.escape(log.name)}: {terminal.escape(problem)}")
