"""Every decision of a network, offered to its running log in every way that must not take effect.

The sequencer refuses before anything is written what would have no effect; each refusal names the rule.
"""

import dataclasses
import os
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from ledger.errors import CairnError, SignatureError
from ledger.log import statements
from ledger.log.entry import sign_statement
from ledger.log.governance import MemberChange, MemberOp
from ledger.log.keys import SigningKey
from node.proposal import Proposal, check_same, encode_proposal, parse_proposal, sign_proposal
from node.sequencer import SignedStatement
from tests.node.successions import NETWORK, Valley, valley

pytestmark = pytest.mark.asyncio(loop_scope="module")
GOVERNORS = tuple(SigningKey(bytes([number]) * 32) for number in (1, 2, 3))
STRANGER = SigningKey(bytes([9]) * 32)
SCHOOL, OTHER, AWAY, ASKING = "granite-hollow", "tidewater", "meadow", "lantern"

Draft = Callable[[Valley], Proposal]


def change(op: MemberOp) -> Draft:
    return lambda made: made.drafter().change_member(op, made.logs[SCHOOL], made.boundary(SCHOOL, NETWORK))


OPS: dict[str, Draft] = {
    "admit": lambda made: made.drafter().admit(made.request(ASKING), made.rights),
    "amend": change(MemberOp.AMEND),
    "suspend": change(MemberOp.SUSPEND),
    "reinstate": lambda made: made.drafter().change_member(
        MemberOp.REINSTATE, made.logs[AWAY], made.boundary(AWAY, NETWORK)
    ),
    "remove": change(MemberOp.REMOVE),
    "succeed": lambda made: made.drafter().succeed(made.logs[SCHOOL], made.boundary(SCHOOL, NETWORK), made.logs[OTHER]),
    "charter": lambda made: made.drafter().amend_charter(name="Confluence of Schools"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Valley]:
    names = (SCHOOL, OTHER, AWAY)
    async with valley(tmp_path_factory.mktemp("valley"), names, governors=GOVERNORS, threshold=2) as made:
        made.found(ASKING)
        await made.open(ASKING)
        for name in names:
            made.send(name, NETWORK)
        await made.change(MemberOp.SUSPEND, AWAY)
        yield made


def signed(proposal: Proposal, *keys: SigningKey) -> SignedStatement:
    return SignedStatement(proposal.statement_bytes, sign_statement(proposal.statement_bytes, keys))


def changed(proposal: Proposal, **fields: object) -> Proposal:
    statement = dataclasses.replace(proposal.statement, id=os.urandom(16), **fields)  # type: ignore[arg-type]
    return dataclasses.replace(proposal, statement_bytes=statements.encode(statement))


def altered(proposal: Proposal) -> SignedStatement:
    """What two signed, with one byte of its time changed since."""
    good = sign_statement(proposal.statement_bytes, GOVERNORS[:2])
    return SignedStatement(changed(proposal, at=proposal.statement.at + 1).statement_bytes, good)


FAULTS: dict[str, tuple[Callable[[Proposal], SignedStatement], str]] = {
    "another `after`": (
        lambda proposal: signed(changed(proposal, after=0), *GOVERNORS[:2]),
        "it was signed after entry 0 on its subject",
    ),
    "`until` has passed": (
        lambda proposal: signed(changed(proposal, until=1), *GOVERNORS[:2]),
        "it had to stand at index 1 at the latest",
    ),
    "below the threshold": (lambda proposal: signed(proposal, GOVERNORS[0]), "1 of the 2 root signatures it needs"),
    "one signature too many": (
        lambda proposal: signed(proposal, *GOVERNORS),
        "it carries a signature beyond those required",
    ),
    "altered after it was signed": (altered, "signature: not by key"),
    "a stranger beside a governor": (lambda proposal: signed(proposal, GOVERNORS[0], STRANGER), "never named"),
}


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_what_takes_no_effect_is_refused_before_it_is_written(made: Valley, op: str, fault: str) -> None:
    offer, reason = FAULTS[fault]
    size = made[NETWORK].log.size
    with pytest.raises(CairnError) as refusal:
        await made[NETWORK].desk.submit(offer(OPS[op](made)))
    assert reason in str(refusal.value), str(refusal.value)
    assert made[NETWORK].log.size == size


async def test_a_signature_held_back_is_useless_once_somebody_moved_on(made: Valley) -> None:
    """Two governors sign a suspension and hand it to nobody; the network decides otherwise; then it is produced."""
    held_back = change(MemberOp.SUSPEND)(made)
    await made.decide(change(MemberOp.AMEND)(made))
    with pytest.raises(CairnError, match="it was signed after entry"):
        await made[NETWORK].desk.submit(signed(held_back, *GOVERNORS[:2]))
    fresh = change(MemberOp.SUSPEND)(made)
    assert isinstance(fresh.statement, MemberChange)
    late = changed(fresh, until=made[NETWORK].log.size + 1)
    for _ in range(2):
        await made.decide(made.drafter().amend_charter(name=f"Confluence {os.urandom(2).hex()}"))
    with pytest.raises(CairnError, match="at the latest"):
        await made[NETWORK].desk.submit(signed(late, *GOVERNORS[:2]))


async def test_a_file_altered_between_signers_shows_what_differs(made: Valley) -> None:
    first = sign_proposal(OPS["succeed"](made), GOVERNORS[0])
    assert isinstance(first.statement, MemberChange)
    elsewhere = changed(first, successor=made.logs[SCHOOL][::-1])
    forged = encode_proposal(elsewhere)
    with pytest.raises(SignatureError, match="is over something else than this file says"):
        parse_proposal(forged)
    with pytest.raises(SignatureError) as refusal:
        check_same(parse_proposal(forged, verify=False), first)
    told = [line for line in str(refusal.value).splitlines() if "goes on in the log" in line]
    assert len(told) == 2 and told[0].lstrip().startswith("this file says") and "the copy says" in told[1]
    words_only = encode_proposal(first).replace(b"end a log and name", b"not end a log and name")
    with pytest.raises(SignatureError) as refusal:
        parse_proposal(words_only)
    assert "the words say: not end a log" in str(refusal.value)
    assert "the statement says: end a log" in str(refusal.value)
    more_signers = dataclasses.replace(first, roots=dataclasses.replace(first.roots, threshold=1))
    with pytest.raises(SignatureError, match="1 of 3 must sign"):
        check_same(more_signers, first)
    check_same(sign_proposal(first, GOVERNORS[1]), first)
