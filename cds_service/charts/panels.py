"""Panels: shapes with a place in time, one above the other, as an Altair chart. What they show is not known here."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from cds_service.charts.axis import Axis, ms
from cds_service.charts.palette import COLOURS

if TYPE_CHECKING:
    import altair as alt


SPACING = 34
"""px between panels, for their titles."""


class Rect(msgspec.Struct, frozen=True):
    """An area between two days (the last included) and two heights. `tip` is shown when pointed at."""

    first: date
    last: date
    low: float
    high: float
    role: str
    tip: str = ""
    opacity: float = 0.3
    outline: float = 1.0
    dashed: bool = False


class Text(msgspec.Struct, frozen=True):
    """A text at a place; `x` in px. `align`: left, right or center."""

    x: float
    y: float
    text: str
    role: str = "ink"
    bold: bool = False
    align: str = "left"
    dy: float = 0


class Rule(msgspec.Struct, frozen=True):
    """A line from one place to another; each a day, or px."""

    first: date | float
    last: date | float
    low: float
    high: float
    role: str = "ink"
    tip: str = ""
    dashed: bool = False
    width: float = 1.0


class Point(msgspec.Struct, frozen=True):
    """A symbol at a place, a day or px; `shape` as in Vega. Hollow unless `filled`."""

    on: date | float
    y: float
    role: str
    shape: str = "circle"
    tip: str = ""
    filled: bool = True
    size: float = 40


class Panel(msgspec.Struct, kw_only=True):
    """One panel. `y`: the ends of its height, bottom first; `ticks` with their labels' format, none for no scale."""

    title: str
    height: int
    y: tuple[float, float]
    log: bool = False
    ticks: tuple[float, ...] = ()
    format: str = ","
    plain: bool = False
    """No time axis, so neither grid nor today."""
    rects: list[Rect] = []
    rules: list[Rule] = []
    points: list[Point] = []
    texts: list[Text] = []
    line: tuple[tuple[date, float], ...] = ()
    line_role: str = "ink"


def stacked(panels: Iterable[Panel], axis: Axis, today: date) -> dict[str, Any]:
    """The specification of a chart of these panels.

    Made of parts of Altair's schema: its chart classes copy all they hold at every step, which would take longer.
    """
    import altair as alt  # noqa: PLC0415  # a worker that draws nothing need not load it
    from altair.utils import schemapi  # noqa: PLC0415

    schemapi.disable_debug_mode()  # which checks each piece against the schema as it is made: nine tenths of the time
    every = list(panels)
    last = next(panel for panel in reversed(every) if not panel.plain)
    data = _Data()
    size = axis.layout.font
    config = alt.Config(
        font="sans-serif",
        background="white",
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            labelColor=COLOURS["quiet"],
            gridColor=COLOURS["grid"],
            labelFontSize=size - 1,
            domain=False,
            ticks=False,
            title=None,
        ),
        title=alt.TitleConfig(
            anchor="start", frame="group", fontSize=size + 1, fontWeight="bold", color=COLOURS["ink"], offset=7
        ),
    )
    return {
        "$schema": alt.SCHEMA_URL,
        "vconcat": [_panel(panel, axis, today, data, labels=panel is last) for panel in every],
        "bounds": "flush",
        "spacing": SPACING,
        "padding": 4,
        "config": _plain(config),
        "datasets": data.sets,
    }


class _Data:
    """The values of each layer, under a name."""

    def __init__(self) -> None:
        self.sets: dict[str, list[dict[str, Any]]] = {}

    def named(self, values: list[dict[str, Any]]) -> dict[str, str]:
        name = f"layer-{len(self.sets)}"
        self.sets[name] = values
        return {"name": name}


def _panel(panel: Panel, axis: Axis, today: date, data: _Data, *, labels: bool) -> dict[str, Any]:
    import altair as alt  # noqa: PLC0415

    values, form = axis.ticks()
    x = alt.X(
        field="x",
        type="temporal",
        scale=alt.Scale(type="utc", domain=[ms(axis.first), ms(axis.last)], nice=False),
        axis=None if panel.plain else alt.Axis(values=values, format=form, labels=labels, labelPadding=6, grid=True),
    )
    ticks = alt.Axis(values=list(panel.ticks), format=panel.format, grid=True, minExtent=40, maxExtent=40)
    scale = alt.Scale(type="log" if panel.log else "linear", domain=list(panel.y), nice=False, zero=False)
    y = alt.Y(field="y", type="quantitative", scale=scale, axis=ticks if panel.ticks else None)
    low, high = panel.y
    ahead = [Rect(today + timedelta(days=1), axis.last, low, high, "future", opacity=0.7, outline=0)]
    now = [] if panel.plain else [Rule(today, today, low, high)]
    shapes = _Shapes(axis, x, y, data)
    layers = [
        *shapes.rects(ahead if today < axis.last and not panel.plain else []),
        *shapes.rects(panel.rects),
        *shapes.rules([*panel.rules, *now]),
        *shapes.line(panel.line, panel.line_role),
        *shapes.points(panel.points),
        *shapes.texts(panel.texts),
    ]
    named = {"title": panel.title} if panel.title else {}
    return {"layer": layers, "width": axis.layout.plot, "height": panel.height} | named


def _plain(part: Any) -> dict[str, Any]:
    """A part of the specification as JSON values. Whole charts take Altair several times as long, part by part."""
    found: dict[str, Any] = part.to_dict(validate=False)
    return found


@cache
def _as_is(channel: Any, field: str) -> dict[str, Any]:
    """A channel that takes its values from the data as they are."""
    return _plain(channel(field=field, type="nominal", scale=None))


@cache
def _named(channel: Any, field: str) -> dict[str, Any]:
    return _plain(channel(field=field, type="nominal"))


class _Shapes:
    """Shapes as layers, one for each kind of shape."""

    def __init__(self, axis: Axis, x: "alt.X", y: "alt.Y", data: _Data) -> None:
        import altair as alt  # noqa: PLC0415

        self.alt, self.axis, self.data = alt, axis, data
        self.place = {"x": _plain(x), "y": _plain(y)}
        self.span = self.place | {"x2": _plain(alt.X2(field="x2")), "y2": _plain(alt.Y2(field="y2"))}

    def _layer(self, mark: Any, values: list[dict[str, Any]], **encoding: Any) -> Any:
        return {"data": self.data.named(values), "mark": _plain(mark), "encoding": encoding}

    def _at(self, place: date | float) -> float:
        return ms(self.axis.clipped(place)) if isinstance(place, date) else self.axis.ms_at(place)

    def rects(self, rects: list[Rect]) -> Iterator[Any]:
        """Areas."""
        for dashed in (True, False):
            if alike := [one for one in rects if one.dashed is dashed]:
                yield self._rects(alike, dashed=dashed)

    def _rects(self, rects: list[Rect], *, dashed: bool) -> Any:
        """Areas that are all dashed, or all not: for areas that is no channel."""
        alt, clipped = self.alt, self.axis.clipped
        values = [
            {
                "x": ms(clipped(one.first)),
                "x2": ms(clipped(one.last + timedelta(days=1))),
                "y": one.low,
                "y2": one.high,
                "colour": COLOURS[one.role],
                "opacity": one.opacity,
                "width": one.outline,
                "tip": one.tip,
            }
            for one in rects
        ]
        return self._layer(
            alt.MarkDef(type="rect", strokeDash=[3, 2] if dashed else []),
            values,
            **self.span,
            fill=_as_is(alt.Fill, "colour"),
            stroke=_as_is(alt.Stroke, "colour"),
            fillOpacity=_as_is(alt.FillOpacity, "opacity"),
            strokeWidth=_as_is(alt.StrokeWidth, "width"),
            description=_named(alt.Description, "tip"),
        )

    def rules(self, rules: list[Rule]) -> Iterator[Any]:
        """Lines from place to place."""
        alt = self.alt
        values = [
            {
                "x": self._at(one.first),
                "x2": self._at(one.last),
                "y": one.low,
                "y2": one.high,
                "colour": COLOURS[one.role],
                "width": one.width,
                "dash": [4, 3] if one.dashed else [1, 0],
                "tip": one.tip,
            }
            for one in rules
        ]
        yield self._layer(
            alt.MarkDef(type="rule"),
            values,
            **self.span,
            stroke=_as_is(alt.Stroke, "colour"),
            strokeWidth=_as_is(alt.StrokeWidth, "width"),
            strokeDash=_as_is(alt.StrokeDash, "dash"),
            description=_named(alt.Description, "tip"),
        )

    def line(self, line: tuple[tuple[date, float], ...], role: str) -> Iterator[Any]:
        """A line through points in order of time."""
        values = [{"x": ms(day), "y": y} for day, y in line]
        if len(values) > 1:
            mark = self.alt.MarkDef(type="line", stroke=COLOURS[role], strokeWidth=1.5, aria=False)
            yield self._layer(mark, values, **self.place)

    def points(self, points: list[Point]) -> Iterator[Any]:
        """Symbols."""
        alt = self.alt
        values = [
            {
                "x": self._at(one.on),
                "y": one.y,
                "shape": one.shape,
                "colour": COLOURS[one.role],
                "filled": 1 if one.filled else 0,
                "size": one.size,
                "tip": one.tip,
            }
            for one in points
        ]
        if values:
            yield self._layer(
                alt.MarkDef(type="point", strokeWidth=1.5, opacity=1),
                values,
                **self.place,
                shape=_as_is(alt.Shape, "shape"),
                stroke=_as_is(alt.Stroke, "colour"),
                fill=_as_is(alt.Fill, "colour"),
                fillOpacity=_as_is(alt.FillOpacity, "filled"),
                size=_as_is(alt.Size, "size"),
                description=_named(alt.Description, "tip"),
            )

    def texts(self, texts: list[Text]) -> Iterator[Any]:
        """Texts; how they are aligned and weighed is a property of their layer."""
        alt, size = self.alt, self.axis.layout.font
        for (align, bold, dy), group in _alike(texts).items():
            values = [
                {"x": self.axis.ms_at(one.x), "y": one.y, "text": one.text, "colour": COLOURS[one.role]}
                for one in group
            ]
            mark = alt.MarkDef(
                type="text",
                align=align,
                baseline="middle",
                dy=dy,
                fontSize=size if bold else size - 1,
                fontWeight="bold" if bold else "normal",
                aria=False,
            )
            text = _named(alt.Text, "text")
            yield self._layer(mark, values, **self.place, text=text, fill=_as_is(alt.Fill, "colour"))


def _alike(texts: list[Text]) -> dict[tuple[str, bool, float], list[Text]]:
    groups: dict[tuple[str, bool, float], list[Text]] = {}
    for text in texts:
        groups.setdefault((text.align, text.bold, text.dy), []).append(text)
    return groups
