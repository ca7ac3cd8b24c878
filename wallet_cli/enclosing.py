"""What goes into a presentation for verifiers who hold no ledger, or an old one: cut from the learner's own replica.

A standalone proof of the receipt, and the newest status page's piece. Nobody is asked for either, so nobody learns what is
being shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.canonical import JSONObject
from ledger.credential.stapled import encode_stapled, prove_status
from ledger.credential.validity import format_instant
from ledger.errors import CairnError, PolicyError
from ledger.log.identity import LogId
from ledger.log.network import Network
from ledger.log.receipt import parse_receipt
from ledger.log.standalone import encode_standalone, prove_receipt
from wallet_cli.held import HeldLedger
from wallet_cli.holdings import Copy
from wallet_cli.reading import Reading

SYNC = "run `cairn sync` first"


@dataclass(frozen=True, slots=True)
class Enclosed:
    """What is put beside one credential, and in words what that is, or why it is not there."""

    proof: JSONObject | None
    status: JSONObject | None
    lines: tuple[str, ...]


NOTHING = Enclosed(None, None, ())


def enclose(held: HeldLedger | None, copies: Sequence[tuple[Copy, Reading]]) -> tuple[Enclosed, ...]:
    """Cut what can be cut for each copy.

    Raises:
        PolicyError: no ledger is held here at all.
    """
    if held is None:
        raise PolicyError("no ledger is held here to cut proofs from", hint="run `cairn trust FILE` and `cairn sync`")
    return tuple(_enclose_one(held, copy, reading) for copy, reading in copies)


def _enclose_one(held: HeldLedger, copy: Copy, reading: Reading) -> Enclosed:
    if copy.receipt is None:
        return Enclosed(None, None, ("it is not on the ledger yet, so no proof of it can be enclosed",))
    proof, told = _prove_receipt(held, copy.receipt)
    status, state = _prove_status(held, reading)
    return Enclosed(proof, status, (told, state))


def _prove_receipt(held: HeldLedger, value: JSONObject) -> tuple[JSONObject | None, str]:
    try:
        receipt = parse_receipt(value)
        view = held.log(receipt.log)
        if view is None:
            raise PolicyError("the issuer's ledger is not held here")
        told = f"enclosed: its place on the ledger, {_describe_head(held.network, receipt.log)}"
        return encode_standalone(prove_receipt(view, receipt)), told
    except CairnError as error:
        return None, f"no proof of its place can be enclosed: {error}; {SYNC}"


def _prove_status(held: HeldLedger, reading: Reading) -> tuple[JSONObject | None, str]:
    if reading.status is None:
        return None, "no status can be enclosed: it names none on a ledger"
    log = held.network.line_of(LogId(reading.status.log))[-1]
    try:
        view = held.log(log)
        stapled = None if view is None else prove_status(view, reading.status)
        if stapled is None:
            return None, f"no status can be enclosed: the ledger held here does not end with a status page; {SYNC}"
        return encode_stapled(stapled), f"enclosed: its status, {_describe_head(held.network, log)}"
    except CairnError as error:
        return None, f"no status can be enclosed: {error}; {SYNC}"


def _describe_head(network: Network, log: LogId) -> str:
    quorum = network.judge_head(log).quorum
    if quorum.seconds is None:
        return f"which {quorum.present} of the {quorum.required} witnesses needed have seen so far"
    return f"as {quorum.present} witnesses had seen it by {format_instant(quorum.seconds * 1000)}"
