"""A second reader of the formats, written from `ledger/FORMAT.md` alone: hashlib, json and libsodium, nothing of ours.

It is not a verifier: it shows that the description suffices to check the worked example and to walk the vector logs. Every
function names the section it follows. A failed check is an `AssertionError`.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from nacl.bindings import crypto_sign_open, crypto_sign_seed_keypair

Example = Callable[[str], Any]
"""Gives the value of a block of the worked example by its pointer."""
EM_DASH = "\N{EM DASH}"


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def unb64(text: str) -> bytes:  # section 3
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert b64(data) == text
    return data


def b64(data: bytes) -> str:  # section 3
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def canonical(value: object) -> bytes:  # section 2
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def read(text: str) -> Any:  # section 2
    value = json.loads(text)
    assert canonical(value) == text.encode()
    return value


def key_id(key: Mapping[str, str]) -> bytes:  # section 4
    return sha256(b"cairn/key/v1\n", canonical({"alg": key["alg"], "key": key["key"]}))


def verify(public: bytes, message: bytes, signature: bytes) -> None:  # section 4
    assert len(signature) == 64
    crypto_sign_open(signature + message, public)


def leaf(data: bytes) -> bytes:  # section 5
    return sha256(b"\x00", data)


def node(left: bytes, right: bytes) -> bytes:  # section 5
    return sha256(b"\x01", left, right)


def split(size: int) -> int:  # section 5: the largest power of two below `size`
    return 1 << (size - 1).bit_length() - 1


def root(hashes: list[bytes]) -> bytes:  # section 5
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256()
    middle = split(len(hashes))
    return node(root(hashes[:middle]), root(hashes[middle:]))


def root_by_inclusion(start: bytes, index: int, size: int, proof: list[bytes]) -> bytes:  # section 5, from the top
    if size == 1:
        assert not proof and index == 0
        return start
    middle = split(size)
    if index < middle:
        return node(root_by_inclusion(start, index, middle, proof[:-1]), proof[-1])
    return node(proof[-1], root_by_inclusion(start, index - middle, size - middle, proof[:-1]))


def roots_by_consistency(  # section 5, from the top
    old: int, new: int, old_root: bytes, proof: list[bytes], is_left: bool = True
) -> tuple[bytes, bytes]:
    if old == new:
        if is_left:
            assert not proof
            return old_root, old_root
        (only,) = proof
        return only, only
    middle = split(new)
    if old <= middle:
        before, after = roots_by_consistency(old, middle, old_root, proof[:-1], is_left)
        return before, node(after, proof[-1])
    before, after = roots_by_consistency(old - middle, new - middle, old_root, proof[:-1], False)
    return node(proof[-1], before), node(proof[-1], after)


def items_of(kind: str, body: bytes) -> list[bytes]:  # section 8
    if kind in ("issue", "status"):
        length = 32 if kind == "issue" else 1024
        assert len(body) % length == 0
        return [body[n : n + length] for n in range(0, len(body), length)]
    if kind == "publish":
        return [body]
    items = []
    while body:
        end = 4 + int.from_bytes(body[:4], "big")
        assert len(body) >= end
        items.append(body[4:end])
        body = body[end:]
    return items


def check_body(statement: Mapping[str, Any], body: bytes) -> list[bytes]:  # section 8
    reference = statement["body"]
    items = items_of(statement["kind"], body)
    assert (len(items), len(body)) == (reference["items"], reference["size"])
    assert root([leaf(item) for item in items]) == unb64(reference["root"])
    return items


def check_entry(text: str, index: int, previous: bytes, log: str | None, named: dict[bytes, bytes]) -> Any:
    """Sections 6 and 9, rules G1 to G3; `named` (raw Ed25519 keys by id) grows."""
    entry = read(text)
    assert sorted(entry) == ["index", "previous", "signatures", "statement", "v"] and entry["v"] == 1
    assert entry["index"] == index and unb64(entry["previous"]) == previous
    statement = entry["statement"]
    assert statement.get("log") == log and len(unb64(statement["id"])) == 16
    named.update({key_id(key): unb64(key["key"]) for key in named_keys(statement)})
    message = b"cairn/statement/v1\n" + canonical(statement)
    assert message.removeprefix(b"cairn/statement/v1\n") in text.encode()
    signers = [unb64(item["key"]) for item in entry["signatures"]]
    assert signers == sorted(set(signers)) and signers
    for item in entry["signatures"]:
        verify(named[unb64(item["key"])], message, unb64(item["sig"]))
    return statement


def named_keys(statement: Mapping[str, Any]) -> list[Any]:  # section 9
    kind, op = statement["kind"], statement.get("op")
    if kind == "charter" and "log" not in statement:
        return [statement["log_key"], *statement["roots"]["keys"], *statement["keys"]]
    if kind == "key":
        by_op = {"add": lambda: [statement["key"]], "rotate": lambda: [statement["log_key"]]}
        by_op["replace"] = lambda: statement["roots"]["keys"]
        return by_op.get(str(op), lambda: [])()
    return []


def parse_vkey(text: str) -> tuple[str, bytes, int, bytes]:  # section 11: name, id, type, key
    name, hex_id, encoded = text.split("+", 2)
    data = base64.b64decode(encoded, validate=True)
    identifier = sha256(name.encode(), b"\n", data)[:4]
    assert identifier.hex() == hex_id and len(data) == 33
    return name, identifier, data[0], data[1:]


def open_note(note: str, vkeys: list[str]) -> tuple[list[str], dict[str, int]]:
    """Section 11: the lines of the text, and who of `vkeys` signed, with the time of cosignatures (0 for a log)."""
    text, _, lines = note.rpartition("\n\n")
    text += "\n"
    signed: dict[str, int] = {}
    for line in lines.splitlines():
        dash, name, encoded = line.split(" ")
        data = base64.b64decode(encoded, validate=True)
        assert dash == EM_DASH
        for vkey in vkeys:
            known, identifier, type_, key = parse_vkey(vkey)
            if (known, identifier) != (name, data[:4]):
                continue
            message, seconds = text.encode(), 0
            if type_ == 4:
                seconds = int.from_bytes(data[4:12], "big")
                message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
            verify(key, message, data[12:] if type_ == 4 else data[4:])
            signed[vkey] = seconds
    return text.splitlines(), signed


def check_note(note: str, log_vkey: str, size: int, expected: bytes, witnesses: list[str] | None = None) -> list[int]:
    """Section 11: a checkpoint of this size and root, signed by the log; gives the times of the witnesses that cosigned."""
    (origin, number, encoded), signed = open_note(note, [log_vkey, *(witnesses or [])])
    assert (origin, number) == (log_vkey.split("+")[0], str(size))
    assert base64.b64encode(expected).decode() == encoded
    assert log_vkey in signed
    return sorted(seconds for vkey, seconds in signed.items() if vkey != log_vkey)


def check_log(vector: Mapping[str, Any], witnesses: list[str]) -> None:
    """Walk a whole log of the vectors by the growth rules (sections 6 to 11)."""
    hashes: list[bytes] = []
    named: dict[bytes, bytes] = {}
    for index, text in enumerate(vector["entries"]):
        previous = hashes[-1] if hashes else bytes(32)
        statement = check_entry(text, index, previous, b64(hashes[0]) if hashes else None, named)
        body = vector["bodies"][index]
        assert ("body" in statement) == (body is not None)
        if body is not None:
            check_body(statement, unb64(body))
        hashes.append(leaf(text.encode()))
        if str(index + 1) in vector["notes"]:
            vkey = vector["log_vkeys"][str(index + 1)]
            others = [witness for witness in witnesses if witness != vector["witness_vkey"]]
            assert len(check_note(vector["notes"][str(index + 1)], vkey, index + 1, root(hashes), others)) == 2
    assert b64(hashes[0]) == vector["log_id"] and vector["log_id"][:22] == vector["short_log_id"]
    assert [b64(item) for item in hashes] == vector["leaf_hashes"]
    assert b"".join(hashes) == unb64(vector["tile"])
    bundle = b"".join(len(text.encode()).to_bytes(2, "big") + text.encode() for text in vector["entries"])
    assert {"bytes": len(bundle), "sha256": b64(sha256(bundle))} == vector["bundle"]


def check_fork(text: str, log_vkey: str) -> None:
    """Section 18."""
    evidence = read(text)
    notes = [unb64(evidence[name]).decode() for name in ("first", "second")]
    heads = []
    for note in notes:
        (_, size, encoded), signed = open_note(note, [log_vkey])
        assert log_vkey in signed
        heads.append((int(size), base64.b64decode(encoded)))
    (size, one), (other_size, two) = heads
    if "split" in evidence:
        part = evidence["split"]
        leaves = [unb64(part[f"{which}_leaf"]) for which in ("first", "second")]
        assert leaves[0] != leaves[1]
        for which, start, (tree_size, tree_root) in zip(("first", "second"), leaves, heads, strict=True):
            proof = [unb64(item) for item in part[f"{which}_proof"]]
            assert root_by_inclusion(start, part["index"], tree_size, proof) == tree_root
    else:
        assert size == other_size and one != two
    if "common" in evidence:
        part = evidence["common"]
        for which, (tree_size, tree_root) in zip(("first", "second"), heads, strict=True):
            proof = [unb64(item) for item in part[f"{which}_proof"]]
            roots = roots_by_consistency(part["size"], tree_size, unb64(part["root"]), proof)
            assert roots == (unb64(part["root"]), tree_root)


def check_attestation(file: str, trust_root: str) -> Any:
    """Section 19."""
    signed = read(file)
    assert set(signed) == {"attestation", "key", "sig", "v"} and signed["v"] == 1
    content = canonical(signed["attestation"])
    assert content in file.encode()
    verify(unb64(signed["key"]["key"]), b"cairn/attestation/v1\n" + content, unb64(signed["sig"]))
    assert unb64(signed["attestation"]["trust"]["digest"]) == sha256(trust_root.encode())
    return signed["attestation"]


def jwt_parts(jwt: str) -> tuple[Any, Any, bytes, bytes]:  # section 15
    head, payload, signature = jwt.split(".")
    return json.loads(unb64(head)), json.loads(unb64(payload)), f"{head}.{payload}".encode(), unb64(signature)


def check_presentation(file: str, keys: Mapping[str, Any]) -> tuple[Any, bytes, Any]:
    """Sections 13, 15 and 17: gives the payload, the commitment and the receipt of the one credential."""
    shown = read(file)
    (row,) = shown["credentials"]
    presented, _, binding = row["sd_jwt"].rpartition("~")
    jwt, *disclosures = presented.split("~")
    header, payload, signed, signature = jwt_parts(jwt)
    assert (header["alg"], header["typ"]) == ("EdDSA", "dc+sd-jwt")
    issuer_key = keys[header["kid"]]
    assert issuer_key["role"] == "issue"
    verify(unb64(issuer_key["key"]), signed, signature)
    digests = json.dumps(payload)
    assert disclosures and all(b64(sha256(text.encode())) in digests for text in disclosures)
    kb_header, claims, kb_signed, kb_signature = jwt_parts(binding)
    assert (kb_header["alg"], kb_header["typ"]) == ("EdDSA", "kb+jwt")
    verify(unb64(payload["cnf"]["jwk"]["x"]), kb_signed, kb_signature)
    assert (claims["aud"], claims["nonce"]) == (shown["audience"], shown["nonce"])
    assert claims["sd_hash"] == b64(sha256((presented + "~").encode()))
    envelope = {**shown, "credentials": [{**row, "sd_jwt": presented + "~"}]}
    assert claims["cairn_presentation"] == b64(sha256(b"cairn/presentation/v1\n", canonical(envelope)))
    return payload, sha256(b"cairn/commitment/v1\n", jwt.encode()), row["receipt"]


def check_evaluation(shown: Mapping[str, Any]) -> None:  # section 15
    transcript = json.loads(shown["transcript"])
    assert canonical(transcript) == shown["transcript"].encode()
    assert all(len(row) == 9 for row in transcript["results"])
    fingerprint = sha256(b"cairn/transcript/v1\n", canonical(transcript))
    assert b64(fingerprint) == shown["fingerprint"] == shown["columns"]["evaluation.fingerprint"]
    claim = shown["claim"]
    assert sorted(claim) == ["digest", "judges", "requirementSet", "rules", "salt"]
    assert len(unb64(claim["salt"])) == 16
    assert unb64(claim["digest"]) == sha256(b"cairn/evaluation/v1\n", unb64(claim["salt"]), fingerprint)


def read_slot(page: bytes, slot: int, k: bytes, statement_id: bytes) -> int:  # section 14
    return page[slot] ^ sha256(b"cairn/page/v1\n", k, statement_id)[0]


def check_tlog_proof(text: str, entry: str, vkeys: list[str]) -> tuple[int, str, int, list[int]]:
    """Section 20: an entry stands in a log; gives its index, the log's origin and size, and the times of who cosigned."""
    head, _, note = text.partition("\n\n")
    first, index, *steps = head.split("\n")
    assert first == "c2sp.org/tlog-proof@v1" and index == f"index {int(index.removeprefix('index '))}"
    (origin, size, encoded), signed = open_note(note, vkeys)
    assert [vkey for vkey in signed if vkey.startswith(origin + "+")]
    path = [base64.b64decode(step, validate=True) for step in steps]
    place = int(index.removeprefix("index "))
    assert root_by_inclusion(leaf(entry.encode()), place, int(size), path) == base64.b64decode(encoded)
    return place, origin, int(size), sorted(seconds for seconds in signed.values() if seconds)


def read_policy(text: str) -> tuple[str, list[str], int]:
    """Section 20: the log's vkey, those of the witnesses, and how many of them are needed."""
    log, *witnesses, group, quorum = [line.split() for line in text.splitlines()]
    assert log[0] == "log" and quorum == ["quorum", group[1]]
    assert [row[0] for row in witnesses] == ["witness"] * len(witnesses) and group[3:] == [row[1] for row in witnesses]
    return log[1], [row[2] for row in witnesses], int(group[2])


def check_example(example: Example) -> None:
    """Check every block of the worked example (section 21) against the others, from nothing but the document."""
    made = example("keys.json#/ed25519/school/log")
    assert unb64(made["seed"]) == sha256(b"cairn/vectors/v1\n", b"school/log")
    assert crypto_sign_seed_keypair(unb64(made["seed"]))[0] == unb64(made["public"]["key"])
    assert b64(key_id(made["public"])) == made["id"]
    # the log: entry 0 names the keys, entries 4 and 5 are a batch and a page
    tile = unb64(example("school-log.json#/tile"))
    hashes = [tile[n : n + 32] for n in range(0, len(tile), 32)]
    named: dict[bytes, bytes] = {}
    texts = {index: example(f"school-log.json#/entries/{index}") for index in (0, 4, 5)}
    log_id = example("school-log.json#/log_id")
    charter = check_entry(texts[0], 0, bytes(32), None, named)
    assert charter["log_key"] == made["public"] and log_id == b64(leaf(texts[0].encode()))
    batch = check_entry(texts[4], 4, hashes[3], log_id, named)
    page = check_entry(texts[5], 5, hashes[4], log_id, named)
    assert [leaf(texts[n].encode()) for n in (0, 4, 5)] == [hashes[n] for n in (0, 4, 5)]
    # its checkpoint, with a quorum of the witnesses that the trust root names
    trust = read(example("trust-root.json#/file"))
    witnesses = [item["key"] for item in trust["witnesses"] if item["log"] != log_id]
    times = check_note(
        example("school-log.json#/notes/9"), example("school-log.json#/log_vkeys/9"), 9, root(hashes), witnesses
    )
    assert len(times) >= len(witnesses) // 2 + 1
    log_vkey = parse_vkey(example("school-log.json#/log_vkeys/9"))
    assert log_vkey == (charter["origin"], log_vkey[1], 1, unb64(charter["log_key"]["key"]))
    # the presentation: signatures, commitment, receipt, status
    by_id = {b64(key_id(key)): key for key in charter["keys"]}
    payload, commitment, receipt = check_presentation(example("presentation.json#/file"), by_id)
    assert b64(commitment) == example("presentation.json#/commitment")
    assert (receipt["log"], receipt["index"]) == (log_id, 4)
    path = [unb64(item) for item in receipt["path"]]
    proven = root_by_inclusion(leaf(commitment), receipt["position"], batch["body"]["items"], path)
    assert proven == unb64(batch["body"]["root"])
    assert check_body(batch, unb64(example("school-log.json#/bodies/4")))[receipt["position"]] == commitment
    place = payload["status"]["cairn"]
    (restated,) = page["lists"]
    assert place["list"] == {"log": restated["log"], "number": restated["number"]}
    data = b"".join(check_body(page, unb64(example("status.json#/page"))))
    list_key = sha256(b"cairn/list/v1\n", unb64(example("status.json#/list_root")), bytes(4))
    assert unb64(place["k"]) == sha256(b"cairn/slot/v1\n", list_key, place["slot"].to_bytes(4, "big"))
    assert read_slot(data, place["slot"], unb64(place["k"]), unb64(page["id"])) == 0
    for slot, value in example("status.json#/statuses").items():
        k = sha256(b"cairn/slot/v1\n", list_key, int(slot).to_bytes(4, "big"))
        assert read_slot(data, int(slot), k, unb64(page["id"])) == value
    # the trust root's pinned head, and a fork of the academy's log
    network_vkey = example("network-log.json#/log_vkeys/7")
    own = [item["key"] for item in trust["witnesses"] if item["log"] != trust["network"]]
    head = trust["head"]
    assert (
        len(check_note(example("network-log.json#/notes/7"), network_vkey, head["size"], unb64(head["root"]), own)) == 2
    )
    check_fork(example("evidence.json#/equal_sizes"), example("academy-log.json#/log_vkeys/2"))
    # the school's admission, for whoever holds nothing but a policy
    policy_log, policy_witnesses, needed = read_policy(example("enclosed.json#/policy"))
    assert (policy_log, sorted(policy_witnesses), needed) == (network_vkey, sorted(own), 2)
    admission = example("enclosed.json#/entry")
    vkeys = [policy_log, *policy_witnesses]
    found = check_tlog_proof(example("enclosed.json#/tlog_proof"), admission, vkeys)
    assert found[:3] == (2, "network.example/log", head["size"]) and len(found[3]) >= needed
    assert json.loads(admission)["statement"]["member"] == log_id
