"""How often each rule speaks over invented patients.

`python -m tests.fixtures_pkg.synthetic.counting` writes the table of docs/synthetic.md: a minute or two. The slow tests
make it anew and compare.
"""

import json
from collections import Counter
from pathlib import Path

import msgspec

import fixtures
from cds_service.cli.bundles import request_of
from cds_service.engine import Engine
from cds_service.explanation import explain
from cds_service.settings import Settings
from fixtures.synthetic import Person, people
from hooks import services
from hooks.knowledge import load

PATIENTS, SEED = 3000, 7
DOCUMENT = Path(__file__).parents[3] / "docs" / "synthetic.md"
BEGIN, END = "<!-- counted: begin -->\n", "<!-- counted: end -->\n"
INDICATORS = ("critical", "warning", "info")


class Counts(msgspec.Struct, frozen=True):
    """By rule: for how many patients it fires; and how many cards of each indicator came of it."""

    fired: Counter[str]
    cards: Counter[tuple[str, str]]


def patients(count: int = PATIENTS, *, tidy: bool = False) -> list[Person]:
    """Patients with IMNM, always the same ones."""
    return list(people(count, seed=SEED, imnm_share=1, tidy=tidy))


class Reader:
    """The patient-view service, asked without a server."""

    def __init__(self) -> None:
        self.knowledge = load()
        (self._service,) = (one for one in services(self.knowledge) if one.hook == "patient-view")
        self._engine = Engine(Settings(log_level="error"))

    def close(self) -> None:
        self._engine.close()

    def read(self, person: Person) -> tuple[list[str], list[tuple[str, str]]]:
        """The rules that fire for that person; rule and indicator of each card."""
        bundle = {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": resource} for resource in person.resources],
        }
        _, request = request_of(bundle, self._service, None)
        found = explain(self._engine, self._service, self.knowledge, json.dumps(request).encode(), fixtures.ANCHOR)
        fired = [verdict.rule for verdict in found.verdicts if verdict.outcome == "fires"] if found.concerned else []
        return fired, [(card.source.topic.code, card.indicator) for card in found.response.cards if card.source.topic]


def counted() -> Counts:
    """Over all patients."""
    reader = Reader()
    fired: Counter[str] = Counter()
    cards: Counter[tuple[str, str]] = Counter()
    for person in patients():
        rules, shown = reader.read(person)
        fired.update(rules)
        cards.update(shown)
    reader.close()
    return Counts(fired, cards)


def table(counts: Counts) -> str:
    """The counts as Markdown, in the order of evaluation."""
    lines = ["| rule | fires for | critical | warning | info |", "| --- | ---: | ---: | ---: | ---: |"]
    for rule in load().rules:
        cards = " | ".join(str(counts.cards[rule, indicator]) for indicator in INDICATORS)
        lines.append(f"| `{rule}` | {counts.fired[rule]} | {cards} |")
    return "\n".join(lines) + "\n"


def in_document() -> str:
    """The table that stands in the document."""
    return DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


if __name__ == "__main__":
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(text.replace(BEGIN + in_document() + END, BEGIN + table(counted()) + END), encoding="utf-8")
