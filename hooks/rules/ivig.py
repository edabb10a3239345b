"""What the rules about IVIG share: is it given, planned or being ordered (S8)."""

from hooks.assessment import Assessment
from hooks.assessment.use import use_of
from hooks.reasoning import Criterion
from hooks.rules.base import MEDICATION_SOURCES
from hooks.rules.use import used

SOURCES = (*MEDICATION_SOURCES, "procedures")
_ROUTE_UNKNOWN = "immunoglobulin-route-unknown"
ORDERS = frozenset({"ivig", _ROUTE_UNKNOWN})


def ivig_present(a: Assessment) -> Criterion:
    """IVIG is given, planned or being ordered; Unknown for an immunoglobulin whose route is not on record."""
    found, missing = used(a, "ivig"), route_missing(a)
    if found.truth is not False or not missing:
        return found
    other = use_of(a, _ROUTE_UNKNOWN).courses
    return Criterion(
        found.name,
        None,
        value=", ".join(course.text for course in other),
        source=", ".join(course.source for course in other),
        missing=missing,
    )


def route_missing(a: Assessment) -> str:
    """What would tell whether an immunoglobulin is IVIG; empty where nothing is missing."""
    return "route of the immunoglobulin" if use_of(a, _ROUTE_UNKNOWN).present else ""
