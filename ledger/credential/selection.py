"""The holder's side of an SD-JWT: what could be shown, and a token that shows only what was chosen (RFC 9901 §7.2).

Nothing here checks the issuer's signature; a wallet does that once, when it receives the credential.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from ledger.credential.disclosure import Path, format_path
from ledger.credential.processing import Shown
from ledger.credential.sdjwt import open_claims, parse_sd_jwt
from ledger.errors import RuleError

Choice: TypeAlias = Path | str
"""A place to show: its path, or text a person types: the dotted path or an unambiguous end of it (`score`)."""


def list_disclosable(text: str) -> tuple[Shown, ...]:
    """All that the holder of this token can show or hide, in the order of the token.

    `format_path` of each path is what a person types; `value` is what would be seen if all of the token were shown.

    Raises:
        MalformedError, RuleError: the token is not a well-formed SD-JWT.
    """
    return open_claims(parse_sd_jwt(text, types=None)).shown


def select_disclosures(text: str, choices: Iterable[Choice], *, include_nested: bool = False) -> str:
    """The token with the chosen disclosures and those they need, without key binding, ending in a tilde.

    A choice of something disclosable shows it, and with `include_nested` all that can be hidden inside it. A choice of
    something that stands in clear shows all that can be hidden inside it.

    Args:
        text: a whole SD-JWT; a key binding at its end is dropped.
        choices: what to show; none of them shows only what stands in clear.
        include_nested: whether choosing an outer value chooses the inner ones too.

    Raises:
        RuleError: a choice matches nothing that can be shown, or several things; or the token is wrong in itself.
        MalformedError: the token does not parse.
    """
    token = parse_sd_jwt(text, types=None)
    shown = open_claims(token).shown
    kept: set[int] = set()
    for choice in choices:
        path = _find_path(shown, choice)
        exact = {index for index, one in enumerate(shown) if one.path == path}
        below = {index for index, one in enumerate(shown) if one.path[: len(path)] == path}
        for index in below if include_nested or not exact else exact:
            _keep_with_parents(shown, index, kept)
    return "~".join((token.issuer_jwt, *(one.text for index, one in enumerate(shown) if index in kept), ""))


def _find_path(shown: Sequence[Shown], choice: Choice) -> Path:
    """The one place a choice means: a disclosable one, or one in clear with disclosable ones below it."""
    places = dict.fromkeys(one.path[:end] for one in shown for end in range(1, len(one.path) + 1))
    if not isinstance(choice, str):
        if choice in places:
            return choice
        matches = []
    else:
        texts = {place: format_path(place) for place in places}
        matches = [place for place, written in texts.items() if written == choice]
        matches = matches or [place for place, written in texts.items() if written.endswith(f".{choice}")]
    if len(matches) == 1:
        return matches[0]
    wanted = choice if isinstance(choice, str) else format_path(choice)
    if matches:
        found = ", ".join(map(format_path, matches[:5]))
        raise RuleError(f"disclose: {wanted[:100]!r} may mean {found}", hint="give the whole dotted path")
    hint = f"can be shown: {', '.join(format_path(one.path) for one in shown[:50])}" if shown else "it hides nothing"
    raise RuleError(f"disclose: nothing called {wanted[:100]!r} can be shown or hidden in this credential", hint=hint)


def _keep_with_parents(shown: Sequence[Shown], index: int, kept: set[int]) -> None:
    current: int | None = index
    while current is not None and current not in kept:
        kept.add(current)
        current = shown[current].parent
