"""Options of `verify` and `receive` that name what helps to judge credentials of other formats."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from node.client.givenfiles import GivenFiles

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--receipts",
        "receipt_files",
        metavar="FILE",
        multiple=True,
        help="Receipts of a badge or record of this ledger; looked for beside it by default, as NAME.receipts.json.",
    ),
    click.option(
        "--issuer",
        "issuers",
        metavar="ID",
        multiple=True,
        help="Id of an issuer outside of the ledger whom you know, such as a did:key.",
    ),
    click.option(
        "--issuer-document",
        "issuer_documents",
        metavar="FILE",
        multiple=True,
        help="Keys or profile of an issuer outside of the ledger, as you know it; ID=FILE for a key set.",
    ),
    click.option(
        "--ca",
        "authorities",
        metavar="FILE",
        multiple=True,
        help="Certificate of an authority that you trust for issuers with certificates.",
    ),
    click.option(
        "--status-list",
        "status_lists",
        metavar="FILE",
        multiple=True,
        help="Status list that a credential of another format names, as you fetched it.",
    ),
)


def given_options(function: Function) -> Function:
    """Add them; the callback gets `given`, a `GivenFiles`."""

    @functools.wraps(function)
    def with_given(
        receipt_files: tuple[str, ...],
        issuers: tuple[str, ...],
        issuer_documents: tuple[str, ...],
        authorities: tuple[str, ...],
        status_lists: tuple[str, ...],
        **others: Any,
    ) -> Any:
        given = GivenFiles(
            issuer_documents=issuer_documents,
            issuers=issuers,
            authorities=authorities,
            status_lists=status_lists,
            receipts=receipt_files,
        )
        return function(given=given, **others)

    for option in reversed(_OPTIONS):
        with_given = option(with_given)
    # functools.wraps keeps the signature for people; click calls by name.
    return with_given  # type: ignore[return-value]
