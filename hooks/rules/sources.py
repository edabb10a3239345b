"""What could not be looked at is Unknown, never "none" (B9 "Empty is not unchecked")."""

from collections.abc import Iterable

from hooks.assessment import Assessment
from hooks.chart.facts import Diagnosis, DrugCourse
from hooks.reasoning import Criterion, Truth
from hooks.rules.base import MEDICATION_SOURCES


def unavailable(a: Assessment, *keys: str) -> tuple[str, ...]:
    """Those of the prefetch sources of which nothing was had; one that was cut short is named on the card instead."""
    return tuple(key for key in keys if a.chart.checked.get(key, "unavailable") == "unavailable")


def medication_missing(a: Assessment) -> str:
    """What of the medication could not be looked at, for people; empty when there was an answer from everywhere."""
    gone = unavailable(a, *MEDICATION_SOURCES)
    return f"medication not checked: {', '.join(gone)}" if gone else ""


def recorded(a: Assessment, name: str, facts: Iterable[DrugCourse | Diagnosis]) -> Criterion:
    """Whether drugs, or conditions that tell of them, are on record; Unknown when not all medication was looked at."""
    found = tuple(facts)
    missing = "" if found else medication_missing(a)
    truth: Truth = True if found else None if missing else False
    return Criterion(
        name,
        truth,
        value=", ".join(fact.text for fact in found),
        source=", ".join(fact.source for fact in found),
        missing=missing,
    )
