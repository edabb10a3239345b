"""Whether a drug is taken, planned or being ordered: the first criterion of most safety rules (B4 "active/draft")."""

from hooks.assessment import Assessment
from hooks.assessment.immunosuppression import last_infusion
from hooks.assessment.use import DrugUse, use_of
from hooks.chart.facts import DrugCourse
from hooks.reasoning import Criterion, Truth
from hooks.rules.base import FactRow, md, on
from hooks.rules.sources import medication_missing

_NAMES = {"ivig": "IVIG", "tmp-smx": "TMP-SMX"}
STATES = {"draft": "being ordered", "planned": "planned"}


def used(a: Assessment, *drugs: str) -> Criterion:
    """One of the drugs is taken, planned or being ordered; Unknown where medication could not be looked at."""
    return a.once(_used, *drugs)


def _used(a: Assessment, *drugs: str) -> Criterion:
    return present(a, *[use_of(a, drug) for drug in drugs])


def present(a: Assessment, *uses: DrugUse) -> Criterion:
    """The same of uses that were looked at already, such as those without courses for another disease."""
    found = [use for use in uses if use.present]
    courses = [course for use in found or uses for course in (use.courses or use.unclear)]
    unclear = ", ".join(c.text for use in uses for c in use.unclear)
    missing = "" if found else f"whether it is still taken: {unclear}" if unclear else medication_missing(a)
    truth: Truth = True if found else None if missing else False
    names = " or ".join(_NAMES.get(use.drug, use.drug) for use in uses)
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


def infusion_rows(a: Assessment, drug: str) -> tuple[FactRow, ...]:
    """The same for an infused drug, with its last infusion: by that it may be active long after a course ended."""
    last = last_infusion(a.chart, drug)
    rows = use_rows(use_of(a, drug))
    return (*rows, FactRow(f"{_titled(drug)}, last infusion", "given", on(last.when))) if last else rows


def _row(course: DrugCourse) -> FactRow:
    what = f"{_titled(course.ingredient)} ({STATES.get(course.status, course.status)})"
    return FactRow(what, md(course.text or course.ingredient), on(course.start))


def _titled(name: str) -> str:
    return "IVIG" if name == "ivig" else name.capitalize()
