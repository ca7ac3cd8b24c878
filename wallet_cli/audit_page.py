"""The report of an audit as one HTML page that needs nothing else: no script, no style sheet, no picture from elsewhere.

It is read by screen readers, on paper, and years later: headings in order, tables with captions and row headers, severity in
words and not by colour alone. Everything that comes from a log is escaped.
"""

from datetime import UTC, datetime
from html import escape

from ledger import base64url
from ledger.log.finding import EXPLANATIONS, Finding
from ledger.log.identity import encode_log_id
from wallet_cli import terminal
from wallet_cli.audit_report import AuditedLog, AuditReport, at_second, describe
from wallet_cli.timeline import draw_timeline

_STYLE = """
:root{color-scheme:light dark}
body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:1rem 0}
caption{text-align:left;font-weight:bold;padding:.25rem 0}
th,td{border:1px solid #767676;padding:.35rem .6rem;text-align:left;vertical-align:top}
td,code{overflow-wrap:anywhere}
.number{text-align:right}
.verdict{border:2px solid;padding:.75rem 1rem;font-size:1.2rem}
.timeline{width:100%;height:auto;font-size:11px}
.timeline text{fill:currentColor}
.timeline .axis{fill:none;stroke:currentColor}
.timeline .size{fill:none;stroke:#1f6fb2;stroke-width:2}
.timeline .mark{fill:#b3261e;stroke:currentColor}
@media print{body{max-width:none;margin:0}section{break-inside:avoid-page}a{color:inherit}}
"""


def render_page(report: AuditReport) -> str:
    """Give the whole page."""
    title = f"Audit of {_text(report.trust.name)}"
    made = datetime.fromtimestamp(report.at / 1000, UTC)
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        # Even if something slipped through the escaping, nothing on this page may run or be fetched.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main>",
        f"<h1>{title}</h1>",
        f'<p>Made <time datetime="{made:%Y-%m-%dT%H:%M:%SZ}">{at_second(report.at // 1000)}</time>.</p>',
        f'<p class="verdict"><strong>{_verdict(report)}</strong></p>',
        _overview(report),
        _findings("Findings about logs that did not replay or are not held", report.elsewhere()),
        *(_log(report, log) for log in report.logs),
        _list("Remarks", report.remarks),
        _list("Could not be had", report.lacking),
        _start(report),
        "</main></body></html>\n",
    ]
    return "\n".join(part for part in parts if part)


def _text(text: str) -> str:
    # Control characters and marks that turn the reading direction are made visible, as on a terminal.
    return escape(terminal.escape(text))


def _verdict(report: AuditReport) -> str:
    found = terminal.count(len(report.findings), "finding")
    if report.is_clean:
        return f"Clean: every log replays from zero ({found}, none against a rule)"
    return f"Not clean: {found}, see below"


def _overview(report: AuditReport) -> str:
    rows = "".join(
        f'<tr><th scope="row"><a href="#{encode_log_id(log.log)}">{_text(log.name)}</a></th>'
        f'<td class="number">{log.size}</td><td class="number">{_new(log)}</td><td class="number">{log.items}</td>'
        f'<td class="number">{log.missing}</td><td class="number">{len(report.about(log.log))}</td></tr>'
        for log in report.logs
    )
    heads = "".join(
        f'<th scope="col">{name}</th>' for name in ("Log", "Entries", "New", "Items", "Bodies not held", "Findings")
    )
    return f"<table><caption>Logs replayed</caption><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _new(log: AuditedLog) -> str:
    return "-" if log.before is None else str(log.size - log.before)


def _log(report: AuditReport, log: AuditedLog) -> str:
    found = report.about(log.log)
    marks = [finding.index for finding in found if finding.index is not None]
    return (
        f'<section id="{encode_log_id(log.log)}"><h2>{_text(log.name)}</h2><p>{_text(describe(log))}.</p>'
        f"<dl><dt>Log id</dt><dd><code>{encode_log_id(log.log)}</code></dd>"
        f"<dt>Root of its {log.size} entries</dt><dd><code>{base64url.encode(log.root)}</code></dd>{_known(log)}</dl>"
        f"{draw_timeline(log, marks)}{_findings('Findings', found, 3) or '<p>No findings.</p>'}</section>"
    )


def _known(log: AuditedLog) -> str:
    if not log.heads:
        return ""
    last = log.heads[-1]
    size = terminal.count(last.size, "entry", "entries")
    return f"<dt>Witnessed and anchored</dt><dd>{size} by {at_second(last.seconds)}</dd>"


def _findings(title: str, findings: tuple[Finding, ...], level: int = 2) -> str:
    if not findings:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{finding.severity.value}</th>'
        f'<td class="number">{"-" if finding.index is None else finding.index}</td><td>{_text(finding.text)}</td>'
        f"<td>{finding.rule.value}: {escape(EXPLANATIONS[finding.rule])}</td><td>{_text(finding.evidence) or '-'}</td></tr>"
        for finding in findings
    )
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("Severity", "Entry", "What", "Rule", "Evidence"))
    return (
        f"<h{level}>{title}</h{level}><table><caption>{terminal.count(len(findings), 'finding')}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _list(title: str, lines: tuple[str, ...]) -> str:
    return f"<h2>{title}</h2><ul>{''.join(f'<li>{_text(line)}</li>' for line in lines)}</ul>" if lines else ""


def _start(report: AuditReport) -> str:
    trust = report.trust
    return (
        f"<h2>What this started from</h2><dl><dt>Network</dt><dd>{_text(trust.name)} ({_text(trust.origin)})</dd>"
        f"<dt>Fingerprint (log id)</dt><dd><code>{encode_log_id(trust.network)}</code></dd>"
        f"<dt>Pinned head</dt><dd>{trust.head_size} entries, root <code>{base64url.encode(trust.head_root)}</code></dd></dl>"
        "<p>Every signature, hash and rule was checked from these bytes on the auditor's own computer. An audit says that "
        "the rules were kept and nothing was rewritten; it says nothing about whether the claims are true.</p>"
    )
