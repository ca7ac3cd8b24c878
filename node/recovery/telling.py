"""A recovery in words: what is there again, and what no log can bring back."""

from collections.abc import Iterator

from node import terminal
from node.fsck.finding import Finding, Part
from node.recovery.recover import Recovered


def tell(recovered: Recovered) -> Iterator[str]:
    """Give the lines about what is there again."""
    entries = terminal.count(recovered.size, "entry", "entries")
    yield f"recovered: {recovered.name}"
    came = recovered.size - recovered.held_before
    yield f"log: {entries}, {came} of them fetched from peers, every one checked"
    if recovered.kept_store is not None:
        yield f"the ledger store that could not be read is kept in {recovered.kept_store}"
    if not recovered.has_config:
        yield "node.toml was made anew from the charter: look whether the listeners are right"
    yield _database(recovered)
    if recovered.adoption is not None:
        yield from _page(recovered)
    witnesses, told = recovered.fetched.witnesses
    if witnesses:
        yield f"{told} of {witnesses} witnesses told how far they cosigned; the node asks them again before it signs"


def _database(recovered: Recovered) -> str:
    if recovered.is_new_database:
        return "registrar's database: none was left, an empty one is in its place"
    return f"registrar's database: kept, with {terminal.count(recovered.awards, 'award')}"


def _page(recovered: Recovered) -> Iterator[str]:
    adoption = recovered.adoption
    assert adoption is not None
    if adoption.page is not None:
        slots = terminal.count(adoption.unknown_slots, "slot")
        yield f"status page of entry {adoption.page} read: {slots} of unknown awards keep what they say, for good"
    if adoption.opened is not None:
        yield f"new credentials take their slots from a new list, number {adoption.opened}"


def tell_lost(recovered: Recovered, directory: str) -> Iterator[str]:
    """Give the lines about what only a backup or the wallets have, and how it comes back."""
    if recovered.is_new_database:
        yield "what no log can bring back: who has which award, names, dates, reasons, claim links"
        yield "  every credential that was issued goes on verifying, and what was revoked stays so"
        yield f"  from a backup, however old: cairn-node restore FILE {directory}, which reads this log into it"
        yield f"  from a learner who shows a copy: cairn-node recover-award {directory} FILE --learner ID"
        yield f"  from the student system: cairn-node issue {directory} --csv FILE makes new copies beside the old ones"
    elif recovered.adoption is not None and recovered.adoption.statements:
        at = terminal.instant(recovered.adoption.backup_at) if recovered.adoption.backup_at else "it was last written"
        yield f"the database was older than the log: awards and decisions since {at} are not in it"
        yield "  what they put on the ledger stands; decide them again, or take awards in from copies that learners show"
    if not recovered.has_network:
        yield "no trust root of a network is here: the node follows none, and nobody cosigns for it"
        yield f"  run the same with --trust FILE, or put the file into {directory}/networks"


def is_lost(finding: Finding) -> bool:
    """Whether a finding after a recovery is about entries that this node once held and no peer has."""
    return finding.part in (Part.LEDGER, Part.DATABASE) and finding.is_damage
