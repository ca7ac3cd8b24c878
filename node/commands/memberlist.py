"""What `member show` and `member history` print: a network's decisions, as its own log states them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from node import terminal

if TYPE_CHECKING:
    from ledger.log.identity import LogId
    from ledger.log.members import MemberRecord
    from ledger.log.state import LogState
    from node.home import Home

_STANDING = {
    "admit": "member",
    "amend": "member",
    "reinstate": "member",
    "suspend": "suspended",
    "remove": "removed",
    "succeed": "ended, with a successor",
}


@dataclass(frozen=True, slots=True)
class _Row:
    """One institution as a network sees it now."""

    log: "LogId"
    records: tuple["MemberRecord", ...]
    name: str
    origin: str
    rights: tuple[str, ...]
    is_witness: bool

    @property
    def standing(self) -> str:
        """What the newest decision made of it."""
        return _STANDING[self.records[-1].change.op.value]


def show_members(directory: Path, network: str | None, member: str | None, *, as_json: bool) -> int:
    """Print all members of a network, or one."""
    from ledger.log.identity import encode_log_id

    state = _read_network(directory, network)
    rows = _list_rows(state, member)
    if as_json:
        terminal.result_json(
            [
                {
                    "entry": row.records[-1].index,
                    "log": encode_log_id(row.log),
                    "name": row.name,
                    "origin": row.origin,
                    "rights": list(row.rights),
                    "standing": row.standing,
                    "witness": row.is_witness,
                }
                for row in rows
            ]
        )
    elif member is None:
        table = [(row.name, row.standing, "cosigns" if row.is_witness else "", row.records[-1].index) for row in rows]
        terminal.result(f"{state.name}: {terminal.count(len(rows), 'institution')}")
        terminal.table(("name", "standing", "witness", "by entry"), [tuple(map(str, line)) for line in table])
    else:
        for row in rows:
            terminal.result(f"{row.name}: {row.standing}, by entry {row.records[-1].index} of {state.name}'s log")
            terminal.result(f"  log {encode_log_id(row.log)}")
            terminal.result(f"  origin {row.origin}")
            for line in row.rights:
                terminal.result(f"  {line}")
            terminal.result(f"  {'cosigns for the network' if row.is_witness else 'does not cosign'}")
    terminal.next_step(f"cairn-node member history {directory} {_quote(rows[0].name) if rows else 'MEMBER'}")
    return terminal.EXIT_YES


def show_history(directory: Path, network: str | None, member: str, *, as_json: bool) -> int:
    """Print every decision about one member."""
    from ledger import base64url
    from node.wording import describe_governance

    state = _read_network(directory, network)
    (row,) = _list_rows(state, member)
    changes = [(record.index, record.change, state.members.retroactive_below(record)) for record in row.records]
    if as_json:
        terminal.result_json(
            [
                {
                    "at": change.at,
                    "boundary": {"root": base64url.encode(change.boundary.root), "size": change.boundary.size},
                    "entry": index,
                    "op": change.op.value,
                    "retroactive_below": anchored,
                    "words": list(describe_governance(change)),
                }
                for index, change, anchored in changes
            ]
        )
    else:
        for index, change, anchored in changes:
            first, *rest = describe_governance(change)
            if anchored is not None:
                rest.insert(0, f"retroactive: {anchored} entries of its log were anchored before")
            terminal.result(f"entry {index}, signed as of {terminal.instant(change.at)}: {first}")
            for line in rest:
                terminal.result(f"  {line}")
    terminal.next_step(f"cairn-node member show {directory} {_quote(row.name)}")
    return terminal.EXIT_YES


def _quote(name: str) -> str:
    import shlex

    return shlex.quote(name)


def _read_network(directory: Path, network: str | None) -> "LogState":
    import asyncio

    from node.home import open_home

    return asyncio.run(_read(open_home(directory), network))


async def _read(home: "Home", network: str | None) -> "LogState":
    from ledger.errors import RuleError
    from ledger.log.identity import encode_log_id, short_log_id
    from node.access import open_access
    from node.trust import load_trust_roots

    async with open_access(home) as access:
        own = (await access.held_log()).state
        known = {own.log_id: own} if own.is_network else {}
        for root in load_trust_roots(home.directory, home.config.networks).values():
            if root.network not in known:
                known[root.network] = (await access.held_log(root.network)).state
    chosen = [
        state
        for log, state in known.items()
        if network in (None, encode_log_id(log), short_log_id(log), state.name, state.charter.origin)
    ]
    if len(chosen) != 1:
        names = ", ".join(sorted(state.name for state in known.values()))
        what = "no network is called that" if network and not chosen else "which network?"
        hint = f"say --network, one of: {names}" if known else "cairn-node join makes this node follow a network"
        raise RuleError(f"member: {what}", hint=hint)
    return chosen[0]


def _list_rows(state: "LogState", member: str | None) -> list[_Row]:
    from node.drafting import find_member
    from node.wording import describe_rights

    logs = list(state.members.records) if member is None else [find_member(state, member)]
    rows = []
    for log in logs:
        records = tuple(state.members.records[log])
        standing = state.members.standing_of(log)
        assert standing is not None, "a log is on record because it was admitted"
        is_active = state.members.is_active(log)
        rights = tuple(describe_rights(standing.rights)) if is_active else ("may issue nothing",)
        rows.append(
            _Row(log, records, standing.name, standing.origin, rights, is_active and standing.witness is not None)
        )
    return rows
