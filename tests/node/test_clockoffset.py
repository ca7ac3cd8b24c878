"""Which of two clocks is off, and by how much, without asking anybody for the time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.clockoffset import describe_offset, judge_offsets, offset_of

HOUR = 3_600_000


@given(asked=st.integers(0, 2**42), took=st.integers(0, 60_000), at=st.floats(0, 1), ahead=st.integers(-HOUR, HOUR))
def test_the_offset_is_found_up_to_the_time_of_the_question(asked: int, took: int, at: float, ahead: int) -> None:
    """The other side stamps, in whole seconds, at some moment between question and answer."""
    moment = asked + int(took * at)
    told = (moment + ahead) // 1000 * 1000
    found = offset_of(told, asked, asked + took)
    assert abs(found) <= abs(ahead)
    assert found == 0 or (found > 0) == (ahead > 0)
    assert abs(found - ahead) <= took + 1000


@pytest.mark.parametrize(
    ("offsets", "judged"),
    [
        ((), 0),
        ((0,), 0),
        ((HOUR,), HOUR),
        ((-HOUR, -HOUR, 0), -HOUR),
        ((0, 0, HOUR), 0),
        ((HOUR, 0), 0),
        ((HOUR, -HOUR), 0),
        ((HOUR, HOUR - 5, 0, 0), 0),
        ((HOUR, HOUR - 5, HOUR, 0), HOUR - 5),
    ],
)
def test_one_clock_that_is_off_is_its_owners(offsets: tuple[int, ...], judged: int) -> None:
    assert judge_offsets(offsets) == judged


@pytest.mark.parametrize(
    ("offset", "words"), [(61_000, "61 seconds behind"), (-120_000, "2 minutes ahead"), (HOUR, "60 minutes behind")]
)
def test_in_words(offset: int, words: str) -> None:
    assert describe_offset(offset) == words
