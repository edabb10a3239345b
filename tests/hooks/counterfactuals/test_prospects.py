"""What a rule lacks, and which changes are told: on the limit and beside it, one thing or a few, nearest first."""

from typing import Any

import pytest

from hooks.assessment import Assessment
from hooks.counterfactuals import Prospect, change, changes, nearest, prospects
from hooks.engine import judged
from hooks.rules.order import RULES
from tests.hooks.builders import TODAY, assessed, base, chart, ck, condition, course, infusion, mmt, weekly
from tests.hooks.builders import verdict as result

HOOK = "patient-view"
FAILED = tuple(
    course(drug, 300, 60, status="stopped", failure="no response") for drug in ("ivig", "rituximab", "methotrexate")
)
ESCALATE = "EscalateToCyclophosphamide"


def asked(*facts: Any, **more: Any) -> dict[str, Prospect]:
    return of(assessed(*facts, **more))


def of(a: Assessment) -> dict[str, Prospect]:
    return prospects(a, judged(a, RULES, HOOK).values(), HOOK)


def told(prospect: Prospect) -> list[tuple[str, str]]:
    return [(" + ".join(c.text for c in one.changes), one.outcome) for one in prospect.alternatives]


def test_a_missing_score_on_the_limit_of_weakness_and_of_full_strength() -> None:
    found = asked(*FAILED, ck(6200))
    assert told(found[ESCALATE]) == [
        ("an MMT-8 of 125/150 today (weak)", "fires"),
        ("a CK of 200 U/L today (1 × ULN)", "silent"),
        ("an MMT-8 of 143/150 today (full strength)", "silent"),
    ]
    assert told(found["HighCkFullStrength"])[0] == ("an MMT-8 of 143/150 today (full strength)", "fires")
    assert [lack.criterion.name for lack in found[ESCALATE].lacks or ()] == ["MMT-8 shows weakness"]


def test_the_limit_of_ck_is_that_of_its_own_laboratory() -> None:
    found = asked(*FAILED, mmt(98), ck(6200, 200, upper=170.0))
    assert told(found[ESCALATE])[0] == ("a CK of 340 U/L today (2 × ULN)", "fires")


def test_what_takes_two_things_is_told_as_two() -> None:
    found = asked(*FAILED)
    assert told(found[ESCALATE])[0] == (
        "a CK of 400 U/L today (2 × ULN) + an MMT-8 of 125/150 today (weak)",
        "fires",
    )


def test_what_is_between_thresholds_is_near() -> None:
    found = asked(*FAILED, ck(6200), mmt(130))
    assert told(found[ESCALATE]) == [("an MMT-8 of 125/150 today (weak)", "fires")]


def test_a_trial_that_is_too_early_is_judged_on_the_first_day_for_it() -> None:
    early = [
        x
        for at in (70, 56)
        for x in (
            infusion("rituximab", 1000, at, source=f"R/{at}"),
            course("rituximab", at, at, status="completed", source=f"R/{at}"),
        )
    ]
    more = (
        course("ivig", 300, 60, status="stopped", failure="no"),
        course("methotrexate", 300, 60, status="stopped", failure="no"),
    )
    a = assessed(*early, *more, mmt(96, 80), mmt(96), ck(6200))
    assert a.rituximab.state == "TOO_EARLY"
    (later,) = [one.changes[0] for one in of(a)[ESCALATE].alternatives if one.changes[0].kind == "later"]
    assert later.today is not None
    assert later.today > TODAY
    assert later.text.startswith(f"Rituximab judged on {later.today}, the first day for it")


def test_a_trial_that_stays_too_early_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    a = assessed(course("methotrexate", 20, steps=(weekly(20),)))
    assert a.methotrexate.state == "TOO_EARLY"
    assert "later" in {one.kind for one in changes(a)}
    monkeypatch.setattr(change, "_LONGEST_WAIT", 3)
    assert "later" not in {one.kind for one in changes(a)}


def test_what_could_not_be_looked_at() -> None:
    found = asked(result("anti-hmgcr", "positive"), unavailable=("medicationStatements",))
    assert ("every source looked at, and nothing more found in it", "silent") in told(found["StatinExposure"])
    assert ("Statin planned", "fires") in told(found["StatinExposure"])
    assert not [one for one in changes(assessed()) if one.subject == "sources"]


def test_a_documented_failure_and_a_diagnosis_are_written_down() -> None:
    kinds = {one.text: one.kind for one in changes(assessed(course("ivig", 300, 200, status="completed")))}
    assert kinds["a documented failure of IVIG"] == "recorded"
    assert "a documented failure of Rituximab" not in kinds
    other = asked(condition("neoplasm"), condition("polymyositis"))
    assert any("necrotizing myopathy on the problem list" in text for text, _ in told(other["AntibodyTestingNeeded"]))


def test_only_what_can_be_otherwise_is_tried() -> None:
    def texts(*facts: Any, **more: Any) -> set[str]:
        return {one.text for one in changes(assessed(*facts, **more))}

    assert {"anti-HMGCR negative", "Statin planned", "a negative pregnancy test today"} <= texts()
    assert not {"anti-HMGCR negative", "anti-HMGCR positive"} & texts(result("anti-hmgcr", "positive"))
    assert "Statin planned" not in texts(course("statin", 100))
    assert "a negative pregnancy test today" not in texts(gender="male")


def test_a_rule_that_is_not_for_the_patient_has_no_alternatives() -> None:
    found = asked(*FAILED, age=12)
    assert found[ESCALATE] == Prospect(ESCALATE, None)
    assert found[ESCALATE].fires is None
    assert prospects(assessed(deceased=True), (), HOOK) == {}


def test_on_an_order_hook_the_rules_are_asked_as_there() -> None:
    a = assessed(*FAILED, ck(6200))
    found = prospects(a, judged(a, RULES, "order-sign").values(), "order-sign")
    assert [lack.criterion.name for lack in found[ESCALATE].lacks or ()] == [
        "an order that this rule is for is being written"
    ]
    assert not found[ESCALATE].alternatives


def test_the_nearest_comes_first() -> None:
    found = nearest(asked(base(without=("mmt",))).values())
    distances = [(len(p.fires.changes), len(p.lacks or ())) for p in found if p.fires]
    assert distances == sorted(distances)
    assert len(distances) == len(found)
    names = [prospect.rule for prospect in found]
    assert names.index("HighCkFullStrength") < names.index("CyclophosphamideBloodCount")  # a test before an order


def test_a_result_of_today_is_taken_in_place_of_that_of_today() -> None:
    found = asked(chart(*FAILED, ck(150, 0), mmt(148, 0)))
    assert told(found[ESCALATE])[0] == (
        "a CK of 400 U/L today (2 × ULN) + an MMT-8 of 125/150 today (weak)",
        "fires",
    )
