"""Files of other formats as a vault keeps them: exact bytes, and what the learner knew about their issuers."""

from dataclasses import dataclass
from typing import Any

from ledger import base64url


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A document about an issuer: whose it is, "" where it says so itself, and its bytes."""

    owner: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One kept file.

    Attributes:
        id: the short name the learner types, `x` and a number.
        name: of the file it came from, without its folder.
        data: its exact bytes.
        received_at: Unix milliseconds.
        documents, issuers, authorities: what was given about its issuer when it was received.
        receipts: the file of its receipts, as they came with it or were found since; empty where there are none.
        seed: 32-byte Ed25519 seed of the key it is made out to, where it was claimed with one; else None.
        search_from: index in its issuer's log below which its commitment cannot stand.
    """

    id: str
    name: str
    data: bytes
    received_at: int
    documents: tuple[NamedFile, ...] = ()
    issuers: tuple[str, ...] = ()
    authorities: tuple[bytes, ...] = ()
    receipts: bytes = b""
    seed: bytes | None = None
    search_from: int = 0


def encode_import(held: Import) -> dict[str, Any]:
    """The JSON form; `parse_import` inverts it."""
    # Left out where there are none, so that such a vault is what an older cairn reads too.
    more: dict[str, Any] = {"receipts": base64url.encode(held.receipts)} if held.receipts else {}
    if held.seed is not None:
        more |= {"search_from": held.search_from, "seed": base64url.encode(held.seed)}
    return more | {
        "authorities": [base64url.encode(data) for data in held.authorities],
        "data": base64url.encode(held.data),
        "documents": [{"data": base64url.encode(one.data), "owner": one.owner} for one in held.documents],
        "id": held.id,
        "issuers": list(held.issuers),
        "name": held.name,
        "received_at": held.received_at,
    }


def parse_import(value: dict[str, Any]) -> Import:
    """Read the JSON form of one.

    Raises:
        KeyError, TypeError, ValueError, MalformedError: not what `encode_import` writes.
    """
    return Import(
        id=str(value["id"]),
        name=str(value["name"]),
        data=base64url.decode(value["data"]),
        received_at=int(value["received_at"]),
        documents=tuple(NamedFile(str(one["owner"]), base64url.decode(one["data"])) for one in value["documents"]),
        issuers=tuple(str(one) for one in value["issuers"]),
        authorities=tuple(base64url.decode(one) for one in value["authorities"]),
        receipts=base64url.decode(value.get("receipts", "")),
        seed=base64url.decode(value["seed"], 32) if "seed" in value else None,
        search_from=int(value.get("search_from", 0)),
    )
