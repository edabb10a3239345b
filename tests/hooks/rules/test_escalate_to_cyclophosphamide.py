"""R2-CYC (B1, B2, B7, B9): the three failed, the disease is active; an order only once every gate is passed."""

from typing import Any

import pytest

from hooks.assessment import Assessment
from hooks.rules.escalate_to_cyclophosphamide import RULE
from tests.hooks.builders import (
    allergy,
    assessed,
    base,
    changed,
    chart,
    ck,
    condition,
    course,
    infusion,
    lab,
    mmt,
    verdict,
)
from tests.hooks.rules.asking import card, codes, judged, outcome, resources, texts

THREE = ("ivig", "rituximab", "methotrexate")
GATES: dict[str, Any] = {
    "creatinine": lab("creatinine", 70, 3, unit="umol/L"),
    "wbc": lab("wbc", 4.0, 3, unit="10*9/L"),
    "anc": lab("anc", 2.0, 3, unit="10*9/L"),
    "platelets": lab("platelets", 100, 3, unit="10*9/L"),
    "hcg": verdict("hcg", "negative", 3),
    "urine": lab("urine-rbc", 2, 10, upper=3.0, unit="/[HPF]"),
    "hbsag": verdict("hbsag", "negative", 100),
    "anti-hbc": verdict("anti-hbc", "negative", 100),
}


def failed(drug: str, **more: Any) -> Any:
    return course(drug, None, status="stopped", **{"failure": "lack of efficacy", **more})


def gated(*more: Any, without: tuple[str, ...] = (), **kwargs: Any) -> Assessment:
    return assessed(base(*(fact for name, fact in GATES.items() if name not in without), *more, **kwargs))


@pytest.mark.parametrize(
    ("without", "facts", "expected"),
    [
        ((), (), "fires"),
        (("mmt",), (mmt(96, "2026-01-05"), mmt(125)), "silent"),  # weak, but 19 % better: 20 points, improved
        (("mmt",), (mmt(115, "2026-01-05"), mmt(125)), "fires"),
        (("mmt",), (mmt(115, "2026-01-05"), mmt(126)), "silent"),
        (("ck",), (ck(400),), "fires"),
        (("ck",), (ck(399),), "silent"),
        (("ck",), (ck(599, upper=300.0),), "silent"),
        (("ck",), (ck(600, upper=300.0),), "fires"),
        (("ck",), (ck(6200, 90),), "fires"),
        (("ck",), (ck(6200, 91),), "cannot tell"),
        (("mmt",), (mmt(96, "2026-01-05"), mmt(98, 181)), "cannot tell"),
        (("mmt",), (mmt(96, "2026-01-05"), mmt(78, 10, scale="")), "cannot tell"),
        (("ck", "ivig"), (), "silent"),  # IVIG never given settles it, CK or not
        (("ivig",), (infusion("ivig", 56_000, "2026-02-02"),), "silent"),
        (("ivig",), (course("ivig", -3, status="planned"),), "silent"),
        (("methotrexate",), (course("methotrexate", 60, 20, status="stopped", intolerance="hepatotoxicity"),), "fires"),
        ((), (course("cyclophosphamide", -3, status="planned"),), "silent"),
        ((), (infusion("cyclophosphamide", 1000, 100),), "silent"),
        ((), (allergy("cyclophosphamide"),), "silent"),
        ((), (condition("pregnancy", 60),), "silent"),
        ((), (verdict("hcg", "positive", 10),), "silent"),
        ((), (condition("muscular-dystrophy"),), "silent"),
        ((), (condition("palliative-care"),), "silent"),
        ((), (condition("imnm", current=False),), "silent"),
    ],
)
def test_all_three_and_the_disease_active(without: tuple[str, ...], facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(base(*facts, without=without))) == expected


@pytest.mark.parametrize(("age", "expected"), [(17, "silent"), (18, "fires"), (None, "cannot tell")])
def test_adults_only(age: int | None, expected: str) -> None:
    assert outcome(RULE, assessed(base(age=age))) == expected


def test_the_dead_are_left_alone() -> None:
    assert outcome(RULE, assessed(base(deceased=True))) == "silent"


def test_cannot_tell_says_once_what_would_tell() -> None:
    assert judged(RULE, assessed(base(without=("ck",)))).because == "no CK on record"


def test_who_was_not_tolerated_at_all_has_not_failed() -> None:
    none = [course(d, None, status="stopped", intolerance="rash") for d in THREE]
    active = (mmt(98), ck(6200))
    assert outcome(RULE, assessed(*none, *active)) == "silent"
    one = [*none[:2], failed("methotrexate")]
    assert outcome(RULE, assessed(*one, *active)) == "fires"


def test_a_responder_is_not_called_refractory_while_a_measure_is_missing() -> None:
    responded = (mmt(96, "2026-01-05"), mmt(140, "2026-07-01"))
    assert outcome(RULE, assessed(base(*responded, without=("ck", "mmt")))) == "silent"


def test_V01_asks_and_drafts_no_order_while_gates_are_open() -> None:
    draft = card(RULE, assessed(base()))
    assert draft.indicator == "warning"
    assert draft.summary == draft.ask
    assert "consider specialist referral and cyclophosphamide; evidence is low" in draft.summary
    said = texts(draft)
    assert "15 mg/kg × 70 kg (2026-11-01) = 1050 mg; cap 1200 mg" in said
    assert "**No cyclophosphamide order is drafted** until" in said
    for needed in ("Creatinine", "Leukocytes", "Neutrophils", "Platelets", "negative hCG", "urine microscopy", "HBsAg"):
        assert needed in said
    assert "stop it before cyclophosphamide" in said
    assert resources(draft, "MedicationRequest") == []
    assert [r["code"]["text"] for r in resources(draft)] == [
        "Referral to a myositis or neuromuscular centre",
        "Complete blood count with differential",
        "Creatinine and eGFR",
        "Liver tests with GGT and bilirubin (AST and ALT may come from muscle)",
        "Urinalysis with microscopy (red cell count)",
        "hCG pregnancy test",
        "HBsAg",
        "Anti-HBc, total",
        "HBV DNA",
        "Immunoglobulin G",
        "Interferon-gamma release assay (IGRA) for tuberculosis",
    ]
    assert [s.is_recommended for s in draft.suggestions] == [True, True]
    assert {(r["status"], r["intent"]) for r in resources(draft)} == {("draft", "order")}


def test_every_draft_names_the_diagnosis_as_its_reason() -> None:
    a = assessed(base())
    assert a.diagnosis.condition is not None
    reasons = [r["reasonReference"] for r in resources(card(RULE, a))]
    assert reasons == [[{"reference": a.diagnosis.condition.source}]] * 11


def test_men_are_not_asked_for_a_pregnancy_test() -> None:
    draft = card(RULE, assessed(base(gender="male")))
    assert "2118-8" not in codes(draft)
    assert "hCG" not in texts(draft)


def test_with_every_gate_passed_one_pulse_is_drafted_unsigned() -> None:
    draft = card(RULE, gated())
    (order,) = resources(draft, "MedicationRequest")
    assert (order["status"], order["intent"]) == ("draft", "order")
    assert order["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] == 1050
    assert "Stop methotrexate first." in order["note"][0]["text"]
    assert "**" not in order["note"][0]["text"]
    assert order["medicationCodeableConcept"]["coding"][0]["code"] == "3002"
    assert "No cyclophosphamide order is drafted" not in texts(draft)
    rows = {row.what: row for row in draft.facts}
    assert (rows["Leukocytes"].value, rows["Leukocytes"].when) == ("4 ×10⁹/L", "2026-11-19")
    assert rows["Leukocytes"].threshold.startswith("≥ 4 ")
    # it is offered, not recommended: the specialist comes first
    assert [s.is_recommended for s in draft.suggestions] == [True, True, False]


def test_V39_the_cap_holds() -> None:
    heavy = (lab("body-weight", 95, 5, unit="kg"), lab("body-height", 185, 5, unit="cm"))
    ivig = tuple(infusion("ivig", 190_000, at, days=4) for at in ("2026-02-02", "2026-03-02", "2026-04-06"))
    draft = card(RULE, assessed(base(*GATES.values(), *heavy, *ivig, without=("body", "ivig"), age=45)))
    (order,) = resources(draft, "MedicationRequest")
    assert order["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] == 1200
    assert "= 1425 mg; cap 1200 mg" in texts(draft)


@pytest.mark.parametrize("gate", GATES)
def test_no_order_without(gate: str) -> None:
    draft = card(RULE, gated(without=(gate,)))
    assert resources(draft, "MedicationRequest") == []
    assert "**No cyclophosphamide order is drafted**" in texts(draft)


@pytest.mark.parametrize(
    "more",
    [
        (lab("wbc", 3.9, 1),),
        (lab("anc", 1.9, 1),),
        (lab("platelets", 99, 1),),
        (lab("creatinine", 501, 1),),
        (lab("urine-rbc", 4, 1, upper=3.0),),
        (verdict("hbsag", "positive", 1),),
        (lab("igg", 3.9, 1),),
        (condition("dialysis"),),
        (condition("urinary-infection"),),
        (condition("urinary-obstruction"),),
        (condition("serious-infection", 60),),
        (condition("serious-infection", None),),
        (infusion("cyclophosphamide", 25_000, 3000, other_indication="lymphoma"),),
        (infusion("cyclophosphamide", None, 3000, other_indication="lymphoma"),),
    ],
    ids=lambda more: str(getattr(more[0], "concept", "") or getattr(more[0], "drug", "") or sorted(more[0].concepts)),
)
def test_no_order_where_a_gate_fails(more: tuple[Any, ...]) -> None:
    replaced = {"creatinine", "wbc", "anc", "platelets", "urine-rbc", "hbsag"}
    without = tuple(n for n, f in GATES.items() if getattr(more[0], "concept", "") in replaced & {f.concept})
    draft = card(RULE, gated(*more, without=without))
    assert resources(draft, "MedicationRequest") == []
    assert "**No cyclophosphamide order is drafted**" in texts(draft)


@pytest.mark.parametrize("source", ["conditions", "allergies", "medicationStatements", "labs", "procedures"])
def test_no_order_while_a_source_is_not_complete(source: str) -> None:
    draft = card(RULE, gated(unavailable=(source,)))
    assert resources(draft, "MedicationRequest") == []


def test_a_gate_that_speaks_in_words_is_quoted_inert() -> None:
    odd = changed(GATES["hbsag"], result=None, text="<img onerror=x> | see report")
    draft = card(RULE, gated(odd, without=("hbsag",)))
    assert "\\<img onerror=x\\> \\| see report" in texts(draft)


def test_documented_failures_without_doses_are_said_to_be_unverifiable() -> None:
    draft = card(RULE, assessed(chart(*(failed(d) for d in THREE), mmt(98), ck(6200))))
    assert "Documented failure of IVIG, Rituximab, Methotrexate; doses not verifiable." in draft.why
    assert "Dose: no recent body weight on record." in texts(draft)
    assert "stop it before" not in texts(draft)


def test_a_dialysed_patient_gets_no_dose() -> None:
    draft = card(RULE, gated(condition("dialysis")))
    assert "Dose: none; creatinine too high, or dialysis; a specialist decides." in texts(draft)
