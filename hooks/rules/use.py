"""Whether a drug is taken, planned or being ordered: the first criterion of most safety rules (B4 "active/draft")."""

from hooks.assessment import Assessment
from hooks.assessment.use import DrugUse, use_of
from hooks.chart.facts import DrugCourse
from hooks.reasoning import Criterion, Truth
from hooks.rules.base import FactRow, md, on
from hooks.rules.sources import medication_missing

STATES = {"draft": "being ordered", "planned": "planned"}


def used(a: Assessment, *drugs: str) -> Criterion:
    """One of the drugs is taken, planned or being ordered; Unknown where medication could not be looked at."""
    return a.once(_used, *drugs)


def _used(a: Assessment, *drugs: str) -> Criterion:
    uses = [use_of(a, drug) for drug in drugs]
    found = [use for use in uses if use.present]
    courses = [course for use in found or uses for course in (use.courses or use.unclear)]
    unclear = ", ".join(c.text for use in uses for c in use.unclear)
    missing = "" if found else f"whether it is still taken: {unclear}" if unclear else medication_missing(a)
    truth: Truth = True if found else None if missing else False
    names = " or ".join(drug.replace("-", " ") for drug in drugs)
    return Criterion(
        f"{names} taken, planned or being ordered",
        truth,
        value=", ".join(dict.fromkeys(c.text or c.ingredient for c in courses)),
        when=", ".join(str(c.start) for c in courses if c.start),
        source=", ".join(c.source for c in courses),
        missing=missing,
    )


def use_rows(*uses: DrugUse) -> tuple[FactRow, ...]:
    """A row per course: the drug, whether it is taken, planned or being ordered, and since when."""
    return tuple(_row(course) for use in uses for course in use.courses)


def _row(course: DrugCourse) -> FactRow:
    what = f"{course.ingredient.capitalize()} ({STATES.get(course.status, course.status)})"
    return FactRow(what, md(course.text or course.ingredient), on(course.start))
