"""What the patient takes now: active drugs, and immunosuppressants counted (nIS) (B3, B9)."""

from datetime import date

import msgspec

from cds_service.fhir.dates import FhirDate, day, within
from hooks.assessment.glucocorticoids import Glucocorticoids, assess_glucocorticoids, is_active, is_regular
from hooks.chart.facts import Chart, DrugCourse, Infusion
from hooks.chart.spans import shifted
from hooks.knowledge.thresholds import Threshold, Thresholds
from hooks.reasoning import Truth, any_true

IMMUNOSUPPRESSANTS = (
    "methotrexate", "mycophenolate", "azathioprine", "tacrolimus", "ciclosporin", "tocilizumab", "jak-inhibitor",
)  # fmt: skip
"""Home drugs of nIS (B9); cyclophosphamide and rituximab count by their own day limits."""
INFUSED = ("ivig", "rituximab", "cyclophosphamide")


def active_courses(chart: Chart, drug: str, today: date) -> tuple[DrugCourse, ...]:
    """Courses of a home drug that are active today: status active, begun, not ended (B9 "Active")."""
    return tuple([c for c in chart.courses_of(drug) if is_active(c, today)])


def last_infusion(chart: Chart, drug: str) -> Infusion | None:
    """The newest dated infusion that was given, for whatever indication."""
    given = [i for i in chart.infusions_of(drug) if i.when and i.status not in ("planned", "draft")]
    return max(given, key=lambda i: i.when.latest if i.when else date.min, default=None)


def infused_within(chart: Chart, drug: str, days: Threshold, thresholds: Thresholds, today: date) -> Truth:
    """Whether the drug was given within `days`, for whatever indication. None: it was given, but no date decides it."""
    infusions = chart.infusions_of(drug)
    given = [i for i in infusions if i.status not in ("planned", "draft")]
    expanded = {i.course for i in infusions}
    bare = [c for c in chart.courses_of(drug) if c.source not in expanded and c.status not in ("planned", "draft")]
    return any_true(
        (
            *(within(i.when, int(days.value), today) for i in given),
            *(_taken_within(c, days, thresholds, today) for c in bare),
        )
    )


def _taken_within(course: DrugCourse, days: Threshold, thresholds: Thresholds, today: date) -> Truth:
    """Whether a course without single doses on record reached into the last `days`.

    What is taken daily is taken until its end; of anything else only the period is known in which it was given.
    """
    start, end = course.start, course.end
    if start and start.earliest > today:
        return False
    if any(step.daily for step in course.steps):
        if is_active(course, today):
            return True
        end = end or (start if course.kind == "MedicationAdministration" else None)
        last = FhirDate(min(end.earliest, today), min(end.latest, today)) if end else None
        return within(last, int(days.value), today)
    if start is None and end is None:
        return None
    since = start.earliest if start else date.min
    until = end.latest if end else today
    if end is None and start and not is_active(course, today):
        until = shifted(start.latest, thresholds.reading.renewal_gap_days.value)
    until = min(until, today)
    return within(FhirDate(min(since, until), until), int(days.value), today)


def infused_active(chart: Chart, drug: str, days: Threshold, today: date) -> bool:
    """B9 "Active" for IVIG, IV cyclophosphamide and rituximab.

    A bare `active` counts when no infusion is dated or one is still to come; an oral course as any home drug.
    """
    last = last_infusion(chart, drug)
    if last and within(last.when, int(days.value), today):
        return True
    courses = active_courses(chart, drug, today)
    if not courses:
        return False
    expanded = {i.course for i in chart.infusions_of(drug) if i.when}
    if any(c.source not in expanded and any(s.daily for s in c.steps) for c in courses):
        return True
    return last is None or any(i.status == "planned" for i in chart.infusions_of(drug))


class Immunosuppression(msgspec.Struct, frozen=True, kw_only=True):
    """Immunosuppressants today.

    `classes`: those of nIS without rituximab and cyclophosphamide; these two by their day limits, None where that
    cannot be told.
    """

    classes: tuple[str, ...]
    cyclophosphamide: Truth
    rituximab: Truth
    ivig: bool
    glucocorticoids: Glucocorticoids

    @property
    def names(self) -> tuple[str, ...]:
        """The drugs that nIS certainly counts."""
        infused = {"cyclophosphamide": self.cyclophosphamide, "rituximab": self.rituximab}
        return (*self.classes, *(drug for drug, given in infused.items() if given))

    @property
    def count(self) -> int:
        """nIS: all of them (B9)."""
        return len(self.names)

    def at_least(self, n: float, *, beside_rituximab: bool = False) -> Truth:
        """Whether nIS is `n` or more. `beside_rituximab`: rituximab is not counted (B9: P3 and P5 name it already)."""
        infused = (self.cyclophosphamide,) if beside_rituximab else (self.cyclophosphamide, self.rituximab)
        if len(self.classes) + infused.count(True) >= n:
            return True
        return None if len(self.classes) + infused.count(True) + infused.count(None) >= n else False

    @property
    def any_treatment(self) -> bool:
        """On IMNM immunotherapy (B9, for R7)."""
        return bool(self.count) or self.ivig or self.glucocorticoids.active


def assess_immunosuppression(
    chart: Chart, thresholds: Thresholds, today: date, *, ordered: bool = False
) -> Immunosuppression:
    """All of the above for one day.

    `ordered`: with what is being ordered, and with cyclophosphamide and rituximab that are planned (B9, order hooks).
    """

    def given(drug: str, days: Threshold) -> Truth:
        coming = ordered and is_coming(chart, drug, today)
        return True if coming else infused_within(chart, drug, days, thresholds, today)

    def counts(drug: str) -> bool:
        return bool(active_courses(chart, drug, today)) or (ordered and _ordered_regularly(chart, drug))

    return Immunosuppression(
        classes=tuple(drug for drug in IMMUNOSUPPRESSANTS if counts(drug)),
        cyclophosphamide=given("cyclophosphamide", thresholds.pjp.cyc_days),
        rituximab=given("rituximab", thresholds.pjp.rtx_days),
        ivig=infused_active(chart, "ivig", thresholds.ivig.active_days, today),
        glucocorticoids=assess_glucocorticoids(chart, thresholds, today, ordered=ordered),
    )


def is_coming(chart: Chart, drug: str, today: date) -> bool:
    """Whether an infused drug is being ordered, or planned for a day that has not passed."""
    planned = [i.when for i in chart.infusions_of(drug) if i.when and i.status == "planned"]
    planned += [
        c.end or c.start or day(today) for c in chart.courses_of(drug) if c.status == "planned" and not c.superseded
    ]
    ordered = any(c.status == "draft" for c in chart.courses_of(drug))
    return ordered or any(when.latest >= today for when in planned)


def _ordered_regularly(chart: Chart, drug: str) -> bool:
    """Whether a home drug is being ordered, for more than single doses."""
    return any(
        not c.steps or any(is_regular(step) for step in c.steps) for c in chart.courses_of(drug) if c.status == "draft"
    )


def planned(chart: Chart, drug: str) -> bool:
    """Whether the drug is intended, drafted, or starts in the future."""
    return any(c.status in ("planned", "draft") for c in chart.courses_of(drug))


def ended_within(course: DrugCourse, days: float, today: date) -> bool:
    """Whether a course ended within the last `days`, by a known date."""
    return bool(within(course.end, int(days), today))


def since(when: FhirDate | None) -> str:
    """`since 2026-01-05`, or nothing."""
    return f"since {when}" if when else ""
