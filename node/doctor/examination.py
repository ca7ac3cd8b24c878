"""An examination: everything is looked at in one order, and what is in the way of one check ends no other.

Only looking: nothing of the node is changed, and no peer is asked for more than its head of this log.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

from ledger.errors import CairnError, RuleError
from node import account
from node.access import open_access
from node.client.held import HeldLog
from node.clock import Clock
from node.desk import at_desk
from node.doctor import local, peers, reach
from node.doctor.check import Check, Topic, from_error, unknown
from node.doctor.patient import Patient
from node.followed import list_followed
from node.home import Home, open_home
from node.keystore import Keystore
from node.standing import read_networks


async def examine(directory: Path, clock: Clock) -> tuple[Check, ...]:
    """Look at everything about a node, running or not.

    Args:
        directory: of the node.
        clock: Unix milliseconds.
    """
    try:
        home = open_home(directory)
    except (CairnError, OSError) as error:
        return _without_configuration(error)
    is_own_account = account.is_owner(directory)
    patient = Patient(home=home, is_running=home.is_running(), is_own_account=is_own_account, clock=clock)
    checks = [*local.check_configuration(home.config), local.check_account(directory)]
    patient, trouble = await _read_logs(patient)
    checks += local.check_keys(home, _open_keys(home), patient.own)
    checks += [local.check_ledger(patient, trouble), local.check_database(patient), *local.check_disk(directory)]
    checks += reach.check_ports(patient)
    checks += await _guarded(Topic.ADDRESSES, lambda: reach.check_addresses(patient))
    checks += await _guarded(Topic.CERTIFICATES, lambda: reach.check_certificates(patient))
    checks += await _guarded(Topic.CLOCK, lambda: peers.check_clock(patient))
    checks += [*peers.check_network(patient), peers.check_quorum(patient)]
    checks += await _guarded(Topic.PEERS, lambda: peers.check_peers(patient))
    checks.append(local.check_backup(directory, clock()))
    return tuple(checks)


def _without_configuration(error: CairnError | OSError) -> tuple[Check, ...]:
    told = error if isinstance(error, CairnError) else RuleError(f"{error.filename}: {error.strerror}")
    others = [topic for topic in Topic if topic is not Topic.CONFIGURATION]
    do = "cure node.toml first"
    return (
        from_error(Topic.CONFIGURATION, told),
        *(unknown(topic, "node.toml cannot be read", do=do) for topic in others),
    )


def _open_keys(home: Home) -> Keystore | CairnError:
    try:
        return home.keystore()
    except CairnError as error:
        return error
    except OSError as error:
        return RuleError(f"{error.filename}: {error.strerror}", hint="restore DIR/keys from the backup")


async def _read_logs(patient: Patient) -> tuple[Patient, CairnError | None]:
    """The same patient with its logs, and what was in the way of reading them."""
    home = patient.home
    if not patient.is_running and not patient.is_own_account:
        return patient, None
    try:
        own, networks = await _read_held(home)
        followed = tuple(node.address for node in await list_followed(home))
        status = await at_desk(home, lambda client: client.status()) if patient.is_running else None
    except CairnError as error:
        return patient, error
    except OSError as error:
        return patient, RuleError(f"{error.filename}: {error.strerror}", hint="run doctor as the node's account")
    found = Patient(
        home=home,
        is_running=patient.is_running,
        is_own_account=patient.is_own_account,
        clock=patient.clock,
        own=own,
        networks=networks,
        status=status,
        followed=followed,
    )
    return found, None


async def _read_held(home: Home) -> tuple[HeldLog, tuple[HeldLog, ...]]:
    async with open_access(home) as access:
        own = await access.held_log()
        return own, tuple(await read_networks(access, home, own))


async def _guarded(topic: Topic, look: Callable[[], Awaitable[Sequence[Check]]]) -> Iterable[Check]:
    """What a check finds, or that something unforeseen kept it from looking."""
    try:
        return await look()
    except (CairnError, OSError) as error:
        return (unknown(topic, "looking failed", why=str(error), do="run it again; if it stays so, tell us"),)
