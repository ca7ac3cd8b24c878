"""The quick reader of the commonest entries is the slow one, only quicker: same entries, same refusals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedError
from ledger.log.body import MAX_BODY_BYTES
from ledger.log.entry import Entry, _read_any, _read_plain, parse_entry
from tests.simulator import SimulatedLog

LOG = SimulatedLog("granite")
LOG.cut()
PLAIN = [raw for raw in LOG.entries if b'"kind":"anchor"' in raw or b'"kind":"issue"' in raw]


def slowly(data: bytes) -> Entry | None:
    try:
        return _read_any(data)
    except MalformedError:
        return None


def test_it_reads_what_it_is_for() -> None:
    """Batches and anchors; a page or a charter has another form and is left to the other reader."""
    assert [_read_plain(raw) for raw in PLAIN] == [_read_any(raw) for raw in PLAIN]
    assert [_read_plain(raw) for raw in LOG.entries if raw not in PLAIN] == [None, None]


@given(st.sampled_from(PLAIN), st.data())
def test_whatever_it_accepts_the_other_reads_the_same(raw: bytes, data: st.DataObject) -> None:
    """Any byte exchanged, doubled or left out: never accepted by the quick reader alone, and never read otherwise."""
    at = data.draw(st.integers(0, len(raw) - 1))
    middle = data.draw(
        st.sampled_from([b"", raw[at : at + 1] * 2, b"0", b"9", b"A", b"B", b"=", b"+", b"-", b" ", b"\n"])
    )
    changed = raw[:at] + middle + raw[at + 1 :]
    quick = _read_plain(changed)
    assert quick is None or quick == slowly(changed)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"index":', b'"index":0'),
        (b'"items":4', b'"items":04'),
        (b'"items":4', b'"items":-4'),
        (b'"size":128', b'"size":%d' % (MAX_BODY_BYTES + 1)),
        (b'"at":1', b'"at":9999999999991'),
        (b',"v":1}', b',"v":1}\n'),
        (b',"v":1}', b',"v":2}'),
        (b'"kind":"issue"', b'"kind":"iss\\u0075e"'),
    ],
)
def test_what_the_other_refuses_is_refused(old: bytes, new: bytes) -> None:
    """Leading zeros, limits, a line end, another version, a second spelling."""
    raw = next(raw for raw in PLAIN if b'"kind":"issue"' in raw)
    changed = raw.replace(old, new, 1)
    assert changed != raw and _read_plain(changed) is None and slowly(changed) is None
    with pytest.raises(MalformedError):
        parse_entry(changed)
