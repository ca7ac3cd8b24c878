"""The systemd units: they load, are confined, and start what exists."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.places import DEPLOY, NODE_DIRECTORY, read, unknown_words

UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
CONFINED = {
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes",
    "MemoryDenyWriteExecute": "yes",
    "SystemCallArchitectures": "native",
}
MOST_EXPOSED = 20
"""Of 100, by systemd's own measure; below 20 it says OK."""


class Repeating(dict[str, object]):
    """Settings such as SystemCallFilter stand several times: all values are kept."""

    def __setitem__(self, key: str, value: object) -> None:
        if key in self and isinstance(self[key], list) and isinstance(value, list):
            value = [*self[key], *value]  # type: ignore[misc]  # both are lists here
        super().__setitem__(key, value)


def load(unit: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, dict_type=Repeating, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names of settings keep their case
    parser.read_string(unit.read_text())
    return parser


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_every_line_is_a_setting(unit: Path) -> None:
    """Sections are those of its kind; a line is a comment, a section or a setting, and says what it is for at the top."""
    lines = unit.read_text().splitlines()
    assert lines[0].startswith("# ")
    assert [line for line in lines if line and not re.fullmatch(r"#.*|\[[A-Z][a-z]+\]|[A-Z][A-Za-z]+=.*", line)] == []
    sections = {"Unit", "Install", unit.suffix[1:].capitalize()}
    assert set(load(unit).sections()) <= sections


@pytest.mark.parametrize("unit", SERVICES, ids=lambda u: u.name)
def test_services_are_confined_and_run_as_their_own_account(unit: Path) -> None:
    service = load(unit)["Service"]
    assert {name: service.get(name) for name in CONFINED} == CONFINED
    assert (service["User"], service["Group"]) == ("cairn", "cairn")
    assert "@system-service" in service["SystemCallFilter"]
    # Nothing else of the disk can be written.
    assert set(service["ReadWritePaths"].split()) <= {"/srv/cairn", "/mnt/backup/cairn"}


@pytest.mark.parametrize("unit", SERVICES, ids=lambda u: u.name)
def test_services_start_commands_that_exist(unit: Path) -> None:
    """With options that exist, on the folder that the manual makes."""
    program, _, rest = load(unit)["Service"]["ExecStart"].partition(" ")
    assert program == "/opt/cairn/bin/cairn-node"
    assert unknown_words(f"cairn-node {rest}") == []
    assert NODE_DIRECTORY in rest.split()


def test_the_node_comes_back_by_itself_and_has_time_to_stop() -> None:
    parser = load(DEPLOY / "systemd" / "cairn-node.service")
    service = parser["Service"]
    assert service["Restart"] == "on-failure"
    assert parser["Unit"]["StartLimitIntervalSec"] == "0", "it never gives up"
    # A node.toml that cannot be read ends with 2, and no second try changes that.
    assert service["RestartPreventExitStatus"] == "2"
    assert int(service["TimeoutStopSec"]) >= 30
    # Outside DIR: a restored folder must not bring an older record back.
    state = service["Environment"].partition("XDG_STATE_HOME=")[2]
    assert state == f"/var/lib/{service['StateDirectory']}" and not state.startswith("/srv/cairn")


def test_the_passphrase_of_backups_is_given_as_a_credential() -> None:
    """The account of the node cannot read the file; only this unit gets it."""
    service = load(DEPLOY / "systemd" / "cairn-backup.service")["Service"]
    name = service["LoadCredential"].partition(":")[0]
    assert f"--passphrase-file %d/{name}" in service["ExecStart"]


def test_the_timer_starts_the_backup() -> None:
    timer = load(DEPLOY / "systemd" / "cairn-backup.timer")["Timer"]
    assert timer["OnCalendar"].endswith(" UTC") and timer["Persistent"] == "true"
    assert (DEPLOY / "systemd" / "cairn-backup.service").exists()


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units where systemd can read them, with a program that exists on this computer."""
    for unit in UNITS:
        text = read(f"systemd/{unit.name}").replace("/opt/cairn/bin/cairn-node", "/bin/true")
        (tmp_path / unit.name).write_text(text)
    return tmp_path


def systemd_analyze(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    command = shutil.which("systemd-analyze")
    if command is None:
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run([command, *map(str, words)], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_systemd_finds_nothing_to_complain_about(installed: Path, unit: Path) -> None:
    """By its own parser, where there is one: an unknown setting or a wrong value is told on stderr."""
    done = systemd_analyze("verify", "--man=no", installed / unit.name)
    complaints = [line for line in done.stderr.splitlines() if unit.name in line or "Unknown" in line]
    assert (done.returncode, complaints) == (0, [])


@pytest.mark.parametrize("unit", SERVICES, ids=lambda u: u.name)
def test_systemd_calls_the_services_well_confined(installed: Path, unit: Path) -> None:
    done = systemd_analyze(
        "security", "--offline=yes", f"--threshold={MOST_EXPOSED}", "--no-pager", installed / unit.name
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot look at files")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_the_checks_can_fail(tmp_path: Path) -> None:
    """A planted typing error is found by our own reading and by systemd's."""
    unit = tmp_path / "bad.service"
    unit.write_text("# x\n[Service]\nExecStart=/bin/true\nProtectSystm=strict\nno setting\n")
    with pytest.raises((AssertionError, configparser.Error)):
        test_every_line_is_a_setting(unit)
    assert "ProtectSystm" in systemd_analyze("verify", "--man=no", unit).stderr
    assert unknown_words("cairn-node run /x --nonsense") == ["cairn-node run --nonsense"]
    assert unknown_words("cairn-node rum /x") == ["cairn-node rum /x"]
