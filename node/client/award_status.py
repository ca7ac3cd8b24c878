"""The status of an award, as messages carry it."""

from ledger.credential.status import Status
from node.pb import registrar_pb2 as pb

STATUSES = {
    pb.AWARD_STATUS_VALID: Status.VALID,
    pb.AWARD_STATUS_REVOKED: Status.REVOKED,
    pb.AWARD_STATUS_SUSPENDED: Status.SUSPENDED,
    pb.AWARD_STATUS_REPLACED: Status.REPLACED,
}
STATUS_CODES = {status: code for code, status in STATUSES.items()}
