"""One award and what is needed to mint copies of it, with everything fixed that is random in life."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ledger.credential import copy, openbadge
from ledger.credential.copy import AwardContent, CopyTerms, IssuerProfile
from ledger.credential.jose import public_key_to_jwk
from ledger.credential.status import StatusReference
from ledger.log.keys import SigningKey

ISSUER_KEY = SigningKey(b"\x01" * 32)
HOLDER_KEY = SigningKey(b"\x02" * 32)
BASE = "https://ledger.example/m/AAAAAAAAAAAAAAAAAAAAAA"
ISSUED_AT = 1_781_512_345
"""2026-06-15, in the middle of the day."""

REQUIREMENT_SET: dict[str, Any] = {
    "id": "lantern",
    "version": 1,
    "title": "Lantern Mastery Record",
    "achievementType": "SecondarySchoolDiploma",
    "requirements": [{"id": f"R{n}", "label": f"Requirement {n}", "waivable": n == 5} for n in range(1, 6)],
}
ACHIEVEMENT = openbadge.check_achievement(openbadge.achievement_for_requirement_set(REQUIREMENT_SET, BASE))

CONTENT = AwardContent(
    achievement=ACHIEVEMENT,
    issuer=IssuerProfile(BASE, "Lantern Academy", "https://lantern.example"),
    name="Zoë Sample",
    awarded_on="2026-06-12",
    email="zoe@example.org",
    date_of_birth="2008-02-29",
    valid_until="2036-06-30",
    credits="7.50",
    results=(("R1", "met"), ("R2", "met"), ("R5", "waived")),
    replaces="urn:uuid:00000000-0000-4000-8000-000000000001",
)
PLAIN = replace(CONTENT, email=None, date_of_birth=None, valid_until=None, credits=None, results=(), replaces=None)
"""The same award with nothing that may be left out."""

TERMS = CopyTerms(
    iss=BASE,
    vct=f"{BASE}/types/achievement/1",
    key_id=ISSUER_KEY.public.id,
    status=StatusReference(log=b"\x05" * 32, number=2, slot=77, key=b"\x06" * 32),
    holder=public_key_to_jwk(HOLDER_KEY.public),
    issued_at=ISSUED_AT,
    copy_id="12345678-1234-4234-8234-123456789abc",
)


def seeded(seed: str) -> Callable[[int], bytes]:
    """A source of bytes that is the same in every run."""
    count = 0

    def draw(length: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(f"{seed} {count}".encode()).digest(length)

    return draw


def mint(content: AwardContent = CONTENT, terms: CopyTerms = TERMS, seed: str = "a") -> str:
    return copy.mint_copy(content, terms, ISSUER_KEY.sign, seeded(seed))
