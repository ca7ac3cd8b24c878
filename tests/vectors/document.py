"""The worked example of `ledger/FORMAT.md`: fenced blocks, each under a comment that names its value in the vectors.

    <!-- vector: school-log.json#/notes/9 -->

A block marked `text` is the value, final newline included; one marked `folded` is one line, broken for reading; one marked
`json` is a value that is not text.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

WIDTH = 120
_BLOCK = re.compile(r"^(<!-- vector: (\S+)#/(\S+) -->)\n```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def read_blocks(document: str) -> dict[str, Any]:
    """The values of all blocks, by pointer."""
    return {f"{m[2]}#/{m[3]}": _read(m[0], m[4]) for m in _BLOCK.finditer(document)}


def fill_blocks(document: str, vectors: Mapping[str, Any]) -> str:
    """The document with every block as the vectors have it."""
    return _BLOCK.sub(lambda m: f"{m[1]}\n{_write(find(vectors, f'{m[2]}#/{m[3]}'))}", document)


def find(vectors: Mapping[str, Any], pointer: str) -> Any:
    """The value a pointer names, `<file>#/<step>/<step>…`."""
    name, _, steps = pointer.partition("#/")
    value = vectors[name]
    for step in steps.split("/"):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def _read(block: str, content: str) -> Any:
    if "\n```folded\n" in block:
        return content.replace("\n", "")
    return json.loads(content) if "\n```json\n" in block else content


def _write(value: Any) -> str:
    if not isinstance(value, str):
        return f"```json\n{json.dumps(value, indent=1, sort_keys=True)}\n```"
    if "\n" in value:
        return f"```text\n{value}```"
    return f"```folded\n{_fold(value)}\n```"


def _fold(text: str) -> str:
    lines = []
    while len(text) > WIDTH:
        end = WIDTH
        while text[end - 1] == " " or text[end] == " ":  # a space at an edge would not survive every editor
            end -= 1
        lines.append(text[:end])
        text = text[end:]
    return "\n".join([*lines, text])
