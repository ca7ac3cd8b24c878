"""Whose keys speak for an institution that has ended: its own up to the end, then its successor's; a thief's never."""

from ledger.credential.dataintegrity.issuer_document import document_of_history, parse_issuer_document
from ledger.credential.strict_json import JSONObject
from ledger.log.charter import Role
from ledger.log.governance import MemberOp
from ledger.log.keys import PublicKey, SigningKey
from ledger.log.network import Network
from node.keyhistory import KeyHistories, rings_of
from tests.simulator import SimulatedLedger, SimulatedLog, found_network, trust_of

DID = "did:web:confluence.example:m:x"
CREDENTIALS = (Role.ISSUE, Role.REGISTER)


class Town:
    """A school that ends, a college that goes on with it, and an academy that goes on with the college later."""

    def __init__(self) -> None:
        self.network, (self.school, self.college, self.academy) = found_network("granite", "tidewater", "lyceum")

    def succeed(self, old: SimulatedLog, heir: SimulatedLog) -> None:
        self.network.member(old, MemberOp.SUCCEED, successor=heir.log_id)

    def document(self, log: SimulatedLog) -> JSONObject:
        ledger = SimulatedLedger(self.network, self.school, self.college, self.academy)
        line = KeyHistories().line_of(Network(trust_of(self.network), ledger), log)
        return document_of_history(DID, *rings_of(line))

    def listed(self, log: SimulatedLog) -> list[PublicKey]:
        """Keys that sign credentials by the document, in its order."""
        methods = parse_issuer_document(self.document(log), DID).methods.values()
        return [method.key for method in methods if method.key is not None and "assertionMethod" in method.purposes]


def keys_of(log: SimulatedLog) -> set[PublicKey]:
    return {log.role_signers[role].public for role in CREDENTIALS}


def test_a_living_institution_has_its_own_alone() -> None:
    made = Town()
    assert set(made.listed(made.school)) == keys_of(made.school)


def test_who_goes_on_is_named_after_it_and_who_goes_on_with_that() -> None:
    made = Town()
    made.succeed(made.school, made.college)
    found = made.listed(made.school)
    assert (set(found[:2]), set(found[2:])) == (keys_of(made.school), keys_of(made.college))
    assert set(made.listed(made.college)) == keys_of(made.college)
    made.succeed(made.college, made.academy)
    assert set(made.listed(made.school)) == keys_of(made.school) | keys_of(made.college) | keys_of(made.academy)


def test_what_the_old_keys_write_after_the_end_changes_nothing() -> None:
    """A thief of the root keys adds a key, retires one and declares one stolen: the document stays as it was."""
    made = Town()
    made.succeed(made.school, made.college)
    before = made.document(made.school)
    thief = SigningKey(b"t" * 32)
    made.school.add_key(thief, Role.ISSUE)
    made.school.retire(made.school.role_signers[Role.ISSUE])
    made.school.compromise(made.school.role_signers[Role.REGISTER], made.school.size - 1)
    made.school.sign()
    assert thief.public not in made.listed(made.school)
    assert made.document(made.school) == before


def test_a_successors_stolen_key_is_listed_for_nothing() -> None:
    made = Town()
    made.succeed(made.school, made.college)
    stolen = made.college.role_signers[Role.ISSUE]
    made.college.compromise(stolen, made.college.size - 1)
    assert stolen.public not in made.listed(made.school)
    methods = parse_issuer_document(made.document(made.school), DID).methods.values()
    assert stolen.public in {method.key for method in methods}
