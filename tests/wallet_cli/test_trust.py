"""A trust root in words, and the commands that remember it."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.errors import MalformedError
from ledger.log.identity import encode_log_id
from ledger.log.policy import QuorumRule, encode_trust_root
from tests.simulator import SimulatedLog, found_network, trust_of
from wallet_cli import remembered
from wallet_cli.main import run
from wallet_cli.trust import explain_trust_root, format_fingerprint, read_trust_root


def test_names_whom_and_what() -> None:
    """Network, fingerprint, pinned head, quorum and witnesses stand in the explanation."""
    network, _ = found_network("granite", "lantern")
    trust = trust_of(network)
    text = "\n".join(explain_trust_root(trust).lines)
    assert "Confluence" in text
    assert format_fingerprint(encode_log_id(network.log_id)) in text
    assert f"{network.size} entries" in text
    assert "2 of these 2 must have seen" in text
    assert all(witness.key.name in text for witness in trust.witnesses)
    assert "2 days" in text


def test_a_fingerprint_loses_nothing() -> None:
    """The groups are the whole id."""
    text = encode_log_id(SimulatedLog("granite").log_id)
    assert format_fingerprint(text).replace(" ", "") == text


@pytest.mark.parametrize(
    ("quorum", "expected"), [(QuorumRule.NONE, "none asked for"), (QuorumRule.MAJORITY, "Cannot tell yet")]
)
def test_without_witnesses_it_says_what_that_means(quorum: QuorumRule, expected: str) -> None:
    """No witnesses, asked for or not: the reader learns what verdicts that allows."""
    trust = replace(trust_of(SimulatedLog("granite"), quorum), witnesses=())
    assert expected in "\n".join(explain_trust_root(trust).lines)


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    """The error names the file."""
    path = tmp_path / "trust.json"
    path.write_bytes(b"{}")
    with pytest.raises(MalformedError, match=re.escape(str(path))):
        read_trust_root(path)


def test_the_command_explains_and_remembers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Words or JSON on stdout; the file is remembered beside the vault."""
    network, _ = found_network("granite", "lantern")
    path = tmp_path / "trust.json"
    path.write_bytes(encode_trust_root(trust_of(network)))
    options = ["--vault", str(tmp_path / "home" / "vault")]
    assert run(["trust", str(path), *options]) == 0
    assert "fingerprint" in capsys.readouterr().out
    assert remembered.load(tmp_path / "home").trust == path
    assert run(["trust", str(path), *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["network"] == encode_log_id(network.log_id)


def test_another_network_is_not_taken_silently(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """To rely on another network from now on is asked for, and with nobody to ask nothing changes."""
    paths = []
    for name in ("one", "two"):
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_bytes(encode_trust_root(trust_of(SimulatedLog(name))))
    options = ["--vault", str(tmp_path / "vault")]
    assert run(["trust", str(paths[0]), *options]) == 0
    assert run(["trust", str(paths[1]), *options]) == 2
    assert remembered.load(tmp_path).trust == paths[0]
    assert "--yes" in capsys.readouterr().err
    assert run(["trust", str(paths[1]), *options, "--yes"]) == 0
    assert remembered.load(tmp_path).trust == paths[1]
