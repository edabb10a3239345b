"""The chart of a feedback report, as SVG that stands alone: bars by rule, and bars by month or week.

It says nothing that the table beside it does not say. No style sheet, no script: fit for the strictest policy.
"""

from collections.abc import Iterator
from functools import cache

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from cds_service.store.report import Counts, Report

COLOURS = {
    "accepted": "var(--good, #20693a)",
    "overridden": "var(--amber, #d48806)",
    "ignored": "var(--edge, #7b8c97)",
    "waiting": "var(--line, #d5dde2)",
    "shadow": "var(--quiet, #515f69)",
}
"""By what became of a card, in the order of the bars: those of the page, if it is in one. Apart in lightness too."""
WIDTH, LABELS, NUMBERS, ROW, HEIGHT = 760, 250, 60, 24, 120
MOST_PERIODS = 26


class Bar(msgspec.Struct, frozen=True):
    """A rectangle, and what is said of it."""

    x: float
    y: float
    width: float
    height: float
    colour: str
    says: str


class Label(msgspec.Struct, frozen=True):
    """A text at a place. `anchor`: start, middle or end."""

    x: float
    y: float
    text: str
    anchor: str = "start"


class Drawing(msgspec.Struct, frozen=True):
    """All of a chart."""

    height: float
    bars: tuple[Bar, ...]
    labels: tuple[Label, ...]
    legend: tuple[tuple[float, str, str], ...]
    says: str


def svg(report: Report) -> str:
    """The chart."""
    return _template().render(drawing=draw(report), width=WIDTH)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("cds_service.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("feedback_chart.svg")


def draw(report: Report) -> Drawing:
    """Where everything is."""
    bars: list[Bar] = []
    labels: list[Label] = []
    y: float = 2 * ROW
    most = max((counts.cards for _, counts in report.rules), default=1)
    for rule, counts in report.rules:
        labels.append(Label(LABELS - 10, y + 15, rule or "no rule", "end"))
        end: float = LABELS
        for name, number in _parts(counts):
            width = number * (WIDTH - LABELS - NUMBERS) / most
            bars.append(Bar(end, y + 3, width, ROW - 6, COLOURS[name], f"{rule}: {number} {name}"))
            end += width
        labels.append(Label(end + 8, y + 15, str(counts.cards)))
        y += ROW
    if report.trend:
        y = _columns(report, y + ROW, bars, labels)
    total = report.total
    told = [(name, colour) for name, colour in COLOURS.items() if name in report.told]
    step = (WIDTH - LABELS) // len(told)
    return Drawing(
        height=y + ROW,
        bars=tuple(bars),
        labels=tuple(labels),
        legend=tuple((LABELS + step * i, name, colour) for i, (name, colour) in enumerate(told)),
        says=f"{total.cards} cards: " + ", ".join(f"{number} {name}" for name, number in _parts(total)),
    )


def _columns(report: Report, top: float, bars: list[Bar], labels: list[Label]) -> float:
    """A column for each of the last months or weeks, below the rules; where they end."""
    trend = report.trend[-MOST_PERIODS:]
    most = max(counts.cards for _, counts in trend)
    wide = min(48.0, (WIDTH - 20) / len(trend))
    labels.append(Label(0, top + 10, f"Cards by {report.step}"))
    base = top + 2 * ROW + HEIGHT  # the number of the highest column stands below the title
    for i, (day, counts) in enumerate(trend):
        left, up = 10 + i * wide, base
        for name, number in _parts(counts):
            height = number * HEIGHT / max(most, 1)
            up -= height
            bars.append(Bar(left + 3, up, wide - 6, height, COLOURS[name], f"{day}: {number} {name}"))
        if len(trend) <= MOST_PERIODS // 2 or i % 2 == 0:
            text = f"{day:%Y-%m}" if report.step == "month" else f"{day:%m-%d}"
            labels.append(Label(left + wide / 2, base + 14, text, "middle"))
        labels.append(Label(left + wide / 2, up - 4, str(counts.cards), "middle"))
    return base + ROW


def _parts(counts: Counts) -> Iterator[tuple[str, int]]:
    for name in COLOURS:
        if number := getattr(counts, name):
            yield name, number
