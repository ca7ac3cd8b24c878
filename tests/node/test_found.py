"""A new institution is complete or not there, and stands on its own bytes."""

import tomllib
from pathlib import Path

import pytest

from ledger.errors import CairnError, RuleError
from ledger.log.charter import BatchPolicy, Institution, ListPolicy, Role
from ledger.log.follow import judge_growth
from ledger.log.keys import SigningKey
from node.config import parse_config
from node.found import found_institution, sizes_for
from node.keystore import KeyRole
from tests.node.school import NOW, ROOT, found_school, founding, make_draw


def test_a_stranger_accepts_the_first_commit(tmp_path: Path) -> None:
    school = found_school(tmp_path / "granite")

    growth = judge_growth(None, [school.log.entry(0)], [None], school.log.note)

    assert growth.state.log_id == school.log.state.log_id
    assert growth.checkpoint.size == 1
    school.store.close()


def test_the_charter_says_what_was_asked_for(tmp_path: Path) -> None:
    other = SigningKey(b"\x07" * 32)
    school = found_school(
        tmp_path / "network",
        kind=Institution.NETWORK,
        root_keys=(ROOT.public, other.public),
        threshold=2,
        http_url="https://confluence.example",
        learners=600,
        interval_ms=86_400_000,
    )

    charter = school.log.state.charter

    assert charter.institution is Institution.NETWORK
    assert (charter.roots.keys, charter.roots.threshold) == ((ROOT.public, other.public), 2)
    assert charter.batch == BatchPolicy(86_400_000, 150, 1024)
    assert charter.lists == ListPolicy("08-01", 32_768)
    assert (charter.url, charter.at) == ("https://confluence.example", NOW)
    assert charter.log_key == school.keys.newest(KeyRole.LOG).public
    ed25519 = [(role, school.keys.newest(KeyRole(role.value)).public) for role in Role]
    p256 = [(role, school.keys.p256_with_role(KeyRole(role.value))[0].public) for role in (Role.ISSUE, Role.REGISTER)]
    assert [(item.role, item.key) for item in charter.keys] == ed25519 + p256
    school.store.close()


def test_the_directory_holds_a_configuration_that_parses(tmp_path: Path) -> None:
    school = found_school(tmp_path / "granite", http_listen="127.0.0.1:0", grpc_listen="127.0.0.1:0")
    school.store.close()

    text = (tmp_path / "granite" / "node.toml").read_text()

    assert parse_config(text).name == "Granite Hollow High"
    assert tomllib.loads(text)["http_listen"] == "127.0.0.1:0"
    assert sorted(path.name for path in (tmp_path / "granite").iterdir()) == ["keys", "ledger", "networks", "node.toml"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["granite"]


@pytest.mark.parametrize("kind", ["directory", "file", "link"])
def test_whatever_exists_is_refused_and_kept(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "granite"
    if kind == "directory":
        path.mkdir()
    elif kind == "file":
        path.write_bytes(b"mine")
    else:
        path.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(RuleError, match="exists already, and nothing in it was changed"):
        found_institution(path, founding(), lambda: NOW, make_draw())

    assert [item.name for item in tmp_path.iterdir()] == ["granite"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"origin": "granite example"}, "origin"),
        ({"name": ""}, "name"),
        ({"root_keys": ()}, "roots"),
        ({"threshold": 2}, "threshold 2 is above"),
        ({"http_url": "granite.example"}, "http_url"),
        ({"http_listen": "0.0.0.0:80"}, "http_listen"),
        ({"lists_open": "02-30"}, "02-30"),
        ({"minute": 1440}, "minute"),
        ({"learners": 20_001}, "learners: 20001, expected 1 to 20000"),
        ({"learners": 0}, "learners: 0"),
    ],
)
def test_what_cannot_stand_is_refused_and_leaves_nothing(
    tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(CairnError, match=reason):
        found_institution(tmp_path / "granite", founding(**changes), lambda: NOW, make_draw())

    assert not list(tmp_path.iterdir())


def test_a_draw_that_fails_leaves_nothing(tmp_path: Path) -> None:
    draw = make_draw()
    calls = 0

    def failing(length: int) -> bytes:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise OSError("no entropy")
        return draw(length)

    with pytest.raises(OSError, match="no entropy"):
        found_institution(tmp_path / "granite", founding(), lambda: NOW, failing)

    assert not list(tmp_path.iterdir())


def test_two_institutions_share_no_key(tmp_path: Path) -> None:
    one, other = found_school(tmp_path / "one"), found_school(tmp_path / "other")

    assert one.log.state.log_id != other.log.state.log_id
    assert not {one.keys.newest(role).seed for role in KeyRole} & {other.keys.newest(role).seed for role in KeyRole}
    one.store.close()
    other.store.close()


@pytest.mark.parametrize(
    ("learners", "sizes"),
    [
        (None, (256, 16_384)),
        (1, (256, 16_384)),
        (256, (256, 16_384)),
        (257, (512, 16_384)),
        (512, (512, 16_384)),
        (513, (1024, 32_768)),
        (20_000, (32_768, 1_048_576)),
    ],
)
def test_sizes_are_powers_of_two_that_fit_the_learners(learners: int | None, sizes: tuple[int, int]) -> None:
    assert sizes_for(learners) == sizes
