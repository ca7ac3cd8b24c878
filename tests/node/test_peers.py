"""Connections: one for each address, the least used ones given up, all of them closed at the end."""

from node.peers import MAX_CLIENTS, Peers


async def test_an_address_has_one_client_and_their_number_is_bounded() -> None:
    """Addresses may come from callers, so what is used least is closed."""
    peers = Peers(timeout_seconds=1)
    first = peers.client("127.0.0.1:1")
    assert peers.client("127.0.0.1:1") is first
    for port in range(2, MAX_CLIENTS + 2):
        assert peers.client("127.0.0.1:1") is first
        peers.client(f"127.0.0.1:{port}")
    assert len(peers._clients) == MAX_CLIENTS
    assert "127.0.0.1:2" not in peers._clients
    await peers.drop("127.0.0.1:1")
    assert peers.client("127.0.0.1:1") is not first
    await peers.close()
