"""The dates of Open Badges 2.0 and Blockcerts v2: `issuedOn` and `expires`, sometimes a day without a time."""

import re

from ledger.credential.strict_json import JSONObject, JSONValue
from ledger.credential.timestamp import parse_timestamp
from ledger.credential.validity import Validity
from ledger.errors import MalformedError

_is_day = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII).fullmatch


def parse_assertion_validity(assertion: JSONObject) -> Validity:
    """The dates of an assertion.

    Raises:
        MalformedError: no date it was issued on, no dates at all, or one that ends before it begins.
    """
    begins = _parse(assertion.get("issuedOn"), "issuedOn")
    ends = _parse(assertion["expires"], "expires") if "expires" in assertion else None
    if ends is not None and ends < begins:
        raise MalformedError("expires: lies before issuedOn", hint="only its issuer can put that right")
    return Validity(begins, ends)


def _parse(value: JSONValue, where: str) -> int:
    if type(value) is str and _is_day(value):
        value += "T00:00:00Z"
    return parse_timestamp(value, where=where)
