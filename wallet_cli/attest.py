"""What an audit or a verification looks like as an attestation, and how a signed one is read out in words."""

from collections.abc import Iterable

from ledger import base64url
from ledger.canonical import JSONObject, JSONValue
from ledger.credential.report import Code, CredentialReport, RecordReport, Step
from ledger.credential.validity import format_instant
from ledger.log.attestation import Attestation, AttestationKind, AttestedHead, SignedAttestation, attested_trust
from ledger.log.didkey import encode_did_key
from ledger.log.identity import encode_log_id
from ledger.log.merkle import RootHash
from ledger.log.network import Network
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


def attest_verification(files: Iterable[tuple[bytes, RecordReport]], network: Network, at: int, by: str) -> Attestation:
    """Give the attestation of a verification: what each credential was found to be, and the heads it was held against.

    Nothing that a file says about its learner stands in it: files are named by the SHA-256 of their bytes, which nobody can
    guess who does not have the file (salts stand in it), steps by number and answer, without the words.

    Args:
        files: SHA-256 of each file, and the report on it.
        network: as it was looked at.
        at: Unix milliseconds.
        by: who says so.
    """
    credentials: list[JSONValue] = [
        _attested(digest, credential) for digest, report in files for credential in report.credentials
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


def _attested(digest: bytes, credential: CredentialReport) -> JSONObject:
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
    return value


def _attested_steps(steps: Iterable[Step]) -> list[JSONValue]:
    return [{"answer": step.answer.value, "number": step.number} for step in steps]


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
            yield from _as_of_lines(credential.get("as_of"))


def _as_of_lines(value: object) -> Iterable[str]:
    if not isinstance(value, dict) or not isinstance(value.get("at"), int):
        return
    when = format_instant(value["at"])
    for name, words in (("known_then", f"as known on {when}"), ("known_now", f"as known about {when} later")):
        answer = value.get(name)
        code = answer.get("code") if isinstance(answer, dict) else None
        verdict = Code(code).verdict.then if code in set(Code) else "unknown"
        yield f"  {words}: {verdict} ({code})"
