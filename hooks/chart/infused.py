"""Which drugs are infused: each infusion counts by itself, not the rate of a course."""

from hooks.chart.facts import Dosing, DrugCourse

ALWAYS = frozenset({"ivig", "rituximab"})
SOMETIMES = "cyclophosphamide"
_A_WEEK = 1 / 7 + 1e-9


def infused(drug: str, route: str, steps: tuple[Dosing, ...], *, moment: bool) -> bool:
    """Whether a drug is infused: cyclophosphamide by its route or, where that is not known, unless taken every day."""
    if drug != SOMETIMES:
        return drug in ALWAYS
    if route == "oral":
        return False
    if route in ("intravenous", "injected"):
        return True
    return moment or any(step.count or step.dates or (step.per_day or 1) <= _A_WEEK for step in steps)


def is_infused(course: DrugCourse) -> bool:
    """Whether a course consists of infusions."""
    moment = course.kind in ("MedicationAdministration", "Procedure")
    return infused(course.drug, course.route, course.steps, moment=moment)
