"""Steps 9 and 10: whether the issuer had the right, and its key was in force, one row for each way it was not."""

import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from ledger.credential.report import Answer, Code
from ledger.log.charter import Role, RoleKey
from ledger.log.governance import AddKey, MemberOp, Rights
from tests.ledger.credential.verifying import COURSE, Minted, World
from tests.ledger.log.samples import SAMPLES, amend, fresh_key, roots, say
from tests.simulator import SimulatedLog, seeded

Make = Callable[[World], Minted]


def never_a_member(world: World) -> Minted:
    """Its boundary is above the position: it was admitted later."""
    late = SimulatedLog("tidewater")
    world.logs.append(late)
    world.desks[late.log_id] = type(world.desks[world.granite.log_id])(late)
    one = world.mint(log=late)
    late.anchor()
    world.batch(late, [one])
    world.page(late)
    world.network.member(late, standing=replace(late.standing(Rights(("*",))), witness=None))
    world.confirm()
    return one


def decided(op: MemberOp, rights: Rights | None = None) -> Make:
    """What the governors decide before the batch is made."""

    def make(world: World) -> Minted:
        world.network.member(world.granite, op, rights)
        return world.good()

    return make


def other_history(world: World) -> Minted:
    """The network admitted another branch than the one held."""
    other = world.granite.copy()
    other.cut([seeded("another")])
    one = world.good()
    world.granite.cut()
    world.network.member(other, MemberOp.AMEND)
    late = world.mint()
    world.cut(late)
    assert one.receipt is not None
    return late


def future_kind(log_name: str) -> Make:
    def make(world: World) -> Minted:
        log = world.granite if log_name == "granite" else world.network
        unknown = replace(SAMPLES["unknown kind"], log=log.log_id)
        log.append(unknown, [log.role_signers[Role.OPERATE]])
        return world.good()

    return make


def issuer_given_up(world: World) -> Minted:
    """An issuer id the member listed once and no longer does."""
    url = "https://granite.example/issuer"
    world.network.member(world.granite, MemberOp.AMEND, Rights(("*",), issuers=(url,)))
    world.network.member(world.granite, MemberOp.AMEND, Rights(("*",)))
    return world.good(iss=url)


def diploma_by_issue_key(world: World) -> Minted:
    return world.good(key=world.granite.role_signers[Role.ISSUE])


def course_by_register_key(world: World) -> Minted:
    return world.good(achievement=COURSE, results=(), credits=None)


def by_operate_key(world: World) -> Minted:
    return world.good(key=world.granite.role_signers[Role.OPERATE])


def by_retired_key(world: World) -> Minted:
    world.granite.retire(world.granite.role_signers[Role.REGISTER])
    return world.good()


def by_a_key_to_come(world: World) -> Minted:
    key = fresh_key(world.granite, "register")
    one = world.good(key=key)
    say(world.granite, AddKey, roots(world.granite), after=-1, until=99, key=RoleKey(key.public, Role.REGISTER))
    world.confirm()
    return one


def by_stolen_key(world: World) -> Minted:
    one = world.good()
    assert one.receipt is not None
    world.granite.compromise(world.granite.role_signers[Role.REGISTER], one.receipt.index)
    world.confirm()
    return one


def by_a_key_of_the_heir(world: World) -> Minted:
    """A successor's key signs, and the receipt is of the old log, where that key was never named."""
    heir = world.add(SimulatedLog("heir"))
    one = world.mint(key=heir.role_signers[Role.REGISTER])
    world.cut(one)
    world.network.member(world.granite, MemberOp.SUCCEED, successor=heir.log_id)
    world.confirm()
    return one


NO, UNSURE = Answer.NO, Answer.COULD_NOT_CHECK
ROWS: list[tuple[str, Make, int, Answer, Code, str]] = [
    # 9
    ("not a member there", never_a_member, 9, NO, Code.ISSUER_NOT_AUTHORISED, "was not a member at that position"),
    ("suspended", decided(MemberOp.SUSPEND), 9, NO, Code.ISSUER_NOT_AUTHORISED, "it was suspended from entry 1 on"),
    ("removed", decided(MemberOp.REMOVE), 9, NO, Code.ISSUER_NOT_AUTHORISED, "it was removed from entry 1 on"),
    (
        "without the right",
        decided(MemberOp.AMEND, Rights(("something else",), ("Course",))),
        9,
        NO,
        Code.ISSUER_NOT_AUTHORISED,
        "of the network's log, without the right to issue https://",
    ),
    ("another history", other_history, 9, NO, Code.ISSUER_NOT_AUTHORISED, "not the one the network admitted"),
    (
        "issuer id given up",
        issuer_given_up,
        9,
        NO,
        Code.ISSUER_NOT_AUTHORISED,
        "the right to the issuer id https://granite",
    ),
    (
        "a kind of the future below",
        future_kind("granite"),
        9,
        UNSURE,
        Code.INCOMPLETE,
        "a kind this version does not know",
    ),
    ("a kind of the future in the network", future_kind("network"), 9, UNSURE, Code.INCOMPLETE, "of the network's log"),
    # 10
    ("diploma by an issue key", diploma_by_issue_key, 10, NO, Code.ISSUER_NOT_AUTHORISED, "needed: a key for diplomas"),
    (
        "course by a register key",
        course_by_register_key,
        10,
        NO,
        Code.ISSUER_NOT_AUTHORISED,
        "needed: a key for credentials",
    ),
    ("by an operate key", by_operate_key, 10, NO, Code.ISSUER_NOT_AUTHORISED, "a key with another role"),
    (
        "by a retired key",
        by_retired_key,
        10,
        NO,
        Code.ISSUER_NOT_AUTHORISED,
        "the key was retired before that position",
    ),
    ("by a key to come", by_a_key_to_come, 10, NO, Code.ISSUER_NOT_AUTHORISED, "the key was not yet added there"),
    (
        "by a stolen key",
        by_stolen_key,
        10,
        NO,
        Code.KEY_COMPROMISED,
        "the key was compromised from an earlier position",
    ),
    ("by the heir's key", by_a_key_of_the_heir, 10, NO, Code.ISSUER_NOT_AUTHORISED, "not a key of this institution"),
]


@pytest.mark.parametrize(
    ("make", "step", "answer", "code", "message"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_a_credential_is_refused_by_the_right_step(
    make: Make, step: int, answer: Answer, code: Code, message: str
) -> None:
    """The list is walked to its end; the step says what it found, and the code follows from it."""
    world = World()
    report = world.check(make(world))
    found = report.steps[step - 1]
    assert (found.answer, report.code) == (answer, code), report.to_lines()
    assert re.search(message, found.detail), found.detail
    assert found.remedy
    assert len(report.steps) == 14
    if step > 6:
        assert [one.answer for one in report.steps[:6]] == [Answer.YES] * 6


def test_what_a_key_signed_before_it_was_stolen_stays_good() -> None:
    world = World()
    one = world.good()
    assert one.receipt is not None
    world.granite.compromise(world.granite.role_signers[Role.REGISTER], one.receipt.index + 1)
    world.confirm()
    assert world.check(one).code is Code.VALID


def test_what_a_key_signed_before_it_was_retired_stays_good() -> None:
    world = World()
    one = world.good()
    world.granite.retire(world.granite.role_signers[Role.REGISTER])
    world.confirm()
    assert world.check(one).code is Code.VALID


def test_what_a_member_issued_before_it_was_suspended_stays_good() -> None:
    world = World()
    one = world.good()
    world.network.member(world.granite, MemberOp.SUSPEND)
    world.confirm()
    assert world.check(one).code is Code.VALID
    late = world.good()
    assert world.check(late).code is Code.ISSUER_NOT_AUTHORISED


def test_rights_by_achievement_or_type_suffice() -> None:
    world = World()
    achievement = "https://ledger.example/m/AAAAAAAAAAAAAAAAAAAAAA/achievements/lantern/1"
    for rights in (Rights((achievement,)), Rights(types=("SecondarySchoolDiploma",)), Rights(types=("*",))):
        world.network.member(world.granite, MemberOp.AMEND, rights)
        assert world.check(world.good()).code is Code.VALID


def test_a_listed_issuer_id_is_good_while_it_is_listed() -> None:
    world = World()
    url = "https://granite.example/issuer"
    world.network.member(world.granite, MemberOp.AMEND, Rights(("*",), issuers=(url,)))
    one = world.good(iss=url)
    world.network.member(world.granite, MemberOp.AMEND, Rights(("*",)))
    world.confirm()
    assert world.check(one).code is Code.VALID


def test_credentials_outlive_the_networks_host() -> None:
    world = World()
    one = world.good()
    amend(world.network, url="https://confluence.org")
    world.confirm()
    assert world.check(one).code is Code.VALID


def published_as(kind: str | None, **changes: object) -> bytes:
    members = {name: value for name, value in COURSE.json.items() if name != "achievementType"}
    return json.dumps(members | ({} if kind is None else {"achievementType": kind}) | changes).encode()


@pytest.mark.parametrize("is_by_type", [True, False])
@pytest.mark.parametrize(
    ("documents", "is_good"),
    [
        ({}, True),
        ({1: published_as("Course")}, True),
        ({1: published_as("Diploma")}, False),
        ({1: published_as(None)}, False),
        ({1: published_as("Diploma"), 2: published_as("Course")}, True),
        ({1: published_as("Diploma", id="https://confluence.example/another")}, True),
        ({1: b"[]"}, True),
    ],
)
def test_the_type_is_that_under_which_the_issuer_published_it(
    documents: dict[int, bytes], is_good: bool, is_by_type: bool
) -> None:
    """A diploma that calls itself a course would pass with the right to courses alone, and by the key for these."""
    world = World()
    world.network.member(world.granite, MemberOp.AMEND, Rights((), ("Course",)) if is_by_type else Rights(("*",)))
    for version, document in documents.items():
        world.granite.publish("robotics", version, document)
    terms = {"achievement": COURSE, "results": (), "credits": None, "key": world.granite.role_signers[Role.ISSUE]}
    report = world.check(world.good(**terms))
    assert report.code is (Code.VALID if is_good else Code.ISSUER_NOT_AUTHORISED), report.to_lines()
    assert is_good or re.search(
        "published https://.* as (Diploma|nothing), and this calls it Course", report.steps[8].detail
    )


def test_what_is_published_later_changes_nothing_about_what_was_issued() -> None:
    world = World()
    terms = {"achievement": COURSE, "results": (), "credits": None, "key": world.granite.role_signers[Role.ISSUE]}
    one = world.good(**terms)
    world.granite.publish("robotics", 1, published_as("Diploma"))
    world.cut()
    assert world.check(one).code is Code.VALID
