"""What `cairn-node copy` asks of its node, as plain values, and the call.

Personal data stands in the answer: it crosses the private listener and nothing else, and is never logged.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from node.client.reach import Reach, translating
from node.pb import copies_pb2 as pb
from node.pb import copies_pb2_grpc as rpc

TIMEOUT_SECONDS = 120.0


class Form(StrEnum):
    """Forms of a copy, by the names people use."""

    SD_JWT = "sd-jwt"
    SD_JWT_ES256 = "sd-jwt-es256"
    OPEN_BADGE = "open-badge"
    JWS = "jws"
    JWS_RS256 = "jws-rs256"
    CLR = "clr"


INCLUDABLE = ("email", "date_of_birth")
"""What an award may know beside the name, and a form in which nothing can be hidden leaves out unless asked."""


@dataclass(frozen=True, slots=True)
class AssociationOrder:
    """How two achievements of a record hang together; `source` and `target` are `ID` or `ID/VERSION`."""

    type: str
    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOrder:
    """What is asked for.

    Attributes:
        form: of the copy.
        award_ids: what it is made from; one, but for a record.
        learner_id: for a record: every valid award of this learner, in place of `award_ids`.
        subject: did:key of the learner; empty to draw an identifier.
        include: of `INCLUDABLE`, what is added in clear.
        associations: for a record.
        is_fresh: whether another one is made, whatever was made before.
    """

    form: Form
    award_ids: tuple[str, ...] = ()
    learner_id: str = ""
    subject: str = ""
    include: tuple[str, ...] = ()
    associations: tuple[AssociationOrder, ...] = ()
    is_fresh: bool = False


@dataclass(frozen=True, slots=True)
class MadeCopy:
    """A copy and where it stands.

    Attributes:
        text: an SD-JWT, a JWS, or JSON.
        is_new: whether it was made now.
        receipts: JSON of the receipts, its own first, then those of the credentials inside; empty while it waits.
        next_cut: Unix ms; None where cuts are made on command.
    """

    text: str = field(repr=False)
    is_new: bool
    receipts: tuple[bytes, ...]
    next_cut: int | None


async def make_copy(reach: Reach, order: CopyOrder) -> MadeCopy:
    """Have a copy made, or given again.

    Raises:
        CairnError: the node does not answer, or refuses.
    """
    request = pb.MakeCopyRequest(
        form=order.form.value,
        award_ids=order.award_ids,
        learner_id=order.learner_id,
        subject=order.subject,
        include=order.include,
        associations=[pb.AssociationOrder(type=a.type, source=a.source, target=a.target) for a in order.associations],
        fresh=order.is_fresh,
    )
    async with translating(reach):
        answer = await rpc.CopiesStub(reach.channel).MakeCopy(request, timeout=TIMEOUT_SECONDS)
    next_cut = answer.next_cut if answer.HasField("next_cut") else None
    return MadeCopy(answer.text.decode("utf-8"), answer.is_new, tuple(answer.receipts), next_cut)
