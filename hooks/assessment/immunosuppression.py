"""What the patient takes now: active drugs, immunosuppressants counted (nIS) and glucocorticoid exposure (B3, B9)."""

from datetime import date, timedelta

import msgspec

from cds_service.fhir.dates import FhirDate, within
from hooks.chart.facts import Chart, Dosing, DrugCourse, Infusion
from hooks.knowledge.thresholds import Threshold, Thresholds
from hooks.reasoning import Truth

IMMUNOSUPPRESSANTS = (
    "methotrexate", "mycophenolate", "azathioprine", "tacrolimus", "ciclosporin", "tocilizumab", "jak-inhibitor",
)  # fmt: skip
"""Home drugs of nIS (B9); cyclophosphamide and rituximab count by their own day limits."""
INFUSED = ("ivig", "rituximab", "cyclophosphamide")


def active_courses(chart: Chart, drug: str, today: date) -> tuple[DrugCourse, ...]:
    """Courses of a home drug that are active today: status active, begun, not ended (B9 "Active")."""
    return tuple(c for c in chart.courses if c.drug == drug and _active(c, today))


def _active(course: DrugCourse, today: date) -> bool:
    if course.status != "active" or (course.start and course.start.earliest > today):
        return False
    return course.end is None or course.end.latest >= today


def last_infusion(chart: Chart, drug: str) -> Infusion | None:
    """The newest dated infusion that was given, for whatever indication."""
    given = [i for i in chart.infusions if i.drug == drug and i.when and i.status not in ("planned", "draft")]
    return max(given, key=lambda i: i.when.latest if i.when else date.min, default=None)


def infused_within(chart: Chart, drug: str, days: Threshold, today: date) -> Truth:
    """Whether the drug was infused within `days`. None: it was given, but no date decides it."""
    given = [i for i in chart.infusions if i.drug == drug and i.status not in ("planned", "draft")]
    answers = [within(i.when, int(days.value), today) for i in given]
    if True in answers:
        return True
    bare = active_courses(chart, drug, today)
    return None if None in answers or (not given and bare) else False


def infused_active(chart: Chart, drug: str, days: Threshold, today: date) -> bool:
    """B9 "Active" for IVIG, IV cyclophosphamide and rituximab.

    A bare `active` counts when no infusion is dated or one is still to come; an oral course as any home drug.
    """
    last = last_infusion(chart, drug)
    if last and within(last.when, int(days.value), today):
        return True
    expanded = {i.course for i in chart.infusions if i.drug == drug and i.when}
    courses = active_courses(chart, drug, today)
    to_come = any(i.drug == drug and i.status == "planned" for i in chart.infusions)
    if any(c.source not in expanded and any(s.daily for s in c.steps) for c in courses):
        return True
    return bool(courses) and (last is None or to_come)


class Glucocorticoids(msgspec.Struct, frozen=True):
    """Systemic glucocorticoid exposure in prednisone equivalents.

    `mg_per_day` today (upper end of ranges), None while some active course has an unknown dose. `known_mg`: the part that is known. `spans`: constant
    daily doses over time, newest last, as (first day, last day, mg); a stated future end is kept.
    """

    active: bool
    mg_per_day: float | None
    known_mg: float
    spans: tuple[tuple[date, date, float], ...]
    unknown: tuple[str, ...] = ()

    def days_at_least(self, mg: float, today: date, bridge: float) -> int:
        """Consecutive days up to today (or a stated future end) at or above `mg`; gaps of `bridge` days are bridged (B9 gcd)."""
        begin: date | None = None
        end = today
        for first, last, dose in reversed(self.spans):
            if dose < mg - 1e-9 or first > today:
                continue
            if begin is None:
                if last < today:
                    break
                begin, end = first, last
            elif (begin - last).days - 1 <= bridge:
                begin = first
            else:
                break
        return 0 if begin is None else (end - begin).days + 1


def _equivalents(course: DrugCourse, step: Dosing, thresholds: Thresholds) -> float | None:
    factor: Threshold | None = getattr(thresholds.glucocorticoid, course.ingredient, None)
    daily = step.mg_per_day_high
    return daily * factor.value if daily is not None and factor else None


def _span(course: DrugCourse, step: Dosing, today: date) -> tuple[date, date] | None:
    """First and last day of a step; None when it cannot be placed. A vague start counts from its last day."""
    start, end = step.start or course.start, step.end or course.end
    if start is None:
        return (today, today) if _active(course, today) and end is None else None
    if end is None:
        return (start.latest, today) if _active(course, today) and start.latest <= today else None
    return (start.latest, end.earliest) if start.latest <= end.earliest else None


def assess_glucocorticoids(chart: Chart, thresholds: Thresholds, today: date) -> Glucocorticoids:
    """Dose over time. Of several resource types telling of one ingredient the highest counts, not the sum (B9)."""
    pieces: list[tuple[date, date, str, str, float]] = []
    unknown: list[str] = []
    active = False
    for course in chart.courses:
        if course.drug != "glucocorticoid" or course.status in ("planned", "draft"):
            continue
        is_active = _active(course, today)
        active = active or is_active
        understood = False
        for step in course.steps:
            if step.as_needed or step.total:
                understood = True
                continue
            mg, span = _equivalents(course, step, thresholds), _span(course, step, today)
            if mg is not None and span:
                pieces.append((*span, course.ingredient, course.kind, mg))
                understood = True
        if is_active and not understood:
            unknown.append(course.source)
    spans = _sum(pieces)
    now = sum(mg for first, last, mg in spans if first <= today <= last)
    return Glucocorticoids(active, None if unknown else now, now, spans, tuple(unknown))


def _sum(pieces: list[tuple[date, date, str, str, float]]) -> tuple[tuple[date, date, float], ...]:
    """Piecewise constant total of overlapping pieces (first day, last day, ingredient, resource type, mg/day)."""
    one = timedelta(days=1)
    edges = sorted({p[0] for p in pieces} | {p[1] + one for p in pieces})
    spans: list[tuple[date, date, float]] = []
    for first, following in zip(edges, edges[1:], strict=False):
        by_kind: dict[str, dict[str, float]] = {}
        for begin, end, ingredient, kind, mg in pieces:
            if begin <= first <= end:
                kinds = by_kind.setdefault(ingredient, {})
                kinds[kind] = kinds.get(kind, 0.0) + mg
        total = sum(max(kinds.values()) for kinds in by_kind.values())
        if total and spans and spans[-1][2] == total and spans[-1][1] + one == first:
            spans[-1] = (spans[-1][0], following - one, total)
        elif total:
            spans.append((first, following - one, total))
    return tuple(spans)


class Immunosuppression(msgspec.Struct, frozen=True, kw_only=True):
    """Immunosuppressants today. `classes`: those of nIS without rituximab and cyclophosphamide; these two by their day limits, None where that
    cannot be told."""

    classes: tuple[str, ...]
    cyclophosphamide: Truth
    rituximab: Truth
    ivig: bool
    glucocorticoids: Glucocorticoids

    @property
    def count(self) -> int:
        """nIS: all of them (B9)."""
        return len(self.classes) + (self.cyclophosphamide is True) + (self.rituximab is True)

    @property
    def any_treatment(self) -> bool:
        """On IMNM immunotherapy (B9, for R7)."""
        return bool(self.count) or self.ivig or self.glucocorticoids.active


def assess_immunosuppression(chart: Chart, thresholds: Thresholds, today: date) -> Immunosuppression:
    """All of the above for one day."""
    oral_cyc = any(any(s.daily for s in c.steps) for c in active_courses(chart, "cyclophosphamide", today))
    return Immunosuppression(
        classes=tuple(drug for drug in IMMUNOSUPPRESSANTS if active_courses(chart, drug, today)),
        cyclophosphamide=oral_cyc or infused_within(chart, "cyclophosphamide", thresholds.pjp.cyc_days, today),
        rituximab=infused_within(chart, "rituximab", thresholds.pjp.rtx_days, today),
        ivig=infused_active(chart, "ivig", thresholds.ivig.active_days, today),
        glucocorticoids=assess_glucocorticoids(chart, thresholds, today),
    )


def planned(chart: Chart, drug: str) -> bool:
    """Whether the drug is intended, drafted, or starts in the future."""
    return any(c.drug == drug and c.status in ("planned", "draft") for c in chart.courses)


def ended_within(course: DrugCourse, days: float, today: date) -> bool:
    """Whether a course ended within the last `days`, by a known date."""
    return bool(within(course.end, int(days), today))


def since(when: FhirDate | None) -> str:
    """`since 2026-01-05`, or nothing."""
    return f"since {when}" if when else ""
