"""Every call of the private listener has a rule, and every role may make exactly the calls its rule says."""

import importlib
import pkgutil
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import message_factory
from grpc import aio

from ledger.errors import MalformedError
from node import pb, wire
from node.client.identity import Identity
from node.client.reach import reach_listener
from node.commands.registrar import ROLES
from node.config import NodeConfig
from node.errors import NotAllowedError
from node.registrar.people.roles import ACTS, MEANINGS, RULES, Role, call_name, parse_roles
from tests.node.registrar.people.offices import SECONDS, open_office

PUBLIC = {"Ledger", "Witness"}
"""Services of the public listener. Every other one stands behind the gate, and its calls in `RULES`."""


def private_services() -> dict[str, tuple[Any, Any]]:
    """From the name of a service behind the gate to its messages and stubs, of all schemas there are."""
    names = [module.name for module in pkgutil.iter_modules(pb.__path__) if module.name.endswith("_pb2")]
    found = {}
    for name in names:
        schema = importlib.import_module(f"node.pb.{name}")
        for service in schema.DESCRIPTOR.services_by_name:
            found[service] = (schema, importlib.import_module(f"node.pb.{name}_grpc"))
    assert found.keys() >= PUBLIC
    return {service: modules for service, modules in found.items() if service not in PUBLIC}


SCHEMAS = private_services()


def every_call() -> dict[str, Any]:
    """From `Service.Call` to its descriptor."""
    return {
        f"{name}.{method.name}": method
        for name, (schema, _) in SCHEMAS.items()
        for method in schema.DESCRIPTOR.services_by_name[name].methods
    }


def test_every_call_has_a_rule() -> None:
    """A call without one is refused to everybody elsewhere; give it a line in RULES."""
    assert sorted(set(every_call()) - set(RULES)) == [], "these calls have no rule in node/registrar/people/roles.py"
    assert sorted(set(RULES) - set(every_call())) == [], "these rules are about calls that do not exist"


EXPECTED = {
    "Registrar.Issue": "registrar",
    "Registrar.ListAwards": "registrar approver reader",
    "Registrar.SetStatus": "registrar",
    "Registrar.Offer": "registrar",
    "Registrar.Publish": "publisher",
    "Registrar.Submit": "",
    "Registrar.Cut": "registrar",
    "Registrar.GetNodeStatus": "registrar approver publisher reader",
    "Registrar.GetLog": "registrar approver publisher reader",
    "Registrar.Decide": "registrar",
    "Registrar.GetKeyImpact": "registrar approver",
    "Registrar.Reissue": "registrar",
    "Registrar.Restate": "",
    "Copies.MakeCopy": "registrar",
    "Copies.Countersign": "registrar",
    "Rights.Forget": "registrar",
    "Rights.Report": "registrar",
    "Rights.PutMark": "registrar",
    "Rights.EndMark": "registrar",
    "Rights.NoteDisclosure": "registrar",
    "Rights.ApplyRetention": "registrar",
    "Operator.Backup": "nobody",
    "Operator.ExportEvidence": "nobody",
    "Operator.GetRoot": "nobody",
    "Operator.ListStatements": "nobody",
    "Recovery.Readmit": "nobody",
    "People.Invite": "",
    "People.Enrol": "nobody",
    "People.Renew": "registrar approver publisher reader",
    "People.ListPeople": "",
    "People.RemovePerson": "",
    "People.GetTrail": "approver",
    "People.ListProposals": "registrar approver publisher",
    "People.GetProposal": "registrar approver publisher",
    "People.Approve": "approver",
    "People.Reject": "registrar approver publisher",
    "Verifier.Verify": "registrar approver publisher reader",
    "Verifier.VerifyStream": "registrar approver publisher reader",
}
"""Written out a second time, so that a rule is not changed by accident. The operator may all, but for `nobody`."""


def may(role: Role, call: str) -> bool:
    expected = EXPECTED.get(call, "").split()
    return expected != ["nobody"] and (role is Role.OPERATOR or role.value in expected)


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_may_make_its_calls_and_no_other(role: Role, tmp_path: Path) -> None:
    """Over mutual TLS: each call is let through to its handler or refused in words, and what is refused is recorded."""
    async with open_office(tmp_path) as office:
        identity = await office.let_in(role.value)
        refused = []
        for call, method in every_call().items():
            error = await attempt(identity, call, method)
            if isinstance(error, NotAllowedError) and "needs no" not in str(error):
                refused.append(call)
                assert re.search("may not|nobody may|needs an invitation", str(error))
        assert refused == [call for call in every_call() if not may(role, call)]
        rows = [row for row in await office.rows() if row.outcome == "refused"]
        assert [row.call for row in rows] == refused
        assert {(row.who, row.roles) for row in rows} <= {(identity.person, role.value)}


async def attempt(identity: Identity, call: str, method: Any) -> Exception | None:
    """Make a call with an empty request; what it would do is refused for its content, if it gets that far."""
    service, _, name = call.partition(".")
    _, stubs = SCHEMAS[service]
    reach = reach_listener(identity)
    made: Callable[..., Any] = getattr(getattr(stubs, f"{service}Stub")(reach.channel), name)
    request: Any = message_factory.GetMessageClass(method.input_type)()
    try:
        answer = made(iter([request]) if method.client_streaming else request, timeout=SECONDS)
        if method.server_streaming:
            async for _ in answer:
                pass
        else:
            await answer
    except aio.AioRpcError as error:
        return wire.decode_error(error.code(), error.details() or "", tuple(error.trailing_metadata() or ()))  # type: ignore[arg-type]  # pairs
    finally:
        await reach.channel.close(None)
    return None


async def test_a_call_without_a_rule_is_refused_elsewhere_and_open_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fail closed: even the operator's role does not open what nobody thought about."""
    monkeypatch.delitem(RULES, "Registrar.GetNodeStatus")
    async with open_office(tmp_path) as office:
        identity = await office.let_in("operator")
        error = await attempt(identity, "Registrar.GetNodeStatus", every_call()["Registrar.GetNodeStatus"])
        assert isinstance(error, NotAllowedError)
        assert str(error) == "Registrar.GetNodeStatus: is not for other computers"
        assert (await office.last_row()).reason == "no rule"
        async with office.local() as client:
            assert (await client.status()).size == 2


async def test_several_roles_add_up(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        identity = await office.let_in("reader", "publisher")
        calls = every_call()
        assert not isinstance(await attempt(identity, "Registrar.Publish", calls["Registrar.Publish"]), NotAllowedError)
        assert await attempt(identity, "Registrar.ListAwards", calls["Registrar.ListAwards"]) is None
        assert isinstance(await attempt(identity, "Registrar.Cut", calls["Registrar.Cut"]), NotAllowedError)


@pytest.mark.parametrize(("names", "reason"), [([], "none given"), (["registrar", "king"], "'king': there is none")])
def test_unknown_roles_are_refused(names: list[str], reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        parse_roles(names)


def test_names_are_the_same_everywhere() -> None:
    """The command's choices, the meanings and the configuration's acts speak of the same things."""
    assert set(ROLES) == set(Role) == set(MEANINGS)
    assert call_name("/cairn.v1.Registrar/Issue") == "Registrar.Issue"
    comment = next(f for f in NodeConfig.__dataclass_fields__.values() if f.name == "four_eyes").metadata["comment"]
    assert all(act in comment for act in ACTS)


def test_the_statuses_of_refusals_are_grpcs_own() -> None:
    assert wire.STATUS[NotAllowedError] is grpc.StatusCode.PERMISSION_DENIED
