"""S1 (B4 S1-CYC-CBC, vignette V31)."""

from typing import Any

import pytest

from hooks.rules.cyclophosphamide_blood_count import RULE
from tests.hooks.builders import SOURCES, assessed, changed, chart, condition, course, lab
from tests.hooks.rules.asking import card, outcome, resources, texts

CYC = course("cyclophosphamide", 60, text="Cyclophosphamide")
PARTLY: dict[str, Any] = dict.fromkeys(SOURCES, "complete") | {"labs": "incomplete"}
UNIT = {"unit": "10*9/L"}


def count(
    wbc: float | None = 6.5, anc: float | None = 4.0, platelets: float | None = 250, at: Any = 4
) -> tuple[Any, ...]:
    cells = {"wbc": wbc, "anc": anc, "platelets": platelets}
    return tuple(lab(concept, value, at, **UNIT) for concept, value in cells.items() if value is not None)


LOW = count(2.4, 1.2, 140)


def level(*facts: Any, **more: Any) -> str:
    """`critical` or `warning`; the outcome where there is no card."""
    a = assessed(*facts, **more)
    return card(RULE, a).indicator if outcome(RULE, a) == "fires" else outcome(RULE, a)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (LOW, "critical"),
        (count(anc=1.5), "critical"),
        (count(anc=1.51), "warning"),
        (count(platelets=49), "critical"),
        (count(platelets=50), "warning"),
        (count(platelets=99), "warning"),
        (count(platelets=100), "silent"),
        (count(wbc=3.9), "warning"),
        (count(wbc=4.0), "silent"),
        (count(anc=1.99), "warning"),
        (count(anc=2.0), "silent"),
        (count(anc=1.2, at=14), "critical"),
        (count(anc=1.2, at=15), "warning"),  # none of the last 14 days
        ((), "warning"),
        (count(anc=None), "warning"),
        (count(wbc=None), "warning"),
        (count(platelets=None), "warning"),
        (count(wbc=1.4, anc=None, platelets=None), "critical"),  # neutrophils cannot be more than white cells
        (count(anc=1.2, wbc=None, platelets=None), "critical"),
        (count(wbc=3.0, anc=None), "warning"),
    ],
)
def test_what_the_counts_decide(counts: tuple[Any, ...], expected: str) -> None:
    assert level(CYC, *counts) == expected


@pytest.mark.parametrize(
    ("value", "comparator", "expected"),
    [
        (1.5, "<", "critical"),
        (1.5, "<=", "critical"),
        (1.6, "<", "warning"),
        (1.5, ">", "warning"),
        (2.0, ">=", "silent"),
        (2.0, ">", "silent"),
        (3.0, "<", "warning"),
    ],
)
def test_what_a_neutrophil_count_with_a_comparator_decides(value: float, comparator: str, expected: str) -> None:
    counts = (*count(anc=None), lab("anc", value, 4, comparator=comparator, **UNIT))
    assert level(CYC, *counts) == expected


def test_the_newest_count_decides() -> None:
    assert level(CYC, *count(anc=1.2, at=9), *count(at=3)) == "silent"
    assert level(CYC, *count(at=9), *count(anc=1.2, at=3)) == "critical"


def test_a_newer_count_in_doubt_hides_a_good_one_but_not_a_low_one() -> None:
    doubtful = lab("anc", None, 2, doubt="the unit is not understood")
    assert level(CYC, *count(at=9), doubtful) == "warning"
    assert level(CYC, *count(anc=1.2, at=9), doubtful) == "critical"
    assert "neutrophils of the last 14 days (the newest is in doubt" in texts(
        card(RULE, assessed(CYC, *count(at=9), doubtful))
    )


@pytest.mark.parametrize(
    ("drugs", "expected"),
    [
        ((CYC,), "critical"),
        ((changed(CYC, status="planned"),), "critical"),
        ((changed(CYC, status="draft"),), "critical"),
        ((changed(CYC, status="stopped"),), "silent"),
        ((changed(CYC, status="unknown"),), "cannot tell"),
        ((changed(CYC, superseded=True),), "silent"),
        ((), "silent"),
        ((course("rituximab", 60),), "silent"),
    ],
)
def test_only_with_cyclophosphamide(drugs: tuple[Any, ...], expected: str) -> None:
    assert level(*drugs, *LOW) == expected


@pytest.mark.parametrize(
    ("more", "critical", "warning"),
    [
        ({"age": 12}, "critical", "silent"),
        ({"age": None}, "critical", "cannot tell"),
        ({"deceased": True}, "silent", "silent"),
    ],
)
def test_who_it_speaks_about(more: dict[str, Any], critical: str, warning: str) -> None:
    assert level(CYC, *LOW, **more) == critical
    assert level(CYC, **more) == warning


@pytest.mark.parametrize("other", ["palliative-care", "other-myositis"])
def test_only_critical_in_palliative_care_and_with_a_possible_diagnosis(other: str) -> None:
    assert level(CYC, *LOW, condition(other)) == "critical"
    assert level(CYC, condition(other)) == "silent"


def test_the_critical_card_names_the_counts_and_their_limits() -> None:
    draft = card(RULE, assessed(CYC, *LOW))
    assert draft.summary == "Do not give cyclophosphamide: neutrophils 1.2 ×10⁹/L (2026-11-18)"
    said = texts(draft)
    assert "Platelets 140 ×10⁹/L 2026-11-18 none at < 50 ×10⁹/L [M]; hold at < 100 ×10⁹/L [V]" in said
    assert "neutrophils of 1.5 ×10⁹/L or less" in said
    assert not draft.missing


def test_the_warning_says_to_hold() -> None:
    draft = card(RULE, assessed(CYC, *count(wbc=3.2, platelets=80)))
    assert draft.summary.startswith("Hold cyclophosphamide: white cells 3.2 ×10⁹/L (2026-11-18), platelets 80 ×10⁹/L")
    assert "20 to 40 %" in texts(draft)


def test_a_low_count_and_an_unknown_one_are_both_said() -> None:
    draft = card(RULE, assessed(CYC, *count(wbc=3.2, anc=None)))
    assert draft.missing == ("neutrophils of the last 14 days",)


def test_no_count_no_complete_count_and_none_looked_at_are_told_apart() -> None:
    assert "no blood count of the last 14 days" in card(RULE, assessed(CYC)).summary
    assert "not complete" in card(RULE, assessed(CYC, *count(anc=None))).summary
    for unchecked in (chart(CYC, unavailable=("labs",)), changed(chart(CYC), checked=PARTLY)):
        draft = card(RULE, assessed(unchecked))
        assert "not checked" in draft.summary
        assert "no blood count" not in texts(draft)


def test_an_old_and_a_preliminary_count_are_shown_as_such() -> None:
    assert "White cells 6.5 ×10⁹/L 2026-10-13" in texts(card(RULE, assessed(CYC, *count(at=40))))
    preliminary = tuple(changed(result, preliminary=True) for result in LOW)
    assert "1.2 ×10⁹/L (preliminary)" in texts(card(RULE, assessed(CYC, *preliminary)))


@pytest.mark.parametrize("counts", [LOW, count(wbc=3.2), ()])
def test_a_blood_count_is_suggested(counts: tuple[Any, ...]) -> None:
    (request,) = resources(card(RULE, assessed(CYC, *counts)), "ServiceRequest")
    assert request["code"]["text"] == "Complete blood count with differential"


def test_medication_that_was_not_looked_at_leaves_it_open() -> None:
    assert level(*LOW, unavailable=("medicationRequests",)) == "cannot tell"
