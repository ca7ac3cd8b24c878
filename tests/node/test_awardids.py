"""Lists of awards as people keep them: read whole or not at all, and no line is repeated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedError
from node.awardids import MAX_FILE_BYTES, parse_award_ids

ONE, TWO = "abcdefgh234567aa", "abcdefgh234567bb"


@pytest.mark.parametrize(
    "text",
    [
        f"{ONE}\n{TWO}\n",
        f"{ONE}\r\n\r\n{TWO}",
        f"\ufeff# wrongly issued\n{ONE}\n  {TWO}  \n{ONE}\n",
        f"award,learner,name\n{ONE},L01,Pebble\n{TWO},L02,Basalt\n",
        f"learner;id;name\nL01;{ONE};Pebble\nL02;{TWO};Basalt\n",
        f'name\taward_id\n"Quillfeather, P"\t{ONE}\nB\t{TWO}\n',
        f"{ONE},L01,Pebble\n{TWO},L02,Basalt\n",
    ],
)
def test_lists_are_read(text: str) -> None:
    assert parse_award_ids(text.encode(), "list") == (ONE, TWO)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "holds no award id"),
        (b"# nothing\n\n", "holds no award id"),
        (b"award,name\n", "holds no award id"),
        (b"Pebble Quillfeather\n", "line 1: no award id"),
        (f"{ONE}\nPebble\n".encode(), "line 2: no award id"),
        (f"name,award\nPebble\n{ONE}".encode(), "line 2: no award id"),
        (f"{ONE.upper()}\n".encode(), "line 1: no award id"),
        (b"\xff\xfea\x00", "is not UTF-8"),
        (b'"a\n', "no award id"),
        (b"a" * (MAX_FILE_BYTES + 1), "more than"),
    ],
)
def test_lists_are_refused_without_repeating_them(data: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=message) as refusal:
        parse_award_ids(data, "list")
    assert "Pebble" not in str(refusal.value)


@given(st.binary(max_size=200))
def test_nothing_but_the_house_error_comes_out(data: bytes) -> None:
    try:
        found = parse_award_ids(data, "list")
    except MalformedError:
        return
    assert found and all(len(one) == 16 for one in found)
