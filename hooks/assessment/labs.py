"""Asking the chart for results: the newest usable one, how old it is, and how it compares."""

from datetime import date

from cds_service.fhir.dates import within
from hooks.chart.facts import Chart, LabResult, Result
from hooks.knowledge.thresholds import Threshold
from hooks.reasoning import Truth, negate


def latest(chart: Chart, concept: str) -> LabResult | None:
    """The newest dated result of a concept, usable or not; None when there is none."""
    return next((result for result in chart.labs.get(concept, ()) if result.when is not None), None)


def usable(chart: Chart, concept: str) -> tuple[LabResult, ...]:
    """All results with an undoubted value and a known day, newest first."""
    return chart.usable_labs[concept][0]


def fresh(chart: Chart, concept: str, days: Threshold, today: date) -> LabResult | None:
    """The newest result, if it is usable and at most `days` old. A newer doubtful result hides an older usable one."""
    result = latest(chart, concept)
    if result is None or result.value is None or result.doubt:
        return None
    return result if within(result.when, int(days.value), today) else None


def at_least(result: LabResult, limit: float) -> Truth:
    """Whether the value is at or above `limit`; a `<` or `>` result answers only what it can."""
    value = result.value
    if value is None:
        return None
    if result.comparator.startswith(">"):
        return True if value >= limit else None
    if result.comparator.startswith("<"):
        reaches = value >= limit if result.comparator == "<=" else value > limit
        return None if reaches else False
    return value >= limit


def below(result: LabResult, limit: float) -> Truth:
    """Whether the value is below `limit`."""
    truth = at_least(result, limit)
    return None if truth is None else not truth


def above(result: LabResult, limit: float) -> Truth:
    """Whether the value is above `limit`."""
    value = result.value
    if value is None:
        return None
    if result.comparator.startswith(">"):
        exceeds = value >= limit if result.comparator == ">" else value > limit
        return True if exceeds else None
    if result.comparator.startswith("<"):
        return False if value <= limit else None
    return value > limit


def at_most(result: LabResult, limit: float) -> Truth:
    """Whether the value is at or below `limit`."""
    return negate(above(result, limit))


def upper_limit(result: LabResult, default: Threshold) -> float:
    """The upper limit of normal of this result: its own, or the default (A4)."""
    return result.upper or default.value


def ever(chart: Chart, concept: str, verdict: Result) -> LabResult | None:
    """The newest result, of any age, with this verdict."""
    return next((result for result in chart.labs.get(concept, ()) if result.result == verdict), None)


def only_known_as(result: LabResult | None) -> str:
    """That a result is a `<` or `>` of something; empty for one that is a number."""
    return f"only known as {shown(result)}" if result and result.comparator else ""


_READABLE = {
    "10*9/L": "×10⁹/L",
    "umol": "µmol",
    "{1.73_m2}": "1.73 m²",
    " a [": " years [",
    "{drug}": "",
    "{ULN}": "× ULN",
    "{dose}": "doses",
    "{score}": "points",
}


def readable(text: str) -> str:
    """Units as people write them: UCUM has asterisks and braces, which Markdown would take for its own."""
    for code, unit in _READABLE.items():
        text = text.replace(code, unit)
    return text


def shown(result: LabResult) -> str:
    """Value and unit for people, such as `6200 U/L` or `positive`."""
    if result.value is None:
        return result.result or result.text or "no value"
    return readable(f"{result.comparator}{result.value:g} {result.unit}".strip())
