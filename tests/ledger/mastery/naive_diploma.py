"""The second evaluator, continued: tests, waivers, diplomas, sharing and the result files (README sections 8 to 11)."""

import csv
import io
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from tests.ledger.mastery.naive import Judged, Naive, Row, cut, day, plain

Answer = tuple[str, str]


class NaiveDiploma(Naive):
    # section 8

    def area(self, item: str) -> str:
        for a in self.framework["CFAssociations"]:
            if a["associationType"] == "isChildOf" and a["originNodeURI"]["title"] == item:
                above = a["destinationNodeURI"]
                if above["identifier"] != self.framework["CFDocument"]["identifier"]:
                    return self.area(above["title"])
        return item

    def tests(self, test: Judged) -> Iterator[Judged]:
        yield test
        for member in test.get("of", []):
            yield from self.tests(member)

    def all_tests(self, diploma: Judged) -> list[Judged]:
        return [test for requirement in diploma["requirements"] for test in self.tests(requirement["test"])]

    def answer(self, learner: str, diploma: Judged, test: Judged) -> Answer:
        answer: Answer = getattr(self, f"test_{test['op']}")(learner, diploma, test)
        return answer

    def test_mastered(self, learner: str, diploma: Judged, test: Judged) -> Answer:
        outcome = {i: self.judge_with_grant(learner, i, test["rules"][i])["outcome"] for i in test["items"]}
        m = [i for i in test["items"] if outcome[i] == "MASTERED"]
        p = [i for i in test["items"] if outcome[i] == "PENDING"]
        head = f"{len(m)} of {test['atLeast']} mastered"
        if len(m) >= test["atLeast"] and all(i in m for i in test["mustInclude"]):
            return "MET", f"{head} ({', '.join(m)})"
        if len(m) + len(p) >= test["atLeast"] and all(i in m + p for i in test["mustInclude"]):
            return "PENDING", f"{head}, awaiting {', '.join(p)}"
        return "UNMET", f"{head}, missing {', '.join(i for i in test['items'] if i not in m + p)}"

    def test_localMastered(self, learner: str, diploma: Judged, test: Judged) -> Answer:
        rules: dict[str, str] = {}
        for other in self.all_tests(diploma):
            if other["op"] == "mastered":
                rules |= {item: rule for item, rule in other["rules"].items() if item not in rules}
        judged = [self.judge_with_grant(learner, item, rules[item]) for item in test["items"]]
        local = [one for one in judged if one["reason"] == "MASTERED"]
        pending = [one for one in judged if one["outcome"] == "PENDING"]
        text = f"{len(local)} of {test['atLeast']} judged locally"
        if len(local) >= test["atLeast"]:
            return "MET", text
        return "PENDING" if len(local) + len(pending) >= test["atLeast"] else "UNMET", text

    def test_credits(self, learner: str, diploma: Judged, test: Judged) -> Answer:
        awards = [a for a in diploma["awards"] if test.get("tier") is None or a["tier"] == test["tier"]]
        outcome = {a["code"]: self.judge(learner, a["item"], a["rule"], a["code"])["outcome"] for a in awards}
        pool = [a for a in awards if outcome[a["code"]] == "MASTERED"]
        pending = [a for a in awards if outcome[a["code"]] == "PENDING"]
        tier = test.get("tier") or "any-tier"
        lacking = self.lacking(pool, test, tier)
        if not lacking:
            total = sum((Fraction(a["credits"]) for a in pool), Fraction(0))
            return "MET", f"{cut(total)} {tier} credits in {len({self.area(a['item']) for a in pool})} area(s)"
        if not self.lacking(pool + pending, test, tier):
            return "PENDING", f"awaiting {', '.join(a['code'] for a in pending)}"
        return "UNMET", lacking

    def lacking(self, pool: list[Judged], test: Judged, tier: str) -> str:
        areas = {self.area(a["item"]) for a in pool}
        missing = [area for area in test.get("everyArea", []) if area not in areas]
        if missing:
            return f"no {tier} credit in {', '.join(missing)}"
        if "minCount" in test and len(pool) < test["minCount"]:
            return f"{len(pool)} of {test['minCount']} {tier} credits"
        if "minAreas" in test and len(areas) < test["minAreas"]:
            return f"{tier} credits in {len(areas)} of {test['minAreas']} areas"
        total = sum((Fraction(a["credits"]) for a in pool), Fraction(0))
        if "minTotal" in test and total < Fraction(test["minTotal"]):
            return f"{cut(total)} of {test['minTotal']} credits"
        return ""

    def test_experience(self, learner: str, diploma: Judged, test: Judged) -> Answer:
        rows = [
            r
            for r in self.experiences
            if (r["learner_id"], r["type"]) == (learner, test["type"])
            and r["ended_on"]
            and day(r["ended_on"]) <= self.t
            and not self.void("experience", r["experience_id"])
            and r["verified_by"] != learner
            and self.active(r["verified_by"], day(r["ended_on"]))
        ]
        hours = sum((Fraction(r["hours"] or "0") for r in rows), Fraction(0))
        parts, met = [], True
        if "minCount" in test:
            parts.append(f"{len(rows)} of {test['minCount']}")
            met = len(rows) >= test["minCount"]
        if "minHours" in test:
            parts.append(f"{plain(hours)} h of {test['minHours']} h")
            met = met and hours >= test["minHours"]
        return "MET" if met else "UNMET", f"{test['type']} {', '.join(parts)}"

    def test_credentials(self, learner: str, diploma: Judged, test: Judged) -> Answer:
        held = set()
        for r in self.credentials:
            if r["learner_id"] != learner or r["issuer_id"] not in test["issuers"] or day(r["issued_on"]) > self.t:
                continue
            is_valid = not r["valid_until"] or day(r["valid_until"]) >= self.t
            if is_valid and not self.void("credential", r["credential_id"]):
                held.add(r["achievement_code"])
        codes = [code for code in test["from"] if code in held]
        text = f"{len(codes)} of {test['min']} credentials ({', '.join(codes) or 'none'})"
        return "MET" if len(codes) >= test["min"] else "UNMET", text

    def test_signOff(self, learner: str, diploma: Judged, test: Judged) -> Answer:
        found = self.counting(learner, test["subject"], test["roles"])
        if not found:
            return "PENDING", f"{test['subject']} not signed"
        last = found[-1]
        is_approved = last["decision"] == "approve"
        word = "signed" if is_approved else "declined"
        text = f"{test['subject']} {word} by {last['signer_id']} on {last['signed_on']}"
        return "MET" if is_approved else "UNMET", text

    def test_approvals(self, learner: str, diploma: Judged, test: Judged) -> Answer:
        latest: dict[str, Row] = {}
        for s in self.counting(learner, test["subject"], test["roles"]):
            latest[s["signer_id"]] = s
        approvals = [s for s in latest.values() if s["decision"] == "approve"]
        external = [s for s in approvals if self.assessors[s["signer_id"]]["external"] == "yes"]
        declines = len(latest) - len(approvals)
        text = f"{test['subject']} {len(approvals)} of {test['min']} approvals, "
        text += f"{len(external)} of {test['minExternal']} external, {declines} declined"
        if declines > test["maxDeclines"]:
            return "UNMET", text
        return "MET" if len(approvals) >= test["min"] and len(external) >= test["minExternal"] else "PENDING", text

    def test_all(self, learner: str, diploma: Judged, test: Judged) -> Answer:
        answers = [self.answer(learner, diploma, member) for member in test["of"]]
        status = next(s for s in ("UNMET", "PENDING", "MET") if s in [a[0] for a in answers])
        return status, "; ".join(text for s, text in answers if s == status)

    def test_any(self, learner: str, diploma: Judged, test: Judged) -> Answer:
        answers = [self.answer(learner, diploma, member) for member in test["of"]]
        for status, text in answers:
            if status == "MET":
                return status, text
        pending = [text for status, text in answers if status == "PENDING"]
        return ("PENDING", " or ".join(pending)) if pending else ("UNMET", " or ".join(text for _, text in answers))

    # section 9

    def waiver(self, learner: str, diploma: Judged, requirement: str) -> Row | None:
        fitting = [
            w
            for w in self.waivers
            if (w["learner_id"], w["diploma_id"], w["requirement_id"]) == (learner, diploma["id"], requirement)
            and day(w["granted_on"]) <= self.t
            and (not w["expires_on"] or day(w["expires_on"]) >= self.t)
            and not self.void("waiver", w["waiver_id"])
            and w["authority_role"] in diploma["waiverAuthorities"]
            and self.active(w["granted_by"], day(w["granted_on"]))
            and w["authority_role"] in self.assessors[w["granted_by"]]["roles"].split(";")
        ]
        return max(fitting, key=lambda w: (w["granted_on"], w["waiver_id"]), default=None)

    def rows(self, learner: Row) -> Iterator[list[str]]:
        me, diploma = learner["learner_id"], self.diplomas[learner["diploma_id"]]
        yield from self.item_rows(me, diploma)
        seen = {row["item_code"] for row in self.evidence if row["learner_id"] == me}
        for a in diploma["awards"]:
            if a["item"] in seen:
                yield self.judged_row(
                    me, "award", a["code"], a["rule"], self.judge(me, a["item"], a["rule"], a["code"])
                )
        outcomes: dict[str, str] = {}
        for r in diploma["requirements"]:
            status, text = self.answer(me, diploma, r["test"])
            text = f"{r['id']} {status.lower()}: {text}."
            used = list(outcomes.values()).count("WAIVED")
            if status != "MET" and r["waivable"] and used < diploma["maxWaivers"]:
                w = self.waiver(me, diploma, r["id"])
                if w is not None:
                    status = "WAIVED"
                    text = f"{r['id']} waived: {w['waiver_id']} by {w['granted_by']} on {w['granted_on']}."
            outcomes[r["id"]] = status
            yield [me, "requirement", r["id"], r["test"]["op"], status, "", "", status, text]
        outcome, text = self.diploma(outcomes)
        yield [me, "diploma", diploma["id"], "all", outcome, "", "", outcome, text]

    def diploma(self, outcomes: dict[str, str]) -> Answer:
        unmet = [i for i, o in outcomes.items() if o == "UNMET"]
        pending = [i for i, o in outcomes.items() if o == "PENDING"]
        if unmet:
            also = f"; pending {', '.join(pending)}" if pending else ""
            return "NOT_AWARDED", f"Not awarded: {', '.join(unmet)}{also}."
        if pending:
            return "PENDING", f"Pending: {', '.join(pending)}."
        counts = [list(outcomes.values()).count(word) for word in ("MET", "WAIVED")]
        return "AWARDED", f"Awarded: {counts[0]} met, {counts[1]} waived."

    def item_rows(self, me: str, diploma: Judged) -> Iterator[list[str]]:
        seen = {row["item_code"] for row in self.evidence if row["learner_id"] == me}
        listed = []
        for test in self.all_tests(diploma):
            for item in test["items"] if test["op"] == "mastered" else []:
                rule = self.rules[test["rules"][item]]
                looked = [rule] if rule["kind"] == "composite" else [s for s in rule["sources"] if "childRule" in s]
                children = [(c, one["childRule"]) for one in looked for c in self.children(item) if c in seen]
                is_brought = any(
                    t["learner_id"] == me and x["toItem"] == item and t["from_framework"] == x["fromFramework"]
                    and t["from_item"] in x["fromItems"]
                    for x in self.crosswalks for t in self.transfers
                )  # fmt: skip
                targets = [*children, (item, rule["id"])] if item in seen or children or is_brought else []
                for target in targets:
                    if target not in listed:
                        listed.append(target)
                        yield self.judged_row(me, "item", *target, self.judge_with_grant(me, *target))

    def judged_row(self, me: str, kind: str, code: str, rule: str, one: Judged) -> list[str]:
        value: Any = one["value"]
        shown = "" if value is None else cut(value)
        return [me, kind, code, rule, one["outcome"], shown, one["threshold"], one["reason"], one["text"]]

    # section 10

    def sharing_row(self, learner: Row) -> list[str]:
        born = day(learner["date_of_birth"])
        age = self.t.year - born.year
        if (self.t.month, self.t.day) < (born.month, born.day):
            age -= 1
        mine, theirs = learner["learner_consent"] == "yes", learner["guardian_consent"] == "yes"
        if age >= 18:
            reason = "OK_ADULT" if mine else "NO_LEARNER_CONSENT"
        elif not theirs:
            reason = "NO_GUARDIAN_CONSENT"
        else:
            reason = "OK_MINOR_WITH_GUARDIAN" if mine else "NO_LEARNER_CONSENT"
        return [learner["learner_id"], str(age), "yes" if reason.startswith("OK") else "no", reason]

    def results(self) -> bytes:
        header = "learner_id,kind,target,rule_or_op,outcome,value,threshold,reason_code,reason_text"
        return encode([header.split(","), *(row for learner in self.roster for row in self.rows(learner))])

    def sharing(self) -> bytes:
        header = "learner_id,age_on_as_of,may_share,reason_code"
        return encode([header.split(","), *map(self.sharing_row, self.roster)])


def encode(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
