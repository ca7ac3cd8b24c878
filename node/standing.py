"""How the newest checkpoint of a node's own log stands: who had to cosign it, who did, how long ago."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger.errors import RuleError
from ledger.log.checkpoint import read_checkpoint
from ledger.log.members import NO_WITNESSES, judge_quorum
from node.access import LogAccess, open_access
from node.client.finding import Finding, FindingCode, Severity, describe_duration
from node.client.held import HeldLog
from node.client.registry import NodeStatus
from node.clock import system_clock
from node.desk import at_desk
from node.diskspace import find_low_disk
from node.home import Home
from node.lastbackup import find_old_backup
from node.tls.report import find_certificate_trouble, read_reports
from node.trust import load_trust_roots
from node.watch import last_look

if TYPE_CHECKING:
    from node.client.registrar import RegistrarClient

_SECOND_MS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadStanding:
    """What the newest checkpoint amounts to.

    Attributes:
        size: entries under it.
        witnesses: how many independent witnesses count for this log.
        required: how many must have cosigned.
        present: how many did.
        has_quorum: whether that is enough.
        age_ms: since the quorum was there; None without one.
        networks: names of the networks it belongs to, with what it is there.
    """

    size: int
    witnesses: int
    required: int
    present: int
    has_quorum: bool
    age_ms: int | None
    networks: tuple[str, ...]

    def describe(self) -> list[str]:
        """The same in words."""
        if not self.witnesses:
            head = "no independent witness is in force yet"
        else:
            head = f"cosigned by {self.present} of {self.witnesses} independent witnesses, {self.required} needed"
        age = "" if self.age_ms is None else f", {describe_duration(self.age_ms)} ago"
        return [
            f"newest checkpoint: {self.size:,} {'entry' if self.size == 1 else 'entries'}; {head}{age}",
            *(f"network: {line}" for line in self.networks),
        ]


def judge_own_head(own: HeldLog, networks: Sequence[HeldLog], now: int) -> HeadStanding:
    """Judge a node's newest checkpoint by the witnesses of the first of its networks that decides about it."""
    log = own.state.log_id
    deciding = [item for item in networks if item.state.log_id == log or log in item.state.members.records]
    witness_set = deciding[0].state.members.witness_sets[-1] if deciding else NO_WITNESSES
    answer = judge_quorum(own.note, log, witness_set)
    return HeadStanding(
        size=read_checkpoint(own.note).size,
        witnesses=answer.witnesses,
        required=answer.required,
        present=answer.present,
        has_quorum=answer.has_quorum,
        age_ms=None if answer.seconds is None else max(0, now - answer.seconds * _SECOND_MS),
        networks=tuple(_describe_membership(own, item) for item in networks),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedNode:
    """How a node stands that does not run, as its directory tells.

    Attributes:
        own: its log.
        head: what its newest checkpoint amounts to.
        findings: that it does not run, and what else the directory shows.
    """

    own: HeldLog
    head: HeadStanding
    findings: tuple[Finding, ...]


async def read_standing(home: Home) -> StoppedNode:
    """Read how a node stands that does not run.

    Raises:
        CairnError: the directory is damaged, or a process that does not answer has it open.
    """
    async with open_access(home) as access:
        own = await access.held_log()
        networks = await read_networks(access, home, own)
    not_running = Finding(
        code=FindingCode.NOT_RUNNING,
        severity=Severity.PROBLEM,
        since=last_look(home.directory),
        what="the node does not run",
        why="it was stopped, or it ended: the end of its log says why",
        do="cairn-node run DIR, or what starts it on this computer: systemctl start cairn-node",
    )
    return StoppedNode(
        own=own,
        head=judge_own_head(own, networks, system_clock()),
        findings=(not_running, *_local_trouble(home, system_clock())),
    )


def _local_trouble(home: Home, now: int) -> Iterator[Finding]:
    yield from find_low_disk(home.directory)
    yield from find_old_backup(home.directory, now)
    for report in read_reports(home.directory, home.config):
        yield from find_certificate_trouble(report, now)


async def read_networks(access: LogAccess, home: Home, own: HeldLog) -> list[HeldLog]:
    """The logs of a node's networks as far as they are held, each once, its own first if it is one.

    Raises:
        CairnError: a trust root is refused, or the node does not answer.
    """
    networks = [own] if own.state.is_network else []
    for root in load_trust_roots(home.directory, home.config.networks).values():
        try:
            networks.append(await access.held_log(root.network))
        except RuleError:
            # Named by a trust root, not fetched yet: the findings say which peer is not reached.
            continue
    return list({log.state.log_id: log for log in networks}.values())


async def ask_standing(home: Home) -> tuple[NodeStatus, HeadStanding]:
    """Ask the running node of a directory how it stands.

    Raises:
        CairnError: no node runs there, or it does not answer.
    """

    async def ask(client: "RegistrarClient") -> tuple[NodeStatus, HeadStanding]:
        own = await client.held_log()
        networks = await read_networks(client, home, own)
        return await client.status(), judge_own_head(own, networks, system_clock())

    return await at_desk(home, ask)


def _describe_membership(own: HeldLog, network: HeldLog) -> str:
    state, log = network.state, own.state.log_id
    members = sum(state.members.is_active(other) for other in state.members.records)
    if log not in state.members.records:
        what = "this is its own log" if state.log_id == log else "not a member yet"
    elif state.members.is_active(log):
        what = "a member in good standing"
    else:
        what = f"not in good standing: {state.members.records[log][-1].change.op.value}"
    return f"{state.name}, {members} {'member' if members == 1 else 'members'}, {what}"
