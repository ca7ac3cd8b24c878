"""Judging fork evidence that somebody hands over: whose log, which keys, where it begins, what follows from it.

A fork file stands alone. A bare piece of evidence names only an origin, so the log's keys must come from the ledger held
here or, for the network's own log, from the trust root. Whatever is held besides says more: which cosignatures are real,
whether both histories count, whether the network has decided.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from ledger import canonical
from ledger.errors import CairnError, MalformedError, SignatureError
from ledger.log.checkpoint import Checkpoint, log_verifier_key, open_checkpoint, open_cosignatures, read_checkpoint
from ledger.log.evidence import VerifiedFork, encode_fork, gather_forks, parse_fork, verify_fork
from ledger.log.forkfile import (
    FORMAT,
    MAX_FORK_FILE_BYTES,
    AccusedLog,
    ForkFile,
    make_fork_file,
    parse_fork_file,
    verify_fork_file,
)
from ledger.log.identity import LogId, encode_log_id
from ledger.log.members import Witness, WitnessSet, judge_by_any, judge_notes
from ledger.log.network import Fork, Network
from ledger.log.note import VerifierKey, parse_note
from ledger.log.policy import TrustRoot


class UnknownKeyError(CairnError):
    """Nothing at hand says which key signs for the log that evidence is about."""

    exit_code = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One of two histories, as its note shows it.

    Attributes:
        size, root: what the log's key signed.
        cosigned: witnesses known here whose cosignature verifies, with their times (Unix seconds), earliest first.
        unknown: names of other cosigners, of whose signatures nothing can be said.
        required: cosignatures that make a quorum; 0 where no witness is known.
        present: how many of those that count are there.
    """

    size: int
    root: bytes
    cosigned: tuple[tuple[str, int], ...]
    unknown: tuple[str, ...]
    required: int
    present: int

    @property
    def has_quorum(self) -> bool | None:
        """Whether it counts as a head; `None` where that is not known."""
        return self.present >= self.required if self.required else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenFork:
    """One proven fork.

    Attributes:
        first, second: the two histories.
        split: the histories differ at this entry or below.
        common: entries that they share as far as the evidence proves; `None` where it does not say.
        begins: entries taken as shared: proven ones, else what the network had anchored before; `None` if neither is known.
        decided_by: entry of the network's log that names the history that counts, where it is held.
        has_old_key: a history is signed by a log key that was replaced since, as far as is known here.
    """

    first: Branch
    second: Branch
    split: int
    common: int | None
    begins: int | None
    decided_by: int | None
    has_old_key: bool

    @property
    def is_alarm_only(self) -> bool | None:
        """Whether one history has no quorum, so that no verdict changes; `None` where that is not known."""
        quorums = (self.first.has_quorum, self.second.has_quorum)
        return None if None in quorums else not all(quorums)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFinding:
    """What evidence proves about one log.

    Attributes:
        log: its id; `None` where only a trust root names it and the id is that of another.
        name, origin: of the institution.
        stands_alone: the file itself holds the charter.
        network: what network was asked, with a replica of it; empty for none.
        is_member: whether that network knows the log; `None` where nobody could be asked.
        forks: at least one.
    """

    log: LogId
    name: str
    origin: str
    stands_alone: bool
    network: str
    is_member: bool | None
    forks: tuple[ProvenFork, ...]


def judge_evidence(data: bytes, trust: TrustRoot | None = None, network: Network | None = None) -> EvidenceFinding:
    """Judge a fork file or a bare piece of fork evidence.

    Args:
        data: exact bytes of the file.
        trust: names a network and its witnesses, if anybody trusts one.
        network: the same network with its logs, where a replica is held.

    Raises:
        MalformedError: it is neither.
        SignatureError, ProofError, RuleError: it does not prove what it claims.
        UnknownKeyError: it cannot be judged without the keys of that log.
    """
    if is_fork_file(data):
        file = parse_fork_file(data)
        accused, _ = verify_fork_file(file)
        pieces = [encode_fork(piece) for piece in file.evidence]
        return _describe(accused, pieces, trust, network, stands_alone=True)
    try:
        evidence = parse_fork(data.removesuffix(b"\n"))
    except MalformedError as error:
        raise MalformedError(
            f"file: no fork file, and no piece of fork evidence: {error}",
            hint="cairn-node evidence and cairn evidence write fork files",
        ) from error
    accused = _find_accused(read_checkpoint(evidence.first).origin, trust, network)
    try:
        verify_fork(evidence, accused.keys)
    except SignatureError as error:
        if network is None or network.ledger.log(accused.log) is None:
            raise UnknownKeyError(
                f"{error}, as far as the trust root names them",
                hint="its log key may have changed since: cairn sync, then judge it again",
            ) from error
        raise
    return _describe(accused, [data], trust, network, stands_alone=False)


def find_held_forks(network: Network, name: str | None = None) -> list[tuple[LogId, ForkFile]]:
    """Give a fork file for each held log of which two histories are proven.

    Args:
        network: with all evidence that the replica holds.
        name: of one log alone: its name, origin or log id.
    """
    found = []
    for log_id in network.ledger.log_ids():
        view = network.ledger.log(log_id)
        if view is None or name not in (None, view.state.name, view.state.charter.origin, encode_log_id(log_id)):
            continue
        keys = view.state.verifier_keys()
        pieces = [piece for piece in network.evidence_about(log_id) if gather_forks([piece], keys).forks]
        if pieces:
            found.append((log_id, make_fork_file(view, pieces)))
    return found


def is_fork_file(data: bytes) -> bool:
    """Tell a fork file from a bare piece of evidence.

    Raises:
        MalformedError: it is no ledger JSON at all.
    """
    return canonical.parse(data.removesuffix(b"\n"), max_bytes=MAX_FORK_FILE_BYTES).get("format") == FORMAT


def _find_accused(origin: str, trust: TrustRoot | None, network: Network | None) -> AccusedLog:
    for log_id in () if network is None else network.ledger.log_ids():
        assert network is not None
        view = network.ledger.log(log_id)
        if view is not None and view.state.charter.origin == origin:
            return AccusedLog(log_id, origin, view.state.name, view.state.verifier_keys())
    if trust is not None and trust.origin == origin:
        return AccusedLog(trust.network, origin, trust.name, (log_verifier_key(origin, trust.log_key),))
    raise UnknownKeyError(
        f"evidence: nothing here says which key signs for {origin}",
        hint="ask for the fork file (cairn-node evidence DIR -o FILE), or say --replica DIR, a replica that holds that log",
    )


def _describe(
    accused: AccusedLog,
    pieces: Sequence[bytes],
    trust: TrustRoot | None,
    network: Network | None,
    *,
    stands_alone: bool,
) -> EvidenceFinding:
    proven = gather_forks(pieces, accused.keys)
    judged: dict[frozenset[Checkpoint], Fork] = {}
    if network is not None:
        found = network.judge_forks(accused.log, pieces)
        judged = {frozenset((fork.proof.first, fork.proof.second)): fork for fork in found}
    known = _Known(accused.log, trust, network)
    is_known = network is not None and (
        accused.log == network.trust.network or accused.log in network.state.members.records
    )
    return EvidenceFinding(
        log=accused.log,
        name=accused.name,
        origin=accused.origin,
        stands_alone=stands_alone,
        network="" if network is None else network.trust.name,
        is_member=None if network is None else is_known,
        forks=tuple(
            _prove(fork, judged.get(frozenset((fork.first, fork.second))), known, proven.notes, accused.keys[-1])
            for fork in proven.forks
        ),
    )


def _prove(
    fork: VerifiedFork,
    judged: Fork | None,
    known: "_Known",
    notes: Mapping[Checkpoint, Sequence[bytes]],
    newest: VerifierKey,
) -> ProvenFork:
    decided = None if judged is None else judged.decided_by
    return ProvenFork(
        first=known.branch(fork.first, notes[fork.first]),
        second=known.branch(fork.second, notes[fork.second]),
        split=fork.split,
        common=fork.common,
        begins=fork.common if judged is None else judged.size,
        decided_by=None if decided is None else decided.index,
        has_old_key=not all(_is_signed(notes[head], newest) for head in (fork.first, fork.second)),
    )


def _is_signed(notes: Sequence[bytes], key: VerifierKey) -> bool:
    for note in notes:
        try:
            open_checkpoint(note, key)
        except CairnError:
            continue
        return True
    return False


class _Known:
    """The witnesses that are known here."""

    def __init__(self, log: LogId, trust: TrustRoot | None, network: Network | None) -> None:
        self._log = log
        self._network = network
        self._trusted: tuple[Witness, ...] = () if trust is None else trust.witnesses

    def branch(self, head: Checkpoint, notes: Sequence[bytes]) -> Branch:
        if self._network is None:
            sets: tuple[WitnessSet, ...] = (WitnessSet(0, self._trusted),)
        else:
            sets = self._network.witness_sets_for(self._log, head.size, head.root)
        quorum = judge_by_any(sets, partial(judge_notes, notes, self._log))
        times: dict[VerifierKey, int] = {}
        for witness in dict.fromkeys(witness for item in sets for witness in item.witnesses):
            for seconds in _times(notes, witness.key):
                times[witness.key] = min(seconds, times.get(witness.key, seconds))
        checked = {key.name for key in times}
        named = {line.name for note in notes for line in parse_note(note).signatures}
        return Branch(
            size=head.size,
            root=head.root,
            cosigned=tuple(sorted(((key.name, at) for key, at in times.items()), key=lambda item: (item[1], item[0]))),
            unknown=tuple(sorted(named - checked - {head.origin})),
            required=quorum.required,
            present=quorum.present,
        )


def _times(notes: Sequence[bytes], key: VerifierKey) -> list[int]:
    found = []
    for note in notes:
        try:
            found += [cosignature.seconds for cosignature in open_cosignatures(note, [key])]
        except CairnError:
            # A line that does not verify costs only itself.
            continue
    return found
