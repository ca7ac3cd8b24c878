"""A log whose newest entries no quorum confirms: what was confirmed before goes on counting."""

from ledger.credential.report import Code
from tests.ledger.credential.verifying import World


def test_entries_that_no_quorum_confirms_take_nothing_back() -> None:
    """What the network's log records with a quorum stands, whatever its writer does afterwards; so does its status."""
    world = World()
    one = world.good()
    world.granite.anchor()
    world.batch(world.granite, [])
    world.page(world.granite)
    world.granite.sign([world.lantern])
    report = world.check(one)
    assert report.code is Code.VALID
    assert "2 of 2 independent witnesses" in report.steps[6].detail
    assert report.steps[10].detail.startswith(f"as of entry {one.receipt.index + 1} ")  # type: ignore[union-attr]
