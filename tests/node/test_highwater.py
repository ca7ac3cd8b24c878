"""The high-water file: it only rises, stands outside the data directory, and is read strictly."""

from pathlib import Path

import pytest

from ledger.errors import MalformedError
from ledger.log.identity import LogId, encode_log_id
from node.highwater import HighWater, state_home

LOG = LogId(bytes(32))


def test_it_only_rises(tmp_path: Path) -> None:
    """A smaller size changes nothing; what was raised is there for the next start."""
    mark = HighWater(tmp_path, LOG)
    assert mark.size is None
    mark.raise_to(7)
    mark.raise_to(5)
    assert HighWater(tmp_path, LOG).size == 7
    assert (tmp_path / "cairn" / encode_log_id(LOG)).read_text() == "7\n"


@pytest.mark.parametrize("content", [b"", b"x", b"-1", b"7\n\n", b"7 ", b"9" * 17, "٣".encode()])
def test_anything_but_a_size_is_refused(tmp_path: Path, content: bytes) -> None:
    """A damaged file must not read as a small size."""
    mark = HighWater(tmp_path, LOG)
    mark.raise_to(7)
    mark.path.write_bytes(content)
    with pytest.raises(MalformedError, match="size"):
        HighWater(tmp_path, LOG)


def test_where_it_stands() -> None:
    """`XDG_STATE_HOME` if it is an absolute path, as its specification says, else `~/.local/state`."""
    assert state_home({"XDG_STATE_HOME": "/var/state"}) == Path("/var/state")
    assert state_home({"XDG_STATE_HOME": "relative"}) == Path.home() / ".local" / "state"
    assert state_home({}) == Path.home() / ".local" / "state"
