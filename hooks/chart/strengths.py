"""The strength of a product from its name: what a tablet, a vial or a millilitre holds (A5)."""

import re
from functools import lru_cache

import msgspec

_PER_ML = re.compile(r"(\d+(?:\.\d+)?)\s*(MG|G|MCG)\s*/\s*(\d*\.?\d+)?\s*ML\b", re.IGNORECASE)
_EACH = re.compile(r"(?<![\d.,])(\d+(?:\.\d+)?)\s*(MG|G|MCG)\b(?!\s*/\s*[\d.]*\s*(?:ML|MG|G|KG|M2)\b)", re.IGNORECASE)
_VOLUME = re.compile(r"(?<![/\d.])(\d+(?:\.\d+)?)\s*ML\b", re.IGNORECASE)
_LONGEST = 1000
"""No longer name of a product is looked into: the patterns would take the square of its length."""
MG = {"mg": 1.0, "g": 1000.0, "mcg": 0.001}


class Strength(msgspec.Struct, frozen=True):
    """What one unit of the product (tablet, capsule, vial) holds in mg, and one ml in mg; None when not stated."""

    mg: float | None = None
    mg_per_ml: float | None = None


NO_STRENGTH = Strength()


@lru_cache(maxsize=2048)
def strength_of(names: tuple[str, ...]) -> Strength:
    """The strength in the first name that states one without ambiguity (two active substances are ambiguous)."""
    for name in names:
        if len(name) > _LONGEST:
            continue
        per_ml = {float(n) * MG[u.lower()] / float(v or 1) for n, u, v in _PER_ML.findall(name) if float(v or 1)}
        if len(per_ml) == 1:
            concentration = per_ml.pop()
            volumes = {float(v) for v in _VOLUME.findall(_PER_ML.sub("", name))}
            return Strength(volumes.pop() * concentration if len(volumes) == 1 else None, concentration)
        each = {float(n) * MG[u.lower()] for n, u in _EACH.findall(name)}
        if len(each) == 1 and not per_ml:
            return Strength(each.pop())
    return NO_STRENGTH
