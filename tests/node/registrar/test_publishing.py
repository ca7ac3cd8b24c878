"""Published frameworks are trees, and a new version keeps or replaces every item of the one before."""

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import MalformedError, RuleError
from tests.node.registrar.desks import Bench, fresh_bench

SAMPLE = json.loads((Path(__file__).resolve().parents[3] / "examples" / "sample" / "framework.json").read_bytes())


def framework(version: str = "1", **changes: Any) -> bytes:
    document = {**SAMPLE["CFDocument"], "version": version}
    return json.dumps({**SAMPLE, "CFDocument": document, **changes}).encode()


def changed_items() -> list[dict[str, Any]]:
    return [{**SAMPLE["CFItems"][0], "fullStatement": "Does it better."}, *SAMPLE["CFItems"][1:]]


async def publish(bench: Bench, data: bytes, version: int = 0) -> int:
    return (await bench.desk.publish(data, document_id="stonepath", version=version)).index


async def test_a_framework_is_published_once_and_goes_on_by_replacing(tmp_path: Path) -> None:
    replaced = {
        "associationType": "replacedBy",
        "originNodeURI": {"identifier": SAMPLE["CFItems"][0]["identifier"]},
        "destinationNodeURI": {"identifier": "another"},
    }
    async with fresh_bench(tmp_path) as bench:
        assert await publish(bench, framework()) == await publish(bench, framework())
        with pytest.raises(RuleError, match="version 1 is published with other content"):
            await publish(bench, framework(CFItems=changed_items()))
        with pytest.raises(
            MalformedError, match=r"is changed or left out without a replacedBy .*version 1 is on"
        ) as no:
            await publish(bench, framework("2", CFItems=changed_items()))
        assert "replacedBy" in no.value.hint
        linked = framework("2", CFItems=changed_items(), CFAssociations=[*SAMPLE["CFAssociations"], replaced])
        assert await publish(bench, linked) == bench.log.size - 1


async def test_the_same_items_may_go_on_as_they_are(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        await publish(bench, framework())
        assert await publish(bench, framework("3")) == bench.log.size - 1
        # Filling a gap is held against the version below it.
        with pytest.raises(MalformedError, match=r"version 1 is on the ledger"):
            await publish(bench, framework("2", CFItems=changed_items()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"CFItems": []}, "CFItems"),
        ({"CFItems": [SAMPLE["CFItems"][0]] * 2}, "stands twice"),
        ({"CFAssociations": SAMPLE["CFAssociations"][1:]}, "orphan"),
    ],
)
async def test_what_is_no_tree_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    async with fresh_bench(tmp_path) as bench:
        size = bench.log.size
        with pytest.raises(MalformedError, match=message):
            await publish(bench, framework(**changes))
        assert bench.log.size == size
