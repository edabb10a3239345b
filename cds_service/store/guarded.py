"""A database that may be down: whoever wants it is told so at once, and nobody waits for it to come back."""

import threading
from collections.abc import Callable
from typing import TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError

from cds_service.errors import SettingsError
from cds_service.logs import whereabouts
from cds_service.observability.metrics import metrics
from cds_service.store.database import Database, Mode
from cds_service.store.items import StoreDownError

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds between attempts to reach a database that is down; each is twice as long as the one before."""
CLOSING_SECONDS = 5.0

_log = structlog.get_logger()
_T = TypeVar("_T")


def log_failure(operation: str, error: BaseException) -> None:
    """The log line of something that the store could not do, without any value, and its place in the metrics."""
    metrics().store_failures.labels(operation).inc()
    if isinstance(error, StoreDownError):
        _log.warning("store_failed", operation=operation, exception=type(error).__name__)
    else:
        _log.error("store_failed", operation=operation, **whereabouts(error))


class Guarded:
    """Thread-safe. After a failure everything is refused, until a thread of its own has reached the database again."""

    def __init__(self, database: Database, key_check: str) -> None:
        self.on_failure: Callable[[str, BaseException], None] = log_failure
        """Hears of everything that could not be done: the operation, and why."""
        self._database = database
        self._key_check = key_check
        self._usable = threading.Event()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._recovering: threading.Thread | None = None
        self._pause = FIRST_PAUSE

    def open(self) -> None:
        """Bring the tables up to date; what fails is tried again later. Raises SettingsError."""
        try:
            self._database.prepare(self._key_check)
        except SettingsError:  # a newer database, another key, a file that cannot be written
            self._database.close()
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, cards come without a store
            self._failed("open", error)
        else:
            self._usable.set()

    def close(self) -> None:
        """Give back threads and connections."""
        self._closing.set()
        self._usable.clear()
        if recovering := self._recovering:
            recovering.join(CLOSING_SECONDS)
        self._database.close()

    def wait(self, seconds: float) -> bool:
        """Wait for a database that is down; whether it is up."""
        return self._usable.wait(seconds)

    def run(
        self,
        operation: str,
        work: Callable[[Connection], _T],
        seconds: float,
        mode: Mode = "write",
        *,
        telling: bool = True,
    ) -> _T:
        """What `work` returns, once it is committed. Raises StoreDownError, after this time at the latest.

        `telling`: a failure tells something of the database, not of the work, so that it is left alone for a while.
        """
        if not self._usable.is_set():
            self.on_failure(operation, StoreDownError())
            raise StoreDownError
        try:
            result = self._database.run(work, seconds, mode)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not cost a card
            if telling:
                self._failed(operation, error)
            else:
                self.on_failure(operation, error)
            raise StoreDownError from None
        self._pause = FIRST_PAUSE
        return result

    def _failed(self, operation: str, error: Exception) -> None:
        self.on_failure(operation, error)
        if isinstance(error, DataError | IntegrityError):
            return  # this one row cannot be kept; the database is well
        with self._lock:
            self._usable.clear()
            if self._recovering is None and not self._closing.is_set():
                self._recovering = threading.Thread(target=self._recover, name="store-recovery", daemon=True)
                self._recovering.start()

    def _recover(self) -> None:
        """Try until the database can be used again, so that no call has to."""
        while not self._closing.wait(self._pause):
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            try:
                self._database.prepare(self._key_check)
            except Exception as error:  # noqa: BLE001 - it is tried again
                self.on_failure("recover", error)
                continue
            with self._lock:
                self._recovering = None
                if not self._closing.is_set():
                    self._usable.set()
            _log.info("store_recovered")
            return
