"""What is on record and has no place in the picture, in words: no day, no dose, or not to be used."""

from collections.abc import Iterator

from hooks.assessment import Assessment
from hooks.assessment.activity import usable_scores
from hooks.assessment.labs import shown, usable
from hooks.chart.facts import DrugCourse
from hooks.timeline.lanes import ALWAYS, EXCHANGE, GLUCOCORTICOID, IF_PRESENT, title_of
from hooks.timeline.measures import CK
from hooks.timeline.model import Unplaced

NO_DATE = "no date on record"


def unplaced(a: Assessment) -> tuple[Unplaced, ...]:
    """All of it."""
    drugs = (*ALWAYS, *IF_PRESENT)
    treatments = (one for drug in drugs for one in (*_infusions(a, drug), *_courses(a, drug)))
    return (*_ck(a), *_strength(a), *treatments, *_glucocorticoid(a), *_sessions(a), *_dropped(a, drugs))


def _ck(a: Assessment) -> Iterator[Unplaced]:
    drawn = {id(result) for result in usable(a.chart, CK)}
    for result in a.chart.labs.get(CK, ()):
        if id(result) not in drawn:
            reason = result.doubt or ("no value" if result.value is None else _vague(str(result.when or "")))
            yield Unplaced("CK", shown(result), str(result.when or ""), reason, result.source)


def _strength(a: Assessment) -> Iterator[Unplaced]:
    drawn = {id(score) for score in usable_scores(a.chart)}
    for score in a.chart.scores:
        if id(score) not in drawn:
            when = str(score.when or "")
            yield Unplaced("MMT-8", str(score), when, score.doubt or _vague(when), score.source)


def _vague(when: str) -> str:
    return f"only known as {when}" if when else NO_DATE


def _infusions(a: Assessment, drug: str) -> Iterator[Unplaced]:
    dated = {c.source for c in a.chart.courses_of(drug) if c.start}
    for infusion in a.chart.infusions_of(drug):
        if infusion.when is None and infusion.course not in dated:
            said = f"{infusion.status} {infusion}".strip()
            yield Unplaced(title_of(a, drug), said, "", infusion.problem or NO_DATE, infusion.source)


def _courses(a: Assessment, drug: str) -> Iterator[Unplaced]:
    expanded = {i.course for i in a.chart.infusions_of(drug)}
    for course in a.chart.courses_of(drug):
        if course.source not in expanded:
            yield from _undated(course, title_of(a, drug))


def _undated(course: DrugCourse, title: str) -> Iterator[Unplaced]:
    if course.start is None and not any(step.start for step in course.steps):
        said = ", ".join(filter(None, (course.status, course.text, *map(str, course.steps))))
        until = f"until {course.end}" if course.end else ""
        yield Unplaced(title, said, until, "no start on record", course.source)


def _glucocorticoid(a: Assessment) -> Iterator[Unplaced]:
    for course in a.chart.courses_of(GLUCOCORTICOID):
        yield from _undated(course, "Glucocorticoid")
        for step in course.steps:
            if step.as_needed and (step.start or course.start):
                when = str(step.start or course.start)
                yield Unplaced("Glucocorticoid", f"{course.text} {step}", when, "taken as needed", course.source)


def _sessions(a: Assessment) -> Iterator[Unplaced]:
    for session in a.chart.sessions:
        if session.when is None:
            said = "being ordered" if session.draft else "performed" if session.performed else "planned"
            yield Unplaced(title_of(a, EXCHANGE), said, "", NO_DATE, session.source)


def _dropped(a: Assessment, drugs: tuple[str, ...]) -> Iterator[Unplaced]:
    names = {CK: "CK", "mmt8": "MMT-8", GLUCOCORTICOID: "Glucocorticoid"}
    names |= {drug: title_of(a, drug) for drug in (*drugs, EXCHANGE)}
    for entry in a.chart.dropped:
        if entry.concept in names:
            yield Unplaced(names[entry.concept], "left out", str(entry.when or ""), entry.reason, entry.source)
