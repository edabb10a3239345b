"""What a run found, as files: cards, a worklist by urgency, counts by rule, and what could not be used."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from cds_service.cohort import undiagnosed
from cds_service.cohort.files import page, table
from cds_service.cohort.judging import Finding, Judged
from cds_service.cohort.run import Done, Options
from cds_service.protocol.cards import INDICATORS
from hooks.finding import Found

CARDS, CARDS_PARQUET = "cards.ndjson", "cards.parquet"
WORKLIST, WORKLIST_PAGE = "worklist.csv", "worklist.html"
COUNTS, QUALITY, UNUSED, REFUSED, SUMMARY = (
    "counts.csv",
    "data_quality.csv",
    "unused.csv",
    "refused.csv",
    "summary.json",
)
RESULTS = (CARDS, CARDS_PARQUET, WORKLIST, WORKLIST_PAGE, COUNTS, QUALITY, UNUSED, REFUSED, SUMMARY)
_encoder = msgspec.json.Encoder()
_COLUMNS = {
    "patient": "VARCHAR",
    "position": "INTEGER",
    "urgency": "VARCHAR",
    "rule": "VARCHAR",
    "indicator": "VARCHAR",
    "ask": "VARCHAR",
    "facts": "VARCHAR[]",
    "blocked": "VARCHAR[]",
    "missing": "VARCHAR[]",
    "card": "JSON",
}
_BY_PERSON = "SELECT * EXCLUDE (urgency, position) FROM cards ORDER BY patient, position"
_BY_URGENCY = """
    SELECT patient, indicator, rule, ask, facts, blocked, missing FROM cards ORDER BY urgency, patient, position
"""


class Row(msgspec.Struct, frozen=True):
    """One card of one person. `urgency` orders people: those with the most critical cards come first."""

    patient: str
    position: int
    urgency: str
    rule: str
    indicator: str
    ask: str
    facts: tuple[str, ...]
    blocked: tuple[str, ...]
    missing: tuple[str, ...]
    card: dict[str, Any]


class Counts(msgspec.Struct):
    """By rule: how many people it fires for, cannot be told for, and how many cards are shown, by indicator."""

    fires: Counter[str]
    cannot_tell: Counter[str]
    shown: Counter[tuple[str, str]]


def write(done: Done, out: Path) -> dict[str, Any]:
    """Write the results, each file whole or not at all; returns the summary, which is written last."""
    counts = Counts(Counter(), Counter(), Counter())
    quality: Counter[tuple[str, str]] = Counter()
    refused: list[tuple[str, str]] = []
    found: list[tuple[str, Found]] = []
    people = 0
    unsorted = out / "cards.part"
    with unsorted.open("wb") as cards:
        for judged in done.judged():
            people += bool(judged.findings)
            _count(judged, counts, quality)
            if judged.refused:
                refused.append((judged.patient, judged.refused))
            if judged.undiagnosed:
                found.append((judged.patient, judged.undiagnosed))
            for row in _rows(judged):
                cards.write(_encoder.encode(row) + b"\n")
    _write_cards(unsorted, out)
    unsorted.unlink()
    table(
        out / COUNTS,
        ("rule", "people it fires for", *(f"cards: {i}" for i in INDICATORS), "cannot tell"),
        _by_rule(counts),
    )
    table(
        out / QUALITY,
        ("resource", "why it was not used", "how often"),
        ((*key, n) for key, n in sorted(quality.items())),
    )
    table(
        out / UNUSED, ("file", "line", "why it is nobody's"), ((one.file, one.line, one.reason) for one in done.unused)
    )
    table(out / REFUSED, ("patient", "why nothing could be said"), sorted(refused))
    summary = {
        "today": done.asked.options.today.isoformat(),
        "knowledge": ", ".join(done.asked.knowledge),
        "parsed": _parsed(done.asked.options),
        "people": done.people,
        "not concerned": done.gate,
        "refused": len(refused),
        "with cards": people,
        "cards": sum(counts.shown.values()),
        "not checked": list(done.asked.absent),
        "lines of nobody": len(done.unused),
    }
    if done.asked.options.find_undiagnosed:
        summary["to look at, without the diagnosis"] = len(found)
        undiagnosed.write(found, out, summary)
    _write_worklist(out, summary)
    (out / SUMMARY).write_bytes(msgspec.json.format(_encoder.encode(summary), indent=2) + b"\n")
    return summary


def _parsed(options: Options) -> str:
    if options.everybody:
        return "everybody"
    return "whom the service is for" + (", and who was tested" if options.find_undiagnosed else "")


def _count(judged: Judged, counts: Counts, quality: Counter[tuple[str, str]]) -> None:
    counts.fires.update(judged.fired)
    counts.cannot_tell.update(judged.cannot_tell.keys())
    counts.shown.update((one.rule, one.indicator) for one in judged.findings)
    quality.update((one.source.partition("/")[0], one.reason) for one in judged.left)


def _by_rule(counts: Counts) -> Iterator[tuple[str | int, ...]]:
    rules = {*counts.fires, *counts.cannot_tell, *(rule for rule, _ in counts.shown)}
    for rule in sorted(rules):
        shown = [counts.shown[rule, indicator] for indicator in INDICATORS]
        yield rule, counts.fires[rule], *shown, counts.cannot_tell[rule]


def _rows(judged: Judged) -> Iterator[Row]:
    indicators = [one.indicator for one in judged.findings]
    urgency = "".join(f"{9999 - indicators.count(indicator):04}" for indicator in INDICATORS)
    for position, one in enumerate(judged.findings):
        yield Row(
            judged.patient,
            position,
            urgency,
            one.rule,
            one.indicator,
            one.ask,
            tuple(_facts(one)),
            one.blocked,
            tuple(map(plain, one.missing)),
            one.card,
        )


def _facts(finding: Finding) -> Iterator[str]:
    """The facts of a card, as plain text: what, value, date, and what it was compared with."""
    for fact in finding.facts:
        more = ", ".join(filter(None, (fact.when, fact.threshold)))
        yield plain(f"{fact.what}: {fact.value}" + (f" ({more})" if more else ""))


def plain(markdown: str) -> str:
    """Markdown without its escapes."""
    return _ESCAPED.sub(r"\1", markdown)


_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def _write_cards(unsorted: Path, out: Path) -> None:
    """The cards in order of people, as NDJSON and as Parquet."""
    with duckdb.connect() as db:
        cards = db.read_json(str(unsorted), format="newline_delimited", columns=_COLUMNS)
        cards.order("patient, position").write_parquet(str(out / CARDS_PARQUET), compression="zstd")
        cards.create_view("cards")
        making = out / f"{CARDS}.part"
        with making.open("wb") as lines:
            rows = db.execute(_BY_PERSON)
            names = [column[0] for column in rows.description or ()]
            for row in _each(rows):
                members = dict(zip(names, row, strict=True))
                lines.write(_encoder.encode(members | {"card": msgspec.Raw(members["card"].encode())}) + b"\n")
        making.replace(out / CARDS)


def _write_worklist(out: Path, summary: dict[str, Any]) -> None:
    """People by urgency, and of each the cards, as a table for spreadsheets and as a page."""
    with duckdb.connect() as db:
        db.read_parquet(str(out / CARDS_PARQUET)).create_view("cards")
        table(out / WORKLIST, _WORKLIST, map(_told, _each(db.execute(_BY_URGENCY))))
        people = groupby(_each(db.execute(_BY_URGENCY)), key=lambda row: row[0])
        page(out / WORKLIST_PAGE, people=people, summary=summary)


_WORKLIST = ("patient", "urgency", "rule", "ask", "facts", "not passed before an order", "missing or not checked")


def _told(row: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple("; ".join(value) if isinstance(value, list) else str(value) for value in row)


def _each(rows: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while some := rows.fetchmany(500):
        yield from some
