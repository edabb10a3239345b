"""FHIR dates, which may be as vague as a year.

A date is kept as the span of days it may mean, so that nothing is guessed: a question about a vague date is
answered True or False only when every day of the span gives that answer, and None otherwise.
"""

import calendar
import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import msgspec

_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(T.*)?)?)?")
_TIME = re.compile(r"T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)?")

FIRST_YEAR, LAST_YEAR = 1900, 2199
"""Of the days that can be today: rules look decades back and ahead, and the calendar has ends."""


class FhirDate(msgspec.Struct, frozen=True, gc=False, order=True):
    """The days that a FHIR `date`, `dateTime` or `instant` may mean, both ends included.

    `moment` orders results of one day: seconds since 1970 (UTC), or midnight where no time was given.
    """

    earliest: date
    latest: date
    moment: float = 0.0

    @property
    def exact(self) -> bool:
        """Whether the day is known."""
        return self.earliest == self.latest

    def __str__(self) -> str:
        if self.earliest == self.latest:
            return self.earliest.isoformat()
        if (self.earliest.month, self.latest.month) == (1, 12):
            return str(self.earliest.year)
        return self.earliest.isoformat()[:7]


def day(value: date) -> FhirDate:
    """One known day."""
    return FhirDate(value, value, datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp())


@lru_cache(maxsize=8192)
def parse(text: str) -> FhirDate:
    """Read a FHIR date; the day is the one written, in the offset it was written in.

    Raises ValueError, with a sentence that names what is wrong, for `2026-02-31`, an offset beyond 14 hours, and so on.
    """
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError("is not a FHIR date (expected YYYY, YYYY-MM, YYYY-MM-DD or a dateTime)")
    year, month, dom, time = match.groups()
    try:
        if month is None:
            return FhirDate(date(int(year), 1, 1), date(int(year), 12, 31))
        if dom is None:
            last = calendar.monthrange(int(year), int(month))[1]
            return FhirDate(date(int(year), int(month), 1), date(int(year), int(month), last))
        known = date(int(year), int(month), int(dom))
    except ValueError as error:
        raise ValueError(f"is not a day of the calendar ({error})") from None
    if time is None:
        return day(known)
    return FhirDate(known, known, _moment(known, time))


def today_of(text: str) -> date:
    """The day that somebody says it is, as year-month-day. Raises ValueError, also for a day of another age."""
    found = parse(text).earliest
    if len(text) != len(found.isoformat()) or not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError(f"is not a day of the years {FIRST_YEAR} to {LAST_YEAR} (expected YYYY-MM-DD)")
    return found


def _moment(known: date, time: str) -> float:
    match = _TIME.fullmatch(time)
    if match is None:
        raise ValueError("has a time or an offset that FHIR does not know")
    hour, minute, second, offset = match.groups()
    try:
        at = datetime(known.year, known.month, known.day, int(hour), int(minute), min(int(second or 0), 59), tzinfo=UTC)
    except ValueError:
        raise ValueError("has a time of day that does not exist") from None
    if offset and offset != "Z":
        shift = 3600 * int(offset[1:3]) + 60 * int(offset[4:6])
        return at.timestamp() - shift if offset[0] == "+" else at.timestamp() + shift
    return at.timestamp()


def age_days(when: FhirDate, today: date) -> tuple[int, int]:
    """The fewest and the most days that lie between `when` and `today` (negative in the future)."""
    return (today - when.latest).days, (today - when.earliest).days


def within(when: FhirDate | None, days: int, today: date) -> bool | None:
    """Whether `when` lies no more than `days` before `today` (and not after it). None: it cannot be told.

    Of a vague date only the days up to today count: what is on record has happened.
    """
    if when is None:
        return None
    fewest, most = age_days(when, today)
    if most < 0 or fewest > days:
        return False
    return True if most <= days else None


def before(when: FhirDate | None, other: date) -> bool | None:
    """Whether `when` is earlier than the day `other`. None: it cannot be told."""
    if when is None:
        return None
    if when.latest < other:
        return True
    return False if when.earliest >= other else None


def whole_years(born: FhirDate, today: date) -> tuple[int, int]:
    """The least and the greatest age in years that a birth date allows."""

    def years(on: date) -> int:
        return today.year - on.year - ((today.month, today.day) < (on.month, on.day))

    return years(born.latest), years(born.earliest)


def months_before(today: date, months: int) -> date:
    """The same day so many months ago, or the last day of that month."""
    year, month = divmod(today.year * 12 + today.month - 1 - months, 12)
    following = date(year + (month == _DECEMBER), (month + 1) % 12 + 1, 1)
    return min(date(year, month + 1, 1) + timedelta(days=today.day - 1), following - timedelta(days=1))


_DECEMBER = 11
