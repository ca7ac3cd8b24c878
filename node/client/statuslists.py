"""Plain status lists of an institution, fetched from its node. Nothing is verified here."""

from ledger.errors import MalformedError
from ledger.log.policy import TrustRoot
from node.client.http import MAX_JSON_BYTES, LedgerHTTP, parse_json

MAX_NUMBER = 999_999_999


class StatusListHTTP(LedgerHTTP):
    """The public endpoints of a node, those of its status lists among them."""

    async def status_lists(self, short: str, most: int) -> tuple[int, ...]:
        """Numbers of the lists of an institution, by the first 22 characters of its log id.

        Raises:
            TransportError: no answer, or none of success.
            MalformedError: more than `most`, or no numbers.
        """
        value = parse_json(await self._fetch(f"m/{short}/status", MAX_JSON_BYTES), f"{self.base_url} (status)")
        numbers = value.get("lists") if isinstance(value, dict) else None
        if not isinstance(numbers, list) or len(numbers) > most:
            raise MalformedError(f"answer of {self.base_url} (status) holds no list of at most {most} numbers")
        if not all(type(item) is int and 0 <= item <= MAX_NUMBER for item in numbers):
            raise MalformedError(f"answer of {self.base_url} (status) holds something that is not the number of a list")
        return tuple(numbers)

    async def status_list(self, short: str, number: int, name: str, max_bytes: int) -> bytes:
        """One file of a list: `revocation`, `suspension` or `token`.

        Raises:
            TransportError: no answer, or none of success, or a longer one.
        """
        return await self._fetch(f"m/{short}/status/{number}/{name}", max_bytes)


async def fetch_tokens(
    url: str, short: str, *, most: int, max_bytes: int, trust: TrustRoot | None = None
) -> dict[int, bytes]:
    """The token form of every list of an institution, by the number of the list.

    Args:
        url: of the node that serves them.
        short: first 22 characters of the institution's log id.
        most: lists; max_bytes: of one.
        trust: for a certificate that the node made itself.

    Raises:
        TransportError: no answer, or none of success.
        MalformedError: more than `most`, or no numbers.
    """
    async with StatusListHTTP(url, trust=trust) as source:
        numbers = await source.status_lists(short, most)
        return {number: await source.status_list(short, number, "token", max_bytes) for number in numbers}
