"""Taking a log over from its host, on the word of its root keys: the host is hostile, silent, or simply somebody else's.

1. The rotation is judged by the log as held here, and its new key must be one of this node's.
2. It is shown to every witness. Each that answered never cosigns under the old key again, and says how far it did.
3. With w witnesses in force, k of them a quorum, w-k+1 must have answered: then no head can come to be that is not known
   here, and no larger one is.
4. The log goes on at the largest witnessed size. It is fetched if it is not held, and compared with what that witness holds.
5. The rotation, and what else the root keys decided with it, becomes the next entries; the new key signs the checkpoint.
   Entries above the witnessed size, which nobody cosigned, are replaced.

Nothing here is signed before 4, and everything is on disk before the node runs. Run again it finds its work done.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger import base64url
from ledger.errors import CairnError, MalformedError, RuleError
from ledger.log import merkle
from ledger.log.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from ledger.log.entry import Signature, encode_entry, parse_entry
from ledger.log.follow import Growth, judge_growth
from ledger.log.governance import RotateLogKey
from ledger.log.identity import LogId, encode_log_id
from ledger.log.keys import SigningKey
from ledger.log.rotation import SignedRotation, encode_rotation, verify_rotation
from ledger.log.state import LogState
from node.client.exchange import Head
from node.clock import Clock
from node.directory import Directory, NamedWitness
from node.errors import BusyError
from node.events import HeadEvents
from node.fsck.repair import dial_policy, name_aside
from node.highwater import HighWater
from node.home import Home
from node.ledgerside import find_own_log
from node.onlyone import hold_directory
from node.peers import Peers
from node.proposal import Proposal, signatures_to_submit
from node.pull import Puller
from node.recovery.fetch import UNBOUNDED_BYTES
from node.recovery.recover import adopt_newest
from node.registrar import outbox
from node.registrar.database import find_place, open_database
from node.store.ledgerstore import LedgerStore
from node.store.logstore import LogStore
from node.trust import load_trust_roots

TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Shown:
    """What one witness answered when a rotation was shown to it: the size it cosigned last, or why it did not take it."""

    witness: NamedWitness
    size: int | None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver:
    """What was done.

    Attributes:
        name: of the institution.
        size: entries of its log now.
        witnessed: entries that stay as they were.
        replaced: entries above them that nobody had cosigned, and that are gone.
        entries: index and first word line of each entry written.
        shown: the witnesses' answers.
        kept_database: where a registrar's database that had read replaced entries was moved to.
        was_done: it had been done before.
    """

    name: str
    size: int
    witnessed: int
    replaced: int
    entries: tuple[tuple[int, str], ...]
    shown: tuple[Shown, ...]
    kept_database: Path | None = None
    was_done: bool = False


def read_rotation(proposal: Proposal) -> SignedRotation:
    """The rotation that a complete proposal is.

    Raises:
        PolicyError: too few have signed.
        RuleError: it is another decision.
    """
    if not isinstance(proposal.statement, RotateLogKey):
        raise RuleError(
            f"proposal: it does not rotate the log key but says: {proposal.words[0]}",
            hint="name the rotation first; cairn-node key rotate DIR --role log -o P makes one",
        )
    return SignedRotation(proposal.statement_bytes, signatures_to_submit(proposal))


async def show_rotation(
    peers: Peers, witnesses: Sequence[NamedWitness], state: LogState, rotation: SignedRotation
) -> tuple[Shown, ...]:
    """Show a rotation to witnesses of a log, all at once; gives every answer."""
    data = encode_rotation(rotation)

    async def show(witness: NamedWitness) -> Shown:
        if not witness.address:
            return Shown(witness, None, "nobody told where it can be asked")
        try:
            size = await peers.client(witness.address).show_rotation(state.log_id, data)
        except CairnError as error:
            return Shown(witness, None, str(error))
        return Shown(witness, size)

    # An institution with an old and a new witness key is asked once.
    by_log = {witness.log: witness for witness in reversed(witnesses)}
    return tuple(await asyncio.gather(*(show(witness) for witness in by_log.values())))


async def announce_rotation(home: Home, proposal: Proposal) -> tuple[Shown, ...]:
    """Show a rotation of this institution's log key to all its witnesses, from a directory of its node that does not run.

    Raises:
        CairnError: it would have no effect after the entries held, or the directory cannot be read.
    """
    rotation = read_rotation(proposal)
    with hold_directory(home.directory, "cairn-node key announce"):
        taking = _Taking(home)
        try:
            verify_rotation(taking.log.state, rotation)
            return await taking.show(rotation)
        finally:
            await taking.close()


async def announce_to(
    home: Home, proposal: Proposal, addresses: Sequence[str]
) -> tuple[tuple[str, int | None, str], ...]:
    """Show a rotation to the nodes at some addresses; they judge it. Gives address, size cosigned, problem of each."""
    rotation = read_rotation(proposal)
    log = rotation.statement.log
    assert log is not None, "governance stands in a log"
    peers = Peers(timeout_seconds=TIMEOUT_SECONDS, policy=dial_policy(home.config))
    answers: list[tuple[str, int | None, str]] = []
    try:
        for address in addresses:
            try:
                size = await peers.client(address).show_rotation(log, encode_rotation(rotation))
                answers.append((address, size, ""))
            except CairnError as error:
                answers.append((address, None, str(error)))
    finally:
        await peers.close()
    return tuple(answers)


async def take_over(home: Home, proposals: Sequence[Proposal], state_home: Path, clock: Clock) -> TakenOver:
    """Go on with a log from this directory.

    Args:
        home: of a node that does not run, with the log, as `recover` made it, and the new log key.
        proposals: the signed rotation first, then whatever else root keys decided with it.
        state_home: where the high-water file stands.
        clock: Unix ms.

    Raises:
        PolicyError: a proposal lacks signatures.
        RuleError: one would have no effect, or the log held is another branch than the witnessed one.
        BusyError: too few witnesses answered; those that did no longer cosign under the old key.
    """
    rotation = read_rotation(proposals[0])
    signed = [(proposal, signatures_to_submit(proposal)) for proposal in proposals]
    with hold_directory(home.directory, "cairn-node takeover"):
        taking = _Taking(home)
        try:
            log = taking.log
            if log.state.log_key == rotation.statement.log_key:
                return TakenOver(
                    name=log.state.name,
                    size=log.size,
                    witnessed=log.size,
                    replaced=0,
                    entries=(),
                    shown=(),
                    was_done=True,
                )
            key = taking.keystore.find(rotation.statement.log_key.id)  # 1
            if key is None:
                raise RuleError(
                    f"{home.directory}: has no file of the new log key {base64url.encode(rotation.statement.log_key.id)}",
                    hint="make the proposal in this directory: cairn-node key rotate DIR --role log -o P",
                )
            verify_rotation(log.state, rotation)
            shown = await taking.show(rotation)  # 2, 3
            size = await taking.reach(shown)  # 4
            gone = [parse_entry(data).statement.id for data in log.entries(size, log.size)]
            growth, entries = await asyncio.to_thread(_continue, log, size, signed, key)  # 5
            kept = await asyncio.to_thread(_set_database_aside, home, log, gone, clock())
            await asyncio.to_thread(log.replace_tail if gone else log.commit, growth)
            HighWater(state_home, log.state.log_id).raise_to(log.size)
            done = TakenOver(
                name=log.state.name,
                size=log.size,
                witnessed=size,
                replaced=len(gone),
                entries=entries,
                shown=shown,
                kept_database=kept,
            )
        finally:
            await taking.close()
        if done.kept_database is not None:
            await asyncio.to_thread(adopt_newest, home, taking.keystore, log.state.log_id, clock(), is_new=True)
    return done


class _Taking:
    """The parts of a node that does not run, as far as a log is taken over with them."""

    def __init__(self, home: Home) -> None:
        self.keystore = home.keystore()
        self._store = LedgerStore.open(home.ledger)
        try:
            self.log: LogStore = find_own_log(self._store, self.keystore)
            trusts = tuple(load_trust_roots(home.directory, home.config.networks).values())
            own = self.log.state.log_id
            self._directory = Directory(
                self._store,
                own,
                trusts,
                config_peers=home.config.peers,
                own_addresses={home.config.grpc_address, self.log.state.grpc},
            )
        except BaseException:
            self._store.close()
            raise
        self._peers = Peers(timeout_seconds=TIMEOUT_SECONDS, policy=dial_policy(home.config))

    async def close(self) -> None:
        await self._peers.close()
        self._store.close()

    async def show(self, rotation: SignedRotation) -> tuple[Shown, ...]:
        """Show it to everybody, and see that enough have taken it."""
        own = self.log.state.log_id
        shown = await show_rotation(self._peers, self._directory.witnesses(own), self.log.state, rotation)
        problems = {item.witness.log: item.problem for item in shown if item.size is None}
        self._check_enough(shown, problems)
        return shown

    def _check_enough(self, shown: Sequence[Shown], problems: Mapping[LogId, str]) -> None:
        """See that enough witnesses took it, of those without a problem."""
        answered = {item.witness.log for item in shown} - problems.keys()
        heard = self._directory.count_answers(self.log.state.log_id, answered)
        if heard.present >= heard.needed:
            return
        told = "; ".join(
            f"{item.witness.key.name}: {problems[item.witness.log]}" for item in shown if item.witness.log in problems
        )
        raise BusyError(
            f"{heard.present} of {heard.witnesses} witnesses took the rotation, {heard.needed} must: {told}",
            hint="run the same again when more of them answer; those that took it stay with it",
        )

    async def reach(self, shown: Sequence[Shown]) -> int:
        """Hold the log up to the largest witnessed size, on the witnessed branch; gives that size.

        A witness cosigns only what it holds. One that cannot show what it claims counts as one that did not answer, or a
        single one could keep any log with its host for ever.
        """
        answers = sorted((answer for answer in shown if answer.size), key=lambda answer: -(answer.size or 0))
        for answer in answers:
            if self.log.size < (answer.size or 0):
                # What one serves wrongly, or not at all, another may serve; what is missing then shows below.
                with contextlib.suppress(CairnError):
                    await self._pull(answer.witness.address)
        reached, problems = 0, {item.witness.log: item.problem for item in shown if item.size is None}
        for answer in answers:
            try:
                await self._compare(answer.witness, answer.size or 0)
            except _OtherBranchError:
                raise
            except CairnError as error:
                problems[answer.witness.log] = str(error)
            else:
                reached = max(reached, answer.size or 0)
        self._check_enough(shown, problems)
        return reached or self.log.size

    async def _pull(self, address: str) -> None:
        client = self._peers.client(address)
        head = await self._head(address)
        puller = Puller(self._store, HeadEvents(), self._directory, lambda: 0, daily_bytes=UNBOUNDED_BYTES)
        await puller.pull(client, head)

    async def _head(self, address: str) -> Head:
        (head,) = await self._peers.client(address).heads([self.log.state.log_id])
        return head

    async def _compare(self, witness: NamedWitness, size: int) -> None:
        """See that the first `size` entries are those the witness holds: a log that parts below can never be cosigned."""
        if self.log.size < size:
            raise BusyError(f"says it cosigned {size} entries, of which {self.log.size} are served")
        state, head = self.log.state, await self._head(witness.address)
        if head.note is None or head.size < size:
            raise MalformedError(f"says it cosigned {size} entries, and shows {head.size}")
        theirs = open_checkpoint(head.note, state.verifier_key_at(head.size))
        if size <= theirs.size <= self.log.size:
            if merkle.root_at(theirs.size, self.log.read_hashes) != theirs.root:
                raise _OtherBranchError(
                    f"log {encode_log_id(state.log_id)}: the {size} entries held here are another branch than "
                    f"{witness.key.name} cosigned",
                    hint=f"recover into a new directory from it: cairn-node recover NEW --from {witness.address}",
                )
            return
        root = merkle.root_at(size, self.log.read_hashes)
        proof = await self._peers.client(witness.address).consistency(state.log_id, size, theirs.size)
        try:
            merkle.verify_consistency(size, root, theirs.size, theirs.root, proof)
        except CairnError as error:
            raise MalformedError(
                f"shows no proof that its {theirs.size} entries begin with the {size} held here, which may be another "
                f"branch ({error}); cairn-node recover NEW --from {witness.address} fetches its own"
            ) from error


class _OtherBranchError(RuleError):
    """What is held contradicts a checkpoint that the log's key signed and a witness shows."""


def _continue(
    log: LogStore, size: int, signed: Sequence[tuple[Proposal, tuple[Signature, ...]]], key: SigningKey
) -> tuple[Growth, tuple[tuple[int, str], ...]]:
    """The decisions as entries `size` and following, under a checkpoint of the new key; and what each says."""
    below = log.state_at(size) if size < log.size else log.state
    state, raws, told = below.copy(), [], []
    for proposal, signatures in signed:
        raw = encode_entry(state.size, state.last_leaf, proposal.statement_bytes, signatures)
        effect = state.apply(parse_entry(raw), None)
        if effect.void is not None:
            raise RuleError(
                f"entry {effect.index} of {encode_log_id(state.log_id)} ({proposal.words[0]}): would have no effect: "
                f"{effect.void}",
                hint="make the proposal anew in this directory; root keys sign it again",
            )
        raws.append(raw)
        told.append((effect.index, proposal.words[0]))
    note = sign_checkpoint(Checkpoint(state.charter.origin, state.size, state.frontier.root()), key)
    return judge_growth(below, raws, [None] * len(raws), note), tuple(told)


def _set_database_aside(home: Home, log: LogStore, gone: Sequence[bytes], now: int) -> Path | None:
    """Move a registrar's database away that has read entries which are about to go; what it took from them is not so."""
    place = find_place(home.directory, home.config.registrar_database)
    if not gone or (isinstance(place, Path) and not place.is_file()):
        return None
    database = open_database(place, encode_log_id(log.state.log_id), keep_in=home.directory)
    try:
        with database.write() as session:
            has_read = any(outbox.has_statement(session, statement_id) for statement_id in gone)
    finally:
        database.close()
    if not has_read:
        return None
    if not isinstance(place, Path):
        raise RuleError(
            "registrar's database: has read entries that nobody witnessed and that are about to go",
            hint="restore it from a backup of before, then run the same again",
        )
    kept = name_aside(place, now)
    for suffix in ("", "-wal", "-shm"):
        part = place.with_name(place.name + suffix)
        if part.exists():
            part.rename(kept.with_name(kept.name + suffix))
    return kept
