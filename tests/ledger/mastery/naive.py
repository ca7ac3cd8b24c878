"""A second evaluator, written from the data set's README alone: slow, on dictionaries of text, without an index.

It shares no code with `ledger.mastery`. Where the two agree on data nobody looked at, both read the rules alike.
"""

import csv
import io
import json
from datetime import date
from fractions import Fraction
from typing import Any

Row = dict[str, str]
Judged = dict[str, Any]


def day(text: str) -> date:
    return date.fromisoformat(text)


def cut(value: Fraction) -> str:
    """Two decimals by cutting off; every value of the data is above zero."""
    text = str(int(value * 100)).rjust(3, "0")
    return f"{text[:-2]}.{text[-2:]}"


def plain(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else str(float(value))


class Naive:
    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        manifest = json.loads(files["dataset.json"])
        self.t = day(manifest["asOf"])
        self.framework = json.loads(files[manifest["framework"]])
        self.scales = json.loads(files[manifest["scales"]])
        self.rules = {rule["id"]: rule for rule in json.loads(files[manifest["rules"]])["rules"]}
        self.diplomas = {d["id"]: d for d in (json.loads(files[name]) for name in manifest["requirements"])}
        self.crosswalks = json.loads(files[manifest["crosswalks"]])["crosswalks"]
        names = ("roster", "evidence", "signoffs", "experiences", "credentials", "waivers", "transfers")
        self.roster, self.evidence, self.signoffs, self.experiences, self.credentials, self.waivers, self.transfers = (
            self.table(manifest[name]) for name in names
        )
        self.assessors = {row["assessor_id"]: row for row in self.table(manifest["assessors"])}
        self.events = [e for e in self.table(manifest["statusEvents"]) if day(e["effective_on"]) <= self.t]

    def table(self, name: str) -> list[Row]:
        return list(csv.DictReader(io.StringIO(self.files[name].decode())))

    # section 1

    def void(self, kind: str, target: str) -> bool:
        return any((e["event"], e["target_kind"], e["target_id"]) == ("void", kind, target) for e in self.events)

    def dead(self, evidence_id: str) -> bool:
        for e in self.events:
            if e["event"] == "supersede" and e["target_id"] == evidence_id:
                for row in self.evidence:
                    is_recorded = row["evidence_id"] == e["by_ref"] and day(row["recorded_on"]) <= self.t
                    if is_recorded and not self.void("evidence", e["by_ref"]):
                        return True
        return False

    # section 2

    def active(self, assessor_id: str, on: date) -> bool:
        a = self.assessors.get(assessor_id)
        if a is None or (a["active_from"] and on < day(a["active_from"])):
            return False
        return not (a["active_until"] and on > day(a["active_until"]))

    def level(self, scale: str, value: str, to: str) -> Fraction | None:
        for c in self.scales["conversions"]:
            if (c["from"], c["to"]) == (scale, to):
                if c["kind"] == "identity":
                    return Fraction(value)
                if c["kind"] == "table":
                    return Fraction(c["table"][value]) if value in c["table"] else None
                fitting = [cut for cut in c["cuts"] if Fraction(cut["atLeast"]) <= Fraction(value)]
                best = max(fitting, key=lambda cut: Fraction(cut["atLeast"]), default=None)
                return Fraction(best["level"]) if best else None
        return None

    def admissible(self, learner: str, item: str, rule: Judged, source: Judged) -> list[Judged]:
        found: list[Judged] = []
        for row in self.evidence:
            if (row["learner_id"], row["item_code"], row["source_type"]) != (learner, item, source["type"]):
                continue
            observed = day(row["observed_on"])
            if row["purpose"] != "judging" or observed > self.t or day(row["recorded_on"]) > self.t:
                continue
            if self.void("evidence", row["evidence_id"]) or self.dead(row["evidence_id"]):
                continue
            if rule["maxAgeDays"] is not None and (self.t - observed).days > rule["maxAgeDays"]:
                continue
            who = row["assessor_id"]
            if who == learner or not self.active(who, observed):
                continue
            a = self.assessors[who]
            if source["calibrated"]:
                if not a["calibrated_from"] or observed < day(a["calibrated_from"]):
                    continue
                if a["calibrated_until"] and observed > day(a["calibrated_until"]):
                    continue
            level = self.level(row["scale"], row["value"], rule["scale"])
            if level is not None:
                seq = int(row["seq"])
                found.append({"id": row["evidence_id"], "level": level, "on": observed, "seq": seq, "who": who})
        for crosswalk, chosen, level in self.matches(learner, item):
            if crosswalk["effect"] == "evidence" and crosswalk["sourceType"] == source["type"]:
                on = max(day(t["issued_on"]) for t in chosen)
                is_young = rule["maxAgeDays"] is None or (self.t - on).days <= rule["maxAgeDays"]
                if is_young and not source["calibrated"]:
                    found.append({"id": crosswalk["id"], "level": level, "on": on, "seq": -1, "who": ""})
        return sorted(found, key=lambda r: (r["on"], r["seq"]))

    # section 3

    def children(self, item: str) -> list[str]:
        found = []
        for a in self.framework["CFAssociations"]:
            if a["associationType"] == "isChildOf" and a["destinationNodeURI"]["title"] == item:
                found.append((a["sequenceNumber"], a["originNodeURI"]["title"]))
        return [code for _, code in sorted(found)]

    def source_value(self, learner: str, item: str, rule: Judged, source: Judged) -> Judged:
        if source["type"] == "rollup":
            own = [self.judge(learner, child, source["childRule"], child) for child in self.children(item)]
            valued = [one for one in own if one["value"] is not None]
            if len(valued) < source["minItems"]:
                return {"n": len(valued), "value": None, "rows": []}
            mean = sum((one["value"] for one in valued), Fraction(0)) / len(valued)
            return {"n": len(valued), "value": mean, "rows": [row for one in valued for row in one["rows"]]}
        rows = self.admissible(learner, item, rule, source)
        if len(rows) < source["minItems"]:
            return {"n": len(rows), "value": None, "rows": []}
        method = source["aggregate"]["method"]
        used = rows
        if method == "most_recent":
            used = [rows[-1]]
        elif method == "trailing_mean":
            used = rows[-source["aggregate"]["n"] :]
        elif method == "best":
            top = max(row["level"] for row in rows)
            used = [[row for row in rows if row["level"] == top][-1]]
        return {"n": len(rows), "value": sum((r["level"] for r in used), Fraction(0)) / len(used), "rows": used}

    # sections 4 and 5

    def judge(self, learner: str, item: str, rule_id: str, code: str) -> Judged:
        rule = self.rules[rule_id]
        if rule["kind"] == "composite":
            return self.judge_composite(learner, item, rule, code)
        values = [(s, self.source_value(learner, item, rule, s)) for s in rule["sources"]]
        present = [(s, v) for s, v in values if v["value"] is not None]
        rows = list({row["id"]: row for _, v in present for row in v["rows"]}.values())
        out: Judged = {"value": None, "threshold": rule["threshold"], "rows": rows}

        def end(outcome: str, reason: str, text: str) -> Judged:
            return {**out, "outcome": outcome, "reason": reason, "text": f"{code} {text}"}

        if all(v["n"] == 0 for _, v in values):
            return end("NOT_YET", "NO_EVIDENCE", "not yet: no admissible evidence.")
        for s, v in values:
            if s["required"] and v["value"] is None:
                text = f"not yet: {s['type']} has {v['n']} of {s['minItems']} item(s)."
                return end("NOT_YET", "MISSING_SOURCE", text)
        if len(present) < rule["minSources"]:
            return end("NOT_YET", "TOO_FEW_SOURCES", f"not yet: {len(present)} of {rule['minSources']} source(s).")
        humans = {r["who"] for r in rows if r["who"] and self.assessors[r["who"]]["kind"] == "human"}
        if len(humans) < rule["minAssessors"]:
            text = f"not yet: {len(humans)} of {rule['minAssessors']} human assessor(s)."
            return end("NOT_YET", "TOO_FEW_ASSESSORS", text)
        weight = sum((Fraction(s["weight"]) for s, _ in present), Fraction(0))
        value = sum((Fraction(s["weight"]) * v["value"] for s, v in present), Fraction(0)) / weight
        out["value"] = value
        for s, v in present:
            if s["floor"] is not None and v["value"] < Fraction(s["floor"]):
                text = f"not yet: {s['type']} {cut(v['value'])} < floor {s['floor']}."
                return end("NOT_YET", "BELOW_FLOOR", text)
        if value < Fraction(rule["threshold"]):
            return end("NOT_YET", "BELOW_THRESHOLD", f"not yet: {cut(value)} < {rule['threshold']}.")
        reached = f"{cut(value)} >= {rule['threshold']}"
        done = f"mastered: {reached} from {len(rows)} item(s) in {len(present)} source(s)"
        return end(*self.signed(learner, code, rule["signOff"], rows, reached, done))

    def judge_composite(self, learner: str, item: str, rule: Judged, code: str) -> Judged:
        codes = self.children(item)
        judged = {child: self.judge_with_grant(learner, child, rule["childRule"]) for child in codes}
        mastered = [child for child in codes if judged[child]["outcome"] == "MASTERED"]
        rows = list({row["id"]: row for one in judged.values() for row in one["rows"]}.values())
        k, wanted = len(mastered), rule["atLeast"]
        out: Judged = {"value": None, "threshold": f"{wanted} of {len(codes)}", "rows": rows}
        for child in rule["mustInclude"]:
            if child not in mastered:
                text = f"{code} not yet: required indicator {child} not mastered."
                return {**out, "outcome": "NOT_YET", "reason": "MISSING_CHILD", "text": text}
        if k < wanted:
            text = f"{code} not yet: {k} of {wanted} needed indicators ({', '.join(mastered) or 'none'})."
            return {**out, "outcome": "NOT_YET", "reason": "TOO_FEW_CHILDREN", "text": text}
        reached = f"{k} of {wanted} needed indicators"
        done = f"mastered: {k} of {len(codes)} indicators, {wanted} needed"
        outcome, reason, text = self.signed(learner, code, rule["signOff"], rows, reached, done)
        return {**out, "outcome": outcome, "reason": reason, "text": f"{code} {text}"}

    # section 6

    def counting(self, learner: str, subject: str, roles: list[str]) -> list[Row]:
        found = []
        for s in self.signoffs:
            if (s["learner_id"], s["subject"]) != (learner, subject) or day(s["signed_on"]) > self.t:
                continue
            if self.void("signoff", s["signoff_id"]) or not self.active(s["signer_id"], day(s["signed_on"])):
                continue
            if set(roles) & set(self.assessors[s["signer_id"]]["roles"].split(";")):
                found.append(s)
        return sorted(found, key=lambda s: (s["signed_on"], int(s["seq"])))

    def signed(
        self, learner: str, code: str, wanted: Judged | None, rows: list[Judged], reached: str, done: str
    ) -> tuple[str, str, str]:
        if wanted is None:
            return "MASTERED", "MASTERED", f"{done}."
        found = self.counting(learner, code, wanted["roles"])
        if wanted["independent"]:
            found = [s for s in found if s["signer_id"] not in [row["who"] for row in rows]]
        if not found:
            text = f"pending: {reached}, sign-off by {'/'.join(wanted['roles'])} missing."
            return "PENDING", "NO_SIGNOFF", text
        last = found[-1]
        if last["decision"] == "decline":
            text = f"not yet: sign-off declined by {last['signer_id']} on {last['signed_on']}."
            return "NOT_YET", "SIGNOFF_DECLINED", text
        newest = max((row["on"] for row in rows), default=date.min)
        if day(last["signed_on"]) < newest:
            text = f"pending: {reached}, sign-off of {last['signed_on']} is older than evidence of {newest}."
            return "PENDING", "STALE_SIGNOFF", text
        return "MASTERED", "MASTERED", f"{done}; signed by {last['signer_id']} on {last['signed_on']}."

    # section 7

    def matches(self, learner: str, item: str) -> list[tuple[Judged, list[Row], Fraction]]:
        found = []
        for x in self.crosswalks:
            if x["toItem"] != item or not day(x["validFrom"]) <= self.t <= day(x["validUntil"]):
                continue
            chosen: list[Row] = []
            for wanted in x["fromItems"]:
                fitting = [t for t in self.transfers if self.fits(t, x, learner, wanted)]
                fitting.sort(key=lambda t, x=x: (Fraction(x["levelMap"][t["level"]]), t["issued_on"], t["transfer_id"]))
                chosen += fitting[-1:]
            if len(chosen) == len(x["fromItems"]):
                found.append((x, chosen, min(Fraction(x["levelMap"][t["level"]]) for t in chosen)))
        return found

    def fits(self, t: Row, x: Judged, learner: str, wanted: str) -> bool:
        issued = day(t["issued_on"])
        return (
            (t["learner_id"], t["from_framework"], t["from_item"]) == (learner, x["fromFramework"], wanted)
            and t["scale"] == x["scale"]
            and t["issuer_id"] in x["trustedIssuers"]
            and issued <= self.t
            and (self.t - issued).days <= x["maxAgeDays"]
            and not self.void("transfer", t["transfer_id"])
            and t["level"] in x["levelMap"]
        )

    def judge_with_grant(self, learner: str, item: str, rule_id: str) -> Judged:
        own = self.judge(learner, item, rule_id, item)
        if own["outcome"] == "MASTERED":
            return own
        for x, chosen, level in self.matches(learner, item):
            if x["effect"] == "grant" and all(int(t["level"]) >= int(x["minLevel"]) for t in chosen):
                text = f"{item} mastered by transfer: {'+'.join(x['fromItems'])} level {cut(level)} via {x['id']}."
                return {
                    **own, "outcome": "MASTERED", "reason": "MASTERED_BY_TRANSFER", "value": level, "text": text,
                }  # fmt: skip
        return own
