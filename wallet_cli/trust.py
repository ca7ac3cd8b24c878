"""A trust root in words: whom a verifier relies on, for what, and what to compare with somebody else's copy."""

from dataclasses import dataclass
from pathlib import Path

from ledger import base64url
from ledger.duration import DAY_MS
from ledger.errors import MalformedError
from ledger.log.identity import encode_log_id
from ledger.log.members import quorum_of
from ledger.log.policy import MAX_TRUST_ROOT_BYTES, QuorumRule, TrustRoot, parse_trust_root
from wallet_cli import files
from wallet_cli.terminal import count

_HOUR_MS = 3_600_000
_GROUP = 6


@dataclass(frozen=True, slots=True)
class Explanation:
    """A trust root explained: lines for people, and the same as plain values."""

    lines: tuple[str, ...]
    values: dict[str, object]


def read_trust_root(path: Path) -> TrustRoot:
    """Read a trust root file.

    Raises:
        MalformedError: it does not parse; the message names the file.
        OSError: it cannot be read.
    """
    try:
        return parse_trust_root(files.read_bounded(path, MAX_TRUST_ROOT_BYTES))
    except MalformedError as error:
        raise MalformedError(
            f"{path}: {error}", hint=error.hint or "get the file again from the network or from somebody you trust"
        ) from error


def explain_trust_root(trust: TrustRoot) -> Explanation:
    """Say what relying on this trust root means."""
    witnesses = [{"key": witness.key.encode(), "name": witness.key.name} for witness in trust.witnesses]
    independent = [witness for witness in trust.witnesses if witness.log != trust.network]
    required = 0 if trust.quorum is QuorumRule.NONE else quorum_of(len(independent))
    fingerprint = format_fingerprint(encode_log_id(trust.network))
    lines = [
        f"network      {trust.name}",
        f"log          {trust.origin}",
        f"fingerprint  {fingerprint}",
        "             read it aloud with somebody who has it from another source; everything else follows from it",
        f"pinned at    {count(trust.head_size, 'entry', 'entries')}; a ledger that does not contain exactly these is refused",
        *_quorum_lines(trust, required),
        f"freshness    older than {_duration(trust.max_age)} is called stale",
        *(f"node         {url}" for url in trust.http),
    ]
    values: dict[str, object] = {
        "fingerprint": fingerprint,
        "head": {"root": base64url.encode(trust.head_root), "size": trust.head_size},
        "max_age_ms": trust.max_age,
        "name": trust.name,
        "network": encode_log_id(trust.network),
        "nodes": list(trust.http),
        "origin": trust.origin,
        "quorum": trust.quorum.value,
        "required": required,
        "witnesses": witnesses,
    }
    return Explanation(tuple(lines), values)


def write_policy(trust: TrustRoot, path: Path) -> None:
    """Write the witness part of a trust root as a policy file; one that is there already is not replaced.

    Raises:
        PolicyError: it asks for a quorum of witnesses it does not have.
        MalformedError: the file exists, or its folder does not.
    """
    # Imported here: every verification reads a trust root, hardly any command writes a policy.
    from ledger.log.witness_policy import encode_witness_policy, make_policy

    data = encode_witness_policy(make_policy(trust))
    if path.exists():
        raise MalformedError(f"{path} exists already", hint="name another file with --policy")
    try:
        files.write_atomically(path, data, mode=0o644)
    except OSError as error:
        raise MalformedError(f"{path} cannot be written: {error.strerror}", hint="name another file") from error


def is_same_network(path: Path | None, trust: TrustRoot) -> bool:
    """Tell whether relying on `trust` changes nothing about whom is relied on: no file before, or the same network."""
    if path is None:
        return True
    try:
        return read_trust_root(path).network == trust.network
    except (MalformedError, OSError):
        # What was remembered cannot be read any more, so nothing can have been relying on it.
        return True


def format_fingerprint(text: str) -> str:
    """Give a log id in groups that can be read aloud."""
    return " ".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))


def _quorum_lines(trust: TrustRoot, required: int) -> list[str]:
    if trust.quorum is QuorumRule.NONE:
        return ["witnesses    none asked for: the network's own signature is enough, and every verdict says so"]
    if not trust.witnesses:
        return ["witnesses    none yet: nothing can be better than `Cannot tell yet` until the network has some"]
    independent = [witness.key.name for witness in trust.witnesses if witness.log != trust.network]
    own = [witness.key.name for witness in trust.witnesses if witness.log == trust.network]
    return [
        f"witnesses    {required} of these {len(independent)} must have seen the network's ledger as you see it:",
        *(f"             {name}" for name in independent),
        *(f"             the network's own, {name}, counts for its members' ledgers" for name in own),
        "             for a member's ledger its own witness does not count",
    ]


def _duration(milliseconds: int) -> str:
    if milliseconds >= 2 * DAY_MS or milliseconds % DAY_MS == 0:
        days = milliseconds // DAY_MS
        return f"{days} day{'' if days == 1 else 's'}"
    hours = max(1, milliseconds // _HOUR_MS)
    return f"{hours} hour{'' if hours == 1 else 's'}"
