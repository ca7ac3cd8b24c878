"""K12, selective disclosure by omission: `12 of 14 fields hidden` tells something, and so does where they stand.

Answer: the number of digests at every place of a copy follows from the achievement alone; decoys fill up what a learner has
not, and real and false ones are mixed. What a learner does not show looks as if it were not there.
"""

import hashlib
import json
from collections import Counter
from dataclasses import replace
from math import sqrt

import pytest

from ledger import base64url
from ledger.credential import copy
from ledger.credential.sdjwt import parse_sd_jwt
from tests.ledger.credential.award import CONTENT, PLAIN, mint

FULL = replace(CONTENT, valid_until=None)
"""Everything a learner may have; the expiry is never hideable and says itself whether it is there."""


def outline(token: str) -> object:
    """A copy with every digest and every random or given value replaced: names, places and numbers of digests are left."""
    return _outline(json.loads(parse_sd_jwt(token).jws.payload))


def _outline(value: object) -> object:
    if isinstance(value, dict):
        return {name: _outline(member) for name, member in sorted(value.items())}
    if isinstance(value, list):
        return [_outline(member) for member in value]
    return len(value) if isinstance(value, str) else type(value).__name__


def test_k12_a_rich_record_and_a_bare_one_have_the_same_outline() -> None:
    """Down to the byte: the signed parts are equally long."""
    rich, bare = mint(FULL), mint(PLAIN, seed="b")
    assert outline(rich) == outline(bare)
    assert len(rich.partition("~")[0]) == len(bare.partition("~")[0])
    assert rich.count("~") > bare.count("~") + 5, "the wallet has more to show"


def places_of_the_name(copies: int) -> Counter[int]:
    """At which of the places of `identifier` the learner's name stands, over so many copies of one award."""
    places: Counter[int] = Counter()
    for number in range(copies):
        token = parse_sd_jwt(mint(FULL, seed=f"{number}"))
        digests = [one["..."] for one in json.loads(token.jws.payload)["ld"]["credentialSubject"]["identifier"]]
        name = next(one for one in token.disclosures if FULL.name in base64url.decode(one).decode())
        places[digests.index(base64url.encode(hashlib.sha256(name.encode("ascii")).digest()))] += 1
    return places


def is_even(places: Counter[int]) -> bool:
    """Within 5 standard deviations of a fair die with four sides: wrong about one in a million fair ones."""
    total = places.total()
    return all(abs(places[side] - total / 4) < 5 * sqrt(total * 3 / 16) for side in range(4))


def test_k12_where_a_digest_stands_says_nothing() -> None:
    assert is_even(places_of_the_name(200))


@pytest.mark.parametrize("what", ["decoys of objects", "decoys of identities"])
def test_k12_planted_a_copy_without_decoys_tells(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Control: without each of the fillings, a rich record and a bare one differ at sight."""
    tokens = []
    for content, identities in ((FULL, 3), (PLAIN, 1)):
        if what == "decoys of objects":
            monkeypatch.setattr(copy, "OBJECT_DIGESTS", {})
        else:
            monkeypatch.setattr(copy, "IDENTIFIER_DIGESTS", identities)
        tokens.append(mint(content))
    assert outline(tokens[0]) != outline(tokens[1])


def test_k12_planted_decoys_behind_the_real_ones_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: unmixed, the name always stands first, and the number of identities can be told by where the others are."""
    monkeypatch.setattr(copy, "_mix", lambda elements, count, draw: [*elements, *[None] * (count - len(elements))])
    assert not is_even(places_of_the_name(200))
