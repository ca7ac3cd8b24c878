"""Whether the networks let this institution award what it is about to award: said before, not found out by a university.

Awarding without the right is not refused: rights may be on their way, and the registrar's decision stands on its own. But
whoever verifies will answer "not authentic", so the registrar hears of it at once.
"""

from collections.abc import Sequence

from ledger.credential.openbadge import Achievement
from ledger.log.identity import LogId
from ledger.log.view import LedgerView


def find_missing_rights(
    ledger: LedgerView, own: LogId, networks: Sequence[LogId], achievement: Achievement
) -> tuple[str, ...]:
    """Say what verifiers will object to in an award made now; nothing where one network allows it.

    Args:
        ledger: all logs held.
        own: this node's log.
        networks: logs of the networks it belongs to.
        achievement: what is awarded.
    """
    log = ledger.log(own)
    held = [view.state for view in map(ledger.log, networks) if view is not None]
    if log is None or not held:
        return ("this institution belongs to no network yet, so nobody can verify what it awards",)
    objections = []
    for network in held:
        record = network.members.deciding(own, log.state.size)
        rights = network.members.rights_at(own, log.state.size)
        if rights.allows(achievement.id, achievement.achievement_type or ""):
            return ()
        if record is None:
            objections.append(f"{network.name} has not admitted this institution yet: until then nobody can verify it")
        else:
            objections.append(
                f"{network.name} has not given this institution the right to award {achievement.id}: verifiers will "
                "answer `Not authentic`; ask the network to amend the rights"
            )
    return tuple(objections)
