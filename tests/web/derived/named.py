"""Knowledge whose numbers print their names: the words of a criterion then show which thresholds they come from.

`f"≥ {limit.value:g} d [{limit.mark}]"` gives `≥ ⟦ck.fresh_days:g⟧ d [⟦ck.fresh_days.mark⟧]`. They compare and calculate
as ever.
"""

import math

import msgspec

from hooks.knowledge.model import Knowledge
from hooks.knowledge.thresholds import Threshold


class Number(float):
    """A number with a name. A multiple of it keeps the name, and its whole part does; nothing else does."""

    name: str
    spec: str

    def __new__(cls, value: float, name: str, spec: str = "") -> "Number":
        number = super().__new__(cls, value)
        number.name = name
        number.spec = spec
        return number

    def __format__(self, spec: str) -> str:
        spec = spec or self.spec
        return f"⟦{self.name}:{spec}⟧" if spec else f"⟦{self.name}⟧"

    def __mul__(self, other: float) -> float:
        product = float(self) * float(other)
        return product if isinstance(other, Number) else Number(product, f"{self.name}*{other:g}")

    __rmul__ = __mul__

    def __floor__(self) -> "Number":  # type: ignore[override]
        return Number(math.floor(float(self)), self.name, "floor")


class Mark(str):
    """A mark with the name of its threshold."""

    __slots__ = ("name",)
    name: str

    def __format__(self, spec: str) -> str:
        return f"⟦{self.name}.mark⟧"


def named(knowledge: Knowledge) -> Knowledge:
    """The same knowledge; only what it prints differs."""
    groups = {
        group: msgspec.structs.replace(
            entries,
            **{name: _named(entry, f"{group}.{name}") for name, entry in msgspec.structs.asdict(entries).items()},
        )
        for group, entries in msgspec.structs.asdict(knowledge.thresholds).items()
    }
    return msgspec.structs.replace(knowledge, thresholds=msgspec.structs.replace(knowledge.thresholds, **groups))


def _named(threshold: Threshold, name: str) -> Threshold:
    mark = Mark(threshold.mark)
    mark.name = name
    return msgspec.structs.replace(threshold, value=Number(threshold.value, name), mark=mark)
