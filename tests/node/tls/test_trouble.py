"""What a certificate's report says becomes a finding: with its age once it ended, its remedy, and how pressing it is."""

from pathlib import Path

import pytest

from node.client.finding import FindingCode, Severity
from node.tls.report import find_certificate_trouble, read_reports
from tests.node.tls.authority import DAY_MS, now_ms, write_files
from tests.node.tls.test_certificates import AUTHORITY, CONFIG, HOST


@pytest.mark.parametrize(
    ("days", "severity", "words"),
    [
        (22, None, ""),
        (12.5, Severity.WARNING, "certificate of the HTTP listener ends in 12 days, on "),
        (2.5, Severity.PROBLEM, "certificate of the HTTP listener ends in 2 days, on "),
        (-1.0, Severity.PROBLEM, "certificate of the HTTP listener: it ended on "),
    ],
)
def test_the_end_comes_nearer(tmp_path: Path, days: float, severity: Severity | None, words: str) -> None:
    write_files(tmp_path / "acme", AUTHORITY, HOST, ends_in=30 * DAY_MS)
    (report,) = read_reports(tmp_path, CONFIG)
    assert report.not_after is not None
    told = list(find_certificate_trouble(report, report.not_after - int(days * DAY_MS)))
    assert [finding.severity for finding in told] == ([] if severity is None else [severity])
    for finding in told:
        assert (finding.code, finding.subject) == (FindingCode.CERTIFICATE, "http")
        assert finding.what.startswith(words) and finding.do.startswith("renew ")
        assert finding.since == (report.not_after if days < 0 else None)


def test_what_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    write_files(tmp_path / "acme", AUTHORITY, HOST).certificate.write_text("no certificate")
    (report,) = read_reports(tmp_path, CONFIG)
    (finding,) = find_certificate_trouble(report, now_ms())
    assert (finding.severity, finding.subject, bool(finding.do)) == (Severity.PROBLEM, "http", True)
