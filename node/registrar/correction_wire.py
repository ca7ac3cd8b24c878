"""Decisions, keys and copies made anew in the schema's messages, for `service.RegistrarService`."""

from collections.abc import AsyncIterable, Iterator, Mapping, Sequence

from ledger.credential.status import Status
from ledger.errors import MalformedError
from node.client.correction import (
    AchievementCount,
    DecisionOrder,
    DecisionReport,
    KeyImpact,
    ReissueReport,
    RestateReport,
    Selection,
)
from node.pb import keyevents_pb2 as keys_pb
from node.pb import registrar_pb2 as pb
from node.registrar.deciding import MAX_AWARDS

MAX_LISTED = 500


async def gather_order(
    messages: AsyncIterable[pb.DecideRequest], statuses: Mapping["pb.AwardStatus.ValueType", Status]
) -> DecisionOrder:
    """The order that a stream of requests makes up.

    Raises:
        MalformedError: it says no status, or names more than `MAX_AWARDS` awards.
    """
    first: pb.DecideRequest | None = None
    award_ids: list[str] = []
    async for message in messages:
        first = message if first is None else first
        award_ids += message.award_ids
        if len(award_ids) > MAX_AWARDS:
            raise MalformedError(f"decision: more than {MAX_AWARDS} awards", hint="split the list")
    status = None if first is None else statuses.get(first.status)
    if first is None or status is None:
        raise MalformedError("decision: says no status")
    return DecisionOrder(
        selection=Selection(
            award_ids=tuple(award_ids),
            learner_id=first.learner_id,
            achievement=first.achievement,
            key=first.key,
            issued_since=first.issued_since,
            issued_until=first.issued_until,
        ),
        status=status,
        reason=first.reason,
        corrections=tuple((item.column, item.value) for item in first.corrections),
        dry_run=first.dry_run,
        expected=first.expected,
    )


def encode_decision(report: DecisionReport) -> Iterator[pb.DecideResponse]:
    """The messages of one report."""
    yield pb.DecideResponse(summary=_encode_summary(report))
    for start in range(0, len(report.changed), MAX_LISTED):
        end = start + MAX_LISTED
        yield pb.DecideResponse(changed=report.changed[start:end], new=report.new[start:end])


def _encode_summary(report: DecisionReport) -> pb.DecisionSummary:
    return pb.DecisionSummary(
        awards=len(report.changed),
        learners=report.learners,
        achievements=_encode_counts(report.achievements),
        already=report.already,
        final=report.final,
        unmatched=report.unmatched,
        suspended=report.suspended,
        registrar_copies=report.registrar_copies,
        wallet_copies=report.wallet_copies,
        waiting_copies=report.waiting_copies,
        open_offers=report.open_offers,
        next_cut=report.next_cut,
        fingerprint=report.fingerprint,
    )


def _encode_counts(counts: Sequence[AchievementCount]) -> list[keys_pb.AchievementCount]:
    return [
        keys_pb.AchievementCount(achievement=one.achievement, version=one.version, awards=one.awards) for one in counts
    ]


def encode_impact(impact: KeyImpact) -> keys_pb.GetKeyImpactResponse:
    """What hangs on a key."""
    return keys_pb.GetKeyImpactResponse(
        key=impact.key,
        role=impact.role,
        state=impact.state,
        is_here=impact.is_here,
        others=impact.others,
        since=impact.since,
        uses=[
            keys_pb.KeyUse(
                achievement=use.achievement,
                version=use.version,
                month=use.month,
                awards=use.awards,
                registrar_copies=use.registrar_copies,
                wallet_copies=use.wallet_copies,
                first_entry=use.first_entry,
                last_entry=use.last_entry,
            )
            for use in impact.uses
        ],
        hit_awards=impact.hit_awards,
        hit_registrar_copies=impact.hit_registrar_copies,
        hit_wallet_copies=impact.hit_wallet_copies,
        waiting_registrar_copies=impact.waiting_registrar_copies,
        waiting_wallet_copies=impact.waiting_wallet_copies,
        reissuable=impact.reissuable,
        entries=[
            keys_pb.SignedEntries(kind=kind, known=known, unknown=unknown) for kind, known, unknown in impact.entries
        ],
    )


def encode_reissue(report: ReissueReport) -> keys_pb.ReissueResponse:
    """What a re-issue made."""
    return keys_pb.ReissueResponse(
        awards=report.awards,
        new_copies=report.new_copies,
        ended_slots=report.ended_slots,
        wallet_copies=report.wallet_copies,
        restricted=report.restricted,
        achievements=_encode_counts(report.achievements),
        next_cut=report.next_cut,
        last_cut=report.last_cut,
        waiting=report.waiting,
    )


def encode_restated(report: RestateReport) -> keys_pb.RestateResponse:
    """What was restated."""
    return keys_pb.RestateResponse(
        restated=[
            keys_pb.RestatedEntry(kind=kind, index=index, restated_by=restated_by)
            for kind, index, restated_by in report.restated
        ],
        unknown=[keys_pb.VoidEntry(kind=kind, index=index) for kind, index in report.unknown],
    )
