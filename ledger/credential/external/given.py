"""What whoever verifies gives about issuers outside of the ledger, as bytes: documents, ids, authorities, status lists.

Where the bytes come from is the caller's business: files that options name, or a call to a node. Nothing is fetched from
where a credential points: whoever wants something from there fetches it and gives it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What was given, unread.

    Attributes:
        documents: about issuers, each with whose it is; None where it says so itself.
        issuers: ids vouched for.
        authorities: certificates, PEM or DER.
        status_lists: as they were fetched.
    """

    documents: tuple[tuple[str | None, bytes], ...] = ()
    issuers: tuple[str, ...] = ()
    authorities: tuple[bytes, ...] = ()
    status_lists: tuple[bytes, ...] = ()

    @property
    def size(self) -> int:
        """Bytes altogether."""
        texts = (*self.issuers, *(owner or "" for owner, _ in self.documents))
        return sum(map(len, (*(data for _, data in self.documents), *self.authorities, *self.status_lists, *texts)))

    @property
    def count(self) -> int:
        """How many things."""
        return len(self.documents) + len(self.issuers) + len(self.authorities) + len(self.status_lists)

    def joined(self, other: "Given") -> "Given":
        """This and what was given later."""
        return Given(
            documents=(*self.documents, *other.documents),
            issuers=(*self.issuers, *other.issuers),
            authorities=(*self.authorities, *other.authorities),
            status_lists=(*self.status_lists, *other.status_lists),
        )


NOTHING = Given()
