"""What figures are measured against: plain work of the same machine in the same minute.

V is the rate of bare pynacl Ed25519 verifications on one core, P the rate of plain file appends, each followed by fsync.
Machines differ and drift; a ratio to what the same machine did a second before does not.
"""

import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

from nacl.signing import SigningKey

ROUND_SECONDS = 0.4


def rate(action: Callable[[], None], *, seconds: float = ROUND_SECONDS, step: int = 50) -> float:
    """Calls of `action` per second, over at least `seconds`."""
    started = time.perf_counter()
    count = 0
    while True:
        for _ in range(step):
            action()
        count += step
        elapsed = time.perf_counter() - started
        if elapsed >= seconds:
            return count / elapsed


def verifications() -> float:
    """V: bare Ed25519 verifications of a 600-byte message per second, one core."""
    key = SigningKey.generate()
    message = bytes(600)
    signature = key.sign(message).signature
    verify_key = key.verify_key

    def action() -> None:
        verify_key.verify(message, signature)

    return rate(action)


def synced_appends(size: int) -> float:
    """P: appends of `size` bytes to a plain file per second, each followed by fsync."""
    data = os.urandom(size)
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "file").open("ab", buffering=0) as file:

        def action() -> None:
            file.write(data)
            os.fsync(file.fileno())

        return rate(action, step=4)


def against(calibrate: Callable[[], float], measure: Callable[[], float], rounds: int) -> tuple[float, float, float]:
    """Measure between two calibrations, several times.

    Returns:
        medians of the figure, of the calibrator, and of the ratio taken round by round.
    """
    figures, references, ratios = [], [], []
    for _ in range(rounds):
        before = calibrate()
        figure = measure()
        reference = (before + calibrate()) / 2
        figures.append(figure)
        references.append(reference)
        ratios.append(figure / reference)
    return median(figures), median(references), median(ratios)


async def rate_of_calls(call: Callable[[], Awaitable[object]], *, calls: int = 1_000) -> float:
    """Calls per second, one awaited after the other; a few before the clock starts, so that connections stand."""
    for _ in range(calls // 20):
        await call()
    started = time.perf_counter()
    for _ in range(calls):
        await call()
    return calls / (time.perf_counter() - started)
