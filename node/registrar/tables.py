"""The registrar's tables (DESIGN 4, 7): private, erasable, never replicated.

An *award* is a decision about one learner; its *copies* are the signed credentials made from it, each with a *slot*
of its own in a status list; a *decision* changes what the slots of an award say; a *cut* carries commitments and
pages to the ledger. The *outbox* holds whatever this node has signed for its log until the log has it: a statement
and its id are fixed here once, and submitted again under that id until the sequencer has answered.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

RESTORED = "restored"
"""Setting that a restoration leaves behind: when backup and restoration were made, Unix ms, with a space between."""


class Table(DeclarativeBase):
    """Base of all tables. Times are Unix ms, hashes and keys raw bytes, dates ISO text."""

    # 64 bits everywhere: an instant in milliseconds needs 41. SQLite counts rows by itself only in an INTEGER column.
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own protocol
        bytes: LargeBinary,
        str: String,
        int: BigInteger().with_variant(Integer, "sqlite"),
    }


class Setting(Table):
    """What the database itself must remember: its layout, and the log it belongs to."""

    __tablename__ = "settings"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Award(Table):
    """A decision about a learner. The one place where a name stands beside what was achieved."""

    __tablename__ = "awards"
    __table_args__ = (
        UniqueConstraint("learner_id", "achievement", "version", "revision"),
        # Once per learner, achievement and version: only one revision is not replaced by a later one.
        Index(
            "one_current_award",
            "learner_id",
            "achievement",
            "version",
            unique=True,
            sqlite_where=text("replaced_by IS NULL"),
            postgresql_where=text("replaced_by IS NULL"),
        ),
        CheckConstraint("status BETWEEN 0 AND 3"),
        Index("awards_by_decision", "decided_at", "id"),
        Index("awards_by_successor", "replaced_by"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    """Random; names the award in commands."""
    learner_id: Mapped[str] = mapped_column(index=True)
    achievement: Mapped[str] = mapped_column(index=True)
    """Id of the published achievement."""
    version: Mapped[int]
    revision: Mapped[int]
    """From 1; counts the replacements."""
    name: Mapped[str]
    email: Mapped[str]
    date_of_birth: Mapped[str]
    awarded_on: Mapped[str]
    valid_until: Mapped[str]
    credits: Mapped[str]
    results: Mapped[str]
    """JSON array of [code, value]."""
    status: Mapped[int]
    """What the decisions say now: 0 valid, 1 revoked, 2 suspended, 3 replaced."""
    decided_at: Mapped[int]
    replaced_by: Mapped[str | None] = mapped_column(ForeignKey("awards.id"))


class Evaluated(Table):
    """How an award was decided, where an evaluation decided it. Its copies bear a digest of this, each another."""

    __tablename__ = "evaluations"

    award_id: Mapped[str] = mapped_column(ForeignKey("awards.id", ondelete="CASCADE"), primary_key=True)
    fingerprint: Mapped[bytes]
    """Of the transcript, which the school keeps elsewhere."""
    content: Mapped[str]
    """JSON array of requirement set, rules and kinds of judges."""


class Decision(Table):
    """A change of an award's status. Never altered; the reason stays here."""

    __tablename__ = "decisions"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    award_id: Mapped[str] = mapped_column(ForeignKey("awards.id"), index=True)
    status: Mapped[int]
    at: Mapped[int]
    reason: Mapped[str]
    cut_id: Mapped[int | None] = mapped_column(ForeignKey("cuts.id"), index=True)
    """The cut whose page was first to show it; empty while it waits."""


class SlotChange(Table):
    """A slot that a re-issue changed. No decision about its award explains that to the next page, so this does."""

    __tablename__ = "slot_changes"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    list_number: Mapped[int]
    slot: Mapped[int]
    at: Mapped[int]
    cut_id: Mapped[int | None] = mapped_column(ForeignKey("cuts.id"), index=True)
    """The cut whose page was first to show it; empty while it waits."""


class StatusList(Table):
    """A list of slots. Opened at a cut, never closed, never resized."""

    __tablename__ = "lists"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    slots: Mapped[int]
    opened_at: Mapped[int]


class Slot(Table):
    """A slot that was drawn. Stays for ever, so that it is never drawn again."""

    __tablename__ = "slots"
    __table_args__ = (CheckConstraint("status BETWEEN 0 AND 3"),)

    list_number: Mapped[int] = mapped_column(ForeignKey("lists.number"), primary_key=True, autoincrement=False)
    slot: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    award_id: Mapped[str | None] = mapped_column(ForeignKey("awards.id"), index=True)
    """Empty where the learner was forgotten, or a restored page showed a slot nobody here knows: the status stays."""
    status: Mapped[int]
    """What the next page says."""


class PlainList(Table):
    """A list in the clear, for copies that other software reads."""

    __tablename__ = "plain_lists"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    opened_at: Mapped[int]


class PlainSlot(Table):
    """A slot of a plain list that is taken: by a copy, or by a decoy. Stays for ever, so that it is never taken again."""

    __tablename__ = "plain_slots"
    __table_args__ = (
        UniqueConstraint("page_list", "page_slot"),
        CheckConstraint("status BETWEEN 0 AND 2"),
    )

    list_number: Mapped[int] = mapped_column(ForeignKey("plain_lists.number"), primary_key=True, autoincrement=False)
    slot: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    page_list: Mapped[int | None]
    page_slot: Mapped[int | None]
    """Slot of the same copy on the ledger's pages, which this one follows at every cut; empty for a decoy."""
    status: Mapped[int]
    """What the files say since the newest cut: 0 valid, 1 invalid, 2 suspended."""


class Copy(Table):
    """One signed credential made from an award, or the trace of one a wallet holds."""

    __tablename__ = "copies"
    __table_args__ = (
        Index("copies_by_award", "award_id"),
        Index("copies_by_key", "key_id"),
        Index("waiting_copies", "cut_id", "id"),
        UniqueConstraint("list_number", "slot"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    """Ascends: the oldest waiting copies go first."""
    award_id: Mapped[str] = mapped_column(ForeignKey("awards.id"))
    kind: Mapped[str]
    """`registrar`, `wallet` or `file`; `former_…` of these once a re-issue has ended it."""
    credential: Mapped[str]
    """What was signed: of a registrar's copy the SD-JWT with all disclosures; of a file its text; empty for a wallet's
    copy, which only the wallet keeps."""
    commitment: Mapped[bytes] = mapped_column(unique=True)
    key_id: Mapped[bytes]
    """Credential key that signed it."""
    list_number: Mapped[int]
    slot: Mapped[int]
    minted_at: Mapped[int]
    cut_id: Mapped[int | None] = mapped_column(ForeignKey("cuts.id"))
    """The cut it goes with; empty while it waits."""
    position: Mapped[int | None]
    """Its place in the body of that cut's `issue` entry."""
    withdrawn: Mapped[bool]
    """True for a copy handed out that never went to the ledger, because its key left force before the cut."""


class FileCopy(Table):
    """How a copy of the kind `file` was asked for, so that the same request gives the same copy."""

    __tablename__ = "file_copies"

    copy_id: Mapped[int] = mapped_column(ForeignKey("copies.id", ondelete="CASCADE"), primary_key=True)
    request: Mapped[str] = mapped_column(index=True)
    """What was asked for, as JSON without anything about the learner; empty for a part."""
    part_of: Mapped[int | None] = mapped_column(ForeignKey("copies.id", ondelete="CASCADE"), index=True)
    """The record this copy stands inside."""


class Cut(Table):
    """One cut: `anchor`, `issue` and `status`, fixed together."""

    __tablename__ = "cuts"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[int]
    """The instant it was due, not the instant it was made."""


class Outgoing(Table):
    """A statement signed for our log, and where the log put it."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    """Ascends: the order in which statements are submitted."""
    statement_id: Mapped[bytes] = mapped_column(unique=True)
    kind: Mapped[str]
    statement: Mapped[bytes]
    """The exact bytes that were signed; empty where this database did not sign them, but read them from the log."""
    signatures: Mapped[bytes]
    """Key ids (32) and signatures (64), one after the other."""
    body: Mapped[bytes | None]
    """The encoded body, until the log holds it."""
    has_body: Mapped[bool]
    cut_id: Mapped[int | None] = mapped_column(ForeignKey("cuts.id"), index=True)
    """Empty for a published document."""
    entry: Mapped[int | None] = mapped_column(index=True)
    """Index in our log; empty while it waits."""


class Adopted(Table):
    """A reading of the log into this database, after a restoration: what no log can bring back must be told."""

    __tablename__ = "adoptions"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[int]
    backup_at: Mapped[int | None]
    """When the backup was made; empty where nobody said."""
    page: Mapped[int | None]
    """Index of the status page that was read."""
    statements: Mapped[int]
    """Statements of the log that were not known here: 0 means that nothing had happened since."""
    placed: Mapped[int]
    withdrawn: Mapped[int]
    awards: Mapped[int]
    unknown_slots: Mapped[int]


class Offer(Table):
    """A claim link: a code that works once, until it expires, with a second code sent another way."""

    __tablename__ = "offers"

    id: Mapped[str] = mapped_column(primary_key=True)
    """Random; names the offer in commands. Opens nothing."""
    code_hash: Mapped[bytes] = mapped_column(unique=True)
    """Of the code, which stands only in the link: whoever steals the database can claim nothing."""
    tx_code_hash: Mapped[bytes]
    created_at: Mapped[int]
    expires_at: Mapped[int] = mapped_column(index=True)
    wrong_codes: Mapped[int]
    """Wrong tx_codes so far; the fifth burns the offer."""
    used_at: Mapped[int | None]


class OfferedAward(Table):
    """One award of an offer, with the number of copies the wallet has had from it."""

    __tablename__ = "offered_awards"
    __table_args__ = (Index("offered_by_award", "award_id"),)

    offer_id: Mapped[str] = mapped_column(ForeignKey("offers.id", ondelete="CASCADE"), primary_key=True)
    award_id: Mapped[str] = mapped_column(ForeignKey("awards.id", ondelete="CASCADE"), primary_key=True)
    copies: Mapped[int]


class Token(Table):
    """An access token handed out for a code: good for the awards of its offer."""

    __tablename__ = "tokens"
    __table_args__ = (Index("tokens_by_offer", "offer_id"),)

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    offer_id: Mapped[str] = mapped_column(ForeignKey("offers.id", ondelete="CASCADE"))
    expires_at: Mapped[int] = mapped_column(index=True)


class Renewal(Table):
    """A token that a wallet got for a copy it holds: good for one copy in its place."""

    __tablename__ = "renewals"

    token_hash: Mapped[bytes] = mapped_column(ForeignKey("tokens.token_hash", ondelete="CASCADE"), primary_key=True)
    replaces: Mapped[str]
    """`urn:uuid:…` of the copy that was handed in, where the next one replaces it; empty where that one stays good."""


class UsedNonce(Table):
    """A nonce that a key proof has used up, kept until it would have expired by itself.

    Nonces that nobody uses leave no trace: they prove themselves (`offers.NonceMint`), so asking for them fills
    nothing.
    """

    __tablename__ = "nonces"

    nonce_hash: Mapped[bytes] = mapped_column(primary_key=True)
    expires_at: Mapped[int] = mapped_column(index=True)
