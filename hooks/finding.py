"""Case finding: who has no diagnosis that the service is for, and results that somebody should look at.

Not a rule: it asks for nothing but a look, and advises nothing. Thresholds of the group `finding`; all of it ENG.
"""

from collections.abc import Iterator
from datetime import date

import msgspec

from cds_service.registry import CdsService, PrefetchTemplate
from hooks.assessment.antibodies import Antibody, assess_antibodies
from hooks.assessment.diagnosis import MIMICS
from hooks.assessment.labs import at_least, shown, upper_limit, usable
from hooks.assessment.statins import assess_statins
from hooks.chart.facts import Chart, DrugCourse, LabResult
from hooks.chart.gate import ENTRY_CONDITIONS
from hooks.chart.matching import matchers
from hooks.knowledge.model import Knowledge
from hooks.knowledge.thresholds import Thresholds
from hooks.prefetch import PAGE, PATIENT
from hooks.reasoning import Truth, any_true

CK = "creatine-kinase"
RESULTS = frozenset({"anti-hmgcr", "anti-srp", CK})
"""What somebody must have been tested for to be found."""
_OTHER = MIMICS | {"dermatomyositis", "statin-adverse-effect"}
"""Diagnoses that are no reason not to look, and that whoever looks wants to know."""


class Evidence(msgspec.Struct, frozen=True):
    """One fact, in plain text: what, value, date, what it was compared with, and the resource that it stands in."""

    what: str
    value: str
    when: str
    compared: str
    source: str


class Found(msgspec.Struct, frozen=True):
    """Why somebody should look at this person, and what is known that bears on it."""

    reasons: tuple[str, ...]
    evidence: tuple[Evidence, ...]


def looked_for(code: msgspec.Raw, knowledge: Knowledge) -> bool:
    """Whether an Observation with this code may be a reason: by codes and by names, as the chart is read."""
    hits = matchers(knowledge).labs.concept(code).hits
    return bool(hits) and hits[0].value_set in RESULTS


def everybody(service: CdsService) -> CdsService:
    """The service without its gate, and with all Observations: a search by code misses those that have only a name."""

    def wider(one: PrefetchTemplate) -> PrefetchTemplate:
        return msgspec.structs.replace(one, query=f"Observation?patient={PATIENT}&_sort=-date&_count={PAGE}")

    templates = (wider(one) if one.key == "labs" else one for one in service.prefetch if one.key != "scores")
    return msgspec.structs.replace(service, prefetch=tuple(templates), gate=lambda data, today: True)  # noqa: ARG005


def find(chart: Chart, knowledge: Knowledge, today: date) -> Found | None:
    """What is to be looked at; None for who has a diagnosis that the service is for, now or once, and for the dead."""
    if chart.person.deceased or any(d.concepts & ENTRY_CONDITIONS for d in chart.diagnoses):
        return None
    thresholds = knowledge.thresholds
    both = assess_antibodies(chart, thresholds)
    positive = [one for one in (both.hmgcr, both.srp) if one.state == "POSITIVE"]
    pair, certain = _high_twice(chart, thresholds)
    reasons = [f"{one.name} positive" for one in positive]
    if pair:
        reasons.append(f"CK very high twice, {'on' if certain else 'perhaps on'} a statin")
    if not reasons:
        return None
    results = pair or usable(chart, CK)[:1]
    evidence = (
        *(row for one in positive for row in _antibody(chart, one)),
        *(_ck(one, thresholds) for one in results),
        *(_statin(course) for course in assess_statins(chart, today).exposure),
        *_on_record(chart, knowledge),
    )
    return Found(tuple(reasons), evidence)


def _high_twice(chart: Chart, thresholds: Thresholds) -> tuple[tuple[LabResult, ...], bool]:
    """The last two very high CKs far enough apart on a statin; and whether a statin was certainly taken at both."""
    times, default = thresholds.finding.ck_x_uln.value, thresholds.ck.uln_default
    high = [one for one in usable(chart, CK) if at_least(one, times * upper_limit(one, default))]
    on_statin = [(one, _taken(chart, one)) for one in high]
    certain = _apart([one for one, taken in on_statin if taken], thresholds)
    return certain or _apart([one for one, taken in on_statin if taken is not False], thresholds), bool(certain)


def _apart(results: list[LabResult], thresholds: Thresholds) -> tuple[LabResult, ...]:
    """The newest of these results, and the newest one that is far enough before it; nothing if there is none."""
    gap = thresholds.finding.ck_gap_days.value
    earlier = next((one for one in results if (_day(results[0]) - _day(one)).days >= gap), None)
    return (results[0], earlier) if earlier else ()


def _day(result: LabResult) -> date:
    assert result.when is not None  # as of all that are usable
    return result.when.earliest


def _taken(chart: Chart, result: LabResult) -> Truth:
    """Whether a statin was taken on the day of a result. None: one may have been."""
    return any_true(_covers(course, _day(result)) for course in chart.courses_of("statin"))


def _covers(course: DrugCourse, on: date) -> Truth:
    start, end = course.start, course.end
    if course.status in ("planned", "draft") or (start and start.earliest > on) or (end and end.latest < on):
        return False
    began = start or course.known_by
    begun = began is not None and began.latest <= on
    lasts = end.earliest >= on if end else course.status == "active"
    return True if begun and lasts else None


def _antibody(chart: Chart, antibody: Antibody) -> Iterator[Evidence]:
    result = antibody.result
    assert result is not None  # it is positive
    limit = f"upper limit {result.upper:g}" if result.upper is not None else ""
    seen = shown(result)
    value = seen if seen == antibody.words else f"{antibody.words}: {seen}"
    yield _result(antibody.name, value, result, limit, antibody.flag)
    newest = chart.labs[result.concept][0]
    if newest.result not in (None, "positive"):
        yield _result(f"{antibody.name}, newest", shown(newest), newest, "")


def _ck(result: LabResult, thresholds: Thresholds) -> Evidence:
    limit = upper_limit(result, thresholds.ck.uln_default)
    own = "" if result.upper else " by default: no range with the result"
    times = thresholds.finding.ck_x_uln
    compared = f"≥ {times.value:g} × ULN [{times.mark}], ULN {limit:g} U/L{own}"
    return _result("CK", f"{shown(result)} ({(result.value or 0) / limit:.1f} × ULN)", result, compared)


def _result(what: str, value: str, result: LabResult, compared: str, flag: str = "") -> Evidence:
    doubts = "; ".join(filter(None, ("preliminary" if result.preliminary else "", flag, result.doubt)))
    when = str(result.when) if result.when else "no date"
    return Evidence(what, f"{value} ({doubts})" if doubts else value, when, compared, result.source)


def _statin(course: DrugCourse) -> Evidence:
    state = "taken or not is not recorded" if course.status == "unknown" else course.status
    since = f"since {course.start}" if course.start else "start not recorded"
    when = f"{since}, until {course.end}" if course.end else since
    return Evidence(f"Statin ({state})", course.text or course.ingredient, when, "", course.source)


def _on_record(chart: Chart, knowledge: Knowledge) -> Iterator[Evidence]:
    for one in chart.diagnoses:
        if one.concepts & _OTHER:
            yield Evidence("On the problem list", one.text, str(one.since or "no date"), "", one.source)
    for left in chart.dropped:
        if left.kind == "not in force" and left.concept in ENTRY_CONDITIONS | MIMICS:
            title = knowledge.value_sets[left.concept].title
            yield Evidence("Not in force", f"{title}: {left.reason}", str(left.when or ""), "", left.source)
