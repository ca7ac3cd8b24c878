"""The manifest of a data set, `dataset.json`: the `asOf` date and the names of all other files."""

from dataclasses import dataclass
from datetime import date

from ledger.mastery.jsontext import Node, parse_document
from ledger.mastery.problems import ProblemCollector

MANIFEST = "dataset.json"

_REQUIRED = ("framework", "scales", "rules", "roster", "assessors", "evidence")
_OPTIONAL = ("crosswalks", "signoffs", "experiences", "credentials", "waivers", "transfers", "statusEvents")


@dataclass(frozen=True, slots=True)
class Manifest:
    """Which files make up a data set, by what they hold; paths are relative to its folder."""

    name: str
    as_of: date
    requirements: tuple[str, ...]
    files: dict[str, str]
    """By the member of the manifest; an optional file that is not named is not there."""

    def paths(self) -> tuple[str, ...]:
        """Every file that is read, each once."""
        return tuple(dict.fromkeys((*self.files.values(), *self.requirements)))


def parse_manifest(data: bytes, problems: ProblemCollector) -> Manifest | None:
    """Read `dataset.json`; None where it is no JSON object.

    Unknown members are problems: a misspelt `waivers` would otherwise be a data set without waivers.
    """
    root = parse_document(MANIFEST, data, problems)
    if root is None:
        return None
    files = {name: root.text(name) for name in _REQUIRED}
    files |= {name: root.text(name) for name in _OPTIONAL if root.has(name)}
    for name in files:
        _check_path(root, files[name], name)
    requirements = root.texts("requirements", minimum=1)
    for position, path in enumerate(requirements):
        _check_path(root, path, "requirements", position)
    manifest = Manifest(root.optional_text("dataset"), root.day("asOf"), requirements, files)
    root.finish("version", "expectedResults", "expectedSharing", *_OPTIONAL)
    return manifest


def _check_path(root: Node, path: str, *name: str | int) -> None:
    """Refuse a path that leaves the folder of the data set."""
    if path.startswith("/") or "\\" in path or ".." in path.split("/"):
        root.complain(f"{path[:80]!r} is not a path inside the folder of the data set", *name)
