"""What a learner chose is shown, nothing else, and the receiver's checks agree."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.credential.commitment import commit
from ledger.credential.presentation import parse_presentation
from ledger.credential.report import Code, RecordReport, Verdict
from ledger.credential.verify import Question, verify_file
from ledger.errors import MalformedError, RuleError
from ledger.log import merkle
from ledger.log.body import parse_body
from ledger.log.identity import encode_log_id
from ledger.log.keys import SigningKey
from ledger.log.receipt import Receipt, encode_receipt
from tests.simulator import NOW
from tests.wallet_cli.world import World
from wallet_cli import history, present
from wallet_cli.choice import Choice
from wallet_cli.holdings import Contents, Copy

AUDIENCE = "Tidewater College"


@pytest.fixture
def world() -> World:
    return World()


def copy_on_ledger(world: World, number: int, *, bound: bool = True) -> Copy:
    key = SigningKey(bytes([number]) * 32)
    text = world.mint(key.public if bound else None)
    commitment = commit(text.partition("~")[0])
    index = world.cut(commitment)
    data = world.school.bodies[index]
    assert data is not None
    items = parse_body("issue", data)
    position = items.index(commitment)
    receipt = Receipt(world.school.log_id, index, position, merkle.prove_item(items, position))
    return Copy(
        sd_jwt=text,
        seed=key.seed if bound else None,
        received_at=NOW,
        log=encode_log_id(world.school.log_id),
        receipt=dict(encode_receipt(receipt)),
        checked=True,
    )


def make(
    contents: Contents, *choices: Choice, audience: str = AUDIENCE, nonce: str = "n-1"
) -> tuple[bytes, Contents, list[str]]:
    request = present.make_request(audience, nonce, "admission", 30, (("goals", "to study"),), now=NOW)
    selected = present.select(contents, choices, request.audience, request.created)
    words = list(present.explain(selected, request))
    return present.build(selected, request), present.with_history(contents, selected, request, "x.cairn"), words


def verify(world: World, data: bytes, audience: str | None = AUDIENCE, nonce: str | None = "n-1") -> RecordReport:
    question = Question(now=NOW + 60_000, audience=audience, nonce=nonce)
    return verify_file(data, world.held.network, question)


def test_two_credentials_in_one_file_are_valid_and_hide_the_rest(world: World) -> None:
    contents = Contents().with_holding((copy_on_ledger(world, 1),)).with_holding((copy_on_ledger(world, 2),))
    data, _, _ = make(contents, Choice("c1", ("name", "awarded_on")), Choice("c2", ("result.R1",)))
    report = verify(world, data)
    assert report.verdict is Verdict.VALID, "\n".join(report.to_lines())
    shown = [{line.label for line in one.shown} for one in report.credentials]
    assert "name" in shown[0] and "name" not in shown[1]
    text = data.decode()
    assert "2008-02-29" not in text and "zoe@example.org" not in text
    assert "name" in report.credentials[1].not_shown


def test_another_audience_or_nonce_is_refused(world: World) -> None:
    contents = Contents().with_holding((copy_on_ledger(world, 1),))
    data, _, _ = make(contents, Choice("c1", ("name",)))
    for audience, nonce in (("Another College", "n-1"), (AUDIENCE, "n-2")):
        report = verify(world, data, audience, nonce)
        assert report.credentials[0].code is Code.NOT_BOUND


def test_every_part_of_the_file_is_signed(world: World) -> None:
    contents = Contents().with_holding((copy_on_ledger(world, 1),))
    data, _, _ = make(contents, Choice("c1", ("name",)))
    value = json.loads(data)
    value["learner"]["goals"] = "to rule"
    changed = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
    assert verify(world, changed).credentials[0].code is Code.NOT_BOUND


def test_a_waiting_copy_may_be_shown_and_says_so(world: World) -> None:
    waiting = replace(copy_on_ledger(world, 1), receipt=None)
    data, _, words = make(Contents().with_holding((waiting,)), Choice("c1", ("name",)))
    assert any("Cannot tell yet" in line for line in words)
    assert "receipt" not in json.loads(data)["credentials"][0]


def test_an_unbound_copy_carries_a_warning(world: World) -> None:
    _, _, words = make(Contents().with_holding((copy_on_ledger(world, 1, bound=False),)), Choice("c1", ("name",)))
    assert any("bound to nobody" in line for line in words)


def test_the_words_name_what_is_shown_and_what_is_hidden(world: World) -> None:
    contents = Contents().with_holding((copy_on_ledger(world, 1),))
    _, _, words = make(contents, Choice("c1", ("name",)))
    text = "\n".join(words)
    assert "'Tidewater College', until 2026-" in text
    assert "shown:  name = Zoë Sample" in text
    hidden = next(line for line in words if "hidden:" in line)
    assert "date_of_birth" in hidden and "name," not in hidden
    assert "2008-02-29" not in text


def test_all_stands_for_every_field(world: World) -> None:
    _, contents, _ = make(Contents().with_holding((copy_on_ledger(world, 1),)), Choice("c1", ("all",)))
    assert "date_of_birth" in contents.history[0].shown[0].fields


def test_nothing_chosen_shows_only_what_is_always_visible(world: World) -> None:
    data, contents, _ = make(Contents().with_holding((copy_on_ledger(world, 1),)), Choice("c1", ()))
    assert parse_presentation(data).credentials[0].unbound_text.count("~") == 1
    assert contents.history[0].shown[0].fields == ()


def test_a_new_audience_gets_a_copy_nobody_has_seen(world: World) -> None:
    contents = Contents().with_holding((copy_on_ledger(world, 1), copy_on_ledger(world, 2)))
    choice = Choice("c1", ("name",))
    first, contents, _ = make(contents, choice, audience="A")
    again, contents, words = make(contents, choice, audience="A")
    assert not any("two could find out" in line for line in words)
    other, contents, words = make(contents, choice, audience="B")
    assert not any("two could find out" in line for line in words)
    assert history.overlaps(contents) == ()
    _, contents, words = make(contents, choice, audience="C")
    assert any("has seen this copy too" in line for line in words)
    assert len(history.overlaps(contents)) == 1

    def jwt(data: bytes) -> str:
        return parse_presentation(data).credentials[0].sd_jwt.partition("~")[0]

    assert jwt(first) == jwt(again) != jwt(other)


def test_a_copy_on_the_ledger_is_taken_before_a_waiting_one(world: World) -> None:
    waiting = replace(copy_on_ledger(world, 1), receipt=None)
    ready = copy_on_ledger(world, 2)
    data, _, _ = make(Contents().with_holding((waiting, ready)), Choice("c1", ()))
    assert parse_presentation(data).credentials[0].sd_jwt.startswith(ready.sd_jwt.partition("~")[0])


def test_the_history_tells_to_whom_and_what(world: World) -> None:
    contents = Contents().with_holding((copy_on_ledger(world, 1),))
    _, contents, _ = make(contents, Choice("c1", ("name",)))
    _, contents, _ = make(contents, Choice("c1", ()), audience="B")
    rows = history.history_rows(contents)
    assert [item.audience for item in rows] == ["B", AUDIENCE]
    assert history.history_rows(contents, AUDIENCE) == rows[1:]
    assert history.row_cells(rows[1])[2] == "c1: name"


@pytest.mark.parametrize(
    ("choices", "error", "match"),
    [
        ([Choice("c9", ())], MalformedError, "no credential 'c9'"),
        ([Choice("c1", ("shoe_size",))], RuleError, "no field 'shoe_size'"),
        ([], MalformedError, "nothing was chosen"),
    ],
)
def test_what_is_not_held_cannot_be_shown(
    world: World, choices: list[Choice], error: type[Exception], match: str
) -> None:
    contents = Contents().with_holding((copy_on_ledger(world, 1),))
    with pytest.raises(error, match=match):
        make(contents, *choices)


def test_an_audience_typed_otherwise_is_the_same_audience(world: World) -> None:
    contents = Contents().with_holding((copy_on_ledger(world, 1),))
    data, _, _ = make(contents, Choice("c1", ()), audience="Universite\u0301")
    assert verify(world, data, audience="Universit\u00e9").verdict is Verdict.VALID


def test_outputs_are_checked_before_anything_is_asked(tmp_path: Path) -> None:
    there = tmp_path / "x.cairn"
    there.touch()
    with pytest.raises(MalformedError, match="exists already"):
        present.check_output(there, force=False)
    present.check_output(there, force=True)
    with pytest.raises(MalformedError, match="no such folder"):
        present.check_output(tmp_path / "none" / "x.cairn", force=False)


def test_texts_of_the_learner_are_read_from_arguments_and_files(tmp_path: Path) -> None:
    (tmp_path / "goals.txt").write_text("to study\n")
    assert present.parse_written(["motto=a=b", f"goals=@{tmp_path}/goals.txt"]) == (
        ("motto", "a=b"),
        ("goals", "to study\n"),
    )
    for texts in (["goals"], ["=x"], ["a=1", "a=2"], ["a=@/nowhere"]):
        with pytest.raises(MalformedError):
            present.parse_written(texts)
