"""Active drugs and nIS (B3, B9 "Active", "nIS")."""

import pytest

from cds_service.fhir.dates import parse
from hooks.assessment.immunosuppression import (
    Immunosuppression,
    active_courses,
    assess_immunosuppression,
    ended_within,
    infused_active,
    infused_within,
    last_infusion,
    planned,
    since,
)
from hooks.chart.facts import DrugCourse
from hooks.reasoning import Truth
from tests.hooks.builders import TODAY, chart, course, daily, infusion, knowledge, weekly, when

T = knowledge().thresholds


def taken(*facts: object) -> Immunosuppression:
    return assess_immunosuppression(chart(*facts), T, TODAY)


@pytest.mark.parametrize(
    ("one", "active"),
    [
        (course("methotrexate", 100), True),
        (course("methotrexate", None), True),
        (course("methotrexate", 0, 0), True),
        (course("methotrexate", 100, -1), True),
        (course("methotrexate", "2026-11", "2026-11"), True),
        (course("methotrexate", 100, 1), False),
        (course("methotrexate", -1), False),
        (course("methotrexate", 100, status="on-hold"), False),
        (course("methotrexate", 100, status="completed"), False),
        (course("methotrexate", 100, status="unknown"), False),
        (course("methotrexate", 100, status="planned"), False),
    ],
)
def test_a_home_drug_is_active(one: DrugCourse, active: bool) -> None:
    assert bool(active_courses(chart(one), "methotrexate", TODAY)) is active


@pytest.mark.parametrize(
    "drug",
    ["methotrexate", "mycophenolate", "azathioprine", "tacrolimus", "ciclosporin", "tocilizumab", "jak-inhibitor"],
)
def test_nis_counts_each_class_once(drug: str) -> None:
    assert taken(course(drug), course(drug, 20)).names == (drug,)


@pytest.mark.parametrize("drug", ["ivig", "scig", "complement-or-fcrn-inhibitor", "glucocorticoid", "statin"])
def test_nis_does_not_count_others(drug: str) -> None:
    assert taken(course(drug)).count == 0


def test_nis_counts_cyclophosphamide_and_rituximab_by_their_day_limits() -> None:
    assert taken(infusion("cyclophosphamide", 1000, 90), infusion("rituximab", 1000, 183)).count == 2
    assert taken(infusion("cyclophosphamide", 1000, 91), infusion("rituximab", 1000, 184)).count == 0


def test_nis_may_be_open_where_an_infusion_has_no_date() -> None:
    open_ = taken(course("methotrexate"), infusion("rituximab", 1000, None))
    assert open_.at_least(1) is True
    assert open_.at_least(2) is None
    assert open_.at_least(3) is False
    assert open_.at_least(2, beside_rituximab=True) is False


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((), False),
        ((infusion("rituximab", 1000, 183),), True),
        ((infusion("rituximab", 1000, 184),), False),
        ((infusion("rituximab", 1000, -1),), False),
        ((infusion("rituximab", 1000, None),), None),
        ((infusion("rituximab", 1000, None), infusion("rituximab", 1000, 10)), True),
        ((infusion("rituximab", 1000, 10, status="planned"),), False),
        ((infusion("rituximab", 1000, parse("2026-05")),), None),
        ((course("rituximab", None),), None),
        ((course("rituximab", None, status="stopped"),), None),
        ((course("rituximab", 100),), True),
        ((course("rituximab", 300),), None),
        ((course("rituximab", 300, 200, status="completed"),), False),
        ((course("rituximab", 300, 100, status="completed"),), None),
        ((course("rituximab", 150, 100, status="completed"),), True),
        ((course("rituximab", None, 200, status="completed"),), False),
        ((course("rituximab", 283, status="completed"),), None),
        ((course("rituximab", 284, status="completed"),), False),
        ((course("rituximab", -10),), False),
        ((course("rituximab", 10, status="draft"),), False),
    ],
)
def test_rituximab_within_183_days(facts: tuple[object, ...], expected: Truth) -> None:
    assert infused_within(chart(*facts), "rituximab", T.pjp.rtx_days, T, TODAY) is expected


@pytest.mark.parametrize(
    ("oral", "expected"),
    [
        (course("cyclophosphamide", 300, steps=(daily(100),)), True),
        (course("cyclophosphamide", None, steps=(daily(100),)), True),
        (course("cyclophosphamide", 300, 90, status="stopped", steps=(daily(100),)), True),
        (course("cyclophosphamide", 300, 91, status="stopped", steps=(daily(100),)), False),
        (course("cyclophosphamide", 300, -5, status="stopped", steps=(daily(100),)), True),
        (course("cyclophosphamide", 300, status="stopped", steps=(daily(100),)), None),
        (
            course("cyclophosphamide", 20, status="completed", kind="MedicationAdministration", steps=(daily(100),)),
            True,
        ),
    ],
)
def test_oral_cyclophosphamide_counts_until_it_ends(oral: DrugCourse, expected: Truth) -> None:
    assert infused_within(chart(oral), "cyclophosphamide", T.pjp.cyc_days, T, TODAY) is expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((), False),
        ((infusion("ivig", 140_000, 42),), True),
        ((infusion("ivig", 140_000, 43),), False),
        ((course("ivig", None),), True),
        ((course("ivig", 300), infusion("ivig", 140_000, 100)), False),
        ((course("ivig", 300), infusion("ivig", 140_000, 100), infusion("ivig", 140_000, -7, status="planned")), True),
        ((course("ivig", 300, steps=(daily(1),)), infusion("ivig", 140_000, 100)), True),
    ],
)
def test_ivig_is_active(facts: tuple[object, ...], expected: bool) -> None:
    assert infused_active(chart(*facts), "ivig", T.ivig.active_days, TODAY) is expected


def test_the_last_infusion_is_one_that_was_given() -> None:
    given = infusion("ivig", 140_000, 100)
    facts = (infusion("ivig", 140_000, 200), given, infusion("ivig", 140_000, -7, status="planned"))
    assert last_infusion(chart(*facts, infusion("ivig", 140_000, None)), "ivig") == given
    assert last_infusion(chart(), "ivig") is None


def test_any_treatment() -> None:
    assert not taken().any_treatment
    assert taken(course("azathioprine")).any_treatment
    assert taken(infusion("ivig", 140_000, 10)).any_treatment
    assert taken(course("glucocorticoid", steps=(daily(5),))).any_treatment


def test_planned() -> None:
    assert planned(chart(course("rituximab", -5, status="planned")), "rituximab")
    assert planned(chart(course("rituximab", status="draft")), "rituximab")
    assert not planned(chart(course("rituximab")), "rituximab")


def test_ended_within() -> None:
    assert ended_within(course("methotrexate", 300, 90, status="stopped"), 90, TODAY)
    assert not ended_within(course("methotrexate", 300, 91, status="stopped"), 90, TODAY)
    assert not ended_within(course("methotrexate", 300, status="stopped"), 90, TODAY)


def test_since() -> None:
    assert since(when("2026-01-05")) == "since 2026-01-05"
    assert since(None) == ""


def test_weekly_methotrexate_is_one_class_whatever_its_dose() -> None:
    assert taken(course("methotrexate", steps=(weekly(None),))).classes == ("methotrexate",)
