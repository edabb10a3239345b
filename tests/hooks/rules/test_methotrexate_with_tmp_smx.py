"""S9-MTX-SMX (B3, B4): treatment dose is critical, prophylaxis a warning with the better regimen."""

from typing import Any

import pytest

from hooks.chart.facts import Dosing
from hooks.rules.methotrexate_with_tmp_smx import RULE
from tests.hooks.builders import allergy, assessed, changed, condition, course, daily, lab, weekly, when
from tests.hooks.rules.asking import card, outcome, resources, texts

MTX = course("methotrexate", 300, steps=(weekly(15),))
FOLATE = course("folate", 300)
GOOD = (FOLATE, lab("egfr", 90), lab("wbc", 6), lab("platelets", 250))


def smx(per_day: float | None = 1.0, **more: Any) -> Any:
    more.setdefault("start", 30)
    return course(
        "tmp-smx", more.pop("start"), steps=(Dosing(low=1, high=1, per_day=per_day, **more.pop("step", {})),), **more
    )


def ordered(per_day: float | None = 1.0, **more: Any) -> Any:
    return smx(per_day, start=0, status="draft", source="MedicationRequest/order-1", **more)


def removed(*facts: Any) -> list[str]:
    found = card(RULE, assessed(*facts))
    return [act.resource_id for s in found.suggestions for act in s.actions if act.type == "delete"]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((MTX, smx()), "fires"),
        ((MTX, ordered()), "fires"),
        ((changed(MTX, status="draft"), smx()), "fires"),
        ((changed(MTX, status="planned"), smx()), "fires"),
        ((MTX, smx(status="planned")), "fires"),
        ((MTX,), "silent"),
        ((smx(),), "silent"),
        ((MTX, smx(status="stopped")), "silent"),
        ((changed(MTX, superseded=True), ordered()), "silent"),
        ((changed(MTX, other_indication="given for lymphoma"), smx(2.0)), "silent"),
        ((changed(MTX, status="unknown"), smx()), "cannot tell"),
        ((MTX, smx(status="unknown")), "cannot tell"),
        ((MTX, smx(2.0, step={"start": when(3), "end": when(-3)}), condition("other-myositis")), "fires"),
        ((MTX, smx(), condition("other-myositis")), "silent"),
        ((MTX, smx(None), condition("palliative-care")), "silent"),
    ],
)
def test_both_antifolates(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts)) == expected


def test_medication_that_could_not_be_had() -> None:
    assert outcome(RULE, assessed(MTX, unavailable=("medicationRequests",))) == "cannot tell"


@pytest.mark.parametrize(
    ("course_", "indicator"),
    [
        (smx(1.0), "warning"),
        (smx(3 / 7), "warning"),
        (smx(2.0, step={"start": when(3), "end": when(-10)}), "critical"),  # 14 days
        (smx(2.0, step={"start": when(3), "end": when(-11)}), "warning"),  # 15 days: no short course
        (smx(2.0, step={"count": 20}), "critical"),
        (smx(2.0, start=3), "critical"),  # no end stated, not yet long
        (smx(2.0, start=13), "critical"),
        (smx(2.0, start=14), "warning"),  # 15 days already
        (smx(3.0, start=200), "critical"),
        (smx(2.0, start=None), "critical"),
        (smx(None), "warning"),
        (smx(2.0, step={"as_needed": True}), "warning"),
        (course("tmp-smx", 30), "warning"),
        (ordered(2.0), "critical"),
        (ordered(None), "warning"),
    ],
)
def test_treatment_dose_is_critical(course_: Any, indicator: str) -> None:
    assert card(RULE, assessed(MTX, course_)).indicator == indicator


def test_treatment_asks_for_another_antibiotic() -> None:
    found = card(RULE, assessed(MTX, ordered(2.0), *GOOD))
    assert "choose another antibiotic" in found.summary
    assert [r["resourceType"] for r in resources(found)] == ["ServiceRequest"]
    assert removed(MTX, ordered(2.0)) == ["MedicationRequest/order-1"]
    assert removed(MTX, smx(3.0)) == []
    assert removed(MTX, changed(ordered(2.0), source="draftOrders.entry[0]")) == []


def test_prophylaxis_that_fits_asks_for_folate_and_counts() -> None:
    found = card(RULE, assessed(MTX, ordered(), *GOOD))
    assert found.summary.endswith("folic acid, and blood counts")
    assert "1 to 2 and at 4 weeks, then monthly" in texts(found)
    assert resources(found, "MedicationRequest") == []
    assert removed(MTX, ordered(), *GOOD) == []


@pytest.mark.parametrize("also", [(lab("egfr", 44),), (changed(MTX, steps=(weekly(20),)),), (lab("wbc", 3.9),)])
def test_atovaquone_where_it_is_preferred(also: tuple[Any, ...]) -> None:
    newer = [
        fact for fact in GOOD if not (hasattr(fact, "concept") and fact.concept == getattr(also[0], "concept", ""))
    ]
    mtx = () if getattr(also[0], "drug", "") == "methotrexate" else (MTX,)
    facts = (*mtx, *newer, *also, ordered())
    found = card(RULE, assessed(*facts))
    (order,) = resources(found, "MedicationRequest")
    assert "atovaquone" in order["medicationCodeableConcept"]["text"]
    assert found.summary.endswith("atovaquone instead")
    assert removed(*facts) == ["MedicationRequest/order-1"]


def test_planned_methotrexate_counts_as_taken() -> None:
    planned = course("methotrexate", -5, status="planned", steps=(weekly(20),))
    found = card(RULE, assessed(planned, smx(), *GOOD[1:], course("folate", -5, status="planned")))
    assert "20 mg a week" in texts(found)
    assert "no folic acid" not in texts(found)
    unknown = card(RULE, assessed(course("methotrexate", -5, status="planned"), smx(), *GOOD))
    assert "not known: methotrexate dose" in texts(unknown)


def test_a_clash_of_another_kind_leaves_the_draft_to_that_card() -> None:
    found = card(RULE, assessed(MTX, ordered(), *GOOD, allergy("sulfonamide-antibiotic")))
    assert resources(found, "MedicationRequest") == []
    taken = card(RULE, assessed(MTX, smx(), *GOOD, allergy("sulfonamide-antibiotic")))
    assert len(resources(taken, "MedicationRequest")) == 1


def test_nothing_fits() -> None:
    barred = [allergy(drug) for drug in ("atovaquone", "dapsone", "pentamidine")]
    found = card(RULE, assessed(MTX, smx(), *barred))
    assert "ask for specialist advice" in found.summary
    assert resources(found, "MedicationRequest") == []


def test_unknown_dose_is_said() -> None:
    found = card(RULE, assessed(MTX, smx(None)))
    assert "not stated" in texts(found)
    assert found.missing == ("dose of TMP-SMX",)


def test_no_dose_for_children() -> None:
    young = assessed(MTX, smx(2.0, start=3), age=12)
    assert card(RULE, young).indicator == "critical"
    assert outcome(RULE, assessed(MTX, smx(), age=12)) == "silent"


def test_daily_methotrexate_counts_by_the_week() -> None:
    found = card(RULE, assessed(course("methotrexate", steps=(daily(15),)), smx(), *GOOD))
    assert "105 mg a week" in texts(found)
