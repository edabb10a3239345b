"""More of a drug in an order never takes away the card that its dose is too high, and never makes it less urgent."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metamorphic.cases import Case, Service, all_cases, rank, sample
from tests.metamorphic.relations import Json, drafting
from tests.vignettes.vocabulary import UCUM

CASES = all_cases()
VIEWED = [case for case in CASES if case.hook == "patient-view"]
brief = settings(deadline=None, max_examples=60)


def order(patient: str, drug: str, dose: float, unit: str, route: str, **repeat: Any) -> Json:
    """A draft of a drug, with one dose at a time."""
    return {
        "resourceType": "MedicationRequest",
        "id": "order-1",
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {"text": drug},
        "subject": {"reference": f"Patient/{patient}"},
        "dosageInstruction": [
            {
                "timing": {"repeat": repeat},
                "route": {"text": route},
                "doseAndRate": [{"doseQuantity": {"value": dose, "unit": unit, "system": UCUM, "code": unit}}],
            }
        ],
    }


def signing(case: Case, *drafts: Json) -> Case:
    """The patient of a case, for whom these orders are signed."""
    body = drafting(case.body | {"hook": "order-sign"}, *drafts)
    return Case(f"{case.id} with {len(drafts)} orders", "order-sign", body)


def check_raised(service: Service, rule: str, case: Case, low: Json, high: Json) -> int:
    """The card for the higher dose is no less urgent; how urgent it is."""
    before = rank(service.answer(signing(case, low)), rule)
    after = rank(service.answer(signing(case, high)), rule)
    assert after >= before, (case.id, low["dosageInstruction"], high["dosageInstruction"])
    return after


def doses(usual: float) -> st.SearchStrategy[tuple[float, float]]:
    """Two doses from a tenth to six times the usual one, the lower one first."""
    tenths = st.integers(1, 60).map(lambda tenth: round(usual * tenth / 10, 3))
    return st.tuples(tenths, tenths).map(lambda pair: (min(pair), max(pair)))


@brief
@given(
    case=st.sampled_from(sample("cyclophosphamide", VIEWED, 80)),
    dose=st.one_of(
        st.tuples(doses(1000), st.just("mg")),
        st.tuples(doses(15), st.just("mg/kg")),
        st.tuples(doses(1), st.just("g")),
    ),
    repeat=st.sampled_from([{}, {"count": 1}, {"frequency": 1, "period": 3, "periodUnit": "wk"}]),
)
def test_raising_cyclophosphamide_never_removes_its_dose_card(
    service: Service, case: Case, dose: tuple[tuple[float, float], str], repeat: Json
) -> None:
    (low, high), unit = dose
    orders = [order(case.patient, "cyclophosphamide", mg, unit, "intravenous", **repeat) for mg in (low, high)]
    check_raised(service, "CyclophosphamideDose", case, *orders)


@brief
@given(
    case=st.sampled_from(sample("methotrexate", VIEWED, 80)),
    dose=doses(15),
    often=st.sampled_from(
        [
            {"frequency": 1, "period": 1, "periodUnit": "wk"},
            {"frequency": 2, "period": 1, "periodUnit": "wk"},
            {"frequency": 1, "period": 1, "periodUnit": "d"},
            {"frequency": 1, "period": 7, "periodUnit": "d", "dayOfWeek": ["mon"]},
        ]
    ),
)
def test_raising_methotrexate_never_removes_its_dose_card(
    service: Service, case: Case, dose: tuple[float, float], often: Json
) -> None:
    orders = [order(case.patient, "methotrexate", mg, "mg", "oral", **often) for mg in dose]
    check_raised(service, "MethotrexateDaily", case, *orders)


@brief
@given(
    case=st.sampled_from(sample("ivig", VIEWED, 80)),
    dose=st.one_of(st.tuples(doses(140), st.just("g")), st.tuples(doses(2), st.just("g/kg"))),
    repeat=st.sampled_from(
        [
            {"count": 1},
            {"frequency": 1, "period": 4, "periodUnit": "wk"},
            {"frequency": 1, "period": 1, "periodUnit": "d", "count": 4},
        ]
    ),
)
def test_raising_ivig_never_removes_its_dose_card(
    service: Service, case: Case, dose: tuple[tuple[float, float], str], repeat: Json
) -> None:
    (low, high), unit = dose
    orders = [order(case.patient, "IVIG", grams, unit, "intravenous", **repeat) for grams in (low, high)]
    check_raised(service, "IvigDose", case, *orders)


@pytest.mark.parametrize(
    ("rule", "low", "high"),
    [
        ("CyclophosphamideDose", order("", "cyclophosphamide", 500, "mg", "intravenous"), 3000),
        ("MethotrexateDaily", order("", "methotrexate", 15, "mg", "oral", period=1, periodUnit="wk", frequency=1), 35),
        ("IvigDose", order("", "IVIG", 70, "g", "intravenous", count=1), 400),
    ],
)
def test_the_dose_cards_come_with_the_dose(rule: str, low: Json, high: float, service: Service) -> None:
    """The relations above would hold for cards that never come, or always."""
    (case,) = [case for case in CASES if case.id == "nam-refractory-gates-passed"]
    raised = msgspec.json.decode(msgspec.json.encode(low))
    raised["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] = high
    assert rank(service.answer(signing(case, low)), rule) == 0
    assert rank(service.answer(signing(case, raised)), rule) > 0
