"""Age, pregnancy, palliative care: who the rules may speak about (B1 suppression, B9 "Pregnant")."""

from datetime import date

import msgspec

from cds_service.fhir.dates import whole_years, within
from hooks.chart.facts import Chart, Diagnosis
from hooks.knowledge.thresholds import Thresholds
from hooks.reasoning import Truth, any_true


class PersonState(msgspec.Struct, frozen=True, kw_only=True):
    """`age` and `oldest`: the least and the most whole years that the birth date allows; None, as `adult`, if unknown.

    The youngest decides who is an adult (B9), the oldest how much a dose is reduced for age.
    """

    age: int | None
    oldest: int | None
    adult: Truth
    deceased: bool
    pregnant: bool
    pregnant_because: str
    fertile: bool
    """Not male, perhaps of the age, and without a record that makes the pregnancy question moot (S2)."""
    palliative: bool


def assess_person(chart: Chart, thresholds: Thresholds, today: date) -> PersonState:
    """The person today."""
    born, may_bear = chart.person.born, chart.person.gender != "male"
    youngest, oldest = whole_years(born, today) if born else (None, None)
    age = None if youngest is None else max(youngest, 0)
    because = _pregnancy(chart, thresholds, today) if may_bear else ""
    concepts = frozenset().union(*(d.concepts for d in chart.diagnoses if d.current))
    gates = thresholds.gates
    return PersonState(
        age=age,
        oldest=oldest,
        adult=None if age is None else age >= thresholds.reading.adult_age.value,
        deceased=chart.person.deceased,
        pregnant=bool(because),
        pregnant_because=because,
        fertile=may_bear
        and "no-childbearing" not in concepts
        and (
            age is None
            or oldest is None
            or (age <= gates.fertile_age_max.value and oldest >= gates.fertile_age_min.value)
        ),
        palliative="palliative-care" in concepts,
    )


def _pregnancy(chart: Chart, thresholds: Thresholds, today: date) -> str:
    """Why the patient counts as pregnant; empty when she does not (B9)."""
    for diagnosis in chart.diagnoses:
        days = thresholds.reading.pregnancy_days.value
        if "pregnancy" in diagnosis.concepts and diagnosis.current and recent(diagnosis, days, today) is not False:
            return f"{diagnosis.text} ({diagnosis.since or 'undated'})"
    tests = [r for r in chart.labs.get("hcg", ()) if r.result in ("positive", "negative") and r.when]
    limit = int(thresholds.reading.hcg_positive_days.value)
    if tests and tests[0].result == "positive" and within(tests[0].when, limit, today) is not False:
        return f"hCG positive ({tests[0].when})"
    return ""


def recent(diagnosis: Diagnosis, days: float, today: date) -> Truth:
    """Whether onset or record lies within `days` (B9 names either). None: undated, or it cannot be told."""
    dates = [when for when in (diagnosis.onset, diagnosis.recorded) if when]
    return any_true(within(when, int(days), today) for when in dates) if dates else None


def negative_hcg(chart: Chart, days: float, today: date) -> bool:
    """Whether the newest pregnancy test is negative and at most `days` old; a newer unclear one hides an older."""
    tests = [r for r in chart.labs.get("hcg", ()) if r.when]
    return bool(tests) and tests[0].result == "negative" and bool(within(tests[0].when, int(days), today))


def kidney_failure(chart: Chart) -> tuple[Diagnosis, ...]:
    """Kidney disease of stage 4 or 5, or dialysis, that is current: eGFR is below 30 by definition."""
    return tuple(d for d in chart.diagnoses if d.current and not d.concepts.isdisjoint(("ckd-severe", "dialysis")))


def current(chart: Chart, concept: str) -> bool:
    """Whether a condition of this value set is current."""
    return any(concept in d.concepts for d in chart.diagnoses if d.current)
