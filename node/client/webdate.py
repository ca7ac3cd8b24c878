"""What time it is by another computer's clock, as the `Date` of its HTTP answers tells, to the second."""

from datetime import UTC
from email.utils import parsedate_to_datetime

from ledger.errors import MalformedError
from node.client.http import TransportError, check_url, open_session


async def ask_date(url: str, *, timeout_seconds: float) -> int:
    """Ask a node's `/healthz` for the time; Unix milliseconds, cut down to whole seconds.

    Args:
        url: of its HTTP listener, without / at the end.
        timeout_seconds: for the whole answer.

    Raises:
        MalformedError: the URL may not be dialled, or the answer tells no time.
        TransportError: there is no answer.
    """
    import aiohttp

    asked = check_url(f"{url}/healthz")
    try:
        timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        async with open_session() as session, session.head(asked, timeout=timeout, allow_redirects=False) as answer:
            text = answer.headers.get("Date", "")
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        raise TransportError(f"{url}: {str(error) or 'no answer in time'}") from error
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError) as error:
        raise MalformedError(f"{url}: tells no time") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * 1000
