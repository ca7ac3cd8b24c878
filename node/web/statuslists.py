"""Status lists in the clear, for copies that other software reads.

    /m/<22>/status                          the numbers of the lists, as JSON
    /m/<22>/status/<number>/revocation      Bitstring Status List, purpose `revocation`
    /m/<22>/status/<number>/suspension      Bitstring Status List, purpose `suspension`
    /m/<22>/status/<number>/token           Token Status List

Whole lists only: which slot somebody reads is seen by nobody. The node of the institution serves what it signed; the
network's host serves its copies, so that the school does not even see that somebody asks.
"""

import asyncio
from typing import Final

from aiohttp import web

from ledger.credential.plainlist.slots import FOLDER, ListFile
from node.budget import Budget
from node.statusfiles import StatusFiles, is_number
from node.web.sending import send_bounded
from node.web.tiles import not_found

CACHE: Final = "public, max-age=300"
MEDIA_TYPES: Final = {
    ListFile.REVOCATION: "application/vc",
    ListFile.SUSPENSION: "application/vc",
    ListFile.TOKEN: "application/statuslist+jwt",
}


def add_status_lists(app: web.Application, files: StatusFiles, budget: Budget) -> None:
    """Serve the lists that are kept in `files`; before `add_issuers`, whose paths are wider."""

    async def answer(request: web.Request) -> web.StreamResponse:
        short, number, name = (request.match_info[part] for part in ("short", "number", "file"))
        if not is_number(number) or name not in set(ListFile):
            raise not_found("no such status list")
        file = ListFile(name)
        data = await files.find(short, int(number), file)
        if data is None:
            raise not_found("this node holds no such status list")
        headers = {"Cache-Control": CACHE, "Content-Type": MEDIA_TYPES[file]}
        return await send_bounded(request, data, headers, budget)

    async def numbers(request: web.Request) -> web.Response:
        found = await asyncio.to_thread(files.numbers, request.match_info["short"])
        return web.json_response({"lists": list(found)}, headers={"Cache-Control": CACHE})

    app.router.add_get(f"/m/{{short:[A-Za-z0-9_-]{{22}}}}/{FOLDER}", numbers)
    app.router.add_get(f"/m/{{short:[A-Za-z0-9_-]{{22}}}}/{FOLDER}/{{number}}/{{file}}", answer)
