"""Small random data sets, dense in edges: equal dates, empty windows, corrections of corrections, days at a limit.

`random.Random` fills what hypothesis sizes, so a failing example shrinks to few rows and is repeated by its seed.
"""

import json
from datetime import date, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.ledger.mastery.sample import Files, write_rows

T = date(2026, 3, 1)
AREAS = ("A", "B")
CLUSTERS = ("A.1", "A.2", "B.1")
MICROS = ("A.1.a", "A.1.b", "A.1.c", "A.2.a", "B.1.a", "B.1.b")
LIMIT = 30
PEOPLE = ("p1", "p2", "p3", "m1", "L1")
ROLES = ("lead", "panel", "council")
TYPES = ("task", "talk")
Json = dict[str, Any]


def near(draw: Random, *days: int) -> str:
    """A day near the date of evaluation, often exactly at an edge."""
    return str(
        T - timedelta(days=draw.choice([*days, *days, *days, 0, 1, 2, -1, LIMIT, LIMIT + 1, draw.randrange(0, 60)]))
    )


def open_day(draw: Random) -> str:
    return draw.choice(["", near(draw, 10, 20)])


def framework() -> Json:
    codes = (*AREAS, *CLUSTERS, *MICROS)
    items = [{"identifier": f"id-{c}", "humanCodingScheme": c, "fullStatement": f"Does {c}."} for c in codes]
    links = []
    for number, code in enumerate(codes):
        above = code.rpartition(".")[0]
        end = {"title": above, "identifier": f"id-{above}"} if above else {"title": "doc", "identifier": "doc"}
        links.append(
            {
                "associationType": "isChildOf",
                "sequenceNumber": number,
                "originNodeURI": {"title": code, "identifier": f"id-{code}"},
                "destinationNodeURI": end,
            }
        )
    document = {"identifier": "doc", "uri": "urn:cairn:framework:ours:1.0", "title": "Ours", "version": "1.0"}
    return {"CFDocument": document, "CFItems": items, "CFAssociations": links}


def scales() -> Json:
    cuts = [{"atLeast": "20", "level": "1"}, {"atLeast": "50", "level": "2.5"}, {"atLeast": "90", "level": "4"}]
    return {
        "scales": [
            {"id": "S", "values": ["1", "2", "3", "4"]},
            {"id": "PCT", "min": "0", "max": "100"},
            {"id": "PF", "values": ["F", "P"]},
            {"id": "X5", "values": ["1", "2", "3", "4", "5"]},
        ],
        "conversions": [
            {"from": "S", "to": "S", "kind": "identity"},
            {"from": "PCT", "to": "S", "kind": "cuts", "cuts": cuts},
            {"from": "PF", "to": "S", "kind": "table", "table": {"P": "3"}},
        ],
    }


def sign_off(draw: Random) -> Json | None:
    roles = draw.sample(ROLES, draw.choice([1, 2]))
    return draw.choice([None, {"roles": roles, "independent": draw.random() < 0.6}])


def direct(draw: Random, name: str, types: tuple[str, ...] = TYPES) -> Json:
    sources = []
    for kind in draw.sample(types, draw.randint(1, len(types))):
        method = draw.choice(["most_recent", "trailing_mean", "mean", "best"])
        aggregate: Json = {"method": method, **({"n": draw.randint(1, 3)} if method == "trailing_mean" else {})}
        source: Json = {
            "type": kind,
            "weight": draw.choice([1, 3, 40, "12.5"]),
            "aggregate": {"method": "mean"} if kind == "rollup" else aggregate,
            "minItems": draw.randint(1, 2),
            "required": draw.random() < 0.5,
            "floor": draw.choice([None, None, "2.00", "2.5"]),
            "calibrated": kind != "rollup" and draw.random() < 0.3,
        }
        sources.append(source | ({"childRule": "CHILD"} if kind == "rollup" else {}))
    return {
        "id": name,
        "kind": "direct",
        "scale": "S",
        "threshold": draw.choice(["2.50", "3.00", "2.333", "2"]),
        "maxAgeDays": draw.choice([None, LIMIT]),
        "sources": sources,
        "minSources": draw.choice([1, len(sources)]),
        "minAssessors": draw.choice([0, 1, 1, 2]),
        "signOff": sign_off(draw),
    }


def rules(draw: Random) -> Json:
    composite = {
        "id": "COMP",
        "kind": "composite",
        "childRule": "CHILD",
        "atLeast": draw.randint(1, 3),
        "mustInclude": draw.choice([[], ["A.1.a"], ["A.1.a", "A.1.c"]]),
        "signOff": sign_off(draw),
    }
    roll = direct(draw, "ROLL", ("task", "rollup"))
    return {"rules": [direct(draw, "CHILD"), direct(draw, "FIRST"), direct(draw, "SECOND"), composite, roll]}


def leaf(draw: Random) -> Json:
    match draw.choice(["experience", "experience", "credentials", "signOff", "approvals"]):
        case "experience":
            sizes = draw.choice([{"minCount": 1}, {"minHours": 10}, {"minCount": 2, "minHours": 15}])
            return {"op": "experience", "type": draw.choice(["work", "trip"]), **sizes}
        case "credentials":
            return {"op": "credentials", "from": ["C1", "C2"], "issuers": ["ORG-1"], "min": draw.randint(1, 2)}
        case "signOff":
            return {"op": "signOff", "subject": "PLAN", "roles": ["lead", "council"]}
        case _:
            return {
                "op": "approvals", "subject": "PANEL", "roles": ["panel", "lead"], "min": draw.randint(1, 2),
                "minExternal": draw.randint(0, 1), "maxDeclines": draw.randint(0, 1),
            }  # fmt: skip


def nested(draw: Random, depth: int) -> Json:
    if depth and draw.random() < 0.6:
        return {"op": draw.choice(["all", "any"]), "of": [nested(draw, depth - 1) for _ in range(draw.randint(1, 3))]}
    return leaf(draw)


def diploma(draw: Random) -> Json:
    chosen = draw.choice(["FIRST", "ROLL", "COMP"])
    mapping = {"A.1": draw.choice(["COMP", "ROLL"]), "B.1": chosen, "A.2": draw.choice(["FIRST", "SECOND"])}
    items = draw.sample(list(mapping), draw.randint(1, 3))
    mastered = {
        "op": "mastered", "items": items, "atLeast": draw.randint(1, len(items)),
        "mustInclude": draw.sample(items, draw.randint(0, 1)), "rules": {item: mapping[item] for item in items},
    }  # fmt: skip
    credits: Json = {"op": "credits", "tier": draw.choice([None, "low", "high"])}
    credits |= draw.choice(
        [{"everyArea": ["A", "B"]}, {"minCount": 2, "minAreas": 2}, {"minTotal": "1.50", "minCount": 1}]
    )
    local = {"op": "localMastered", "items": items, "atLeast": draw.randint(1, len(items))}
    tests = [
        mastered,
        credits,
        {"op": "any", "of": [local, mastered]},
        nested(draw, 2),
        nested(draw, 1),
    ]
    return {
        "id": "D",
        "version": 1,
        "framework": "ours 1.0",
        "awards": [
            {"code": f"{item}/{tier}", "item": item, "rule": rule, "tier": tier, "credits": credits}
            for item in ("A.1", "A.2", "B.1")
            for tier, rule, credits in (("low", "FIRST", "1.00"), ("high", "SECOND", "0.50"))
        ],
        "maxWaivers": draw.randint(0, 2),
        "waiverAuthorities": ["council"],
        "requirements": [
            {"id": f"R{number}", "waivable": draw.random() < 0.6, "test": test}
            for number, test in enumerate(draw.sample(tests, draw.randint(1, 5)), 1)
        ],
    }


def crosswalks(draw: Random) -> Json:
    return {
        "crosswalks": [
            {
                "id": f"XW-{number}",
                "fromFramework": draw.choice(["theirs", "theirs", "others"]),
                "fromItems": draw.choice([["T1"], ["T1", "T2"]]),
                "toFramework": "ours",
                "toItem": draw.choice(["A.1", "A.1.a", "A.2", "B.1"]),
                "effect": effect,
                **({"sourceType": draw.choice(TYPES)} if effect == "evidence" else {}),
                "scale": "X5",
                "minLevel": draw.choice(["2", "4"]),
                "levelMap": {"2": "2", "3": "2.5", "4": "3", "5": "4"},
                "trustedIssuers": ["ORG-1"],
                "maxAgeDays": LIMIT,
                "validFrom": near(draw, 20),
                "validUntil": str(T + timedelta(days=draw.randint(0, 9))),
            }
            for number, effect in enumerate(["grant", "evidence", "grant"])
        ]
    }


def tables(draw: Random, learners: list[str], size: int) -> dict[str, list[dict[str, str]]]:
    def rows(prefix: str, count: int, make: Any) -> list[dict[str, str]]:
        made = [{"id": f"{prefix}-{n}", "learner_id": draw.choice(learners), **make(n)} for n in range(count)]
        draw.shuffle(made)
        return made

    def value() -> dict[str, str]:
        scale = draw.choice(["S"] * 7 + ["PCT", "PCT", "PF", "X5", "unknown"])
        one_of = {
            "S": "123344",
            "PCT": ("0", "19.5", "20", "50", "89", "90"),
            "PF": "FP",
            "X5": "12345",
            "unknown": "z",
        }
        return {"scale": scale, "value": draw.choice(one_of[scale])}

    items = (*CLUSTERS, *MICROS)
    subjects = (*CLUSTERS, "A.1/low", "A.2/low", "A.2/high", "B.1/low", "PLAN", "PANEL", *MICROS)
    return {
        "assessors.csv": [
            {
                "assessor_id": name,
                "kind": "machine" if name == "m1" else "human",
                "roles": ";".join(draw.sample(ROLES, draw.randint(1, 3))),
                "external": draw.choice(["yes", "no"]),
                "calibrated_from": open_day(draw),
                "calibrated_until": open_day(draw),
                "active_from": draw.choice(["2020-01-01", "2020-01-01", near(draw, 25)]),
                "active_until": draw.choice(["", "", "", near(draw, 5)]),
            }
            for name in PEOPLE
        ],
        "evidence.csv": rows(
            "EV", size * 16, lambda n: {
                "seq": str(n), "item_code": draw.choice(items), "source_type": draw.choice(TYPES),
                "purpose": draw.choice(["judging"] * 8 + ["practice"]), **value(), "observed_on": near(draw, 3, 4, 5),
                "recorded_on": near(draw, 1, 2, 2), "assessor_id": draw.choice([*PEOPLE, "nobody"]),
            },
        ),
        "signoffs.csv": rows(
            "SO", size * 6, lambda n: {
                "seq": str(n), "subject": draw.choice(subjects), "signer_id": draw.choice([*PEOPLE, "nobody"]),
                "decision": draw.choice(["approve", "approve", "approve", "decline"]), "signed_on": near(draw, 0, 1, 2),
            },
        ),
        "experiences.csv": rows(
            "EX", size, lambda n: {
                "type": draw.choice(["work", "trip"]), "ended_on": draw.choice(["", near(draw), near(draw)]),
                "hours": draw.choice(["", "5", "10", "7.5"]), "verified_by": draw.choice([*PEOPLE, ""]),
            },
        ),
        "credentials.csv": rows(
            "CR", size, lambda n: {
                "achievement_code": draw.choice(["C1", "C2", "C3"]), "issuer_id": draw.choice(["ORG-1", "ORG-2"]),
                "issued_on": near(draw), "valid_until": draw.choice(["", near(draw)]),
            },
        ),
        "waivers.csv": rows(
            "WV", size, lambda n: {
                "diploma_id": draw.choice(["D", "D", "E"]), "requirement_id": f"R{draw.randint(1, 5)}",
                "granted_by": draw.choice([*PEOPLE, "nobody"]), "authority_role": draw.choice(["council", "lead"]),
                "granted_on": near(draw), "expires_on": draw.choice(["", near(draw)]),
            },
        ),
        "transfers.csv": rows(
            "TR", size, lambda n: {
                "from_framework": draw.choice(["theirs", "theirs", "others"]), "from_item": draw.choice(["T1", "T2"]),
                "scale": draw.choice(["X5", "X5", "S"]), "level": draw.choice("12345"),
                "issuer_id": draw.choice(["ORG-1", "ORG-1", "ORG-2"]), "issued_on": near(draw),
            },
        ),
    }  # fmt: skip


IDS = {
    "evidence.csv": "evidence_id",
    "signoffs.csv": "signoff_id",
    "experiences.csv": "experience_id",
    "credentials.csv": "credential_id",
    "waivers.csv": "waiver_id",
    "transfers.csv": "transfer_id",
}
HEADERS = {
    "evidence.csv": "seq,learner_id,item_code,source_type,purpose,scale,value,observed_on,recorded_on,assessor_id",
    "signoffs.csv": "seq,learner_id,subject,signer_id,decision,signed_on",
    "experiences.csv": "learner_id,type,ended_on,hours,verified_by",
    "credentials.csv": "learner_id,achievement_code,issuer_id,issued_on,valid_until",
    "waivers.csv": "learner_id,diploma_id,requirement_id,granted_by,authority_role,granted_on,expires_on",
    "transfers.csv": "learner_id,from_framework,from_item,scale,level,issuer_id,issued_on",
}
EVENTS = "event_id,target_kind,target_id,event,by_ref,effective_on"


def events(draw: Random, made: dict[str, list[dict[str, str]]], count: int) -> list[dict[str, str]]:
    found = []
    for number in range(count):
        name = draw.choice(["evidence.csv"] * 4 + list(IDS))
        ids = [row["id"] for row in made[name]] or ["none"]
        is_supersede = name == "evidence.csv" and draw.random() < 0.7
        found.append(
            {
                "event_id": f"SE-{number}",
                "target_kind": IDS[name].removesuffix("_id"),
                "target_id": draw.choice(ids),
                "event": "supersede" if is_supersede else "void",
                "by_ref": draw.choice([*ids, "nothing"]) if is_supersede else "",
                "effective_on": near(draw),
            }
        )
    return found


def make_files(seed: int, learners: int, size: int) -> Files:
    draw = Random(seed)
    names = [f"L{n}" for n in range(1, learners + 1)]
    made = tables(draw, names, size)
    files: Files = {"assessors.csv": write_rows(made["assessors.csv"])}
    happened = events(draw, made, size)
    files["status_events.csv"] = write_rows(happened, EVENTS.split(","))
    for name, header in HEADERS.items():
        rows = [{(IDS[name] if key == "id" else key): text for key, text in row.items()} for row in made[name]]
        files[name] = write_rows(rows, [IDS[name], *header.split(",")])
    files["roster.csv"] = write_rows(
        [
            {
                "learner_id": name, "fictional_name": "Nobody", "diploma_id": "D",
                "date_of_birth": draw.choice(["2008-03-01", "2008-03-02", "2008-02-29", "2010-07-07"]),
                "learner_consent": draw.choice(["yes", "no", ""]), "guardian_consent": draw.choice(["yes", "no", ""]),
            }
            for name in names
        ]
    )  # fmt: skip
    documents = {
        "framework": framework(),
        "scales": scales(),
        "rules": rules(draw),
        "diploma": diploma(draw),
        "crosswalks": crosswalks(draw),
    }
    files |= {f"{name}.json": json.dumps(value).encode() for name, value in documents.items()}
    manifest = {
        "asOf": str(T), "framework": "framework.json", "scales": "scales.json", "rules": "rules.json",
        "requirements": ["diploma.json"], "crosswalks": "crosswalks.json", "statusEvents": "status_events.csv",
        **{name: f"{name}.csv" for name in ("roster", *(name.removesuffix(".csv") for name in made))},
    }  # fmt: skip
    return {**files, "dataset.json": json.dumps(manifest).encode()}


def worlds() -> st.SearchStrategy[Files]:
    """Data sets of one to three learners and up to a hundred rows."""
    return st.builds(make_files, st.integers(0, 2**32), st.integers(1, 3), st.integers(0, 12))
