"""Keys in force: by position alone, in one role for ever."""

import pytest

from ledger.log.charter import Role, RoleKey
from ledger.log.keyring import KeyRing, KeyStatus
from tests.ledger.log.samples import PUBLIC

KEY = PUBLIC[0]


def ring(**life: int) -> KeyRing:
    """A key added by entry 5, with what else befell it."""
    keys = KeyRing()
    keys.add(RoleKey(KEY, Role.ISSUE), 5)
    for name, index in life.items():
        setattr(keys.records[KEY.id], name, index)
    return keys


@pytest.mark.parametrize(
    ("life", "index", "expected"),
    [
        ({}, 4, KeyStatus.NOT_YET),
        ({}, 5, KeyStatus.NOT_YET),
        ({}, 6, KeyStatus.IN_FORCE),
        ({"retired": 9}, 9, KeyStatus.IN_FORCE),
        ({"retired": 9}, 10, KeyStatus.RETIRED),
        ({"stolen_since": 7}, 6, KeyStatus.IN_FORCE),
        ({"stolen_since": 7}, 7, KeyStatus.COMPROMISED),
        ({"retired": 9, "stolen_since": 7}, 10, KeyStatus.COMPROMISED),
        ({"retired": 9, "stolen_since": 12}, 11, KeyStatus.RETIRED),
    ],
)
def test_position_decides(life: dict[str, int], index: int, expected: KeyStatus) -> None:
    """In force above the entry that adds it, up to and at the one that retires it, below a compromise."""
    assert ring(**life).status_at(KEY.id, Role.ISSUE, index) is expected
    assert (len(ring(**life).in_force(Role.ISSUE, index)) == 1) is (expected is KeyStatus.IN_FORCE)


def test_a_key_has_one_role_and_others_are_unknown() -> None:
    assert ring().status_at(KEY.id, Role.REGISTER, 6) is KeyStatus.WRONG_ROLE
    assert ring().status_at(PUBLIC[1].id, Role.ISSUE, 6) is KeyStatus.UNKNOWN
    assert not ring(stolen_since=7).is_stolen_at(PUBLIC[1].id, 9)


def test_a_copy_lives_alone() -> None:
    keys = ring()
    copy = keys.copy()
    copy.records[KEY.id].retired = 6
    assert keys.records[KEY.id].retired is None
