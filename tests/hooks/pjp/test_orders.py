"""PjpProphylaxis while orders are written: what counts, what covers, and which orders of prophylaxis clash (B3, B9)."""

from typing import Any

import pytest

from hooks.chart.facts import Dosing, DrugCourse
from hooks.rules import methotrexate_with_tmp_smx
from hooks.rules.base import CardDraft
from hooks.rules.pjp_orders import asked_orders
from hooks.rules.pjp_prophylaxis import RULE, risk
from hooks.rules.pjp_prophylaxis_review import RULE as REVIEW
from tests.hooks.builders import allergy, assessed, changed, condition, course, daily, infusion, lab, session, weekly
from tests.hooks.builders import verdict as result
from tests.hooks.rules.asking import card, outcome, resources, texts

ONCE_A_DAY = (Dosing(per_day=1.0),)
BLOOD = (lab("wbc", 7), lab("platelets", 250), lab("hemoglobin", 13))


def draft(drug: str, start: Any = 0, end: Any = None, **more: Any) -> DrugCourse:
    more.setdefault("source", f"MedicationRequest/{drug}")
    return course(drug, start, end, status="draft", kind="MedicationRequest", **more)


PREDNISONE_28 = draft("glucocorticoid", 0, -27, steps=(daily(20),))
TMP_SMX = draft("tmp-smx", steps=ONCE_A_DAY)
ATOVAQUONE = draft("atovaquone", steps=(daily(1500),))
DAPSONE = draft("dapsone", steps=(daily(100),))
PENTAMIDINE = draft("pentamidine", route="inhaled")
CYCLOPHOSPHAMIDE = draft("cyclophosphamide")


def holding(*facts: Any, **more: Any) -> list[str]:
    return [trigger.id for trigger in risk(assessed(*facts, **more)).holding]


def deleted(drafted: CardDraft) -> list[str]:
    return [action.resource_id for s in drafted.suggestions for action in s.actions if action.type == "delete"]


def drugs(drafted: CardDraft) -> list[str]:
    return [r["medicationCodeableConcept"]["text"] for r in resources(drafted, "MedicationRequest")]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((CYCLOPHOSPHAMIDE,), ["P1"]),
        ((course("cyclophosphamide", -10, status="planned"), draft("folate")), ["P1"]),
        ((course("cyclophosphamide", 20, 10, status="planned"), draft("folate")), []),  # a plan that has passed
        ((course("cyclophosphamide", None, status="planned"), draft("folate")), ["P1"]),
        ((infusion("cyclophosphamide", 1000, -10, status="planned"), draft("folate")), ["P1"]),
        ((draft("rituximab"),), ["P5"]),
        ((draft("rituximab"), draft("glucocorticoid", steps=(daily(10),))), ["P3"]),
        ((draft("rituximab"), course("methotrexate", steps=(weekly(15),)), draft("azathioprine")), ["P3", "P5"]),
        ((draft("mycophenolate"), draft("azathioprine", steps=(daily(100),))), ["P5"]),
        ((draft("azathioprine"), draft("methotrexate", steps=(Dosing(low=50, high=50, count=1),))), []),  # one dose
        ((PREDNISONE_28,), ["P2"]),
        ((draft("glucocorticoid", 0, -26, steps=(daily(20),)),), ["P5"]),
        ((draft("glucocorticoid", 0, -12, steps=(daily(20),)),), []),
        ((draft("glucocorticoid", None, steps=(daily(20),)),), []),  # open-ended: the days so far
        # later: its length counts, as if begun today
        ((draft("glucocorticoid", -30, -57, steps=(daily(20, -30, -57),)),), ["P2"]),
        ((draft("glucocorticoid", -30, -56, steps=(daily(20),)),), ["P5"]),
        ((draft("glucocorticoid", 27, 0, steps=(daily(20),)),), ["P2"]),  # dated back
        ((draft("glucocorticoid", 60, 10, steps=(daily(20),)),), []),  # over
        # beside what is on record the higher dose counts, not the sum
        ((course("glucocorticoid", 60, steps=(daily(10),)), draft("glucocorticoid", 0, -60, steps=(daily(10),))), []),
        ((course("glucocorticoid", 60, steps=(daily(10),)), PREDNISONE_28), ["P2"]),
        # in place of what is on record
        ((course("glucocorticoid", 15, steps=(daily(20),), superseded=True), draft("glucocorticoid", 0, -12,
          steps=(daily(20),))), ["P2"]),
        ((course("glucocorticoid", 14, steps=(daily(20),), superseded=True), draft("glucocorticoid", 0, -12,
          steps=(daily(20),))), ["P5"]),
        ((course("glucocorticoid", 60, -60, steps=(daily(20),), superseded=True), draft("glucocorticoid",
          steps=(daily(10),))), []),
        ((course("glucocorticoid", -5, steps=(daily(20),), superseded=True), draft("folate")), []),
        # P4: a pulse that is being ordered, and fifteen days in the middle range
        ((draft("glucocorticoid", 0, -2, steps=(daily(1000),), ingredient="methylprednisolone"),
          course("glucocorticoid", 14, steps=(daily(15),))), ["P4"]),
        ((draft("glucocorticoid", 0, -2, steps=(Dosing(low=1000, high=1000, dates=()),),
          ingredient="methylprednisolone"), course("glucocorticoid", 14, steps=(daily(15),))), ["P4"]),
    ],
)  # fmt: skip
def test_what_is_being_ordered_counts(facts: tuple[Any, ...], expected: list[str]) -> None:
    assert holding(*facts) == expected


def test_what_is_planned_counts_only_while_orders_are_written() -> None:
    planned = course("rituximab", -10, status="planned")
    assert holding(planned) == []
    assert holding(planned, session(-3, planned=True)) == []
    assert holding(planned, changed(session(-3, planned=True), draft=True)) == ["P5"]


def test_an_order_without_a_dose_leaves_the_dose_to_be_asked_for() -> None:
    assert holding(draft("glucocorticoid", 0, -41), draft("methotrexate", steps=(weekly(15),))) == ["PX"]
    assert holding(draft("glucocorticoid"), draft("rituximab")) == ["P5", "PX"]


def test_the_card_says_that_it_is_being_ordered() -> None:
    said = texts(card(RULE, assessed(CYCLOPHOSPHAMIDE)))
    assert "cyclophosphamide given lately, planned or being ordered: being ordered" in said
    planned = course("rituximab", -10, status="planned")
    assert "planned or being ordered: planned" in texts(card(RULE, assessed(planned, draft("azathioprine"))))


@pytest.mark.parametrize("cover", [TMP_SMX, ATOVAQUONE, PENTAMIDINE, draft("pentamidine", -20, route="inhaled")])
def test_prophylaxis_among_the_orders_covers(cover: DrugCourse) -> None:
    assert outcome(RULE, assessed(CYCLOPHOSPHAMIDE, cover)) == "silent"


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (draft("tmp-smx", 0, -9, steps=(Dosing(per_day=3.0),)), "is treatment"),
        (draft("tmp-smx", steps=(Dosing(per_day=1 / 7),)), "less than twice a week"),
        (draft("pentamidine"), "not said that it was inhaled"),
        (draft("pentamidine", route="intravenous"), ""),
    ],
)
def test_an_order_that_is_no_prophylaxis_does_not_cover(order: DrugCourse, why: str) -> None:
    assert why in texts(card(RULE, assessed(CYCLOPHOSPHAMIDE, order)))


def test_prophylaxis_that_the_orders_end_does_not_cover() -> None:
    running = course("tmp-smx", 100, steps=ONCE_A_DAY)
    assert outcome(RULE, assessed(CYCLOPHOSPHAMIDE, running)) == "silent"
    assert outcome(RULE, assessed(CYCLOPHOSPHAMIDE, changed(running, superseded=True))) == "fires"


# Worked out by hand from the column "blocked by" of B3: which regimen comes first, which where rifampicin bars
# atovaquone, and whether an order of TMP-SMX (T), of dapsone (D) clashes. Methotrexate beside TMP-SMX has a rule of its
# own (M). Haemoglobin, leukocytes and platelets are normal.
TABLE = """
sulfonamide  G6PD       methotrexate  eGFR  first        with rifampicin  clashes
none         normal     none          90    tmp-smx      tmp-smx          -
none         normal     none          12    atovaquone   dapsone          T
none         normal     20            90    atovaquone   dapsone          M
none         normal     20            12    atovaquone   dapsone          TM
none         unknown    none          90    tmp-smx      tmp-smx          D
none         unknown    none          12    atovaquone   pentamidine      TD
none         unknown    20            90    atovaquone   pentamidine      DM
none         unknown    20            12    atovaquone   pentamidine      TDM
none         deficient  none          90    tmp-smx      tmp-smx          D
none         deficient  none          12    atovaquone   pentamidine      TD
none         deficient  20            90    atovaquone   pentamidine      DM
none         deficient  20            12    atovaquone   pentamidine      TDM
mild         normal     none          90    atovaquone   dapsone          T
mild         normal     none          12    atovaquone   dapsone          T
mild         normal     20            90    atovaquone   dapsone          TM
mild         normal     20            12    atovaquone   dapsone          TM
mild         unknown    none          90    atovaquone   pentamidine      TD
mild         unknown    none          12    atovaquone   pentamidine      TD
mild         unknown    20            90    atovaquone   pentamidine      TDM
mild         unknown    20            12    atovaquone   pentamidine      TDM
mild         deficient  none          90    atovaquone   pentamidine      TD
mild         deficient  none          12    atovaquone   pentamidine      TD
mild         deficient  20            90    atovaquone   pentamidine      TDM
mild         deficient  20            12    atovaquone   pentamidine      TDM
severe       normal     none          90    atovaquone   pentamidine      TD
severe       normal     none          12    atovaquone   pentamidine      TD
severe       normal     20            90    atovaquone   pentamidine      TDM
severe       normal     20            12    atovaquone   pentamidine      TDM
severe       unknown    none          90    atovaquone   pentamidine      TD
severe       unknown    none          12    atovaquone   pentamidine      TD
severe       unknown    20            90    atovaquone   pentamidine      TDM
severe       unknown    20            12    atovaquone   pentamidine      TDM
severe       deficient  none          90    atovaquone   pentamidine      TD
severe       deficient  none          12    atovaquone   pentamidine      TD
severe       deficient  20            90    atovaquone   pentamidine      TDM
severe       deficient  20            12    atovaquone   pentamidine      TDM
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()[1:]]
TEXTS = {
    "tmp-smx": "sulfamethoxazole 400 mg / trimethoprim 80 mg oral tablet",
    "atovaquone": "atovaquone 1500 mg daily",
    "dapsone": "dapsone 100 mg daily",
    "pentamidine": "pentamidine 300 mg, nebulised",
}
SULFONAMIDE: dict[str, tuple[Any, ...]] = {
    "none": (),
    "mild": (allergy("sulfonamide-antibiotic"),),
    "severe": (allergy("sulfonamide-antibiotic", severe=True, scar=True),),
}
G6PD: dict[str, tuple[Any, ...]] = {
    "normal": (result("g6pd", "negative"),),
    "unknown": (),
    "deficient": (result("g6pd", "positive"),),
}
METHOTREXATE: dict[str, tuple[Any, ...]] = {
    "none": (),
    "20": (course("methotrexate", steps=(weekly(20),)), course("folate")),
}
RIFAMPICIN = course("rifamycin", text="rifampicin")


def facts_of(row: list[str]) -> tuple[Any, ...]:
    sulfonamide, g6pd, methotrexate, egfr = row[:4]
    return (
        *BLOOD,
        lab("egfr", float(egfr)),
        *SULFONAMIDE[sulfonamide],
        *G6PD[g6pd],
        *METHOTREXATE[methotrexate],
    )


@pytest.mark.parametrize("row", ROWS, ids=" ".join)
def test_every_combination_of_the_four_blockers(row: list[str]) -> None:
    known, (first, with_rifampicin, clashes) = facts_of(row), row[4:]
    assert drugs(card(RULE, assessed(CYCLOPHOSPHAMIDE, *known))) == [TEXTS[first]]
    assert drugs(card(RULE, assessed(CYCLOPHOSPHAMIDE, RIFAMPICIN, *known))) == [TEXTS[with_rifampicin]]
    for letter, order in (("T", TMP_SMX), ("D", DAPSONE), ("", ATOVAQUONE), ("", PENTAMIDINE)):
        a = assessed(order, *known)
        if letter and letter in clashes:
            drafted = card(RULE, a)
            assert (drafted.indicator, deleted(drafted)) == ("warning", [order.source])
            assert drugs(drafted) == [TEXTS[first]]
        else:
            assert outcome(RULE, a) == "silent"
    beside = outcome(methotrexate_with_tmp_smx.RULE, assessed(TMP_SMX, *known))
    assert beside == ("fires" if "M" in clashes else "silent")


def test_the_table_has_every_combination() -> None:
    combinations = {tuple(row[:4]) for row in ROWS}
    assert len(combinations) == len(ROWS) == len(SULFONAMIDE) * len(G6PD) * len(METHOTREXATE) * 2


@pytest.mark.parametrize(
    ("order", "facts", "more", "expected"),
    [
        (TMP_SMX, (), {"unavailable": ("allergies",)}, "cannot tell"),
        (TMP_SMX, (lab("egfr", 12),), {"unavailable": ("allergies",)}, "fires"),
        (TMP_SMX, (condition("ckd-severe"),), {}, "cannot tell"),  # CKD 4 or 5, eGFR not known
        (TMP_SMX, (condition("dialysis"),), {}, "fires"),
        (TMP_SMX, (lab("potassium", 5.5),), {}, "fires"),
        (TMP_SMX, (lab("potassium", 5.4),), {}, "silent"),
        (TMP_SMX, (condition("pregnancy", 60),), {}, "fires"),
        (TMP_SMX, (allergy("tmp-smx"),), {}, "fires"),
        (ATOVAQUONE, (RIFAMPICIN,), {}, "fires"),
        (ATOVAQUONE, (draft("rifamycin", text="rifampicin"),), {}, "fires"),
        (ATOVAQUONE, (changed(RIFAMPICIN, superseded=True),), {}, "silent"),
        (ATOVAQUONE, (allergy("atovaquone"),), {}, "fires"),
        (DAPSONE, (lab("hemoglobin", 9.9), result("g6pd", "negative")), {}, "fires"),
        (DAPSONE, (lab("hemoglobin", 10), result("g6pd", "negative")), {}, "silent"),
        (DAPSONE, (result("g6pd", "negative"),), {}, "cannot tell"),  # haemoglobin not known
        (PENTAMIDINE, (course("pentamidine", 400, 300, status="stopped", intolerance="bronchospasm"),), {}, "fires"),
        (draft("pentamidine", route="intravenous"), (allergy("pentamidine"),), {}, "silent"),  # treatment
        (draft("tmp-smx", 0, -9, steps=(Dosing(per_day=3.0),)), (lab("egfr", 12),), {}, "silent"),  # treatment
        (draft("tmp-smx"), (lab("egfr", 12),), {}, "fires"),  # no dose yet
    ],
)
def test_what_clashes(order: DrugCourse, facts: tuple[Any, ...], more: dict[str, Any], expected: str) -> None:
    assert outcome(RULE, assessed(order, *facts, **more)) == expected


def test_a_clash_without_a_trigger_says_so_and_recommends_only_the_removal() -> None:
    drafted = card(RULE, assessed(TMP_SMX, allergy("sulfonamide-antibiotic"), *BLOOD))
    assert drafted.summary == "PJP prophylaxis order clashes with sulfonamide allergy: atovaquone fits"
    assert "no trigger for prophylaxis holds" in texts(drafted)
    assert [s.is_recommended for s in drafted.suggestions] == [False, False, True]  # atovaquone, G6PD, removal


def test_a_clash_with_a_trigger_keeps_its_reasons() -> None:
    drafted = card(RULE, assessed(TMP_SMX, CYCLOPHOSPHAMIDE, allergy("sulfonamide-antibiotic"), *BLOOD))
    assert "P1: cyclophosphamide" in texts(drafted)
    assert "no trigger" not in texts(drafted)
    assert drafted.suggestions[0].is_recommended


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"age": 10}, "ask a paediatric pharmacist"),
        ({"age": None}, "age unknown, so no other is drafted"),
    ],
)
def test_no_dose_for_children_and_unknown_age(more: dict[str, Any], said: str) -> None:
    drafted = card(RULE, assessed(TMP_SMX, allergy("sulfonamide-antibiotic"), **more))
    assert said in drafted.summary
    assert [r["resourceType"] for r in resources(drafted)] == []
    assert deleted(drafted) == [TMP_SMX.source]


def test_where_nothing_fits_a_specialist_is_asked() -> None:
    barred = (allergy("sulfonamide-antibiotic", severe=True), RIFAMPICIN, allergy("pentamidine"))
    drafted = card(RULE, assessed(TMP_SMX, *barred))
    assert drafted.summary.endswith("no standard regimen fits, ask for advice")
    assert deleted(drafted) == [TMP_SMX.source]


def test_an_intolerance_is_named_where_nothing_else_speaks_against_it() -> None:
    assert "an intolerance on record" in card(RULE, assessed(ATOVAQUONE, allergy("atovaquone"))).summary
    both = card(RULE, assessed(TMP_SMX, allergy("tmp-smx")))
    assert "sulfonamide allergy:" in both.summary


def test_other_prophylaxis_that_covers_is_enough() -> None:
    drafted = card(RULE, assessed(TMP_SMX, course("atovaquone", 30), allergy("sulfonamide-antibiotic")))
    assert "other prophylaxis is running" in drafted.summary
    assert resources(drafted) == []


def test_an_order_without_an_id_cannot_be_removed() -> None:
    nameless = changed(TMP_SMX, source="draftOrders.entry[0]")
    assert deleted(card(RULE, assessed(nameless, allergy("sulfonamide-antibiotic")))) == []


def test_no_order_of_prophylaxis_no_question() -> None:
    assert asked_orders(assessed(CYCLOPHOSPHAMIDE)) == ()


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((course("tmp-smx", 100, steps=ONCE_A_DAY, superseded=True), TMP_SMX), "fires"),
        ((course("tmp-smx", 100, steps=ONCE_A_DAY), ATOVAQUONE), "fires"),
        ((course("tmp-smx", 60, steps=ONCE_A_DAY, superseded=True), TMP_SMX), "silent"),
        ((course("tmp-smx", None, steps=ONCE_A_DAY, superseded=True), TMP_SMX), "cannot tell"),
        ((TMP_SMX,), "silent"),  # only now begun
        ((course("tmp-smx", 100, steps=ONCE_A_DAY, superseded=True), TMP_SMX, PREDNISONE_28), "silent"),
        ((course("tmp-smx", 100, steps=ONCE_A_DAY, superseded=True), TMP_SMX, CYCLOPHOSPHAMIDE), "silent"),
    ],
)
def test_review_when_prophylaxis_is_ordered_again(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(REVIEW, assessed(*facts)) == expected
