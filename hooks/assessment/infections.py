"""Serious infections that are current: what cyclophosphamide and rituximab wait for (A1, B4 S4-INF)."""

from datetime import date

from hooks.assessment.person import recent
from hooks.chart.facts import Chart, Diagnosis
from hooks.knowledge.thresholds import Thresholds


def serious_infections(chart: Chart, thresholds: Thresholds, today: date) -> tuple[Diagnosis, ...]:
    """Those on the problem list with onset or record in the last 60 days, or whose date does not tell."""
    days = thresholds.gates.infection_days.value
    found = [d for d in chart.diagnoses if d.current and "serious-infection" in d.concepts]
    return tuple([d for d in found if recent(d, days, today) is not False])
