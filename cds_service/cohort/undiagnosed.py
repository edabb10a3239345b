"""The worklist of people without the diagnosis who should be looked at, as a table and as a page."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cds_service.cohort.files import page, table
from hooks.finding import Evidence, Found

TABLE, PAGE = "undiagnosed.csv", "undiagnosed.html"
FILES = (TABLE, PAGE)


def write(found: Iterable[tuple[str, Found]], out: Path, summary: dict[str, Any]) -> None:
    """Write both files. Who has most reasons comes first, then antibodies before CK; then by name."""
    people = sorted(found, key=lambda one: (-len(one[1].reasons), one[1].reasons, one[0]))
    told = [(patient, one.reasons, [_told(fact) for fact in one.evidence]) for patient, one in people]
    rows = ((patient, "; ".join(reasons), "; ".join(facts)) for patient, reasons, facts in told)
    table(out / TABLE, ("patient", "look because", "facts"), rows)
    page(out / PAGE, people=told, summary=summary)


def _told(fact: Evidence) -> str:
    """What, value, date, what it was compared with, and where it stands."""
    more = ", ".join(filter(None, (fact.when, fact.compared, fact.source)))
    return f"{fact.what}: {fact.value} ({more})"
