"""Which nodes a node follows, and why, for people."""

from dataclasses import dataclass

from ledger.errors import RuleError
from ledger.log.identity import LogId
from ledger.log.state import LogState
from node.access import LogAccess, open_access
from node.home import Home
from node.trust import load_trust_roots


@dataclass(frozen=True, slots=True)
class FollowedNode:
    """An address and the reason it is followed."""

    address: str
    because: str


async def list_followed(home: Home) -> tuple[FollowedNode, ...]:
    """Every node followed, each once, never this one."""
    found = [FollowedNode(address, "node.toml names it") for address in home.config.peers]
    async with open_access(home) as access:
        own = (await access.held_log()).state
        networks = [own] if own.is_network else []
        for trust in load_trust_roots(home.directory, home.config.networks).values():
            found += [FollowedNode(address, f"trust root of {trust.name}") for address in trust.grpc]
            held = await _held(access, trust.network)
            networks += [] if held is None else [held]
    for state in networks:
        found += _members(state)
    mine = {own.grpc, home.config.grpc_address}
    once = {node.address: node for node in reversed(found) if node.address and node.address not in mine}
    return tuple(sorted(once.values(), key=lambda node: node.address))


async def _held(access: LogAccess, log_id: LogId) -> LogState | None:
    try:
        return (await access.held_log(log_id)).state
    except RuleError:
        # Not fetched yet: its trust root alone says where it is.
        return None


def _members(state: LogState) -> list[FollowedNode]:
    found = [FollowedNode(state.grpc, f"node of {state.name}")]
    for log in state.members.records:
        standing = state.members.standing_of(log)
        if standing is not None:
            found.append(FollowedNode(standing.grpc, f"{standing.name}, member of {state.name}"))
    return found
