"""A network's node countersigns what a member issued: verified first, by all that a verifier asks (`ledger.credential`).

In this order: 1. the file is a credential with embedded proofs; 2. this institution is a network, with an address where
others find its keys; 3. the issuer is a member today; 4. the network has not signed it before; 5. it is valid, walked through
the whole numbered list against the logs this node holds; 6. it is signed over. Nothing of the file is kept or logged.
"""

import logging
from collections.abc import Sequence

import orjson

from ledger.credential.badge import Issuer
from ledger.credential.commitment import is_own
from ledger.credential.countersigning import Countersigner, check_not_signed, countersign
from ledger.credential.dataintegrity.issuer_document import method_url
from ledger.credential.dataintegrity.proof import find_suite, proofs_of
from ledger.credential.external.judge import judge_external
from ledger.credential.external.kind import Envelope, Found, find_kind
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.external.shape import issuer_of
from ledger.credential.jsonld.context import MissingContextError
from ledger.credential.loose_receipts import MAX_RECEIPTS
from ledger.credential.member_documents import is_member_today, issuer_url
from ledger.credential.report import RecordReport
from ledger.credential.strict_json import parse_strict_json
from ledger.credential.verify_forms import FormJudge
from ledger.errors import MalformedError, RuleError
from ledger.log.charter import Institution, Role
from ledger.log.network import Network
from node.client.countersigned import Countersigned
from node.errors import BusyError
from node.registrar import filecopies
from node.registrar.copies import Press
from node.registrar.desk import RegistrarDesk
from node.verifying import VerifyingDesk

MAX_TEXT_BYTES = 1_000_000
"""Longest file that is handed out: it goes over the private listener in one message."""
MAX_RECEIPT_BYTES = 16 * 1024

_log = logging.getLogger(__name__)
_ROLE = Role.ISSUE


class CountersigningDesk:
    """Verifies, then signs."""

    def __init__(self, desk: RegistrarDesk, verifying: VerifyingDesk) -> None:
        """Take the desk whose log, keys and contexts are used, and the one that verifies."""
        self._desk, self._verifying = desk, verifying

    async def countersign(self, data: bytes, receipts: Sequence[bytes] = ()) -> Countersigned | RecordReport:
        """Countersign a file; the report on it where it is not valid, or that could not be decided.

        Args:
            data: JSON of a credential with embedded proofs.
            receipts: JSON of receipts that came with it, in any order.

        Raises:
            MalformedError: the file or a receipt is none, or a proof of its issuer has no id.
            RuleError: another form, not a network, no key, not a member's, countersigned already, or too long.
            PolicyError: this node does not hold its own network as its trust root pins it.
            BusyError: a context is not held.
        """
        found, given = _read(data), _read_receipts(receipts)
        press = self._desk.make_press()
        signer = self._find_signer(press)

        def work(network: Network) -> Countersigned | RecordReport:
            _check_member(found, network)
            check_not_signed(proofs_of(found.document), signer.did)
            own = FormJudge(network, None, given)
            question = ExternalQuestion(now=press.now, library=signer.keys.library, own=own)
            report = judge_external(found.text.encode(), question)
            return report if report.exit_code else _sign(found, signer, report, press.issuer.name)

        made = await self._verifying.look(press.log, work)
        if isinstance(made, Countersigned):
            _log.info("credential countersigned")
        return made

    def _find_signer(self, press: Press) -> Countersigner:
        state = self._desk.own_log().state
        if state.charter.institution is not Institution.NETWORK:
            raise RuleError(
                f"{state.name}: is a {state.charter.institution.value}, and a network countersigns what its members issue",
                hint="ask the people who run your network",
            )
        did, key = filecopies.name_issuer(press).id, press.keys.get(_ROLE.value)
        if key is None:
            raise RuleError(
                f"no {_ROLE.value} key of this node is in force",
                hint=f"cairn-node key add DIR --role {_ROLE.value} -o P",
            )
        keys = Issuer(method=method_url(did, key.public), sign=key.sign, library=self._desk.parts.contexts)
        return Countersigner(did=did, keys=keys, now=press.now)


def _read(data: bytes) -> Found:
    try:
        found = find_kind(data.decode("utf-8").strip())
    except UnicodeDecodeError as error:
        raise MalformedError("file: not UTF-8 text") from error
    if found.envelope is not Envelope.EMBEDDED:
        raise RuleError(
            f"file: is secured as {found.envelope}, which takes no further signature",
            hint="the school makes one that does: cairn-node copy … --form open-badge",
        )
    return found


def _read_receipts(receipts: Sequence[bytes]) -> tuple[object, ...]:
    if len(receipts) > MAX_RECEIPTS:
        raise MalformedError(f"receipts: {len(receipts)}, at most {MAX_RECEIPTS} are read")
    return tuple(parse_strict_json(one, max_bytes=MAX_RECEIPT_BYTES, where="receipt") for one in receipts)


def _check_member(found: Found, network: Network) -> None:
    """Before anything else is judged: what others issued is none of this network's business."""
    issuer = issuer_of(found.document)
    owner = network.owner_of(issuer_url(issuer))
    if owner is None:
        raise RuleError(f"issuer {issuer[:150]!r}: is no member of {network.state.name}")
    if owner == network.trust.network:
        raise RuleError(f"issuer {issuer[:150]!r}: is this network itself, which has signed already")
    if not is_member_today(network, owner):
        raise RuleError(f"{network.name_of(owner)}: is no member of {network.state.name} any more, or is suspended")


def _sign(found: Found, signer: Countersigner, report: RecordReport, network: str) -> Countersigned:
    if any(find_suite(proof) is None and is_own(proof, found.document) for proof in proofs_of(found.document)):
        raise RuleError("file: its issuer made a proof of a suite that is not understood here, so not all was checked")
    try:
        text = orjson.dumps(countersign(found.document, signer)).decode()
    except MissingContextError as error:
        raise BusyError(
            f"file: not all of its proofs could be checked: {error}",
            hint="cairn-node contexts DIR --from FOLDER takes them in; then the same again",
        ) from error
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise RuleError(
            f"file: has {len(text.encode())} bytes with the countersignature, at most {MAX_TEXT_BYTES} are handed out",
            hint="countersign the credentials inside it one by one",
        )
    first = report.credentials[0]
    return Countersigned(
        text=text,
        issuer=first.issuer,
        title=first.title,
        network=network,
        did=signer.did,
        at=signer.signed_at,
    )
