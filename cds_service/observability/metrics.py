"""Prometheus metrics: numbers of calls, cards, FHIR calls, and of what went wrong. No label holds a value of a request.

`nam-cds serve` gives all its workers one directory for their numbers, so whichever is asked answers for all.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING

import msgspec

from cds_service.records import CallRecord

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

SHARED_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""The variable by which prometheus_client learns that it is one of several workers."""
_PREFIX, _LOCK, _SETTLED_SECONDS = "nam-cds-metrics-", "lock", 60
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


@contextmanager
def shared_by_workers() -> Iterator[None]:
    """Workers started in this block add up their numbers; those of one that died stay counted.

    What a server that was killed has left behind is taken away: nobody holds its lock any more.
    """
    _tidy_up()
    with TemporaryDirectory(prefix=_PREFIX) as directory, Path(directory, _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.environ[SHARED_DIRECTORY] = directory
        try:
            yield
        finally:
            del os.environ[SHARED_DIRECTORY]


def _tidy_up() -> None:
    for left in Path(gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        try:
            with left.open() as lock:
                if time.time() - left.stat().st_mtime > _SETTLED_SECONDS:  # else it is about to be locked
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(left.parent, ignore_errors=True)
        except OSError:
            continue  # in use, or another user's


class Metric(msgspec.Struct, frozen=True):
    """One row of the table."""

    name: str
    labels: tuple[str, ...]
    help: str


_CALLS = Metric(
    "nam_cds_call_seconds",
    ("service", "outcome"),
    "Seconds that calls took (histogram), by how they ended: answered, gate, feedback, or an error's code.",
)
_CARDS = Metric("nam_cds_cards_total", ("rule", "indicator"), "Cards sent.")
_SHADOW_CARDS = Metric(
    "nam_cds_shadow_cards_total", ("rule", "indicator"), "Cards not sent, as the client is in shadow mode."
)
_FIRED = Metric("nam_cds_rules_fired_total", ("rule",), "Rules that fired, also without a card of their own.")
_DROPPED = Metric("nam_cds_dropped_entries_total", ("reason",), "Entries of charts that were not used.")
_FEEDBACK = Metric("nam_cds_feedback_items_total", ("outcome",), "Items of feedback.")
_FHIR_CALLS = Metric(
    "nam_cds_fhir_calls_total",
    ("outcome",),
    "Calls of FHIR servers: ok, 4xx (and so on: the status), late, too large, refused (by this service), failed.",
)
_STORE_FAILURES = Metric("nam_cds_store_failures_total", ("operation",), "What could not be done in the database.")
_AUDIT_FAILURES = Metric("nam_cds_audit_failures_total", (), "Audit records that could not be written.")
TABLE = (
    _CALLS,
    _CARDS,
    _SHADOW_CARDS,
    _FIRED,
    _DROPPED,
    _FEEDBACK,
    _FHIR_CALLS,
    _STORE_FAILURES,
    _AUDIT_FAILURES,
)
"""Every metric, in the order in which they are documented."""


class Metrics:
    """The metrics of this process."""

    def __init__(self) -> None:
        # Here and not above: it decides when it is imported whether it is one of several workers, and the process that
        # starts them is none.
        from prometheus_client import CollectorRegistry, Counter, Histogram  # noqa: PLC0415

        self._registry = registry = CollectorRegistry()

        def counter(row: Metric) -> Counter:
            return Counter(row.name, row.help, row.labels, registry=registry)

        self._calls = Histogram(_CALLS.name, _CALLS.help, _CALLS.labels, buckets=_SECONDS, registry=registry)
        self._cards, self._fired, self._dropped = counter(_CARDS), counter(_FIRED), counter(_DROPPED)
        self._shadow_cards = counter(_SHADOW_CARDS)
        self._feedback, self.fhir_calls = counter(_FEEDBACK), counter(_FHIR_CALLS)
        self.store_failures, self.audit_failures = counter(_STORE_FAILURES), counter(_AUDIT_FAILURES)

    def count(self, record: CallRecord, seconds: float) -> None:
        """Count a call that has ended."""
        self._calls.labels(record.service or "unknown", record.outcome).observe(seconds)
        cards = self._shadow_cards if record.caller and record.caller.shadow else self._cards
        for (rule, indicator), number in record.count_cards().items():
            cards.labels(rule, indicator).inc(number)
        for rule in record.fired:
            self._fired.labels(rule).inc()
        for reason in record.dropped:
            self._dropped.labels(reason).inc()
        for outcome in record.feedback:
            self._feedback.labels(outcome).inc()

    def exposition(self) -> tuple[bytes, str]:
        """The numbers of all workers in Prometheus' text format, and its media type."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest  # noqa: PLC0415

        return generate_latest(self._of_all_workers()), CONTENT_TYPE_LATEST

    def _of_all_workers(self) -> "CollectorRegistry":
        if SHARED_DIRECTORY not in os.environ:
            return self._registry
        from prometheus_client import CollectorRegistry  # noqa: PLC0415
        from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415

        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return registry


@cache
def metrics() -> Metrics:
    """The metrics of this process; they begin with the first use."""
    return Metrics()
