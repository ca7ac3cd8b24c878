"""Void rules about members, keys and lists: who may become what, and what may never change hands."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ledger.log.charter import Institution, Role, Roots
from ledger.log.checkpoint import witness_verifier_key
from ledger.log.entry import Entry
from ledger.log.governance import MemberOp, Rights
from ledger.log.identity import LogId, encode_log_id
from tests.ledger.log import samples
from tests.ledger.log.samples import (
    add,
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


def school() -> SimulatedLog:
    """Two of three root keys, and a first cut made."""
    log = SimulatedLog("granite", governors=3, threshold=2)
    log.cut()
    return log


def network() -> SimulatedLog:
    return SimulatedLog("confluence", Institution.NETWORK, governors=3, threshold=2)


def role(log: SimulatedLog, name: Role) -> Any:
    return log.role_signers[name]


def admitted() -> tuple[SimulatedLog, SimulatedLog]:
    net, log = network(), school()
    net.member(log)
    return net, log


def other(name: str = "lantern") -> SimulatedLog:
    return SimulatedLog(name)


def standing(log: SimulatedLog, **change: Any) -> Any:
    return replace(log.standing(Rights()), **change)


NETWORK_RULES: list[tuple[str, Callable[[SimulatedLog, SimulatedLog], Entry], str]] = [
    ("admitted twice", lambda net, log: net.member(log), "admit does not follow admit"),
    ("stranger amended", lambda net, log: net.member(other(), MemberOp.AMEND), "amend does not follow nothing"),
    ("stranger suspended", lambda net, log: net.member(other(), MemberOp.SUSPEND), "suspend does not follow nothing"),
    ("stranger removed", lambda net, log: net.member(other(), MemberOp.REMOVE), "remove does not follow nothing"),
    (
        "active member reinstated",
        lambda net, log: net.member(log, MemberOp.REINSTATE),
        "reinstate does not follow admit",
    ),
    (
        "stranger succeeded",
        lambda net, log: net.member(other(), MemberOp.SUCCEED, successor=log.log_id),
        "succeed does not follow nothing",
    ),
    (
        "succeeded by a stranger",
        lambda net, log: net.member(log, MemberOp.SUCCEED, successor=other().log_id),
        "the successor is not a member",
    ),
    (
        "boundary in another log",
        lambda net, log: net.member(other(), boundary=log.boundary()),
        "its boundary is in another log",
    ),
    (
        "origin taken",
        lambda net, log: net.member(other(), standing=standing(other(), origin=log.state.charter.origin)),
        "origin granite.example/log belongs to another member",
    ),
    (
        "the network's own origin",
        lambda net, log: net.member(other(), standing=standing(other(), origin=net.state.charter.origin)),
        "belongs to the network itself",
    ),
    (
        "witness key taken",
        lambda net, log: net.member(
            other(), standing=standing(other(), witness=witness_verifier_key("x.example/w", log.witness_signer.public))
        ),
        "the witness key belongs to another member",
    ),
    (
        "witness key is the log key",
        lambda net, log: net.member(
            other(), standing=standing(other(), witness=witness_verifier_key("x.example/w", other().log_signer.public))
        ),
        "the witness key is the log key",
    ),
    ("below the threshold", lambda net, log: decide(net, other(), roots(net, 1)), "1 of the 2 root signatures"),
    ("above the threshold", lambda net, log: decide(net, other(), roots(net, 3)), "beyond those required"),
    ("too late", lambda net, log: net.member(other(), until=net.size - 1), "at the latest"),
    ("after something else", lambda net, log: net.member(log, MemberOp.SUSPEND, after=-1), "the last is 1"),
]


def decide(net: SimulatedLog, log: SimulatedLog, keys: list[Any]) -> Entry:
    values: dict[str, Any] = {
        "after": -1,
        "until": net.size,
        "op": MemberOp.ADMIT,
        "member": log.log_id,
        "boundary": log.boundary(),
        "standing": log.standing(Rights()),
    }
    return say(net, samples.MemberChange, keys, **values)


@pytest.mark.parametrize(
    ("append", "message"), [rule[1:] for rule in NETWORK_RULES], ids=[rule[0] for rule in NETWORK_RULES]
)
def test_a_decision_about_a_member_is_void(append: Callable[[SimulatedLog, SimulatedLog], Entry], message: str) -> None:
    net, log = admitted()
    before = what_counts(net)
    entry = append(net, log)
    assert message in (void(net, entry) or "took effect")
    assert what_counts(net) == before


def test_a_member_passes_through_its_states() -> None:
    """Every legal step in one life, and after a succession nothing."""
    net, log = admitted()
    heir = other()
    net.member(heir)
    for op in (MemberOp.AMEND, MemberOp.SUSPEND, MemberOp.REINSTATE, MemberOp.SUSPEND, MemberOp.REMOVE, MemberOp.ADMIT):
        assert void(net, net.member(log, op)) is None
    assert void(net, net.member(log, MemberOp.SUCCEED, successor=heir.log_id)) is None
    assert "has a successor already" in (void(net, net.member(log, MemberOp.REMOVE)) or "")


def test_a_member_whose_22_characters_are_taken_is_not_admitted() -> None:
    """Two ids that begin alike would share a URL; nobody can make them, so the second is made up here."""
    net, log = admitted()
    twin = other()
    look_alike = LogId(log.log_id[:17] + bytes(15))
    assert encode_log_id(look_alike)[:22] == encode_log_id(log.log_id)[:22]
    change = {"member": look_alike, "boundary": samples.Boundary(look_alike, 1, bytes(32))}
    assert "begins with the same 22 characters" in (void(net, net.member(twin, **change)) or "")


def test_an_issuer_id_never_changes_hands() -> None:
    """A later claim to a listed id is void, also after the first member gave it up: its credentials are out there."""
    net, log = admitted()
    url = "https://granite.example/issuer"
    assert void(net, net.member(log, MemberOp.AMEND, Rights(issuers=(url,)))) is None
    assert f"issuer id {url} belongs to another member" in (
        void(net, net.member(other(), rights=Rights(issuers=(url,)))) or ""
    )
    assert void(net, net.member(log, MemberOp.AMEND, Rights())) is None
    assert f"issuer id {url} belongs to another member" in (
        void(net, net.member(other(), rights=Rights(issuers=(url,)))) or ""
    )
    assert void(net, net.member(log, MemberOp.AMEND, Rights(issuers=(url,)))) is None


def test_a_key_has_one_place_for_ever() -> None:
    """Also after it was retired, rotated out or replaced."""
    log = school()
    old_log, old_root, operate = log.log_signer, log.root_signers[2], role(log, Role.OPERATE)
    log.retire(operate)
    rotate(log, fresh_key(log, "log"))
    new = Roots((log.root_signers[0].public, log.root_signers[1].public), 2)
    assert void(log, replace_roots(log, new, roots(log))) is None
    for key in (old_log, old_root, operate):
        assert "one role for ever" in (void(log, add(log, key)) or "")
    assert "has a place already" in (void(log, rotate(log, old_log)) or "")
    again = Roots((log.root_signers[0].public, old_root.public), 2)
    assert "has or had another place" in (void(log, replace_roots(log, again, [*roots(log), old_root])) or "")


@pytest.mark.parametrize(("early", "message"), [(True, "not yet added there"), (False, "retired before that position")])
def test_a_key_acts_only_while_in_force(early: bool, message: str) -> None:
    """In force above the entry that adds it, up to the entry that retires it."""
    log = school()
    key = fresh_key(log)
    if early:
        # named by a void attempt, so that the log may grow by its signature
        add(log, key, until=0)
        assert "not a key of this institution" in (void(log, issue(log, keys=[key])) or "")
        entry = add(log, key)
        assert log.state.key_status(key.public.id, Role.OPERATE, entry.index).value == message
    else:
        add(log, key)
        assert void(log, issue(log, keys=[key])) is None
        log.retire(key)
        assert message in (void(log, issue(log, keys=[key])) or "")


def test_a_second_compromise_must_reach_further_back() -> None:
    log = school()
    operate = role(log, Role.OPERATE)
    assert void(log, log.compromise(operate, 3)) is None
    assert "reaches as far back" in (void(log, log.compromise(operate, 3)) or "")
    assert void(log, log.compromise(operate, 2)) is None
    assert log.state.keys.records[operate.public.id].stolen_since == 2


def test_lists_grow_and_never_shrink() -> None:
    """A page restates every list it ever had, inherited ones behind its own."""
    log = school()
    heir = samples.StatusList(2, samples.LOG, 0, SLOTS)
    second = own_list(log, 1, first=1)
    assert void(log, samples.status(log, [own_list(log), second, heir])) is None
    assert void(log, samples.status(log, [own_list(log), second, heir])) is None
    assert "leaves out or resizes list 1" in (void(log, samples.status(log, [own_list(log)])) or "")
    assert "leaves out or resizes list 0" in (void(log, samples.status(log, [own_list(log), second])) or "")
