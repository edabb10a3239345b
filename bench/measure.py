"""Measuring in turns: what slows the machine for a moment slows both sides."""

import gc
import statistics
import time
from collections.abc import Callable

Work = Callable[[], object]


def seconds(work: Work, times: int = 1) -> float:
    """How long one call takes, on average of `times`."""
    began = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - began) / times


def in_turns(works: dict[str, Work], *, rounds: int, times: int = 1) -> dict[str, list[float]]:
    """Seconds per call of each, one figure per round, after one round that does not count."""
    for work in works.values():
        seconds(work, times)
    figures: dict[str, list[float]] = {name: [] for name in works}
    gc.collect()
    for _ in range(rounds):
        for name, work in works.items():
            figures[name].append(seconds(work, times))
    return figures


def ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the ratios of the rounds."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
