"""`cairn-node revoke`, `suspend`, `reinstate`: decisions about awards that were made."""

from typing import TYPE_CHECKING, Any

import click

from node.commands.deciding import decision_options, read_selection, run_decision, selection_options
from node.commands.options import DeskCommand, desk_argument, json_option

if TYPE_CHECKING:
    from ledger.credential.status import Status
    from node.desk import Desk


@click.command(
    "revoke",
    cls=DeskCommand,
    epilog="Example:  cairn-node revoke /srv/cairn --list wrong.csv --reason 'issued by mistake'",
)
@desk_argument
@selection_options()
@decision_options
@json_option
def command(directory: "Desk", **given: Any) -> int:  # Any: options by name
    """Take awards back, for good: all of them or none. The ledger shows it from the next cut on.

    Awards are named one by one, in a list, or selected; whatever is given must hold at once. What would change is shown
    first, counted by the node, and asked about. Nobody can tell from the ledger how many awards were changed.
    """
    from ledger.credential.status import Status

    return _decide(directory, Status.REVOKED, given)


@click.command(
    "suspend", cls=DeskCommand, epilog="Example:  cairn-node suspend /srv/cairn --learner L02 --reason 'under review'"
)
@desk_argument
@selection_options()
@decision_options
@json_option
def suspend(directory: "Desk", **given: Any) -> int:  # Any: options by name
    """Suspend awards for a while: all of them or none. The ledger shows it from the next cut on.

    Awards are selected as by `revoke`. `reinstate` ends it.
    """
    from ledger.credential.status import Status

    return _decide(directory, Status.SUSPENDED, given)


@click.command("reinstate", cls=DeskCommand, epilog="Example:  cairn-node reinstate /srv/cairn --learner L02")
@desk_argument
@selection_options()
@decision_options
@json_option
def reinstate(directory: "Desk", **given: Any) -> int:  # Any: options by name
    """End the suspension of awards: all of them or none. The ledger shows it from the next cut on.

    Awards are selected as by `revoke`. Learners who run `cairn refresh` then get fresh copies, on which the suspension
    does not show.
    """
    from ledger.credential.status import Status

    return _decide(directory, Status.VALID, given)


def _decide(directory: "Desk", status: "Status", given: dict[str, Any]) -> int:
    from node.client.correction import DecisionOrder

    order = DecisionOrder(
        selection=read_selection(given), status=status, reason=given["reason"], dry_run=given["dry_run"]
    )
    return run_decision(directory, order, yes=given["yes"], as_json=given["as_json"])
