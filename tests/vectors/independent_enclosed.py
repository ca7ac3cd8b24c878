"""The second reader, of what a presentation encloses and what a witness is asked (FORMAT sections 17 and 20)."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from tests.vectors.independent import (
    b64,
    canonical,
    check_entry,
    check_presentation,
    check_tlog_proof,
    key_id,
    leaf,
    read,
    read_slot,
    root_by_inclusion,
    roots_by_consistency,
    sha256,
    unb64,
)


def check_enclosed(vector: Mapping[str, Any], witnesses: list[str], quorum: int) -> None:
    """Section 17: what makes a receipt stand alone, and a stapled status, in the file and beside it."""
    shown = read(vector["file"])
    (row,) = shown["credentials"]
    proof, stapled, receipt = row["proof"], row["status"], row["receipt"]
    assert (canonical(proof), canonical(stapled)) == (vector["proof"].encode(), vector["status"].encode())
    texts = {name: unb64(proof[name]).decode() for name in ("charter", "entry")}
    named: dict[bytes, bytes] = {}
    charter = check_entry(texts["charter"], 0, bytes(32), None, named)
    assert b64(leaf(texts["charter"].encode())) == receipt["log"]
    log_key = b"\x01" + unb64(charter["log_key"]["key"])
    origin = charter["origin"]
    identifier = sha256(origin.encode(), b"\n", log_key)[:4].hex()
    log_vkey = f"{origin}+{identifier}+{base64.b64encode(log_key).decode()}"
    vkeys = [log_vkey, *witnesses]
    place, found, size, times = check_tlog_proof(proof["tlog_proof"], texts["entry"], vkeys)
    assert (place, found) == (receipt["index"], origin) and len(times) >= quorum
    root_text = proof["tlog_proof"].partition("\n\n")[2].split("\n")[2]
    path = [unb64(step) for step in proof["charter_path"]]
    assert root_by_inclusion(leaf(texts["charter"].encode()), 0, size, path) == base64.b64decode(root_text)
    # the batch, and the commitment in it
    batch = check_entry(texts["entry"], place, unb64(json.loads(texts["entry"])["previous"]), receipt["log"], named)
    payload, commitment, _ = check_presentation(vector["file"], {b64(key_id(key)): key for key in charter["keys"]})
    steps = [unb64(step) for step in receipt["path"]]
    reached = root_by_inclusion(leaf(commitment), receipt["position"], batch["body"]["items"], steps)
    assert reached == unb64(batch["body"]["root"])
    # the page: last below its head, its piece in its body, the slot in the piece
    page_text = unb64(stapled["entry"]).decode()
    index, _, page_size, page_times = check_tlog_proof(stapled["tlog_proof"], page_text, vkeys)
    assert index == page_size - 1 and len(page_times) >= quorum
    page = check_entry(page_text, index, unb64(json.loads(page_text)["previous"]), receipt["log"], named)
    slot = payload["status"]["cairn"]["slot"]
    item = page["lists"][0]["first"] + slot // 1024
    piece, way = unb64(stapled["piece"]), [unb64(step) for step in stapled["path"]]
    assert root_by_inclusion(leaf(piece), item, page["body"]["items"], way) == unb64(page["body"]["root"])
    assert read_slot(piece, slot % 1024, unb64(payload["status"]["cairn"]["k"]), unb64(page["id"])) == 0


def check_cosign_request(text: str, old_root: bytes, size: int, new_root: bytes) -> None:  # section 20
    head, _, note = text.partition("\n\n")
    first, *steps = head.split("\n")
    old, proof = int(first.removeprefix("old ")), [base64.b64decode(step, validate=True) for step in steps]
    assert note.split("\n")[1] == str(size) and base64.b64decode(note.split("\n")[2]) == new_root
    assert roots_by_consistency(old, size, old_root, proof) == (old_root, new_root)
