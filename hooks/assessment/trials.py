"""Drug-class trial states (B0, B9): was each of the four really given, long enough, and did it fail?

Each module `*_trial.py` splits the record of one class into trials and says of each how far dose and time
went (a `Trial`); here documented reasons and the response are added, and the best trial counts.
"""

from collections.abc import Callable
from datetime import date
from functools import cached_property
from math import ceil
from typing import Literal

import msgspec

from cds_service.fhir.dates import FhirDate
from hooks.assessment.response import Response, best_response
from hooks.chart.facts import Chart, DrugCourse, Infusion
from hooks.chart.spans import shifted
from hooks.knowledge.thresholds import Threshold, Thresholds
from hooks.reasoning import Truth

BaseState = Literal["EXPOSED_UNKNOWN", "UNDERDOSED", "TOO_EARLY", "ADEQUATE"]
TrialState = Literal[
    "NOT_EXPOSED", "PLANNED", "EXPOSED_UNKNOWN", "UNDERDOSED", "TOO_EARLY", "ADEQUATE",
    "INTOLERANT", "FAILED_DOC", "FAILED_INF",
]  # fmt: skip
FAILED: frozenset[TrialState] = frozenset({"FAILED_DOC", "FAILED_INF"})
DONE: frozenset[TrialState] = frozenset({"FAILED_DOC", "FAILED_INF", "INTOLERANT"})
UNEXPOSED: frozenset[TrialState] = frozenset({"NOT_EXPOSED", "PLANNED"})
_RANK: tuple[TrialState, ...] = (
    "FAILED_DOC", "FAILED_INF", "ADEQUATE", "TOO_EARLY", "UNDERDOSED", "EXPOSED_UNKNOWN",
)  # fmt: skip
"""Several trials of one class: the best one counts (B9)."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One trial by dose and time alone. `given` and `gap`: phrases for the card, what was given and what is missing.

    `courses`: sources of the courses it is made of. `running`: still going on.
    """

    base: BaseState
    start: FhirDate | None
    given: str
    gap: str = ""
    courses: frozenset[str] = frozenset()
    running: bool = False
    too_small: bool = False
    """A dose is on record, and it is too small, though dates are missing: a documented failure does not count then."""
    judge_from: date | None = None
    """The day from which it may be judged, by time alone; None where its doses do not, or no longer, make a trial."""


class JudgedTrial(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A trial with documented reasons and response added."""

    trial: Trial
    state: TrialState
    failure: str = ""
    response: Response | None = None
    gap: str = ""

    @cached_property
    def source(self) -> str:
        """The courses it is made of, for the trace."""
        return ", ".join(sorted(self.trial.courses))

    @cached_property
    def start(self) -> str:
        """Its first day, for the trace; empty when undated."""
        return str(self.trial.start or "")


class ClassTrials(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one drug class. `best` is None when it was never given.

    `intolerance`: the documented reason, or the allergy. `given`: at least one dose, not an allergy record
    alone.
    `active`: as B9. `planned`: an order or intention beside it. `retrial`: a later trial that is running now.
    """

    drug: str
    state: TrialState
    best: JudgedTrial | None = None
    trials: tuple[JudgedTrial, ...] = ()
    intolerance: str = ""
    active: bool = False
    planned: bool = False
    retrial: str = ""
    last: FhirDate | None = None

    @property
    def given(self) -> bool:
        return self.best is not None


def courses_of(chart: Chart, drug: str) -> tuple[DrugCourse, ...]:
    """Courses of a class for this disease that were begun: neither planned nor for another indication."""
    return tuple([c for c in chart.courses_of(drug) if c.status not in ("planned", "draft") and not c.other_indication])


def infusions_of(chart: Chart, drug: str) -> tuple[Infusion, ...]:
    """Infusions of a class for this disease that were given, in order of time; undated ones last."""
    given = [i for i in chart.infusions_of(drug) if i.status not in ("planned", "draft") and not i.other_indication]
    return tuple(sorted(given, key=lambda i: i.when.earliest if i.when else date.max))


def day_to_judge(start: date, weeks: Threshold) -> date:
    """The day from which a trial that began on `start` has lasted long enough (B0)."""
    return shifted(start, ceil(weeks.value * 7))


def segments(infusions: tuple[Infusion, ...], new_trial: Callable[[date, date, date], bool]) -> list[list[Infusion]]:
    """Split dated infusions into trials; `new_trial(first, previous, this)` says where one begins."""
    result: list[list[Infusion]] = []
    for infusion in infusions:
        assert infusion.when is not None
        if result:
            first, previous = result[-1][0].when, result[-1][-1].when
            assert first is not None
            assert previous is not None
            if not new_trial(first.earliest, previous.earliest, infusion.when.earliest):
                result[-1].append(infusion)
                continue
        result.append([infusion])
    return result


def undated_trial(
    chart: Chart, infusions: list[Infusion], courses: tuple[DrugCourse, ...], what: str, least_mg: float | None
) -> Trial | None:
    """One trial of unknown worth for everything of a class that has no date, or no dose to count.

    `least_mg`: the smallest amount of one infusion, or block, that could be adequate; None when it cannot be told.
    """
    sources = {i.course or i.source for i in infusions} | {c.source for c in courses}
    if not sources:
        return None
    problems = [i.problem for i in infusions if i.problem] or [s.problem for c in courses for s in c.steps if s.problem]
    gap = "; ".join(dict.fromkeys(problems)) or "no date on record"
    given = f"{what} given, dose or dates not on record"
    amounts = [
        step.high
        for course in chart.courses
        if course.source in sources
        for step in course.steps
        if step.high is not None and step.basis == "mg" and step.per_day is None and step.count is None
    ]
    return Trial(
        base="EXPOSED_UNKNOWN",
        start=None,
        given=given,
        gap=gap,
        courses=frozenset(sources),
        too_small=bool(amounts) and least_mg is not None and max(amounts) < least_mg,
    )


def judge(
    chart: Chart,
    drug: str,
    trials: tuple[Trial, ...],
    *,
    active: bool,
    active_disease: Truth,
    thresholds: Thresholds,
    last: FhirDate | None,
) -> ClassTrials:
    """The state of a class from its trials (B9 "Trial state, one order")."""
    courses = chart.courses_of(drug)
    planned = any(c.status in ("planned", "draft") for c in courses)
    allergy = next((a for a in chart.allergies if drug in a.concepts), None)
    own = [c for c in courses if not c.other_indication]
    intolerance = next((c.intolerance for c in own if c.intolerance), "")
    if not intolerance and allergy:
        intolerance = f"allergy or intolerance on record: {allergy.text}"
    if not trials:
        state: TrialState = "PLANNED" if planned else "INTOLERANT" if intolerance else "NOT_EXPOSED"
        return ClassTrials(drug=drug, state=state, intolerance=intolerance, planned=planned)
    trials = _without_retold(trials)
    judged = tuple(_judge_one(chart, own, trial, active_disease, thresholds) for trial in trials)
    best = min(judged, key=lambda j: _RANK.index(j.state))
    later = next((j for j in reversed(judged) if j.trial.running and j is not best), None)
    return ClassTrials(
        drug=drug,
        state="INTOLERANT" if intolerance and best.state not in FAILED else best.state,
        best=best,
        trials=judged,
        intolerance=intolerance,
        active=active,
        planned=planned,
        retrial=f"a further trial is running: {later.trial.given}" if later else "",
        last=last,
    )


def _without_retold(trials: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """An entry without dose or date is no trial of its own beside documented ones: it lends them its reasons (B9)."""
    dated = [trial for trial in trials if trial.start]
    retold = frozenset().union(*(trial.courses for trial in trials if not trial.start))
    return tuple(msgspec.structs.replace(t, courses=t.courses | retold) for t in dated) if dated else trials


def _judge_one(
    chart: Chart, courses: list[DrugCourse], trial: Trial, active_disease: Truth, thresholds: Thresholds
) -> JudgedTrial:
    failure = next((c.failure for c in courses if c.failure and c.source in trial.courses), "")
    state: TrialState = trial.base
    gap = trial.gap
    response = best_response(chart, trial.start, thresholds) if trial.start else None
    if trial.base == "ADEQUATE" and active_disease:
        assert response is not None
        if response.points is None:
            state, gap = (
                "EXPOSED_UNKNOWN",
                "no MMT-8 at the start of treatment, so a response cannot be judged",
            )
        elif response.points < thresholds.response.minimal.value:
            state = "FAILED_INF"
    if failure and state in ("EXPOSED_UNKNOWN", "ADEQUATE", "FAILED_INF") and not trial.too_small:
        state = "FAILED_DOC"
    return JudgedTrial(trial=trial, state=state, failure=failure, response=response, gap=gap)
