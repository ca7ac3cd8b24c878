"""What an audit or a verification looks like as an attestation, and how a signed one is read out in words."""

from collections.abc import Iterable

from ledger import base64url
from ledger.canonical import JSONObject, JSONValue
from ledger.credential.report import Code, CredentialReport, RecordReport, Step
from ledger.credential.validity import format_instant
from ledger.errors import ProofError
from ledger.log.attestation import Attestation, AttestationKind, AttestedHead, SignedAttestation, attested_trust
from ledger.log.didkey import encode_did_key
from ledger.log.identity import encode_log_id
from ledger.log.merkle import RootHash
from ledger.log.network import Network, root_of_view
from ledger.log.view import LedgerView
from wallet_cli.audit_report import AuditReport, at_second
from wallet_cli.audit_state import encode_finding
from wallet_cli.terminal import count


def attest_audit(report: AuditReport, by: str) -> Attestation:
    """Give the attestation of an audit: the heads of all logs that replayed, and every finding."""
    logs: list[JSONValue] = [
        {
            "items": log.items,
            "kept": log.kept,
            "log": encode_log_id(log.log),
            "missing_bodies": log.missing,
            "name": log.name,
        }
        for log in report.logs
    ]
    result: JSONObject = {
        "clean": report.is_clean,
        "findings": [encode_finding(finding) for finding in report.findings],
        "lacking": list(report.lacking),
        "logs": logs,
        "remarks": list(report.remarks),
    }
    heads = sorted((AttestedHead(log.log, log.size, RootHash(log.root)) for log in report.logs), key=lambda h: h.log)
    return Attestation(
        at=report.at,
        by=by,
        kind=AttestationKind.AUDIT,
        trust=attested_trust(report.trust),
        heads=tuple(heads),
        result=result,
    )


def attest_verification(
    files: Iterable[tuple[bytes, RecordReport]], network: Network, at: int, by: str, *, with_report: bool = False
) -> Attestation:
    """Give the attestation of a verification: what each credential was found to be, and the heads it was held against.

    Unless it is asked for, nothing that a file says about its learner stands in it: files are named by the SHA-256 of
    their bytes, which nobody can guess who does not have the file (salts stand in it), steps by number and answer,
    without the words.

    Args:
        files: SHA-256 of each file, and the report on it.
        network: as it was looked at.
        at: Unix milliseconds.
        by: who says so.
        with_report: add the report as people read it, with all that the file shows.
    """
    credentials: list[JSONValue] = [
        _credential(digest, credential, with_report) for digest, report in files for credential in report.credentials
    ]
    views = ((log_id, network.ledger.log(log_id)) for log_id in sorted(network.ledger.log_ids()))
    heads = tuple(AttestedHead(log, view.state.size, view.state.frontier.root()) for log, view in views if view)
    return Attestation(
        at=at,
        by=by,
        kind=AttestationKind.VERIFICATION,
        trust=attested_trust(network.trust),
        heads=heads,
        result={"credentials": credentials},
    )


def _credential(digest: bytes, credential: CredentialReport, with_report: bool) -> JSONObject:
    value: JSONObject = {
        "code": credential.code.value,
        "file": base64url.encode(digest),
        "steps": _attested_steps(credential.steps),
        "verdict": credential.verdict.text,
    }
    as_of = credential.as_of
    if as_of is not None:
        value["as_of"] = {
            "at": as_of.at,
            "known_now": {"code": as_of.known_now.code.value, "steps": _attested_steps(as_of.known_now.steps)},
            "known_then": {"code": as_of.known_then.code.value, "steps": _attested_steps(as_of.known_then.steps)},
        }
    if with_report:
        value["report"] = list(credential.to_lines())
    return value


def _attested_steps(steps: Iterable[Step]) -> list[JSONValue]:
    return [{"answer": step.answer.value, "number": step.number} for step in steps]


def check_heads(attestation: Attestation, ledger: LedgerView) -> tuple[str, ...]:
    """Hold the heads of an attestation against logs that are held; gives what could not be compared, in words.

    Raises:
        ProofError: a log that is held is another one than was checked, or was rewritten since.
    """
    unknown = []
    for head in attestation.heads:
        name, view = encode_log_id(head.log), ledger.log(head.log)
        if view is None:
            unknown.append(f"log {name} is not held here")
        elif view.state.size < head.size:
            unknown.append(f"log {name}: {view.state.size} entries are held here, {head.size} were checked")
        elif root_of_view(view, head.size) != head.root:
            raise ProofError(
                f"attestation: the first {head.size} entries of log {name} are others than those held here",
                hint="one of the two was rewritten; cairn audit tells whether yours is what the network anchored",
            )
    return tuple(unknown)


def describe_attestation(signed: SignedAttestation) -> list[str]:
    """Give an attestation in words, escaping left to whoever prints."""
    attestation = signed.attestation
    trust = attestation.trust
    lines = [
        f"{attestation.kind.value} of {trust.name} ({trust.origin}), {at_second(attestation.at // 1000)}",
        f"signed by   {encode_did_key(signed.key)}",
        f"who says    {attestation.by}",
        f"network     {encode_log_id(trust.network)}",
        f"trust root  SHA-256 {trust.digest.hex()}",
    ]
    for head in attestation.heads:
        entries = count(head.size, "entry", "entries")
        lines.append(f"head        {encode_log_id(head.log)}: {entries}, root {base64url.encode(head.root)}")
    return [*lines, *_result_lines(attestation)]


def _result_lines(attestation: Attestation) -> Iterable[str]:
    result = attestation.result
    if attestation.kind is AttestationKind.AUDIT:
        yield "result      clean" if result.get("clean") is True else "result      not clean"
        findings = result.get("findings")
        for finding in findings if isinstance(findings, list) else ():
            if isinstance(finding, dict):
                index = finding.get("index")
                place = "" if index is None else f" entry {index}:"
                yield f"  {finding.get('severity')}:{place} {finding.get('text')} (log {finding.get('log')})"
        return
    credentials = result.get("credentials")
    for credential in credentials if isinstance(credentials, list) else ():
        if isinstance(credential, dict):
            yield f"result      {credential.get('verdict')} ({credential.get('code')}), file {credential.get('file')}"
            report = credential.get("report")
            yield from (f"  {line}" for line in report if isinstance(line, str)) if isinstance(report, list) else ()
            yield from _as_of_lines(credential.get("as_of"))


def _as_of_lines(value: object) -> Iterable[str]:
    at = value.get("at") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(at, int) or at < 0:
        return
    when = format_instant(at)
    for name, words in (("known_then", f"as known on {when}"), ("known_now", f"as known about {when} later")):
        answer = value.get(name)
        code = answer.get("code") if isinstance(answer, dict) else None
        verdict = Code(code).verdict.then if isinstance(code, str) and code in set(Code) else "unknown"
        yield f"  {words}: {verdict} ({code})"
