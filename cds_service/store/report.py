"""What became of cards, by rule and site: counted from shown cards and feedback. No patient, and no card, is in it.

Each shown card counts once, as what became of it in the end:

- accepted: one of its suggestions was accepted, whatever else was said;
- overridden: else, if it was overridden; its reason is that of the last override;
- ignored: else, if it was shown more than `WAIT` ago;
- waiting: else. It may be answered yet, and an ignored card too (CH-FB-07).

Shadow cards, which were recorded and not sent, are counted beside these: they were not shown, so nobody ignored them.
A warning that was a line of another card was not shown, and is not counted.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, Date, Select, and_, case, cast, exists, func, select

from cds_service.security.callers import Caller
from cds_service.store.tables import feedback, shown_card

COUNTED = ("shown", "accepted", "overridden", "ignored", "waiting", "shadow")
"""What is told of cards, in this order."""
WAIT = timedelta(days=1)
Step = Literal["month", "week"]


class Counts(msgspec.Struct):
    """What became of some cards. The parts add up to `shown`, but for `shadow`."""

    accepted: int = 0
    overridden: int = 0
    ignored: int = 0
    waiting: int = 0
    shadow: int = 0
    """Not shown: in shadow mode."""
    reasons: dict[str, int] = {}
    """How many were overridden for which reason, by its code; empty code: without one."""

    @property
    def shown(self) -> int:
        return self.accepted + self.overridden + self.ignored + self.waiting

    @property
    def cards(self) -> int:
        """All that there was reason for, shown or not."""
        return self.shown + self.shadow

    @property
    def named(self) -> dict[str, int]:
        """The numbers by their names, in the order in which they are told."""
        return {name: getattr(self, name) for name in COUNTED}

    @property
    def by_reason(self) -> tuple[tuple[str, int], ...]:
        """The reasons, the most frequent first."""
        return tuple(sorted(self.reasons.items(), key=lambda item: (-item[1], item[0])))

    def add(self, other: "Counts") -> None:
        """Count those too."""
        self.accepted += other.accepted
        self.overridden += other.overridden
        self.ignored += other.ignored
        self.waiting += other.waiting
        self.shadow += other.shadow
        for reason, number in other.reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + number


class Line(msgspec.Struct):
    """One rule at one site."""

    rule: str
    site: str
    total: Counts
    trend: dict[date, Counts]
    """By the first day of a month or week; those without a card are left out."""


class Report(msgspec.Struct):
    """The whole report. `lines` by site and rule; `unmatched`: feedback on cards that are not on record (CH-FB-10)."""

    step: Step
    lines: tuple[Line, ...]
    unmatched: int
    since: date | None = None
    site: str = ""

    @property
    def total(self) -> Counts:
        return _sum(line.total for line in self.lines)

    @property
    def told(self) -> tuple[str, ...]:
        """The numbers to show: those of `COUNTED`, without `shadow` where there is no such card."""
        return COUNTED if self.total.shadow else COUNTED[:-1]

    @property
    def periods(self) -> tuple[date, ...]:
        """From the first with a card to the last, those without any too."""
        days = [day for line in self.lines for day in line.trend]
        return tuple(_periods(min(days), max(days), self.step)) if days else ()

    @property
    def trend(self) -> tuple[tuple[date, Counts], ...]:
        """All rules and sites together, by period."""
        return tuple((day, _sum(line.trend[day] for line in self.lines if day in line.trend)) for day in self.periods)

    @property
    def rules(self) -> tuple[tuple[str, Counts], ...]:
        """All sites together, by rule: the most frequent first."""
        by_rule: dict[str, Counts] = {}
        for line in self.lines:
            by_rule.setdefault(line.rule, Counts()).add(line.total)
        return tuple(sorted(by_rule.items(), key=lambda item: (-item[1].cards, item[0])))

    @property
    def sites(self) -> tuple[str, ...]:
        return tuple(sorted({line.site for line in self.lines}))


def report(
    connection: Connection,
    now: datetime,
    *,
    since: date | None = None,
    site: str = "",
    step: Step = "month",
    rule: str = "",
) -> Report:
    """Count what was shown on or after the day `since` (UTC), at one site (`Caller.site`) or at all, of one rule
    or all.

    Which rule feedback on cards that are not on record is about is not known: it is in no report of one rule.
    """
    start = datetime(since.year, since.month, since.day, tzinfo=UTC) if since else None
    lines: dict[tuple[str, str], Line] = {}
    for row in connection.execute(_became(connection, now - WAIT, start, rule)):
        where = Caller(row.client, row.tenant).site
        if site and where != site:
            continue
        line = lines.setdefault((where, row.rule), Line(row.rule, where, Counts(), {}))
        counts = Counts(**{row.status: row.cards})
        if row.status == "overridden":
            counts.reasons[row.reason] = row.cards
        line.total.add(counts)
        line.trend.setdefault(_begins(_date(row.day), step), Counts()).add(counts)
    unmatched = sum(
        row.items
        for row in connection.execute(_unmatched(start))
        if not rule and (not site or Caller(row.client, row.tenant).site == site)
    )
    return Report(step, tuple(lines[key] for key in sorted(lines)), unmatched, since, site)


def _same_card() -> ColumnElement[bool]:
    """A card is known by its id and by whom it was sent to: nobody answers for another client."""
    return and_(
        feedback.c.card == shown_card.c.card,
        feedback.c.client == shown_card.c.client,
        feedback.c.tenant == shown_card.c.tenant,
    )


def _became(
    connection: Connection, waits_since: datetime, start: datetime | None, rule: str
) -> Select[tuple[str, str, str, object, str, str, int]]:
    """Cards by rule, client, day, what became of them, and why: their number."""
    accepted = exists().where(_same_card(), feedback.c.outcome == "accepted")
    overridden = exists().where(_same_card(), feedback.c.outcome == "overridden")
    last_reason = (
        select(feedback.c.reason_code)
        .where(_same_card(), feedback.c.outcome == "overridden")
        .order_by(feedback.c.outcome_at.desc(), feedback.c.id.desc())
        .limit(1)
        .correlate(shown_card)
        .scalar_subquery()
    )
    each = select(
        shown_card.c.rule,
        shown_card.c.client,
        shown_card.c.tenant,
        _day(connection).label("day"),
        case(
            (shown_card.c.shadow, "shadow"),
            (accepted, "accepted"),
            (overridden, "overridden"),
            (shown_card.c.shown_at < waits_since, "ignored"),
            else_="waiting",
        ).label("status"),
        func.coalesce(last_reason, "").label("reason"),
    )
    if start:
        each = each.where(shown_card.c.shown_at >= start)
    if rule:
        each = each.where(shown_card.c.rule == rule)
    cards = each.subquery()
    columns = (cards.c.rule, cards.c.client, cards.c.tenant, cards.c.day, cards.c.status, cards.c.reason)
    return select(*columns, func.count().label("cards")).group_by(*columns)


def _unmatched(start: datetime | None) -> Select[tuple[str, str, int]]:
    by = (feedback.c.client, feedback.c.tenant)
    query = select(*by, func.count().label("items")).where(~exists().where(_same_card())).group_by(*by)
    return query.where(feedback.c.received_at >= start) if start else query


def _day(connection: Connection) -> ColumnElement[object]:
    """The day in UTC on which a card was shown."""
    if connection.dialect.name == "postgresql":
        return cast(func.timezone("UTC", shown_card.c.shown_at), Date)
    return func.date(shown_card.c.shown_at)


def _date(day: date | str) -> date:
    return date.fromisoformat(day) if isinstance(day, str) else day


def _begins(day: date, step: Step) -> date:
    """The first day of the month or week (from Monday)."""
    return day.replace(day=1) if step == "month" else day - timedelta(days=day.weekday())


def _periods(first: date, last: date, step: Step) -> Iterator[date]:
    while first <= last:
        yield first
        first = _begins(first + timedelta(days=31 if step == "month" else 7), step)


def _sum(counts: Iterable[Counts]) -> Counts:
    total = Counts()
    for one in counts:
        total.add(one)
    return total
