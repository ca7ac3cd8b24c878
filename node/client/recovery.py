"""Asking the running node to take an award back in, over its private socket."""

from collections.abc import Sequence
from dataclasses import dataclass

from grpc import aio

from ledger.credential.status import Status
from node.client.operator import decode_refusal
from node.pb import recovery_pb2 as pb
from node.pb import recovery_pb2_grpc as rpc

TIMEOUT_SECONDS = 120.0
_OPTIONS: Sequence[tuple[str, int]] = (("grpc.use_local_subchannel_pool", 1),)


@dataclass(frozen=True, slots=True)
class TakenIn:
    """An award that is known again.

    Attributes:
        award: its id.
        is_new: whether it was entered now.
        status: what the newest page says of the copy.
        entry: index of the batch that has its commitment.
        position: its place there.
        title: of the achievement; foreign text.
        is_list_closed: whether what its slot says stands for ever: the list root of the old institution is lost.
    """

    award: str
    is_new: bool
    status: Status
    entry: int
    position: int
    title: str
    is_list_closed: bool


async def readmit(socket_path: str, copy: str, learner_id: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> TakenIn:
    """Have one copy taken in.

    Raises:
        CairnError: the node does not answer, or refuses the copy.
    """
    request = pb.ReadmitRequest(copy=copy.encode("ascii"), learner_id=learner_id)
    async with aio.insecure_channel(f"unix:{socket_path}", options=_OPTIONS) as channel:
        try:
            answer = await rpc.RecoveryStub(channel).Readmit(request, timeout=timeout_seconds)
        except aio.AioRpcError as error:
            raise decode_refusal(error, socket_path) from error
    return TakenIn(
        award=answer.award_id,
        is_new=answer.is_new,
        status=Status(answer.status),
        entry=answer.entry,
        position=answer.position,
        title=answer.title,
        is_list_closed=answer.is_list_closed,
    )
