"""Looking into the status pages of a log with keys its institution has handed over: are the promises about slots kept?

Every page is noise without keys, so what stands in it is the institution's word alone, unless somebody who was given a list
key checks it. The promises (DESIGN 4): every byte reads as one of the four statuses; what once read revoked or replaced
reads so for ever. How many slots read what is nobody's business and is not told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger.credential.status import Status, decode_page, list_key
from ledger.log.records import StatusList

FINAL = (Status.REVOKED, Status.REPLACED)
_IS_STATUS = bytes(status for status in Status)


@dataclass(frozen=True, slots=True)
class PageFault:
    """Slots of one list on one page that break a promise: which list, the lowest such slot, how many, and what."""

    number: int
    slot: int
    slots: int
    text: str


class PageWatch:
    """Reads the pages of one log in order and remembers the last statuses of each list it has a key of."""

    def __init__(self, log: bytes, list_keys: Mapping[int, bytes] | bytes) -> None:
        """Watch the lists a log opened itself.

        Args:
            log: log id, 32 bytes.
            list_keys: the list key (32 bytes) of each list by its number, or the list root they all follow from.
        """
        self._log = log
        self._keys = list_keys
        self._last: dict[int, bytes] = {}

    def read(self, lists: Sequence[StatusList], items: Sequence[bytes], statement_id: bytes) -> list[PageFault]:
        """Read one page, newer than all before, and give what is wrong with it.

        Args:
            lists: field `lists` of its entry.
            items: of its body.
            statement_id: of its statement, or of the one it restates.

        Raises:
            MalformedError: the items do not make the lists.
        """
        faults: list[PageFault] = []
        for place in lists:
            key = self._key(place.number) if place.log == self._log else None
            if key is None:
                continue
            statuses = decode_page(key, items[place.first : place.first + place.items], statement_id)
            faults += _judge(place.number, self._last.get(place.number, bytes(len(statuses))), statuses)
            self._last[place.number] = statuses
        return faults

    def _key(self, number: int) -> bytes | None:
        return list_key(self._keys, number) if isinstance(self._keys, bytes) else self._keys.get(number)


def _judge(number: int, before: bytes, now: bytes) -> list[PageFault]:
    faults = []
    # Most pages change little or nothing: whole lists are compared first, slot by slot only where they differ.
    if now.translate(None, _IS_STATUS):
        unread = [slot for slot, value in enumerate(now) if value > Status.REPLACED]
        faults.append(PageFault(number, unread[0], len(unread), "read as no status (or the key is of another list)"))
    if now != before:
        changed = [slot for slot, value in enumerate(before) if value in FINAL and now[slot] != value]
        if changed:
            text = "read revoked or replaced on an earlier page, which is final"
            faults.append(PageFault(number, changed[0], len(changed), text))
    return faults
