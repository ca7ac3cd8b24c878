"""`cairn-node offer`: claim links for learners."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import DeskCommand, desk_argument, force_option, json_option

if TYPE_CHECKING:
    from node.client.registry import OfferAnswer
    from node.desk import Desk

SECRET_MODE = 0o600
FORMS = ("open-badge", "jws", "sd-jwt-es256")


@click.command(
    "offer",
    cls=DeskCommand,
    epilog="Example:  cairn-node offer /srv/cairn --achievement granite-hollow --sheet claims.html",
)
@desk_argument
@click.argument("awards", metavar="[AWARD…]", nargs=-1)
@click.option("--learner", default="", metavar="ID", help="All valid awards of this learner.")
@click.option("--achievement", default="", metavar="ID", help="All valid awards of this achievement.")
@click.option(
    "--form",
    type=click.Choice(FORMS),
    help="Name one of other software in the link, for wallets that know no other; docs/credentials.md says which.",
)
@click.option(
    "--sheet",
    metavar="FILE.html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write one printable page for each learner, and the second codes to FILE.codes.csv.",
)
@force_option
@json_option
def command(
    directory: "Desk",
    awards: tuple[str, ...],
    learner: str,
    achievement: str,
    form: str | None,
    sheet: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Make claim links, one for each learner, with which a wallet fetches its own copies.

    A link works once and expires; the second code must reach the learner by another way than the link. Learners with
    cairn choose the form themselves (`cairn receive LINK --form …`).
    """
    import asyncio

    from node.desk import at_desk, open_desk
    from node.outfile import check_output, write_output

    if not awards and not learner and not achievement:
        raise click.UsageError("say which awards: their ids, --learner or --achievement")
    codes = None if sheet is None else sheet.with_suffix(".codes.csv")
    for path in (sheet, codes):
        if path is not None:
            check_output(path, force=force)
    home = open_desk(directory)
    with terminal.show_work("making claim links"):
        answer = asyncio.run(
            at_desk(
                home,
                lambda client: client.offer(
                    award_ids=awards, learner_id=learner, achievement=achievement, form=form or ""
                ),
            )
        )
    if sheet is not None and codes is not None:
        write_output(sheet, answer.sheet.encode(), mode=SECRET_MODE)
        write_output(codes, answer.codes.encode(), mode=SECRET_MODE)
    _show(answer, sheet, codes, as_json=as_json)
    terminal.next_step("give each learner the link, and the code by another way; they run cairn receive LINK")
    return terminal.EXIT_YES


def _show(answer: "OfferAnswer", sheet: Path | None, codes: Path | None, *, as_json: bool) -> None:
    if as_json:
        terminal.result_json(
            [
                {
                    "award_ids": list(link.award_ids),
                    "expires_at": link.expires_at,
                    "learner_id": link.learner_id,
                    "link": link.link,
                    "tx_code": link.tx_code,
                }
                for link in answer.links
            ]
        )
        return
    if sheet is not None:
        terminal.result(f"written: {sheet}, {terminal.count(len(answer.links), 'page')} to print and hand out")
        terminal.result(f"written: {codes}, the second codes; keep them apart from the pages")
        return
    for link in answer.links:
        terminal.result(
            f"{link.learner_id}  {terminal.count(len(link.award_ids), 'award')}, until {terminal.instant(link.expires_at)}"
        )
        terminal.result(f"  link: {link.link}")
        terminal.result(f"  code: {link.tx_code}  (by another way than the link)")
