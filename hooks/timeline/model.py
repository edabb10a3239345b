"""What the picture of a course shows: small values with days on them, each with the resource that it came from.

Everything drawn has a known place in time; what has none stands in `Timeline.unplaced`, in words.
"""

from datetime import date
from typing import Literal

import msgspec

Standing = Literal["given", "on hold", "planned", "ordered", "for another disease"]
"""`ordered`: being written in the request. `planned`: intended, or to start later."""
MarkKind = Literal["relapse", "reduction", "pjp"]


class CkPoint(msgspec.Struct, frozen=True, gc=False):
    """A usable CK in U/L. `uln`: the upper limit of normal it is read with; `own_limit` False: the default."""

    on: date
    value: float
    uln: float
    own_limit: bool
    comparator: str
    source: str

    @property
    def x_uln(self) -> float:
        """Multiple of the upper limit of normal."""
        return self.value / self.uln

    def __str__(self) -> str:
        return f"{self.comparator}{self.value:,.0f} U/L"


class Limit(msgspec.Struct, frozen=True, gc=False):
    """The upper limit of normal of CK, U/L, from the first test on that was read with it."""

    since: date
    uln: float
    own: bool


class StrengthPoint(msgspec.Struct, frozen=True, gc=False):
    """A usable MMT-8: `share` of full strength (0 to 1), `score` as written with its scale (`98/150`)."""

    on: date
    share: float
    score: str
    source: str


class Bar(msgspec.Struct, frozen=True, gc=False):
    """A stretch of treatment. `first` and `last`: the most that it may cover; `sure`: what it certainly covers.

    `open`: it goes on, so that `last` is today. `since`, `until`: the dates as recorded, perhaps as vague as a year.
    """

    first: date
    last: date
    sure: tuple[date, date] | None
    standing: Standing
    dose: str
    text: str
    since: str
    until: str
    open: bool
    remark: str
    source: str


class Dose(msgspec.Struct, frozen=True, gc=False):
    """An infusion or block of infusions, a session, or a single dose, between two days. `when`: as recorded."""

    first: date
    last: date
    exact: bool
    standing: Standing
    dose: str
    when: str
    remark: str
    source: str


class Window(msgspec.Struct, frozen=True):
    """One trial of a drug: from its first day to the day from which it may be judged by time (`judge_from`).

    `state`, `given`, `gap`: in words, as on the cards. `strength`, `ck`: the baseline that its response is judged by.
    """

    drug: str
    first: date
    judge_from: date | None
    state: str
    given: str
    gap: str
    strength: StrengthPoint | None
    ck: CkPoint | None


class Lane(msgspec.Struct, frozen=True):
    """One drug or procedure. `state`: where its trial stands, or why the lane is empty, in words; else empty."""

    drug: str
    title: str
    state: str
    bars: tuple[Bar, ...] = ()
    doses: tuple[Dose, ...] = ()
    windows: tuple[Window, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not (self.bars or self.doses)


class Level(msgspec.Struct, frozen=True, gc=False):
    """Glucocorticoid in mg prednisone equivalent a day between two days, both included.

    `certain` False: what is only possible, beyond what is certain. `mg` None: an unknown dose.
    """

    first: date
    last: date
    mg: float | None
    certain: bool


class Mark(msgspec.Struct, frozen=True):
    """A day on which rules rest. `until`: the last day of it, where it spans several."""

    kind: MarkKind
    on: date
    label: str
    detail: str
    until: date | None = None
    source: str = ""


class Unplaced(msgspec.Struct, frozen=True):
    """What is on record and not in the picture: what, what was written, when (as recorded), and why."""

    what: str
    said: str
    when: str
    reason: str
    source: str


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """The course of a disease. Points, marks and doses in order of time.

    `weak_at`, `full_at`: limits of strength, as shares. `pulse_mg`: a glucocorticoid dose from here is a pulse.
    `unchecked`: why each source that was not complete was not, by its name.
    """

    today: date
    ck: tuple[CkPoint, ...]
    limits: tuple[Limit, ...]
    strength: tuple[StrengthPoint, ...]
    weak_at: float
    full_at: float
    lanes: tuple[Lane, ...]
    glucocorticoid: tuple[Level, ...]
    prophylaxis_mg: float
    pulse_mg: float
    marks: tuple[Mark, ...]
    unplaced: tuple[Unplaced, ...]
    unchecked: dict[str, str]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not (self.ck or self.strength or self.glucocorticoid or any(not lane.empty for lane in self.lanes))
