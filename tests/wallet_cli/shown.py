"""A learner who shows a real credential, and a replica on disk of the network it comes from."""

from collections.abc import Iterable
from pathlib import Path

from ledger.credential import presentation
from ledger.credential.commitment import commit
from ledger.credential.fields import select_fields
from ledger.credential.keybinding import sign_key_binding
from ledger.credential.presentation import PresentedCredential
from ledger.credential.processing import find_digest
from ledger.credential.sdjwt import parse_sd_jwt
from ledger.log.body import parse_body
from ledger.log.follow import judge_growth
from ledger.log.keys import SigningKey
from ledger.log.merkle import prove_item
from ledger.log.receipt import Receipt, encode_receipt
from tests.simulator import NOW, SimulatedLog
from tests.wallet_cli.world import World
from wallet_cli.replica_writer import ReplicaWriter

HOLDER = SigningKey(b"\x07" * 32)
AUDIENCE, NONCE = "Tidewater College", "n-7f3a91"
DAY = 86_400_000


def show(world: World, *, audience: str = AUDIENCE, nonce: str = NONCE, names: tuple[str, ...] = ("name",)) -> bytes:
    """A presentation file with one fresh copy that stands on the ledger."""
    sd_jwt = world.mint(HOLDER.public)
    commitment = commit(parse_sd_jwt(sd_jwt).issuer_jwt)
    index = world.cut(commitment)
    body = world.school.bodies[index]
    assert body is not None
    items = parse_body("issue", body)
    position = items.index(commitment)
    receipt = encode_receipt(Receipt(world.school.log_id, index, position, prove_item(items, position)))
    envelope = presentation.build_envelope(
        audience=audience,
        nonce=nonce,
        purpose="admission",
        created=NOW,
        expires=NOW + 30 * DAY,
        credentials=[PresentedCredential(select_fields(sd_jwt, names), receipt)],
    )
    (credential,) = envelope.credentials
    token = parse_sd_jwt(credential.sd_jwt)
    bound = sign_key_binding(
        credential.sd_jwt,
        audience=audience,
        nonce=nonce,
        now=NOW,
        sign=HOLDER.sign,
        digest=find_digest(token.payload),
        claims={presentation.HASH_CLAIM: presentation.hash_claim(envelope)},
    )
    return presentation.encode_presentation(presentation.bind_credentials(envelope, [bound]))


def write_replica(world: World, folder: Path, key: bytes | None = None) -> Path:
    """A light replica of everything the world holds now; a folder that exists is brought up to date."""
    return write_logs(folder, (world.network, world.school, world.other), key)


def write_logs(folder: Path, logs: Iterable[SimulatedLog], key: bytes | None = None) -> Path:
    """A light replica of these logs as they are now."""
    with ReplicaWriter(folder, key) as writer:
        for log in logs:
            _take_over(writer, log)
    return folder


def _take_over(writer: ReplicaWriter, log: SimulatedLog) -> None:
    held = writer.read().log(log.log_id)
    start = held.size if held else 0
    assert log.note is not None
    if start < log.size:
        light = [
            None if b'"kind":"issue"' in raw else body
            for raw, body in zip(log.entries[start:], log.bodies[start:], strict=True)
        ]
        growth = judge_growth(held.state if held else None, log.entries[start:], light, log.note)
        bodies = {entry.index: body for entry, body in zip(growth.entries, light, strict=True) if body is not None}
        writer.commit(growth, log.note, bodies)
    else:
        writer.put_note(log.log_id, log.note)
