"""The registrar's database on a PostgreSQL server, for institutions that have one with its own backups.

One node writes a database. All writes go over one connection, which takes an advisory lock the moment it is made: a
second node is refused, and a connection lost and made anew writes nothing before it has the lock again. Transactions
are SERIALIZABLE, so drawing a slot is right even beside a program that should not be there.

The password never stands in `node.toml`: libpq finds it in the file that `PGPASSFILE` names (or `~/.pgpass`), in
`PGPASSWORD`, or needs none (peer authentication over the Unix socket, a client certificate).
"""

from typing import Any

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError

from ledger.errors import MalformedError
from node.errors import BusyError

DRIVER = "postgresql+psycopg"
CONNECT_SECONDS = 10
LOCK_KEY = int.from_bytes(b"cairn/r1", "big")
"""Advisory locks are numbers of 64 bits and belong to one database."""


def parse_place(text: str) -> URL:
    """Read `registrar_database` of `node.toml`.

    Raises:
        MalformedError: it is not a PostgreSQL URL, names no database, or holds a password.
    """
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise MalformedError("registrar_database: is not a URL", hint=f"{DRIVER}://USER@HOST/DATABASE") from error
    if url.drivername not in (DRIVER, "postgresql"):
        raise MalformedError(
            f"registrar_database: {url.drivername} is not supported", hint=f"{DRIVER}://USER@HOST/DATABASE, or empty"
        )
    if url.password is not None or "password" in url.query:
        raise MalformedError(
            "registrar_database: holds a password, and node.toml is no place for one",
            hint="put it into the file that PGPASSFILE names (mode 0600), one line HOST:PORT:DATABASE:USER:PASSWORD",
        )
    if not url.database:
        raise MalformedError("registrar_database: names no database", hint=f"{DRIVER}://USER@HOST/DATABASE")
    return url.set(drivername=DRIVER)


def make_engines(url: URL) -> tuple[Engine, Engine]:
    """An engine of one connection that holds the lock, for writing, and one for reading.

    Raises:
        MalformedError: the driver is not installed.
    """
    options: dict[str, Any] = {  # Any: what SQLAlchemy takes by name
        "isolation_level": "SERIALIZABLE",
        "hide_parameters": True,
        "connect_args": {"connect_timeout": CONNECT_SECONDS, "application_name": "cairn-node"},
        # A server that was restarted costs one question, not one refused command.
        "pool_pre_ping": True,
    }
    try:
        writing = create_engine(url, pool_size=1, max_overflow=0, **options)
        reading = create_engine(url, pool_size=2, max_overflow=8, **options)
    except ModuleNotFoundError as error:
        raise MalformedError(
            f"registrar_database: {error.name} is not installed",
            hint="pip install 'cairn-ledger[node,postgres]' adds what PostgreSQL needs",
        ) from error
    event.listen(writing, "connect", _take_lock)
    for engine in (writing, reading):
        event.listen(engine, "handle_error", _drop_values)
    return writing, reading


def describe(url: URL) -> str:
    """Where the database is, for messages: server and name, nothing secret."""
    host = url.host or "this computer"
    return f"PostgreSQL database {url.database} on {host}"


def _drop_values(context: ExceptionContext) -> None:
    """Keep the first line of a server's error: the lines below it (DETAIL) repeat the values of a learner."""
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error is not None and error.args and isinstance(error.args[0], str):
            error.args = (error.args[0].partition("\n")[0], *error.args[1:])


def _take_lock(connection: Any, _: Any) -> None:  # Any: what the driver hands to SQLAlchemy's events
    was_autocommit = connection.autocommit
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", (LOCK_KEY,))
        (is_ours,) = cursor.fetchone()
    connection.autocommit = was_autocommit
    if not is_ours:
        raise BusyError(
            "registrar's database: another node writes it",
            hint="one node writes one database: stop the other, or give this one a database of its own",
        )
