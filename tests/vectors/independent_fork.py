"""The second reader, on fork files: written from section 18 of `ledger/FORMAT.md` alone."""

import base64
from collections.abc import Mapping
from typing import Any

from tests.vectors.independent import b64, canonical, check_fork, key_id, leaf, read, sha256, unb64, verify

MARK = b'],"statement":'


def check_fork_file(file: str) -> tuple[str, list[str]]:
    """Section 18; gives the log id and the vkeys that the file names."""
    assert file.endswith("\n")
    value = read(file[:-1])
    assert set(value) == {"charter", "evidence", "format", "keys"} and value["format"] == "cairn/fork-file/v1"
    raw = unb64(value["charter"])
    entry = read(raw.decode())
    charter = entry["statement"]
    assert entry["index"] == 0 and charter["kind"] == "charter"
    _check_signatures(raw, entry, [charter["log_key"]], [{"keys": [charter["log_key"]], "threshold": 1}])
    log, roots, latest, above = b64(leaf(raw)), charter["roots"], {"log": -1, "roots": -1}, 0
    vkeys = [_vkey(charter["origin"], charter["log_key"])]
    for text in value["keys"]:
        raw = unb64(text)
        entry = read(raw.decode())
        change = entry["statement"]
        subject = {"replace": "roots", "rotate": "log"}[change["op"]]
        assert change["kind"] == "key" and change["log"] == log
        assert change["after"] == latest[subject] and entry["index"] > above
        above = latest[subject] = entry["index"]
        sets = [roots, change["roots"]] if subject == "roots" else [roots]
        _check_signatures(raw, entry, [key for one in sets for key in one["keys"]], sets)
        if subject == "roots":
            roots = change["roots"]
        else:
            vkeys.append(_vkey(charter["origin"], change["log_key"]))
    assert 1 <= len(value["evidence"]) <= 16
    for piece in value["evidence"]:
        signer = _signer(unb64(piece["first"]).decode(), vkeys)
        check_fork(canonical(piece).decode(), signer)
    return log, vkeys


def _check_signatures(raw: bytes, entry: Any, keys: list[Any], sets: list[Mapping[str, Any]]) -> None:
    known = {b64(key_id(key)): unb64(key["key"]) for key in keys}
    signed = b"cairn/statement/v1\n" + raw[raw.index(MARK) + len(MARK) : -len(b',"v":1}')]
    signers = set()
    for signature in entry["signatures"]:
        if signature["key"] in known:
            verify(known[signature["key"]], signed, unb64(signature["sig"]))
            signers.add(signature["key"])
    for one in sets:
        assert len(signers & {b64(key_id(key)) for key in one["keys"]}) >= one["threshold"]


def _vkey(origin: str, key: Mapping[str, str]) -> str:
    public = b"\x01" + unb64(key["key"])
    number = sha256(origin.encode(), b"\n", public)[:4]
    return f"{origin}+{number.hex()}+{base64.b64encode(public).decode()}"


def _signer(note: str, vkeys: list[str]) -> str:
    """The one of the log's keys whose line the note carries."""
    lines = [line.split(" ")[2] for line in note.split("\n") if line.startswith("\N{EM DASH} ")]
    ids = {base64.b64decode(line)[:4].hex() for line in lines}
    (signer,) = [vkey for vkey in vkeys if vkey.split("+")[1] in ids]
    return signer
