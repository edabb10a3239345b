"""Structured dosage → how much, how often (A5). What is not understood is left unknown, with the reason."""

from typing import Literal

import msgspec

from cds_service.fhir.dates import FhirDate, day
from cds_service.fhir.views import CodeableConcept, Dosage, DoseAndRate, Quantity, Repeat, Timing
from hooks.chart import dose_text
from hooks.chart.facts import Dosing
from hooks.chart.reader import Reader
from hooks.chart.spans import shifted
from hooks.chart.strengths import MG, Strength
from hooks.chart.units import plain

Basis = Literal["mg", "mg/kg", "mg/m2"]
Dose = tuple[float, float, Basis]
_DAYS = {"s": 1 / 86400, "min": 1 / 1440, "h": 1 / 24, "d": 1.0, "wk": 7.0, "mo": 30.0, "a": 365.0}
"""Length of FHIR's units of time in days; a month is 30."""

_CODES = {
    "qd": 1.0, "am": 1.0, "pm": 1.0, "bed": 1.0, "bid": 2.0, "tid": 3.0, "qid": 4.0, "qod": 0.5, "q1h": 24.0,
    "q2h": 12.0, "q3h": 8.0, "q4h": 6.0, "q6h": 4.0, "q8h": 3.0, "wk": 1 / 7, "qwk": 1 / 7, "mo": 1 / 30,
}  # fmt: skip
"""Administrations per day by the codes of FHIR's TimingAbbreviation, and QWK (A5)."""

_MASS = {
    "mg": 1.0,
    "milligram": 1.0,
    "milligrams": 1.0,
    "g": 1000.0,
    "gram": 1000.0,
    "grams": 1000.0,
    "ug": 0.001,
    **MG,
}
_PER_SIZE: dict[str, Basis] = {"kg": "mg/kg", "m2": "mg/m2"}
_PIECES = frozenset(
    {
        "1", "{tbl}", "tbl", "tablet", "tablets", "tab", "tabs", "{tablet}", "{tab}", "{capsule}", "capsule",
        "capsules", "cap", "caps", "{cap}", "{vial}", "vial", "vials", "{syringe}", "syringe", "{pen}", "pen",
    }
)  # fmt: skip


class Placed(msgspec.Struct, frozen=True, gc=False):
    """Where the course lies in time, as its resource says."""

    source: str
    concept: str
    start: FhirDate | None
    end: FhirDate | None


class _Rate(msgspec.Struct, frozen=True, gc=False):
    per_day: float | None = None
    spread: float = 1.0
    """How much more often at the upper end of a frequency range."""
    problem: str = ""


def amount(value: float, unit: str, strength: Strength) -> tuple[float, Basis] | str:
    """A quantity in mg, mg/kg or mg/m2; or a sentence that says why it is unknown."""
    if value <= 0:
        return f"a dose of {value:g} is impossible"
    spelled = plain(unit).replace("^", "")
    if spelled in _MASS:
        return value * _MASS[spelled], "mg"
    mass, _, size = spelled.partition("/")
    if mass in _MASS and size in _PER_SIZE:
        return value * _MASS[mass], _PER_SIZE[size]
    if spelled in _PIECES:
        return (value * strength.mg, "mg") if strength.mg else "the product's strength is not known"
    if spelled in ("ml", "milliliter", "millilitre"):
        return (value * strength.mg_per_ml, "mg") if strength.mg_per_ml else "the product's concentration is not known"
    return f"the unit {unit!r} of the dose is not understood" if unit else "the dose has no unit"


def read_doses(
    reader: Reader, dosages: tuple[Dosage, ...], strength: Strength, placed: Placed
) -> tuple[tuple[Dosing, ...], str]:
    """The steps of a regimen in order, and a doubt where text and timing contradict each other."""
    ordered = sorted(dosages, key=lambda dosage: dosage.sequence)
    steps: list[Dosing] = []
    doubt = ""
    for before, dosage in zip((None, *ordered), ordered, strict=False):
        step, lasting = _step(reader, dosage, strength, placed)
        follows = before is not None and before.sequence < dosage.sequence
        if follows and step.start:
            steps[-1] = _until(steps[-1], step.start)
        start = step.start or (_after(steps[-1].end) if follows else placed.start)
        if lasting and step.end is None and start and start.exact:
            step = msgspec.structs.replace(step, end=day(shifted(start.earliest, lasting - 1)))
        if len(ordered) > 1:
            step = msgspec.structs.replace(step, start=start)
            if follows and start is None:
                step = msgspec.structs.replace(
                    step, low=None, high=None, problem="it is not said when this step of the regimen begins"
                )
        steps.append(step)
        doubt = doubt or contradiction(dosage, step)
    return tuple(steps), doubt


def contradiction(dosage: Dosage, step: Dosing) -> str:
    """What to say when the words of a dosage and its structure disagree; empty when they do not."""
    phrase = dose_text.parse(dosage.text) if dosage.text else None
    if phrase is None or step.from_text or phrase.per_day is None or step.per_day is None:
        return ""
    if abs(phrase.per_day - step.per_day) < _TOLERANCE:
        return ""
    return f"the text says {dosage.text!r}, the timing says something else"


_TOLERANCE = 1e-6


def _until(step: Dosing, following: FhirDate) -> Dosing:
    """A step that the next one ends."""
    if step.end is None and following.exact:
        return msgspec.structs.replace(step, end=day(shifted(following.earliest, -1)))
    return step


def _after(end: FhirDate | None) -> FhirDate | None:
    return day(shifted(end.earliest, 1)) if end and end.exact else None


def _step(reader: Reader, dosage: Dosage, strength: Strength, placed: Placed) -> tuple[Dosing, int]:
    """One dosage, and how many days it lasts (0: not said)."""
    timing = dosage.timing or Timing()
    repeat = timing.repeat or Repeat()
    rate = _rate(timing)
    count = repeat.count if repeat.count and repeat.count > 0 else len(timing.event) or None
    dose = _dose(dosage.dose_and_rate, strength)
    text = dosage.text or dosage.patient_instruction
    phrase = dose_text.parse(text) if text else None
    worded = _worded(phrase, strength) if phrase else None
    lasting = _lasting(repeat.bounds_duration)
    over_days, from_text, needed = 1, False, dosage.as_needed_boolean or dosage.as_needed_codeable_concept is not None
    if isinstance(dose, str) and text:
        dose, from_text = (worded, True) if worded else (dose, False)
        dose = dose if worded or dose != _NO_DOSE else f"the text {text!r} is not understood"
    timed = rate.per_day is not None or bool(rate.problem) or count is not None
    if phrase and not timed and (phrase.low is None or dose == worded):
        from_text = from_text or phrase.per_day is not None or phrase.count is not None
        rate, count, over_days = _Rate(phrase.per_day), phrase.count, phrase.over_days
        lasting, needed = lasting or round(phrase.for_days or 0), needed or phrase.as_needed
    start, end = reader.period(repeat.bounds_period, "timing.repeat.boundsPeriod", placed.source, placed.concept)
    events = (reader.date(written, "timing.event", placed.source, placed.concept) for written in timing.event)
    known = dose if not isinstance(dose, str) else None
    step = Dosing(
        low=known[0] if known else None,
        high=known[1] * rate.spread if known else None,
        basis=known[2] if known else "mg",
        per_day=rate.per_day,
        count=count,
        dates=tuple(sorted(found for found in events if found)),
        start=start,
        end=end,
        as_needed=needed,
        from_text=from_text,
        over_days=over_days,
        problem=dose if isinstance(dose, str) else rate.problem,
    )
    return step, lasting


def _dose(given: tuple[DoseAndRate, ...], strength: Strength) -> Dose | str:
    """The two ends of the dose; or why it is unknown."""
    for one in given:
        if one.dose_quantity:
            ends: tuple[Quantity | None, Quantity | None] = one.dose_quantity, one.dose_quantity
        elif one.dose_range:
            ends = one.dose_range.low or one.dose_range.high, one.dose_range.high or one.dose_range.low
        else:
            continue
        found = [_quantity(end, strength) for end in ends]
        wrong = next((end for end in found if isinstance(end, str)), "")
        low, high = found
        if wrong or isinstance(low, str) or isinstance(high, str):
            return wrong
        return (low[0], high[0], low[1]) if low[1] == high[1] else "the two ends of the dose have different units"
    return _NO_DOSE


_NO_DOSE = "no dose is recorded"


def _quantity(quantity: Quantity | None, strength: Strength) -> tuple[float, Basis] | str:
    if quantity is None or quantity.value is None:
        return _NO_DOSE
    if quantity.comparator:
        return f"the dose is only known as {quantity.comparator} {quantity.value:g}"
    by_code = amount(quantity.value, quantity.code or quantity.unit, strength)
    if isinstance(by_code, str) and quantity.code and quantity.unit:
        by_unit = amount(quantity.value, quantity.unit, strength)
        return by_code if isinstance(by_unit, str) else by_unit
    return by_code


def _worded(phrase: dose_text.Phrase, strength: Strength) -> Dose | None:
    if phrase.low is None or phrase.high is None:
        return None
    low, high = amount(phrase.low, phrase.unit, strength), amount(phrase.high, phrase.unit, strength)
    if isinstance(low, str) or isinstance(high, str):
        return None
    return low[0], high[0], low[1]


def _lasting(duration: Quantity | None) -> int:
    """A stated duration in days; 0 when there is none."""
    if duration is None or duration.value is None:
        return 0
    return round(duration.value * _DAYS.get(plain(duration.code or duration.unit), 0.0))


def _rate(timing: Timing) -> _Rate:
    """How often a day; the structured timing decides, a code or its text where there is none."""
    by_repeat = _of_repeat(timing.repeat) if timing.repeat else _Rate()
    by_code = _of_code(timing.code) if timing.code else None
    if by_code is None or by_repeat.problem:
        return by_repeat
    if by_repeat.per_day is None:
        return _Rate(by_code)
    if abs(by_repeat.per_day - by_code) > _TOLERANCE:
        return _Rate(problem="the code and the frequency of the timing contradict each other")
    return by_repeat


def _of_code(code: CodeableConcept) -> float | None:
    found = next((_CODES[c.code.lower()] for c in code.coding if c.code.lower() in _CODES), None)
    if found is not None:
        return found
    phrase = dose_text.parse(code.words)
    return phrase.per_day if phrase else None


def _of_repeat(repeat: Repeat) -> _Rate:
    given = (repeat.frequency, repeat.frequency_max, repeat.period, repeat.period_max)
    if any(number is not None and number <= 0 for number in given):
        return _Rate(problem="the timing has a frequency or a period that is not positive")
    if repeat.period_unit and repeat.period_unit not in _DAYS:
        return _Rate(problem=f"the unit of time {repeat.period_unit!r} is not known")
    unit = _DAYS.get(repeat.period_unit)
    times = repeat.frequency or 1
    if repeat.day_of_week:
        return _of_weekdays(repeat, len(set(repeat.day_of_week)))
    if repeat.period and unit:
        longest = repeat.period_max or repeat.period
        if repeat.frequency is None and repeat.time_of_day:
            times = len(repeat.time_of_day)
        most = max(repeat.frequency_max or times, times)
        return _Rate(times / (longest * unit), most * longest / (times * repeat.period))
    if repeat.frequency is not None or repeat.period is not None:
        return _Rate(problem="the timing has a frequency without a period, or a period without a unit")
    moments = len(repeat.time_of_day) or len(repeat.when)
    return _Rate(float(moments)) if moments else _Rate()


def _of_weekdays(repeat: Repeat, days: int) -> _Rate:
    """Days of the week: on each of them as often as is said for a day, once where nothing is said."""
    times, period = repeat.frequency or 1, repeat.period or 1
    if repeat.period_unit in ("", "d") and period == 1:
        return _Rate(days * times / 7)
    if repeat.period_unit == "wk" and times in (1, days):
        return _Rate(days / (7 * period))
    return _Rate(problem="days of the week and frequency contradict each other")
