"""What somebody changes of a chart in the form: read from the form, said in sentences, and made on the request.

Pure: a form is a mapping of texts. The form always holds the whole chart as it is to be, beside the original, so a
change of a change is a form sent again, and no history is needed.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

import msgspec

from cds_service.console.additions import Added, Test, put
from cds_service.console.fields import Field, Path, change
from cds_service.console.offers import Group, Item
from cds_service.console.places import Json, places
from cds_service.fhir.dates import FIRST_YEAR, LAST_YEAR, parse, today_of

TODAY = "today"
ROWS = 12
"""Results that can be added at once."""
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,6})?", re.ASCII)
_VAGUE = re.compile(r"\d{4}(?:-\d\d(?:-\d\d)?)?", re.ASCII)


class Edit(msgspec.Struct, frozen=True):
    """One field that has another value."""

    item: Item
    field: Field
    value: str

    def __str__(self) -> str:
        label = self.field.label.lower()
        label = "" if label in ("value", "result") else f"{label} "
        unit = f" {self.field.unit}" if self.field.unit and self.value else ""
        return f"{self.item.title}: {label}{self.field.value or 'none'} → {self.value or 'none'}{unit}"


class Changes(msgspec.Struct, frozen=True):
    """All changes of a form that can be made. `today`: the day to be; `day`: the day of the original."""

    day: date
    today: date
    edits: tuple[Edit, ...] = ()
    left_out: tuple[Item, ...] = ()
    added: tuple[Added, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """One for each change."""
        moved = (f"Today: {self.day} → {self.today}",) if self.today != self.day else ()
        return (
            *moved,
            *map(str, self.edits),
            *(f"{item.title}: left out" for item in self.left_out),
            *map(str, self.added),
        )


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with the text of one input, and what to write. `name`: that of the input; `where`: in words."""

    name: str
    where: str
    text: str


def name_of(item: Item, field: Field) -> str:
    """The name of a field's input."""
    return f"{item.source}:{field.name}"


def out_of(item: Item) -> str:
    """The name of the box that leaves a fact out."""
    return f"{item.source}:left-out"


def row(number: int) -> tuple[str, str, str]:
    """The names of the inputs for one result to add: what, value, date."""
    return f"added-{number}.test", f"added-{number}.value", f"added-{number}.date"


def rows(form: Mapping[str, str]) -> range:
    """The numbers of the rows to show: those in use, and one that is free."""
    used = [number for number in range(ROWS) if any(form.get(name, "").strip() for name in row(number))]
    return range(min(ROWS, max(used, default=-1) + 2))


def read(
    form: Mapping[str, str], day: date, groups: tuple[Group, ...], known: Mapping[str, Test]
) -> tuple[Changes, tuple[Problem, ...]]:
    """The changes that a form asks for, and what of it cannot be understood. What it does not have is unchanged."""
    problems: list[Problem] = []
    items = [item for group in groups for item in group.items]
    left_out = tuple(item for item in items if item.removable and out_of(item) in form)
    edits = tuple(edit for item in items if item not in left_out for edit in _edits(form, item, problems))
    added = tuple(_added(form, known, problems))
    return Changes(day, _today(form, day, problems), edits, left_out, added), tuple(problems)


def _today(form: Mapping[str, str], day: date, problems: list[Problem]) -> date:
    text = form.get(TODAY, day.isoformat()).strip()
    try:
        return today_of(text)
    except ValueError:
        problems.append(Problem(TODAY, "Today’s date", TODAY_WANTED))
        return day


_DAY_WANTED = "Write a day of the calendar as year-month-day, such as 2026-11-22."
TODAY_WANTED = f"Write a day from {FIRST_YEAR} to {LAST_YEAR} as year-month-day, such as 2026-11-22."


def _edits(form: Mapping[str, str], item: Item, problems: list[Problem]) -> Iterator[Edit]:
    for field in item.fields:
        name = name_of(item, field)
        value = form.get(name, field.value).strip()
        if value == field.value:
            continue
        wrong = _wrong(field, value)
        if wrong:
            problems.append(Problem(name, f"{item.title}, {field.label.lower()}", wrong))
        else:
            yield Edit(item, field, value)


def _wrong(field: Field, value: str) -> str:
    """What is wrong with a text for a field; empty when nothing is."""
    match field.kind:
        case "number":
            return _wrong_number(value, whole=field.path[-1] == "frequency")
        case "date":
            return _wrong_date(value, needed="event" in field.path)
        case "choice":
            return "" if value in field.options else f"Choose one of {', '.join(field.options)}."
        case _:
            return ""


def _wrong_number(value: str, *, whole: bool = False) -> str:
    if not value:
        return "Write a number, or leave the fact out."
    if value.startswith("-"):
        return "The number cannot be less than 0."
    if not _NUMBER.fullmatch(value):
        return "Write a number in digits, such as 6200 or 1.5."
    if whole and Decimal(value) != Decimal(value).to_integral_value():
        return "Write a whole number."
    return ""


def _wrong_date(value: str, *, needed: bool = False) -> str:
    if not value and not needed:
        return ""
    try:
        if not _VAGUE.fullmatch(value):
            raise ValueError
        parse(value)
    except ValueError:
        return _DAY_WANTED
    return ""


def _added(form: Mapping[str, str], known: Mapping[str, Test], problems: list[Problem]) -> Iterator[Added]:
    for number in range(ROWS):
        names = row(number)
        concept, value, when = (form.get(name, "").strip() for name in names)
        if not (value or concept):
            continue
        found = len(problems)
        test, place = known.get(concept), f"Result to add, {number + 1}"
        if test is None:
            problems.append(Problem(names[0], place, "Choose the test."))
        elif test.results and value not in test.results:
            problems.append(Problem(names[1], place, f"Write one of {', '.join(test.results)}."))
        elif not test.results and (wrong := _wrong_number(value)):
            problems.append(Problem(names[1], place, wrong))
        if len(when) != len("2026-11-22") or _wrong_date(when, needed=True):
            problems.append(Problem(names[2], place, _DAY_WANTED))
        if test and len(problems) == found:
            yield Added(test, value, when)


def apply(request: Json, changes: Changes, aliases: Mapping[str, str]) -> None:
    """Make the changes on a request, in place. `aliases`: our prefetch key, by the one that the client uses."""
    found = places(request, aliases)
    for edit in sorted(changes.edits, key=_last):
        for place in found[edit.item.source]:
            change(place.resource, edit.field.path, edit.value)
    for item in changes.left_out:
        for place in found[item.source]:
            place.leave_out()
    put(request, changes.added, aliases)


def _last(edit: Edit) -> bool:
    """A text and a result come after the numbers that they go with, which would take them away."""
    path: Path = edit.field.path
    return path[-1] in ("text", "result")
