"""Void rules, one by one: the entry stays in the log, is counted and hashed, and has no effect."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ledger import base64url
from ledger.log import judge
from ledger.log.charter import BatchPolicy, Institution, Role, Roots
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.entry import Entry
from ledger.log.governance import CompromiseKey, RetireKey, RotateLogKey
from ledger.log.identity import encode_log_id
from ledger.log.keys import Algorithm, PublicKey
from ledger.log.records import CloseDocument, DocumentName, EvidenceEntry, Publish
from ledger.log.statement import Statement
from tests.ledger.log import samples
from tests.ledger.log.samples import (
    SAMPLES,
    add,
    amend,
    anchor,
    fresh_key,
    issue,
    own_list,
    replace_roots,
    roots,
    rotate,
    say,
    void,
    what_counts,
)
from tests.simulator import SLOTS, SimulatedLog

P256 = PublicKey(Algorithm.P256, bytes.fromhex("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"))


def school() -> SimulatedLog:
    """Two of three root keys, and a first cut made."""
    log = SimulatedLog("granite", governors=3, threshold=2)
    log.cut()
    return log


def network() -> SimulatedLog:
    return SimulatedLog("confluence", Institution.NETWORK, governors=3, threshold=2)


def role(log: SimulatedLog, name: Role) -> Any:
    return log.role_signers[name]


Append = Callable[[SimulatedLog], Entry]

SCHOOL_RULES: list[tuple[str, Append, str]] = [
    ("batch by a governor", lambda log: issue(log, keys=roots(log, 1)), "operate: not a key of this institution"),
    ("batch by the log key", lambda log: issue(log, keys=[log.log_signer]), "operate: not a key of this institution"),
    (
        "batch by a define key",
        lambda log: issue(log, keys=[role(log, Role.DEFINE)]),
        "operate: a key with another role",
    ),
    ("batch by an issue key", lambda log: issue(log, keys=[role(log, Role.ISSUE)]), "operate: a key with another role"),
    (
        "batch with one signature more",
        lambda log: issue(log, keys=[role(log, Role.OPERATE), role(log, Role.DEFINE)]),
        "a signature beyond those required",
    ),
    ("batch too small", lambda log: issue(log, items=2), "a batch of 2 items, the policy there says 4"),
    ("batch too large", lambda log: issue(log, items=8), "a batch of 8 items, the policy there says 4"),
    ("batch restating the future", lambda log: issue(log, restates=log.size), "does not stand before it"),
    (
        "anchor by an operate key",
        lambda log: anchor(log, [log.note or b""], [role(log, Role.OPERATE)]),
        "log key alone",
    ),
    (
        "anchor with one signature more",
        lambda log: anchor(log, [log.note or b""], [log.log_signer, role(log, Role.OPERATE)]),
        "log key alone",
    ),
    ("anchor of nothing", lambda log: anchor(log, []), "item 0 is not this log's head: anchor: no item 0"),
    ("anchor of no note", lambda log: anchor(log, [b"hello"]), "item 0 is not this log's head"),
    ("anchor of another log", lambda log: anchor(log, [network().note or b""]), "item 0 is not this log's head"),
    (
        "anchor of a head to come",
        lambda log: anchor(log, [forged_head(log, log.size + 1)]),
        "is over 5 entries, 4 stand below",
    ),
    ("anchor of the empty tree", lambda log: anchor(log, [forged_head(log, 0)]), "is over 0 entries"),
    (
        "page by a define key",
        lambda log: log.status(bytes(SLOTS), key=role(log, Role.DEFINE)),
        "operate: a key with another role",
    ),
    ("page without its list", lambda log: samples.status(log, [own_list(log, 1)]), "not numbered from 0"),
    (
        "page with a gap in its own lists",
        lambda log: samples.status(log, [own_list(log), own_list(log, 2, first=1)]),
        "not numbered from 0 without a gap",
    ),
    (
        "page with lists in another order",
        lambda log: samples.status(log, [own_list(log, 1), own_list(log, 0, first=1)]),
        "not in order",
    ),
    (
        "page with an inherited list first",
        lambda log: samples.status(log, [samples.StatusList(0, samples.LOG, 0, SLOTS), own_list(log, first=1)]),
        "not in order",
    ),
    (
        "page with a list twice",
        lambda log: samples.status(log, [own_list(log), own_list(log, first=1)]),
        "not in order",
    ),
    (
        "page with a larger list",
        lambda log: samples.status(log, [own_list(log, slots=2048)]),
        "leaves out or resizes list 0",
    ),
    (
        "page with lists over each other",
        lambda log: samples.status(log, [own_list(log), own_list(log, 1, first=0)]),
        "list 1 begins at item 0, expected 1",
    ),
    (
        "page that begins late",
        lambda log: samples.status(log, [own_list(log, first=1)], items=2),
        "begins at item 1, expected 0",
    ),
    (
        "page with more than its lists",
        lambda log: samples.status(log, [own_list(log)], items=2),
        "take 1 items, its body has 2",
    ),
    (
        "page restating the future",
        lambda log: samples.status(log, [own_list(log)], restates=99),
        "does not stand before it",
    ),
    (
        "document by an operate key",
        lambda log: publish(log, [role(log, Role.OPERATE)]),
        "define: a key with another role",
    ),
    (
        "document closed by an operate key",
        lambda log: say(log, CloseDocument, [role(log, Role.OPERATE)], name=DocumentName("x", 1)),
        "define: a key with another role",
    ),
    (
        "closing what was never published",
        lambda log: say(log, CloseDocument, [role(log, Role.DEFINE)], name=DocumentName("x", 1)),
        "no such open document",
    ),
    (
        "evidence by a define key",
        lambda log: log.append(
            EvidenceEntry(**log.header(), reference=samples.describe_body("evidence", [b"e"])),  # type: ignore[arg-type]
            [role(log, Role.DEFINE)],
            [b"e"],
        ),
        "operate: a key with another role",
    ),
    ("amendment below the threshold", lambda log: amend(log, roots(log, 1), name="X"), "1 of the 2 root signatures"),
    ("amendment by others", lambda log: amend(log, [role(log, Role.OPERATE)], name="X"), "0 of the 2 root signatures"),
    ("amendment above the threshold", lambda log: amend(log, roots(log, 3), name="X"), "beyond those required"),
    (
        "amendment with a foreign signature",
        lambda log: amend(log, [*roots(log), role(log, Role.OPERATE)], name="X"),
        "beyond those required",
    ),
    (
        "amendment after something else",
        lambda log: amend(log, name="X", after=2),
        "after entry 2 on its subject, the last is -1",
    ),
    (
        "amendment too late",
        lambda log: amend(log, name="X", until=log.size - 1),
        "had to stand at index 3 at the latest",
    ),
    (
        "key added below the threshold",
        lambda log: add(log, fresh_key(log), roots(log, 1)),
        "1 of the 2 root signatures",
    ),
    (
        "key added with its own signature",
        lambda log: add(log, fresh_key(log), [*roots(log), fresh_key(log)]),
        "beyond those required",
    ),
    ("key added too late", lambda log: add(log, fresh_key(log), until=3), "at index 3 at the latest"),
    ("key added that has a role", lambda log: add(log, role(log, Role.ISSUE)), "one role for ever"),
    ("key added that is a root key", lambda log: add(log, log.root_signers[2]), "one role for ever"),
    ("key added that is the log key", lambda log: add(log, log.log_signer), "one role for ever"),
    ("unknown key retired", lambda log: log.retire(fresh_key(log)), "no such key to retire"),
    ("unknown key compromised", lambda log: log.compromise(fresh_key(log), 1), "there is no such key"),
    (
        "compromise to come",
        lambda log: log.compromise(role(log, Role.OPERATE), log.size + 1),
        "from index 5 on, which is still to come",
    ),
    ("log key rotated to a root key", lambda log: rotate(log, log.root_signers[0]), "has a place already"),
    (
        "log key rotated to P-256",
        lambda log: say(log, RotateLogKey, roots(log), after=-1, log_key=P256),
        "a log key is an Ed25519 key",
    ),
    ("log key rotated by one", lambda log: rotate(log, fresh_key(log), roots(log, 1)), "1 of the 2 root signatures"),
    (
        "a role key made root",
        lambda log: replace_roots(log, Roots((role(log, Role.ISSUE).public,), 1), [*roots(log), role(log, Role.ISSUE)]),
        "has or had another place",
    ),
    (
        "roots replaced without the new ones",
        lambda log: replace_roots(log, Roots((fresh_key(log).public,), 1), roots(log)),
        "0 of the 1 root signatures",
    ),
    (
        "roots replaced by the new ones alone",
        lambda log: replace_roots(log, Roots((fresh_key(log).public,), 1), [fresh_key(log)]),
        "0 of the 2 root signatures",
    ),
    (
        "roots replaced with a signature too many",
        lambda log: replace_roots(log, Roots((fresh_key(log).public,), 1), [*roots(log, 3), fresh_key(log)]),
        "beyond those required",
    ),
    ("a school admits", lambda log: log.member(network()), "only a network has members"),
]


def forged_head(log: SimulatedLog, size: int) -> bytes:
    return sign_checkpoint(Checkpoint(log.state.charter.origin, size, log.state.frontier.root()), log.log_signer)


def publish(log: SimulatedLog, keys: list[Any]) -> Entry:
    values = {**log.header(), "reference": samples.describe_body("publish", [b"{}"])}
    sample = SAMPLES["publish"]
    assert isinstance(sample, Publish)
    statement = Publish(**values, name=sample.name, type=sample.type, media_type="text/plain")  # type: ignore[arg-type]
    return log.append(statement, keys, [b"{}"])


@pytest.mark.parametrize(
    ("append", "message"), [rule[1:] for rule in SCHOOL_RULES], ids=[rule[0] for rule in SCHOOL_RULES]
)
def test_an_entry_is_void(append: Append, message: str) -> None:
    """The entry stands, says why it has no effect, and leaves everything else as it was."""
    log = school()
    before = what_counts(log)
    entry = append(log)
    assert message in (void(log, entry) or "took effect")
    assert what_counts(log) == before


def test_the_same_acts_done_rightly_take_effect() -> None:
    """What the table spoils in one way each is good otherwise."""
    log = school()
    one = fresh_key(log, 1)
    done = [
        issue(log),
        anchor(log, [log.note or b""]),
        samples.status(log, [own_list(log), own_list(log, 1, first=1, slots=2048)]),
        publish(log, [role(log, Role.DEFINE)]),
        say(log, CloseDocument, [role(log, Role.DEFINE)], name=DocumentName("lantern", 1)),
        amend(log, name="X"),
        add(log, one),
        log.retire(one),
        log.compromise(one, log.size),
        rotate(log, fresh_key(log, 2)),
        replace_roots(log, Roots((fresh_key(log, 3).public,), 1), [*roots(log), fresh_key(log, 3)]),
        amend(log, [fresh_key(log, 3)], name="Y"),
    ]
    assert [void(log, entry) for entry in done[-1:]] == [None]
    assert log.state.void == {}
    assert log.state.name == "Y"


def test_a_statement_id_counts_once() -> None:
    """A second entry with the same id is void, also where the first was void itself."""
    log = school()
    header = {"id": bytes(16)}
    assert void(log, amend(log, name="X", **header)) is None
    for _ in range(2):
        assert void(log, amend(log, name="Y", **header)) == "its statement id was used by entry 4"
    assert log.state.find_id(bytes(16)) == 4
    late = amend(log, until=0, name="Z", id=bytes([1] * 16))
    assert void(log, late) is not None
    assert void(log, amend(log, name="Z", id=bytes([1] * 16))) == f"its statement id was used by entry {late.index}"
    assert log.state.name == "X"


def test_a_held_back_statement_cannot_be_used_later() -> None:
    """`after` names the last effective entry on the same subject; other subjects do not disturb it."""
    log = school()
    key = fresh_key(log)
    assert void(log, add(log, key)) is None
    amend(log, name="X")
    assert void(log, say(log, RetireKey, roots(log), after=4, until=99, key=key.public.id)) is None
    assert void(log, say(log, CompromiseKey, roots(log), after=4, key=key.public.id, since=5)) is not None
    assert void(log, say(log, CompromiseKey, roots(log), after=6, key=key.public.id, since=5)) is None


def test_until_is_the_last_index_that_counts() -> None:
    log = school()
    assert void(log, amend(log, name="X", until=log.size)) is None
    assert void(log, amend(log, name="Y", until=log.size - 1)) is not None


def test_a_void_attempt_does_not_use_up_a_key() -> None:
    """A statement that went in void is made anew; the keys of its ceremony are still good."""
    log = school()
    key, governor = fresh_key(log, "role"), fresh_key(log, "root")
    assert void(log, add(log, key, until=0)) is not None
    assert void(log, add(log, key)) is None
    new = Roots((governor.public,), 1)
    assert void(log, replace_roots(log, new, [governor])) is not None
    assert void(log, replace_roots(log, new, [*roots(log), governor])) is None


def test_documents_keep_their_meaning() -> None:
    """Id and version are used once, closed once; a new version is a new document."""
    log = school()
    define = [role(log, Role.DEFINE)]
    assert void(log, log.publish("lantern", 1)) is None
    assert "was published before" in (void(log, log.publish("lantern", 1, b'{"other":1}')) or "")
    assert void(log, log.publish("lantern", 2)) is None
    assert void(log, say(log, CloseDocument, define, name=DocumentName("lantern", 1))) is None
    assert "no such open document" in (
        void(log, say(log, CloseDocument, define, name=DocumentName("lantern", 1))) or ""
    )
    assert log.state.documents[DocumentName("lantern", 1)].index == 4


def test_the_size_of_batches_changes_from_the_second_next_cut_on() -> None:
    log = school()
    log.state.batches.clear()
    log.state.batches.append((0, BatchPolicy(0, 0, 4)))
    amend(log, batch=BatchPolicy(0, 0, 8))
    assert [void(log, issue(log, items=n)) is None for n in (8, 4, 8, 4, 8)] == [False, True, False, True, True]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("amendment", "charter"),
        ("add", base64url.encode(samples.PUBLIC[5].id)),
        ("retire", base64url.encode(samples.PUBLIC[5].id)),
        ("compromise", base64url.encode(samples.PUBLIC[5].id)),
        ("rotate", "log"),
        ("replace", "roots"),
        ("admit", encode_log_id(samples.LOG)),
        ("succeed", encode_log_id(samples.LOG)),
        ("charter", None),
        ("issue", None),
        ("unknown op", None),
    ],
)
def test_what_a_statement_is_about(name: str, expected: str | None) -> None:
    assert judge.subject_of(SAMPLES[name]) == expected


def test_which_keys_a_statement_names() -> None:
    named = {name: len(judge.named_keys(sample)) for name, sample in SAMPLES.items()}
    assert {name: count for name, count in named.items() if count} == {
        "charter": 5,
        "add": 1,
        "rotate": 1,
        "replace": 2,
    }


def test_a_future_kind_has_no_effect_and_is_not_void() -> None:
    log = school()
    unknown = SAMPLES["unknown kind"]
    assert isinstance(unknown, samples.UnknownStatement)
    before = what_counts(log)
    entry = log.append(_moved(unknown, log), [role(log, Role.OPERATE)])
    assert void(log, entry) is None
    assert log.state.unknown == entry.index
    log.state.unknowns.clear()
    assert what_counts(log) == before


def _moved(statement: Statement, log: SimulatedLog) -> Statement:
    return replace(statement, log=log.log_id)
