"""What two copies have in common that two copies of different learners have not: what lets colluding receivers link them."""

import json
from collections.abc import Iterator

from ledger import base64url


def values_of(copy: str, *, with_disclosures: bool = False) -> set[str]:
    """Every text and number in a copy with its path: header, payload, signature, and the disclosures if they are shown."""
    jwt, *disclosures = copy.split("~")
    header, payload, signature = jwt.split(".")
    found = {f"header{one}" for one in _leaves(json.loads(base64url.decode(header)), "")}
    found |= {f"payload{one}" for one in _leaves(json.loads(base64url.decode(payload)), "")}
    found.add(f"signature={signature}")
    if with_disclosures:
        # The salt alone: what is disclosed is the learner's choice, and the same by nature.
        found |= {f"salt={json.loads(base64url.decode(text))[0]}" for text in disclosures if text and "." not in text}
    return found


def links(one: str, other: str, stranger: str, *, with_disclosures: bool = True) -> set[str]:
    """What two copies share that the copy of another learner, of the same day and achievement, does not share with them.

    Places are left out of digests' paths, so that the same digest in another place is still found.
    """
    shared = values_of(one, with_disclosures=with_disclosures) & values_of(other, with_disclosures=with_disclosures)
    return shared - values_of(stranger, with_disclosures=with_disclosures)


def _leaves(value: object, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _leaves(member, f"{path}.{name}")
    elif isinstance(value, list):
        for member in value:
            yield from _leaves(member, f"{path}[]")
    else:
        yield f"{path}={value}"
