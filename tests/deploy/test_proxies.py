"""The reverse proxies: they parse, lead to where a node listens, and limit paths that exist."""

import os
import re
import shutil
import subprocess
from types import SimpleNamespace

import pytest
from aiohttp import web

from node.config import NodeConfig, parse_config
from node.web.openid4vci import add_claims
from tests.deploy.places import DEPLOY, read

DEFAULTS = NodeConfig(name="x")


def uncommented(text: str) -> str:
    return "\n".join(line.partition("#")[0].rstrip() for line in text.splitlines())


def nginx_blocks(text: str) -> list[tuple[str, ...]]:
    """nginx's own grammar: statements that end in ; and blocks in braces, as paths of words."""
    found: list[tuple[str, ...]] = []
    path: list[str] = []
    for token in re.findall(r"[^{};]+[;{]|\}", text):
        words = " ".join(token.strip("{};\n ").split())
        if token == "}":
            assert path, "a brace too many"
            path.pop()
        elif token.endswith("{"):
            path.append(words)
        else:
            found.append((*path, words))
    assert not path, f"not closed: {path}"
    rest = re.sub(r"[^{};]+[;{]|\}", "", text).strip()
    assert not rest, f"ends without ; or brace: {rest}"
    return found


def test_nginx_leads_to_where_the_node_listens() -> None:
    statements = nginx_blocks(uncommented(read("nginx.conf")))
    assert ("upstream cairn_http", f"server {DEFAULTS.http_listen}") in statements
    passes = [path for path in statements if path[-1].startswith("proxy_pass ")]
    assert {path[-1] for path in passes} == {"proxy_pass http://cairn_http"}
    assert f"grpc_pass grpc://{DEFAULTS.grpc_listen};" in read("nginx.conf")


def test_nginx_speaks_tls_and_writes_no_requests_down() -> None:
    """Paths and forms hold claim codes."""
    statements = nginx_blocks(uncommented(read("nginx.conf")))
    secure = [path for path in statements if path[0] == "server" and "listen 443 ssl http2" in path[-1]]
    assert secure and ("server", "access_log off") in statements
    assert any(path[-1].startswith("return 301 https://") for path in statements)


def test_nginx_limits_claims_where_they_are() -> None:
    """Every location named is a route of the node that takes claims, and every such route has its limit."""
    app = web.Application()
    # Only its routes are asked for.
    desk = SimpleNamespace(issuer="https://cairn.example", parts=SimpleNamespace(draw=os.urandom, clock=lambda: 0))
    add_claims(app, desk, lambda: 0)  # type: ignore[arg-type]  # a desk without a database
    posted = {route.resource.canonical for route in app.router.routes() if route.method == "POST" and route.resource}
    limited = {
        path[-2].removeprefix("location = ")
        for path in nginx_blocks(uncommented(read("nginx.conf")))
        if path[-1].startswith("limit_req ")
    }
    assert limited == posted


def test_nginx_itself_agrees() -> None:
    command = shutil.which("nginx")
    if command is None:
        pytest.skip("nginx is not installed")
    done = subprocess.run([command, "-t", "-c", DEPLOY / "nginx.conf"], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_caddy_leads_to_where_the_node_listens() -> None:
    text = "\n".join(line for line in read("Caddyfile").splitlines() if not line.strip().startswith("#"))
    assert text.count("{") == text.count("}")
    assert f"reverse_proxy {DEFAULTS.http_listen} {{" in text
    assert re.search(r"log \{\s*output discard\s*\}", text), "no request is written down"
    assert f"h2c://{DEFAULTS.grpc_listen}" in read("Caddyfile")
    # Caddy's own format: tabs.
    assert not re.search(r"^ +\S", text, re.MULTILINE)


def test_caddy_itself_agrees() -> None:
    command = shutil.which("caddy")
    if command is None:
        pytest.skip("caddy is not installed")
    done = subprocess.run(
        [command, "validate", "--config", DEPLOY / "Caddyfile"], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile"])
def test_settings_told_for_the_node_are_settings_it_takes(name: str) -> None:
    """Each comment that says what stands in node.toml is parsed as such."""
    told = re.findall(r'\b([a-z_]+ = "[^"]+")', read(name))
    assert len(told) >= 3
    for line in told:
        parse_config(f'name = "x"\n{line}\n')


def test_the_reading_of_nginx_can_fail() -> None:
    for wrong in ("server { listen 80;", "server { listen 80 }", "server } listen 80;", "listen 80"):
        with pytest.raises(AssertionError):
            nginx_blocks(wrong)
