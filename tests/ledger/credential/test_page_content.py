"""Status pages opened with a list key: promises about slots are held against every page, and nothing is counted."""

import pytest

from ledger.credential.page_content import PageWatch
from ledger.credential.status import encode_page, list_key
from ledger.errors import MalformedError
from ledger.log.identity import LogId
from ledger.log.records import StatusList

LOG = LogId(b"\x01" * 32)
ROOT = b"\x02" * 32
SLOTS = 1024
LISTS = (StatusList(0, LOG, 0, SLOTS), StatusList(1, LOG, 1, SLOTS))


def read(watch: PageWatch, number: int, statuses: dict[int, int] | bytes) -> list[tuple[int, int, int, str]]:
    """Read the page with this number, whose list 0 has these statuses."""
    statement_id = b"page%012d" % number
    items = [
        *encode_page(list_key(ROOT, 0), SLOTS, statuses, statement_id),
        *encode_page(list_key(ROOT, 1), SLOTS, {}, statement_id),
    ]
    return [(f.number, f.slot, f.slots, f.text) for f in watch.read(LISTS, items, statement_id)]


@pytest.mark.parametrize("keys", [ROOT, {0: list_key(ROOT, 0)}])
def test_what_a_school_may_do_is_no_fault(keys: dict[int, bytes] | bytes) -> None:
    """Revoke, suspend, reinstate, replace; with the list root or the key of one list."""
    watch = PageWatch(LOG, keys)
    pages: list[dict[int, int]] = [{}, {5: 1, 6: 2}, {5: 1, 7: 3}, {5: 1, 6: 2, 7: 3}]
    assert [read(watch, n, page) for n, page in enumerate(pages)] == [[], [], [], []]


@pytest.mark.parametrize("final", [1, 3])
@pytest.mark.parametrize("then", [0, 2])
def test_what_is_final_stays(final: int, then: int) -> None:
    """Revoked and replaced are for ever, also when one becomes the other; it is told once."""
    watch = PageWatch(LOG, ROOT)
    assert read(watch, 0, {8: final, 9: final}) == []
    ((number, slot, slots, text),) = read(watch, 1, {8: then, 9: 4 - final})
    assert (number, slot, slots) == (0, 8, 2) and "final" in text
    assert read(watch, 2, {8: then, 9: 4 - final}) == []


def test_bytes_that_are_no_status_are_told() -> None:
    """Unknown slots of a restored node may keep what they had, and an auditor says so."""
    statuses = bytes([0] * 3 + [4, 200] + [0] * (SLOTS - 5))
    assert read(PageWatch(LOG, ROOT), 0, statuses)[0][:3] == (0, 3, 2)


def test_a_wrong_key_opens_noise() -> None:
    """Nearly every slot reads as no status; nothing is concluded about lists without a key, or of other logs."""
    ((number, _, slots, text),) = read(PageWatch(LOG, {0: b"\x03" * 32}), 0, {})
    assert number == 0 and slots > SLOTS * 0.9 and "key is of another list" in text
    assert read(PageWatch(LOG, {7: b"\x03" * 32}), 0, {}) == []
    assert read(PageWatch(LogId(b"\x09" * 32), ROOT), 0, {}) == []


def test_items_that_make_no_list_are_refused() -> None:
    with pytest.raises(MalformedError):
        PageWatch(LOG, ROOT).read(LISTS, [b"\0" * 1024], b"\0" * 16)
