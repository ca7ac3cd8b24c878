"""Forms of other software that a wallet may claim beside the native one, and their names in OpenID4VCI.

    granite-hollow/1                 the native form
    granite-hollow/1/open-badge      an Open Badge with embedded proofs (`ldp_vc`)
    granite-hollow/1/jws             the same as a compact JWS (`jwt_vc_json`)
    granite-hollow/1/sd-jwt-es256    the native form by the P-256 key, with its certificates (`dc+sd-jwt`)

Each is a copy of its own, made when a wallet asks for it and never before, and counts among the copies of its link. It
is made out to the key that the wallet proved. As of every copy a wallet gets, only commitment and slot are kept here.
"""

from collections.abc import Iterable, Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger.credential import openbadge
from ledger.credential.jsonld.library import ContextLibrary
from ledger.errors import RuleError
from ledger.log.didkey import encode_did_key
from ledger.log.keys import PublicKey
from node.client.copyform import CopyOrder, Form
from node.registrar import filecopies
from node.registrar.copies import Press
from node.registrar.filecopies import CopyTools
from node.registrar.tables import Award, Copy, FileCopy

CLAIMABLE = (Form.OPEN_BADGE, Form.JWS, Form.SD_JWT_ES256)

_CLAIMED = "claimed by a wallet"


def configuration_id(achievement: str, version: int, form: Form | None = None) -> str:
    """Name of an achievement in OpenID4VCI: `granite-hollow/1`, and of one of its other forms."""
    return f"{achievement}/{version}" if form is None else f"{achievement}/{version}/{form.value}"


def split_configuration(name: str) -> tuple[str, Form | None]:
    """The name of the native form, and which other form is meant; `configuration_id` put them together."""
    native, _, last = name.rpartition("/")
    form = next((form for form in CLAIMABLE if form.value == last), None)
    return (name, None) if form is None else (native, form)


def available_forms(press: Press, library: ContextLibrary, role: str) -> Iterator[Form]:
    """The forms that can be made now of achievements that keys of this role sign."""
    try:
        filecopies.name_issuer(press)
        has_address = True
    except RuleError:
        has_address = False
    if has_address and role in press.keys and library.urls.issuperset(openbadge.CONTEXTS):
        yield Form.OPEN_BADGE
    if has_address and role in press.p256_keys:
        yield Form.JWS
    if role in press.p256_keys:
        yield Form.SD_JWT_ES256


def make_claimed(
    session: Session, award: Award, form: Form, holders: Iterable[PublicKey], tools: CopyTools
) -> list[str]:
    """Make a copy for each holder key and return them; they are not kept here.

    Args:
        session: an open write transaction.
        award: what they say; whoever calls has checked that it may be claimed.
        form: of `CLAIMABLE`.
        holders: keys of one wallet.
        tools: what to make them with.

    Raises:
        RuleError: a key or a context is missing, the status list is full, or the database is an old copy.
    """
    made = []
    for holder in holders:
        order = CopyOrder(form=form, award_ids=(award.id,), subject=encode_did_key(holder))
        copy = filecopies.make_one(session, award, order, tools)
        session.add(FileCopy(copy_id=copy.id, request=_CLAIMED, part_of=None))
        made.append(copy.credential)
        copy.credential = ""
    session.flush()
    return made


def count_claimed(session: Session, award_id: str, since: int) -> int:
    """How many copies wallets claimed of an award in these forms since `since` (Unix ms)."""
    query = (
        select(func.count())
        .select_from(Copy)
        .join(FileCopy, FileCopy.copy_id == Copy.id)
        .where(
            Copy.award_id == award_id,
            Copy.withdrawn.is_(False),
            Copy.minted_at > since,
            FileCopy.request == _CLAIMED,
        )
    )
    return session.scalar(query) or 0
