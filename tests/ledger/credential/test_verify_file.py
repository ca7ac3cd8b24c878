"""Steps 1-5: one row for every way a file by itself is refused, told by the right step."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ledger import base64url
from ledger.credential import presentation
from ledger.credential.fields import select_fields
from ledger.credential.jose import sign_jws
from ledger.credential.report import Answer, Code, Verdict
from ledger.log.charter import Role
from tests.ledger.credential.verifying import AUDIENCE, DAY, HOLDER, STRANGER, World, bound
from tests.simulator import NOW

Make = Callable[[World], bytes]


def rewritten(data: bytes, **change: Any) -> bytes:
    value = json.loads(data)
    return json.dumps({**value, **change}, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def with_token(data: bytes, change: Callable[[str], str]) -> bytes:
    """A made file whose first credential is changed afterwards."""
    value = json.loads(data)
    value["credentials"][0]["sd_jwt"] = change(value["credentials"][0]["sd_jwt"])
    return rewritten(data, credentials=value["credentials"])


def parts(text: str) -> tuple[str, list[str], str]:
    jwt, *disclosures, binding = text.split("~")
    return jwt, disclosures, binding


def added(world: World) -> bytes:
    one, other = world.mint(), world.mint()
    world.cut(one, other)
    extra = select_fields(other.sd_jwt, ["email"]).split("~")[1]

    def change(text: str) -> str:
        jwt, disclosures, binding = parts(text)
        return "~".join((jwt, *disclosures, extra, binding))

    return with_token(world.present(one), change)


def hidden_added(world: World) -> bytes:
    """A field of the same copy that the holder did not choose to show."""
    one = world.good()
    extra = select_fields(one.sd_jwt, ["email"]).split("~")[1]
    return with_token(world.present(one), lambda text: text.replace("~", f"~{extra}~", 1))


def removed(world: World) -> bytes:
    def change(text: str) -> str:
        jwt, disclosures, binding = parts(text)
        return "~".join((jwt, *disclosures[1:], binding))

    return with_token(world.present(world.good()), change)


def swapped(world: World) -> bytes:
    def change(text: str) -> str:
        jwt, disclosures, binding = parts(text)
        return "~".join((jwt, *disclosures[::-1], binding))

    return with_token(world.present(world.good()), change)


def altered(world: World) -> bytes:
    """The same salt with another value: the name of somebody else."""

    def change(text: str) -> str:
        jwt, disclosures, binding = parts(text)
        values = [base64url.decode(one).replace("Zoë".encode(), b"Zoe") for one in disclosures]
        return "~".join((jwt, *map(base64url.encode, values), binding))

    return with_token(world.present(world.good()), change)


def payload_changed(world: World) -> bytes:
    """The signed claims say more than the issuer signed."""

    def change(text: str) -> str:
        jwt, disclosures, binding = parts(text)
        header, payload, signature = jwt.split(".")
        claims = {**json.loads(base64url.decode(payload)), "exp": 4_000_000_000}
        return "~".join(
            (".".join((header, base64url.encode(json.dumps(claims).encode()), signature)), *disclosures, binding)
        )

    return with_token(world.present(world.good()), change)


def signature_flipped(world: World) -> bytes:
    def change(text: str) -> str:
        jwt, disclosures, binding = parts(text)
        head, _, signature = jwt.rpartition(".")
        raw = bytearray(base64url.decode(signature))
        raw[10] ^= 1
        return "~".join((f"{head}.{base64url.encode(bytes(raw))}", *disclosures, binding))

    return with_token(world.present(world.good()), change)


def signed_by_hand(world: World, change: Callable[[dict[str, Any], dict[str, Any]], None], key: Any = None) -> bytes:
    """A bare credential whose header and payload are what `change` makes of a good one, signed by the issuer's key."""
    jwt, _, _ = parts(world.mint(None).sd_jwt)
    header, payload = (json.loads(base64url.decode(part)) for part in jwt.split(".")[:2])
    change(header, payload)
    signer = key or world.granite.role_signers[Role.REGISTER]
    return (sign_jws(header, json.dumps(payload).encode(), signer.sign) + "~").encode()


def nest(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def re_enveloped(**change: Any) -> Make:
    """The holder's signatures of one file, in a file that says something else."""

    def make(world: World) -> bytes:
        one = world.good()
        made = world.bind(world.envelope(one), HOLDER)
        return presentation.encode_presentation(replace(world.envelope(one, **change), credentials=made.credentials))

    return make


def foreign_holder(world: World) -> bytes:
    one = world.good()
    return presentation.encode_presentation(world.bind(world.envelope(one), STRANGER))


def re_signed(**change: Any) -> Make:
    """A file whose key binding says something else than the file."""

    def make(world: World) -> bytes:
        one = world.good()
        return presentation.encode_presentation(world.bind(world.envelope(one), HOLDER, **change))

    return make


def from_another_file(world: World) -> bytes:
    """A credential shown elsewhere, put into this file with its old key binding."""
    one, other = world.mint(), world.mint(STRANGER)
    world.cut(one, other)
    elsewhere = world.bind(world.envelope(other), STRANGER).credentials[0].sd_jwt
    envelope = world.envelope(one, other)
    mine = bound(envelope.credentials[0].sd_jwt, HOLDER, envelope)
    return presentation.encode_presentation(presentation.bind_credentials(envelope, [mine, elsewhere]))


def other_members_issuer(world: World) -> bytes:
    """Lantern signs a credential in Granite's name."""
    one = world.mint(iss=world.issuer(world.granite), key=world.lantern.role_signers[Role.REGISTER])
    world.cut(one, log=world.lantern)
    return world.present(one)


FILES: list[tuple[str, Make, int, Code, str]] = [
    # 1
    (
        "more than 10 MiB",
        lambda _: b"x" * (10 * 1024 * 1024 + 1),
        1,
        Code.MALFORMED,
        "10485761 bytes, at most 10485760",
    ),
    ("10 MiB of junk", lambda _: b"\xff" * 10 * 1024 * 1024, 1, Code.MALFORMED, "neither a presentation nor an SD-JWT"),
    ("10 MiB of letters", lambda _: b"x" * 10 * 1024 * 1024, 1, Code.MALFORMED, "at most 1048576 are read"),
    ("10 MiB of tildes", lambda _: b"~" * 10 * 1024 * 1024, 1, Code.MALFORMED, "at most 1048576 are read"),
    ("10 MiB of braces", lambda _: b"{" * 10 * 1024 * 1024, 1, Code.MALFORMED, "ledger json"),
    ("nothing", lambda _: b"", 1, Code.MALFORMED, "file: empty"),
    ("words", lambda _: b"Dear all, see below", 1, Code.MALFORMED, "neither a presentation nor an SD-JWT"),
    ("a bare token", lambda _: b"eyJ9.e30.AA", 1, Code.MALFORMED, "expected tildes"),
    ("an empty object", lambda _: b"{}", 1, Code.MALFORMED, "is missing"),
    ("deep nesting", lambda _: b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 1, Code.MALFORMED, "ledger json"),
    (
        "deep nesting in a receipt",
        lambda world: rewritten(
            world.present(world.good()), credentials=[{"receipt": {"x": nest(40)}, "sd_jwt": "a.b.c~"}]
        ),
        1,
        Code.MALFORMED,
        "nested deeper than 16",
    ),
    (
        "deep nesting in the credential",
        lambda world: signed_by_hand(world, lambda _, claims: claims.update(x=nest(40))),
        1,
        Code.MALFORMED,
        "deep",
    ),
    ("too many disclosures", lambda _: b"a.b.c" + b"~a" * 10_001 + b"~", 1, Code.MALFORMED, "10001 disclosures"),
    ("not canonical", lambda world: world.present(world.good()).replace(b'":', b'": '), 1, Code.MALFORMED, "canonical"),
    (
        "unknown member",
        lambda world: rewritten(world.present(world.good()), x=1),
        1,
        Code.MALFORMED,
        "unknown member 'x'",
    ),
    (
        "of another type",
        lambda world: signed_by_hand(world, lambda header, _: header.update(typ="JWT")),
        1,
        Code.MALFORMED,
        "expected type",
    ),
    # 2
    ("signature flipped", signature_flipped, 2, Code.BAD_SIGNATURE, "signature"),
    ("claims changed", payload_changed, 2, Code.BAD_SIGNATURE, "signature"),
    (
        "signed by another key of the school",
        lambda world: signed_by_hand(world, lambda *_: None, world.granite.role_signers[Role.ISSUE]),
        2,
        Code.BAD_SIGNATURE,
        "signature",
    ),
    (
        "signed by a key nobody named",
        lambda world: world.present(world.good(key=STRANGER)),
        2,
        Code.BAD_SIGNATURE,
        "a key that Granite never named",
    ),
    ("another member's iss", other_members_issuer, 2, Code.BAD_SIGNATURE, "a key that Granite never named"),
    (
        "no algorithm",
        lambda world: signed_by_hand(world, lambda header, _: header.update(alg="none")),
        2,
        Code.BAD_SIGNATURE,
        "none",
    ),
    (
        "a critical header",
        lambda world: signed_by_hand(world, lambda header, _: header.update(crit=["b64"], b64=False)),
        2,
        Code.BAD_SIGNATURE,
        "crit",
    ),
    (
        "no key named",
        lambda world: signed_by_hand(world, lambda header, _: header.pop("kid")),
        2,
        Code.BAD_SIGNATURE,
        "names no issuer or no key",
    ),
    (
        "no issuer named",
        lambda world: signed_by_hand(world, lambda _, claims: claims.pop("iss")),
        2,
        Code.BAD_SIGNATURE,
        "names no issuer or no key",
    ),
    (
        "a key id of another kind",
        lambda world: signed_by_hand(world, lambda header, _: header.update(kid="did:example:1")),
        2,
        Code.BAD_SIGNATURE,
        "not one of this ledger",
    ),
    (
        "unknown issuer",
        lambda world: world.present(world.good(iss="https://elsewhere.example")),
        2,
        Code.UNKNOWN_ISSUER,
        "https://elsewhere.example is not an issuer in the network Confluence",
    ),
    # 3
    ("disclosure added", added, 3, Code.BAD_SIGNATURE, "not signed|no digest|matches"),
    ("disclosure altered", altered, 3, Code.BAD_SIGNATURE, "not signed|no digest|matches"),
    # 4
    ("hidden disclosure added", hidden_added, 4, Code.NOT_BOUND, "made for other disclosures"),
    ("disclosure removed", removed, 4, Code.NOT_BOUND, "made for other disclosures"),
    ("disclosures swapped", swapped, 4, Code.NOT_BOUND, "made for other disclosures"),
    ("foreign holder key", foreign_holder, 4, Code.NOT_BOUND, "signature"),
    (
        "no key binding",
        lambda world: with_token(world.present(world.good()), lambda text: text[: text.rindex("~") + 1]),
        4,
        Code.NOT_BOUND,
        "required, but the token has none",
    ),
    (
        "made for somebody else",
        lambda world: world.present(world.good(), audience="https://other.example"),
        4,
        Code.NOT_BOUND,
        "made for 'https://other.example', expected 'https://college.example'",
    ),
    (
        "replayed nonce",
        lambda world: world.present(world.good(), nonce="of last year"),
        4,
        Code.NOT_BOUND,
        "'of last year'.*'nonce-of-the-college'",
    ),
    (
        "expired presentation",
        lambda world: world.present(world.good(), created=NOW - 2 * DAY, expires=NOW),
        4,
        Code.NOT_BOUND,
        "could be used until 2026-06-09",
    ),
    (
        "made in the future",
        lambda world: world.present(world.good(), created=NOW + DAY, expires=NOW + 2 * DAY),
        4,
        Code.NOT_BOUND,
        "signed in the future",
    ),
    (
        "file for somebody else",
        re_signed(audience=AUDIENCE + "/"),
        4,
        Code.NOT_BOUND,
        "made for 'https://college.example/'",
    ),
    ("signed for no file", re_signed(claims={}), 4, Code.NOT_BOUND, "signed this credential alone"),
    ("signed too long ago", re_signed(now=NOW - 181 * DAY), 4, Code.NOT_BOUND, "signed at 2025-12-10"),
    ("purpose changed", re_enveloped(purpose="employment"), 4, Code.NOT_BOUND, "signed another file"),
    ("expiry changed", re_enveloped(expires=NOW + 31 * DAY), 4, Code.NOT_BOUND, "signed another file"),
    ("learner's words changed", re_enveloped(learner={"goals": "To rule"}), 4, Code.NOT_BOUND, "signed another file"),
    (
        "a copy without holder key, for somebody",
        lambda world: world.present(world.good(holder=None)),
        4,
        Code.NOT_BOUND,
        "nobody can show that it was made for you",
    ),
    # 5
    (
        "expired",
        lambda world: world.present(world.good(valid_until="2026-06-08")),
        5,
        Code.EXPIRED,
        "valid until 2026-06-08",
    ),
    (
        "not yet valid",
        lambda world: world.present(world.good(issued_at=NOW // 1000 + 2 * 86_400)),
        5,
        Code.NOT_YET_VALID,
        "valid from 2026-06-11",
    ),
]


@pytest.mark.parametrize(("make", "step", "code", "message"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
def test_a_file_is_refused_by_the_right_step(make: Make, step: int, code: Code, message: str) -> None:
    """The steps before it say yes; after a bad signature nothing else is believed."""
    world = World()
    report = world.verify(make(world)).credentials[0]
    assert report.code is code, report.to_lines()
    assert [one.answer for one in report.steps[: step - 1]] == [Answer.YES] * (step - 1)
    found = report.steps[step - 1]
    unsure = code is Code.UNKNOWN_ISSUER
    assert found.answer is (Answer.COULD_NOT_CHECK if unsure else Answer.NO)
    assert re.search(message, found.detail), found.detail
    assert found.remedy or step <= 2
    if step <= 3:
        assert len(report.steps) == step
        assert (report.title, report.issuer, report.shown, report.not_shown) == ("", "", (), ())
    else:
        assert len(report.steps) == 14 and report.title


def test_a_credential_of_another_file_is_refused_and_the_rest_stays_good() -> None:
    world = World()
    record = world.verify(from_another_file(world))
    assert [report.code for report in record.credentials] == [Code.VALID, Code.NOT_BOUND]
    assert "signed another file" in record.credentials[1].steps[3].detail
    assert record.verdict is Verdict.NOT_AUTHENTIC


def test_what_the_learner_wrote_is_nobodys_word_without_a_good_signature() -> None:
    world = World()
    record = world.verify(foreign_holder(world))
    assert record.shown == record.notes == ()


def test_key_binding_and_file_must_agree_also_when_nobody_asks() -> None:
    world = World()
    data = re_signed(nonce="another")(world)
    report = world.verify(data, audience=None, nonce=None).credentials[0]
    assert report.code is Code.NOT_BOUND
    assert "key binding with nonce 'another', the file has 'nonce-of-the-college'" in report.steps[3].detail
