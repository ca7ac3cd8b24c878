"""Proposals: signed by those who may, refused when altered, submitted with exactly as many signatures as are needed."""

import re
from pathlib import Path

import pytest

from ledger import base64url, canonical
from ledger.errors import CairnError, MalformedError, PolicyError, RuleError, SignatureError
from ledger.log import statements
from ledger.log.charter import Role, Roots
from ledger.log.entry import encode_entry, parse_entry
from ledger.log.governance import MemberChange, MemberOp, Rights
from ledger.log.keys import SigningKey
from node.drafting import find_member
from node.proposal import Proposal, encode_proposal, parse_proposal, read_proposal, sign_proposal, signatures_to_submit
from tests.node.governors import GOVERNORS, asked, drafter, found_network
from tests.node.school import ROOT, School, found_school

STRANGER = SigningKey(b"\x66" * 32)
RIGHTS = Rights(("granite-hollow",), ("Course",))


@pytest.fixture
def school(tmp_path: Path) -> School:
    return found_school(tmp_path / "granite")


@pytest.fixture
def network(tmp_path: Path) -> School:
    return found_network(tmp_path / "confluence")


@pytest.fixture
def admission(school: School, network: School) -> Proposal:
    return drafter(network).admit(asked(school, network), RIGHTS)


def take_effect(school: School, proposal: Proposal) -> str | None:
    """Put a proposal on a copy of the log; gives why it is void."""
    state = school.log.state.copy()
    raw = encode_entry(state.size, state.last_leaf, proposal.statement_bytes, signatures_to_submit(proposal))
    return state.apply(parse_entry(raw), None).void


def test_a_proposal_says_in_words_what_it_does(admission: Proposal, school: School, network: School) -> None:
    """Who, which rights, from where: all of it read from the bytes that are signed."""
    words = "\n".join(admission.words)
    assert admission.words[0] == "admit a member"
    for text in (
        "name Granite Hollow High",
        "may issue achievement granite-hollow",
        "may issue achievements of type Course",
        "cosigns for the network",
        "from entry 1 of its log on",
        f"in the log {base64url.encode(network.log.state.log_id)}",
        f"member's log {base64url.encode(school.log.state.log_id)}",
        "to be used up to entry 65",
    ):
        assert text in words


def test_a_proposal_survives_its_file(admission: Proposal) -> None:
    """Writing and reading give the same proposal, with none, one and two signatures."""
    proposal = admission
    assert parse_proposal(encode_proposal(proposal)) == proposal
    for key in GOVERNORS[:2]:
        proposal = sign_proposal(proposal, key)
        assert parse_proposal(encode_proposal(proposal)) == proposal


def test_two_of_three_signatures_take_effect(admission: Proposal, network: School) -> None:
    """Below the threshold nothing is submitted; at it the entry takes effect."""
    one = sign_proposal(admission, GOVERNORS[2])
    assert (one.missing(), one.is_complete) == (1, False)
    with pytest.raises(PolicyError, match="1 have signed, 1 more must"):
        signatures_to_submit(one)
    two = sign_proposal(one, GOVERNORS[0])
    assert (two.missing(), two.is_complete) == (0, True)
    assert take_effect(network, two) is None


def test_a_surplus_signature_is_left_out(admission: Proposal, network: School) -> None:
    """Three of three have signed: two signatures are submitted, since one more would make the entry void."""
    proposal = admission
    for key in GOVERNORS:
        proposal = sign_proposal(proposal, key)
    assert len(signatures_to_submit(proposal)) == 2
    assert take_effect(network, proposal) is None


def test_replacing_roots_needs_both_sets(network: School) -> None:
    """The old threshold under the old keys and the new one under the new; a key in both counts for both."""
    roots = Roots((GOVERNORS[0].public, STRANGER.public), 2)
    proposal = drafter(network).replace_roots(roots)
    for key in (GOVERNORS[1], GOVERNORS[2]):
        proposal = sign_proposal(proposal, key)
    assert (proposal.missing(), proposal.is_complete) == (2, False)
    for key in (GOVERNORS[0], STRANGER):
        proposal = sign_proposal(proposal, key)
    assert take_effect(network, proposal) is None


def test_only_signers_sign_once(admission: Proposal) -> None:
    """A key that may not sign, and a second signature by the same key, are refused in words."""
    with pytest.raises(RuleError, match="none of the 3 that may sign"):
        sign_proposal(admission, STRANGER)
    with pytest.raises(RuleError, match="has signed this proposal already"):
        sign_proposal(sign_proposal(admission, GOVERNORS[0]), GOVERNORS[0])


def altered(proposal: Proposal, **members: canonical.JSONValue) -> bytes:
    value = canonical.parse(encode_proposal(proposal).rstrip(b"\n"), max_bytes=10**6)
    value.update(members)
    return canonical.encode(value)


def more_rights(proposal: Proposal) -> bytes:
    """The statement with other rights, its words left as they were."""
    assert isinstance(proposal.statement, MemberChange)
    return proposal.statement_bytes.replace(b"granite-hollow", b"everything-else")


def test_a_file_altered_between_signers_is_refused(admission: Proposal) -> None:
    """Statement, words, signatures: a change of any one of them shows."""
    signed = sign_proposal(admission, GOVERNORS[0])
    other = more_rights(signed)
    table: list[tuple[bytes, type[CairnError], str]] = [
        (
            altered(signed, statement=base64url.encode(other)),
            SignatureError,
            "its words are not what its statement says",
        ),
        (altered(signed, words=["admit a friend"]), SignatureError, "its words are not what its statement says"),
        (
            altered(
                signed,
                statement=base64url.encode(other),
                words=list(Proposal(other, signed.roots).words),
            ),
            SignatureError,
            "is over something else than this file says",
        ),
        (altered(signed, roots=Roots((STRANGER.public,), 1).to_json()), SignatureError, "signature 1 is by a key that"),
        (altered(signed, format="cairn/proposal/v9"), MalformedError, "expected cairn/proposal/v1"),
        (altered(signed, note="hello"), MalformedError, "unknown member"),
    ]
    for data, error, message in table:
        with pytest.raises(error, match=message):
            parse_proposal(data)


def test_only_governance_is_proposed(school: School) -> None:
    """A batch signed by `operate` can never travel as a proposal."""
    batch = school.issue(1)
    assert statements.parse(batch.statement_bytes).kind == "issue"
    proposal = Proposal(batch.statement_bytes, Roots((ROOT.public,), 1))
    with pytest.raises(MalformedError, match="a issue statement is not governance"):
        _ = proposal.words


def test_a_request_for_another_network_is_not_admitted(school: School, network: School) -> None:
    """What a school asked of one network, no other network can use."""
    with pytest.raises(RuleError, match="it asks the network"):
        drafter(network).admit(asked(school, school), RIGHTS)


def test_a_school_has_no_members(school: School, network: School) -> None:
    """Only a network admits."""
    with pytest.raises(RuleError, match="only a network has members"):
        drafter(school).admit(asked(network, school), RIGHTS)


def test_members_are_found_by_name_origin_and_id(admission: Proposal, school: School, network: School) -> None:
    """Suspend, reinstate and remove follow on each other; what does not follow is refused before anybody signs."""
    state = network.log.state.copy()
    for key in GOVERNORS[:2]:
        admission = sign_proposal(admission, key)
    raw = encode_entry(1, state.last_leaf, admission.statement_bytes, signatures_to_submit(admission))
    assert state.apply(parse_entry(raw), None).void is None
    log = school.log.state.log_id
    for text in ("Granite Hollow High", "granite.example/log", base64url.encode(log), base64url.encode(log)[:22]):
        assert find_member(state, text) == log
    with pytest.raises(RuleError, match="no member is called that"):
        find_member(state, "Lantern Academy")
    boundary = asked(school, network).boundary
    next_draft = type(drafter(network))(state, 1, bytes(16))
    assert next_draft.change_member(MemberOp.SUSPEND, log, boundary).statement.after == 1  # type: ignore[union-attr]
    with pytest.raises(RuleError, match="reinstate does not follow admit"):
        next_draft.change_member(MemberOp.REINSTATE, log, boundary)


def test_keys_are_proposed_with_their_role(school: School) -> None:
    """Adding, retiring and declaring stolen: each takes effect when the root key signs."""
    new = SigningKey(b"\x31" * 32)
    for proposal in (
        drafter(school).add_key(new.public, Role.ISSUE),
        drafter(school).retire_key(school.log.state.charter.keys[0].key.id),
        drafter(school).compromise_key(school.log.state.charter.keys[0].key.id, 1),
        drafter(school).rotate_log_key(new.public),
    ):
        assert take_effect(school, sign_proposal(proposal, ROOT)) is None


def test_a_file_that_is_no_proposal_is_named_with_what_to_do(tmp_path: Path) -> None:
    """Several files are read by one command: the error says which of them, and whom to ask."""
    for data in (b"", b'{"format":"cairn/pro', bytes(range(256)), b"{}"):
        file = tmp_path / "p.proposal"
        file.write_bytes(data)
        with pytest.raises(MalformedError, match=re.escape(f"{file}: ")) as caught:
            read_proposal(file)
        assert "ask the proposer" in caught.value.hint
