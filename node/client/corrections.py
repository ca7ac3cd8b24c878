"""The part of the registrar's calls that puts something right: decisions about many awards, keys, copies made anew."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager

from ledger.errors import MalformedError
from node.client.award_status import STATUS_CODES
from node.client.correction import (
    AchievementCount,
    DecisionOrder,
    DecisionReport,
    KeyImpact,
    KeyUse,
    ReissueReport,
    RestateReport,
)
from node.pb import keyevents_pb2 as keys_pb
from node.pb import registrar_pb2 as pb
from node.pb import registrar_pb2_grpc as rpc

IDS_IN_ONE_MESSAGE = 5000


class CorrectionClient:
    """Calls of `RegistrarClient` that stand in a file of their own; `RegistrarClient.corrections` makes one."""

    def __init__(
        self,
        stub: "rpc.RegistrarAsyncStub",
        timeout_seconds: float,
        translated: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        """Use the client's stub, its deadline, and its translation of errors."""
        self._stub = stub
        self._timeout = timeout_seconds
        self._translated = translated

    async def decide(self, order: DecisionOrder) -> DecisionReport:
        """Preview a decision about awards, or take it (`CorrectionDesk.decide`)."""
        summary: pb.DecisionSummary | None = None
        changed: list[str] = []
        new: list[str] = []
        async with self._translated():
            async for message in self._stub.Decide(_encode_order(order), timeout=self._timeout):
                summary = message.summary if message.HasField("summary") else summary
                changed += message.changed
                new += message.new
        if summary is None:
            raise MalformedError("decision: the node's answer has no summary")
        return DecisionReport(
            changed=tuple(changed),
            new=tuple(new),
            learners=summary.learners,
            achievements=_decode_counts(summary.achievements),
            already=summary.already,
            final=summary.final,
            unmatched=summary.unmatched,
            suspended=summary.suspended,
            registrar_copies=summary.registrar_copies,
            wallet_copies=summary.wallet_copies,
            waiting_copies=summary.waiting_copies,
            open_offers=summary.open_offers,
            next_cut=summary.next_cut if summary.HasField("next_cut") else None,
            fingerprint=summary.fingerprint,
        )

    async def describe_key(self, key: str, since: str = "") -> KeyImpact:
        """What retiring a key, or declaring it stolen, would hit (`CorrectionDesk.describe_key`)."""
        request = keys_pb.GetKeyImpactRequest(key=key, since=since)
        async with self._translated():
            answer = await self._stub.GetKeyImpact(request, timeout=self._timeout)
        return KeyImpact(
            key=answer.key,
            role=answer.role,
            state=answer.state,
            is_here=answer.is_here,
            others=answer.others,
            since=answer.since,
            uses=tuple(_decode_use(use) for use in answer.uses),
            hit_awards=answer.hit_awards,
            hit_registrar_copies=answer.hit_registrar_copies,
            hit_wallet_copies=answer.hit_wallet_copies,
            waiting_registrar_copies=answer.waiting_registrar_copies,
            waiting_wallet_copies=answer.waiting_wallet_copies,
            reissuable=answer.reissuable,
            entries=tuple((row.kind, row.known, row.unknown) for row in answer.entries),
        )

    async def reissue(self, key: str, *, dry_run: bool = False) -> ReissueReport:
        """Make new copies of awards whose copies a stolen key signed (`CorrectionDesk.reissue`)."""
        return await self._reissue(keys_pb.ReissueRequest(key=key, dry_run=dry_run))

    async def reissue_inherited(self, *, dry_run: bool = False) -> ReissueReport:
        """Make new copies of awards that were taken over (`CorrectionDesk.reissue_inherited`)."""
        return await self._reissue(keys_pb.ReissueRequest(inherited=True, dry_run=dry_run))

    async def _reissue(self, request: keys_pb.ReissueRequest) -> ReissueReport:
        async with self._translated():
            answer = await self._stub.Reissue(request, timeout=self._timeout)
        return ReissueReport(
            key=request.key,
            awards=answer.awards,
            new_copies=answer.new_copies,
            ended_slots=answer.ended_slots,
            wallet_copies=answer.wallet_copies,
            restricted=answer.restricted,
            achievements=_decode_counts(answer.achievements),
            next_cut=answer.next_cut if answer.HasField("next_cut") else None,
            last_cut=answer.last_cut if answer.HasField("last_cut") else None,
            waiting=answer.waiting,
        )

    async def restate(self, *, dry_run: bool = False) -> RestateReport:
        """State again what a theft made void (`CorrectionDesk.restate`)."""
        async with self._translated():
            answer = await self._stub.Restate(keys_pb.RestateRequest(dry_run=dry_run), timeout=self._timeout)
        return RestateReport(
            restated=tuple((row.kind, row.index, row.restated_by) for row in answer.restated),
            unknown=tuple((row.kind, row.index) for row in answer.unknown),
        )


async def _encode_order(order: DecisionOrder) -> AsyncIterator[pb.DecideRequest]:
    selection = order.selection
    yield pb.DecideRequest(
        learner_id=selection.learner_id,
        achievement=selection.achievement,
        key=selection.key,
        issued_since=selection.issued_since,
        issued_until=selection.issued_until,
        status=STATUS_CODES[order.status],
        reason=order.reason,
        corrections=[pb.Correction(column=column, value=value) for column, value in order.corrections],
        dry_run=order.dry_run,
        expected=order.expected,
    )
    for start in range(0, len(selection.award_ids), IDS_IN_ONE_MESSAGE):
        yield pb.DecideRequest(award_ids=selection.award_ids[start : start + IDS_IN_ONE_MESSAGE])


def _decode_counts(counts: Iterable[keys_pb.AchievementCount]) -> tuple[AchievementCount, ...]:
    return tuple(AchievementCount(one.achievement, one.version, one.awards) for one in counts)


def _decode_use(use: keys_pb.KeyUse) -> KeyUse:
    return KeyUse(
        achievement=use.achievement,
        version=use.version,
        month=use.month,
        awards=use.awards,
        registrar_copies=use.registrar_copies,
        wallet_copies=use.wallet_copies,
        first_entry=use.first_entry if use.HasField("first_entry") else None,
        last_entry=use.last_entry if use.HasField("last_entry") else None,
    )
