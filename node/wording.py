"""What a statement of governance says, in words: what governors read before they sign.

Made from the statement alone, so that every signer's computer writes the same lines. Names in a statement are foreign text
and are escaped by whoever prints them. Log ids stand in full: they are the fingerprints people compare.
"""

from typing import assert_never

from ledger import base64url
from ledger.log.charter import BatchPolicy, CharterAmendment
from ledger.log.didkey import encode_did_key
from ledger.log.governance import (
    EVERYTHING,
    AddKey,
    CompromiseKey,
    MemberChange,
    MemberOp,
    ReplaceRoots,
    RetireKey,
    Rights,
    RotateLogKey,
    Standing,
)
from ledger.log.identity import encode_log_id
from ledger.log.judge import Governance

_MINUTE_MS = 60_000
_MEMBER_OPS = {
    MemberOp.ADMIT: "admit a member",
    MemberOp.AMEND: "change what a member may do, or how it is reached",
    MemberOp.SUSPEND: "suspend a member: it may issue nothing",
    MemberOp.REINSTATE: "end the suspension of a member",
    MemberOp.REMOVE: "remove a member: it may issue nothing",
    MemberOp.SUCCEED: "end a log and name the one that goes on",
}


def describe_governance(statement: Governance) -> tuple[str, ...]:
    """Give the lines that tell what a statement does."""
    assert statement.log is not None, "governance stands in a log"
    lines = [*_describe(statement), f"in the log {encode_log_id(statement.log)}"]
    lines.append(_place(statement))
    return tuple(lines)


def _describe(statement: Governance) -> list[str]:
    match statement:
        case MemberChange():
            return _describe_member(statement)
        case AddKey():
            return [
                f"put a new key in force, role {statement.key.role.value}",
                f"key {encode_did_key(statement.key.key)}",
                f"key id {base64url.encode(statement.key.key.id)}",
            ]
        case RetireKey():
            return [
                "take a key out of force; what it signed before stays good",
                f"key id {base64url.encode(statement.key)}",
            ]
        case CompromiseKey():
            return [
                "declare a key stolen: everything it signed from that entry on is void",
                f"key id {base64url.encode(statement.key)}",
                f"void from entry {statement.since} on",
            ]
        case RotateLogKey():
            return ["sign checkpoints with a new log key from now on", f"key {encode_did_key(statement.log_key)}"]
        case ReplaceRoots():
            keys = statement.roots.keys
            return [
                f"replace the root keys: {statement.roots.threshold} of these {len(keys)} decide from now on",
                *(f"root key {encode_did_key(key)}" for key in keys),
            ]
        case CharterAmendment():
            return _describe_amendment(statement)
        case _:
            assert_never(statement)


def _describe_member(change: MemberChange) -> list[str]:
    lines = [_MEMBER_OPS[change.op], f"member's log {encode_log_id(change.member)}"]
    if change.standing is not None:
        lines += _describe_standing(change.standing)
    if change.successor is not None:
        lines.append(f"goes on in the log {encode_log_id(change.successor)}")
    boundary = change.boundary
    lines.append(f"from entry {boundary.size} of its log on; root there {base64url.encode(boundary.root)}")
    return lines


def _describe_standing(standing: Standing) -> list[str]:
    witness = "cosigns for the network" if standing.witness is not None else "does not cosign"
    key = [] if standing.witness is None else [f"witness key {standing.witness.encode()}"]
    return [
        f"name {standing.name}",
        f"origin {standing.origin}",
        f"log key {encode_did_key(standing.log_key)}",
        f"reached at {standing.url} and {standing.grpc}",
        *describe_rights(standing.rights),
        witness,
        *key,
    ]


def describe_rights(rights: Rights) -> list[str]:
    """Give the lines that tell what a member may do."""
    lines = []
    if EVERYTHING in (*rights.achievements, *rights.types):
        lines.append("may issue every achievement")
    else:
        lines += [f"may issue achievement {item}" for item in rights.achievements]
        lines += [f"may issue achievements of type {item}" for item in rights.types]
    if not lines:
        lines.append("may issue nothing")
    if EVERYTHING in rights.documents:
        lines.append("may publish every document of the network")
    else:
        lines += [f"may publish the network's document {item}" for item in rights.documents]
    return [*lines, *(f"may also call itself {item}" for item in rights.issuers)]


def _describe_amendment(amendment: CharterAmendment) -> list[str]:
    lines = ["change the charter"]
    for what, value in (("name", amendment.name), ("URL", amendment.url), ("gRPC address", amendment.grpc)):
        if value is not None:
            lines.append(f"{what} becomes {value}")
    if amendment.batch is not None:
        lines.append(f"cuts: {describe_batch(amendment.batch)}, from the second next one on")
    return lines


def describe_batch(policy: BatchPolicy) -> str:
    """When cuts are made and what one holds."""
    if policy.interval == 0:
        return f"on command, {policy.size} items each"
    hour, minute = divmod(policy.minute, 60)
    return f"every {policy.interval // _MINUTE_MS} minutes from {hour:02d}:{minute:02d} UTC, {policy.size} items each"


def _place(statement: Governance) -> str:
    before = "nothing decided before" if statement.after < 0 else f"entry {statement.after} decided before"
    if isinstance(statement, CompromiseKey | RotateLogKey | ReplaceRoots):
        return f"on this subject: {before}; may be used at any time"
    return f"on this subject: {before}; to be used up to entry {statement.until}"
