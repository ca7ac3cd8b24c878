"""Copies: valid Open Badges however much is hidden, and nothing that tells what is hidden."""

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from ledger import base64url
from ledger.credential import commitment, copy, fields, openbadge, sdjwt, status
from ledger.credential.copy import AwardContent
from ledger.errors import MalformedError, RuleError
from ledger.log import didkey
from tests.conformance import record
from tests.ledger.credential.award import (
    ACHIEVEMENT,
    BASE,
    CONTENT,
    HOLDER_KEY,
    ISSUED_AT,
    ISSUER_KEY,
    PLAIN,
    TERMS,
    mint,
    seeded,
)
from tests.shared import shared_path

SCHEMAS = "What we issue, by the published schemas"
SCHEMA_FILE = "vectors/formats/schemas/ob-v3p0/ob_v3p0_achievementcredential_schema.json"
NOW = ISSUED_AT * 1000
UNBOUND = replace(TERMS, holder=None)


def read(token: str) -> dict[str, Any]:
    """The claims of a token, its issuer signature checked."""
    return dict(sdjwt.verify_sd_jwt(token, ISSUER_KEY.public, now=NOW).payload)


def raw_payload(token: str) -> dict[str, Any]:
    return dict(sdjwt.parse_sd_jwt(token).payload)


def hide_all(token: str) -> str:
    return fields.select_fields(token, [])


def test_what_a_copy_says_in_full() -> None:
    """With everything disclosed the claims are these."""
    claims = read(mint())
    subject = claims["ld"]["credentialSubject"]
    subject["identifier"].sort(key=lambda row: row["identityType"])
    subject["result"].sort(key=lambda row: row["resultDescription"])
    identity = {"type": "IdentityObject", "hashed": False}
    result = {"type": ["Result"]}
    assert claims == {
        "vct": f"{BASE}/types/achievement/1",
        "iss": BASE,
        "status": status.encode_status_claim(TERMS.status),
        "cnf": {"jwk": TERMS.holder},
        "exp": 2_098_483_199,
        "replaces": "urn:uuid:00000000-0000-4000-8000-000000000001",
        "ld": {
            "@context": [
                "https://www.w3.org/ns/credentials/v2",
                "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
            ],
            "id": "urn:uuid:12345678-1234-4234-8234-123456789abc",
            "type": ["VerifiableCredential", "AchievementCredential"],
            "name": "Lantern Mastery Record",
            "issuer": {"id": BASE, "type": ["Profile"], "name": "Lantern Academy", "url": "https://lantern.example"},
            "validFrom": "2026-06-15T00:00:00Z",
            "validUntil": "2036-06-30T23:59:59Z",
            "awardedDate": "2026-06-12T00:00:00Z",
            "credentialSubject": {
                "id": didkey.encode_did_key(HOLDER_KEY.public),
                "type": ["AchievementSubject"],
                "achievement": ACHIEVEMENT.json,
                "creditsEarned": 7.5,
                "identifier": [
                    {**identity, "identityType": "emailAddress", "identityHash": "zoe@example.org"},
                    {**identity, "identityType": "ext:dateOfBirth", "identityHash": "2008-02-29"},
                    {**identity, "identityType": "name", "identityHash": "Zoë Sample"},
                ],
                "result": [
                    {**result, "resultDescription": f"{ACHIEVEMENT.id}#R1", "value": "met"},
                    {**result, "resultDescription": f"{ACHIEVEMENT.id}#R2", "value": "met"},
                    {**result, "resultDescription": f"{ACHIEVEMENT.id}#R5", "value": "waived"},
                ],
            },
        },
    }


def test_the_header_names_the_ledger_key() -> None:
    """`kid` is the ledger's key id, so a verifier finds the key in the issuer's log and nowhere else."""
    header = dict(sdjwt.parse_sd_jwt(mint()).jws.header)
    assert header == {"alg": "EdDSA", "typ": "dc+sd-jwt", "kid": base64url.encode(ISSUER_KEY.public.id)}


def test_fully_hidden_nothing_about_the_learner_is_left() -> None:
    """Without disclosures there is the achievement, the issuer, the dates, and nothing else."""
    claims = read(hide_all(mint()))
    assert sorted(claims) == ["cnf", "exp", "iss", "ld", "status", "vct"]
    subject = claims["ld"]["credentialSubject"]
    assert sorted(subject) == ["achievement", "id", "identifier", "result", "type"]
    assert (subject["identifier"], subject["result"]) == ([], [])
    assert "awardedDate" not in claims["ld"]
    signed = json.dumps(raw_payload(mint()), ensure_ascii=False)
    for secret in ("Zoë", "zoe@", "2008-02-29", "2026-06-12", "7.5", '#R1", "value'):
        assert secret not in signed


@pytest.mark.parametrize("terms", [TERMS, UNBOUND], ids=["bound", "registrar"])
@pytest.mark.parametrize("content", [CONTENT, PLAIN], ids=["full", "plain"])
def test_a_copy_is_a_valid_open_badge(content: AwardContent, terms: copy.CopyTerms) -> None:
    """The published schema accepts `ld` fully shown, fully hidden, and with any one field shown."""
    schema = json.loads(shared_path(SCHEMA_FILE).read_bytes())
    validator = jsonschema.Draft201909Validator(schema)
    token = mint(content, terms)
    selections = [[], *([name] for name in fields.field_names(token)), list(fields.field_names(token))]
    for names in selections:
        validator.validate(read(fields.select_fields(token, names))["ld"])
    kind = f"{'full' if content is CONTENT else 'plain'}, {'wallet' if terms is TERMS else 'registrar'}"
    record(SCHEMAS, f"Open Badges 3.0 in a dc+sd-jwt: {kind}", [SCHEMA_FILE], accepted=len(selections))


def test_the_schema_would_refuse() -> None:
    """The schema check can fail: without an achievement it does."""
    schema = json.loads(shared_path(SCHEMA_FILE).read_bytes())
    credential = read(mint())["ld"]
    del credential["credentialSubject"]["achievement"]
    assert not jsonschema.Draft201909Validator(schema).is_valid(credential)
    record(SCHEMAS, "Open Badges 3.0 in a dc+sd-jwt: without achievement", [SCHEMA_FILE], refused=1)


@pytest.mark.parametrize("name", ["lantern", "granite-hollow", "confluence"])
def test_the_sample_diplomas_are_valid_open_badges(name: str) -> None:
    """A diploma of each sample requirement set, every requirement met."""
    schema = json.loads(shared_path(SCHEMA_FILE).read_bytes())
    requirement_set = json.loads(shared_path(f"data/requirements/{name}.json").read_bytes())
    achievement = openbadge.check_achievement(openbadge.achievement_for_requirement_set(requirement_set, BASE))
    results = tuple((result.code, "met") for result in achievement.results)
    token = mint(replace(CONTENT, achievement=achievement, results=results))
    jsonschema.Draft201909Validator(schema).validate(read(token)["ld"])
    assert {f"result.{code}" for code, _ in results} < fields.field_names(token).keys()


def counts(token: str) -> tuple[int, ...]:
    payload = raw_payload(token)
    subject = payload["ld"]["credentialSubject"]
    return (
        len(payload["_sd"]),
        len(payload["ld"]["_sd"]),
        len(subject["_sd"]),
        len(subject["identifier"]),
        len(subject["result"]),
    )


def test_the_counts_of_digests_say_nothing() -> None:
    """A copy with every field and one with the least have the same digests, members and signed length."""
    rich = replace(CONTENT, valid_until=None)
    assert counts(mint(rich)) == counts(mint(PLAIN)) == (2, 2, 4, 4, 16)
    signed = [raw_payload(mint(content)) for content in (rich, PLAIN)]
    assert signed[0].keys() == signed[1].keys()
    assert len(json.dumps(signed[0])) == len(json.dumps(signed[1]))


def test_the_order_of_hidden_fields_says_nothing() -> None:
    """The name does not stand first, nor results in the order of their codes: over many copies all places occur."""
    places: dict[str, set[int]] = {}
    for n in range(60):
        for name, field in fields.field_names(mint(seed=f"copy {n}")).items():
            if isinstance(field.shown.path[-1], int):
                places.setdefault(name, set()).add(field.shown.path[-1])
    assert places["name"] == {0, 1, 2, 3}
    assert len(places["result.R1"]) == 16


@pytest.mark.parametrize(("described", "digests"), [(1, 16), (16, 16), (17, 32), (33, 48)])
def test_results_are_padded_by_what_the_achievement_describes(described: int, digests: int) -> None:
    """Not by what this learner has: one result or all, the count is the same."""
    row = ACHIEVEMENT.json["resultDescription"][0]  # type: ignore[index, call-overload]  # built as a list above
    rows = [{**row, "id": f"{ACHIEVEMENT.id}#Q{n}"} for n in range(described)]
    achievement = openbadge.check_achievement({**ACHIEVEMENT.json, "resultDescription": rows})
    for given in (0, 1, described):
        results = tuple((f"Q{n}", "met") for n in range(given))
        token = mint(replace(CONTENT, achievement=achievement, results=results))
        assert counts(token)[-1] == digests
        assert len([name for name in fields.field_names(token) if name.startswith("result.")]) == given


def test_an_achievement_without_results_has_none() -> None:
    """No array of decoys stands where nothing could be."""
    achievement = openbadge.check_achievement(
        {name: value for name, value in ACHIEVEMENT.json.items() if name != "resultDescription"}
    )
    token = mint(replace(CONTENT, achievement=achievement, results=()))
    assert "result" not in raw_payload(token)["ld"]["credentialSubject"]


def test_two_copies_share_no_value_of_their_own() -> None:
    """Ids, digests, salts, slot, key and commitment differ; what is equal is public or the issuer's."""
    other_terms = replace(
        UNBOUND,
        copy_id="87654321-1234-4234-8234-123456789abc",
        status=status.StatusReference(log=b"\x05" * 32, number=2, slot=78, key=b"\x07" * 32),
    )
    one, two = mint(terms=UNBOUND), mint(terms=other_terms, seed="b")
    shared = {name for name, value in raw_payload(one)["ld"].items() if raw_payload(two)["ld"][name] == value}
    assert shared == {"@context", "type", "name", "issuer", "validFrom", "validUntil"}
    assert raw_payload(one)["ld"]["credentialSubject"]["id"] != raw_payload(two)["ld"]["credentialSubject"]["id"]
    assert not set(one.split("~")[1:-1]) & set(two.split("~")[1:-1])
    first, second = (commitment.commit(token.split("~")[0]) for token in (one, two))
    assert first != second


def test_only_the_day_gets_into_a_copy() -> None:
    """Two copies minted at the ends of one UTC day are the same but for their own values."""
    morning = replace(TERMS, issued_at=1_781_481_600)
    night = replace(TERMS, issued_at=1_781_481_600 + 86_399)
    assert mint(terms=morning) == mint(terms=night)
    assert "iat" not in raw_payload(mint())


def test_the_registrars_copy_has_no_holder() -> None:
    """Without a holder key there is no `cnf`, and the subject is a random UUID."""
    claims = read(mint(terms=UNBOUND))
    assert "cnf" not in claims
    assert claims["ld"]["credentialSubject"]["id"].startswith("urn:uuid:")
    assert claims["ld"]["credentialSubject"]["id"][23] == "4"


def test_a_wallets_key_is_written_anew() -> None:
    """Members of the JWK that could link two copies do not get in."""
    assert TERMS.holder is not None
    claims = read(mint(terms=replace(TERMS, holder={**TERMS.holder, "kid": "my only key"})))
    assert claims["cnf"] == {"jwk": TERMS.holder}


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("1.00", 1), ("0.5", 0.5), ("7.25", 7.25), ("0.1", 0.1), ("123456.1234", 123456.1234)],
)
def test_credits_are_exact(text: str, number: float) -> None:
    """Credits are a JSON number that reads as the decimal that was written."""
    claims = read(mint(replace(CONTENT, credits=text)))
    assert claims["ld"]["credentialSubject"]["creditsEarned"] == number
    assert fields.field_names(mint(replace(CONTENT, credits=text)))["credits"].value == str(number)


MARK = "unusual-marker"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "name: is empty"),
        ({"name": f" {MARK}"}, "name: is empty, or has spaces around it"),
        ({"name": "x" * 201}, "name: 201 characters"),
        ({"name": f"{MARK}\n"}, "name: is empty, or has spaces around it"),
        ({"name": f"{MARK}\nB"}, "name: holds control characters"),
        ({"name": f"{MARK}e\u0301"}, "name: is not NFC"),
        ({"awarded_on": f"{MARK}"}, "awarded_on: is not a date"),
        ({"awarded_on": "20260612"}, "awarded_on: is not a date"),
        ({"awarded_on": "2026-02-30"}, "awarded_on: is not a date"),
        ({"awarded_on": "2026-06-1２"}, "awarded_on: is not a date"),
        ({"email": MARK}, "email: is not an e-mail address"),
        ({"email": f"{MARK} @example.org"}, "email: is not an e-mail address"),
        ({"email": "x" * 250 + "@a.b"}, None),
        ({"email": "x" * 251 + "@a.b"}, "email: is not an e-mail address"),
        ({"date_of_birth": "12.3.2008"}, "date_of_birth: is not a date"),
        ({"date_of_birth": "2026-06-13"}, "date_of_birth: is after awarded_on"),
        ({"valid_until": MARK}, "valid_until: is not a date"),
        ({"valid_until": "2026-06-11"}, "valid_until: is before awarded_on"),
        ({"credits": MARK}, "credits: is not a decimal"),
        ({"credits": "-1"}, "credits: is not a decimal"),
        ({"credits": "1e3"}, "credits: is not a decimal"),
        ({"credits": "0.00001"}, "credits: is not a decimal"),
        ({"replaces": MARK}, "replaces: is not the id"),
        ({"results": (("R9", MARK),)}, r"result\.R9: Lantern Mastery Record has no such result"),
        ({"results": (("R1", MARK),)}, r"result\.R1: value is not one of met"),
        ({"results": (("R1", "met"), ("R1", "met"))}, r"result\.R1: is given twice"),
        ({"results": (("R1", ""),)}, r"result\.R1: is empty"),
    ],
)
def test_check_award_refuses(change: dict[str, Any], message: str | None) -> None:
    """Each field by its CSV name; what is in the field is never repeated."""
    content = replace(CONTENT, **change)
    if message is None:
        copy.check_award(content)
        return
    with pytest.raises(RuleError, match=message) as caught:
        mint(content)
    assert MARK not in f"{caught.value}{caught.value.hint}{caught.value.__cause__}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"iss": "https://other.example"}, "iss and the id of the issuer profile differ"),
        ({"key_id": b"short"}, "key id of 5 bytes"),
        ({"copy_id": "7"}, "copy_id is not a UUID"),
    ],
)
def test_wrong_terms_are_mistakes_of_the_caller(change: dict[str, Any], message: str) -> None:
    """Terms come from the node, never from a person."""
    with pytest.raises(ValueError, match=message):
        mint(terms=replace(TERMS, **change))


def test_a_private_holder_key_is_refused() -> None:
    """Whoever sends the private part has given the key away."""
    assert TERMS.holder is not None
    with pytest.raises(MalformedError, match="private key"):
        mint(terms=replace(TERMS, holder={**TERMS.holder, "d": "AA"}))


def test_fillers_leave_no_trace() -> None:
    """The holder's copy has exactly the disclosures of real fields."""
    assert len(fields.field_names(mint(PLAIN))) == 2
    assert len(mint(PLAIN).split("~")) == 2 + 2
    assert len(fields.field_names(mint())) == 9


def test_a_copy_is_the_same_for_the_same_randomness() -> None:
    """Minting is a pure function: same award, terms and draws, same bytes."""
    assert mint() == copy.mint_copy(CONTENT, TERMS, ISSUER_KEY.sign, seeded("a"))
    assert mint() != mint(seed="b")
