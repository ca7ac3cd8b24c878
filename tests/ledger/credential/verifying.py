"""A small world to verify in: Confluence with Granite and Lantern, real copies, real pages, real presentations."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ledger.credential import copy, presentation, status
from ledger.credential.commitment import commit
from ledger.credential.copy import AwardContent, CopyTerms, IssuerProfile
from ledger.credential.fields import select_fields
from ledger.credential.jose import public_key_to_jwk
from ledger.credential.keybinding import sign_key_binding
from ledger.credential.openbadge import check_achievement
from ledger.credential.presentation import Presentation, PresentedCredential
from ledger.credential.processing import find_digest
from ledger.credential.report import CredentialReport, RecordReport
from ledger.credential.sdjwt import parse_sd_jwt
from ledger.credential.status import StatusReference
from ledger.credential.verify import Question, verify_file
from ledger.log.body import parse_body
from ledger.log.charter import Role
from ledger.log.entry import Entry
from ledger.log.governance import MemberOp, Rights
from ledger.log.keys import SigningKey
from ledger.log.merkle import prove_item
from ledger.log.network import Network
from ledger.log.receipt import Receipt, encode_receipt
from ledger.log.records import StatusList
from tests.ledger.credential.award import CONTENT, seeded
from tests.ledger.log import samples
from tests.simulator import NOW, SLOTS, SimulatedLedger, SimulatedLog, found_network, trust_of
from tests.simulator import seeded as fixed

DAY = 86_400_000
SECONDS = NOW // 1000
AUDIENCE = "https://college.example"
NONCE = "nonce-of-the-college"
HOLDER = SigningKey(b"\x02" * 32)
STRANGER = SigningKey(b"\x03" * 32)
COURSE = check_achievement(
    {
        "id": "https://confluence.example/m/x/achievements/robotics/1",
        "type": ["Achievement"],
        "name": "Robotics",
        "description": "Built one.",
        "achievementType": "Course",
        "criteria": {"narrative": "Build one."},
    }
)
"""What a key with the role `issue` signs; the award's own achievement is a diploma."""
AWARD = replace(CONTENT, awarded_on="2026-06-01", valid_until=None, replaces=None)


@dataclass
class Minted:
    """One copy, with the key it is bound to and where it came to stand."""

    sd_jwt: str
    holder: SigningKey | None
    slot: int
    receipt: Receipt | None = None

    @property
    def commitment(self) -> bytes:
        return commit(self.sd_jwt.split("~")[0])


@dataclass
class Desk:
    """The private side of one school: its list root, slots and decisions."""

    log: SimulatedLog
    statuses: dict[int, int] = field(default_factory=dict)
    slots: int = 0

    @property
    def root(self) -> bytes:
        return fixed(self.log.seed, "list root")

    def key(self, number: int = 0) -> bytes:
        return status.list_key(self.root, number)

    def reference(self) -> StatusReference:
        slot, self.slots = self.slots, self.slots + 1
        return StatusReference(self.log.log_id, 0, slot, status.slot_key(self.key(), slot))

    def page(self, statement_id: bytes) -> tuple[bytes, ...]:
        return status.encode_page(self.key(), SLOTS, self.statuses, statement_id)


class World:
    """Everything a verifier could hold, and the learner and the schools whose words it is."""

    def __init__(self) -> None:
        self.network, (self.granite, self.lantern) = found_network("granite", "lantern")
        self.logs = [self.network, self.granite, self.lantern]
        self.desks = {log.log_id: Desk(log) for log in self.logs}
        self.trust = trust_of(self.network)
        self.draw = seeded("world")
        self.trust_changes: dict[str, Any] = {}

    # the schools

    def desk(self, log: SimulatedLog) -> Desk:
        return self.desks[log.log_id]

    def issuer(self, log: SimulatedLog) -> str:
        return self.look().issuer_url(log.log_id)

    def mint(
        self,
        holder: SigningKey | None = HOLDER,
        *,
        log: SimulatedLog | None = None,
        key: SigningKey | None = None,
        iss: str = "",
        issued_at: int = SECONDS,
        reference: StatusReference | None = None,
        content: AwardContent = AWARD,
        **changes: Any,
    ) -> Minted:
        """A copy by Granite's register key, or as the changes say."""
        school = log or self.granite
        signer = key or school.role_signers[Role.REGISTER]
        issuer = iss or self.issuer(school)
        place = reference or self.desk(school).reference()
        terms = CopyTerms(
            iss=issuer,
            vct=f"{issuer}/types/1",
            key_id=signer.public.id,
            status=place,
            holder=None if holder is None else public_key_to_jwk(holder.public),
            issued_at=issued_at,
            copy_id=f"00000000-0000-4000-8000-{place.slot:012d}",
        )
        profile = IssuerProfile(issuer, school.state.name, school.state.url)
        text = copy.mint_copy(replace(content, issuer=profile, **changes), terms, signer.sign, self.draw)
        return Minted(text, holder, place.slot)

    def batch(self, log: SimulatedLog, copies: Sequence[Minted], key: SigningKey | None = None) -> Entry:
        """One issue entry with these copies, and their receipts."""
        entry = log.issue([one.commitment for one in copies], key)
        items = parse_body("issue", log.bodies[entry.index] or b"")
        for position, one in enumerate(copies):
            one.receipt = Receipt(log.log_id, entry.index, position, prove_item(items, position))
        return entry

    def page(self, log: SimulatedLog, key: SigningKey | None = None, extra: Iterable[Desk] = ()) -> Entry:
        """One status entry: the school's own list, then those it inherited."""
        statement_id = log.new_id()
        items = [*self.desk(log).page(statement_id)]
        lists = [StatusList(0, log.log_id, 0, SLOTS)]
        for desk in extra:
            lists.append(StatusList(len(items), desk.log.log_id, 0, SLOTS))
            items += desk.page(statement_id)
        statement = samples.StatusUpdate(
            **{**log.header(), "id": statement_id},  # type: ignore[arg-type]
            reference=samples.describe_body("status", items),
            lists=tuple(lists),
        )
        return log.append(statement, [key or log.role_signers[Role.OPERATE]], items)

    def cut(self, *copies: Minted, log: SimulatedLog | None = None, extra: Iterable[Desk] = ()) -> int:
        """Anchor, batch, page; then everybody confirms. Gives the index of the batch."""
        school = log or self.granite
        school.anchor()
        index = self.batch(school, copies).index
        self.page(school, extra=extra)
        self.confirm()
        return index

    def confirm(self, seconds: int = SECONDS) -> None:
        """Everybody cosigns all heads, the network records them and is cosigned again."""
        for log in self.logs:
            log.sign([other for other in self.logs if other is not log], seconds)
        self.network.anchor([log.note or b"" for log in self.logs[1:]])
        self.network.sign(self.logs[1:], seconds)

    def add(self, log: SimulatedLog) -> SimulatedLog:
        """A further member, which witnesses nothing."""
        standing = replace(log.standing(Rights(achievements=("*",))), witness=None)
        self.network.member(log, MemberOp.ADMIT, standing=standing)
        self.logs.append(log)
        self.desks[log.log_id] = Desk(log)
        return log

    def good(self, **changes: Any) -> Minted:
        """A copy that stands on the ledger, everything confirmed."""
        one = self.mint(**changes)
        self.cut(one, log=changes.get("log"))
        return one

    # the learner

    def envelope(self, *copies: Minted, names: Iterable[str] = ("name", "awarded_on"), **changes: Any) -> Presentation:
        shown = [
            PresentedCredential(
                select_fields(one.sd_jwt, names), None if one.receipt is None else encode_receipt(one.receipt)
            )
            for one in copies
        ]
        values: dict[str, Any] = {
            "audience": AUDIENCE,
            "nonce": NONCE,
            "purpose": "admission",
            "created": NOW,
            "expires": NOW + 30 * DAY,
            "credentials": shown,
            "learner": {"goals": "To build bridges"},
        }
        return presentation.build_envelope(**{**values, **changes})

    def bind(self, envelope: Presentation, *holders: SigningKey | None, **changes: Any) -> Presentation:
        """Sign every credential of a file with its holder's key."""
        texts = [
            item.sd_jwt if holder is None else bound(item.sd_jwt, holder, envelope, **changes)
            for item, holder in zip(envelope.credentials, holders, strict=True)
        ]
        return presentation.bind_credentials(envelope, texts)

    def present(self, *copies: Minted, names: Iterable[str] = ("name", "awarded_on"), **changes: Any) -> bytes:
        """The file a wallet makes."""
        envelope = self.envelope(*copies, names=names, **changes)
        return presentation.encode_presentation(self.bind(envelope, *(one.holder for one in copies)))

    # the verifier

    def look(self) -> Network:
        return Network(replace(self.trust, **self.trust_changes), SimulatedLedger(*self.logs))

    def verify(self, data: bytes, **question: Any) -> RecordReport:
        values = {"now": NOW + 60_000, "audience": AUDIENCE, "nonce": NONCE, **question}
        return verify_file(data, self.look(), Question(**values))

    def check(self, one: Minted, **question: Any) -> CredentialReport:
        """Present one copy and verify the file."""
        return self.verify(self.present(one), **question).credentials[0]


def bound(presented: str, holder: SigningKey, envelope: Presentation, **changes: Any) -> str:
    """A key binding over one credential of a file."""
    values: dict[str, Any] = {
        "audience": envelope.audience,
        "nonce": envelope.nonce,
        "now": envelope.created,
        "claims": {presentation.HASH_CLAIM: presentation.hash_claim(envelope)},
        **changes,
    }
    digest = find_digest(parse_sd_jwt(presented).payload)
    return sign_key_binding(presented, sign=holder.sign, digest=digest, **values)
