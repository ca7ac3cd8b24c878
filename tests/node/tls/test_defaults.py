"""Where a new node listens, by the addresses others shall use."""

import pytest

from ledger.errors import MalformedError
from node.tls.defaults import ListenPlan, plan_listeners
from node.tls.modes import TLSMode

HERE, AUTO, OWN, OFF = "127.0.0.1:8471", TLSMode.AUTO, TLSMode.SELF_MADE, TLSMode.OFF


@pytest.mark.parametrize(
    ("http_url", "grpc", "has_certificate", "insecure", "plan"),
    [
        ("http://127.0.0.1:8470", "", False, False, ListenPlan("127.0.0.1:8470", HERE, HERE, AUTO)),
        ("http://[::1]:9000", "", False, False, ListenPlan("[::1]:9000", HERE, HERE, AUTO)),
        (
            "https://a.example",
            "",
            False,
            False,
            ListenPlan("127.0.0.1:8470", "0.0.0.0:8471", "a.example:8471", OWN),
        ),
        ("https://a.example", "", True, False, ListenPlan("0.0.0.0:443", "0.0.0.0:8471", "a.example:8471", OWN)),
        (
            "https://a.example:8443/x",
            "b.example:9000",
            True,
            False,
            ListenPlan("0.0.0.0:8443", "0.0.0.0:9000", "b.example:9000", OWN),
        ),
        ("https://a.example", "a.example:443", True, False, ListenPlan("0.0.0.0:443", HERE, "a.example:443", OFF)),
        ("https://a.example", "a.example:443", False, False, ListenPlan("127.0.0.1:8470", HERE, "a.example:443", AUTO)),
        ("http://a.example", "", False, True, ListenPlan("127.0.0.1:8470", HERE, "a.example:8471", AUTO)),
        (
            "https://[2001:db8::1]",
            "",
            True,
            False,
            ListenPlan("0.0.0.0:443", "0.0.0.0:8471", "[2001:db8::1]:8471", OWN),
        ),
    ],
)
def test_public_addresses_decide(
    http_url: str, grpc: str, has_certificate: bool, insecure: bool, plan: ListenPlan
) -> None:
    assert plan_listeners(http_url, grpc, has_certificate=has_certificate, insecure=insecure) == plan


def test_an_address_without_a_port_is_refused() -> None:
    with pytest.raises(MalformedError, match="expected HOST:PORT"):
        plan_listeners("https://a.example", "nowhere", has_certificate=False)
