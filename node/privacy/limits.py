"""What can honestly be linked or counted in spite of everything, and which of it a setting of this node makes worse.

A limit is either of the design, told so that nobody is surprised (`is_weakness` false), or a weakness of this node that
somebody can cure. Codes are stable; `docs/privacy.md` explains each.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from node.address import parse_address
from node.client.finding import describe_duration
from node.privacy import publictext
from node.privacy.subject import Subject
from node.terminal import count


class LimitCode(StrEnum):
    """What is limited; stable words for programs and for `docs/privacy.md`."""

    CUTS_ON_COMMAND = "cuts-on-command"
    PLAIN_HTTP = "plain-http"
    METRICS_ON_A_PORT = "metrics-on-a-port"
    PUBLIC_TEXT = "public-text"
    DAY_OF_A_COPY = "day-of-a-copy"
    FULL_BATCH = "full-batch"
    SLOT_HISTORY = "slot-history"
    SAME_CUT = "same-cut"
    REPLACES = "replaces"
    ISSUER_RECOGNISES = "issuer-recognises"
    LIST_ROOT = "list-root"
    ROSTER_BOUND = "roster-bound"
    EXTRA_LIST = "extra-list"
    THEFT = "theft"
    PUBLISHED = "published"
    KEPT_COPIES = "kept-copies"
    OTHER_FORMATS = "other-formats"


@dataclass(frozen=True, slots=True)
class Limit:
    """One thing that can be linked or counted, by whom and how; `do` is what cures it, empty where nothing does."""

    code: LimitCode
    words: str
    do: str = ""

    @property
    def is_weakness(self) -> bool:
        """Whether somebody can cure it."""
        return bool(self.do)


def list_limits(subject: Subject) -> Iterator[Limit]:
    """Weaknesses of this node first, then the limits of the design as they are here."""
    yield from _weaknesses(subject)
    yield from _of_copies(subject)
    yield from _of_the_log(subject)


def _weaknesses(subject: Subject) -> Iterator[Limit]:
    own, config = subject.own, subject.config
    if own.batch.interval == 0:
        yield Limit(
            LimitCode.CUTS_ON_COMMAND,
            "cuts are made on command: everybody can see when somebody had a reason to cut, so days of awards and "
            "revocations can be guessed",
            "found the real institution without --batch-interval 0; this one is for tests and demonstrations",
        )
    if _is_readable_on_the_way(subject):
        yield Limit(
            LimitCode.PLAIN_HTTP,
            f"{config.http_url or own.url} is not encrypted: whoever carries the traffic reads credentials while wallets "
            "claim them",
            "docs/tls.md: a certificate for this node, or a reverse proxy with one",
        )
    if config.metrics_listen and not parse_address(config.metrics_listen).is_loopback:
        yield Limit(
            LimitCode.METRICS_ON_A_PORT,
            f"/metrics is open at {config.metrics_listen}: whoever reaches it sees how many copies wait for a cut",
            'set metrics_listen to 127.0.0.1:PORT, or to "" for the Unix socket alone',
        )
    for name in own.documents:
        for remark in publictext.find_remarks(name.id):
            yield Limit(
                LimitCode.PUBLIC_TEXT,
                f"document {name.id}/{name.version} stands on the ledger for ever: its id {remark}",
                "use other ids from now on; credentials name theirs to whoever is shown one",
            )


def _of_copies(subject: Subject) -> Iterator[Limit]:
    policy = subject.own.batch
    within = "the moment" if policy.interval == 0 else f"the {describe_duration(policy.interval)} before its cut"
    yield Limit(
        LimitCode.DAY_OF_A_COPY,
        f"whoever is shown a copy learns the day it was made, and its batch ({within}): on a day on which few copies of one "
        "achievement were made, receivers who compare may guess that two are one person's",
    )
    yield Limit(
        LimitCode.FULL_BATCH,
        f"more than {policy.size:,} copies for one cut wait for the next: a copy that stands in a later batch than its "
        "day's tells its receiver so",
    )
    yield Limit(
        LimitCode.SLOT_HISTORY,
        "whoever has seen a copy can read its status on every page, from the past and from the future; cairn refresh "
        "fetches a copy without a past suspension, with a new slot",
    )
    yield Limit(
        LimitCode.SAME_CUT,
        "all copies of an award change at one cut: receivers of two copies who both see a change may guess they are one "
        "person's",
    )
    yield Limit(
        LimitCode.REPLACES,
        "copies of a corrected award that were claimed together name the same former credential in the field `replaces`, "
        "hidden unless the learner shows it",
    )
    yield Limit(
        LimitCode.ISSUER_RECOGNISES,
        "the school recognises every copy it made: a receiver who shows it to the school tells it where the learner applied",
    )
    yield Limit(
        LimitCode.KEPT_COPIES,
        "what was shown cannot be taken back: whoever kept a copy can prove it for ever, also after the school has "
        "forgotten the learner",
    )
    yield Limit(
        LimitCode.OTHER_FORMATS,
        "none of these copies uses a status list of another format, where revocations could be counted: this version makes "
        "none",
    )


def _of_the_log(subject: Subject) -> Iterator[Limit]:
    yield Limit(
        LimitCode.LIST_ROOT,
        f"keys/list_root.key opens all {count(len(subject.own.statuses), 'page')} and every later one, for ever: it cannot "
        "be changed, so guard its backups",
    )
    yield Limit(
        LimitCode.ROSTER_BOUND,
        f"sizes of batch and lists tell everybody that there were at most {subject.most_learners:,} learners when this was "
        "founded",
    )
    yield from _extra_lists(subject)
    stolen = sum(record.stolen_since is not None for record in subject.own.keys.records.values())
    if stolen or subject.restatements:
        yield Limit(
            LimitCode.THEFT,
            f"{count(stolen, 'stolen key')} and {count(subject.restatements, 'restated entry', 'restated entries')} are "
            "public; which awards were made anew after it is not",
        )
    if subject.own.documents:
        yield Limit(
            LimitCode.PUBLISHED,
            "documents appear at once, not with a cut: one that only few learners can be awarded tells that somebody is "
            "about to be",
        )


def _extra_lists(subject: Subject) -> Iterator[Limit]:
    # List 0 opens with the first cut, one more on each opening day.
    extra = len(subject.own_lists) - 1 - subject.opening_days
    if extra > 0:
        yield Limit(
            LimitCode.EXTRA_LIST,
            f"{count(extra, 'status list')} opened on other days than {subject.own.charter.lists.opens}: everybody can see "
            "that the list before was nearly full, or that a backup was restored",
        )


def _is_readable_on_the_way(subject: Subject) -> bool:
    url = urlsplit(subject.config.http_url or subject.own.url)
    return url.scheme == "http" and url.hostname not in ("127.0.0.1", "localhost", "::1")
