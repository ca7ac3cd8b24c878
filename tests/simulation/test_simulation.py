"""26 weeks of two networks with a thief for every key, checked week by week; see README.md."""

import asyncio
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.simulation.plan import Scale, make_plan
from tests.simulation.run import EVENTS, simulate

MEMORY = Path("/dev/shm")
"""Every commit is synced; where there is a file system in memory, that costs nothing."""
SOAKED = Scale(awards=4, batch=64, loss=0.03, bystanders=4)


def _run(seed: int, scale: Scale) -> None:
    home = MEMORY if os.access(MEMORY, os.W_OK) else None
    with TemporaryDirectory(dir=home, prefix="cairn-simulation-") as folder:
        world = asyncio.run(simulate(seed, Path(folder), scale))
    assert world.answers > 2000, "too little was verified to mean anything"


@pytest.mark.timeout(600)
def test_every_answer_is_right() -> None:
    _run(1, Scale())


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(1, 11), ids=lambda seed: f"seed{seed}-")
def test_every_answer_is_right_in_a_larger_run(seed: int) -> None:
    _run(seed, SOAKED)


@pytest.mark.parametrize("seed", range(200))
def test_a_plan_lets_everything_happen_once(seed: int) -> None:
    plan = make_plan(seed)
    assert sorted(fault.what for fault in plan.faults) == sorted(EVENTS)
    assert all(fault.week + 4 < Scale().weeks for fault in plan.faults)
    assert all(absence.start < absence.end < Scale().weeks for absence in plan.absences)
    assert plan.stolen_witness not in plan.far_side
