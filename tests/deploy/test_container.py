"""Dockerfile and compose file: they hold together, run without rights, and copy what a node is made of."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from node.config import NodeConfig
from tests.deploy.places import DEPLOY, ROOT, read, typed_commands, unknown_words

INSTRUCTIONS = {
    "FROM", "RUN", "WORKDIR", "COPY", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT", "CMD",
}  # fmt: skip


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as instructions, continued lines joined, comments left out."""
    text = "\n".join(line for line in read("Dockerfile").splitlines() if not line.startswith("#"))
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in lines if line.strip()]


def compose() -> dict[str, Any]:
    value = yaml.safe_load(read("compose.yaml"))
    assert isinstance(value, dict)
    return value


def test_the_dockerfile_has_known_instructions_only() -> None:
    assert {name for name, _ in instructions()} <= INSTRUCTIONS


def test_what_is_copied_exists_and_is_what_the_package_holds() -> None:
    """All three import packages, and every file that pyproject.toml names."""
    copied = {
        word
        for name, rest in instructions()
        if name == "COPY" and not rest.startswith("--from")
        for word in rest.split()[:-1]
    }
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert {"ledger", "node", "wallet_cli", "pyproject.toml", "README.md"} <= copied
    kept = {line[1:] for line in read("Dockerfile.dockerignore").splitlines() if line.startswith("!")}
    assert kept == copied, "the builder is sent exactly what is copied"


def test_the_image_runs_without_rights() -> None:
    """The last account is not root, and its folders are its own."""
    names = [name for name, _ in instructions()]
    users = [rest for name, rest in instructions() if name == "USER"]
    assert users == ["cairn"]
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert "--owner cairn" in read("Dockerfile")


def test_commands_are_given_as_lists_so_that_signals_arrive() -> None:
    """A shell in between would swallow SIGTERM, and the node would be killed in the middle of a call."""
    for name, rest in instructions():
        if name in ("ENTRYPOINT", "CMD"):
            assert isinstance(json.loads(rest), list)
    entry = [json.loads(rest) for name, rest in instructions() if name in ("ENTRYPOINT", "CMD")]
    assert unknown_words(" ".join(word for part in entry for word in part)) == []


def test_the_health_check_asks_where_the_node_answers() -> None:
    """The default port and an existing path; it asks whether the node is alive, not whether all is well."""
    (check,) = [rest for name, rest in instructions() if name == "HEALTHCHECK"]
    default = NodeConfig(name="x").http_listen
    assert f"http://{default}/healthz" in check
    compile(json.loads(check[check.index("CMD ") + 4 :])[2], "HEALTHCHECK", "exec")


def test_the_record_of_what_was_signed_is_apart_from_the_data() -> None:
    (environment,) = [rest for name, rest in instructions() if name == "ENV"]
    assert "XDG_STATE_HOME=/record" in environment.split()
    assert {"/data", "/record", "/backup"} == set(json.loads(next(r for n, r in instructions() if n == "VOLUME")))


@pytest.mark.parametrize("service", ["node", "proxy"])
def test_services_are_read_only_and_have_no_rights(service: str) -> None:
    one = compose()["services"][service]
    assert one["read_only"] is True and one["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in one["security_opt"]
    assert "privileged" not in one
    assert one.get("cap_add", []) in ([], ["NET_BIND_SERVICE"])


def test_the_node_has_its_folders_an_account_and_time_to_stop() -> None:
    node = compose()["services"]["node"]
    assert node["user"] == "10001:10001" and "--uid 10001" in read("Dockerfile")
    assert {volume.partition(":")[2] for volume in node["volumes"]} == {"/data", "/record", "/backup"}
    assert int(node["stop_grace_period"].removesuffix("s")) >= 30
    assert node["restart"] == "unless-stopped"
    assert (DEPLOY / node["build"]["context"] / node["build"]["dockerfile"]).exists()


def test_only_public_ports_are_published() -> None:
    """HTTP of the node stays inside: the proxy shares its network. Figures and the private socket are not published."""
    services = compose()["services"]
    assert services["node"]["ports"] == ["80:80", "443:443", f"8471:{NodeConfig(name='x').grpc_bind().port}"]
    assert "ports" not in services["proxy"] and services["proxy"]["network_mode"] == "service:node"


def test_every_file_and_secret_named_is_there_or_made_by_the_manual() -> None:
    value = compose()
    mounted = [volume.split(":")[0] for volume in value["services"]["proxy"]["volumes"]]
    for name in mounted:
        assert (DEPLOY / name).exists() if name.startswith("./") else name in value["volumes"]
    for secret in value["secrets"].values():
        assert Path(secret["file"]).name in read("README.md")


def test_no_image_comes_from_a_named_host() -> None:
    """Names of images are short: where they come from is the reader's own setting."""
    images = [rest.split()[0] for name, rest in instructions() if name == "FROM"]
    images += [one["image"] for one in compose()["services"].values()]
    assert [image for image in images if "/" in image or "." in image.split(":")[0]] == []


def test_commands_of_the_container_section_exist() -> None:
    """What `docker compose run` and `exec` are given is `cairn-node` with known options."""
    section = read("README.md").partition("## In containers")[2]
    run = re.findall(r"run --rm node (.*?)(?=\n[a-z]|\n```)", re.sub(r"\\\n\s*", " ", section))
    commands = [*typed_commands(section), *(f"cairn-node {words}" for words in run)]
    assert len(commands) >= 3
    assert [problem for command in commands for problem in unknown_words(command)] == []
