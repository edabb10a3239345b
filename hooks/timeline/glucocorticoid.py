"""The glucocorticoid dose over time, as steps."""

from collections.abc import Iterator
from datetime import date, timedelta
from math import inf

from hooks.assessment import Assessment
from hooks.assessment.glucocorticoids import TOLERANCE, Span
from hooks.timeline.model import Level

_ONE = timedelta(days=1)


def levels(a: Assessment) -> tuple[Level, ...]:
    """What is certain, and where more than that is possible, that too; in order of time.

    A dose that nobody knows the start of is placed on the days on which it is certain alone.
    """
    exposure = a.immunosuppression.glucocorticoids
    certain = [Level(first, last, mg, True) for first, last, mg in exposure.spans]
    beyond = [level for span in exposure.possible if span[0] > date.min for level in _beyond(span, exposure.spans)]
    return tuple(sorted((*certain, *beyond), key=lambda level: (level.first, not level.certain)))


def _beyond(span: Span, certain: tuple[Span, ...]) -> Iterator[Level]:
    """The parts of a possible span in which less, or nothing, is certain."""
    first, last, mg = span
    at = first
    for known_first, known_last, known_mg in certain:
        if known_last < at or known_first > last:
            continue
        if known_first > at:
            yield _possible(at, known_first - _ONE, mg)
        until = min(known_last, last)
        if mg > known_mg + TOLERANCE:
            yield _possible(max(at, known_first), until, mg)
        at = until + _ONE
    if at <= last:
        yield _possible(at, last, mg)


def _possible(first: date, last: date, mg: float) -> Level:
    return Level(first, last, None if mg == inf else mg, False)
