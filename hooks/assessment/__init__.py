"""From facts to states: pure functions, no clock, no input or output (B0, B3, B9)."""

from collections.abc import Callable
from datetime import date
from functools import cached_property
from typing import Any, TypeVar, TypeVarTuple

import msgspec

from hooks.assessment.activity import Activity, assess_activity
from hooks.assessment.antibodies import Antibodies, assess_antibodies
from hooks.assessment.cyclophosphamide_trial import (
    LifetimeDose,
    cyclophosphamide_trials,
    lifetime_dose,
)
from hooks.assessment.diagnosis import ImnmDiagnosis, assess_diagnosis
from hooks.assessment.immunosuppression import (
    Immunosuppression,
    active_courses,
    assess_immunosuppression,
    infused_active,
    last_infusion,
)
from hooks.assessment.ivig_trial import ivig_trials
from hooks.assessment.methotrexate_trial import methotrexate_trials
from hooks.assessment.person import PersonState, assess_person
from hooks.assessment.rituximab_trial import rituximab_trials
from hooks.assessment.trials import ClassTrials, judge
from hooks.chart.facts import Chart
from hooks.knowledge.model import Knowledge

Computed = TypeVar("Computed")
Rest = TypeVarTuple("Rest")


class Assessment(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All states of one patient on one day, and what they were computed from."""

    chart: Chart
    knowledge: Knowledge
    today: date
    person: PersonState
    diagnosis: ImnmDiagnosis
    antibodies: Antibodies
    activity: Activity
    ivig: ClassTrials
    rituximab: ClassTrials
    methotrexate: ClassTrials
    cyclophosphamide: ClassTrials
    lifetime: LifetimeDose
    immunosuppression: Immunosuppression

    def once(self, compute: Callable[["Assessment", *Rest], Computed], *rest: *Rest) -> Computed:
        """Call `compute(self, *rest)` the first time, and remember the answer: several rules ask the same question."""
        answers, question = self._answers, (compute, *rest)
        if question not in answers:
            answers[question] = compute(self, *rest)
        found: Computed = answers[question]
        return found

    @cached_property
    def _answers(self) -> dict[tuple[object, ...], Any]:
        return {}

    @property
    def three(self) -> tuple[ClassTrials, ClassTrials, ClassTrials]:
        """IVIG, rituximab, methotrexate: the three that must have failed before the article escalates."""
        return self.ivig, self.rituximab, self.methotrexate

    def unchecked(self, *keys: str) -> tuple[str, ...]:
        """Those of the prefetch sources that are not complete."""
        return tuple(key for key in keys if self.chart.checked.get(key) != "complete")


def assess(chart: Chart, knowledge: Knowledge, today: date) -> Assessment:
    """Assess a chart on the day `today`."""
    t = knowledge.thresholds
    antibodies = assess_antibodies(chart, t)
    activity = assess_activity(chart, t, today)
    disease = {"ACTIVE_DISEASE": True, "NOT_COMPUTABLE": None}.get(activity.state, False)

    def infused(drug: str) -> ClassTrials:
        infusion = last_infusion(chart, drug)
        trials, days = {
            "ivig": (ivig_trials, t.ivig.active_days),
            "rituximab": (rituximab_trials, t.rituximab.recent_days),
            "cyclophosphamide": (cyclophosphamide_trials, t.cyclophosphamide.active_days),
        }[drug]
        return judge(
            chart,
            drug,
            trials(chart, t, today),
            active=infused_active(chart, drug, days, today),
            active_disease=disease,
            thresholds=t,
            last=infusion.when if infusion else None,
        )

    return Assessment(
        chart=chart,
        knowledge=knowledge,
        today=today,
        person=assess_person(chart, t, today),
        diagnosis=assess_diagnosis(chart, antibodies),
        antibodies=antibodies,
        activity=activity,
        ivig=infused("ivig"),
        rituximab=infused("rituximab"),
        methotrexate=judge(
            chart,
            "methotrexate",
            methotrexate_trials(chart, t, today),
            active=bool(active_courses(chart, "methotrexate", today)),
            active_disease=disease,
            thresholds=t,
            last=None,
        ),
        cyclophosphamide=infused("cyclophosphamide"),
        lifetime=lifetime_dose(chart, t, today),
        immunosuppression=assess_immunosuppression(chart, t, today),
    )
