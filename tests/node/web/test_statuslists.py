"""Status lists are served whole, as the files they are, under the paths that copies name."""

from pathlib import Path

import aiohttp
import pytest

from ledger.credential.plainlist.slots import ListFile
from ledger.errors import MalformedError
from ledger.log.identity import short_log_id
from node.statusfiles import StatusFiles, is_number
from node.web.app import build_app
from tests.node.web.served import ServedNode, open_store, serve
from tests.simulator import SimulatedLog

SHORT = "ABCDEFGHIJKLMNOPQRST-_"


async def test_lists_are_served_as_they_are_kept(tmp_path: Path) -> None:
    """Each file with its media type; the numbers; and 404 for whatever else could be asked."""
    school = SimulatedLog("school")
    store = open_store(tmp_path / "ledger", [school])
    files = StatusFiles(tmp_path / "status")
    for file in ListFile:
        files.keep(SHORT, 20_000, file, f"the {file.value}".encode())
    node = ServedNode(store, school.log_id, status_files=files)
    answers = {}
    paths = ["status/20000/revocation", "status/20000/suspension", "status/20000/token", "status/20000/other",
             "status/020000/token", "status/1/token", "status/x/token", "status/20000/..%2Ftoken"]  # fmt: skip
    try:
        async with serve(build_app(node)) as url, aiohttp.ClientSession(url) as session:
            for path in paths:
                async with session.get(f"/m/{SHORT}/{path}") as answer:
                    answers[path] = (answer.status, answer.content_type, await answer.text())
            async with session.get(f"/m/{SHORT}/status") as answer:
                numbers = await answer.json()
            async with session.get(f"/m/{short_log_id(school.log_id)}/status") as answer:
                assert await answer.json() == {"lists": []}
    finally:
        store.close()
    assert numbers == {"lists": [20_000]}
    assert [answers[path] for path in paths[:3]] == [
        (200, "application/vc", "the revocation"),
        (200, "application/vc", "the suspension"),
        (200, "application/statuslist+jwt", "the token"),
    ]
    assert {answers[path][0] for path in paths[3:]} == {404}


@pytest.mark.parametrize("text", ["", "-1", "01", "1.0", "٣", "1234567890"])
def test_numbers_have_one_spelling(text: str) -> None:
    """No second path leads to a list."""
    assert not is_number(text)
    assert is_number("0") and is_number("123456789")


def test_no_name_leads_out_of_the_folder(tmp_path: Path) -> None:
    """The caller has checked the name; a mistake of the caller is no file elsewhere."""
    files = StatusFiles(tmp_path)
    for short in ("..", "a/b"):
        with pytest.raises(ValueError, match="log id"):
            files.read(short, 0, ListFile.TOKEN)
    assert MalformedError is not ValueError
