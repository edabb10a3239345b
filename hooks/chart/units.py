"""Units: what a value is worth in the unit of its concept (A4). A unit that is not known here is not guessed at."""

from functools import lru_cache

_SAME = {
    "u/l": ("u/l", "iu/l", "[iu]/l", "units/l", "unit/l", "[u]/l", "u/liter", "u/litre"),
    "umol/l": ("umol/l", "micromol/l", "umol/litre"),
    "10*9/l": (
        "10*9/l", "10^9/l", "x10*9/l", "x10^9/l", "10e9/l", "x10e9/l", "10*3/ul", "10^3/ul", "x10*3/ul", "x10^3/ul",
        "10e3/ul", "x10e3/ul", "k/ul", "thou/ul", "thousand/ul", "/nl", "g/l", "gpt/l", "giga/l", "k/mm3", "10*3/mm3",
        "10^3/mm3", "k/cumm",
    ),
    "/ul": ("/ul", "cells/ul", "cell/ul", "/mm3", "/cumm", "cells/mm3", "cells/cumm", "#/ul"),
    "mmol/l": ("mmol/l", "meq/l"),
    "ml/min/1.73m2": (
        "ml/min/1.73m2", "ml/min/1.73_m2", "ml/min/{1.73_m2}", "ml/min/1.73sqm", "ml/min/1.73m^2", "ml/min/1.73m*2",
        "ml/min/[1.73_m2]", "ml/min/1.73", "ml/min", "ml/min/{1.73m2}", "ml/min/{bsa}", "ml/min/1.73.m2",
    ),
    "lb": ("lb", "lbs", "[lb_av]", "pound", "pounds"),
    "in": ("in", "[in_i]", "inch", "inches", "in.", "[in_us]"),
    "kg": ("kg", "kgs", "kilogram", "kilograms"),
    "g": ("g", "gram", "grams"),
    "%": ("%", "percent"),
}  # fmt: skip
"""Spellings of one unit. `g/l` stands for giga per litre only where cells are counted (see `_FACTORS`)."""

_POUND_KG = 0.45359237
_INCH_CM = 2.54
_CREATININE_UMOL_PER_MG_DL = 88.4

_FACTORS: dict[str, dict[str, float]] = {
    "u/l": {"u/l": 1},
    "umol/l": {"umol/l": 1, "mg/dl": _CREATININE_UMOL_PER_MG_DL, "mmol/l": 1000},
    "10*9/l": {"10*9/l": 1, "/ul": 1e-3},
    "g/dl": {"g/dl": 1, "g/l": 0.1},
    "g/l": {"g/l": 1, "mg/dl": 0.01, "g/dl": 10},
    "mmol/l": {"mmol/l": 1},
    "ml/min/1.73m2": {"ml/min/1.73m2": 1},
    "kg": {"kg": 1, "g": 1e-3, "lb": _POUND_KG},
    "cm": {"cm": 1, "m": 100, "mm": 0.1, "in": _INCH_CM},
    "fl": {"fl": 1},
}
"""By the unit wanted: the units understood and what to multiply with. µkat and nkat come from the thresholds."""


def plain(unit: str) -> str:
    """A unit without the accidents of spelling: lower case, no blanks, `u` for micro."""
    plain = unit.strip().lower().replace(" ", "").replace("µ", "u").replace("μ", "u").replace("²", "2")
    return plain.replace("mcl", "ul").replace("microl", "ul").replace("mcg", "ug").replace("×", "x").replace("³", "3")


@lru_cache(maxsize=1024)
def factor(unit: str, wanted: str, ukat_to_u: float) -> float | None:
    """What to multiply a value in `unit` with, to have it in `wanted`. None: not understood.

    `ukat_to_u`: 1 µkat/L in U/L.
    """
    given, target = plain(unit), plain(wanted)
    if target not in _FACTORS:
        target = next((name for name, spellings in _SAME.items() if target in spellings), target)
    if target == "u/l" and given in _KATAL:
        return ukat_to_u * _KATAL[given]
    for name, multiply in _FACTORS.get(target, {}).items():
        if given == name or given in _SAME.get(name, ()):
            return multiply
    return None


_KATAL = {"ukat/l": 1.0, "nkat/l": 1e-3}


@lru_cache(maxsize=128)
def convertible(wanted: str) -> bool:
    """Whether values of this unit are converted at all; others are kept as they stand."""
    return factor(wanted, wanted, 1.0) is not None
