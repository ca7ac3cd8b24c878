"""Witness policies: which logs and witnesses count, and how many of them (C2SP tlog-policy).

    log example.com/log+7a1e9f42+AZuUY6B08pW3QVHu8uvsrxWPcAv9nykap2Nb4oxCee+r
    witness w1 w1.example+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2 https://w1.example/witness
    group quorum 1 w1
    quorum quorum

What a trust root says about witnesses, in the form that tools outside this ledger read; and with a policy alone a tlog-proof
can be verified (`proof.verify_proof`). Names mean nothing outside the file. A name belongs to one group at most, so no
witness counts twice. Fields are parted by spaces and tabs; a field that begins with `#` begins a comment; bytes above 0x7F
are kept as they are.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from ledger.errors import MalformedError, PolicyError
from ledger.log.checkpoint import open_cosignatures, read_checkpoint
from ledger.log.members import quorum_of
from ledger.log.note import KeyType, VerifierKey, parse_note, parse_verifier_key
from ledger.log.policy import QuorumRule, TrustRoot
from ledger.log.textline import parse_number

MAX_POLICY_BYTES = 256 * 1024
MAX_LINES = 1000
"""Lines that say something; 32 logs, witnesses and groups each is what every implementation must take."""
NO_QUORUM = "none"
"""The quorum that asks for no cosignature."""

# tab, newline, printable ASCII and everything above
_has_forbidden = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]").search
_is_field = re.compile(r"[^#\x00-\x20\x7f][^\x00-\x20\x7f]*").fullmatch


@dataclass(frozen=True, slots=True)
class PolicyLog:
    """A log whose checkpoints count; the name of its key is its origin."""

    key: VerifierKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class PolicyWitness:
    """A witness, the name it has within the policy, and where it can be asked."""

    name: str
    key: VerifierKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class PolicyGroup:
    """Witnesses a checkpoint if `threshold` of its members do; these are witnesses and groups named before."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyAnswer:
    """What the cosignatures of one note amount to under a policy.

    Attributes:
        present: names of the witnesses that cosigned, in the order of the policy.
        seconds: when the quorum was complete, by the witnesses' own times (Unix seconds); `None` where it is not, and
            where none is asked for.
        has_quorum: whether it is complete.
    """

    present: tuple[str, ...]
    seconds: int | None
    has_quorum: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessPolicy:
    """A policy as parsed; `quorum` is the name of a witness or group, or `NO_QUORUM`."""

    logs: tuple[PolicyLog, ...] = ()
    witnesses: tuple[PolicyWitness, ...] = ()
    groups: tuple[PolicyGroup, ...] = ()
    quorum: str = NO_QUORUM

    def is_met_by(self, names: Collection[str]) -> bool:
        """Tell whether these witnesses together are the quorum."""
        if self.quorum == NO_QUORUM:
            return True
        witnessing = set(names)
        # Members are named before their group, so one pass in order is enough.
        for group in self.groups:
            if sum(member in witnessing for member in group.members) >= group.threshold:
                witnessing.add(group.name)
        return self.quorum in witnessing


def judge_policy(note: bytes, policy: WitnessPolicy) -> PolicyAnswer:
    """Count the cosignatures of a note under a policy; who wrote the log is not looked at.

    Raises:
        MalformedError: not a checkpoint note.
        SignatureError: a cosignature of one of the policy's witnesses does not verify.
    """
    names = {witness.key: witness.name for witness in policy.witnesses}
    times = {names[found.witness]: found.seconds for found in open_cosignatures(note, names)}
    present = tuple(witness.name for witness in policy.witnesses if witness.name in times)
    if policy.quorum == NO_QUORUM:
        return PolicyAnswer(present, None, has_quorum=True)
    by_time = sorted(present, key=times.__getitem__)
    for count, name in enumerate(by_time, 1):
        if policy.is_met_by(by_time[:count]):
            return PolicyAnswer(present, times[name], has_quorum=True)
    return PolicyAnswer(present, None, has_quorum=False)


def find_log_key(note: bytes, policy: WitnessPolicy) -> VerifierKey:
    """Return the key of the log that a note says it is of; the note is not verified.

    Raises:
        MalformedError: not a checkpoint note.
        PolicyError: the policy lists no log of that origin.
    """
    origin = read_checkpoint(note).origin
    found = [log.key for log in policy.logs if log.key.name == origin]
    if not found:
        raise PolicyError(f"policy: {origin} is not one of its {len(policy.logs)} logs")
    signers = {(line.name, line.key_id) for line in parse_note(note).signatures}
    # A log that changed its key is listed under both; the line says which of them signed.
    return next((key for key in found if (key.name, key.key_id) in signers), found[0])


def make_policy(trust: TrustRoot) -> WitnessPolicy:
    """Return what a trust root asks of the checkpoints of its network's log.

    Its members' logs need the network's log to be judged: which witnesses count for them depends on who runs them.

    Raises:
        PolicyError: the trust root asks for a quorum and names no independent witness: no policy can say that.
    """
    counting = [witness.key for witness in trust.witnesses if witness.log != trust.network]
    witnesses = tuple(PolicyWitness(f"w{number}", key) for number, key in enumerate(counting, 1))
    logs = (PolicyLog(VerifierKey(trust.origin, KeyType.ED25519, trust.log_key)),)
    if trust.quorum is QuorumRule.NONE:
        return WitnessPolicy(logs=logs, witnesses=witnesses)
    if not witnesses:
        raise PolicyError(
            f"policy: {trust.name} has no independent witness, and a policy without one would accept its own word",
            hint="export the trust root again once the network has witnesses",
        )
    group = PolicyGroup("majority", quorum_of(len(witnesses)), tuple(witness.name for witness in witnesses))
    return WitnessPolicy(logs=logs, witnesses=witnesses, groups=(group,), quorum=group.name)


def encode_witness_policy(policy: WitnessPolicy) -> bytes:
    """Return the text of a policy, one line for each log, witness and group, the quorum last.

    Names that cannot stand in a policy are the caller's mistake, `ValueError`.
    """
    lines = [["log", log.key.encode(), log.url] for log in policy.logs]
    lines += [["witness", item.name, item.key.encode(), item.url] for item in policy.witnesses]
    lines += [["group", group.name, str(group.threshold), *group.members] for group in policy.groups]
    lines.append(["quorum", policy.quorum])
    text = "".join([f"{' '.join(field for field in line if field)}\n" for line in lines])
    data = text.encode("utf-8", "surrogateescape")
    if parse_witness_policy(data) != policy:
        raise ValueError("a policy that does not read back as itself")
    return data


def parse_witness_policy(data: bytes) -> WitnessPolicy:
    """Read a policy.

    A witness whose key is written as one that signs text (type 1) is read as its cosigner key (type 4), as other
    implementations do.

    Raises:
        MalformedError: too long, a forbidden byte, an unknown line, a name that is not defined before, defined twice or
            a member twice, the same key twice, a threshold out of range, or not exactly one quorum.
    """
    if len(data) > MAX_POLICY_BYTES:
        raise MalformedError(f"policy: {len(data)} bytes, at most {MAX_POLICY_BYTES} are read")
    found = _has_forbidden(data)
    if found:
        raise MalformedError(f"policy: control character 0x{found[0].hex()} at byte {found.start()}")
    reader = _Reader()
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
        fields = _split(line)
        if fields:
            reader.take(fields, f"policy: line {number}")
    return reader.finish()


class _Reader:
    """Takes the lines of a policy one by one."""

    def __init__(self) -> None:
        self._logs: list[PolicyLog] = []
        self._witnesses: list[PolicyWitness] = []
        self._groups: list[PolicyGroup] = []
        self._quorum: str | None = None
        self._names = {NO_QUORUM}
        # names not yet a member of any group
        self._free: set[str] = set()
        self._lines = 0

    def take(self, fields: list[str], where: str) -> None:
        self._lines += 1
        if self._lines > MAX_LINES:
            raise MalformedError(f"policy: more than {MAX_LINES} lines")
        readers = {"log": self._log, "witness": self._witness, "group": self._group, "quorum": self._set_quorum}
        reader = readers.get(fields[0])
        if reader is None:
            raise MalformedError(f"{where}: {fields[0][:40]!r} is none of log, witness, group and quorum")
        reader(fields[1:], where)

    def finish(self) -> WitnessPolicy:
        if self._quorum is None:
            raise MalformedError("policy: no quorum line", hint="`quorum none` asks for no cosignature")
        return WitnessPolicy(
            logs=tuple(self._logs), witnesses=tuple(self._witnesses), groups=tuple(self._groups), quorum=self._quorum
        )

    def _log(self, fields: list[str], where: str) -> None:
        _count(fields, where, 1, 2, "a vkey and at most a URL")
        key = parse_verifier_key(fields[0])
        if key.type is not KeyType.ED25519:
            raise MalformedError(f"{where}: the key of log {key.name} is a cosigner's")
        if any(log.key.key == key.key for log in self._logs):
            raise MalformedError(f"{where}: the key of log {key.name} is listed twice")
        self._logs.append(PolicyLog(key, *fields[1:]))

    def _witness(self, fields: list[str], where: str) -> None:
        _count(fields, where, 2, 3, "a name, a vkey and at most a URL")
        given = parse_verifier_key(fields[1])
        key = VerifierKey(given.name, KeyType.COSIGNATURE, given.key)
        if any(witness.key.key == key.key for witness in self._witnesses):
            raise MalformedError(f"{where}: the key of witness {key.name} is listed twice")
        self._witnesses.append(PolicyWitness(self._define(fields[0], where), key, *fields[2:]))

    def _group(self, fields: list[str], where: str) -> None:
        _count(fields, where, 3, MAX_LINES, "a name, a threshold and members")
        members = tuple(fields[2:])
        for member in members:
            if member not in self._free:
                what = "is a member of a group already" if member in self._names else "is not defined above"
                raise MalformedError(f"{where}: {member[:40]!r} {what}")
            self._free.remove(member)
        self._groups.append(PolicyGroup(self._define(fields[0], where), _threshold(fields[1], members, where), members))

    def _set_quorum(self, fields: list[str], where: str) -> None:
        _count(fields, where, 1, 1, "one name")
        if self._quorum is not None:
            raise MalformedError(f"{where}: a second quorum")
        if fields[0] not in self._names:
            raise MalformedError(f"{where}: {fields[0][:40]!r} is not defined above")
        self._quorum = fields[0]

    def _define(self, name: str, where: str) -> str:
        if name in self._names:
            raise MalformedError(f"{where}: {name[:40]!r} is defined already")
        self._names.add(name)
        self._free.add(name)
        return name


def _split(line: str) -> list[str]:
    fields: list[str] = []
    for item in re.split("[ \t]+", line.strip(" \t")):
        if not _is_field(item):
            break
        fields.append(item)
    return fields


def _count(fields: list[str], where: str, least: int, most: int, what: str) -> None:
    if not least <= len(fields) <= most:
        raise MalformedError(f"{where}: {len(fields)} fields after the first, expected {what}")


def _threshold(text: str, members: tuple[str, ...], where: str) -> int:
    if text in ("any", "all"):
        return 1 if text == "any" else len(members)
    threshold = parse_number(text, f"{where}: threshold")
    if not 1 <= threshold <= len(members):
        raise MalformedError(f"{where}: threshold {threshold} of {len(members)} members")
    return threshold
