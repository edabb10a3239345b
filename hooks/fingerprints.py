"""The fingerprint of a card: equal as long as the card would tell a clinician nothing new.

An override that means "known, later" keeps a card away only while its fingerprint stays (hooks.engine). New is:
another urgency; a criterion that is answered otherwise, or by another value, or by a result of another day; a cited
fact of the record that was changed, such as a dose; another row in the table of facts; other words; another suggestion.

Not new is: a day that has passed and crossed no threshold; the order of the entries; other ids of the same resources.
Values that grow by themselves are left out (`grows`), in running text too: spans of time and the dose of a lifetime.
Nothing that identifies the patient goes in, neither ids nor the birth date.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from hooks.chart.facts import Chart, Fact
from hooks.chart.lazily import asked
from hooks.reasoning import GROWING, Criterion
from hooks.rules.base import CardDraft, md

LENGTH = 16
"""Hexadecimal digits: two cards of one rule and patient are told apart, which is all that is asked of it."""

_GROWING = re.compile(rf"\d[\d.,]*(?= (?:of \d+ )?(?:{'|'.join(sorted(GROWING))}|days?|weeks?|months?)\b(?!/))")
"""Numbers in running text that grow by themselves, as in "9 of 12 weeks"; `g/kg` is a dose."""
_IDS = {"source": "", "sources": (), "course": ""}
"""The members of facts that hold ids of resources."""


class Basis(msgspec.Struct, frozen=True):
    """What one rule says: the criteria of its verdict, and its draft."""

    rule: str
    criteria: tuple[Criterion, ...]
    draft: CardDraft


class Fingerprints:
    """The fingerprints of cards on one chart."""

    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self._facts: dict[str, list[Fact]] | None = None

    def of(self, told: Iterable[Basis]) -> str:
        """The fingerprint of a card that tells this: what its own rule says first, then what it took over."""
        parts = [self._part(basis) for basis in told]
        return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:LENGTH]

    def _part(self, basis: Basis) -> tuple[Any, ...]:
        criteria = [leaf for criterion in basis.criteria for leaf in _flat(criterion)]
        draft = basis.draft
        sources = sorted({source for criterion in criteria for source in criterion.source.split(", ") if source})
        return (
            basis.rule,
            draft.indicator,
            [(c.name, c.truth, "" if c.grows else c.value, c.when) for c in criteria],
            sorted(_content(fact) for source in sources for fact in self._cited(source)),
            [(row.what, "" if row.grows else row.value, row.when) for row in draft.facts],
            _words("\n".join((draft.summary, *draft.why)), sources),
            [suggestion.label for suggestion in draft.suggestions],
        )

    def _cited(self, source: str) -> list[Fact]:
        """The facts of a resource. All labs that a rule cites have been read by then."""
        if self._facts is None:
            self._facts = {}
            for fact in _all(self._chart):
                self._facts.setdefault(fact.source, []).append(fact)
        return self._facts.get(source, [])


def _words(text: str, sources: Iterable[str]) -> str:
    """A text without numbers that grow, and without the references that the trace gives as its sources."""
    if "/" in text:
        for source in sorted(sources, key=len, reverse=True):
            text = text.replace(md(source), "")
    return _GROWING.sub("", text)


def _flat(criterion: Criterion) -> Iterator[Criterion]:
    yield criterion
    for part in criterion.parts:
        yield from _flat(part)


def _all(chart: Chart) -> Iterator[Fact]:
    for results in asked(chart).values():
        yield from results
    for facts in (chart.diagnoses, chart.scores, chart.courses, chart.infusions, chart.allergies, chart.sessions):
        yield from facts


def _content(fact: Fact) -> str:
    """A fact without the ids of its resources, as text that does not depend on the order of sets."""
    members = {name: empty for name, empty in _IDS.items() if hasattr(fact, name)}
    encoded = msgspec.json.encode(msgspec.structs.replace(fact, **members), order="deterministic")
    return f"{type(fact).__name__} {encoded.decode()}"
