"""What commands say to their node about decisions, keys and re-issues, and hear from it, as plain values.

Like `registry`, whose rules hold here: these values cross the private socket and nothing else, and are never logged.
"""

from dataclasses import dataclass, field

from ledger.credential.status import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which awards are meant; whatever is given must hold at once, and something must be given."""

    award_ids: tuple[str, ...] = ()
    learner_id: str = field(default="", repr=False)
    achievement: str = ""
    """`ID`, or `ID/VERSION`."""
    key: str = ""
    """Id of a credential key, or an unmistakable beginning: awards with a copy that it signed."""
    issued_since: str = ""
    """ISO day (UTC), included, on which the award was decided here; so is `issued_until`."""
    issued_until: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is given, which would mean every award there is."""
        return not any(
            (self.award_ids, self.learner_id, self.achievement, self.key, self.issued_since, self.issued_until)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionOrder:
    """A decision about the selected awards, all of them or none."""

    selection: Selection
    status: Status
    reason: str = field(default="", repr=False)
    corrections: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """For `REPLACED`: columns of an award file with their new values, the same for every award."""
    dry_run: bool = False
    expected: bytes = b""
    """Fingerprint of the preview that was agreed to; empty for none. What differs from it is refused."""


@dataclass(frozen=True, slots=True)
class AchievementCount:
    """How many of the awards are of one achievement."""

    achievement: str
    version: int
    awards: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionReport:
    """What a decision changed, or would change."""

    changed: tuple[str, ...]
    """Ids of the awards that change."""
    new: tuple[str, ...]
    """For a replacement: ids of the awards made in their place, in the same order; after a dry run empty."""
    learners: int
    achievements: tuple[AchievementCount, ...]
    already: int
    """Selected awards that have the status already."""
    final: int
    """Selected awards that were left out: revoked or replaced for good, or not in a state this decision follows on."""
    unmatched: int
    """Awards named by id that another selector leaves out."""
    suspended: int
    """Of those that change: how many are suspended now."""
    registrar_copies: int
    wallet_copies: int
    waiting_copies: int
    """Of both: how many are not on the ledger yet."""
    open_offers: int
    """Claim links not used yet that give one of them."""
    next_cut: int | None
    """Unix ms; None where cuts are made on command."""
    fingerprint: bytes
    """Of the awards and what becomes of them; `DecisionOrder.expected` takes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUse:
    """What a credential key signed for one achievement in one month."""

    achievement: str
    version: int
    month: str
    """`2026-06`, of the signing (UTC)."""
    awards: int
    registrar_copies: int
    wallet_copies: int
    first_entry: int | None
    """Lowest and highest entry of our log that holds one of them; None where all wait."""
    last_entry: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyImpact:
    """What retiring a key, or declaring it stolen, would hit."""

    key: str
    """Text of the key id."""
    role: str
    """`operate`, `issue`, `register`, `define` or `log`."""
    state: str
    """How it stands, in words."""
    is_here: bool
    """Whether its secret half is on this node."""
    others: int
    """Other keys of this role on this node that are in force."""
    since: int
    """The entry from which on it is thought stolen."""
    uses: tuple[KeyUse, ...]
    """For credential keys: everything it signed, by month and achievement."""
    hit_awards: int
    """Awards with a copy at or above `since`, or waiting."""
    hit_registrar_copies: int
    hit_wallet_copies: int
    waiting_registrar_copies: int
    """Signed anew by itself before the next cut once the key is out of force."""
    waiting_wallet_copies: int
    """Withdrawn then: the wallets fetch others."""
    reissuable: int
    """Awards that `reissue` would make new copies for now."""
    entries: tuple[tuple[str, int, int], ...]
    """For `operate` and `define`: kind, and how many entries at or above `since` this node's own database knows and
    does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReissueReport:
    """What a re-issue made, or would make."""

    key: str
    awards: int
    new_copies: int
    """Registrar's copies made."""
    ended_slots: int
    """Slots that will read replaced."""
    wallet_copies: int
    """Of them: those of wallets, which fetch others when they refresh."""
    restricted: int = 0
    """Learners who were passed over, because their data is restricted."""
    achievements: tuple[AchievementCount, ...]
    next_cut: int | None
    last_cut: int | None
    """When the last of the new copies will be on the ledger, Unix ms."""
    waiting: int
    """Copies that wait for cuts now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestateReport:
    """Entries made void by a theft, and those that lift that."""

    restated: tuple[tuple[str, int, int], ...]
    """Kind, index of the entry that was void, and index of the one that restates it (0 after a dry run)."""
    unknown: tuple[tuple[str, int], ...]
    """Kind and index of void entries that this node did not make: the thief's. They stay void."""
