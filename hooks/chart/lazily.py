"""Laboratory results that are read when they are first asked for: a request asks for few of those on record.

What could not be used is found in reading, so it is known of a concept when that is read, and of all when all of it is
asked for. Results, what was left out, and the order of both are those of reading everything at once.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import overload

import msgspec

from hooks.chart.facts import Chart, Dropped, LabResult


class Reading(msgspec.Struct, frozen=True):
    """The results of one concept, newest first.

    `first`: number of the first entry that could be used. `refused`: what was left out on the way, by number of its
    entry; `settled`: what was left out when the results were compared with each other.
    """

    results: tuple[LabResult, ...]
    first: int
    refused: tuple[tuple[int, Dropped], ...] = ()
    settled: tuple[Dropped, ...] = ()


class Results(Mapping[str, tuple[LabResult, ...]]):
    """Results by concept. To go through all of them reads all."""

    def __init__(self, concepts: Iterable[str], read: Callable[[str], Reading]) -> None:
        self._concepts = frozenset(concepts)
        self._read = read
        self._readings: dict[str, Reading] = {}

    def __getitem__(self, concept: str) -> tuple[LabResult, ...]:
        results = self.reading(concept).results if concept in self._concepts else ()
        if not results:
            raise KeyError(concept)
        return results

    def __iter__(self) -> Iterator[str]:
        self.readings()
        return iter(self.asked())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def reading(self, concept: str) -> Reading:
        """The reading of one of the concepts."""
        if concept not in self._readings:
            self._readings[concept] = self._read(concept)
        return self._readings[concept]

    def readings(self, of: frozenset[str] | None = None) -> list[Reading]:
        """The readings of some concepts, or of all, in order of their first entries."""
        concepts = self._concepts if of is None else self._concepts & of
        return sorted(map(self.reading, concepts), key=_first)

    def asked(self) -> dict[str, tuple[LabResult, ...]]:
        """The results that were asked for so far, in order of their first entries."""
        read = sorted(self._readings.items(), key=lambda item: item[1].first)
        return {concept: reading.results for concept, reading in read if reading.results}


def _first(reading: Reading) -> int:
    return reading.first


class Drops(Sequence[Dropped]):
    """What could not be used: `before` the results, of the results, and `after` them, as they were read.

    `strange`: entries whose concept could not be seen, by number; `strength`: what was left out of strength scores.
    """

    def __init__(
        self,
        before: Iterable[Dropped],
        results: Results,
        strange: Iterable[tuple[int, Dropped]],
        strength: Reading,
        after: Iterable[Dropped],
    ) -> None:
        self._before, self._after = tuple(before), tuple(after)
        self._results, self._strange, self._strength = results, tuple(strange), strength

    @overload
    def __getitem__(self, index: int) -> Dropped: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Dropped]: ...
    def __getitem__(self, index: int | slice) -> Dropped | Sequence[Dropped]:
        return self.of(None)[index]

    def __iter__(self) -> Iterator[Dropped]:
        return iter(self.of(None))

    def __len__(self) -> int:
        return len(self.of(None))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self.of(None) == tuple(other)

    def __hash__(self) -> int:
        return hash(self.of(None))

    def of(self, concepts: frozenset[str] | None) -> tuple[Dropped, ...]:
        """At least those about these concepts, or all of them, in the order of reading."""
        readings = self._results.readings(concepts)
        refused = [*self._strange, *self._strength.refused, *(one for r in readings for one in r.refused)]
        refused.sort(key=lambda one: one[0])
        settled = [*self._strength.settled, *(one for r in readings for one in r.settled)]
        return (*self._before, *(one for _, one in refused), *settled, *self._after)


def asked(chart: Chart) -> Mapping[str, tuple[LabResult, ...]]:
    """The results that something was judged by so far: another reading of any other would have changed nothing."""
    return chart.labs.asked() if isinstance(chart.labs, Results) else chart.labs


def dropped_about(chart: Chart, concepts: frozenset[str]) -> tuple[Dropped, ...]:
    """What could not be used and is about one of these concepts."""
    dropped = chart.dropped.of(concepts) if isinstance(chart.dropped, Drops) else chart.dropped
    return tuple([one for one in dropped if one.concept in concepts])
