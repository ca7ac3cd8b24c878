"""Which content stands behind the URL of a JSON-LD context: SHA-256 of its canonical form (RFC 8785), in base64url.

The contexts themselves are their publishers' and are not part of this package. A published context does not change; if
a file has another hash it is another context, and signatures over it would mean something else. The order is that in
which they are listed to people: credentials, Open Badges and CLR, keys and proofs, lists, other software.
"""

from collections.abc import Mapping
from types import MappingProxyType

from ledger import base64url

_BASE64URL = {
    "https://www.w3.org/ns/credentials/v2": "tGPI1qBmIUEj3dmCexNeG1Dh_HMyLMUqmxKk8fx9hs8",
    "https://www.w3.org/2018/credentials/v1": "sB5nHoc5gfGakQKppX9mbbyusxuZ4-EkN40UPnFUkkc",
    "https://www.w3.org/ns/credentials/undefined-terms/v2": "OxHh34xhhEfp9583N-PDD8CEFTfrlfNgA3QsYzZyu58",
    "https://www.w3.org/ns/credentials/examples/v2": "imdb6tORvpjmBUxOB8QfczN1CNOY4HBHNExdNJqi3Fg",
    "https://www.w3.org/2018/credentials/examples/v1": "W8qdo0rvtMXgzZk-Ii5Ygnc04JKP2gIQ7nNBPEPW5eU",
    "https://w3id.org/security/data-integrity/v1": "lQW_hTOKTCEhrQOZKskAYbyF1DvPo02dR7d5OBzwi18",
    "https://w3id.org/security/data-integrity/v2": "e6PFCs8midXgeScmc0PrNTJJx8Iqny0AMHzJcOhV4wU",
    "https://w3id.org/security/multikey/v1": "viDD7mr26cQQLmaoXCZheDEhjjIha98FD4cOOJ5zfNw",
    "https://w3id.org/security/jwk/v1": "ON0ympoBH6zaBq_EukOhIZgOrtvR-XQmgCbRV5JrwIY",
    "https://www.w3.org/ns/credentials/status/v1": "svzr-69Oa-rivjcP2opfn5nChUDHmKdajNzMD7GhJJI",
    "https://w3id.org/vc/status-list/2021/v1": "l2j5qoGrbD4q2WstZp6rpnr-E__wFAqFPx49MT-rE7Y",
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json": "xeVVqRpc9I4yrgoFZ0xh3dXAU7aAtWQ7L1f5ll44bZk",
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.2.json": "vdHRGlWmYDIvJGYIYqHUMO6AzOWERl91CQnapDaENXw",
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.1.json": "i7I1RVK3DL3yBm9tPiS8XCviYZFFc3WArSrr3DZud9U",
    "https://purl.imsglobal.org/spec/ob/v3p0/context.json": "LFSsqhz_2iQgvjKrYfCiCCBRIRExxjN2hvNvJTeqhZs",
    "https://w3id.org/openbadges/v2": "XwY8wHI0mE6Z0_4kq9sISg3pWsBzwwWAtNMfTZw-HZQ",
    "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json": "fe_nAsEC-vFBCFebfWXvOez0w7vvkluAPhW9d81uM5Q",
    "https://purl.imsglobal.org/spec/clr/v2p0/context.json": "ot0MDAdDRmO3tUpR3YozY_bVxCDvqH49l7TvhmFZbUQ",
    "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json": "FfTDR8b-Q4DZtrk3lYWeM3R-9I1cVbkaccUvtRx7y9c",
    "https://www.w3.org/ns/did/v1": "p-FGxA_OwAXT8PFK50VmX0RtpY15FKnY9zN0Zob62Cs",
    "https://w3id.org/security/suites/ed25519-2020/v1": "-1F_CdmQgprtc0ybrYy7sqw9UGO4Zcfj2B8kYHS_VpE",
    "https://w3id.org/security/v2": "OKnvGc86db-FYgK9HtTL1VyYWtSoCet_TvWEup1R3JA",
    "https://w3id.org/security/v1": "2H3izjzkB7ysSB-K8x4hHlS-tcvX3UWYJu0FAjAu4jQ",
    "https://w3id.org/security/suites/jws-2020/v1": "7tFjNIQqVjUleROzOs0a7uKQCesYjYVfmh0M7uSork0",
    "https://w3id.org/security/suites/secp256k1-2019/v1": "kSX5Nl9WLYlcHICQ14YHJfOS1Ict_07FWbSNhwnWlWQ",
    "https://w3id.org/citizenship/v4rc1": "Fco31u1VruaWyyyMp0fYiUGHVsZhiKR3NMFeCS_--Gk",
    "https://w3id.org/blockcerts/v2": "nGDK2rqeXoXf8jcuS-HVZUUkRO9VSm84i0Gf-dI8aTg",
    "https://w3id.org/blockcerts/v2.1": "b9gajX6jltAFrktxLp7Owd9vjlTb_yB3O7drnObN_rQ",
    "https://w3id.org/blockcerts/v3.0-alpha": "2Anu-coEdtmQbcvHzoeX6p6mh9b-vV3881TNo3x1IpE",
    "https://www.blockcerts.org/schema/3.0-alpha/context.json": "2Anu-coEdtmQbcvHzoeX6p6mh9b-vV3881TNo3x1IpE",
    "https://w3id.org/blockcerts/v3.0-beta": "PtQAoSTotT_64zR5wUcdBhvQEclDU--ELTcvnvOGrhE",
    "https://w3id.org/blockcerts/v3": "zit_WxubgbhOXUGqpv52gC6TLOn0i8tjUy9OrPw_Ke4",
    "https://w3id.org/blockcerts/v3.0": "zit_WxubgbhOXUGqpv52gC6TLOn0i8tjUy9OrPw_Ke4",
    "https://w3id.org/blockcerts/v3.1": "Cs7lSAujntPYKx75jmAPjuvzHDAlOGCuDwgfj_hOxVc",
    "https://w3id.org/blockcerts/v3.2": "Hr2EE5Y50FCfwPIJJHRv_kLNJqAkziYDpvyG45Ree1M",
}

PINS: Mapping[str, bytes] = MappingProxyType({url: base64url.decode(digest, 32) for url, digest in _BASE64URL.items()})
"""SHA-256 by URL; see `library.hash_context`."""
