"""One long log, checked by several processes: the same findings as with one, whatever is wrong and wherever."""

from pathlib import Path

import pytest

from ledger.errors import CairnError
from ledger.log.charter import Role
from ledger.log.entry import Entry, Signature
from ledger.log.identity import encode_log_id
from ledger.log.keys import SigningKey
from ledger.log.merkle import HASH_BYTES
from ledger.log.precheck import NOT_GOOD
from ledger.log.snapshot import encode_state
from tests.simulator import SimulatedLog, seeded
from tests.wallet_cli.forged_log import Forge, long_log, write_forged
from wallet_cli.precheckers import Precheckers, _check_bundle
from wallet_cli.refold import Fold, fold_log
from wallet_cli.replica import read_head

LOG = long_log()
PLACES = {"first bundle": 11, "middle bundle": 2 + 3 * 100, "last batch": 3 * 180 - 1}


def honest(entry: Entry, body: bytes | None) -> tuple[bytes, tuple[Signature, ...], bytes | None]:
    return entry.statement_bytes, entry.signatures, body


def bad_signature(entry: Entry, body: bytes | None) -> tuple[bytes, tuple[Signature, ...], bytes | None]:
    (signature,) = entry.signatures
    flipped = bytes([signature.signature[0] ^ 1]) + signature.signature[1:]
    return entry.statement_bytes, (Signature(signature.key, flipped),), body


def other_key(entry: Entry, body: bytes | None) -> tuple[bytes, tuple[Signature, ...], bytes | None]:
    other = LOG.role_signers[Role.DEFINE].public.id
    return entry.statement_bytes, (Signature(other, entry.signatures[0].signature),), body


def stranger(entry: Entry, body: bytes | None) -> tuple[bytes, tuple[Signature, ...], bytes | None]:
    key = SigningKey(seeded("stranger"))
    return entry.statement_bytes, (Signature(key.public.id, key.sign(entry.signed_bytes)),), body


def other_body(entry: Entry, body: bytes | None) -> tuple[bytes, tuple[Signature, ...], bytes | None]:
    assert body is not None
    return entry.statement_bytes, entry.signatures, bytes([body[0] ^ 1]) + body[1:]


def outcome(folder: Path, precheckers: Precheckers | None) -> tuple[str, int]:
    """What a replay says, and how far it got."""
    held = folder / encode_log_id(LOG.log_id)
    fold = Fold()
    try:
        for _ in fold_log(held, read_head(held / "head").note, fold, whole=True, precheckers=precheckers):
            pass
    except CairnError as error:
        return str(error), fold.size
    return "", fold.size


@pytest.fixture(scope="module")
def precheckers() -> "object":
    with Precheckers(2) as precheckers:
        yield precheckers


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("forge", "said"),
    [
        (bad_signature, "signature: not by key"),
        (other_key, "signature: not by key"),
        (stranger, "signed by a key this log never named"),
        (other_body, "is damaged: body: root"),
    ],
)
def test_a_forgery_is_found_by_any_number_of_processes(
    tmp_path: Path, precheckers: Precheckers, forge: Forge, said: str, place: str
) -> None:
    """The same words, and not one entry from the forged one on is folded."""
    index = PLACES[place]
    folder = write_forged(LOG, tmp_path / "replica", index, forge)
    alone = outcome(folder, None)
    assert said in alone[0] and alone[1] == index
    assert outcome(folder, precheckers) == alone


def test_an_honest_log_comes_to_the_same_state(tmp_path: Path, precheckers: Precheckers) -> None:
    folder = write_forged(LOG, tmp_path / "replica", 0, honest)
    held = folder / encode_log_id(LOG.log_id)
    folds = [Fold(), Fold()]
    for fold, helpers in zip(folds, (None, precheckers), strict=True):
        seen = [
            size for size, _ in fold_log(held, read_head(held / "head").note, fold, whole=True, precheckers=helpers)
        ]
        assert seen[-1] == LOG.size and len(seen) > 3
    states = [encode_state(fold.state) for fold in folds if fold.state is not None]
    assert states == [encode_state(LOG.state)] * 2
    assert {(fold.missing, fold.items) for fold in folds} == {(0, folds[0].items)}


def test_a_key_added_on_the_way_signs_from_then_on(tmp_path: Path, precheckers: Precheckers) -> None:
    """What was handed out before the key was known is checked by the folding process itself."""
    log = SimulatedLog("late")
    for _ in range(60):
        log.cut()
    second = SigningKey(seeded("second"))
    log.add_key(second, Role.OPERATE)
    log.role_signers[Role.OPERATE] = second
    for _ in range(130):
        log.cut()
    folder = write_forged(log, tmp_path / "replica", 0, honest) / encode_log_id(log.log_id)
    fold = Fold()
    for _ in fold_log(folder, read_head(folder / "head").note, fold, whole=True, precheckers=precheckers):
        pass
    assert fold.state is not None and encode_state(fold.state) == encode_state(log.state)


def test_a_state_of_another_log_is_not_gone_on_with(tmp_path: Path) -> None:
    folder = write_forged(LOG, tmp_path / "replica", 0, honest) / encode_log_id(LOG.log_id)
    other = long_log(cuts=2)
    other.publish("granite/other")
    with pytest.raises(CairnError, match="not those that were folded before"):
        list(fold_log(folder, read_head(folder / "head").note, Fold(other.state)))


def test_files_that_cannot_be_read_are_not_found_good(tmp_path: Path) -> None:
    """A worker answers for every entry it was asked about, whatever it finds."""
    answer = _check_bundle(str(tmp_path / "nothing"), 0, 7, 7, ())
    assert answer == (NOT_GOOD + b"\0") * 7 and len(answer) == 7 * (HASH_BYTES + 1)
