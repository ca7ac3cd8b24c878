"""How an award was decided goes into its copies, with another digest in each, and nowhere else."""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ledger import base64url
from ledger.credential.evaluation import EvaluationRecord, encode_columns, key_fingerprint
from ledger.credential.sdjwt import open_claims, parse_sd_jwt
from ledger.log.keys import SigningKey
from node.client.registry import IssueRequest
from node.registrar import awards, copies
from node.registrar.database import FILE_NAME
from node.registrar.tables import Award, Copy, Evaluated
from tests.node.registrar.desks import DIPLOMA, Bench, csv_of, fresh_bench

RECORD = EvaluationRecord(
    fingerprint=b"\x07" * 32, requirement_set="granite-hollow/1", rules=("GH-IND/1", "GH-TS/1"), judges=("human",)
)


def with_evaluations(data: bytes, record: EvaluationRecord = RECORD) -> bytes:
    header, *rows = data.decode().splitlines()
    columns = encode_columns(record)
    lines = [f"{header},{','.join(columns)}", *(f"{row},{','.join(columns.values())}" for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def claim_of(credential: str) -> dict[str, Any] | None:
    claim = open_claims(parse_sd_jwt(credential)).payload.get("evaluation")
    assert claim is None or isinstance(claim, dict)
    return claim


def registrar_copies(bench: Bench) -> list[str]:
    with bench.desk.database.read() as session:
        return list(session.scalars(select(Copy.credential).order_by(Copy.id)))


async def test_every_copy_has_a_digest_of_its_own(tmp_path: Path) -> None:
    """The registrar's and both of a wallet, all of one fingerprint."""
    async with fresh_bench(tmp_path) as bench:
        report = await bench.desk.issue(IssueRequest(data=with_evaluations(csv_of(range(1))), achievement=DIPLOMA))
        assert (report.new, report.problems) == (1, ())
        with bench.desk.database.write() as session:
            award = session.get_one(Award, report.issued[0])
            published = bench.desk.find_achievement(award.achievement, award.version)
            keys = [SigningKey(bytes([n]) * 32).public for n in (1, 2)]
            held = copies.mint_wallet_copies(session, bench.desk.make_press(), published, award, keys)
        claims = [claim_of(text) for text in (*registrar_copies(bench)[:1], *held)]
        for claim in claims:
            assert claim is not None
            salt = base64url.decode(claim["salt"], 16)
            assert base64url.decode(claim["digest"]) == key_fingerprint(RECORD.fingerprint, salt)
            assert (claim["requirementSet"], claim["judges"]) == ("granite-hollow/1", ["human"])
        assert len({claim["salt"] for claim in claims if claim}) == 3
        await bench.desk.cut()
        ledger = b"".join(bench.log.entry(n) + (bench.log.body(n) or b"") for n in range(bench.log.state.size))
        for claim in claims:
            assert claim is not None
            assert RECORD.fingerprint not in ledger and base64url.decode(claim["digest"]) not in ledger
            assert claim["digest"].encode() not in ledger


async def test_a_list_without_it_is_issued_as_before(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        await bench.desk.issue(IssueRequest(data=csv_of(range(2)), achievement=DIPLOMA))
        assert [claim_of(text) for text in registrar_copies(bench)] == [None, None]


async def test_a_later_evaluation_of_the_same_award_changes_nothing(tmp_path: Path) -> None:
    """The award stands as it was decided; a replacement is decided anew."""
    async with fresh_bench(tmp_path) as bench:
        data = csv_of(range(1))
        first = await bench.desk.issue(IssueRequest(data=with_evaluations(data), achievement=DIPLOMA))
        later = EvaluationRecord(fingerprint=b"\x08" * 32, requirement_set="granite-hollow/1", rules=(), judges=())
        again = await bench.desk.issue(IssueRequest(data=with_evaluations(data, later), achievement=DIPLOMA))
        assert (again.new, again.already) == (0, 1)
        changed = with_evaluations(data.replace(b"met,waived", b"met,met"), later)
        second = await bench.desk.issue(IssueRequest(data=changed, achievement=DIPLOMA, replace=first.issued))
        assert second.replaced == 1
        with bench.desk.database.read() as session:
            found = awards.evaluations_of(session, [*first.issued, *second.issued])
        assert found == {first.issued[0]: RECORD, second.issued[0]: later}


async def test_a_row_that_says_it_badly_is_left_out(tmp_path: Path) -> None:
    """By line, column and reason; the value is not repeated, the other rows are awarded."""
    async with fresh_bench(tmp_path) as bench:
        lines = with_evaluations(csv_of(range(3))).decode().splitlines()
        lines[2] = lines[2].replace(base64url.encode(RECORD.fingerprint), "secretvalue")
        data = "\n".join(lines).encode()
        report = await bench.desk.issue(IssueRequest(data=data, achievement=DIPLOMA))
        assert report.new == 2
        (problem,) = report.problems
        assert problem.describe() == "line 3, column evaluation.fingerprint: is not 32 bytes in base64url"


async def test_a_database_from_before_gets_the_table(tmp_path: Path) -> None:
    """Nothing about older awards changes."""
    async with fresh_bench(tmp_path) as bench:
        await bench.desk.issue(IssueRequest(data=csv_of(range(1)), achievement=DIPLOMA))
        with bench.desk.database.read() as session:
            assert session.scalars(select(Evaluated)).all() == []
    with sqlite3.connect(next(tmp_path.rglob(FILE_NAME))) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert "evaluations" in tables
