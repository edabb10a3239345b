"""What became of cards, counted from the tables: on SQLite and on PostgreSQL."""

import csv
import io
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from cds_service.protocol.cards import Card, Coding, Source, new_uuid
from cds_service.protocol.feedback import FeedbackItem
from cds_service.security.callers import Caller
from cds_service.store.items import Shown
from cds_service.store.report import Counts, Line, Report, report
from cds_service.store.store import Store
from cds_service.store.tabular import spark, to_csv, to_json
from cds_service.web.charts import MOST_PERIODS, WIDTH, draw, svg
from tests.cds_service.store.conftest import NOON, Clock

NORTH, SOUTH = Caller("north"), Caller("south", "ward-3")
RULE, OTHER = "Relapse", "PjpProphylaxis"


class Clinic:
    """Cards that are shown, and what becomes of them, at times of its clock."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock

    def shown(self, rule: str = RULE, caller: Caller = NORTH, *, at: datetime = NOON) -> str:
        self.clock.now = at
        card = Card(
            uuid=new_uuid(),
            summary="Ask",
            indicator="info",
            source=Source(label="Rule", topic=Coding(code=rule, system="urn:nam-cds:rule")),
        )
        told = Shown(service="s", hook="patient-view", caller=caller, patient_id="p", cards=(card,))
        assert self.store.record_shown(told)
        return card.uuid

    def said(self, card: str, outcome: Any, reason: str = "", *, after: int = 1, caller: Caller = NORTH) -> None:
        """So many minutes after noon."""
        at = NOON + timedelta(minutes=after)
        item = FeedbackItem(card=card, outcome=outcome, outcome_at=at, reason_code=reason)
        self.store.record_feedback("s", caller, [item])

    def report(self, now: datetime = NOON + timedelta(hours=2), **more: Any) -> Report:
        return self.store.read(lambda connection: report(connection, now, **more))


@pytest.fixture
def clinic(store: Store, clock: Clock) -> Clinic:
    return Clinic(store, clock)


def only(found: Report) -> Counts:
    (line,) = found.lines
    return line.total


def test_what_was_not_shown_is_counted_apart_and_nobody_ignored_it(clinic: Clinic) -> None:
    """In shadow mode; the same client shows cards later."""
    clinic.shown(caller=msgspec.structs.replace(NORTH, shadow=True))
    assert only(clinic.report(NOON + timedelta(days=40))) == Counts(shadow=1)
    clinic.shown(at=NOON + timedelta(days=2))
    found = clinic.report(NOON + timedelta(days=40))
    assert only(found) == Counts(ignored=1, shadow=1)
    assert (found.total.shown, found.total.cards) == (1, 2)


def test_the_column_of_shadow_cards_is_there_where_there_are_any() -> None:
    assert made(line(ignored=1)).told == ("shown", "accepted", "overridden", "ignored", "waiting")
    assert made(line(ignored=1), line(OTHER, shadow=1)).told[-1] == "shadow"


def test_nothing_was_shown(clinic: Clinic) -> None:
    found = clinic.report()
    assert (found.lines, found.unmatched, found.trend, found.periods) == ((), 0, (), ())
    assert found.total == Counts()


def test_what_became_of_a_card(clinic: Clinic) -> None:
    accepted, overridden, _, _ = [clinic.shown() for _ in range(4)]
    clinic.said(accepted, "accepted")
    clinic.said(overridden, "overridden", "data-wrong")
    assert only(clinic.report()) == Counts(accepted=1, overridden=1, waiting=2, reasons={"data-wrong": 1})
    later = only(clinic.report(NOON + timedelta(days=1, seconds=1)))
    assert later == Counts(accepted=1, overridden=1, ignored=2, reasons={"data-wrong": 1})
    assert later.shown == 4


def test_CH_FB_06_07_each_card_counts_once_whatever_is_said_of_it_and_when(clinic: Clinic) -> None:
    card = clinic.shown()
    clinic.said(card, "overridden", "data-wrong", after=5)
    clinic.said(card, "overridden", "will-do-later", after=9)
    clinic.said(card, "overridden", "specialist-plan", after=7)
    assert only(clinic.report()) == Counts(overridden=1, reasons={"will-do-later": 1})
    clinic.said(card, "accepted", after=60 * 24 * 40)
    assert only(clinic.report(NOON + timedelta(days=41))) == Counts(accepted=1)


def test_an_override_without_a_reason(clinic: Clinic) -> None:
    clinic.said(clinic.shown(), "overridden")
    assert only(clinic.report()).reasons == {"": 1}


def test_rules_and_sites_are_apart(clinic: Clinic) -> None:
    clinic.shown(OTHER)
    for caller in (NORTH, SOUTH, SOUTH):
        clinic.shown(RULE, caller)
    found = clinic.report()
    told = [(line.site, line.rule, line.total.shown) for line in found.lines]
    assert told == [("north", OTHER, 1), ("north", RULE, 1), ("south/ward-3", RULE, 2)]
    assert found.rules == ((RULE, Counts(waiting=3)), (OTHER, Counts(waiting=1)))
    assert found.sites == ("north", "south/ward-3")
    assert clinic.report(site="south/ward-3").total.shown == 2
    assert clinic.report(site="south").total.shown == 0


def test_nobody_answers_for_another_client(clinic: Clinic) -> None:
    card = clinic.shown()
    clinic.said(card, "accepted", caller=SOUTH)
    found = clinic.report()
    assert only(found) == Counts(waiting=1)
    assert found.unmatched == 1
    assert clinic.report(site="north").unmatched == 0


def test_CH_FB_10_feedback_on_unknown_cards_is_counted_apart(clinic: Clinic) -> None:
    clinic.said(new_uuid(), "overridden", "data-wrong")
    clinic.said("abc", "accepted")
    found = clinic.report()
    assert (found.unmatched, found.lines) == (2, ())


def test_what_was_shown_before_is_left_out(clinic: Clinic) -> None:
    midnight = datetime(2026, 11, 20, tzinfo=UTC)
    clinic.shown(at=midnight - timedelta(seconds=1))
    clinic.shown(at=midnight)
    clinic.said(new_uuid(), "accepted")
    assert clinic.report().total.shown == 2
    assert clinic.report(since=date(2026, 11, 20)).total.shown == 1
    assert clinic.report(since=date(2026, 11, 23)).unmatched == 0


def test_the_trend_by_month_and_by_week(clinic: Clinic) -> None:
    for at in ("2026-08-31T23:59:59Z", "2026-09-01T00:00:00Z", "2026-11-15T12:00:00Z", "2026-11-16T12:00:00Z"):
        clinic.shown(at=datetime.fromisoformat(at))
    by_month = [(day.isoformat(), counts.shown) for day, counts in clinic.report().trend]
    assert by_month == [("2026-08-01", 1), ("2026-09-01", 1), ("2026-10-01", 0), ("2026-11-01", 2)]
    by_week = {day.isoformat(): counts.shown for day, counts in clinic.report(step="week").trend}
    assert {day: number for day, number in by_week.items() if number} == {
        "2026-08-31": 2, "2026-11-09": 1, "2026-11-16": 1,
    }  # fmt: skip
    assert len(by_week) == 12


# -- as tables and as a chart ------------------------------------------------------------------------------------------


def made(*lines: Line, **more: Any) -> Report:
    return Report("month", lines, 0, **more)


def line(rule: str = RULE, site: str = "north", *days: date, **counts: Any) -> Line:
    total = Counts(**counts)
    return Line(rule, site, total, {day: Counts(**counts) for day in days or (date(2026, 11, 1),)})


def rows(found: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(found))))


def test_csv_has_a_row_for_each_step_and_a_column_for_each_reason() -> None:
    found = made(line(accepted=1, overridden=2, reasons={"data-wrong": 1, "": 1}), line(OTHER, ignored=3))
    assert rows(found) == [
        {"site": "north", "rule": RULE, "begins": "2026-11-01", "shown": "3", "accepted": "1", "overridden": "2",
         "ignored": "0", "waiting": "0", "shadow": "0", "overridden: no reason": "1", "overridden: data-wrong": "1"},
        {"site": "north", "rule": OTHER, "begins": "2026-11-01", "shown": "3", "accepted": "0", "overridden": "0",
         "ignored": "3", "waiting": "0", "shadow": "0", "overridden: no reason": "0", "overridden: data-wrong": "0"},
    ]  # fmt: skip


@pytest.mark.parametrize("site", ["=cmd()", "+1", "-1", "@x"])
def test_no_spreadsheet_takes_a_name_for_a_formula(site: str) -> None:
    assert rows(made(line(site=site, ignored=1)))[0]["site"] == f"'{site}"


def test_json_has_all_of_it() -> None:
    told = to_json(made(line(accepted=1, overridden=1, reasons={"x": 1}), since=date(2026, 1, 2)))
    counts = {"shown": 2, "accepted": 1, "overridden": 1, "ignored": 0, "waiting": 0, "shadow": 0}
    trend = [{"begins": "2026-11-01", **counts}]
    assert told == {
        "since": "2026-01-02", "site": "", "step": "month", "unmatched": 0, "total": counts,
        "lines": [{"site": "north", "rule": RULE, **counts, "reasons": {"x": 1}, "trend": trend}],
    }  # fmt: skip
    assert to_json(made())["since"] is None


def test_bars_of_text() -> None:
    assert spark([Counts(ignored=n) for n in (0, 1, 4, 8)]) == " ▁▄█"
    assert spark([]) == spark([Counts()]).strip() == ""


NAMESPACE = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("build", [made, lambda: made(line(accepted=1), line(OTHER, waiting=7))])
def test_the_chart_is_svg_with_a_text_and_without_style_or_script(build: Callable[[], Report]) -> None:
    root = ET.fromstring(svg(build()))
    assert (root.tag, root.get("role")) == (f"{NAMESPACE}svg", "img")
    names = {element.tag.removeprefix(NAMESPACE) for element in root.iter()}
    assert names <= {"svg", "title", "desc", "rect", "text"}
    assert not any("style" in element.attrib for element in root.iter())
    ids = {element.get("id") for element in root.iter()}
    assert set(root.attrib["aria-labelledby"].split()) <= ids


def test_shadow_cards_have_bars_too() -> None:
    drawing = draw(made(line(ignored=1, shadow=2)))
    wide = {bar.says: bar.width for bar in drawing.bars if not bar.says.startswith("2026")}
    assert wide[f"{RULE}: 2 shadow"] == pytest.approx(2 * wide[f"{RULE}: 1 ignored"])
    assert "shadow" in {name for _, name, _ in drawing.legend}
    assert all(x + 100 <= WIDTH for x, _, _ in drawing.legend)
    assert spark([Counts(shadow=8), Counts(shadow=1)]) == "█▁"


def test_the_bars_are_as_long_as_the_numbers_say() -> None:
    drawing = draw(made(line(accepted=1, overridden=3), line(OTHER, ignored=2)))
    wide = {bar.says: bar.width for bar in drawing.bars if not bar.says.startswith("2026")}
    assert wide[f"{RULE}: 3 overridden"] == pytest.approx(3 * wide[f"{RULE}: 1 accepted"])
    assert wide[f"{OTHER}: 2 ignored"] == pytest.approx(2 * wide[f"{RULE}: 1 accepted"])
    high = {bar.says: bar.height for bar in drawing.bars if bar.says.startswith("2026")}
    assert high["2026-11-01: 3 overridden"] == pytest.approx(3 * high["2026-11-01: 1 accepted"])
    assert "shadow" not in {name for _, name, _ in drawing.legend}
    assert drawing.says == "6 cards: 1 accepted, 3 overridden, 2 ignored"


def test_everything_is_inside_of_the_chart_however_long_the_time() -> None:
    many = [date(2020 + month // 12, month % 12 + 1, 1) for month in range(80)]
    drawing = draw(made(line(RULE, "north", *many, waiting=1), line("X" * 30, "north", many[-1], waiting=80)))
    assert len([bar for bar in drawing.bars if bar.says.startswith("20")]) == MOST_PERIODS
    for bar in drawing.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= 760
        assert 0 <= bar.y <= bar.y + bar.height <= drawing.height


def test_what_a_rule_or_site_is_called_is_text() -> None:
    chart = svg(made(line("<script>alert(1)</script>", ignored=1)))
    assert "<script" not in chart
    assert "&lt;script&gt;" in chart
