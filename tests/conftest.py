"""Settings for every test."""

import pytest
from hypothesis import settings

from tests import conformance

LONG = ("end_to_end", "docs")
"""Folders whose files take minutes. They go first, so that two processes end at about the same time."""

# A busy machine must not fail a property: what bounds a test in time is pytest-timeout, for the test as a whole.
settings.register_profile("cairn", deadline=None)
settings.load_profile("cairn")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--conformance", action="store_true", help="write docs/conformance.md from this run")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--conformance"):
        conformance.start(config)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not any(folder in item.path.parts for folder in LONG))
