"""What is other for a whole cohort: details by person, and a summary by rule."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from cds_service.cohort import results
from cds_service.cohort.comparing import JUDGED, Compared, Head, Move, What, card_moves, moves_of_one
from cds_service.cohort.export import ExportError
from cds_service.store.tabular import cell

DETAILS, TABLE, SUMMARY = "differences.ndjson", "differences.csv", "differences.json"
FILES = (DETAILS, TABLE, SUMMARY)
_COLUMNS = ("patient", "rule", "what", "old", "new", "lines that are other", "criterion", "of rule", "was", "is")
_encoder = msgspec.json.Encoder()


class Summary(msgspec.Struct):
    """How many people gain, lose or change a card, by rule; and which criteria made it so, how often.

    `people`: who has a card that comes, goes or says something else. `limits`: who else has one that only shows
    another limit.
    `because`: by rule, by what becomes of its card; not where that is only another limit, which says it itself.
    `refused`: of how many people nothing can be said by at least one of both.
    """

    people: int = 0
    limits: int = 0
    refused: int = 0
    rules: dict[str, Counter[What]] = {}
    because: dict[str, dict[What, Counter[str]]] = {}

    @property
    def differs(self) -> bool:
        """Whether anything is other for anybody."""
        return bool(self.people or self.limits)

    def add(self, one: Compared) -> None:
        """Count a person."""
        says = any(move.what != "limit only" for move in one.moves)
        self.people += says
        self.limits += bool(one.moves) and not says
        self.refused += one.outcome == "refused"
        for move in one.moves:
            self.rules.setdefault(move.rule, Counter())[move.what] += 1
            if move.because and move.what != "limit only":
                by_what = self.because.setdefault(move.rule, {})
                by_what.setdefault(move.what, Counter())[move.because.criterion] += 1


def summed(found: Iterable[Compared]) -> Summary:
    """The summary of all."""
    summary = Summary()
    for one in found:
        summary.add(one)
    return summary


def write(found: Iterable[Compared], out: Path) -> Summary:
    """Write the details, as NDJSON and as a table, and the summary last; each file whole or not at all."""
    summary = Summary()
    out.mkdir(parents=True, exist_ok=True)
    details, table = (out / f"{name}.part" for name in (DETAILS, TABLE))
    with details.open("wb") as lines, table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for one in found:
            summary.add(one)
            for move in one.moves:
                lines.write(_encoder.encode({"patient": one.patient} | msgspec.to_builtins(move)) + b"\n")
                writer.writerow(map(cell, _row(one.patient, move)))
    details.replace(out / DETAILS)
    table.replace(out / TABLE)
    (out / SUMMARY).write_bytes(msgspec.json.format(_encoder.encode(summary), indent=2) + b"\n")
    return summary


def _row(patient: str, move: Move) -> tuple[str, ...]:
    lines = "; ".join(f"{part.part}: {results.plain(part.old)} → {results.plain(part.new)}" for part in move.parts)
    because = move.because
    why = (because.criterion, because.rule, because.old, because.new) if because else ("", "", "", "")
    return patient, move.rule, move.what, _head(move.old), _head(move.new), lines, *why


def _head(head: Head | None) -> str:
    return f"{head.indicator}: {head.ask}" if head else ""


def are_results(folder: Path) -> bool:
    """Whether a folder holds the results of a cohort run."""
    return (folder / results.SUMMARY).is_file()


def of_results(old: Path, new: Path) -> Iterator[Compared]:
    """What is other in the results of another run. Results hold no criteria, so not why. Raises ExportError."""
    days = [json.loads((folder / results.SUMMARY).read_bytes())["today"] for folder in (old, new)]
    if days[0] != days[1]:
        raise ExportError(f"{old} is of {days[0]}, {new} of {days[1]}: only results of one day can be compared.")
    refused = [_refused(folder) for folder in (old, new)]
    people = groupby(merge(_cards(old, 0), _cards(new, 1), key=_person), key=_person)
    for patient, cards in people:
        found: tuple[list[Any], list[Any]] = ([], [])
        for _, side, card in cards:
            found[side].append(card)
        standing = [one.pop(patient, JUDGED) for one in refused]
        if standing[0] == standing[1]:
            yield Compared(patient, "answered", tuple(card_moves(*found, lambda _: None)))
        else:
            yield Compared(patient, "refused", tuple(moves_of_one(*found, *standing)))
    for patient in sorted({*refused[0], *refused[1]}):
        standing = [one.get(patient, JUDGED) for one in refused]
        moves = moves_of_one((), (), *standing) if standing[0] != standing[1] else ()
        yield Compared(patient, "refused", tuple(moves))


def _person(row: tuple[str, int, Any]) -> str:
    return row[0]


def _cards(folder: Path, side: int) -> Iterator[tuple[str, int, Any]]:
    with (folder / results.CARDS).open("rb") as lines:
        for line in lines:
            row = msgspec.json.decode(line)
            yield row["patient"], side, row["card"]


def _refused(folder: Path) -> dict[str, str]:
    with (folder / results.REFUSED).open(encoding="utf-8", newline="") as file:
        return {row[0]: row[1] for row in list(csv.reader(file))[1:]}
