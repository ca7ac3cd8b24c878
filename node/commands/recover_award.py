"""`cairn-node recover-award`: an award from the copy that its learner shows."""

from pathlib import Path

import click

from node import terminal
from node.commands.options import directory_argument, json_option


@click.command("recover-award", epilog="Example:  cairn-node recover-award /srv/cairn maya.cairn --learner L017")
@directory_argument
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--learner", "learner_id", required=True, metavar="ID", help="The learner's id in the student system.")
@json_option
def command(directory: Path, file: Path, learner_id: str, as_json: bool) -> int:
    """Take awards back in that a learner shows, after the registrar's database was lost; the node runs.

    FILE is a presentation (cairn present, with every field disclosed) or a single copy. Each copy must be signed by this
    institution or one that it succeeds, stand on its ledger and fit its status pages; what the newest page says of it is
    its status. From then on it can be revoked, suspended and replaced as before.
    """
    import asyncio

    from node.client.recovery import TakenIn, readmit
    from node.errors import BusyError
    from node.home import open_home

    home = open_home(directory)
    if not home.is_running():
        raise BusyError(f"{directory}: no node runs here", hint=f"cairn-node run {directory}")
    socket = str(home.socket_path())

    async def take_all() -> list[TakenIn]:
        return [await readmit(socket, copy, learner_id) for copy in _copies(file)]

    taken = asyncio.run(take_all())
    if as_json:
        terminal.result_json(
            [
                {
                    "award": one.award,
                    "entry": one.entry,
                    "list_closed": one.is_list_closed,
                    "new": one.is_new,
                    "position": one.position,
                    "status": one.status.name.lower(),
                }
                for one in taken
            ]
        )
    else:
        for one in taken:
            known = "taken in" if one.is_new else "known already"
            terminal.result(f"{known}: award {one.award}, {one.title}, {one.status.name.lower()}")
            terminal.result(f"  on the ledger at entry {one.entry}, place {one.position}")
            if one.is_list_closed:
                terminal.result("  what its status says now stands for ever: the old list root is lost")
                terminal.result("  the award has a new registrar's copy of ours, whose status can change")
    terminal.next_step(f"cairn-node awards {directory} --learner {learner_id}")
    return terminal.EXIT_YES


def _copies(file: Path) -> list[str]:
    from ledger.credential.presentation import MAX_PRESENTATION_BYTES, parse_presentation
    from ledger.errors import MalformedError
    from node.outfile import read_input

    data = read_input(file, MAX_PRESENTATION_BYTES)
    if data.lstrip()[:1] == b"{":
        return [credential.unbound_text for credential in parse_presentation(data).credentials]
    text = data.decode("ascii", "replace").strip()
    if "~" not in text:
        raise MalformedError(f"{file}: is neither a presentation nor a copy", hint="cairn present -o FILE makes one")
    return [text[: text.rindex("~") + 1]]
