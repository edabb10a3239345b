"""Structured timing → how often a day, and for how long (A5)."""

import msgspec

from cds_service.fhir.views import CodeableConcept, Quantity, Repeat, Timing
from hooks.chart import dose_text
from hooks.chart.units import plain

TOLERANCE = 1e-6
"""Rates closer than this are one rate."""

_DAYS = {"s": 1 / 86400, "min": 1 / 1440, "h": 1 / 24, "d": 1.0, "wk": 7.0, "mo": 30.0, "a": 365.0}
"""Length of FHIR's units of time in days; a month is 30."""

_MOST = 10_000
_SHORTEST, _LONGEST = _DAYS["min"], 100 * _DAYS["a"]
"""What is plausible: the highest frequency and count; the shortest and the longest period and duration."""

_CODES = {
    "qd": 1.0, "am": 1.0, "pm": 1.0, "bed": 1.0, "bid": 2.0, "tid": 3.0, "qid": 4.0, "qod": 0.5, "q1h": 24.0,
    "q2h": 12.0, "q3h": 8.0, "q4h": 6.0, "q6h": 4.0, "q8h": 3.0, "wk": 1 / 7, "qwk": 1 / 7, "mo": 1 / 30,
}  # fmt: skip
"""Administrations per day by the codes of FHIR's TimingAbbreviation, and QWK (A5)."""


class Rate(msgspec.Struct, frozen=True, gc=False):
    """Administrations per day, None when not stated; `problem`: why a stated one is not understood."""

    per_day: float | None = None
    spread: float = 1.0
    """How much more often at the upper end of a frequency range."""
    problem: str = ""


def lasting(duration: Quantity | None) -> int:
    """A stated duration in days; 0 when there is none that is plausible."""
    days = _duration(duration)
    return round(days) if days is not None and _is_plausible(days) else 0


def counted(repeat: Repeat) -> int | None:
    """The stated number of administrations; None when there is none that is plausible."""
    return repeat.count if repeat.count and 0 < repeat.count <= _MOST else None


def _duration(duration: Quantity | None) -> float | None:
    if duration is None or duration.value is None:
        return None
    unit = _DAYS.get(plain(duration.code or duration.unit))
    return duration.value * unit if unit else None


def _is_plausible(days: float) -> bool:
    return _SHORTEST * (1 - TOLERANCE) <= days <= _LONGEST * (1 + TOLERANCE)


def _implausible(repeat: Repeat) -> str:
    """Which part of a timing cannot be meant; empty when none."""
    for name, number in (("frequency", repeat.frequency), ("frequency", repeat.frequency_max), ("count", repeat.count)):
        if number is not None and number > _MOST:
            return f"the {name} of the timing is not plausible"
    unit = _DAYS.get(repeat.period_unit, 1.0)
    for name, days in (
        ("period", repeat.period and repeat.period * unit),
        ("period", repeat.period_max and repeat.period_max * unit),
        ("duration", _duration(repeat.bounds_duration)),
    ):
        if days is not None and not _is_plausible(days):
            return f"the {name} of the timing is not plausible"
    return ""


def rate_of(timing: Timing) -> Rate:
    """How often a day; the structured timing decides, a code or its text where there is none."""
    by_repeat = _of_repeat(timing.repeat) if timing.repeat else Rate()
    by_code = _of_code(timing.code) if timing.code else None
    if by_code is None or by_repeat.problem:
        return by_repeat
    if by_repeat.per_day is None:
        return Rate(by_code)
    if abs(by_repeat.per_day - by_code) > TOLERANCE:
        return Rate(problem="the code and the frequency of the timing contradict each other")
    return by_repeat


def _of_code(code: CodeableConcept) -> float | None:
    found = next((_CODES[c.code.lower()] for c in code.coding if c.code.lower() in _CODES), None)
    if found is not None:
        return found
    phrase = dose_text.parse(code.words)
    return phrase.per_day if phrase else None


def _of_repeat(repeat: Repeat) -> Rate:
    given = (repeat.frequency, repeat.frequency_max, repeat.period, repeat.period_max)
    if any(number is not None and number <= 0 for number in given):
        return Rate(problem="the timing has a frequency or a period that is not positive")
    if repeat.period_unit and repeat.period_unit not in _DAYS:
        return Rate(problem=f"the unit of time {repeat.period_unit!r} is not known")
    implausible = _implausible(repeat)
    if implausible:
        return Rate(problem=implausible)
    unit = _DAYS.get(repeat.period_unit)
    times = repeat.frequency or 1
    if repeat.day_of_week:
        return _of_weekdays(repeat, len(set(repeat.day_of_week)))
    if repeat.period and unit:
        longest = repeat.period_max or repeat.period
        if repeat.frequency is None and repeat.time_of_day:
            times = len(repeat.time_of_day)
        most = max(repeat.frequency_max or times, times)
        return Rate(times / (longest * unit), most * longest / (times * repeat.period))
    if repeat.frequency is not None or repeat.period is not None:
        return Rate(problem="the timing has a frequency without a period, or a period without a unit")
    moments = len(repeat.time_of_day) or len(repeat.when)
    return Rate(float(moments)) if moments else Rate()


def _of_weekdays(repeat: Repeat, days: int) -> Rate:
    """Days of the week: on each of them as often as is said for a day, once where nothing is said."""
    times, period = repeat.frequency or 1, repeat.period or 1
    if repeat.period_unit in ("", "d") and period == 1:
        return Rate(days * times / 7)
    if repeat.period_unit == "wk" and times in (1, days):
        return Rate(days / (7 * period))
    return Rate(problem="days of the week and frequency contradict each other")
