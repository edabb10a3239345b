"""The form as its template shows it: each fact with its inputs, what was typed, and what is wrong with it."""

from collections.abc import Mapping

import msgspec

from cds_service.console.changes import ROWS, TODAY, Problem, name_of, out_of, row, rows
from cds_service.console.fields import Field
from cds_service.console.offers import Group, Item


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """One input. `text`: what stands in it; `was`: what was sent at first, where that is another."""

    id: str
    name: str
    label: str
    kind: str
    text: str = ""
    was: str | None = None
    problem: str = ""
    unit: str = ""
    options: tuple[str, ...] = ()


class Fact(msgspec.Struct, frozen=True):
    """One fact. `out`: the box that leaves it out, `left_out` whether it is ticked; None where it cannot be."""

    title: str
    inputs: tuple[Input, ...]
    out: Input | None
    left_out: bool

    @property
    def touched(self) -> bool:
        """Whether anything in it is changed, or wrong."""
        return self.left_out or any(one.was is not None or one.problem for one in self.inputs)


class Section(msgspec.Struct, frozen=True):
    """Facts of one kind. `more`: how many there are besides."""

    title: str
    facts: tuple[Fact, ...]
    more: int

    @property
    def touched(self) -> bool:
        """Whether anything in it is changed, or wrong."""
        return any(fact.touched for fact in self.facts)


class Form(msgspec.Struct, frozen=True):
    """All of it. `additions`: for each result to add, its three inputs."""

    today: Input
    sections: tuple[Section, ...]
    additions: tuple[tuple[Input, Input, Input], ...]
    problems: tuple[tuple[str, str], ...]
    """For each problem the id of its input, and what is wrong."""


def form(texts: Mapping[str, str], day: str, groups: tuple[Group, ...], problems: tuple[Problem, ...]) -> Form:
    """The form with these texts in it. `day`: of the original."""
    wrong = {problem.name: problem.text for problem in problems}
    ids: dict[str, str] = {}

    def id_of(name: str) -> str:
        return ids.setdefault(name, f"input-{len(ids) + 1}")

    def input_of(item: Item, field: Field) -> Input:
        name = name_of(item, field)
        text = texts.get(name, field.value)
        return Input(
            id=id_of(name),
            name=name,
            label=field.label,
            kind=_kind(field, text, wrong.get(name, "")),
            text=text,
            was=None if text.strip() == field.value else field.value,
            problem=wrong.get(name, ""),
            unit=field.unit,
            options=field.options,
        )

    def fact(item: Item) -> Fact:
        name = out_of(item)
        out = Input(id=id_of(name), name=name, label="Leave out", kind="box") if item.removable else None
        return Fact(item.title, tuple(input_of(item, field) for field in item.fields), out, name in texts)

    def free(name: str, label: str, kind: str) -> Input:
        text, problem = texts.get(name, ""), wrong.get(name, "")
        return Input(
            id=id_of(name),
            name=name,
            label=label,
            kind="text" if problem and kind == "date" else kind,
            text=text,
            problem=problem,
        )

    day_text, day_wrong = texts.get(TODAY, day), wrong.get(TODAY, "")
    today = Input(
        id=id_of(TODAY),
        name=TODAY,
        label="Today’s date",
        kind="text" if day_wrong else "date",
        text=day_text,
        was=None if day_text == day else day,
        problem=day_wrong,
    )
    sections = tuple(Section(group.title, tuple(map(fact, group.items)), group.more) for group in groups)
    names = (row(number) for number in rows(texts) if number < ROWS)
    additions = tuple(
        (free(test, "Test", "test"), free(value, "Value", "text"), free(when, "Date", "date"))
        for test, value, when in names
    )
    return Form(today, sections, additions, tuple((id_of(one.name), f"{one.where}: {one.text}") for one in problems))


def _kind(field: Field, text: str, problem: str) -> str:
    """The kind of input that shows the text as it is: one for days would show neither a month nor what is wrong."""
    whole = len(field.value) in (0, len("2026-11-22"))
    return "text" if field.kind == "date" and (problem or not whole or len(text) not in (0, 10)) else field.kind
