"""Structured dosage → how much, how often (A5). What is not understood is left unknown, with the reason."""

from typing import Literal

import msgspec

from cds_service.fhir.dates import FhirDate, parse
from cds_service.fhir.views import Dosage, DoseAndRate, Period, Quantity, Repeat, Timing
from hooks.chart import dose_text
from hooks.chart.facts import Dosing
from hooks.chart.strengths import MG, Strength
from hooks.chart.timings import TOLERANCE, Rate, counted, lasting, rate_of
from hooks.chart.units import plain

Basis = Literal["mg", "mg/kg", "mg/m2"]
Dose = tuple[float, float, Basis]

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
_MOST = 1e9
"""No dose has more mg, mg/kg or mg/m2, nor more of any other unit."""
_QUOTED = 200
"""Characters of a text that are quoted."""
_PER_SIZE: dict[str, Basis] = {"kg": "mg/kg", "m2": "mg/m2"}
_PIECES = frozenset(
    {
        "1", "{tbl}", "tbl", "tablet", "tablets", "tab", "tabs", "{tablet}", "{tab}", "{capsule}", "capsule",
        "capsules", "cap", "caps", "{cap}", "{vial}", "vial", "vials", "{syringe}", "syringe", "{pen}", "pen",
    }
)  # fmt: skip


class Step(msgspec.Struct, frozen=True):
    """One dosage, understood. `days`: how long it lasts, 0 when not said; `left_out`: dates that are none, by field."""

    dosing: Dosing
    sequence: int = 0
    days: int = 0
    doubt: str = ""
    left_out: tuple[tuple[str, str], ...] = ()


def amount(value: float, unit: str, strength: Strength) -> tuple[float, Basis] | str:
    """A quantity in mg, mg/kg or mg/m2; or a sentence that says why it is unknown."""
    found = _converted(value, unit, strength)
    given = value if isinstance(found, str) else found[0]
    return found if 0 < given <= _MOST else f"a dose of {value:g} is impossible"


def _converted(value: float, unit: str, strength: Strength) -> tuple[float, Basis] | str:
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


def step_of(dosage: Dosage, strength: Strength) -> Step:
    """What one dosage says; its words stand in where its structure says nothing."""
    timing = dosage.timing or Timing()
    repeat = timing.repeat or Repeat()
    rate = rate_of(timing)
    count = counted(repeat) or len(timing.event) or None
    dose = _dose(dosage.dose_and_rate, strength)
    text = dosage.text or dosage.patient_instruction
    phrase = dose_text.parse(text) if text else None
    worded = _worded(phrase, strength) if phrase else None
    days = lasting(repeat.bounds_duration)
    over_days, from_text, needed = 1, False, dosage.as_needed_boolean or dosage.as_needed_codeable_concept is not None
    if isinstance(dose, str) and worded:
        dose, from_text = worded, True
    elif dose == _NO_DOSE and text:
        dose = f"the text {text[:_QUOTED]!r} is not understood"
    timed = rate.per_day is not None or bool(rate.problem) or count is not None
    if phrase and not timed and (phrase.low is None or dose == worded):
        from_text = from_text or phrase.per_day is not None or phrase.count is not None
        rate, count, over_days = Rate(phrase.per_day), phrase.count, phrase.over_days
        days, needed = days or round(phrase.for_days or 0), needed or phrase.as_needed
    dates = _Dates(repeat.bounds_period, timing.event)
    known = None if isinstance(dose, str) else dose
    dosing = Dosing(
        low=known[0] if known else None,
        high=known[1] * rate.spread if known else None,
        basis=known[2] if known else "mg",
        per_day=rate.per_day,
        count=count,
        dates=dates.events,
        start=dates.start,
        end=dates.end,
        as_needed=needed,
        from_text=from_text,
        over_days=over_days,
        problem=dose if isinstance(dose, str) else rate.problem,
    )
    return Step(dosing, dosage.sequence, days, _contradiction(dosage.text, dosing), tuple(dates.left_out))


class _Dates:
    """The dates of a timing, and those that are none."""

    def __init__(self, bounds: Period | None, events: tuple[str, ...]) -> None:
        self.left_out: list[tuple[str, str]] = []
        self.start = self._date(bounds.start, "boundsPeriod.start") if bounds else None
        self.end = self._date(bounds.end, "boundsPeriod.end") if bounds else None
        self.events = tuple(sorted(found for event in events if (found := self._date(event, "event"))))

    def _date(self, text: str, field: str) -> FhirDate | None:
        if not text:
            return None
        try:
            return parse(text)
        except ValueError as error:
            self.left_out.append((f"timing.{field}", f"{text[:40]!r} {error}"))
            return None


def _contradiction(text: str, dosing: Dosing) -> str:
    """What to say when the words of a dosage and its structure disagree; empty when they do not."""
    phrase = dose_text.parse(text) if text else None
    if phrase is None or dosing.from_text or phrase.per_day is None or dosing.per_day is None:
        return ""
    agree = abs(phrase.per_day - dosing.per_day) < TOLERANCE
    return "" if agree else f"the text says {text!r}, the timing says something else"


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
