"""The request and answers of `add-checkpoint` over HTTP, as text (C2SP tlog-witness).

    old 20852014
    PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=

    example.com/behind-the-sofa
    20852163
    …

Size cosigned last, consistency proof, an empty line, the checkpoint note. A conflict answers the size alone, as
`text/x.tlog.size`. A caller's address does not cross here: whoever is asked pulls from where it knows the log to be.
"""

from ledger.errors import MalformedError
from ledger.log.textline import encode_base64, parse_hash, parse_number
from node.client.exchange import MAX_NOTE_BYTES, CosignRequest

MAX_PROOF_LINES = 63
MAX_REQUEST_BYTES = MAX_NOTE_BYTES + 64 * (MAX_PROOF_LINES + 1)
MAX_SIZE_BYTES = 32
SIZE_TYPE = "text/x.tlog.size"

_OLD = "old "


def encode_cosign_request(request: CosignRequest) -> bytes:
    """Return the body of a request; its address is left out."""
    lines = [f"{_OLD}{request.old_size}", *(encode_base64(step) for step in request.proof), "", ""]
    return "\n".join(lines).encode("ascii") + request.note


def parse_cosign_request(data: bytes) -> CosignRequest:
    """Read the body of a request; that its note is one is left to whoever opens it.

    Raises:
        MalformedError: too long, more than 63 hashes, or not the one spelling of a request.
    """
    if len(data) > MAX_REQUEST_BYTES:
        raise MalformedError(f"request: {len(data)} bytes, at most {MAX_REQUEST_BYTES} are read")
    head, separator, note = data.partition(b"\n\n")
    if not separator or not 0 < len(note) <= MAX_NOTE_BYTES:
        raise MalformedError(f"request: no empty line followed by a checkpoint of at most {MAX_NOTE_BYTES} bytes")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError(f"request: byte {error.start} is not ASCII") from error
    first = lines.pop(0)
    if not first.startswith(_OLD):
        raise MalformedError("request: does not begin with `old` and a size")
    if len(lines) > MAX_PROOF_LINES:
        raise MalformedError(f"request: {len(lines)} hashes are more than {MAX_PROOF_LINES}")
    proof = tuple(parse_hash(line, f"request: hash {number}") for number, line in enumerate(lines, 1))
    return CosignRequest(old_size=parse_number(first.removeprefix(_OLD), "request: old size"), proof=proof, note=note)


def encode_size(size: int) -> bytes:
    """Return the body of a conflict: the size cosigned last."""
    return f"{size}\n".encode("ascii")


def parse_size(data: bytes) -> int:
    """Read the body of a conflict.

    Raises:
        MalformedError: not one number and a line end.
    """
    text = data.decode("ascii", "replace")
    if not text.endswith("\n"):
        raise MalformedError("conflict: the size does not end in a line end")
    return parse_number(text[:-1], "conflict: size")
