"""A node that has not caught up with its network's log yet is alive all the same."""

from dataclasses import replace
from pathlib import Path

import aiohttp

from ledger.log.identity import short_log_id
from tests.node.web.served import serve_logs
from tests.simulator import found_network, trust_of


async def test_a_node_behind_its_trust_root_is_alive(tmp_path: Path) -> None:
    network, members = found_network("granite", "lantern")
    ahead = replace(trust_of(network), head_size=network.size + 1)
    async with serve_logs(tmp_path / "store", [members[0], network], ahead) as url, aiohttp.ClientSession() as session:
        async with session.get(f"{url}/healthz") as answer:
            assert answer.status == 200
            assert (await answer.json())["quorum"] == {"has_quorum": False, "present": 0, "required": 0}
        for path in ("/m/{}/achievement/1", "/.well-known/jwt-vc-issuer/m/{}"):
            async with session.get(url + path.format(short_log_id(members[0].log_id))) as answer:
                assert answer.status == 404
