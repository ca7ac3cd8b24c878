"""What a learner holds: the content of a vault, as values, and its JSON form.

A *holding* is one award as the learner sees it; its *copies* are signed credentials bound to one fresh holder key
each, so that two receivers who compare notes find no value in common. A holder key is in the vault before the issuer
hears of it: a copy bound to a lost key could never be shown. The JSON form is read only by `parse_contents`, after
decryption, and refuses what it does not know, since a vault written by a newer cairn must not lose what this one
would drop.
"""

import json
from dataclasses import dataclass, replace
from typing import Any

from ledger import base64url
from ledger.errors import MalformedError
from wallet_cli.imports import Import, encode_import, parse_import

CONTENTS_VERSION = 1
MAX_COPIES = 64
SUSPENDED = "suspended"
FORMER = "former"
MARKS = ("", SUSPENDED, FORMER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One signed credential and what is needed to show it.

    Attributes:
        sd_jwt: the issuer's SD-JWT with every disclosure, without key binding.
        seed: 32-byte Ed25519 seed of the holder key in `cnf`; None for a copy that is bound to nobody.
        received_at: Unix milliseconds.
        log: 43-character id of the issuer's log, "" where no ledger was at hand.
        search_from: index in that log below which the commitment cannot stand.
        expected_at: Unix milliseconds of the cut that should hold it, None where unknown.
        receipt: receipt in its JSON form, None while waiting for the ledger.
        checked: whether the issuer's signature was checked against a ledger.
        mark: `suspended` once a page read so, since that shows in this copy's slot for ever; `former` once another copy
            has taken its place; else "".
    """

    sd_jwt: str
    seed: bytes | None
    received_at: int
    log: str = ""
    search_from: int = 0
    expected_at: int | None = None
    receipt: dict[str, Any] | None = None  # ledger JSON; read with ledger.log.receipt
    checked: bool = False
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One award: the short name the learner types, who gave it, and its copies, oldest first."""

    id: str
    copies: tuple[Copy, ...]

    @property
    def current(self) -> tuple[Copy, ...]:
        """Copies that no other has taken the place of; all of them where there is no other kind."""
        return tuple(copy for copy in self.copies if copy.mark != FORMER) or self.copies


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A holder key made for a claim that has not been answered yet; `offer` is where it was meant to go."""

    seed: bytes
    made_at: int
    offer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One credential inside a presentation: the holding, the commitment of the copy used, and the fields disclosed."""

    holding: str
    commitment: bytes
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """One presentation that was made: for whom, until when (Unix milliseconds), what, and the file it went to."""

    at: int
    audience: str
    nonce: str
    purpose: str
    expires_at: int
    file: str
    shown: tuple[Shown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Everything in a vault."""

    holdings: tuple[Holding, ...] = ()
    pending: tuple[Pending, ...] = ()
    history: tuple[Presented, ...] = ()
    next_number: int = 1
    imports: tuple[Import, ...] = ()

    def holding(self, name: str) -> Holding:
        """Return the holding of this id.

        Raises:
            MalformedError: there is none; the hint lists what there is.
        """
        for holding in self.holdings:
            if holding.id == name:
                return holding
        if any(held.id == name for held in self.imports):
            raise MalformedError(
                f"{name} is a file in another form: no field of it can be chosen",
                hint=f"give its file itself: cairn export {name} -o FILE",
            )
        ids = [*(holding.id for holding in self.holdings), *(held.id for held in self.imports)]
        known = ", ".join(ids) or "nothing yet"
        raise MalformedError(
            f"there is no credential {name!r} in this vault", hint=f"it holds {known}; see `cairn list`"
        )

    def has_sd_jwt(self, issuer_jwt: str) -> bool:
        """Tell whether a copy with this issuer-signed JWT is already held."""
        return any(copy.sd_jwt.partition("~")[0] == issuer_jwt for holding in self.holdings for copy in holding.copies)

    def with_holding(self, copies: tuple[Copy, ...]) -> "Contents":
        """Add a holding under the next free id and drop the pending keys its copies use."""
        used = {copy.seed for copy in copies}
        return replace(
            self,
            holdings=(*self.holdings, Holding(id=f"c{self.next_number}", copies=copies)),
            pending=tuple(key for key in self.pending if key.seed not in used),
            next_number=self.next_number + 1,
        )

    def with_import(self, new: Import) -> "Contents":
        """Add a file of another format under the next free id."""
        kept = replace(new, id=f"x{self.next_number}")
        return replace(self, imports=(*self.imports, kept), next_number=self.next_number + 1)

    def with_found(self, import_id: str, receipts: bytes) -> "Contents":
        """Put the file of receipts that were found for a file of another format in the place of what it had."""
        kept = (replace(one, receipts=receipts) if one.id == import_id else one for one in self.imports)
        return replace(self, imports=tuple(kept))

    def with_renewed(self, holding_id: str, position: int, copy: Copy) -> "Contents":
        """Add a copy to a holding, in the place of one that is kept as a former one, and drop the pending key it uses."""
        changed = self.with_copy(holding_id, position, replace(self.holding(holding_id).copies[position], mark=FORMER))
        holdings = tuple(
            replace(held, copies=(*held.copies, copy)) if held.id == holding_id else held for held in changed.holdings
        )
        pending = tuple(key for key in self.pending if key.seed != copy.seed)
        return replace(changed, holdings=holdings, pending=pending)

    def with_copy(self, holding_id: str, position: int, copy: Copy) -> "Contents":
        """Replace one copy of a holding."""
        changed = self.holding(holding_id)
        copies = (*changed.copies[:position], copy, *changed.copies[position + 1 :])
        holdings = tuple(replace(h, copies=copies) if h.id == holding_id else h for h in self.holdings)
        return replace(self, holdings=holdings)


def encode_contents(contents: Contents) -> bytes:
    """Return the JSON form of a vault's content."""
    # Left out where there are none, so that such a vault is what an older cairn reads too.
    value = ({"imports": [encode_import(held) for held in contents.imports]} if contents.imports else {}) | {
        "history": [_encode_presented(item) for item in contents.history],
        "holdings": [
            {"copies": [_encode_copy(copy) for copy in item.copies], "id": item.id} for item in contents.holdings
        ],
        "next_number": contents.next_number,
        "pending": [
            {"made_at": key.made_at, "offer": key.offer, "seed": base64url.encode(key.seed)} for key in contents.pending
        ],
        "version": CONTENTS_VERSION,
    }
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def parse_contents(data: bytes) -> Contents:
    """Read the JSON form; `encode_contents` inverts it.

    Raises:
        MalformedError: not what `encode_contents` writes, or written by a newer version.
    """
    try:
        value = json.loads(data)
        if value["version"] != CONTENTS_VERSION:
            raise MalformedError(f"vault: content version {value['version']!r}", hint="install a newer cairn")
        contents = Contents(
            holdings=tuple(
                Holding(id=str(item["id"]), copies=tuple(_parse_copy(copy) for copy in item["copies"]))
                for item in value["holdings"]
            ),
            pending=tuple(
                Pending(seed=base64url.decode(key["seed"], 32), made_at=int(key["made_at"]), offer=str(key["offer"]))
                for key in value["pending"]
            ),
            history=tuple(_parse_presented(item) for item in value["history"]),
            next_number=int(value["next_number"]),
            imports=tuple(parse_import(held) for held in value.get("imports", ())),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MalformedError(f"vault: content cannot be read ({type(error).__name__})") from error
    if encode_contents(contents) != data:
        raise MalformedError("vault: content holds more than this cairn knows", hint="install a newer cairn")
    return contents


def _encode_copy(copy: Copy) -> dict[str, Any]:
    # Left out where there is none, so that a vault without marks is what an older cairn reads too.
    return ({"mark": copy.mark} if copy.mark else {}) | {
        "checked": copy.checked,
        "expected_at": copy.expected_at,
        "log": copy.log,
        "receipt": copy.receipt,
        "received_at": copy.received_at,
        "sd_jwt": copy.sd_jwt,
        "search_from": copy.search_from,
        "seed": None if copy.seed is None else base64url.encode(copy.seed),
    }


def _parse_copy(value: dict[str, Any]) -> Copy:
    if value.get("mark", "") not in MARKS:
        raise MalformedError("vault: a copy is marked in a way this cairn does not know", hint="install a newer cairn")
    return Copy(
        mark=str(value.get("mark", "")),
        checked=bool(value["checked"]),
        expected_at=value["expected_at"],
        log=str(value["log"]),
        receipt=value["receipt"],
        received_at=int(value["received_at"]),
        sd_jwt=str(value["sd_jwt"]),
        search_from=int(value["search_from"]),
        seed=None if value["seed"] is None else base64url.decode(value["seed"], 32),
    )


def _encode_presented(item: Presented) -> dict[str, Any]:
    return {
        "at": item.at,
        "audience": item.audience,
        "expires_at": item.expires_at,
        "file": item.file,
        "nonce": item.nonce,
        "purpose": item.purpose,
        "shown": [
            {"commitment": base64url.encode(one.commitment), "fields": list(one.fields), "holding": one.holding}
            for one in item.shown
        ],
    }


def _parse_presented(value: dict[str, Any]) -> Presented:
    return Presented(
        at=int(value["at"]),
        audience=str(value["audience"]),
        expires_at=int(value["expires_at"]),
        file=str(value["file"]),
        nonce=str(value["nonce"]),
        purpose=str(value["purpose"]),
        shown=tuple(
            Shown(
                holding=str(one["holding"]),
                commitment=base64url.decode(one["commitment"], 32),
                fields=tuple(str(name) for name in one["fields"]),
            )
            for one in value["shown"]
        ),
    )
