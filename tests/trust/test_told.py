"""What people read about a theft: before, between and after, with the entry that decides."""

import re
from dataclasses import replace

import pytest

from ledger.credential.report import Code
from ledger.errors import SignatureError
from ledger.log.charter import Role
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.entry import encode_entry, sign_statement
from ledger.log.follow import judge_growth
from ledger.log.merkle import RootHash
from ledger.log.statements import encode as encode_statement
from tests.ledger.credential.verifying import World
from tests.ledger.log.samples import SAMPLES, fresh_key


def test_a_report_tells_a_credential_of_before_from_one_of_after_the_theft() -> None:
    """Both say which entry declared the key stolen, and from where on."""
    world = World()
    before = world.good()
    since = world.granite.size
    after = world.good()
    declared = world.granite.compromise(world.granite.role_signers[Role.REGISTER], since).index
    world.cut()
    told = f"entry {declared} declares it stolen, which voids what it signed from entry {since} on"
    good, bad = world.check(before), world.check(after)
    assert (good.code, bad.code) == (Code.VALID, Code.KEY_COMPROMISED)
    assert f"later {told}" in good.steps[9].detail
    assert told in bad.steps[9].detail
    assert bad.steps[9].remedy


def test_a_report_tells_when_a_key_was_put_in_force_and_retired() -> None:
    """A copy that a school signed with a key it had retired."""
    world = World()
    key = world.granite.role_signers[Role.REGISTER]
    retired = world.granite.retire(key).index
    report = world.check(world.good())
    assert report.code is Code.ISSUER_NOT_AUTHORISED
    assert f"added by entry 0, retired by entry {retired}" in report.steps[9].detail


def test_a_batch_of_a_stolen_key_is_named_with_its_log() -> None:
    """So that whoever reads it can look the entry up."""
    world = World()
    one = world.good()
    assert one.receipt is not None
    declared = world.granite.compromise(world.granite.role_signers[Role.OPERATE], one.receipt.index).index
    world.confirm()
    (step,) = [step for step in world.check(one).steps if step.number == 6]
    assert f"entry {one.receipt.index} of the log of Granite, is void" in step.detail
    assert f"entry {declared} declares it stolen" in step.detail
    assert step.remedy == "ask the issuer to restate its batches"


def test_a_refused_offer_names_log_entry_rule_and_what_to_do() -> None:
    """A replica that refuses growth says where it would have stood."""
    log = World().granite
    stranger = fresh_key(log, "stranger")
    data = encode_statement(replace(SAMPLES["unknown kind"], log=log.log_id))
    raw = encode_entry(log.size, log.state.last_leaf, data, sign_statement(data, [stranger]))
    note = sign_checkpoint(Checkpoint(log.state.charter.origin, log.size + 1, RootHash(bytes(32))), log.log_signer)
    with pytest.raises(SignatureError) as caught:
        judge_growth(log.state, [raw], [None], note)
    words = rf"log granite\.example/log: entry {log.size}: signed by a key this log never named"
    assert re.fullmatch(words, str(caught.value))
    assert "fetch from another node" in caught.value.hint
