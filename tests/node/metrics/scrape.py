"""Asking a node for its figures as Prometheus does, and reading the answer with Prometheus's own parser."""

from dataclasses import dataclass
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True)
class Scrape:
    """One answer."""

    text: str
    content_type: str
    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float]
    types: dict[str, str]

    def value(self, name: str, **labels: str) -> float:
        return self.samples[name, tuple(sorted(labels.items()))]

    def labels(self, name: str) -> list[dict[str, str]]:
        return [dict(labels) for (known, labels) in self.samples if known == name]


def read(text: str, content_type: str = "") -> Scrape:
    families = list(text_string_to_metric_families(text))
    samples = {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}
    return Scrape(text, content_type, samples, {family.name: family.type for family in families})


async def scrape(where: Path | str, accept: str = "") -> Scrape:
    """Ask the Unix socket at a path, or a URL."""
    connector = aiohttp.UnixConnector(str(where)) if isinstance(where, Path) else None
    url = "http://node/metrics" if isinstance(where, Path) else where
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get(url, headers={"Accept": accept}, timeout=aiohttp.ClientTimeout(30)) as answer,
    ):
        assert answer.status == 200
        text = await answer.text()
        return read(text, answer.headers["Content-Type"])
