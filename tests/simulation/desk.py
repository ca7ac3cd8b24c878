"""The private side of one institution: which slots it gave out, what it decided, and what waits for the next cut."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ledger.credential import copy as copies
from ledger.credential import openbadge, status
from ledger.credential.copy import AwardContent, CopyTerms, IssuerProfile
from ledger.credential.openbadge import Achievement
from ledger.credential.status import Status, StatusReference
from ledger.log.charter import Role
from ledger.log.identity import LogId
from ledger.log.keys import SigningKey
from ledger.log.records import StatusList

_SETS = {
    Role.REGISTER: ("record", "Mastery Record", "SecondarySchoolDiploma"),
    Role.ISSUE: ("welding", "Welding", "Badge"),
}


def make_achievement(role: Role, base: str) -> Achievement:
    """A diploma, or a badge: what decides which key signs."""
    name, title, kind = _SETS[role]
    value = {
        "id": name,
        "version": 1,
        "title": title,
        "achievementType": kind,
        "requirements": [{"id": "R1", "label": "Requirement 1", "waivable": False}],
    }
    return openbadge.check_achievement(openbadge.achievement_for_requirement_set(value, base))


@dataclass
class OpenList:
    """A status list that this institution restates at every cut."""

    log: LogId
    number: int
    key: bytes
    slots: int
    statuses: dict[int, int] = field(default_factory=dict)
    free: list[int] = field(default_factory=list)
    """Slots still to be given out, in the order drawn."""


class Desk:
    """Slots, lists and pages of one institution."""

    def __init__(self, log: LogId, list_root: bytes, slots: int, shuffle: Callable[[list[int]], None]) -> None:
        self.log, self.list_root, self.slots = log, list_root, slots
        self._shuffle = shuffle
        self.lists: list[OpenList] = []
        self.open_list()

    def open_list(self) -> None:
        """Open the next list; new copies take their slots from it."""
        own = [item for item in self.lists if item.log == self.log]
        number = len(own)
        free = list(range(self.slots))
        self._shuffle(free)
        opened = OpenList(self.log, number, status.list_key(self.list_root, number), self.slots, free=free)
        self.lists.insert(number, opened)

    def inherit(self, log: LogId, list_root: bytes, decided: Mapping[int, Mapping[int, int]], slots: int) -> None:
        """Go on with the lists of a log this institution succeeds."""
        for number, statuses in sorted(decided.items()):
            self.lists.append(OpenList(log, number, status.list_key(list_root, number), slots, dict(statuses)))
        self.lists.sort(key=lambda item: (item.log != self.log, item.log, item.number))

    def draw_slot(self) -> StatusReference:
        """A slot of the newest own list that nobody has had."""
        newest = [item for item in self.lists if item.log == self.log][-1]
        slot = newest.free.pop()
        return StatusReference(self.log, newest.number, slot, status.slot_key(newest.key, slot))

    def decide(self, log: LogId, number: int, slot: int, value: Status) -> None:
        """Show this from the next cut on."""
        found = next(item for item in self.lists if (item.log, item.number) == (log, number))
        found.statuses[slot] = int(value)

    def encode(self, statement_id: bytes) -> tuple[tuple[StatusList, ...], tuple[bytes, ...]]:
        """The page as it stands now."""
        lists: list[StatusList] = []
        items: list[bytes] = []
        for item in self.lists:
            lists.append(StatusList(first=len(items), log=item.log, number=item.number, slots=item.slots))
            items += status.encode_page(item.key, item.slots, item.statuses, statement_id)
        return tuple(lists), tuple(items)

    def forget(self) -> None:
        """The database is gone; the list root is in the key backup."""
        for item in self.lists:
            item.statuses, item.free = {}, []

    def read_back(self, place: StatusList, items: tuple[bytes, ...], statement_id: bytes) -> None:
        """Take a list over from the last page: the page is right, whatever the database says."""
        found = next(item for item in self.lists if (item.log, item.number) == (place.log, place.number))
        own = items[place.first : place.first + place.slots // status.ITEM_BYTES]
        plain = status.decode_page(found.key, own, statement_id)
        found.statuses = {slot: value for slot, value in enumerate(plain) if value}


@dataclass(frozen=True)
class Press:
    """What copies are minted with."""

    issuer_url: str
    name: str
    signer: SigningKey
    role: Role
    draw: Callable[[int], bytes]

    def mint(self, learner: str, awarded_on: str, reference: StatusReference, number: int, now: int) -> str:
        """One copy without a holder key: the registrar's own, which a school can send as a transcript."""
        achievement = _achievements.setdefault(
            (self.role, self.issuer_url), make_achievement(self.role, self.issuer_url)
        )
        content = AwardContent(
            achievement=achievement,
            issuer=IssuerProfile(self.issuer_url, self.name, "https://school.example"),
            name=learner,
            awarded_on=awarded_on,
        )
        terms = CopyTerms(
            iss=self.issuer_url,
            vct=f"{self.issuer_url}/{_SETS[self.role][0]}/1",
            key_id=self.signer.public.id,
            status=reference,
            holder=None,
            issued_at=now // 1000,
            copy_id=f"00000000-0000-4000-8000-{number:012d}",
        )
        return copies.mint_copy(content, terms, self.signer.sign, self.draw)

    def signed_by(self, signer: SigningKey) -> "Press":
        """The same with another key."""
        return replace(self, signer=signer)


_achievements: dict[tuple[Role, str], Achievement] = {}
