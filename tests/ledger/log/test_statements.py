"""Statements: one spelling for each, every member checked, the future kept."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import base64url, canonical
from ledger.errors import MalformedError
from ledger.log import statements
from ledger.log.body import BodyReference
from ledger.log.charter import BatchPolicy, CharterAmendment, Role, RoleKey, Roots
from ledger.log.checkpoint import log_verifier_key
from ledger.log.governance import (
    AddKey,
    Boundary,
    CompromiseKey,
    MemberChange,
    MemberOp,
    ReplaceRoots,
    RetireKey,
    Rights,
    RotateLogKey,
    Standing,
)
from ledger.log.identity import LogId, parse_log_id, short_log_id
from ledger.log.keys import Algorithm, KeyId, PublicKey
from ledger.log.merkle import RootHash
from ledger.log.records import (
    Anchor,
    CloseDocument,
    DocumentName,
    DocumentType,
    EvidenceEntry,
    Issue,
    Publish,
    StatusList,
    StatusUpdate,
    UnknownStatement,
)
from ledger.log.statement import MAX_STATEMENT_BYTES, Statement
from tests.ledger.log.samples import HEADER, LOG, PUBLIC, SAMPLES


def as_json(name: str) -> dict[str, Any]:
    value = json.loads(statements.encode(SAMPLES[name]))
    assert isinstance(value, dict)
    return value


def changed(name: str, path: str, value: object) -> bytes:
    """A sample with the member at a dotted path set; removed if `value` is `...`."""
    whole = as_json(name)
    place: Any = whole
    *parents, last = path.split(".")
    for parent in parents:
        place = place[int(parent) if parent.isdigit() else parent]
    if value is ...:
        del place[last]
    else:
        place[int(last) if last.isdigit() else last] = value
    return canonical.encode(whole)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_kind_reads_back_as_itself(name: str) -> None:
    data = statements.encode(SAMPLES[name])
    assert statements.parse(data) == SAMPLES[name]
    assert statements.encode(statements.parse(data)) == data


def test_all_eight_kinds_are_sampled() -> None:
    assert {sample.kind for sample in SAMPLES.values()} == {*statements.KINDS, "greeting"}
    assert len(statements.KINDS) == 8


def test_the_bytes_of_an_issue_statement() -> None:
    """Spelt out once, so that a change of bytes cannot pass unseen."""
    assert statements.encode(SAMPLES["issue again"]) == (
        b'{"at":1781000000000,"body":{"items":4,"root":"'
        + base64url.encode(SAMPLES["issue again"].body.root).encode()  # type: ignore[union-attr]
        + b'","size":128},"id":"AAECAwQFBgcICQoLDA0ODw","kind":"issue","log":"'
        + base64url.encode(LOG).encode()
        + b'","restates":5}'
    )


@pytest.mark.parametrize(
    ("name", "path", "value", "message"),
    [
        # the header
        ("issue", "at", ..., "at is missing"),
        ("issue", "at", -1, "at -1 is not within"),
        ("issue", "id", base64url.encode(bytes(15)), "id"),
        ("issue", "log", ..., "must name its log"),
        ("issue", "log", "AA", "32"),
        ("issue", "kind", 7, "kind is not text"),
        ("issue", "kind", "k" * 41, "41 characters"),
        ("issue", "more", 1, "unknown member 'more'"),
        # bodies
        ("issue", "body", ..., "body is missing"),
        ("issue", "body.items", -1, "items -1"),
        ("issue", "body.size", 64 * 1024 * 1024 + 1, "size"),
        ("issue", "body.root", base64url.encode(bytes(31)), "root"),
        ("issue", "body.more", 1, "unknown member 'more'"),
        ("issue", "restates", -1, "restates -1"),
        # charter
        ("charter", "institution", "club", "unknown kind of institution"),
        ("charter", "origin", "two words", "white space"),
        ("charter", "origin", "a+b", "plus sign"),
        ("charter", "name", "", "must not be empty"),
        ("charter", "url", "ftp://x.example", "not an absolute http or https URL"),
        ("charter", "url", "https://x.example/ö", "not an absolute http or https URL"),
        ("charter", "batch.size", 3, "not a power of two"),
        ("charter", "batch.size", 2**18, "size 262144"),
        ("charter", "batch.minute", 1440, "minute 1440"),
        ("charter", "batch.interval", 401 * 86_400_000, "interval"),
        ("charter", "lists.slots", 512, "slots 512"),
        ("charter", "lists.slots", 1025, "not a power of two"),
        ("charter", "lists.opens", "02-29", "not a day MM-DD up to the 28th"),
        ("charter", "lists.opens", "8-1", "not a day"),
        ("charter", "roots.threshold", 0, "threshold 0"),
        ("charter", "roots.threshold", 3, "above the 2 keys"),
        ("charter", "roots.keys", [], "0 keys"),
        ("charter", "roots.keys.1", PUBLIC[0].to_json(), "a key stands twice"),
        ("charter", "keys", [], "0 keys"),
        ("charter", "keys.0.role", "sweep", "'sweep' is none of"),
        ("charter", "keys.0.alg", "rsa", "algorithm 'rsa' is not known"),
        ("charter", "keys.1", {**PUBLIC[0].to_json(), "role": "issue"}, "one key stands in two places"),
        ("charter", "log_key", PUBLIC[0].to_json(), "one key stands in two places"),
        ("charter", "log", base64url.encode(LOG), "amend is missing"),
        ("amendment", "amend", {}, "changes nothing"),
        ("amendment", "amend.origin", "x", "unknown member 'origin'"),
        ("amendment", "until", ..., "until is missing"),
        ("amendment", "after", -2, "after -2"),
        # keys
        ("add", "until", ..., "until is missing"),
        ("add", "key", ..., "key is missing"),
        ("retire", "key", base64url.encode(bytes(33)), "key"),
        ("compromise", "until", 9, "unknown member 'until'"),
        ("compromise", "since", ..., "since is missing"),
        ("rotate", "until", 9, "unknown member 'until'"),
        ("replace", "until", 9, "unknown member 'until'"),
        # members
        ("admit", "standing", ..., "admit must carry a standing"),
        ("suspend", "standing", {}, "suspend must not carry a standing"),
        ("succeed", "successor", ..., "succeed must name a successor"),
        ("admit", "successor", base64url.encode(LOG), "admit must not name a successor"),
        ("admit", "boundary.size", 0, "size 0"),
        ("admit", "boundary.root", ..., "root is missing"),
        ("admit", "standing.rights.achievements", ["a", "a"], "different texts"),
        ("admit", "standing.rights.achievements", [1], "different texts"),
        ("admit", "standing.rights.types", ["x"] * 501, "501 ids"),
        ("admit", "standing.rights.issuers", ["x" * 501], "1 to 500 characters"),
        ("admit", "standing.witness", "granite.example+00000000+AAAA", "verifier key"),
        ("admit", "standing.more", 1, "unknown member 'more'"),
        # status
        ("status", "lists", [], "0 lists"),
        ("status", "lists.0.slots", 512, "slots 512"),
        ("status", "lists.0.slots", 1536, "not a power of two"),
        ("status", "lists.0.number", 2**32, "number"),
        ("status", "lists.0.log", ..., "log is missing"),
        # documents
        ("publish", "document.version", 0, "version 0"),
        ("publish", "document.type", "poem", "unknown type of document"),
        ("publish", "document.id", "x" * 201, "201 characters"),
        ("publish", "body.items", 2, "one document"),
        ("publish", "body.size", 8 * 1024 * 1024 + 1, "one document"),
        ("publish", "body", ..., "body is missing"),
        ("close", "document", {}, "unknown member 'document'"),
        ("close", "closes.version", "1", "version is not an integer"),
        ("unknown kind", "log", ..., "must name its log"),
        ("unknown kind", "body", 3, "not an object"),
    ],
)
def test_parse_refuses(name: str, path: str, value: object, message: str) -> None:
    """Each member of each kind: missing, of the wrong form, or one past its limit."""
    with pytest.raises(MalformedError, match=message):
        statements.parse(changed(name, path, value))


@pytest.mark.parametrize("place", ["log_key", "roots.keys.0"])
def test_a_charter_refuses_keys_that_could_never_sign(place: str) -> None:
    """Entries and notes are signed with Ed25519; a P-256 log or root key would leave a log nobody can write."""
    point = "03" + "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    key = PublicKey(Algorithm.P256, bytes.fromhex(point))
    with pytest.raises(MalformedError, match="ed25519"):
        statements.parse(changed("charter", place, key.to_json()))


def test_a_witness_key_of_the_wrong_type_is_refused() -> None:
    vkey = log_verifier_key("granite.example/log", PUBLIC[3]).encode()
    with pytest.raises(MalformedError, match="not of the cosignature type"):
        statements.parse(changed("admit", "standing.witness", vkey))


def test_a_statement_of_the_future_is_kept_whole() -> None:
    """Unknown kinds and ops read, keep every member and encode to the same bytes."""
    data = changed("retire", "op", "bless")
    parsed = statements.parse(data)
    assert isinstance(parsed, UnknownStatement)
    assert statements.is_unknown(parsed) and statements.encode(parsed) == data
    body = changed("unknown kind", "body", as_json("issue")["body"])
    assert statements.parse(body).body == SAMPLES["issue"].body


def test_statements_end_at_their_limit() -> None:
    """No statement is longer than the longest entry."""
    frame = len(statements.encode(UnknownStatement(**HEADER, kind_name="k", reference=None, content={"x": ""})))
    fits = "x" * (MAX_STATEMENT_BYTES - frame)
    data = statements.encode(UnknownStatement(**HEADER, kind_name="k", reference=None, content={"x": fits}))
    assert len(data) == MAX_STATEMENT_BYTES and statements.parse(data)
    with pytest.raises(MalformedError, match="at most 65535"):
        statements.encode(UnknownStatement(**HEADER, kind_name="k", reference=None, content={"x": fits + "x"}))


def test_log_ids_have_two_text_forms() -> None:
    text = base64url.encode(LOG)
    assert (len(text), short_log_id(LOG)) == (43, text[:22])
    assert parse_log_id(text) == LOG
    with pytest.raises(MalformedError):
        parse_log_id(text[:22])


hashes = st.binary(min_size=32, max_size=32)
numbers = st.integers(0, 2**53 - 1)
afters = st.integers(-1, 2**53 - 1)
words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
ids = st.lists(words, max_size=3, unique=True).map(tuple)
public_keys = hashes.map(lambda raw: PublicKey(Algorithm.ED25519, raw))
references = st.builds(BodyReference, numbers, hashes.map(RootHash), st.integers(0, 8 * 1024 * 1024))
headers = {"at": numbers, "id": st.binary(min_size=16, max_size=16), "log": hashes.map(LogId)}
slots = st.integers(10, 20).map(lambda power: 2**power)
lists = st.builds(StatusList, numbers, hashes.map(LogId), st.integers(0, 2**32 - 1), slots)
policies = st.builds(BatchPolicy, st.integers(0, 10**9), st.integers(0, 1439), st.integers(0, 17).map(lambda n: 2**n))
root_sets = st.lists(public_keys, min_size=1, max_size=4, unique=True).flatmap(
    lambda keys: st.builds(Roots, st.just(tuple(keys)), st.integers(1, len(keys)))
)
standings = st.builds(
    Standing,
    name=st.just("Zoë's School"),
    origin=st.just("school.example/log"),
    log_key=public_keys,
    rights=st.builds(Rights, ids, ids, ids, ids),
    witness=st.none(),
    grpc=words,
    url=st.just("https://school.example/x"),
)
boundaries = st.builds(Boundary, hashes.map(LogId), st.integers(1, 2**53 - 1), hashes)
members: dict[str, Any] = {
    **headers,
    "after": afters,
    "until": numbers,
    "member": hashes.map(LogId),
    "boundary": boundaries,
}
any_statement = st.one_of(
    st.builds(CharterAmendment, **headers, after=afters, until=numbers, batch=policies, grpc=st.none() | words),
    st.builds(
        AddKey, **headers, after=afters, until=numbers, key=st.builds(RoleKey, public_keys, st.sampled_from(Role))
    ),
    st.builds(RetireKey, **headers, after=afters, until=numbers, key=hashes.map(KeyId)),
    st.builds(CompromiseKey, **headers, after=afters, key=hashes.map(KeyId), since=numbers),
    st.builds(RotateLogKey, **headers, after=afters, log_key=public_keys),
    st.builds(ReplaceRoots, **headers, after=afters, roots=root_sets),
    st.builds(MemberChange, **members, op=st.sampled_from([MemberOp.ADMIT, MemberOp.AMEND]), standing=standings),
    st.builds(MemberChange, **members, op=st.sampled_from([MemberOp.SUSPEND, MemberOp.REMOVE])),
    st.builds(MemberChange, **members, op=st.just(MemberOp.SUCCEED), successor=hashes.map(LogId)),
    st.builds(Issue, **headers, reference=references, restates=st.none() | numbers),
    st.builds(
        StatusUpdate,
        **headers,
        reference=references,
        lists=st.lists(lists, min_size=1, max_size=3).map(tuple),
        restates=st.none() | numbers,
    ),
    st.builds(
        Publish,
        **headers,
        reference=st.builds(BodyReference, st.just(1), hashes.map(RootHash), st.integers(0, 8 * 1024 * 1024)),
        name=st.builds(DocumentName, words, st.integers(1, 10**6)),
        type=st.sampled_from(DocumentType),
        media_type=words,
    ),
    st.builds(CloseDocument, **headers, name=st.builds(DocumentName, words, st.integers(1, 10**6))),
    st.builds(Anchor, **headers, reference=references),
    st.builds(EvidenceEntry, **headers, reference=references),
)


@given(any_statement)
def test_parse_inverts_encode(statement: Statement) -> None:
    data = statements.encode(statement)
    assert statements.parse(data) == statement
    assert statements.encode(statements.parse(data)) == data


@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_damaged_bytes_are_refused_or_another_statement(name: str, data: st.DataObject) -> None:
    """Nothing but `MalformedError` comes out of bad bytes, and what is accepted has one spelling."""
    good = statements.encode(SAMPLES[name])
    bad = bytearray(good)
    bad[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        parsed = statements.parse(bytes(bad))
    except MalformedError:
        return
    assert parsed != SAMPLES[name]
    assert statements.encode(parsed) == bytes(bad)


@pytest.mark.parametrize("kind", ["key", "member"])
def test_an_op_of_the_future_needs_nothing_that_ours_need(kind: str) -> None:
    """It is kept as unknown whatever members it has, so that a later version is free to choose them."""
    value: canonical.JSONObject = {
        "at": 1,
        "id": base64url.encode(bytes(16)),
        "kind": kind,
        "log": base64url.encode(bytes(32)),
        "op": "merge",
        "whatever": 3,
    }
    statement = statements.parse(canonical.encode(value))
    assert isinstance(statement, UnknownStatement)
    assert statements.encode(statement) == canonical.encode(value)
