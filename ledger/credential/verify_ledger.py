"""Steps 6-11: what the ledger says about a credential whose signature is good.

6 its commitment stands in a batch of the issuer's log; 7 that log's and the network's heads carry a quorum and are fresh; 8
no proven fork covers it; 9 the issuer was a member with the right to issue it, at that position; 10 the key that signed it
was in force there, in the right role; 11 its status slot reads valid on the newest page. Position decides, never a clock.
"""

from ledger.credential import openbadge
from ledger.credential.published import achievement_of, published_types
from ledger.credential.report import Answer, Code, Step, make_step
from ledger.credential.validity import MAX_QUORUM_AHEAD_MS, format_instant
from ledger.credential.verify_status import SYNC, check_status, read_entry
from ledger.credential.verify_token import TokenFindings
from ledger.errors import CairnError
from ledger.log.body import parse_body
from ledger.log.charter import Role
from ledger.log.entry import Entry, parse_entry
from ledger.log.governance import Rights
from ledger.log.identity import LogId
from ledger.log.keyring import KeyRecord, KeyStatus
from ledger.log.merkle import prove_item
from ledger.log.network import HeadAnswer, Network
from ledger.log.policy import QuorumRule
from ledger.log.receipt import Receipt, parse_receipt, verify_receipt
from ledger.log.recorded import is_before_succession
from ledger.log.records import DocumentName, Issue
from ledger.log.view import LogView

_IS_BATCH = b'"kind":"issue"'


class LedgerSteps:
    """The walk through steps 6-11 for one credential."""

    def __init__(self, network: Network, token: TokenFindings, now: int) -> None:
        """Walk for a token whose issuer signature is good, at `now` (Unix ms)."""
        self.network = network
        self.token = token
        self.now = now
        self.found: list[tuple[Step, Code | None]] = []
        """The answer to each step so far, with the code that goes with it."""
        self.receipt: Receipt | None = None
        """Set once step 6 has proven the position."""
        self.log: LogId = token.key_log or LogId(b"")
        """The log the receipt is of; until there is one, the log whose key signed."""

    @property
    def steps(self) -> list[Step]:
        """The answers so far."""
        return [step for step, _ in self.found]

    @property
    def codes(self) -> list[Code]:
        """The codes that apply so far."""
        return [code for _, code in self.found if code is not None]

    def walk(self, receipt: object | None, stapled: object | None = None) -> None:
        """Answer all six steps."""
        self._check_receipt(receipt)
        self._check_heads()
        self._check_forks()
        self._check_rights()
        self._check_key()
        self.found.append(check_status(self.network, self.token, self.log, self.now, stapled))

    def _answer(
        self, number: int, answer: Answer, detail: str = "", remedy: str = "", code: Code | None = None
    ) -> None:
        self.found.append((make_step(number, answer, detail, remedy), code))

    def _unknown(self, number: int, detail: str, remedy: str = SYNC, code: Code = Code.INCOMPLETE) -> None:
        self._answer(number, Answer.COULD_NOT_CHECK, detail, remedy, code)

    # Step 6

    def _check_receipt(self, value: object | None) -> None:
        commitment = self.token.commitment
        receipt = self._search(commitment) if value is None else self._read_receipt(value)
        if receipt is None:
            return
        self.log = receipt.log
        view = self.network.ledger.log(receipt.log)
        if view is None:
            self._unknown(6, f"the log of {self.network.name_of(receipt.log)} is not held here")
        elif receipt.index >= view.state.size:
            detail = f"it stands at entry {receipt.index}, {view.state.size} entries are held here"
            self._unknown(6, detail, SYNC, Code.STALE)
        else:
            self._prove_receipt(receipt, commitment, view)

    def _read_receipt(self, value: object) -> Receipt | None:
        try:
            receipt = parse_receipt(value)
        except CairnError as error:
            self._answer(6, Answer.NO, str(error), "ask the holder to refresh it", Code.NOT_ON_LEDGER)
            return None
        return receipt if self._is_of_issuer(receipt) else None

    def _is_of_issuer(self, receipt: Receipt) -> bool:
        """Tell whether a receipt is of the issuer's log or a successor's; answers step 6 itself where it is not."""
        owner = self.token.owner
        assert owner is not None
        if receipt.log in self.network.line_of(owner):
            return True
        name, other = self.network.name_of(owner), self.network.name_of(receipt.log)
        detail = f"its issuer is {name}, its receipt is of the log of {other}"
        self._answer(6, Answer.NO, detail, "reject it, or ask the issuer", Code.ISSUER_NOT_AUTHORISED)
        return False

    def _prove_receipt(self, receipt: Receipt, commitment: bytes, view: LogView) -> None:
        try:
            entry = read_entry(self.network, receipt.log, view, receipt.index)
        except CairnError as error:
            self._unknown(6, str(error), "the replica is damaged; sync into a new folder")
            return
        try:
            verify_receipt(receipt, commitment, entry)
        except CairnError as error:
            self._refuse(receipt, str(error), "reject it, or ask the issuer", Code.NOT_ON_LEDGER)
            return
        if not _is_batch(entry):
            detail = f"entry {receipt.index} restates an earlier batch; what it holds stands there, not here"
            self._refuse(receipt, detail, "ask the holder to refresh it", Code.NOT_ON_LEDGER)
            return
        self._judge_batch(receipt, entry, view)

    def _judge_batch(self, receipt: Receipt, entry: Entry, view: LogView) -> None:
        """Answer step 6 for a batch that is proven to hold the commitment: whether it counts."""
        void = view.state.void.get(receipt.index)
        if void is not None:
            code = _void_code(view.state.key_status(entry.signatures[0].key, Role.OPERATE, receipt.index))
            self._refuse(receipt, f"{self._batch(receipt)} is void: {void}", "ask the issuer", code)
            return
        void = view.state.void_reason(entry)
        if void is not None:
            self._unknown(6, f"{self._batch(receipt)} is void: {void}", "ask the issuer to restate its batches")
            self.receipt = receipt
            return
        self.receipt = receipt
        self._answer(6, Answer.YES, f"entry {receipt.index} of the log of {self.network.name_of(receipt.log)}")

    def _refuse(self, receipt: Receipt, detail: str, remedy: str, code: Code) -> None:
        """Say that it does not stand there, unless it may stand so in another history that counts as much."""
        fork = self.network.fork_of(receipt.log)
        if fork is None or not fork.is_open or receipt.index < fork.size:
            if fork is not None and fork.decided_by is not None and receipt.index >= fork.size:
                detail += f"; by entry {fork.decided_by.index} of its log the network decided for another history"
            self._answer(6, Answer.NO, detail, remedy, code)
            return
        detail += f"; that log has another history from entry {fork.size} on, which is not the one held here"
        self._unknown(6, detail, "ask the network which history counts", Code.FORKED_LOG)

    def _batch(self, receipt: Receipt) -> str:
        return f"its batch, entry {receipt.index} of the log of {self.network.name_of(receipt.log)},"

    def _search(self, commitment: bytes) -> Receipt | None:
        """Look for a commitment without receipt in the batches held; answers step 6 itself where that fails."""
        view = self.network.ledger.log(self.log)
        missing = False
        for index in range(0 if view is None else view.state.size):
            assert view is not None
            # Told by its bytes: canonical text holds this member unescaped, and parsing every entry would take longer.
            raw = view.entry(index)
            if _IS_BATCH not in raw:
                continue
            body = view.body(index)
            missing = missing or body is None
            if body is None or commitment not in body:
                continue
            entry = parse_entry(raw)
            if not _is_batch(entry) or view.state.void_reason(entry) is not None:
                continue
            items = parse_body("issue", body)
            if commitment in items:
                return _make_receipt(self.log, index, items, items.index(commitment))
        detail = "it carries no receipt"
        if missing:
            detail += ", and not all batches of that log are held here to search"
        elif view is not None:
            detail += f", and the batches held here, up to entry {view.state.size - 1}, do not hold it"
        self._unknown(6, detail, self._search_remedy(missing=missing), Code.NO_RECEIPT)
        return None

    def _search_remedy(self, *, missing: bool) -> str:
        """What helps where a commitment was not found."""
        if self.token.is_bound:
            return "ask the holder to run `cairn refresh` and present it again"
        # A file has no holder who presents it anew; its receipts stand in a file beside it, or in the batches.
        if missing:
            return "run `cairn sync --history`, which brings them, or ask for its receipts and say --receipts FILE"
        return "try again after its issuer's next cut (`cairn sync --history`); if it stays so, ask for a new one"

    # Step 7

    def _check_heads(self) -> None:
        trust = self.network.trust
        try:
            heads = [self.network.judge_head(trust.network)]
            if self.log != trust.network:
                heads.append(self._confirming_head())
        except CairnError as error:
            self._unknown(7, str(error), SYNC, Code.NO_QUORUM)
            return
        network_head = heads[0]
        names = [self.network.state.name, self.network.name_of(self.log)]
        for name, head in zip(names, heads, strict=False):
            if not head.quorum.witnesses:
                detail = f"no independent witness counts for the log of {name}"
                code = None if trust.quorum is QuorumRule.NONE else Code.NO_QUORUM
                self._answer(7, Answer.COULD_NOT_CHECK, detail, "ask the network to name witnesses", code)
                return
            if not head.quorum.has_quorum:
                quorum = head.quorum
                detail = f"{quorum.present} of the {quorum.required} cosignatures needed for the log of {name}"
                code = None if trust.quorum is QuorumRule.NONE else Code.NO_QUORUM
                self._answer(7, Answer.COULD_NOT_CHECK, detail, SYNC, code)
                return
        seconds = network_head.quorum.seconds or 0
        if seconds * 1000 > self.now + MAX_QUORUM_AHEAD_MS:
            detail = (
                f"the witnesses say it is {format_instant(seconds * 1000)}, this computer {format_instant(self.now)}"
            )
            self._unknown(7, detail, "set this computer's clock, or tell the network that theirs are wrong", Code.STALE)
            return
        fresh = network_head.quorum.fresh or 0
        if self.now - fresh * 1000 > trust.max_age:
            self._tell_stale(fresh)
            return
        self._answer(7, Answer.YES, _describe_heads(heads))

    def _confirming_head(self) -> HeadAnswer:
        """The newest head that is confirmed, if the credential stands below it; else the newest that is held."""
        head = self.network.confirmed_head(self.log)
        is_above = self.receipt is not None and self.receipt.index >= head.size
        return self.network.judge_head(self.log) if is_above else head

    def _tell_stale(self, seconds: int) -> None:
        detail = f"the newest state of the network held here is of {format_instant(seconds * 1000)}"
        self._unknown(7, detail, SYNC, Code.STALE)

    # Step 8

    def _check_forks(self) -> None:
        told = ""
        for log in dict.fromkeys((self.network.trust.network, self.log)):
            fork = self.network.fork_of(log)
            if fork is None or not fork.is_open:
                continue
            name = self.network.name_of(log)
            where = f"two histories of the log of {name} were signed; they share the first {fork.size} entries"
            index = None if self.receipt is None or log != self.log else self.receipt.index
            if index is None or index >= fork.size:
                self._unknown(8, where, "ask the network which history counts", Code.FORKED_LOG)
                return
            told = f"{where}, and this stands below, at entry {index}"
        self._answer(8, Answer.YES, told)

    # Step 9

    def _check_rights(self) -> None:
        if self.receipt is None:
            self._unknown(9, "it depends on the position on the ledger, which step 6 did not find", "see step 6")
            return
        view = self.network.ledger.log(self.log)
        unknown = None if view is None else view.state.unknown
        if unknown is not None and unknown < self.receipt.index:
            self._unknown(
                9, f"entry {unknown} of its log is of a kind this version does not know", "install a newer cairn"
            )
            return
        if self.network.state.unknown is not None:
            detail = f"entry {self.network.state.unknown} of the network's log is of a kind this version does not know"
            self._unknown(9, detail, "install a newer cairn")
            return
        answer = self.network.rights_at(self.log, self.receipt.index)
        name, owner = self.network.name_of(self.log), self.token.owner or self.log
        by = "" if answer.record is None else f", by entry {answer.record.index} of the network's log"
        achievement, kind = achievement_of(self.token.payload)
        try:
            types = published_types(self.network, self.log, achievement, self.receipt.index)
        except CairnError as error:
            self._unknown(9, str(error), "the replica is damaged; sync into a new folder")
            return
        if answer.reason is not None:
            detail = f"{name}: {answer.reason}"
        elif not self.token.is_record and not answer.rights.allows(achievement, kind):
            detail = f"{name} was a member{by}, without the right to issue {achievement or 'this'}"
        elif types and kind not in types:
            # The type decides the right and the key, so it is not for the credential alone to say.
            published = " or ".join(sorted(one or "nothing" for one in types))
            detail = f"{name} published {achievement} as {published}, and this calls it {kind[:100] or 'nothing'}"
        elif is_before_succession(
            self.network.state.members, self.network.line_of(owner), self.log, self.receipt.index
        ):
            detail = (
                f"{name} goes on with {self.network.name_of(owner)}, and put this on the ledger before that was decided"
            )
        elif not self._may_use_issuer(answer.rights):
            detail = f"{name} was a member{by}, without the right to the issuer id {self.token.payload.get('iss')}"
        else:
            self._answer(9, Answer.YES, f"{name}{by}")
            return
        self._answer(9, Answer.NO, detail, "reject it, or ask the network", Code.ISSUER_NOT_AUTHORISED)

    def _may_use_issuer(self, rights: Rights) -> bool:
        """A successor goes on under the old log's issuer ids, which its own entry cannot list."""
        issuer, owner = self.token.payload.get("iss"), self.token.owner
        if not isinstance(issuer, str) or owner is None:
            return False
        return owner != self.log or self.network.is_own_issuer(owner, issuer) or issuer in rights.issuers

    # Step 10

    def _check_key(self) -> None:
        if self.receipt is None:
            self._unknown(10, "it depends on the position on the ledger, which step 6 did not find", "see step 6")
        elif self.token.key_document is not None:
            self._check_published_key(self.token.key_document, self.receipt.index)
        else:
            self._check_named_key(self.receipt.index)

    def _check_published_key(self, name: DocumentName, position: int) -> None:
        """A key of a kind that logs do not name: it counts where the document with it was published and in use."""
        view = self.network.ledger.log(self.log)
        record = None if view is None else view.state.document(name)
        remedy = "reject it, or ask the issuer for a new copy"
        if record is None:
            stolen = view is not None and name in view.state.documents
            detail = f"the document that vouches for its key, {name.id}/{name.version}, "
            detail += "was published with a stolen key" if stolen else "does not stand on that log"
            code = Code.KEY_COMPROMISED if stolen else Code.ISSUER_NOT_AUTHORISED
            self._answer(10, Answer.NO, detail, remedy, code)
        elif not record.index < position <= (position if record.closed is None else record.closed):
            ended = "" if record.closed is None else f" and ended by entry {record.closed}"
            detail = f"its key was published by entry {record.index}{ended}; it stands at entry {position}"
            self._answer(10, Answer.NO, detail, remedy, Code.ISSUER_NOT_AUTHORISED)
        else:
            self._answer(10, Answer.YES, f"a key for credentials, published by entry {record.index}")

    def _check_named_key(self, position: int) -> None:
        key = self.token.key
        assert key is not None
        role = Role(openbadge.key_role(achievement_of(self.token.payload)[1] or None))
        # The receipt's own log decides: a position means nothing in another one.
        view = self.network.ledger.log(self.log)
        found = KeyStatus.UNKNOWN
        if view is not None:
            found = view.state.key_status(key.key.id, role, position)
        theft = "" if view is None else view.state.describe_theft(key.key.id)
        if found is KeyStatus.IN_FORCE:
            # A theft later in the log takes nothing from what stood before it.
            later = f"; later {theft}, above entry {position}" if theft else ""
            self._answer(10, Answer.YES, f"a key for {_ROLE_WORDS[role]}{later}")
            return
        code = Code.KEY_COMPROMISED if found is KeyStatus.COMPROMISED else Code.ISSUER_NOT_AUTHORISED
        detail = f"signed with {found.value}; needed: a key for {_ROLE_WORDS[role]} in force at entry {position}"
        if found in (KeyStatus.COMPROMISED, KeyStatus.RETIRED, KeyStatus.NOT_YET):
            told = f": {theft}" if found is KeyStatus.COMPROMISED else _life_of(key)
            detail = f"the key was {found.value} (entry {position}){told}"
        self._answer(10, Answer.NO, detail, "reject it, or ask the issuer for a new copy", code)


_ROLE_WORDS = {
    Role.ISSUE: "credentials",
    Role.REGISTER: "diplomas",
    Role.OPERATE: "batches",
    Role.DEFINE: "documents",
}


def _life_of(key: KeyRecord) -> str:
    ended = "" if key.retired is None else f", retired by entry {key.retired}"
    return f": added by entry {key.added}{ended}"


def _void_code(signer: KeyStatus) -> Code:
    """Tell a batch that its signer could not make from one that is void for what it says."""
    if signer is KeyStatus.IN_FORCE:
        return Code.NOT_ON_LEDGER
    return Code.KEY_COMPROMISED if signer is KeyStatus.COMPROMISED else Code.ISSUER_NOT_AUTHORISED


def _is_batch(entry: Entry) -> bool:
    """A batch whose items stand where it stands; a restatement only lifts the void of an earlier one."""
    return isinstance(entry.statement, Issue) and entry.statement.restates is None


def _make_receipt(log: LogId, index: int, items: tuple[bytes, ...], position: int) -> Receipt:
    return Receipt(log, index, position, prove_item(items, position))


def _describe_heads(heads: list[HeadAnswer]) -> str:
    quorum = heads[-1].quorum
    when = format_instant((quorum.seconds or 0) * 1000)
    return f"{quorum.present} of {quorum.witnesses} independent witnesses, {quorum.required} needed, by {when}"
