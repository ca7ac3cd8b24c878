"""The state of the ledger that a list of ours follows, read back out of it."""

from ledger import base64url
from ledger.credential.plainlist.bitstring import HEAD_TYPE
from ledger.credential.plainlist.slots import LedgerHead
from ledger.credential.strict_json import JSONObject, JSONValue
from ledger.errors import MalformedError
from ledger.log.identity import parse_log_id

_ROOT_BYTES = 32


def find_head(list_content: JSONObject) -> LedgerHead:
    """The head inside a status list credential or the claims of a status token.

    Args:
        list_content: the document or the claims; whoever calls has verified them.

    Raises:
        MalformedError: it names none, or one that is not well formed.
    """
    claim = list_content.get("ledger")
    if type(claim) is dict:
        return _parse(claim, "")
    evidence = list_content.get("evidence")
    for item in evidence if type(evidence) is list else [evidence]:
        if type(item) is dict and item.get("type") == HEAD_TYPE:
            return _parse(item, "cairn:")
    raise MalformedError("status list: names no state of a ledger")


def _parse(value: JSONObject, prefix: str) -> LedgerHead:
    log, root, size = (value.get(f"{prefix}{name}") for name in ("log", "root", "size"))
    if type(log) is not str or type(root) is not str or not _is_size(size):
        raise MalformedError("status list: its state of the ledger has no log, size and root")
    assert type(size) is int
    return LedgerHead(parse_log_id(log), size, base64url.decode(root, _ROOT_BYTES))


def _is_size(value: JSONValue) -> bool:
    return type(value) is int and 0 < value < 1 << 53
