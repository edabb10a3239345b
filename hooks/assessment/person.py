"""Age, pregnancy, palliative care: who the rules may speak about (B1 suppression, B9 "Pregnant")."""

from datetime import date

import msgspec

from cds_service.fhir.dates import whole_years, within
from hooks.chart.facts import Chart
from hooks.knowledge.thresholds import Thresholds
from hooks.reasoning import Truth


class PersonState(msgspec.Struct, frozen=True, kw_only=True):
    """`age` in whole years: the youngest that the birth date allows (B9). It and `adult` are None when unknown."""

    age: int | None
    adult: Truth
    deceased: bool
    pregnant: bool
    pregnant_because: str
    fertile: bool
    """Female, of the age and without a record that makes the pregnancy question moot (S2)."""
    palliative: bool


def assess_person(chart: Chart, thresholds: Thresholds, today: date) -> PersonState:
    """The person today."""
    born, female = chart.person.born, chart.person.gender == "female"
    age = max(whole_years(born, today)[0], 0) if born else None
    because = _pregnancy(chart, thresholds, today) if female else ""
    concepts = frozenset().union(*(d.concepts for d in chart.diagnoses if d.current))
    gates = thresholds.gates
    return PersonState(
        age=age,
        adult=None if age is None else age >= thresholds.reading.adult_age.value,
        deceased=chart.person.deceased,
        pregnant=bool(because),
        pregnant_because=because,
        fertile=female
        and "no-childbearing" not in concepts
        and (age is None or gates.fertile_age_min.value <= age <= gates.fertile_age_max.value),
        palliative="palliative-care" in concepts,
    )


def _pregnancy(chart: Chart, thresholds: Thresholds, today: date) -> str:
    """Why the patient counts as pregnant; empty when she does not (B9)."""
    for diagnosis in chart.diagnoses:
        if "pregnancy" in diagnosis.concepts and diagnosis.current:
            recent = within(diagnosis.since, int(thresholds.reading.pregnancy_days.value), today)
            if recent is not False:
                return f"{diagnosis.text} ({diagnosis.since or 'undated'})"
    tests = [r for r in chart.labs.get("hcg", ()) if r.result in ("positive", "negative") and r.when]
    days = int(thresholds.reading.hcg_positive_days.value)
    if tests and tests[0].result == "positive" and within(tests[0].when, days, today):
        return f"hCG positive ({tests[0].when})"
    return ""


def negative_hcg(chart: Chart, days: float, today: date) -> bool:
    """Whether the newest pregnancy test is negative and at most `days` old."""
    tests = [r for r in chart.labs.get("hcg", ()) if r.result and r.when]
    return bool(tests) and tests[0].result == "negative" and bool(within(tests[0].when, int(days), today))


def current(chart: Chart, concept: str) -> bool:
    """Whether a condition of this value set is current."""
    return any(concept in d.concepts for d in chart.diagnoses if d.current)
