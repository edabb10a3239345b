"""Whether a pregnancy was excluded before, or under, a drug that harms the unborn child (S2)."""

from datetime import timedelta

from cds_service.fhir.dates import FhirDate, within
from hooks.assessment import Assessment
from hooks.assessment.labs import latest
from hooks.assessment.person import negative_hcg
from hooks.assessment.use import DrugUse
from hooks.chart.facts import DrugCourse
from hooks.reasoning import Truth


def tested(a: Assessment, use: DrugUse) -> Truth:
    """Whether a negative test covers the use of a drug. The newest test decides; an unclear or positive one does not.

    For what is planned or being ordered it has to be of the last `gates.hcg_days`; for what is taken it may be as old
    as the first dose of this treatment, and that many days more. None: no date tells.
    """
    days = int(a.knowledge.thresholds.gates.hcg_days.value)
    if negative_hcg(a.chart, days, a.today):
        return True
    test = latest(a.chart, "hcg")
    if test is None or test.result != "negative":
        return False
    if use.coming:
        return within(test.when, days, a.today)
    first = first_dose(a, use)
    if first is None:
        return None
    surely = within(test.when, (a.today - first.latest).days + days, a.today)
    possibly = within(test.when, (a.today - first.earliest).days + days, a.today)
    if surely:
        return True
    return False if possibly is False else None


def first_dose(a: Assessment, use: DrugUse) -> FhirDate | None:
    """The first day of the treatment that is going on; None where it is not on record."""
    if use.drug == "cyclophosphamide" and (pulse := _first_pulse(a)):
        return pulse
    starts = [course.start for course in use.taken]
    known = [start for start in starts if start]
    if not known or len(known) < len(starts):
        return None
    return _earlier(a, use, min(known))


def _first_pulse(a: Assessment) -> FhirDate | None:
    """The first of the pulses that follow each other up to now, for whatever indication."""
    gap = timedelta(days=a.knowledge.thresholds.cyclophosphamide.trial_gap_days.value)
    given = [
        i.when for i in a.chart.infusions_of("cyclophosphamide") if i.when and i.status not in ("planned", "draft")
    ]
    first: FhirDate | None = None
    for when in sorted(given, reverse=True):
        if (first.earliest if first else a.today) - when.latest > gap:
            break
        first = when
    return first


def _earlier(a: Assessment, use: DrugUse, start: FhirDate) -> FhirDate:
    """The start of the first of the courses that led up to this one without a break, such as those of smaller doses."""
    gap = timedelta(days=a.knowledge.thresholds.reading.same_course_days.value)
    before: list[DrugCourse] = [c for c in a.chart.courses_of(use.drug) if c.status not in ("planned", "draft")]
    for course in sorted((c for c in before if c.start), key=lambda c: c.start or start, reverse=True):
        if course.start and course.start < start and course.end and start.earliest - course.end.latest <= gap:
            start = course.start
    return start
