"""A feedback report for spreadsheets and programs."""

import csv
import io
from collections.abc import Iterable
from typing import Any

from cds_service.store.report import COUNTED, Counts, Line, Report

COLUMNS = ("site", "rule", "begins", *COUNTED)
_BARS = "▁▂▃▄▅▆▇█"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_csv(report: Report) -> str:
    """A row for each site, rule and month or week in which there was a card; a column for each reason given."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    reasons = [reason for reason, _ in report.total.by_reason]
    writer.writerow([*COLUMNS, *(f"overridden: {reason or 'no reason'}" for reason in reasons)])
    for line in report.lines:
        for day, counts in sorted(line.trend.items()):
            told = [counts.reasons.get(reason, 0) for reason in reasons]
            writer.writerow([cell(line.site), cell(line.rule), day, *counts.named.values(), *told])
    return text.getvalue()


def spark(trend: Iterable[Counts]) -> str:
    """How many cards there were, as bars of text: one for each month or week."""
    cards = [counts.cards for counts in trend]
    most = max(cards, default=0)
    return "".join(_BARS[(len(_BARS) - 1) * number // most] if number else " " for number in cards)


def to_json(report: Report) -> dict[str, Any]:
    """The report as JSON values."""
    return {
        "since": report.since and report.since.isoformat(),
        "site": report.site,
        "step": report.step,
        "total": report.total.named,
        "unmatched": report.unmatched,
        "lines": [_line(line) for line in report.lines],
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "site": line.site,
        "rule": line.rule,
        **line.total.named,
        "reasons": line.total.reasons,
        "trend": [{"begins": day.isoformat(), **counts.named} for day, counts in sorted(line.trend.items())],
    }


def cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
