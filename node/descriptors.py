"""Open files and connections: as many as the system allows, and never so many that the store cannot open its own files.

LevelDB opens files while it works. If strangers' connections took the last descriptor, the store would fail, so each listener
takes a share, and a reserve stays.
"""

import resource

RESERVED = 400
"""For the store (256), the registrar's database, connections to peers, and the rest of the process."""
WANTED = 16_384
LEAST_CONNECTIONS = 64


def raise_limit() -> int:
    """Raise this process's limit on open files as far as it may and needs to; gives the limit that holds then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(hard, WANTED)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return WANTED if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def connections_allowed(limit: int | None = None) -> int:
    """How many connections each of the two public listeners may hold.

    Args:
        limit: on open files; None for the one in force.
    """
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if limit is None else limit
    usable = WANTED if soft == resource.RLIM_INFINITY else min(soft, WANTED)
    return max(LEAST_CONNECTIONS, (usable - RESERVED) // 2)
