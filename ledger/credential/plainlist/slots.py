"""The one state both formats are made from: what the plain slots of a member say, and where the lists are found.

A copy for other software has, beside its slot in the noise pages of the ledger, a plain slot: a place in a list whose
bits everybody can read. A list has 131,072 slots; those never given out are partly set too (decoys), at random and for
ever, so that set bits are not the same as revoked diplomas. Replaced shows as revoked: the formats know nothing finer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from ledger import base64url
from ledger.credential.status import Status
from ledger.credential.strict_json import JSONObject
from ledger.log.identity import LogId, encode_log_id

PLAIN_SLOTS = 131_072
"""Slots of one list: the least that Bitstring Status List allows (§6.1, herd privacy)."""

FOLDER = "status"
"""Where the lists of an institution stand below its issuer URL."""


class PlainStatus(IntEnum):
    """What a plain slot says: the values of Token Status List (§7.1)."""

    VALID = 0
    INVALID = 1
    SUSPENDED = 2


class Purpose(StrEnum):
    """What a set bit of a bitstring means."""

    REVOCATION = "revocation"
    SUSPENSION = "suspension"


class ListFile(StrEnum):
    """The files made of one list, by the last part of their URL."""

    REVOCATION = "revocation"
    SUSPENSION = "suspension"
    TOKEN = "token"


@dataclass(frozen=True, slots=True)
class PlainSlot:
    """A place in a plain list: the number of the list, and the slot in it."""

    number: int
    slot: int


@dataclass(frozen=True, slots=True)
class PlainList:
    """One list, with its slots that are not valid."""

    number: int
    statuses: Mapping[int, PlainStatus]


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """The state of the member's log that a list follows: who replays the log that far knows what the list knew."""

    log: LogId
    size: int
    root: bytes

    def to_claim(self) -> JSONObject:
        """As it stands in a token, under the name `ledger`."""
        return {"log": encode_log_id(self.log), "root": base64url.encode(self.root), "size": self.size}


def plain_status(status: Status) -> PlainStatus:
    """How a status of the ledger shows in the plain lists."""
    if status in (Status.REVOKED, Status.REPLACED):
        return PlainStatus.INVALID
    return PlainStatus.SUSPENDED if status is Status.SUSPENDED else PlainStatus.VALID


def list_url(issuer_url: str, number: int, file: ListFile) -> str:
    """Where a file of a list is found.

    Args:
        issuer_url: the member's `https://HOST/m/<22 characters>`, whatever the issuer is called inside a credential.
        number: of the list.
        file: which of its files.
    """
    return f"{issuer_url}/{FOLDER}/{number}/{file.value}"


def status_members(slot: PlainSlot, issuer_url: str) -> tuple[list[JSONObject], JSONObject]:
    """What a copy says of its plain slot.

    Returns:
        The value of `credentialStatus` for an Open Badges file or another verifiable credential (one entry for each
        purpose), and the value of `status` for a JWT: `{"status_list": {"idx", "uri"}}`.
    """
    entries: list[JSONObject] = []
    for purpose in Purpose:
        url = list_url(issuer_url, slot.number, ListFile(purpose.value))
        entries.append(
            {
                "id": f"{url}#{slot.slot}",
                "type": "BitstringStatusListEntry",
                "statusPurpose": purpose.value,
                "statusListIndex": str(slot.slot),
                "statusListCredential": url,
            }
        )
    uri = list_url(issuer_url, slot.number, ListFile.TOKEN)
    return entries, {"status_list": {"idx": slot.slot, "uri": uri}}
