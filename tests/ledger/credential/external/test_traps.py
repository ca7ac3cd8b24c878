"""The traps that formats set for readers, by the numbers of their list, from the bytes of a file to the report."""

import json
import struct
import zlib
from typing import Any

import pytest

from ledger.credential.baking import bake
from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.external.lists import open_status_list
from ledger.credential.jose import public_key_to_jwk, sign_jws
from ledger.credential.plainlist.slots import PlainSlot, status_members
from ledger.credential.report import Answer, Code
from ledger.credential.strict_json import JSONObject
from ledger.log.didkey import encode_did_key
from tests.ledger.credential import badges
from tests.ledger.credential.badges import SCHOOL, SCHOOL_DID, STRANGER, badge, signed
from tests.ledger.credential.external.asking import EMPTY, ask, book, code_of, first, step
from tests.ledger.credential.plainlist import lists
from tests.ledger.credential.tokens import (
    AUDIENCE,
    BASE,
    HOLDER,
    ISSUER,
    NONCE,
    NOW,
    SHA_256,
    bound,
    disclosure,
    present,
    token,
)

JCS, RDFC = Cryptosuite.EDDSA_JCS_2022, Cryptosuite.EDDSA_RDFC_2022
NAMED = book(named=(SCHOOL_DID,))
KEYS = book({"keys": [public_key_to_jwk(ISSUER.public)]}, owner=str(BASE["iss"]))


def jws(payload: JSONObject, key: Any = SCHOOL, **header: Any) -> str:
    """A credential as a compact JWS."""
    head = {"alg": "EdDSA", "typ": "JWT"} | header
    return sign_jws(
        {name: value for name, value in head.items() if value is not None}, json.dumps(payload).encode(), key.sign
    )


def svg(inside: str, doctype: str = "") -> bytes:
    """A small image with something in it."""
    space = 'xmlns="http://www.w3.org/2000/svg" xmlns:openbadges="https://purl.imsglobal.org/ob/v3p0"'
    return f'<?xml version="1.0"?>{doctype}<svg {space}>{inside}</svg>'.encode()


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with these chunks before its image data."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunk(*one) for one in chunks) + body + chunk(b"IEND", b"")


def itxt(text: str) -> tuple[bytes, bytes]:
    return b"iTXt", b"openbadgecredential\0\0\0\0\0" + text.encode()


def test_trap_01_unmapped_terms_are_refused() -> None:
    """A member that no context maps is not covered by an RDFC signature, so the document is not believed."""
    document = signed(RDFC)
    assert code_of(document, contexts=True, book=NAMED) is Code.VALID
    assert code_of(document | {"gpa": "4.0"}, contexts=True, book=NAMED) is Code.BAD_SIGNATURE


def test_trap_02_poison_graphs_end() -> None:
    """A clique of nodes without names meets the bound on work: could not check, soon."""
    document = signed(RDFC)
    nodes = [{"type": ["Profile"], "id": f"_:n{n}"} for n in range(12)]
    for n, node in enumerate(nodes):
        node["endorsement"] = [{"id": f"_:n{m}", "type": ["EndorsementCredential"]} for m in range(12) if m != n]
    document["issuer"] = document["issuer"] | {"otherIdentifier": nodes}  # type: ignore[operator]
    assert code_of(document, contexts=True, book=NAMED) in (Code.INCOMPLETE, Code.BAD_SIGNATURE)


def test_trap_03_control_characters_are_escaped_as_the_standard_says() -> None:
    """A criteria text with a form feed verifies; another control character in its place does not."""
    document = badge()
    document["name"] = "A\fB\x7f"
    proven = signed(RDFC, document)
    assert code_of(proven, contexts=True, book=NAMED) is Code.VALID
    assert code_of(proven | {"name": "A\x0bB\x7f"}, contexts=True, book=NAMED) is Code.BAD_SIGNATURE


def test_trap_04_a_swapped_context_version_breaks_the_signature() -> None:
    """The context of another version maps members elsewhere, or may: it is never put in the place of the signed one."""
    for suite in (JCS, RDFC):
        document = signed(suite)
        contexts = document["@context"]
        assert isinstance(contexts, list)
        swapped = [contexts[0], "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.1.json"]
        code = code_of(document | {"@context": swapped}, contexts=True, book=NAMED)
        # with RDFC the two contexts contradict each other, so there is nothing to hash
        assert code is (Code.BAD_SIGNATURE if suite is JCS else Code.INCOMPLETE)


def test_trap_05_one_or_several_are_written_as_text_object_or_array() -> None:
    """`proof` as object or array and `type` as text or array are read alike."""
    document = signed(JCS)
    assert code_of(document | {"proof": [document["proof"]]}, book=NAMED) is Code.VALID
    plain = badge() | {"@context": "https://www.w3.org/ns/credentials/v2", "type": "VerifiableCredential"}
    assert code_of(signed(JCS, plain), book=NAMED) is Code.VALID


@pytest.mark.parametrize(
    "text", ['{"a":1,"a":2}', '{"@context":[],"type":"VerifiableCredential","n":1e999}', '{"a":NaN}']
)
def test_trap_06_ambiguous_json_is_refused(text: str) -> None:
    """Members that stand twice, and numbers no double holds, are refused before anything is hashed."""
    assert code_of(text) is Code.MALFORMED


def test_trap_06_large_integers_have_no_canonical_form() -> None:
    """An integer beyond 2^53 in a document with a JCS proof could not be checked, and is never rounded."""
    document = signed(JCS) | {"n": 1 << 60}
    assert code_of(document, book=NAMED) is Code.INCOMPLETE


def test_trap_07_contexts_appended_after_signing_are_left_out() -> None:
    """A JCS proof covers the contexts it names, as the beginning of those of the document."""
    document = signed(JCS)
    contexts = document["@context"]
    assert isinstance(contexts, list)
    assert (
        code_of(document | {"@context": [*contexts, "https://w3id.org/security/data-integrity/v2"]}, book=NAMED)
        is Code.VALID
    )
    assert code_of(document | {"@context": contexts[::-1]}, book=NAMED) is Code.MALFORMED


@pytest.mark.parametrize(("slot", "code"), [(lists.REVOKED, Code.REVOKED), (lists.FREE, Code.VALID)])
def test_trap_08_bit_order_and_compression_differ(slot: int, code: Code) -> None:
    """The same slot is found in the bitstring, left to right in gzip, and in the token, right to left in zlib."""
    entries, claim = status_members(PlainSlot(0, slot), lists.ISSUER_URL)
    revocation = next(one for one in entries if one["statusPurpose"] == "revocation")
    given = [json.dumps(lists.bitstring()).encode(), lists.token().encode()]
    readers = tuple(open_status_list(data, now=badges.NOW, book=NAMED, library=EMPTY) for data in given)
    document = signed(JCS, badge() | {"credentialStatus": revocation})
    assert code_of(document, book=NAMED, lists=readers) is code
    copy = token({**BASE, "iss": SCHOOL_DID, "status": claim}, key=SCHOOL)
    assert code_of(copy, now=NOW, book=NAMED, lists=readers) is code
    late = tuple(open_status_list(data, now=badges.NOW + 9 * lists.DAY, book=NAMED, library=EMPTY) for data in given)
    report = first(document, book=NAMED, lists=late)
    assert report.code is Code.INCOMPLETE and "expired" in step(report, 11)[1]


def test_trap_09_decompression_bombs_are_cut_off() -> None:
    """A badge of a gigabyte in a few kilobytes of a chunk is refused."""
    bomb = b"openbadgecredential\0\x01\0\0\0" + zlib.compress(b" " * (64 << 20), 9)
    assert code_of(png((b"iTXt", bomb))) is Code.MALFORMED


def test_trap_10_the_verifier_decides_about_key_binding() -> None:
    """Asked for, it must be there, for the asker, and cover what is shown in its order."""
    hidden = [disclosure("s1", "given_name", "Pebble"), disclosure("s2", "family_name", "Quill")]

    issued = token(bound(_sd=[SHA_256(text) for text in hidden]), hidden)
    asked = {"audience": AUDIENCE, "nonce": NONCE, "now": NOW, "book": KEYS}
    shown = present(issued)
    assert code_of(shown, **asked) is Code.VALID
    assert code_of(issued, **asked) is Code.NOT_BOUND
    assert code_of(issued, now=NOW, book=KEYS) is Code.INCOMPLETE
    jwt, one, two, binding = shown.split("~")
    assert code_of("~".join((jwt, two, one, binding)), **asked) is Code.NOT_BOUND
    assert code_of(shown, **(asked | {"audience": "https://other.example"})) is Code.NOT_BOUND
    unbound = token(dict(BASE))
    assert code_of(unbound, **asked) is Code.NOT_BOUND
    assert code_of(unbound, now=NOW, book=KEYS) is Code.VALID


@pytest.mark.parametrize("name", ["exp", "cnf", "iss", "vct", "status"])
def test_trap_11_what_decides_may_not_be_hidden(name: str) -> None:
    """Expiry, holder key, issuer, type and status stand in clear, or nothing is believed."""

    hidden = disclosure("s", name, {"jwk": public_key_to_jwk(HOLDER.public)} if name == "cnf" else NOW // 1000 + 5)
    payload = {claim: value for claim, value in BASE.items() if claim != name or name in ("iss", "vct")}
    assert first(token(payload | {"_sd": [SHA_256(hidden)]}, [hidden]), now=NOW, book=KEYS).code is Code.BAD_SIGNATURE


def test_trap_12_unused_doubled_and_colliding_disclosures() -> None:
    """Every disclosure is signed, used once, and names something new."""

    good, clash = disclosure("s", "given_name", "Pebble"), disclosure("s", "iat", 1)
    issued = token({**BASE, "_sd": [SHA_256(good)]}, [good])
    assert code_of(issued, now=NOW, book=KEYS) is Code.VALID
    assert code_of(issued + good + "~", now=NOW, book=KEYS) is Code.BAD_SIGNATURE
    assert code_of(issued + disclosure("t", "gpa", "4.0") + "~", now=NOW, book=KEYS) is Code.BAD_SIGNATURE
    assert code_of(token({**BASE, "_sd": [SHA_256(clash)]}, [clash]), now=NOW, book=KEYS) is Code.BAD_SIGNATURE


def test_trap_13_one_type_name_two_formats() -> None:
    """`vc+sd-jwt` with a `vct` is an SD-JWT VC, with an `@context` a credential of data model 2.0."""
    head = {"alg": "EdDSA", "typ": "vc+sd-jwt"}
    elder = first(token(dict(BASE), header=head), now=NOW, book=KEYS)
    newer = first(token(badge() | {"iss": SCHOOL_DID}, key=SCHOOL, header=head), book=NAMED)
    assert (elder.code, newer.code) == (Code.VALID, Code.VALID)
    assert "SD-JWT VC" in elder.notes[0] and "Open Badges 3.0" in newer.notes[0]
    neither = first(token({"a": 1}, header=head))
    assert neither.code is Code.MALFORMED


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES256", "RS256"])
def test_trap_14_the_key_decides_the_algorithm(algorithm: str) -> None:
    """A token that names another algorithm than its issuer's key has is refused."""
    assert code_of(jws(badge(), alg=algorithm), book=NAMED) is Code.BAD_SIGNATURE


def test_trap_14_an_inline_key_proves_nothing_about_the_issuer() -> None:
    """Good by the key inside: who that is stays open. Against the issuer's own keys another one is refused."""
    document = badge()
    document["issuer"] = {"id": "https://granite.example", "type": ["Profile"], "name": "Granite"}
    forged = jws(document, key=STRANGER, jwk=public_key_to_jwk(STRANGER.public))
    report = first(forged)
    assert report.code is Code.UNKNOWN_ISSUER
    assert step(report, 2)[0] is Answer.YES and step(report, 9)[0] is Answer.COULD_NOT_CHECK
    published = book({"keys": [public_key_to_jwk(SCHOOL.public)]}, owner="https://granite.example")
    assert code_of(forged, book=published) is Code.BAD_SIGNATURE
    assert code_of(jws(document, jwk=public_key_to_jwk(SCHOOL.public)), book=published) is Code.VALID


def test_trap_14_a_private_key_in_the_header_is_refused() -> None:
    """Whoever sends `d` has given the key away."""
    assert code_of(jws(badge(), jwk=public_key_to_jwk(SCHOOL.public) | {"d": "AAAA"})) is Code.MALFORMED


def test_trap_15_dates_agree_in_whole_seconds() -> None:
    """`nbf` is the second that `validFrom` lies in; another second is another date."""
    document = badge() | {"validFrom": "2025-06-30T00:00:00.500Z"}
    assert code_of(jws(document | {"nbf": 1751241600}), book=NAMED) is Code.VALID
    assert code_of(jws(document | {"nbf": 1751241601}), book=NAMED) is Code.BAD_SIGNATURE


def test_trap_16_the_issuer_may_be_text_or_object() -> None:
    """Both are read; a badge whose issuer is a bare text gets a remark."""
    report = first(signed(JCS, badge() | {"issuer": SCHOOL_DID}), book=NAMED)
    assert report.code is Code.VALID
    assert any("bare id" in note for note in report.notes)


def test_trap_17_one_good_proof_is_not_all_good() -> None:
    """A failed proof is never ignored because another one is good."""
    both = signed(RDFC, signed(JCS))
    assert code_of(both, contexts=True, book=NAMED) is Code.VALID
    proofs = both["proof"]
    assert isinstance(proofs, list) and isinstance(proofs[0], dict)
    broken = both | {"proof": [proofs[1], proofs[0] | {"created": "2025-06-16T00:00:00Z"}]}
    assert code_of(broken, contexts=True, book=NAMED) is Code.BAD_SIGNATURE


def test_trap_18_a_document_without_the_retired_key() -> None:
    """A live did:web document forgets: the refusal says that an older one may help."""
    document = badge()
    document["issuer"] = {"id": "did:web:granite.example", "type": ["Profile"]}
    keys = book({"keys": [public_key_to_jwk(STRANGER.public) | {"kid": "new"}]}, owner="did:web:granite.example")
    report = first(jws(document, kid="old"), book=keys)
    assert report.code is Code.BAD_SIGNATURE
    assert "retired keys should stay listed" in report.steps[1].remedy


def test_trap_19_nothing_is_refreshed() -> None:
    """A refresh service is left alone: verifying fetches nothing, before the proof or after."""
    service = {"id": "https://granite.example/refresh", "type": "1EdTechCredentialRefresh"}
    assert code_of(signed(JCS, badge() | {"refreshService": service}), book=NAMED) is Code.VALID


def record(*inside: JSONObject | str, subject: str) -> JSONObject:
    """A record around some credentials, signed by the school."""
    return signed(
        JCS,
        {
            "@context": [
                "https://www.w3.org/ns/credentials/v2",
                "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json",
                "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
            ],
            "id": "urn:uuid:6b1d8f0e-0001-4a0e-9d0f-000000000002",
            "type": ["VerifiableCredential", "ClrCredential"],
            "name": "Transcript",
            "issuer": {"id": SCHOOL_DID, "type": ["Profile"]},
            "validFrom": "2025-06-30T00:00:00Z",
            "partial": True,
            "credentialSubject": {
                "id": subject,
                "type": ["ClrSubject"],
                "verifiableCredential": list(inside),
                "association": [
                    {"type": "Association", "associationType": "isChildOf", "sourceId": "urn:a", "targetId": "urn:b"},
                    {"type": "Association", "associationType": "isChildOf", "sourceId": "urn:b", "targetId": "urn:a"},
                ],
            },
        },
    )


def test_trap_20_another_persons_badge_inside_a_record() -> None:
    """The record's own signature stays good; the badge of somebody else is shown as not bound to this person."""
    mine, other = badge(), badge()
    for document, name in ((mine, "did:example:me"), (other, "did:example:you")):
        document["credentialSubject"] = document["credentialSubject"] | {"id": name}  # type: ignore[operator]
    report = ask(record(signed(JCS, mine), signed(JCS, other), subject="did:example:me"), book=NAMED)
    assert [one.code for one in report.credentials] == [Code.VALID, Code.VALID, Code.NOT_BOUND]
    assert report.exit_code == 1
    notes = report.credentials[0].notes
    assert any("below itself" in note for note in notes) and any("not the whole record" in note for note in notes)
    assert sum("not in the record" in note for note in notes) == 2


def test_trap_21_images_with_entities() -> None:
    """Entities are refused, declared or used; a document type alone is left unread."""
    text = json.dumps(signed(JCS))
    inside = f"<openbadges:credential><![CDATA[{text}]]></openbadges:credential>"
    public = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
    assert code_of(svg(inside, public), book=NAMED) is Code.VALID
    laughs = '<!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    assert code_of(svg("<openbadges:credential>&b;</openbadges:credential>", laughs)) is Code.MALFORMED
    outside = '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    assert code_of(svg("<openbadges:credential>&x;</openbadges:credential>", outside)) is Code.MALFORMED


def test_trap_21_the_first_of_several_badges_counts() -> None:
    """Of two chunks, or two elements, every reader takes the first."""
    good, forged = json.dumps(signed(JCS)), json.dumps(badge())
    assert code_of(png(itxt(good), itxt(forged)), book=NAMED) is Code.VALID
    assert code_of(png(itxt(forged), itxt(good)), book=NAMED) is Code.BAD_SIGNATURE
    elements = [f"<openbadges:credential><![CDATA[{text}]]></openbadges:credential>" for text in (forged, good)]
    assert code_of(svg("".join(elements)), book=NAMED) is Code.BAD_SIGNATURE
    assert code_of(bake(png(), jws(badge())), book=NAMED) is Code.VALID


def test_trap_22_the_audience_is_compared_whole() -> None:
    """A client id with its prefix is another audience than the same without."""
    issued = token(bound())
    shown = present(issued, audience="x509_san_dns:univ.example")
    asked = {"nonce": NONCE, "now": NOW, "book": KEYS}
    assert code_of(shown, audience="x509_san_dns:univ.example", **asked) is Code.VALID
    assert code_of(shown, audience="univ.example", **asked) is Code.NOT_BOUND


@pytest.mark.parametrize("name", ["compactJwsString", "compactJwsStrings"])
def test_trap_24_hosts_name_the_array_of_tokens_in_two_ways(name: str) -> None:
    """Singular as in the schema or plural as in the text: every credential of a host's answer is judged."""
    answer = {"credential": [signed(JCS)], name: [jws(badge()), jws(badge(), key=STRANGER)]}
    codes = [report.code for report in ask(answer, book=NAMED).credentials]
    assert codes == [Code.VALID, Code.VALID, Code.BAD_SIGNATURE]
    assert code_of({"credential": [], name: []}) is Code.MALFORMED
    assert code_of({name: [signed(JCS)]}) is Code.MALFORMED
    assert code_of({"credential": "one"}) is Code.MALFORMED


def test_trap_25_without_a_readable_list_no_statement_is_made() -> None:
    """A status entry whose list was not given leaves the verdict open, and says where the list is."""
    entry = {
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "7",
        "statusListCredential": "https://granite.example/list",
    }
    report = first(signed(JCS, badge() | {"credentialStatus": entry}), book=NAMED)
    assert report.code is Code.INCOMPLETE
    assert "https://granite.example/list" in step(report, 11)[1]
    claim = {"status_list": {"idx": 3, "uri": "https://school.example/list"}}
    assert code_of(token({**BASE, "status": claim}), now=NOW, book=KEYS) is Code.INCOMPLETE


def test_trap_26_unknown_suites_alone_are_nothing() -> None:
    """A proof that nobody here understands is passed over beside a good one, and alone it proves nothing."""
    document = signed(JCS)
    unknown = {"type": "SomeProof2030", "proofPurpose": "assertionMethod"}
    assert code_of(document | {"proof": [unknown, document["proof"]]}, book=NAMED) is Code.VALID
    assert code_of(document | {"proof": unknown}, book=NAMED) is Code.INCOMPLETE
    assert (
        code_of({name: value for name, value in document.items() if name != "proof"}, book=NAMED) is Code.BAD_SIGNATURE
    )


def test_the_issuer_is_only_who_you_say() -> None:
    """A good signature of a stranger is a good signature of a stranger."""
    document = badge()
    document["issuer"] = {"id": encode_did_key(STRANGER.public), "type": ["Profile"], "name": "Granite School"}
    report = first(signed(JCS, document, key=STRANGER), book=NAMED)
    assert report.code is Code.UNKNOWN_ISSUER
    answer, detail = step(report, 9)
    assert answer is Answer.COULD_NOT_CHECK and encode_did_key(STRANGER.public) in detail
