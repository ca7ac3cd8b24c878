"""Pages say what was decided, and nothing else passes the check before the signature."""

import pytest

from ledger.credential.status import decode_page, list_key
from ledger.errors import RuleError
from ledger.log.identity import LogId
from node.registrar.page import ListContent, PublishedPage, make_page
from node.registrar.turning import LARGE_PAGE

LOG = LogId(b"L" * 32)
ROOT = b"R" * 32
FIRST, SECOND = b"1" * 16, b"2" * 16


def content(
    statuses: dict[int, int], explained: set[int] | None = None, number: int = 0, slots: int = 1024
) -> ListContent:
    return ListContent(number, slots, statuses, explained or set())


def published(*contents: ListContent) -> PublishedPage:
    page = make_page(contents, None, log=LOG, list_root=ROOT, statement_id=FIRST)
    return PublishedPage(FIRST, page.lists, page.items)


def test_lists_stand_one_after_the_other() -> None:
    contents = (content({5: 1}), content({2000: 2}, number=1, slots=2048))
    page = make_page(contents, None, log=LOG, list_root=ROOT, statement_id=FIRST)
    assert [(row.first, row.number, row.slots) for row in page.lists] == [(0, 0, 1024), (1, 1, 2048)]
    second = decode_page(list_key(ROOT, 1), page.items[1:], FIRST)
    assert {slot: value for slot, value in enumerate(second) if value} == {2000: 2}


def test_a_large_list_is_computed_elsewhere_with_the_same_result() -> None:
    large = content({LARGE_PAGE - 1: 1}, {LARGE_PAGE - 1}, slots=LARGE_PAGE)
    before = published(content({}, slots=LARGE_PAGE))
    page = make_page((large,), before, log=LOG, list_root=ROOT, statement_id=SECOND)
    assert decode_page(list_key(ROOT, 0), page.items, SECOND) == bytes(LARGE_PAGE - 1) + b"\x01"


@pytest.mark.parametrize(
    ("before", "after", "explained", "message"),
    [
        ({7: 1}, {}, {7}, "slot 7 is 1 on the ledger, which is final, not 0"),
        ({7: 1}, {7: 3}, {7}, "which is final"),
        ({7: 3}, {7: 2}, {7}, "which is final"),
        ({}, {7: 1}, set(), "slot 7 would change from 0 to 1 without a decision"),
        ({7: 2}, {}, set(), "slot 7 would change from 2 to 0 without a decision"),
        ({}, {7: 1, 8: 1}, {7}, "slot 8 would change"),
    ],
)
def test_changes_refused(before: dict[int, int], after: dict[int, int], explained: set[int], message: str) -> None:
    with pytest.raises(RuleError, match=message):
        make_page(
            (content(after, explained),), published(content(before)), log=LOG, list_root=ROOT, statement_id=SECOND
        )


@pytest.mark.parametrize(
    ("before", "after"), [({}, {7: 1}), ({7: 2}, {}), ({7: 2}, {7: 1}), ({}, {7: 3}), ({7: 1}, {7: 1})]
)
def test_changes_explained(before: dict[int, int], after: dict[int, int]) -> None:
    make_page((content(after, {7}),), published(content(before)), log=LOG, list_root=ROOT, statement_id=SECOND)


@pytest.mark.parametrize(
    "contents", [(), (content({}, slots=2048),), (content({}, number=1),), (content({}, number=1), content({}))]
)
def test_lists_of_the_page_before_must_go_on(contents: tuple[ListContent, ...]) -> None:
    with pytest.raises(RuleError, match="status list 0"):
        make_page(contents, published(content({})), log=LOG, list_root=ROOT, statement_id=SECOND)
