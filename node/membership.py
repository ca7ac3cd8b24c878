"""Membership of a network: asking for it at a member to be, drafting decisions about it at the network."""

from dataclasses import dataclass, replace
from pathlib import Path

from ledger.errors import MalformedError, RuleError
from ledger.log.checkpoint import read_checkpoint, witness_verifier_key
from ledger.log.governance import Boundary, MemberChange, MemberOp, Rights, Standing
from ledger.log.identity import LogId, encode_log_id, short_log_id
from ledger.log.members import MemberRecord
from ledger.log.policy import MAX_TRUST_ROOT_BYTES, TrustRoot, parse_trust_root
from ledger.log.state import LogState
from node import durable
from node.access import LogAccess, TreeAccess, open_access
from node.clock import system_clock
from node.directory import cosigner_name
from node.drafting import Drafter, find_member
from node.home import Home
from node.keystore import KeyRole
from node.outfile import read_input
from node.proposal import Proposal
from node.registrar.issuer import choose_issuer_id
from node.request import MembershipRequest, claimed_log, make_request, parse_request
from node.standing import read_networks

TRUST_MODE = 0o640


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was made.

    Attributes:
        data: its bytes.
        request: what they say.
        network_name: of the network asked.
        issuer: id that another network gave this institution, under which it goes on issuing; empty where none has.
        is_member: whether the network, as far as its log is held here, has admitted it already.
    """

    data: bytes
    request: MembershipRequest
    network_name: str
    issuer: str = ""
    is_member: bool = False


async def request_membership(home: Home, trust_file: Path | None) -> Asked:
    """Make a signed request, and store the trust root so that the node follows the network.

    Args:
        home: of the institution that asks; its node may run or not.
        trust_file: the network's trust root; None for the only network the node follows, and for a network that asks
            itself, so that it can issue and cosign.

    Raises:
        CairnError: no trust root, or the log key in force is not here.
    """
    async with open_access(home) as access:
        own = await access.held_log()
        homes = [log.state for log in await read_networks(access, home, own)]
    trust = None
    if trust_file is None and not own.state.is_network:
        trust_file = find_trust_file(home)
    if trust_file is not None:
        trust_data = read_input(trust_file, MAX_TRUST_ROOT_BYTES)
        trust = parse_trust_root(trust_data)
    network, name = _asked_network(own.state, trust)
    keys = home.keystore()
    log_key = keys.find(own.state.log_key.id)
    if log_key is None:
        raise RuleError("join: the log key in force is not under keys/", hint="restore the keys from the backup")
    witness = witness_verifier_key(cosigner_name(own.state.charter.origin), keys.newest(KeyRole.WITNESS).public)
    data = make_request(
        own.state,
        entry=own.charter,
        note=own.note,
        network=network,
        witness=witness,
        key=log_key,
        at=system_clock(),
    )
    # Read as a governor would read it: what nobody could accept must not be handed out.
    request = parse_request(data, own.state)
    if trust is not None and network != own.state.log_id:
        _keep_trust_root(home, network, trust_data)
    elsewhere = choose_issuer_id(own.state.log_id, [state for state in homes if state.log_id != network])
    is_member = any(state.log_id == network and own.state.log_id in state.members.records for state in homes)
    return Asked(data, request, name, elsewhere or "", is_member)


def find_trust_file(home: Home) -> Path | None:
    """The trust root of the network that a member's node has joined; None where a network itself asks.

    Raises:
        MalformedError: it has joined none, or several, so that one has to be named with `cairn-node join --trust`.
    """
    files = sorted(home.networks.glob("*.json"))
    if len(files) > 1:
        raise MalformedError(
            f"{home.networks}: trust roots of {len(files)} networks",
            hint="cairn-node join DIR --trust FILE -o REQUEST asks one of them; it names the newest witness key",
        )
    return files[0] if files else None


def _asked_network(own: LogState, trust: TrustRoot | None) -> tuple[LogId, str]:
    if trust is not None:
        return trust.network, trust.name
    if not own.is_network:
        raise MalformedError("join: which network?", hint="say --trust FILE, the network's trust root")
    return own.log_id, own.name


def _keep_trust_root(home: Home, network: LogId, data: bytes) -> None:
    path = home.networks / f"{short_log_id(network)}.json"
    if path.exists():
        # A node may have pinned the network again by itself; an older file must not take that back.
        known = parse_trust_root(read_input(path, MAX_TRUST_ROOT_BYTES))
        if known.network != network:
            raise RuleError(f"{path}: is the trust root of another network, {encode_log_id(known.network)}")
        if known.head_size >= parse_trust_root(data).head_size:
            return
    home.networks.mkdir(exist_ok=True)
    durable.replace_file(path, data, mode=TRUST_MODE)


async def draft_admission(
    access: LogAccess, drafter: Drafter, data: bytes, rights: Rights, *, is_witness: bool = True
) -> Proposal:
    """Draft the admission of whoever made a request.

    Args:
        access: to the network's node.
        drafter: for the network's log.
        data: the request file.
        rights: what it may do.
        is_witness: whether it shall cosign.

    Raises:
        CairnError: the request is not good, or for another network.
    """
    return drafter.admit(await _read_request(access, data), rights, is_witness=is_witness)


async def _read_request(access: LogAccess, data: bytes) -> MembershipRequest:
    try:
        return parse_request(data)
    except RuleError:
        # Its log key was rotated since its charter: a replica, where one is held, tells the new one.
        return parse_request(data, (await access.held_log(claimed_log(data))).state)


@dataclass(frozen=True, slots=True)
class Amendment:
    """What of a member's entry becomes new; the rest stays as it was.

    Attributes:
        rights: complete new ones.
        request: a fresh request of the member's, for its name, addresses, log key and witness key.
        is_witness: False where it shall not cosign any more.
    """

    rights: Rights | None = None
    request: bytes | None = None
    is_witness: bool = True


async def draft_change(
    access: TreeAccess,
    drafter: Drafter,
    op: MemberOp,
    who: str,
    amendment: Amendment,
    *,
    size: int | None = None,
    boundary: Boundary | None = None,
) -> Proposal:
    """Draft a decision about a member.

    Args:
        access: to the network's node.
        drafter: for the network's log.
        op: amend, suspend, reinstate or remove.
        who: name, origin or log id of the member.
        amendment: for amend and reinstate.
        size: entry of its log from which it counts; None for the newest point that is held.
        boundary: where it counts from on another history of its log than the one held; `size` is not read then.

    Raises:
        CairnError: no such member, its log is not held that far, the request is another's, or the change does not follow
            on what was decided.
    """
    member = find_member(drafter.state, who)
    standing = None
    if op in (MemberOp.AMEND, MemberOp.REINSTATE):
        standing = await _amend(access, drafter, member, amendment)
    boundary = boundary or await _boundary(access, member, size)
    return drafter.change_member(op, member, boundary, standing)


async def _amend(access: TreeAccess, drafter: Drafter, member: LogId, amendment: Amendment) -> Standing:
    last = drafter.state.members.standing_of(member)
    assert last is not None, "a member was admitted once"
    rights = last.rights if amendment.rights is None else amendment.rights
    standing = replace(last, rights=rights)
    if amendment.request is not None:
        request = await _read_request(access, amendment.request)
        if (request.log, request.network) != (member, drafter.state.log_id):
            raise RuleError(
                f"request: is of {request.name}, log {encode_log_id(request.log)}, not of this member to this network",
                hint="the member makes a fresh one with cairn-node join DIR --trust FILE -o REQUEST",
            )
        standing = request.standing(rights)
    return standing if amendment.is_witness else replace(standing, witness=None)


async def draft_succession(
    access: TreeAccess, drafter: Drafter, who: str, successor: str, *, size: int | None = None
) -> Proposal:
    """Draft the end of a member's log and who goes on with it.

    Args:
        access: to the network's node.
        drafter: for the network's log.
        who: name, origin or log id of the member whose log ends.
        successor: of the member that goes on with its status lists and may issue its credentials again.
        size: where it ends; None for the newest point that is held.

    Raises:
        CairnError: one of them is no member, the log that ends is not held, or it has a successor already.
    """
    ending, following = find_member(drafter.state, who), find_member(drafter.state, successor)
    if ending == following:
        raise RuleError(f"member {who!r}: a log cannot go on with itself")
    return drafter.succeed(ending, await _boundary(access, ending, size), following)


async def _boundary(access: TreeAccess, member: LogId, size: int | None) -> Boundary:
    if size is not None:
        return Boundary(member, size, await access.root_at(member, size))
    head = read_checkpoint((await access.held_log(member)).note)
    return Boundary(member, head.size, head.root)


def describe_reach(state: LogState, proposal: Proposal) -> str:
    """Say that a decision reaches back behind what the network has anchored; empty where it does not."""
    change = proposal.statement
    if not isinstance(change, MemberChange):
        return ""
    anchored = state.members.retroactive_below(MemberRecord(state.size, change))
    if anchored is None:
        return ""
    return (
        f"retroactive: the network has anchored {anchored} entries of that log, and this counts from entry "
        f"{change.boundary.size} on; every verification will say so"
    )
