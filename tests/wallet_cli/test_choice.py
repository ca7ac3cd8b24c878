"""Which field belongs to which credential must never be guessed: a mix-up shows what the learner meant to hide."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedError
from wallet_cli.choice import Choice, take_choices


@pytest.mark.parametrize(
    ("line", "choices", "rest"),
    [
        ("--credential c1 --disclose name", [Choice("c1", ("name",))], ""),
        ("--credential c1 --disclose name credits -o x", [Choice("c1", ("name", "credits"))], "-o x"),
        ("--credential c1 --disclose name,credits", [Choice("c1", ("name", "credits"))], ""),
        ("--credential c1 --disclose name --disclose credits", [Choice("c1", ("name", "credits"))], ""),
        ("--credential=c1 --disclose=name", [Choice("c1", ("name",))], ""),
        ("--credential c1:name,credits", [Choice("c1", ("name", "credits"))], ""),
        ("--credential c1:name --disclose name credits", [Choice("c1", ("name", "credits"))], ""),
        ("--credential c1", [Choice("c1", ())], ""),
        (
            "--to A --credential c1 --disclose name --credential c2 --disclose result.R1 --yes",
            [Choice("c1", ("name",)), Choice("c2", ("result.R1",))],
            "--to A --yes",
        ),
        ("--to A -- --credential", [], "--to A -- --credential"),
    ],
)
def test_fields_belong_to_the_credential_before_them(line: str, choices: list[Choice], rest: str) -> None:
    assert take_choices(line.split()) == (tuple(choices), rest.split())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--disclose name --credential c1", "stands before any --credential"),
        ("--credential", "needs the id"),
        ("--credential --disclose name", "needs the id"),
        ("--credential=", "needs the id"),
        ("--credential c1 --disclose", "needs the name of a field"),
        ("--credential c1 --disclose -o x", "needs the name of a field"),
        ("--credential c1 --credential c1", "named twice"),
    ],
)
def test_what_is_unclear_is_refused(line: str, message: str) -> None:
    with pytest.raises(MalformedError, match=message) as caught:
        take_choices(line.split())
    assert caught.value.hint


@given(st.lists(st.sampled_from(["--credential", "--disclose", "c1", "a,b", "-o", "--", "c2:x", ""])))
def test_any_line_gives_choices_or_words(words: list[str]) -> None:
    try:
        choices, rest = take_choices(words)
    except MalformedError:
        return
    assert len({choice.credential for choice in choices}) == len(choices)
    assert len(rest) <= len(words)
