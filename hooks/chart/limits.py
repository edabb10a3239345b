"""Reference ranges: the limits of normal in the unit of the result (A4)."""

import re

import msgspec

from cds_service.fhir.views import Quantity, ReferenceRange, array
from hooks.chart.memory import by_json
from hooks.chart.units import factor

_WORD = r"\s*(?:(?:normal|negative|ref(?:erence)?)\s*:?\s*)?"
_UPPER = re.compile(_WORD + r"(?:<=?|≤|up to)\s*(\d+(?:\.\d+)?)\b(?!\s*[-–])[^\d]*", re.IGNORECASE)
_BOTH = re.compile(_WORD + r"(\d+(?:\.\d+)?)\s*(?:-|–|to)\s*(\d+(?:\.\d+)?)\b[^\d]*", re.IGNORECASE)


class Limits(msgspec.Struct, frozen=True):
    """Lower and upper limit of normal; `problem`: why the ranges could not be read."""

    lower: float | None = None
    upper: float | None = None
    problem: str = ""


@by_json
def limits(written: bytes, given: str, wanted: str, multiply: float | None, ukat_to_u: float) -> Limits:
    """The limits in a `referenceRange`.

    `given`: the unit of the value; `wanted`: the unit it was brought to, empty when it was left; `multiply`: what it
    was multiplied with. Ranges for something else than normal are passed over; where several normal ones differ,
    nothing is chosen.
    """
    ranges, problem = array(written, ReferenceRange)
    lows, highs = set(), set()
    for one in ranges:
        if one.type and not _is_normal(one):
            continue
        if one.low or one.high:
            lows.add(_limit(one.low, given, wanted, multiply, ukat_to_u))
            highs.add(_limit(one.high, given, wanted, multiply, ukat_to_u))
        elif multiply is not None:
            low, high = _written(one.text)
            lows.add(None if low is None else low * multiply)
            highs.add(None if high is None else high * multiply)
    low = lows.pop() if len(lows) == 1 else None
    high = highs.pop() if len(highs) == 1 else None
    return Limits(low, high if high and high > 0 else None, problem)


def _is_normal(one: ReferenceRange) -> bool:
    assert one.type is not None
    codes = {coding.code for coding in one.type.coding}
    return "normal" in codes or not codes


def _limit(
    quantity: Quantity | None, given: str, wanted: str, multiply: float | None, ukat_to_u: float
) -> float | None:
    if quantity is None or quantity.value is None:
        return None
    unit = quantity.code or quantity.unit
    if unit and wanted and unit != given:
        own = factor(unit, wanted, ukat_to_u)
        return None if own is None else quantity.value * own
    return None if multiply is None else quantity.value * multiply


def _written(text: str) -> tuple[float | None, float | None]:
    """The limits in a text such as `0-200 U/L` or `<20`."""
    if both := _BOTH.fullmatch(text):
        return float(both[1]), float(both[2])
    upper = _UPPER.fullmatch(text)
    return None, float(upper[1]) if upper else None
