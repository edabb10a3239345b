"""Which regimen comes first: every combination of what decides (B3 "Regimen selection", B9 "PJP regimen")."""

from itertools import product

import msgspec
import pytest

from hooks.chart.facts import LabResult
from hooks.reasoning import Truth
from hooks.suggestions.pjp_choice import Circumstances, Option, first_fitting, g6pd_decides, select
from tests.hooks.builders import knowledge, lab

SULFONAMIDE: dict[str, dict[str, object]] = {
    "none": {},
    "mild": {"sulfonamide": "rash"},
    "severe": {"sulfonamide": "Stevens-Johnson syndrome", "sulfonamide_severe": True},
    "not checked": {"allergies_checked": False},
}
COUNTS: dict[str, object] = {
    "wbc": lab("wbc", 7),
    "platelets": lab("platelets", 250),
    "folate": True,
    "methotrexate": True,
}
METHOTREXATE: dict[str, dict[str, object]] = {
    "none": {},
    "15 mg": {**COUNTS, "methotrexate_weekly": 15.0},
    "20 mg": {**COUNTS, "methotrexate_weekly": 20.0},
}
G6PD: dict[str, Truth] = {"unknown": None, "normal": False, "deficient": True}
EGFR = (None, 14.9, 15, 30, 30.1, 44.9, 45, 90)

# T: TMP-SMX, t: half of it, -: not TMP-SMX; by eGFR as in the line above.
TMP_SMX = {
    #                        ?  14.9 15 30 30.1 44.9 45 90
    ("none", "none"): "T - t t T T T T",
    ("none", "15 mg"): "- - - - - - T T",
    ("none", "20 mg"): "- - - - - - - -",
    ("mild", "none"): "- - - - - - - -",
    ("mild", "15 mg"): "- - - - - - - -",
    ("mild", "20 mg"): "- - - - - - - -",
    ("severe", "none"): "- - - - - - - -",
    ("severe", "15 mg"): "- - - - - - - -",
    ("severe", "20 mg"): "- - - - - - - -",
    ("not checked", "none"): "- - - - - - - -",
    ("not checked", "15 mg"): "- - - - - - - -",
    ("not checked", "20 mg"): "- - - - - - - -",
}
# What comes when neither TMP-SMX nor atovaquone fits (a rifamycin is taken), with a haemoglobin of 12 g/dL.
THEN = {
    ("none", "unknown"): "pentamidine",
    ("none", "normal"): "dapsone",
    ("none", "deficient"): "pentamidine",
    ("mild", "unknown"): "pentamidine",
    ("mild", "normal"): "dapsone",
    ("mild", "deficient"): "pentamidine",
    ("severe", "unknown"): "pentamidine",
    ("severe", "normal"): "pentamidine",
    ("severe", "deficient"): "pentamidine",
    ("not checked", "unknown"): "pentamidine",
    ("not checked", "normal"): "pentamidine",
    ("not checked", "deficient"): "pentamidine",
}


def options(**known: object) -> tuple[Option, ...]:
    known.setdefault("age", 48)
    return select(Circumstances(**known), knowledge().regimens, knowledge().thresholds.pjp)  # type: ignore[arg-type]


def first(**known: object) -> str:
    return next((option.regimen.drug for option in first_fitting(options(**known))), "none")


@pytest.mark.parametrize(
    ("sulfonamide", "g6pd", "methotrexate", "egfr", "rifamycin"),
    list(product(SULFONAMIDE, G6PD, METHOTREXATE, EGFR, ("", "rifampicin"))),
)
def test_the_first_regimen(sulfonamide: str, g6pd: str, methotrexate: str, egfr: float | None, rifamycin: str) -> None:
    found = options(
        **SULFONAMIDE[sulfonamide],
        **METHOTREXATE[methotrexate],
        g6pd_deficient=G6PD[g6pd],
        egfr=None if egfr is None else lab("egfr", egfr),
        hemoglobin=lab("hemoglobin", 12),
        rifamycin=rifamycin,
    )
    sign = TMP_SMX[sulfonamide, methotrexate].split()[EGFR.index(egfr)]
    chosen = first_fitting(found)[0]
    if sign == "-":
        assert chosen.regimen.drug == (THEN[sulfonamide, g6pd] if rifamycin else "atovaquone")
    else:
        assert chosen.regimen.drug == "tmp-smx"
        assert chosen.reduced is (sign == "t")


def test_the_order_of_the_four() -> None:
    assert [option.regimen.drug for option in options()] == ["tmp-smx", "atovaquone", "dapsone", "pentamidine"]


@pytest.mark.parametrize(("potassium", "expected"), [(5.4, "tmp-smx"), (5.5, "atovaquone"), (None, "tmp-smx")])
def test_potassium(potassium: float | None, expected: str) -> None:
    assert first(potassium=None if potassium is None else lab("potassium", potassium)) == expected


def test_an_unknown_potassium_is_said() -> None:
    assert "potassium not known: check it before" in [b.because for b in options()[0].unknown]


def test_pregnancy_bars_tmp_smx() -> None:
    assert first(pregnant="Pregnancy (undated)") == "atovaquone"


def test_end_stage_kidney_disease_bars_tmp_smx_without_egfr() -> None:
    assert first(end_stage="End stage renal disease") == "atovaquone"


def test_severe_kidney_disease_bars_tmp_smx_until_the_egfr_is_known() -> None:
    assert first(severe_ckd="CKD stage 4") == "atovaquone"
    assert first(severe_ckd="CKD stage 4", egfr=lab("egfr", 20)) == "tmp-smx"


LIMIT = knowledge().thresholds.cyclophosphamide.creatinine_split


def creatinine(value: float, comparator: str = "") -> dict[str, object]:
    result = lab("creatinine", value, "2026-11-17", unit="umol/L", comparator=comparator)
    return {"creatinine": result, "creatinine_limit": LIMIT}


@pytest.mark.parametrize(
    ("value", "comparator", "drug"),
    [
        (700, "", "atovaquone"),
        (300.1, "", "atovaquone"),
        (300, "", "tmp-smx"),
        (60, "", "tmp-smx"),
        (400, ">", "atovaquone"),
        (200, ">", "atovaquone"),  # may be above
        (200, "<", "tmp-smx"),
    ],
)
def test_a_high_creatinine_without_egfr_bars_tmp_smx(value: float, comparator: str, drug: str) -> None:
    assert first(**creatinine(value, comparator)) == drug


def test_a_creatinine_without_egfr_is_quoted() -> None:
    (against,) = options(**creatinine(700))[0].against
    assert "creatinine 700 µmol/L (2026-11-17), eGFR not known" in against.because
    assert "> 300 µmol/L" in against.because
    lower = [b.because for b in options(**creatinine(60))[0].unknown]
    assert "creatinine 60 µmol/L (2026-11-17), eGFR not known" in lower


def test_a_known_egfr_decides_before_creatinine() -> None:
    assert first(**creatinine(700), egfr=lab("egfr", 60)) == "tmp-smx"
    assert first(**creatinine(60), severe_ckd="CKD stage 4") == "atovaquone"


def test_methotrexate_of_unknown_status_prefers_atovaquone() -> None:
    found = options(methotrexate_doubtful="methotrexate (status unknown, 2026-01-10)")
    assert first_fitting(found)[0].regimen.drug == "atovaquone"
    assert found[0].barred_only_by("methotrexate")
    assert "methotrexate (status unknown, 2026-01-10)" in found[0].against[0].because
    assert first(**{**ALLOWED, "methotrexate_doubtful": "methotrexate"}) == "tmp-smx"  # active: judged by its facts


@pytest.mark.parametrize(
    ("result", "drug", "reduced"),
    [
        (lab("egfr", 15, comparator="<"), "atovaquone", False),
        (lab("egfr", 60, comparator=">"), "tmp-smx", False),
        (lab("egfr", 30, comparator="<"), "atovaquone", False),
        (lab("egfr", 30, comparator=">"), "tmp-smx", False),
    ],
    ids=["<15", ">60", "<30", ">30"],
)
def test_an_egfr_with_a_comparator_answers_what_it_can(result: LabResult, drug: str, reduced: bool) -> None:
    chosen = first_fitting(options(egfr=result))[0]
    assert (chosen.regimen.drug, chosen.reduced) == (drug, reduced)


ALLOWED = {**METHOTREXATE["15 mg"], "egfr": lab("egfr", 90)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"egfr": None}, "not known: eGFR"),
        ({"wbc": None}, "not known: leukocytes"),
        ({"platelets": None}, "not known: platelets"),
        ({"methotrexate_weekly": None}, "not known: methotrexate dose"),
        ({"age": None}, "not known: age"),
        ({"wbc": lab("wbc", 3.9)}, "leukocytes 3.9"),
        ({"platelets": lab("platelets", 149)}, "platelets 149"),
        ({"egfr": lab("egfr", 44.9)}, "eGFR 44.9"),
        ({"age": 75}, "age 75"),
        ({"methotrexate_weekly": 20.0}, "methotrexate 20 mg a week"),
        ({"mcv": lab("mcv", 101, upper=100.0)}, "MCV raised"),
        ({"folate": False}, "no folic acid on record"),
        ({"liver": "Chronic viral hepatitis B"}, "chronic liver disease"),
    ],
)
def test_with_methotrexate_this_prefers_atovaquone(change: dict[str, object], said: str) -> None:
    found = options(**{**ALLOWED, **change})
    assert first_fitting(found)[0].regimen.drug == "atovaquone"
    assert found[0].barred_only_by("methotrexate")
    assert said in found[0].against[0].because


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"wbc": lab("wbc", 4)},
        {"platelets": lab("platelets", 150)},
        {"egfr": lab("egfr", 45)},
        {"age": 74},
        {"methotrexate_weekly": 19.9},
        {"mcv": lab("mcv", 100, upper=100.0)},
        {"mcv": lab("mcv", 120)},
    ],
)
def test_with_methotrexate_this_still_allows_tmp_smx(change: dict[str, object]) -> None:
    assert first(**{**ALLOWED, **change}) == "tmp-smx"


def test_methotrexate_that_may_be_hidden_is_said() -> None:
    unknown = [b.because for b in options(drugs_checked=False)[0].unknown]
    assert "whether methotrexate is taken was not fully checked" in unknown
    assert "rifamycins not fully checked" in [b.because for b in options(drugs_checked=False)[1].unknown]


@pytest.mark.parametrize(
    ("hb", "expected"),
    [(lab("hemoglobin", 9.9), "pentamidine"), (lab("hemoglobin", 10), "dapsone"), (None, "pentamidine")],
)
def test_dapsone_needs_a_known_haemoglobin(hb: LabResult | None, expected: str) -> None:
    known = {"sulfonamide": "rash", "rifamycin": "rifabutin", "g6pd_deficient": False, "g6pd": "G6PD normal (2026)"}
    assert first(**known, hemoglobin=hb) == expected


def test_a_drug_that_was_not_tolerated_is_dropped() -> None:
    assert first(refused={"tmp-smx": "not tolerated before: hyperkalaemia"}) == "atovaquone"
    assert first(sulfonamide="rash", refused={"atovaquone": "allergy"}) == "pentamidine"


def test_nothing_may_fit() -> None:
    refused = dict.fromkeys(("tmp-smx", "atovaquone", "dapsone", "pentamidine"), "not tolerated before")
    assert first(refused=refused) == "none"


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, False),  # TMP-SMX fits
        ({"sulfonamide": "rash"}, True),
        ({"sulfonamide": "rash", "g6pd_deficient": False}, False),
        ({"sulfonamide": "rash", "g6pd_deficient": True}, False),
        ({"sulfonamide": "SJS", "sulfonamide_severe": True}, False),
        ({"sulfonamide": "rash", "hemoglobin": lab("hemoglobin", 8)}, False),
        ({"sulfonamide": "rash", "refused": {"dapsone": "allergy"}}, False),
    ],
)
def test_g6pd_is_asked_for_when_it_alone_decides_about_dapsone(known: dict[str, object], expected: bool) -> None:
    assert g6pd_decides(options(**known)) is expected


def test_the_selection_is_a_function_of_what_is_known() -> None:
    known = Circumstances(age=48, egfr=lab("egfr", 90))
    pjp = knowledge().thresholds.pjp
    assert select(known, knowledge().regimens, pjp) == select(msgspec.structs.replace(known), knowledge().regimens, pjp)
