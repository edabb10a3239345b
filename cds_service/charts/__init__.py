"""The course of a disease as a picture, drawn on the server by Altair and vl-convert, without any other host.

Both libraries are loaded when a first picture is drawn: that costs seconds and 100 MB, which a worker that draws none
does not pay. `warm_up` pays in the background where pictures will be asked for.

Drawings are kept only where the caller says that the patients are invented (`remember`). Whatever holds data of a real
patient is drawn anew each time and forgotten.
"""

import threading
from collections import OrderedDict
from datetime import date, timedelta
from hashlib import sha256

import msgspec

from cds_service.charts.axis import NARROW, WIDE, Axis, Layout
from cds_service.charts.course import panels
from cds_service.charts.panels import stacked
from cds_service.charts.render import Use, png, svg
from cds_service.charts.words import TITLE, summary
from hooks.timeline import Timeline
from hooks.timeline.model import CkPoint, Limit

MOST_KEPT = 64
"""So many pairs of drawings are kept: some 4 MB."""


class Pictures(msgspec.Struct, frozen=True):
    """The drawings of one course: for wide screens and paper, and for narrow screens. Empty where there is nothing."""

    wide: str = ""
    narrow: str = ""


_kept: OrderedDict[bytes, Pictures] = OrderedDict()
_lock = threading.Lock()


def pictures(course: Timeline, *, remember: bool = False) -> Pictures:
    """The drawings for a page. `remember`: they may be kept, for whatever page shows the very same course."""
    if course.empty:
        return Pictures()
    if not remember:
        return _drawn(course)
    key = sha256(msgspec.json.encode(course)).digest()
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    drawn = _drawn(course)
    with _lock:
        _kept[key] = drawn
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return drawn


def for_file(course: Timeline) -> str:
    """The drawing as an SVG file that stands alone: plain colours on white. Empty where there is nothing to draw."""
    return "" if course.empty else _draw(course, WIDE, "file")


def warm_up() -> threading.Thread:
    """Load the libraries and draw a first picture, in the background."""
    thread = threading.Thread(target=_first, name="charts", daemon=True)
    thread.start()
    return thread


def _first() -> None:
    today = date(2000, 1, 31)
    points = tuple(CkPoint(today - timedelta(days=n), 1000.0 * n, 200.0, True, "", "") for n in (20, 10))
    course = Timeline(
        today=today,
        ck=points,
        limits=(Limit(today, 200.0, True),),
        strength=(),
        weak_at=1.0,
        full_at=1.0,
        lanes=(),
        glucocorticoid=(),
        prophylaxis_mg=0.0,
        pulse_mg=0.0,
        marks=(),
        unplaced=(),
        unchecked={},
    )
    _drawn(course)


def _drawn(course: Timeline) -> Pictures:
    return Pictures(_draw(course, WIDE, "page"), _draw(course, NARROW, "page"))


def _draw(course: Timeline, layout: Layout, use: Use) -> str:
    axis = Axis.of(course, layout)
    return svg(stacked(panels(course, axis), axis, course.today), TITLE, summary(course), use)


__all__ = ["Pictures", "for_file", "pictures", "png", "warm_up"]
