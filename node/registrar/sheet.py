"""Claim sheets: one printable page per learner with a QR code, and the second codes in a file of their own.

The page goes home with the learner; the second code must take another way (a letter, a phone call, the class teacher),
so the two are never written into one file. Both are plain: HTML without scripts or anything fetched, and CSV.
"""

import csv
import html
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import segno

from node.client.registry import OfferAnswer, OfferedLink
from node.registrar.offers import MadeOffer

_STYLE = """
body { font-family: sans-serif; color: #000; background: #fff; margin: 0; }
section { padding: 2cm; break-after: page; }
section:last-child { break-after: auto; }
h1 { font-size: 1.4em; margin: 0 0 0.2em; }
svg { display: block; width: 6cm; height: 6cm; margin: 1em 0; }
code { overflow-wrap: anywhere; font-size: 0.8em; }
li { margin: 0.3em 0; }
"""


def offer_url(issuer: str, code: str, form: str = "") -> str:
    """Where the offer with this code is read (OpenID4VCI 1.0 §4.1.3), and in which form other than the native one."""
    return f"{issuer}/offer/{code}" + (f"?form={form}" if form else "")


def offer_link(issuer: str, code: str, form: str = "") -> str:
    """The link a wallet opens, as text or from a QR code."""
    return f"openid-credential-offer://?credential_offer_uri={quote(offer_url(issuer, code, form), safe='')}"


def render_sheet(
    institution: str, issuer: str, offers: Sequence[MadeOffer], titles: Mapping[str, str], *, form: str = ""
) -> str:
    """One HTML document with a page for each offer.

    Args:
        institution: its name, for people.
        issuer: identifier of this issuer, to which the links lead.
        offers: with their codes.
        titles: from award id to the achievement's name.
        form: that the links name; "" for the native one.
    """
    pages = "\n".join(
        _render_page(institution, offer_link(issuer, offer.code, form), offer, titles) for offer in offers
    )
    head = f'<meta charset="utf-8"><title>{html.escape(institution)}: claim sheets</title><style>{_STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>\n{pages}\n</body></html>\n'


def render_codes(offers: Sequence[MadeOffer]) -> str:
    """The second codes as CSV, for the way that is not the sheet's."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["learner_id", "name", "tx_code", "valid_until"])
    for offer in offers:
        writer.writerow([_defuse(offer.learner_id), _defuse(offer.name), offer.tx_code, _date(offer.expires_at)])
    return file.getvalue()


def _render_page(institution: str, link: str, offer: MadeOffer, titles: Mapping[str, str]) -> str:
    picture = segno.make(link, error="m", micro=False).svg_inline(omitsize=True, title="Link for your wallet")
    awards = "".join(f"<li>{html.escape(titles.get(award.id, award.achievement))}</li>" for award in offer.awards)
    return (
        f"<section>\n<h1>{html.escape(offer.name)}</h1>\n"
        f"<p>{html.escape(institution)} has these credentials for you:</p>\n<ul>{awards}</ul>\n"
        f"<p>Scan this with your wallet, or give it the link below. The wallet asks for a second code of six digits, "
        f"which you get another way. The link works once, until {_date(offer.expires_at)}. "
        f"Whoever has both can take the credentials: keep this page to yourself.</p>\n"
        f"{picture}\n<p><code>{html.escape(link)}</code></p>\n"
        f"<p>On a computer: <code>cairn receive '{html.escape(link)}'</code></p>\n</section>"
    )


def _date(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC).strftime("%Y-%m-%d")


def _defuse(text: str) -> str:
    # A spreadsheet would run a name that begins like a formula.
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def describe_offers(
    institution: str, issuer: str, offers: Sequence[MadeOffer], titles: Mapping[str, str], *, form: str = ""
) -> OfferAnswer:
    """The links, the sheet and the file of second codes for these offers."""
    links = tuple(
        OfferedLink(
            offer.learner_id,
            tuple(award.id for award in offer.awards),
            offer_link(issuer, offer.code, form),
            offer.tx_code,
            offer.expires_at,
        )
        for offer in offers
    )
    return OfferAnswer(links, render_sheet(institution, issuer, offers, titles, form=form), render_codes(offers))
