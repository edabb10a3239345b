"""Counts as a Markdown table."""

from collections.abc import Iterator, Mapping

from tests.foreign_patients.readings import Count

_READ = ("diagnoses", "courses", "infusions", "results", "scores", "allergies")


def table(counts: Mapping[str, Count]) -> Iterator[str]:
    """One column for each population: its size, what was made of it, and what was left out for which reason."""
    yield f"| | {' | '.join(counts)} |"
    yield f"|---|{'---:|' * len(counts)}"
    yield _row("patients", (count.patients for count in counts.values()))
    yield _row("resources looked at", (count.resources.total() for count in counts.values()))
    for fact in _READ:
        yield _row(f"{fact} that concern a rule", (count.facts[fact] for count in counts.values()))
    yield _row("not read: result in an unknown code system", (count.unknown_system for count in counts.values()))
    for left in sorted({left for count in counts.values() for left in count.left}):
        doubt = ", doubtful" if left.doubtful else ""
        yield _row(f"left out: {left.type} {left.reason}{doubt}", (count.left[left] for count in counts.values()))


def _row(name: str, numbers: Iterator[int]) -> str:
    return f"| {name} | {' | '.join(f'{number:,}' for number in numbers)} |"
