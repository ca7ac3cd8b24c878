"""Verifying files against a light replica: a thin shell over `ledger.credential.verify`, for one file or 60,000.

Opens no connection and asks nobody: what is held is what counts, and each report says how old that is. A batch goes on past
a file that cannot be read. The network is looked at once, and what was found about heads and pages serves all files.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from ledger.credential.batch_report import FileReport, report_unreadable
from ledger.credential.report import RecordReport
from ledger.credential.verify import MAX_FILE_BYTES, Question
from ledger.credential.verify import verify_file as judge_file
from ledger.credential.verify_either import Judge
from ledger.errors import CairnError, PolicyError
from ledger.log.network import Network
from ledger.log.policy import TrustRoot
from ledger.log.view import LedgerView
from node.client.shownfiles import Receipts
from wallet_cli import files
from wallet_cli.replica import Replica


class NotHeldError(CairnError):
    """There is nothing to verify against: no replica, or one of another network."""

    exit_code = 3


def open_network(trust: TrustRoot, folder: Path, key: bytes | None = None) -> Network:
    """Look at a replica from a trust root.

    Args:
        trust: names the network.
        folder: the replica.
        key: of this account (`replica_key`); a replica that it did not make is checked whole first.

    Raises:
        NotHeldError: there is no replica, or it does not hold this network with the head the trust root pins.
        DamagedError: the network's head file is damaged.
        UncheckedError: somebody else made the replica, and it does not replay.
    """
    if not folder.is_dir():
        raise NotHeldError(
            f"no ledger is held in {folder}",
            hint="run `cairn sync --trust FILE --node URL` once; then no network is needed. --no-replica checks what files "
            "themselves prove",
        )
    try:
        return Network(trust, Replica(folder, key))
    except PolicyError as error:
        raise NotHeldError(str(error), hint=error.hint or "run `cairn sync`, or name another --replica") from error


def verify_file(
    data: bytes, ledger: LedgerView, trust: TrustRoot, audience: str | None, nonce: str | None, now: int
) -> RecordReport:
    """Verify one file, a presentation or a bare SD-JWT, against a held ledger; see `ledger.credential.verify`.

    Args:
        data: the file.
        ledger: what is held.
        trust: names the network.
        audience: the name the file must have been made for; `None` not to ask.
        nonce: the value it must carry; `None` not to ask.
        now: Unix milliseconds.
    """
    return judge_file(data, Network(trust, ledger), Question(now=now, audience=audience, nonce=nonce))


def judge_by(network: Network, question: Question, receipts: Receipts | None = None) -> Judge:
    """Judge files by what is held, and by the receipts that came beside each."""
    if receipts is None:
        return lambda data: judge_file(data, network, question)
    return lambda data: judge_file(data, network, replace(question, receipts=receipts.given))


def judge_alone(trust: TrustRoot, question: Question) -> Judge:
    """Judge files by what they prove themselves, where nothing is held."""
    # Imported here, like all that only some commands need: a verification must start in a quarter of a second.
    from ledger.credential.verify_standalone import verify_file_alone

    return lambda data: verify_file_alone(data, trust, question)


def verify_files(paths: Iterable[Path], judge: Judge) -> Iterator[FileReport]:
    """Verify files one after the other; one that cannot be read is reported as such, and the next is taken.

    Raises:
        DamagedError: a file of the replica is damaged, which concerns every file after it too.
    """
    for path in paths:
        try:
            data = files.read_bounded(path, MAX_FILE_BYTES)
        except OSError as error:
            yield FileReport(
                str(path), report_unreadable(f"cannot be opened: {error.strerror or error}", "check the path")
            )
        except CairnError as error:
            yield FileReport(str(path), report_unreadable(str(error), "ask for the file again"))
        else:
            yield FileReport(str(path), judge(data), hashlib.sha256(data).digest())
