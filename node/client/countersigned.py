"""What `cairn-node countersign` asks of its node, as plain values, and the call.

Personal data stands in both directions: it crosses the private listener and nothing else, and is never logged or kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ledger.credential.batch_report import parse_report
from ledger.credential.report import RecordReport
from ledger.errors import MalformedError
from node.client.exchange import MAX_MESSAGE_BYTES
from node.client.reach import Reach, translating
from node.pb import copies_pb2 as pb
from node.pb import copies_pb2_grpc as rpc

TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Countersigned:
    """A file with a network's proofs.

    Attributes:
        text: JSON.
        issuer, title: who issued it and what it is, in words.
        network, did: who countersigned.
        at: as of when, Unix ms.
    """

    text: str = field(repr=False)
    issuer: str
    title: str
    network: str
    did: str
    at: int


async def countersign(reach: Reach, text: str, receipts: Sequence[bytes]) -> Countersigned | RecordReport:
    """Have a credential countersigned; the report on it where it is not valid, or that could not be decided.

    Args:
        reach: the way to the network's node.
        text: JSON with embedded proofs.
        receipts: JSON of receipts that came with it.

    Raises:
        MalformedError: it is longer than a message.
        CairnError: the node does not answer, or refuses.
    """
    request = pb.CountersignRequest(text=text.encode(), receipts=receipts)
    if request.ByteSize() > MAX_MESSAGE_BYTES:
        raise MalformedError(
            f"file: with its receipts {request.ByteSize()} bytes, at most {MAX_MESSAGE_BYTES} are taken",
            hint="countersign the credentials inside it one by one",
        )
    async with translating(reach):
        answer = await rpc.CopiesStub(reach.channel).Countersign(request, timeout=TIMEOUT_SECONDS)
    if not answer.text:
        return parse_report(answer.report)
    return Countersigned(
        text=answer.text.decode("utf-8"),
        issuer=answer.issuer,
        title=answer.title,
        network=answer.network,
        did=answer.did,
        at=answer.at,
    )
