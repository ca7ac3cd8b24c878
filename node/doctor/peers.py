"""What others make of this node: its clock beside theirs, its standing in its networks, its log as its peers hold it."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence

from ledger.errors import CairnError
from ledger.log.checkpoint import open_cosignatures, read_checkpoint
from ledger.log.note import VerifierKey
from node.client.dial import DialPolicy
from node.client.exchange import Head
from node.client.held import HeldLog
from node.client.http import is_loopback
from node.client.ledger import LedgerClient
from node.client.notes import signed_size
from node.client.webdate import ask_date
from node.clockoffset import LIMIT_MS, SECOND_MS, describe_offset, judge_offsets, offset_of
from node.doctor.check import Check, Topic, fine, problem, unknown, warning
from node.doctor.patient import ANSWER_SECONDS, AT_ONCE, Patient
from node.standing import judge_own_head

MAX_ASKED_CLOCKS = 5
SYNCHRONISE = "switch on time synchronisation: timedatectl set-ntp true"


async def check_clock(patient: Patient) -> list[Check]:
    """This computer's clock beside what witnesses signed, and beside the `Date` of peers' HTTP answers."""
    newest = _newest_cosignature(patient)
    now = patient.clock()
    if newest is not None and newest * SECOND_MS > now + LIMIT_MS:
        behind = describe_offset(newest * SECOND_MS - now)
        why = "a witness signed at a time that this clock has not reached yet"
        return [problem(Topic.CLOCK, f"this computer's clock is {behind} or more", why=why, do=SYNCHRONISE)]
    offsets = [offset for offset in await _ask_clocks(patient) if offset is not None]
    return [_judge_clocks(offsets)]


def _judge_clocks(offsets: Sequence[int]) -> Check:
    if not offsets:
        what = "no peer told the time, and no signature is from the future"
        return unknown(Topic.CLOCK, what, do="compare with another clock: timedatectl says whether it is synchronised")
    peers = f"{len(offsets)} {'peer' if len(offsets) == 1 else 'peers'}"
    offset = judge_offsets(offsets)
    if abs(offset) >= LIMIT_MS:
        what = f"this computer's clock is {describe_offset(offset)}"
        return problem(Topic.CLOCK, what, why=f"beside the clocks of {peers}", do=SYNCHRONISE)
    return fine(Topic.CLOCK, f"within a minute of {peers}")


def _newest_cosignature(patient: Patient) -> int | None:
    """Seconds of the newest cosignature on the newest notes of the own log and its networks'."""
    held = [log for log in (patient.own, *patient.networks) if log is not None]
    keys = list(dict.fromkeys(_witness_keys(held)))
    times = [cosignature.seconds for log in held for cosignature in open_cosignatures(log.note, keys)]
    return max(times, default=None)


def _witness_keys(logs: Iterable[HeldLog]) -> Iterator[VerifierKey]:
    for log in logs:
        for witness_set in log.state.members.witness_sets:
            yield from (witness.key for witness in witness_set.witnesses)


async def _ask_clocks(patient: Patient) -> list[int | None]:
    urls = list(dict.fromkeys(_peer_urls(patient)))[:MAX_ASKED_CLOCKS]
    return await asyncio.gather(*(_ask_clock(patient, url) for url in urls))


def _peer_urls(patient: Patient) -> Iterator[str]:
    own = {patient.home.config.http_url}
    if patient.own is not None:
        own.add(patient.own.state.url)
    for network in patient.networks:
        told = [network.state.url]
        for log in network.state.members.records:
            standing = network.state.members.standing_of(log)
            if standing is not None:
                told.append(standing.url)
        yield from (url for url in told if url and url not in own)


async def _ask_clock(patient: Patient, url: str) -> int | None:
    asked = patient.clock()
    try:
        told = await ask_date(url, timeout_seconds=ANSWER_SECONDS)
    except CairnError:
        return None
    return offset_of(told, asked, patient.clock())


def check_network(patient: Patient) -> Iterator[Check]:
    """Which networks count this institution as what."""
    topic = Topic.NETWORK
    if patient.own is None:
        yield unknown(topic, "the log could not be read", do="cure what the ledger store says first")
        return
    log = patient.own.state.log_id
    if not patient.networks:
        yield _no_network(patient)
    for network in patient.networks:
        state = network.state
        if state.log_id == log:
            yield fine(topic, f"{state.name}: this is its own log")
        elif log not in state.members.records:
            do = f"send the governors of {state.name} the request that cairn-node join made"
            yield warning(topic, f"{state.name} has not admitted this institution", do=do)
        elif state.members.is_active(log):
            yield fine(topic, f"{state.name}: a member in good standing")
        else:
            op = state.members.records[log][-1].change.op.value
            do = f"ask the governors of {state.name}"
            yield problem(topic, f"{state.name} does not count this institution as a member", why=op, do=do)


def _no_network(patient: Patient) -> Check:
    if patient.home.networks.is_dir() and any(patient.home.networks.glob("*.json")):
        do = "start the node, so that it can fetch the network's log; then see what is said about peers"
        return problem(Topic.NETWORK, "a trust root is there, and its network's log is not held yet", do=do)
    do = "cairn-node join DIR --trust FILE -o request.json, then send the request to the network"
    why = "nobody vouches for this log, and no verifier will accept what it issues"
    return warning(Topic.NETWORK, "it belongs to no network", why=why, do=do)


def check_quorum(patient: Patient) -> Check:
    """Whether enough witnesses stand behind the newest checkpoint."""
    topic = Topic.QUORUM
    if patient.own is None:
        return unknown(topic, "the log could not be read", do="cure what the ledger store says first")
    head = judge_own_head(patient.own, patient.networks, patient.clock())
    if not head.witnesses:
        do = "cure what is said about the network; the witnesses come into force with its next cut"
        return warning(topic, "no independent witness is in force for this log yet", do=do)
    words = f"size {head.size}: {head.present} of {head.witnesses} independent witnesses, {head.required} needed"
    if head.has_quorum:
        return fine(topic, words)
    do = "ask the operators of the peers that do not answer (below) whether their nodes run"
    return problem(topic, words, why="verifiers see the state before", do=do)


async def check_peers(patient: Patient) -> list[Check]:
    """How much of this log each peer holds: what would be left if this computer burned down now."""
    topic = Topic.PEERS
    if patient.own is None:
        return [unknown(topic, "the log could not be read", do="cure what the ledger store says first")]
    if not patient.followed:
        why = "a log that only this computer holds is lost with it"
        return [warning(topic, "nobody is followed, so nobody is asked", why=why, do="join a network")]
    gate = asyncio.Semaphore(AT_ONCE)

    async def ask(address: str) -> tuple[str, Head | str]:
        async with gate:
            return address, await _ask_head(address, patient)

    answers = await asyncio.gather(*(ask(address) for address in patient.followed))
    return _judge_answers(patient.own, answers)


async def _ask_head(address: str, patient: Patient) -> Head | str:
    """What a peer holds of our log, or why it could not be asked."""
    assert patient.own is not None, "checked by the caller"
    # Who answers is no matter: what is believed of the answer is signed by our own key.
    insecure = patient.home.config.insecure
    policy = DialPolicy(may_be_plain=lambda host: insecure or is_loopback(host), now=patient.clock)
    try:
        async with (
            asyncio.timeout(2 * ANSWER_SECONDS),
            LedgerClient(address, timeout_seconds=ANSWER_SECONDS, policy=policy) as client,
        ):
            (head,) = await client.heads([patient.own.state.log_id])
            return head
    except CairnError as error:
        return str(error)
    except TimeoutError:
        return "no answer in time"


def _judge_answers(own: HeldLog, answers: Sequence[tuple[str, Head | str]]) -> list[Check]:
    size = own.state.size
    level = sum(isinstance(answer, Head) and _judge_head(own, "", answer) is None for _, answer in answers)
    checks = []
    for address, answer in answers:
        if isinstance(answer, Head):
            found = _judge_head(own, address, answer)
        else:
            do = "nothing if that institution is away for a while; else tell its operator, and check outgoing firewalls"
            found = warning(Topic.PEERS, f"{address} does not answer", why=answer, do=do)
        if found is not None:
            checks.append(found)
    words = f"{level} of {len(answers)} hold all {size:,} {'entry' if size == 1 else 'entries'} of this log"
    return [fine(Topic.PEERS, words), *checks] if level else checks


def _judge_head(own: HeldLog, address: str, head: Head) -> Check | None:
    """What is wrong with a peer's copy of our log; None when it is level with ours."""
    topic, size = Topic.PEERS, own.state.size
    shown = signed_size(head.note, own.state)
    if shown > size:
        why = "the data directory was restored from an older copy, or the same keys run somewhere else"
        do = "start the node: it takes back what is missing; if it cannot, restore the newest backup"
        return problem(topic, f"{address} holds {shown} entries of this log, this computer {size}", why=why, do=do)
    if head.note is None or not head.size:
        do = "if it is a member of the same network: tell its operator; it should follow this log"
        return warning(topic, f"{address} holds nothing of this log", do=do)
    if shown == size and read_checkpoint(head.note).root != read_checkpoint(own.note).root:
        do = "stop the node, tell the network's governors: the log's key signed two histories"
        return problem(topic, f"{address} holds another history of this log", do=do)
    if shown < size:
        do = "nothing within minutes; after that tell its operator"
        return warning(topic, f"{address} holds {head.size} of {size} entries of this log", do=do)
    return None
