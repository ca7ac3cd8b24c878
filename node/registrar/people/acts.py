"""Calls as things that two people may have to agree on: what an act is called, its exact bytes, and what it says in words.

`four_eyes` in `node.toml` names acts. A call that is one is kept as the messages that came, one after the other, each
after its length (4 bytes, big-endian); done later, exactly these messages are handed to the same service.
"""

from collections.abc import Sequence
from typing import Any

from ledger.errors import MalformedError
from node.pb import keyevents_pb2 as keys_pb
from node.pb import registrar_pb2 as pb

MAX_SHOWN_IDS = 50
_DECISIONS = {
    pb.AWARD_STATUS_REVOKED: "revoke",
    pb.AWARD_STATUS_SUSPENDED: "suspend",
    pb.AWARD_STATUS_VALID: "reinstate",
    pb.AWARD_STATUS_REPLACED: "replace",
}
_LEARNER_WORDS = frozenset(("request", "consent", "error", "retention", "court", "restriction", "hold", "disagreement"))
_SELECTORS = ("learner_id", "achievement", "key", "issued_since", "issued_until")
_LENGTH_BYTES = 4


def name_act(call: str, first: Any) -> str:  # Any, here and below: a message of any call
    """What a call would do, as `four_eyes` names it; empty where it is no such act, or a dry run.

    Args:
        call: `Registrar.Issue`.
        first: its first message, which says all but the bytes of a file.
    """
    if getattr(first, "dry_run", False):
        return ""
    if call == "Registrar.Issue":
        return "issue"
    if call == "Registrar.Publish":
        return "publish"
    # What is replaced is awarded anew.
    return "issue" if (deed := name_decision(call, first)) == "replace" else deed


def name_decision(call: str, first: Any) -> str:
    """Which decision about awards or a learner's data a call takes, or would take; empty for other calls."""
    if call in ("Rights.Forget", "Rights.PutMark", "Rights.EndMark"):
        # Words of closed sets; whatever else came is refused by the handler, and stands nowhere.
        word = first.reason if call == "Rights.Forget" else first.kind
        return word if word in _LEARNER_WORDS else ""
    return _DECISIONS.get(first.status, "") if call in ("Registrar.SetStatus", "Registrar.Decide") else ""


def check_exact(call: str, first: Any) -> None:
    """Refuse to keep what could come to mean other awards while it waits.

    Raises:
        MalformedError: awards are selected, and nothing says which they were when somebody looked.
    """
    selects = call == "Registrar.Decide" and any(getattr(first, name) for name in _SELECTORS)
    if selects and not first.expected:
        raise MalformedError(
            "decision: selects awards without the fingerprint of a preview, so it could mean others later",
            hint="take a preview first (dry_run), and send its fingerprint",
        )


def pack(messages: Sequence[Any]) -> bytes:
    """The exact content of a call."""
    encoded = [message.SerializeToString(deterministic=True) for message in messages]
    return b"".join(len(item).to_bytes(_LENGTH_BYTES, "big") + item for item in encoded)


def unpack(call: str, content: bytes) -> list[Any]:
    """The messages that `pack` packed.

    Raises:
        MalformedError: this version knows no such call, or the content is damaged.
    """
    kind = _request_type(call)
    messages, position = [], 0
    while position < len(content):
        start = position + _LENGTH_BYTES
        position = start + int.from_bytes(content[position:start], "big")
        if position > len(content):
            raise MalformedError("proposal: its content is damaged", hint="reject it, and propose it again")
        messages.append(kind.FromString(content[start:position]))
    return messages


def describe(call: str, messages: Sequence[Any]) -> tuple[list[str], bytes]:
    """What a call would do, in words, and the file that goes with it."""
    first = messages[0]
    data = b"".join(getattr(message, "data", b"") for message in messages)
    if call == "Registrar.Issue":
        return _describe_issue(first, data), data
    if call in ("Registrar.SetStatus", "Registrar.Decide"):
        return _describe_decision(call, messages), b""
    if call == "Registrar.Publish":
        name = f"{first.id or 'as it names itself'}, version {first.version or 'as it says'}"
        return [f"publish a document of {len(data):,} bytes: {name}"], data
    return [f"{call}: {str(first).strip()}"], data


def describe_outcome(call: str, answers: Sequence[Any]) -> list[str]:
    """What was done, in words, from the answers of the call."""
    if call == "Registrar.Issue" and answers:
        summary = answers[0].summary
        left_out = sum(len(answer.problems) for answer in answers)
        return [
            f"awarded: {summary.new}",
            *([f"replaced: {summary.replaced}"] if summary.replaced else []),
            *([f"already issued: {summary.already}"] if summary.already else []),
            *([f"left out: {left_out} {'row' if left_out == 1 else 'rows'}"] if left_out else []),
        ]
    if call in ("Registrar.SetStatus", "Registrar.Decide") and answers:
        return [f"changed: {sum(len(answer.changed) for answer in answers)}"]
    if call == "Registrar.Publish" and answers:
        return [f"published: {answers[0].id}, version {answers[0].version}, entry {answers[0].index}"]
    return ["done"]


def _request_type(call: str) -> Any:
    service, _, name = call.partition(".")
    found = pb.DESCRIPTOR.services_by_name.get(service)
    method = None if found is None else found.methods_by_name.get(name)
    if method is None:
        raise MalformedError(f"proposal: {call} is no call of this version", hint="reject it, and propose it again")
    request: str = method.input_type.name
    # The service's messages stand in two schemas.
    return getattr(pb, request, None) or getattr(keys_pb, request)


def _describe_issue(first: pb.IssueRequest, data: bytes) -> list[str]:
    count = data.count(b"\n")
    lines = [f"award {first.achievement} to the learners of a file of {count:,} lines, {len(data):,} bytes"]
    if first.replace:
        lines.append(f"replace: {_list_ids(first.replace)}")
    if first.mapping:
        lines.append("columns: " + ", ".join(f"{column.theirs} is {column.ours}" for column in first.mapping))
    if first.ignore:
        lines.append(f"columns left out: {', '.join(first.ignore)}")
    return lines


def _describe_decision(call: str, messages: Sequence[Any]) -> list[str]:
    first, award_ids = messages[0], [award for message in messages for award in message.award_ids]
    deed = name_decision(call, first) or "change"
    count = f" {len(award_ids):,} {'award' if len(award_ids) == 1 else 'awards'}" if award_ids else ""
    lines = [f"{deed}{count}"]
    if award_ids:
        lines.append(_list_ids(award_ids))
    if call == "Registrar.Decide":
        selected = [f"{name} {getattr(first, name)}" for name in _SELECTORS if getattr(first, name)]
        lines += ["selected by " + ", ".join(selected).replace("_", " ")] if selected else []
        lines += [f"{item.column} becomes {item.value}" for item in first.corrections]
        if first.expected:
            lines.append(
                f"as in the preview {first.expected.hex()[:16]}: if other awards are meant by now, nothing is done"
            )
    if first.reason:
        lines.append(f"reason: {first.reason}")
    return lines


def _list_ids(award_ids: Sequence[str]) -> str:
    more = len(award_ids) - MAX_SHOWN_IDS
    return ", ".join(award_ids[:MAX_SHOWN_IDS]) + (f" and {more:,} more" if more > 0 else "")
