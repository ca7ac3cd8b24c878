"""Where witnesses that only speak HTTP are asked: the lines of `witness_urls` in `node.toml`, "NAME URL" each."""

from collections.abc import Iterable
from typing import Any

from ledger.errors import MalformedError
from ledger.log.keys import check_origin
from node.client.http import check_url


def check_witness_url(value: Any) -> str:  # Any: what TOML gave, before it is checked
    """Return a line if it is the name of a key, a space, and a URL that may be dialled.

    Raises:
        MalformedError: anything else.
    """
    name, _, url = value.partition(" ") if isinstance(value, str) else ("", "", "")
    if not url:
        raise MalformedError(f'expected "NAME URL", got {value!r}')
    check_url(url)
    return f"{check_origin(name, 'the name of the key')} {url}"


def witness_prefixes(lines: Iterable[str]) -> dict[str, str]:
    """Give the URL before `/add-checkpoint` by the name of the witness's key."""
    return {name: url for name, _, url in (line.partition(" ") for line in lines)}
