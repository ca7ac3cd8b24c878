"""What happens in the vectors: a network, a school whose days are calm, and one whose keys are stolen.

All eight kinds of statement, every op, each way to be void that one log can show, a fork, a copy and its presentation.
"""

from dataclasses import dataclass, replace

import orjson

from ledger import base64url, canonical
from ledger.credential.commitment import commit
from ledger.credential.copy import AwardContent, CopyTerms, IssuerProfile, mint_copy
from ledger.credential.fields import select_fields
from ledger.credential.jose import public_key_to_jwk
from ledger.credential.keybinding import sign_key_binding
from ledger.credential.openbadge import check_achievement
from ledger.credential.presentation import (
    HASH_CLAIM,
    Presentation,
    PresentedCredential,
    bind_credentials,
    build_envelope,
    hash_claim,
)
from ledger.credential.processing import find_digest
from ledger.credential.sdjwt import parse_sd_jwt
from ledger.credential.status import StatusReference, encode_page, list_key, slot_key
from ledger.credential.strict_json import JSONObject
from ledger.log.body import describe_body, encode_body
from ledger.log.charter import BatchPolicy, CharterAmendment, Institution, Role, RoleKey, Roots
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.evidence import Common, ForkEvidence, Split, encode_fork
from ledger.log.governance import (
    AddKey,
    CompromiseKey,
    MemberChange,
    MemberOp,
    ReplaceRoots,
    RetireKey,
    Rights,
    RotateLogKey,
)
from ledger.log.identity import encode_log_id, short_log_id
from ledger.log.keys import SigningKey
from ledger.log.merkle import RootHash, hash_leaf, prove_consistency, prove_inclusion, prove_item, root_of_hashes
from ledger.log.receipt import Receipt, encode_receipt
from ledger.log.records import (
    CloseDocument,
    DocumentName,
    DocumentType,
    EvidenceEntry,
    Issue,
    Publish,
    StatusList,
    StatusUpdate,
)
from ledger.log.tiles import TileReader
from tests.vectors.scribe import AT, SLOTS, FixedDraw, Scribe, fixed

STATUSES = {7: 0, 21: 1, 300: 2, 301: 3}
"""What slots of the school's list say; the others read 0."""
SLOT = 7
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Story:
    """Everything there is to write down."""

    network: Scribe
    school: Scribe
    academy: Scribe
    holder: SigningKey
    copies: tuple[str, str]
    """One for the holder's key, and the registrar's, whole SD-JWTs."""
    receipt: Receipt
    presentation: Presentation
    evidence: tuple[bytes, bytes]
    """By equal sizes, and by a split; about the academy's log."""


def tell() -> Story:
    """Write it all."""
    network = Scribe("network", Institution.NETWORK, governors=3, threshold=2)
    school = Scribe("school", Institution.SCHOOL)
    academy = Scribe("academy", Institution.SCHOOL, governors=3, threshold=2)
    found(network, school, academy)
    holder = SigningKey(fixed("learner/holder"))
    achievement = achievement_of(network, school)
    copies = (mint(network, school, achievement, holder), mint(network, school, achievement, None))
    receipt = calm_days(network, school, academy, achievement, copies)
    presentation = show(copies[0], receipt, holder)
    bad_days(network, school, academy)
    evidence = fork(academy)
    report_fork(network, school, academy, evidence[0])
    decide(network, school, academy)
    return Story(network, school, academy, holder, copies, receipt, presentation, evidence)


def found(network: Scribe, school: Scribe, academy: Scribe) -> None:
    """The network admits itself and both schools; its first cut puts the witnesses in force."""
    for member in (network, school, academy):
        decision(network, member, MemberOp.ADMIT, Rights(achievements=("*",)))
    network.sign(school, academy)
    school.sign(network, academy)
    academy.sign(network, school)
    cut(network, others(network, school, academy))
    network.sign(school, academy)


def decision(network: Scribe, member: Scribe, op: MemberOp, rights: Rights | None = None, **more: object) -> None:
    after = network.state.after(encode_log_id(member.log_id))
    statement = MemberChange(
        **network.header,
        after=after,
        until=network.size + 64,
        op=op,
        member=member.log_id,
        boundary=member.boundary(max(member.notes, default=1)),
        standing=None if rights is None else member.standing(rights),
        **more,
    )
    network.append(statement, network.roots)


def others(own: Scribe, *logs: Scribe) -> list[bytes]:
    """Newest notes, ascending by log id."""
    return [log.notes[max(log.notes)] for log in sorted(logs, key=lambda log: log.log_id) if log is not own]


def cut(log: Scribe, heads: list[bytes], commitments: list[bytes] | None = None) -> int:
    """Anchor, issue, status; gives the index of the issue entry."""
    log.anchor(heads)
    index = log.issue(commitments or [])
    statement_id = log.new_id()
    statuses = STATUSES if log.name == "school" else {}
    log.status(encode_page(list_key(log.list_root, 0), SLOTS, statuses, statement_id), statement_id)
    return index


def issuer_of(network: Scribe, school: Scribe) -> str:
    return f"{network.state.url}/m/{short_log_id(school.log_id)}"


def achievement_of(network: Scribe, school: Scribe) -> JSONObject:
    return {
        "id": f"{issuer_of(network, school)}/achievements/reading/1",
        "type": ["Achievement"],
        "achievementType": "Course",
        "criteria": {"narrative": "Read ten books."},
        "description": "Reads.",
        "name": "Reading",
    }


def mint(network: Scribe, school: Scribe, achievement: JSONObject, holder: SigningKey | None) -> str:
    """One copy; the registrar's has no holder key and the next slot."""
    slot = SLOT if holder is not None else SLOT + 1
    issuer = issuer_of(network, school)
    content = AwardContent(
        achievement=check_achievement(achievement),
        issuer=IssuerProfile(issuer, school.state.name, school.state.url),
        name="Ada Example",
        awarded_on="2026-06-01",
        date_of_birth="2008-02-29",
        valid_until="2036-06-01",
        credits="1",
    )
    terms = CopyTerms(
        iss=issuer,
        vct=f"{issuer}/achievement/1",
        key_id=school.key("issue").public.id,
        status=StatusReference(school.log_id, 0, slot, slot_key(list_key(school.list_root, 0), slot)),
        holder=None if holder is None else public_key_to_jwk(holder.public),
        issued_at=AT // 1000,
        copy_id=f"00000000-0000-4000-8000-{slot:012}",
    )
    return mint_copy(content, terms, school.key("issue").sign, FixedDraw(f"copy-{slot}"))


def calm_days(
    network: Scribe, school: Scribe, academy: Scribe, achievement: JSONObject, copies: tuple[str, str]
) -> Receipt:
    """The school publishes, names a second key, cuts, and closes a document."""
    publish(school, DocumentName("reading", 1), DocumentType.ACHIEVEMENT, orjson.dumps(achievement))
    add_key(school, "operate-2", Role.OPERATE)
    school.sign(network, academy)
    decoy = fixed("school/decoy")
    commitments = [decoy, *(commit(copy.partition("~")[0]) for copy in copies)]
    index = cut(school, others(school, network), commitments)
    school.sign(network, academy)
    name = DocumentName("privacy", 1)
    publish(school, name, DocumentType.POLICY, b"We keep what we must.\n", "text/plain")
    school.append(CloseDocument(**school.header, name=name), [school.key("define")])
    body = school.bodies[index] or b""
    items = [body[n : n + 32] for n in range(0, len(body), 32)]
    return Receipt(school.log_id, index, 1, prove_item(items, 1))


def publish(
    log: Scribe, name: DocumentName, type_: DocumentType, document: bytes, media_type: str = "application/json"
) -> None:
    reference = describe_body("publish", [document])
    statement = Publish(**log.header, reference=reference, name=name, type=type_, media_type=media_type)
    log.append(statement, [log.key("define")], [document])


def add_key(log: Scribe, what: str, role: Role) -> None:
    statement = AddKey(**log.header, after=-1, until=log.size + 64, key=RoleKey(log.key(what).public, role))
    log.append(statement, log.roots)


def show(
    copy: str,
    receipt: Receipt,
    holder: SigningKey,
    proof: canonical.JSONObject | None = None,
    status: canonical.JSONObject | None = None,
) -> Presentation:
    """The learner shows name and date to a college."""
    chosen = select_fields(copy, ["name", "awarded_on"])
    envelope = build_envelope(
        audience="college.example",
        nonce="n-0S6_WzA2Mj",
        purpose="admission",
        created=AT,
        expires=AT + 30 * DAY_MS,
        credentials=[PresentedCredential(chosen, encode_receipt(receipt), proof, status)],
        learner={"goals": "Read more."},
    )
    bound = sign_key_binding(
        chosen,
        audience=envelope.audience,
        nonce=envelope.nonce,
        now=AT,
        sign=holder.sign,
        digest=find_digest(parse_sd_jwt(chosen).payload),
        claims={HASH_CLAIM: hash_claim(envelope)},
    )
    return bind_credentials(envelope, [bound])


def bad_days(network: Scribe, school: Scribe, academy: Scribe) -> None:
    """The academy changes its charter, loses a key, repairs, rotates; some entries are void."""
    policy = BatchPolicy(interval=43_200_000, minute=0, size=8)
    amendment = CharterAmendment(
        **academy.header, after=-1, until=64, name="Akademie Ä", url="https://akademie.example", grpc="", batch=policy
    )
    academy.append(amendment, academy.roots)
    academy.sign(network, school)
    issued = cut(academy, others(academy, network))
    academy.issue()  # void once its key is known as stolen, and never said again
    add_key(academy, "operate-2", Role.OPERATE)
    stolen = academy.key("operate").public.id
    academy.append(CompromiseKey(**academy.header, after=-1, key=stolen, since=issued), academy.roots)
    restate(academy, issued)
    restate(academy, issued + 1)
    academy.issue(items=2, signer="operate-2")  # void: the policy for this cut says 8
    academy.issue(signer="operate")  # void: its key is compromised
    retired = academy.key("define").public.id
    academy.append(RetireKey(**academy.header, after=-1, until=academy.size, key=retired), academy.roots)
    publish(academy, DocumentName("late", 1), DocumentType.POLICY, b"{}")  # void: its key is retired
    academy.append(RetireKey(**academy.header, after=-1, until=99, key=retired), academy.roots)  # void: `after`
    add = AddKey(**academy.header, after=-1, until=1, key=RoleKey(academy.key("late").public, Role.ISSUE))
    academy.append(add, academy.roots)  # void: `until`
    add = replace(add, until=99, id=academy.new_id())
    academy.append(add, academy.root_signers)  # void: a signature too many
    academy.append(add, academy.roots)  # void: its id was used
    academy.log_signer = academy.key("log-2")
    rotate = RotateLogKey(**academy.header, after=-1, log_key=academy.log_signer.public)
    academy.append(rotate, academy.roots)
    new = Roots(tuple(academy.key(f"root-{n}").public for n in (1, 2, 3)), 1)
    academy.append(ReplaceRoots(**academy.header, after=-1, roots=new), academy.root_signers[1:])
    academy.root_signers = [academy.key(f"root-{n}") for n in (1, 2, 3)]
    academy.append_bytes(*unknown_statement(academy))
    academy.sign(network, school)
    academy.anchor()
    academy.sign(network, school)


def restate(log: Scribe, index: int) -> None:
    """Say a voided batch or page again, with a key that is in force."""
    body = log.bodies[index] or b""
    signer = [log.key("operate-2")]
    if len(body) != SLOTS:
        items = [body[n : n + 32] for n in range(0, len(body), 32)]
        log.append(Issue(**log.header, reference=describe_body("issue", items), restates=index), signer, items)
        return
    lists = (StatusList(first=0, log=log.log_id, number=0, slots=SLOTS),)
    reference = describe_body("status", [body])
    log.append(StatusUpdate(**log.header, reference=reference, lists=lists, restates=index), signer, [body])


def unknown_statement(log: Scribe) -> tuple[bytes, list[SigningKey], bytes]:
    """A kind of the future, with a body."""
    items = [b"first", b""]
    body = describe_body("recess", items).to_json()
    statement = {
        "at": AT,
        "body": body,
        "days": 14,
        "id": base64url.encode(log.new_id()),
        "kind": "recess",
        "log": encode_log_id(log.log_id),
    }
    return canonical.encode(statement), [log.key("operate-2")], encode_body("recess", items)


def fork(academy: Scribe) -> tuple[bytes, bytes]:
    """The academy's first log key signs a second history after entry 1."""
    true = academy.leaf_hashes()
    false = [*true[:2], *(hash_leaf(f"another entry {n}".encode()) for n in range(2, 5))]
    origin, signer = academy.state.charter.origin, academy.key("log")

    def signed(leaves: list[bytes]) -> bytes:
        return sign_checkpoint(Checkpoint(origin, len(leaves), root_of_hashes(leaves)), signer)

    def common(first: list[bytes], second: list[bytes]) -> Common:
        root = RootHash(root_of_hashes(true[:2]))
        proofs = [prove_consistency(2, len(leaves), reader(leaves)) for leaves in (first, second)]
        return Common(2, root, *proofs)

    equal = ForkEvidence(signed(true[:4]), signed(false[:4]), common=common(true[:4], false[:4]))
    first, second = true[:4], false[:5]
    split = Split(
        index=2,
        first_leaf=first[2],
        first_proof=prove_inclusion(2, 4, reader(first)),
        second_leaf=second[2],
        second_proof=prove_inclusion(2, 5, reader(second)),
    )
    unequal = ForkEvidence(signed(first), signed(second), split=split, common=common(first, second))
    return encode_fork(equal), encode_fork(unequal)


def reader(leaves: list[bytes]) -> TileReader:
    return TileReader(lambda level, index: b"".join(leaves))


def report_fork(network: Scribe, school: Scribe, academy: Scribe, evidence: bytes) -> None:
    """The school puts the evidence on its log."""
    statement = EvidenceEntry(**school.header, reference=describe_body("evidence", [evidence]))
    school.append(statement, [school.key("operate")], [evidence])
    school.sign(network, academy)


def decide(network: Scribe, school: Scribe, academy: Scribe) -> None:
    """The network narrows the school's rights, anchors all heads, and ends the academy."""
    rights = Rights(
        achievements=(str(achievement_of(network, school)["id"]),),
        types=("Diploma",),
        documents=("framework",),
        issuers=("https://school.example/issuer",),
    )
    decision(network, school, MemberOp.AMEND, rights)
    add_key(network, "issue-2", Role.ISSUE)
    network.sign(school, academy)
    cut(network, others(network, school, academy))
    decision(network, academy, MemberOp.SUSPEND)
    decision(network, academy, MemberOp.REINSTATE, Rights(achievements=("*",)))
    decision(network, academy, MemberOp.REMOVE)
    decision(network, academy, MemberOp.SUCCEED, successor=school.log_id)
    network.sign(school, academy)
