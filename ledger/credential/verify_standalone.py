"""Verification with nothing but a trust root: what a file proves by itself where no ledger is held (DESIGN 5, receipts).

Steps 1 to 5 need the issuer's key, which the charter in the file names and the receipt's log id commits to. Step 6 follows
the receipt to a checkpoint of that log, step 7 counts the witnesses that the trust root names. What later entries or other
logs say (forks, rights, keys, status: steps 8 to 11) nobody can see from a file that somebody else put together, so these
answer `could not check`, and no verdict is better than `Cannot tell yet`: a replica is what makes it more. Whose log it is
rests on its name alone too: anybody can found a log, though not have it witnessed.
"""

from dataclasses import dataclass

from ledger.credential import status, verify_content
from ledger.credential.commitment import commit
from ledger.credential.presentation import PresentedCredential, parse_presentation
from ledger.credential.report import (
    UNBOUND_NOTE,
    Answer,
    Code,
    CredentialReport,
    RecordReport,
    Step,
    first_code,
    make_step,
    unreadable,
)
from ledger.credential.sdjwt import SDJWT
from ledger.credential.stapled import parse_stapled
from ledger.credential.validity import MAX_QUORUM_AHEAD_MS, format_instant
from ledger.credential.verify import MAX_FILE_BYTES, NO_QUORUM_NOTE, Question, report_presentation
from ledger.credential.verify_status import SYNC
from ledger.credential.verify_token import Terms, TokenFindings, examine_by, read_issuer, read_key_id
from ledger.errors import CairnError, MalformedError, PolicyError
from ledger.log.identity import short_log_id
from ledger.log.members import QuorumAnswer, WitnessSet, judge_quorum
from ledger.log.policy import QuorumRule, TrustRoot
from ledger.log.receipt import Receipt, parse_receipt
from ledger.log.standalone import StandaloneReceipt, open_charter, parse_standalone, verify_standalone
from ledger.log.state import LogState

STANDALONE_NOTE = "judged without a ledger: who the issuer is, and what happened since, could not be checked"


def verify_file_alone(data: bytes, trust: TrustRoot, question: Question) -> RecordReport:
    """Verify a presentation with a trust root alone; never raises for what the file holds.

    Args:
        data: the file, at most 10 MiB.
        trust: whose witnesses count.
        question: now, and for whom.
    """
    try:
        if len(data) > MAX_FILE_BYTES:
            raise MalformedError(f"file: {len(data)} bytes, at most {MAX_FILE_BYTES} are read")
        presentation = parse_presentation(data.strip())
    except CairnError as error:
        return RecordReport((unreadable(str(error), error.hint or "ask for the file again"),))
    terms = Terms.of_presentation(presentation, question.now, question.audience, question.nonce)
    reports = tuple(_Walk(item, trust, terms).report() for item in presentation.credentials)
    return report_presentation(presentation, reports)


@dataclass(frozen=True, slots=True)
class _Proof:
    """What a credential brings: its receipt, what makes that stand alone, and its log as the charter founded it."""

    receipt: Receipt
    offered: StandaloneReceipt
    founded: LogState


class _Walk:
    """The walk through all steps for one credential."""

    def __init__(self, shown: PresentedCredential, trust: TrustRoot, terms: Terms) -> None:
        self.shown = shown
        self.trust = trust
        self.terms = terms
        self.proof: _Proof | None = None
        self.steps: list[Step] = []
        self.codes: list[Code] = []

    def report(self) -> CredentialReport:
        """Answer all steps."""
        token = examine_by(self.shown.sd_jwt, self._find_key, self.terms)
        self.steps, self.codes = [*token.steps], [*token.codes]
        if not token.is_believed or self.proof is None:
            return CredentialReport(steps=tuple(self.steps), code=first_code(self.codes), notes=(STANDALONE_NOTE,))
        proof, founded = self.proof, self.proof.founded
        is_proven = self._check_receipt(proof, token)
        self._check_quorum(proof, is_proven)
        self._leave_open(token)
        content = verify_content.describe(token, None)
        notes = [*token.notes, STANDALONE_NOTE]
        notes += [NO_QUORUM_NOTE] if self.trust.quorum is QuorumRule.NONE else []
        notes += [] if token.is_bound else [UNBOUND_NOTE]
        return CredentialReport(
            steps=(*self.steps, *content.steps),
            code=first_code(self.codes),
            title=content.title,
            issuer=founded.name,
            achievement=content.achievement,
            shown=content.shown,
            not_shown=content.not_shown,
            notes=tuple(notes),
        )

    # Step 2

    def _find_key(self, found: TokenFindings, token: SDJWT) -> bool:
        named = read_issuer(found, token)
        if named is None:
            return False
        issuer, key_text = named
        if self.shown.receipt is None or self.shown.proof is None:
            detail = "no ledger is held here, and the file brings no proof of its own"
            remedy = "run `cairn sync`, or ask the holder to present it with `cairn present --offline`"
            found.answer(2, Answer.COULD_NOT_CHECK, detail, remedy, Code.INCOMPLETE)
            return False
        try:
            receipt, offered = parse_receipt(self.shown.receipt), parse_standalone(self.shown.proof)
            founded = open_charter(offered, receipt.log)
        except CairnError as error:
            found.answer(2, Answer.COULD_NOT_CHECK, f"the proof it brings: {error}", SYNC, Code.INCOMPLETE)
            return False
        if f"/m/{short_log_id(receipt.log)}/" not in f"{issuer}/":
            detail = f"whether {issuer} is {founded.name}, whose charter it brings, stands on the network's ledger"
            found.answer(2, Answer.COULD_NOT_CHECK, detail, SYNC, Code.UNKNOWN_ISSUER)
            return False
        key_id = read_key_id(found, key_text)
        if key_id is None:
            return False
        found.key = founded.keys.records.get(key_id)
        if found.key is None:
            detail = f"its key is not one that the charter of {founded.name} names; it may have been added later"
            found.answer(2, Answer.COULD_NOT_CHECK, detail, SYNC, Code.INCOMPLETE)
            return False
        found.owner = found.key_log = receipt.log
        self.proof = _Proof(receipt, offered, founded)
        return True

    # Step 6

    def _check_receipt(self, proof: _Proof, token: TokenFindings) -> bool:
        assert token.token is not None
        commitment = commit(token.token.issuer_jwt)
        try:
            verify_standalone(proof.offered, proof.receipt, commitment, proof.founded)
        except PolicyError as error:
            self._answer(6, Answer.COULD_NOT_CHECK, str(error), SYNC, Code.INCOMPLETE)
            return False
        except CairnError as error:
            self._answer(6, Answer.NO, str(error), "reject it, or ask the issuer", Code.NOT_ON_LEDGER)
            return False
        self._answer(
            6, Answer.YES, f"entry {proof.receipt.index} of the log of {proof.founded.name}, by the file's own proof"
        )
        return True

    # Step 7

    def _check_quorum(self, proof: _Proof, is_proven: bool) -> None:
        if not is_proven:
            self._unknown(7, "it depends on step 6", Code.NO_QUORUM)
            return
        quorum = self._judge(proof)
        code = None if self.trust.quorum is QuorumRule.NONE else Code.NO_QUORUM
        if not quorum.witnesses:
            self._unknown(7, "the trust root names no independent witness", code)
        elif quorum.seconds is None:
            detail = (
                f"{quorum.present} of the {quorum.required} cosignatures needed, by the witnesses of the trust root"
            )
            self._unknown(7, detail, code)
        elif quorum.seconds * 1000 > self.terms.now + MAX_QUORUM_AHEAD_MS:
            when = format_instant(quorum.seconds * 1000)
            self._unknown(
                7, f"the witnesses say it is {when}, this computer {format_instant(self.terms.now)}", Code.STALE
            )
        else:
            when = format_instant(quorum.seconds * 1000)
            detail = f"{quorum.present} of {quorum.witnesses} independent witnesses of the trust root, "
            self._answer(7, Answer.YES, f"{detail}{quorum.required} needed, by {when}")

    def _judge(self, proof: _Proof) -> QuorumAnswer:
        # The set that the trust root pins; if the network has changed it since, the count may fall short, never be too high.
        pinned = WitnessSet(-1, self.trust.witnesses)
        return judge_quorum(proof.offered.batch.proof.note, proof.receipt.log, pinned)

    # Steps 8 to 11

    def _leave_open(self, token: TokenFindings) -> None:
        self._unknown(8, "evidence of contradictions is kept with the ledger, which is not held here")
        self._unknown(9, "what the network allows the issuer stands on its ledger, which is not held here")
        self._unknown(10, "the issuer's charter names the key; whether it was retired later stands on its ledger")
        self._unknown(11, self._describe_stapled(token))

    def _describe_stapled(self, token: TokenFindings) -> str:
        """What a stapled status says, which proves nothing to whoever does not know the issuer's keys of today."""
        missing = "status stands on the issuer's ledger, which is not held here"
        try:
            reference = status.parse_status_claim(token.payload.get("status"))
            if self.shown.status is None or reference is None:
                return missing
            piece = parse_stapled(self.shown.status)
        except CairnError:
            return missing
        return (
            f"{missing}; the file brings a status of entry {piece.page.proof.index}, which counts only beside a ledger"
        )

    def _unknown(self, number: int, detail: str, code: Code | None = Code.INCOMPLETE) -> None:
        self._answer(number, Answer.COULD_NOT_CHECK, detail, SYNC, code)

    def _answer(self, number: int, answer: Answer, detail: str, remedy: str = "", code: Code | None = None) -> None:
        self.steps.append(make_step(number, answer, detail, remedy))
        if code is not None:
            self.codes.append(code)
