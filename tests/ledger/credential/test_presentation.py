"""Presentation files: one spelling, bounded, and one hash that every holder key signs."""

import dataclasses
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import canonical
from ledger.credential import fields, keybinding, presentation, processing, sdjwt
from ledger.credential.keybinding import BindingPolicy, KeyBinding
from ledger.credential.presentation import LearnerPart, PresentedCredential
from ledger.errors import MalformedError, RuleError
from tests.ledger.credential.award import HOLDER_KEY, ISSUER_KEY, mint

NOW = 1_781_000_000_000
DAY = 86_400_000
RECEIPT: canonical.JSONObject = {"index": 7, "log": "AA", "path": ["BB"], "position": 3}


def make(**changes: Any) -> presentation.Presentation:
    values: dict[str, Any] = {
        "audience": "https://college.example",
        "nonce": "n-1",
        "purpose": "admission",
        "created": NOW,
        "expires": NOW + 30 * DAY,
        "credentials": [PresentedCredential("h.p.s~d1~d2~", RECEIPT), PresentedCredential("h2.p2.s2~")],
        "learner": {"goals": "To fly", "about": "Me"},
    }
    return presentation.build_envelope(**{**values, **changes})


def test_the_file_in_full() -> None:
    """The bytes of a file with two credentials, one bound, one without a receipt."""
    envelope = make()
    bound = presentation.bind_credentials(envelope, ["h.p.s~d1~d2~a.b.c", "h2.p2.s2~"])
    assert presentation.encode_presentation(bound) == (
        b'{"audience":"https://college.example","created":1781000000000,"credentials":['
        b'{"receipt":{"index":7,"log":"AA","path":["BB"],"position":3},"sd_jwt":"h.p.s~d1~d2~a.b.c"},'
        b'{"sd_jwt":"h2.p2.s2~"}],"expires":1783592000000,"learner":{"about":"Me","goals":"To fly"},'
        b'"nonce":"n-1","purpose":"admission","v":1}'
    )
    assert presentation.parse_presentation(presentation.encode_presentation(bound)) == bound


def test_the_envelope_hash_is_the_designs() -> None:
    """Context string and canonical form with the key-binding JWTs cut off; the same before and after binding."""
    envelope = make()
    bound = presentation.bind_credentials(envelope, ["h.p.s~d1~d2~a.b.c", "h2.p2.s2~x.y.z"])
    expected = hashlib.sha256(b"cairn/presentation/v1\n" + presentation.encode_presentation(envelope)).digest()
    assert presentation.envelope_hash(envelope) == expected
    assert presentation.envelope_hash(bound) == expected
    assert len(presentation.hash_claim(bound)) == 43


@pytest.mark.parametrize(
    "change",
    [
        {"audience": "https://other.example"},
        {"nonce": "n-2"},
        {"purpose": "employment"},
        {"created": NOW + 1},
        {"expires": NOW + 29 * DAY},
        {"learner": {"goals": "To dive", "about": "Me"}},
        {"learner": {"goals": "To fly"}},
        {"credentials": [PresentedCredential("h.p.s~d1~d2~", RECEIPT)]},
        {"credentials": [PresentedCredential("h2.p2.s2~"), PresentedCredential("h.p.s~d1~d2~", RECEIPT)]},
        {"credentials": [PresentedCredential("h.p.s~d2~d1~", RECEIPT), PresentedCredential("h2.p2.s2~")]},
        {"credentials": [PresentedCredential("h.p.s~d1~", RECEIPT), PresentedCredential("h2.p2.s2~")]},
        {"credentials": [PresentedCredential("h.p.s~d1~d2~"), PresentedCredential("h2.p2.s2~")]},
        {
            "credentials": [
                PresentedCredential("h.p.s~d1~d2~", {**RECEIPT, "index": 8}),
                PresentedCredential("h2.p2.s2~"),
            ]
        },
    ],
)
def test_every_part_of_the_file_is_signed(change: dict[str, Any]) -> None:
    """Each change of what the file says gives another hash, so no holder key has signed it."""
    assert presentation.envelope_hash(make(**change)) != presentation.envelope_hash(make())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"audience": " "}, "audience and nonce must not be empty"),
        ({"nonce": ""}, "audience and nonce must not be empty"),
        ({"audience": "x" * 1001}, "audience: 1001 characters"),
        ({"purpose": "x" * 1001}, "purpose: 1001 characters"),
        ({"expires": NOW}, "expires: must come after created"),
        ({"expires": NOW + 180 * DAY + 1}, "by 180 days at most"),
        ({"credentials": []}, "0 credentials"),
        ({"credentials": [PresentedCredential("h.p.s~")] * 201}, "201 credentials"),
        ({"credentials": [PresentedCredential("h.p.s")]}, "not an SD-JWT"),
        ({"credentials": [PresentedCredential("h.p.s~ ~")]}, "not an SD-JWT"),
        ({"learner": {"Goals": "x"}}, "'Goals' is not a name"),
        ({"learner": {"goals": "x" * 20_001}}, r"learner\.goals: 20001 characters"),
        ({"learner": {f"p{n}": "" for n in range(51)}}, "51 parts"),
    ],
)
def test_build_envelope_refuses(change: dict[str, Any], message: str) -> None:
    """What no file may hold is refused when it is made, one past each limit."""
    with pytest.raises(MalformedError, match=message):
        make(**change)


def test_the_limits_themselves_are_taken() -> None:
    """At each limit a file is made and read."""
    envelope = make(
        audience="x" * 1000,
        purpose="",
        expires=NOW + 180 * DAY,
        credentials=[PresentedCredential("h.p.s~")] * 200,
        learner={f"p{n}": "x" * 20_000 for n in range(50)},
    )
    assert presentation.parse_presentation(presentation.encode_presentation(envelope)) == envelope


def test_text_is_normalised_when_written() -> None:
    """Two spellings of one letter give one file."""
    envelope = make(purpose="cafe\u0301", learner={"goals": "e\u0301"})
    assert envelope.purpose == "caf\u00e9"
    assert envelope.learner == (LearnerPart("goals", "\u00e9"),)


def test_a_bound_credential_is_unbound_in_the_envelope() -> None:
    """An old key-binding JWT does not get into a new file."""
    envelope = make(credentials=[PresentedCredential("h.p.s~d1~old.kb.jwt")])
    assert envelope.credentials[0].sd_jwt == "h.p.s~d1~"


@pytest.mark.parametrize(
    "texts", [["h.p.s~d1~d2~a.b.c"], ["h.p.s~d1~a.b.c", "h2.p2.s2~"], ["h2.p2.s2~", "h.p.s~d1~d2~"]]
)
def test_bind_credentials_takes_the_envelopes_own(texts: list[str]) -> None:
    """Another credential, or another selection, is a mistake of the caller."""
    with pytest.raises(ValueError, match="presentation"):
        presentation.bind_credentials(make(), texts)


GOOD: dict[str, Any] = json.loads(presentation.encode_presentation(make()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"v": 2}, "v: expected 1"),
        ({"v": True}, "v: expected 1"),
        ({"v": ...}, "v is missing"),
        ({"expires": ...}, "expires is missing"),
        ({"created": ...}, "created is missing"),
        ({"learner": ...}, "learner is missing"),
        ({"more": 1}, "unknown member 'more'"),
        ({"expires": str(NOW)}, "expires: expected Unix milliseconds"),
        ({"expires": -1}, "expires: expected Unix milliseconds"),
        ({"expires": NOW - 1}, "must come after created"),
        ({"expires": NOW + 181 * DAY}, "by 180 days at most"),
        ({"audience": 5}, "audience: expected text"),
        ({"nonce": ""}, "must not be empty"),
        ({"credentials": {}}, "credentials: expected a list of 1 to 200"),
        ({"credentials": []}, "credentials: expected a list of 1 to 200"),
        ({"credentials": [{"sd_jwt": "h.p.s~"}] * 201}, "credentials: expected a list of 1 to 200"),
        ({"credentials": ["h.p.s~"]}, r"credentials\[0\]: expected an object"),
        ({"credentials": [{"receipt": {}}]}, r"credentials\[0\]: expected an object with sd_jwt"),
        ({"credentials": [{"sd_jwt": "h.p.s~", "more": 1}]}, r"credentials\[0\]: expected an object with sd_jwt"),
        ({"credentials": [{"sd_jwt": "h.p.s"}]}, r"credentials\[0\]\.sd_jwt: is not an SD-JWT"),
        ({"credentials": [{"sd_jwt": "~"}]}, r"credentials\[0\]\.sd_jwt: is not an SD-JWT"),
        ({"credentials": [{"sd_jwt": "h.p.s~é"}]}, r"credentials\[0\]\.sd_jwt: is not an SD-JWT"),
        ({"credentials": [{"sd_jwt": "h.p.s~" + "x" * 1024 * 1024}]}, r"credentials\[0\]\.sd_jwt: is not an SD-JWT"),
        ({"credentials": [{"sd_jwt": 5}]}, r"credentials\[0\]\.sd_jwt: is not an SD-JWT"),
        ({"credentials": [{"sd_jwt": "h.p.s~", "receipt": "r"}]}, r"credentials\[0\]\.receipt: expected an object"),
        ({"learner": []}, "learner: expected an object"),
        ({"learner": {"goals": 1}}, r"learner\.goals: expected text"),
    ],
)
def test_parse_presentation_refuses(change: dict[str, Any], message: str) -> None:
    """Each fault is refused with an error that names the member."""
    value = {name: member for name, member in {**GOOD, **change}.items() if member is not ...}
    with pytest.raises(MalformedError, match=message):
        presentation.parse_presentation(canonical.encode(value))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"x" * (10 * 1024 * 1024 + 1), "10485761 bytes, at most 10485760"),
        (b"x" * 10 * 1024 * 1024, "not json"),
        (b"", "not json"),
        (b"[]", "not an object"),
        (json.dumps(GOOD).encode(), "canonical"),
        (presentation.encode_presentation(make()) + b"\n", "canonical"),
        (b'{"learner":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001, "not json|deeper"),
        (b'{"credentials":' + b"[" * 5000 + b"]" * 5000 + b"}", "not json|deeper"),
    ],
)
def test_parse_presentation_refuses_other_bytes(data: bytes, message: str) -> None:
    """Junk of every size, another spelling, trailing bytes, deep nesting: refused, the size first."""
    with pytest.raises(MalformedError, match=message):
        presentation.parse_presentation(data)


def test_encode_presentation_refuses_what_would_not_be_read() -> None:
    """A file beyond 10 MiB is never written."""
    large = PresentedCredential("h.p.s~" + "x" * 1_000_000 + "~")
    with pytest.raises(MalformedError, match="at most 10485760"):
        presentation.encode_presentation(make(credentials=[large] * 11))
    with pytest.raises(MalformedError, match="must come after created"):
        presentation.encode_presentation(dataclasses.replace(make(), expires=0))


tokens = st.from_regex(r"\A[A-Za-z0-9_-]{1,8}\.[A-Za-z0-9_-]{1,8}\.[A-Za-z0-9_-]{1,8}~([A-Za-z0-9_-]{1,8}~){0,3}\Z")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    audience=texts.filter(lambda text: text.strip() != ""),
    purpose=texts,
    created=st.integers(0, 2**52),
    age=st.integers(1, 180 * DAY),
    sd_jwts=st.lists(tokens, min_size=1, max_size=4),
    learner=st.dictionaries(st.from_regex(r"\A[a-z][a-z0-9_]{0,5}\Z"), texts, max_size=3),
)
def test_parse_inverts_encode(
    audience: str, purpose: str, created: int, age: int, sd_jwts: list[str], learner: dict[str, str]
) -> None:
    """Whatever can be made is read back equal, and its bytes are the only spelling."""
    envelope = make(
        audience=audience,
        purpose=purpose,
        created=created,
        expires=created + age,
        credentials=[PresentedCredential(text) for text in sd_jwts],
        learner=learner,
    )
    data = presentation.encode_presentation(envelope)
    assert presentation.parse_presentation(data) == envelope
    assert presentation.encode_presentation(presentation.parse_presentation(data)) == data


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_any_changed_byte_changes_the_meaning_or_is_refused(position: int, flip: int) -> None:
    """A byte cannot change unseen: the file is refused, or the envelope hash is another."""
    data = bytearray(presentation.encode_presentation(make()))
    data[position % len(data)] ^= flip
    try:
        other = presentation.parse_presentation(bytes(data))
    except MalformedError:
        return
    assert presentation.envelope_hash(other) != presentation.envelope_hash(make())


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    """Bytes never raise anything but MalformedError."""
    with pytest.raises(MalformedError):
        presentation.parse_presentation(data)


def bind(envelope: presentation.Presentation, **changes: Any) -> presentation.Presentation:
    """What a wallet does: one key binding per credential, each over the whole file."""
    values: dict[str, Any] = {
        "audience": envelope.audience,
        "nonce": envelope.nonce,
        "claims": {presentation.HASH_CLAIM: presentation.hash_claim(envelope)},
    }
    bound = [
        keybinding.sign_key_binding(
            credential.sd_jwt,
            now=envelope.created,
            sign=HOLDER_KEY.sign,
            digest=processing.find_digest({}),
            **{**values, **changes},
        )
        for credential in envelope.credentials
    ]
    return presentation.bind_credentials(envelope, bound)


def open_binding(credential: PresentedCredential) -> KeyBinding:
    verified = sdjwt.verify_sd_jwt(
        credential.sd_jwt, ISSUER_KEY.public, now=NOW, binding=BindingPolicy("https://college.example", None)
    )
    assert verified.key_binding is not None
    return verified.key_binding


def two_copies() -> list[PresentedCredential]:
    return [
        PresentedCredential(fields.select_fields(mint(), ["name", "result.R1"]), RECEIPT),
        PresentedCredential(fields.select_fields(mint(seed="b"), ["name"])),
    ]


def test_every_holder_key_signs_the_whole_file() -> None:
    """A file as a wallet makes it is read back, and each key binding was made for it."""
    data = presentation.encode_presentation(bind(make(credentials=two_copies())))
    read = presentation.parse_presentation(data)
    claim = presentation.hash_claim(read)
    for credential in read.credentials:
        presentation.verify_binding(read, open_binding(credential), claim=claim)


@pytest.mark.parametrize(
    ("signed", "file", "message"),
    [
        ({"claims": {}}, {}, "signed this credential alone"),
        ({"claims": {presentation.HASH_CLAIM: "x"}}, {}, "signed another file"),
        ({"claims": {presentation.HASH_CLAIM: 5}}, {}, "signed another file"),
        ({}, {"learner": {"goals": "To dive"}}, "signed another file"),
        ({}, {"expires": NOW + 60 * DAY}, "signed another file"),
        ({"nonce": "n-9"}, {}, "key binding with nonce 'n-9', the file has 'n-1'"),
    ],
)
def test_verify_binding_refuses(signed: dict[str, Any], file: dict[str, Any], message: str) -> None:
    """A key binding for the credential alone, for another file, or with another nonce."""
    bound = bind(make(credentials=two_copies()), **signed)
    other = make(credentials=two_copies(), **file)
    with pytest.raises(RuleError, match=message):
        presentation.verify_binding(other, open_binding(bound.credentials[0]), claim=presentation.hash_claim(other))


def test_verify_binding_refuses_another_audience() -> None:
    """The audience of the key binding is the file's."""
    envelope = make(credentials=two_copies())
    binding = dataclasses.replace(open_binding(bind(envelope).credentials[0]), audience="https://other.example")
    with pytest.raises(RuleError, match=r"for 'https://other\.example', the file is for 'https://college\.example'"):
        presentation.verify_binding(envelope, binding, claim=presentation.hash_claim(envelope))


def test_a_removed_credential_is_noticed() -> None:
    """Taking one credential out of a file breaks the binding of the others."""
    bound = bind(make(credentials=two_copies()))
    less = dataclasses.replace(bound, credentials=bound.credentials[:1])
    with pytest.raises(RuleError, match="signed another file"):
        presentation.verify_binding(less, open_binding(less.credentials[0]), claim=presentation.hash_claim(less))
