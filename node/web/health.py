"""`/healthz`: whether this node is alive, how old its own head is, and whether a quorum stands behind it.

Alive is HTTP 200 always: a node that waits for its witnesses serves, and killing it would not help. Whoever watches
reads the fields. Nothing here depends on awards, claims or queues.
"""

from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from ledger.errors import CairnError
from ledger.log.identity import LogId, encode_log_id
from ledger.log.network import HeadAnswer, Network
from ledger.log.policy import TrustRoot
from ledger.log.view import LedgerView
from node.clock import Clock


class HealthyNode(Protocol):
    """What is asked of a node to tell its health."""

    @property
    def ledger(self) -> LedgerView:
        """All logs held."""

    @property
    def log_id(self) -> LogId:
        """This node's own log."""

    @property
    def trust(self) -> TrustRoot | None:
        """The network it belongs to; `None` before it joined one."""

    @property
    def clock(self) -> Clock:
        """Unix milliseconds."""

    @property
    def refusal(self) -> str | None:
        """Why nothing is signed just now, in words for everybody; `None` while statements are taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What `/healthz` says.

    Attributes:
        log: text of the own log's id.
        size: entries held of it, all of them durable.
        head_size: size of the newest checkpoint judged; 0 if there is none.
        head_age_ms: time since the quorum's cosignatures; `None` without cosignatures.
        required: witnesses needed for a quorum; 0 where there are no independent ones yet.
        present: witnesses that cosigned that checkpoint.
        has_quorum: whether that suffices.
        waiting: why nothing is signed just now, in words; empty while statements are taken.
    """

    log: str
    size: int
    head_size: int
    head_age_ms: int | None
    required: int
    present: int
    has_quorum: bool
    waiting: str

    def to_json(self) -> dict[str, object]:
        """Give the answer's JSON."""
        quorum = {"has_quorum": self.has_quorum, "present": self.present, "required": self.required}
        head = {"age_ms": self.head_age_ms, "size": self.head_size}
        return {
            "alive": True,
            "head": head,
            "log": self.log,
            "quorum": quorum,
            "size": self.size,
            "waiting": self.waiting,
        }


class HealthDesk:
    """Judges the own head, once per note: signatures are not verified again because somebody asks often."""

    def __init__(self, node: HealthyNode) -> None:
        """Remember the node; nothing is read yet."""
        self._node = node
        self._judged: tuple[object, HeadAnswer | None] | None = None

    def health(self) -> Health:
        """Tell the health now."""
        node = self._node
        log = node.ledger.log(node.log_id)
        size = log.state.size if log is not None else 0
        head = self._judge() if log is not None and log.note is not None else None
        if head is None:
            return Health(
                log=encode_log_id(node.log_id),
                size=size,
                head_size=0,
                head_age_ms=None,
                required=0,
                present=0,
                has_quorum=False,
                waiting=node.refusal or "",
            )
        quorum = head.quorum
        age = None if quorum.seconds is None else max(0, node.clock() - quorum.seconds * 1000)
        return Health(
            log=encode_log_id(node.log_id),
            size=size,
            head_size=head.size,
            head_age_ms=age,
            required=quorum.required,
            present=quorum.present,
            has_quorum=quorum.has_quorum,
            waiting=node.refusal or "",
        )

    async def answer(self, request: web.Request) -> web.Response:
        """Answer `GET /healthz`."""
        return web.json_response(self.health().to_json(), headers={"Cache-Control": "no-store"})

    def _judge(self) -> HeadAnswer | None:
        trust = self._node.trust
        if trust is None:
            return None
        log = self._node.ledger.log(self._node.log_id)
        network = self._node.ledger.log(trust.network)
        # The witnesses that count come from the network's log, so its growth can change the answer too.
        seen = (log.note if log else None, network.state.size if network else None)
        if self._judged is None or self._judged[0] != seen:
            try:
                answer = Network(trust, self._node.ledger).judge_head(self._node.log_id)
            except CairnError:
                # The network is not held up to its pin yet, or not the one it should be: alive all the same.
                answer = None
            self._judged = (seen, answer)
        return self._judged[1]
