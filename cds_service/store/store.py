"""The store: cards that were shown, feedback, used tokens. A store that is down never costs a card."""

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy import Connection, Delete, Table, and_, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError

from cds_service.logs import whereabouts
from cds_service.observability.metrics import metrics
from cds_service.protocol.feedback import FeedbackItem, canonical_uuid
from cds_service.security.callers import Caller
from cds_service.settings import Settings
from cds_service.store import pseudonyms as keys
from cds_service.store.database import Database, DatabaseTooNewError, Mode
from cds_service.store.items import Override, Shown, StoreDownError
from cds_service.store.pseudonyms import Pseudonyms
from cds_service.store.tables import accepted_suggestion, feedback, shown_card, shown_suggestion, used_token

CALL_SECONDS = 1.0
"""What a call may lose when the store starts to hang; after that it is not asked until it has recovered."""
FEEDBACK_SECONDS = 3.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds between attempts to reach a store that is down; each is twice as long as the one before."""
PURGE_ROWS = 500
"""Deleted at once: others may write in between."""
PURGE_EVERY = timedelta(hours=1)

_log = structlog.get_logger()
_T = TypeVar("_T")


def log_failure(operation: str, error: BaseException) -> None:
    """The log line of something that the store could not do, and its place in the metrics."""
    metrics().store_failures.labels(operation).inc()
    if isinstance(error, StoreDownError):
        _log.warning("store_failed", operation=operation, exception=type(error).__name__)
    else:
        _log.error("store_failed", operation=operation, **whereabouts(error))


class Store:
    """Thread-safe. After a failure everything is refused at once, until a thread of its own has reached the database
    again. `on_failure` hears of everything that could not be done: the operation, and why.
    """

    def __init__(
        self,
        database: Database,
        pseudonyms: Pseudonyms,
        *,
        keep_comments: bool = False,
        retention: timedelta = timedelta(days=400),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_failure: Callable[[str, BaseException], None] = log_failure,
    ) -> None:
        self.on_failure = on_failure
        self.pseudonyms = pseudonyms
        self._database = database
        self._keep_comments = keep_comments
        self._retention = retention
        self._clock = clock
        self._usable = threading.Event()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._recovering: threading.Thread | None = None
        self._pause = FIRST_PAUSE

    @classmethod
    def of(cls, settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> "Store":
        """The store of these settings, opened. Raises SettingsError."""
        database = Database(settings.database_name, settings.threads)
        if settings.hash_key:
            pseudonyms = keys.from_file(settings.hash_key)
        elif database.file:
            pseudonyms = keys.from_own_file(database.file.with_name(f"{database.file.name}.key"))
        else:
            pseudonyms = keys.fleeting()
        store = cls(
            database,
            pseudonyms,
            keep_comments=settings.keep_comments,
            retention=timedelta(days=settings.retention_days),
            clock=clock,
        )
        store.open()
        return store

    def open(self) -> None:
        """Bring the tables up to date; what fails is tried again later. Raises DatabaseTooNewError."""
        try:
            self._database.prepare()
        except DatabaseTooNewError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, cards come without a store
            self._fail("open", error)
        else:
            self._usable.set()
        if not self._database.fleeting:
            threading.Thread(target=self._keep_tidy, name="store-purge", daemon=True).start()

    def close(self) -> None:
        """Give back threads and connections."""
        self._closing.set()
        self._database.close()

    def wait(self, seconds: float) -> bool:
        """Wait for a store that is down; whether it is up."""
        return self._usable.wait(seconds)

    # What is kept

    def record_shown(self, shown: Shown) -> bool:
        """Keep which cards were sent, without whom they are about; False if the store is down (CH-FB-16)."""
        cards = [card for card in shown.cards if card.uuid]
        if not cards:
            return True
        patient_key, now = self._patient_key(shown.caller, shown.patient_id), self._clock()
        rows = [
            {
                "card": card.uuid,
                "service": shown.service,
                "hook": shown.hook,
                "client": _storable(shown.caller.client),
                "tenant": _storable(shown.caller.tenant),
                "rule": card.source.topic.code if card.source.topic else "",
                "indicator": card.indicator,
                "knowledge_version": shown.knowledge_version,
                "patient_key": patient_key,
                "fingerprint": shown.fingerprints.get(card.uuid, ""),
                "shown_at": now,
            }
            for card in cards
        ]
        suggestions = [
            {"suggestion": suggestion.uuid, "card": card.uuid, "position": position}
            for card in cards
            for position, suggestion in enumerate(card.suggestions)
            if suggestion.uuid
        ]

        def work(connection: Connection) -> bool:
            connection.execute(_insert(connection, shown_card), rows)
            if suggestions:
                connection.execute(_insert(connection, shown_suggestion), suggestions)
            return True

        return self._tolerantly("record_shown", work, otherwise=False)

    def record_feedback(self, service: str, caller: Caller, items: Iterable[FeedbackItem]) -> int:
        """Keep feedback; how many items were new. When this returns they are on the disk, all of them.

        An exact duplicate (client, service, card, outcome, time) is kept once (CH-FB-06). Raises StoreDownError, and
        then nothing of it was kept, or will be found to be a duplicate when it is sent again.
        """
        now = self._clock()
        rows = [self._row(service, caller, item, now) for item in items]
        # In one order for everybody: two transactions that wait for each other's rows would wait for ever.
        rows.sort(key=lambda row: (row[0]["card"], row[0]["outcome"], row[0]["outcome_at"]))

        def work(connection: Connection) -> int:
            new = 0
            for row, accepted in rows:
                id_ = connection.scalar(_insert(connection, feedback).returning(feedback.c.id), row)
                if id_ is None:
                    continue
                new += 1
                if accepted:
                    links = [{"feedback": id_, "suggestion": suggestion} for suggestion in accepted]
                    connection.execute(_insert(connection, accepted_suggestion), links)
            return new

        return self._do("record_feedback", work, FEEDBACK_SECONDS, "durable")

    def _row(
        self, service: str, caller: Caller, item: FeedbackItem, now: datetime
    ) -> tuple[dict[str, object], list[str]]:
        row: dict[str, object] = {
            "service": service,
            "client": _storable(caller.client),
            "tenant": _storable(caller.tenant),
            "card": self._id(item.card),
            "outcome": item.outcome,
            "outcome_at": item.outcome_at,
            "received_at": now,
            "reason_system": item.reason_system,
            "reason_code": item.reason_code,
            "commented": bool(item.comment),
            "comment": _storable(item.comment) if self._keep_comments else "",
            "flags": " ".join(item.flags),
        }
        return row, list(dict.fromkeys(map(self._id, item.suggestions)))

    def first_use(self, issuer: str, jti: str, expires: datetime) -> bool | None:
        """Whether a token is seen for the first time, by all workers and since any start; None: the store is down."""
        row = {"issuer": _storable(issuer), "token": self.pseudonyms.of("jti", issuer, jti), "expires_at": expires}

        def work(connection: Connection) -> bool:
            insert = _insert(connection, used_token).returning(used_token.c.token)
            return connection.scalar(insert, row) is not None

        return self._tolerantly("first_use", work, otherwise=None)

    # What is asked

    def snoozes(self, caller: Caller, patient_id: str, since: datetime) -> tuple[Override, ...]:
        """The latest override of each rule and hook for a patient, if it is not older than `since`; oldest first.

        Empty if the store is down.
        """
        answered = and_(
            feedback.c.card == shown_card.c.card,
            feedback.c.client == shown_card.c.client,
            feedback.c.tenant == shown_card.c.tenant,
        )
        query = (
            select(
                *(shown_card.c[name] for name in ("rule", "hook", "indicator", "fingerprint")),
                *(feedback.c[name] for name in ("reason_system", "reason_code", "outcome_at", "received_at")),
            )
            .join(feedback, answered)
            .where(
                shown_card.c.patient_key == self._patient_key(caller, patient_id),
                shown_card.c.client == _storable(caller.client),
                shown_card.c.tenant == _storable(caller.tenant),
                feedback.c.outcome == "overridden",
                feedback.c.outcome_at >= since,
                feedback.c.received_at >= since,
            )
            .order_by(feedback.c.id)
        )
        nothing: list[Override] = []
        found = self._tolerantly(
            "snoozes",
            lambda connection: [
                Override(
                    rule=row.rule,
                    hook=row.hook,
                    indicator=row.indicator,
                    fingerprint=row.fingerprint,
                    reason_system=row.reason_system,
                    reason_code=row.reason_code,
                    at=min(row.outcome_at, row.received_at),
                )
                for row in connection.execute(query)
            ],
            otherwise=nothing,
            mode="read",
        )
        found = sorted(found, key=lambda override: override.at)
        return tuple({(override.rule, override.hook): override for override in found}.values())

    # What is deleted

    def purge(self, before: datetime | None = None) -> dict[str, int]:
        """Delete what was shown or received before this time (default: by the retention), and tokens that expired.

        How many rows of each table. Raises StoreDownError.
        """
        now = self._clock()
        before = before or now - self._retention
        limits = (
            (shown_card, shown_card.c.card, shown_card.c.shown_at < before),
            (feedback, feedback.c.id, feedback.c.received_at < before),
            (used_token, used_token.c.token, used_token.c.expires_at < now),
        )
        deleted = {}
        for table, key, old in limits:
            some = delete(table).where(key.in_(select(key).where(old).limit(PURGE_ROWS)), old)
            deleted[table.name] = 0
            while count := self._do("purge", partial(_executed, some), FEEDBACK_SECONDS):
                deleted[table.name] += count
        return deleted

    def counts(self) -> dict[str, int]:
        """The number of rows of each table. Raises StoreDownError."""
        tables = (shown_card, shown_suggestion, feedback, accepted_suggestion, used_token)

        def work(connection: Connection) -> dict[str, int]:
            return {table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables}

        return self.read(work)

    # How it is done

    def _patient_key(self, caller: Caller, patient_id: str) -> str:
        return self.pseudonyms.of("patient", caller.client, caller.tenant, patient_id)

    def _id(self, sent: str) -> str:
        """An id as it is kept: UUIDs in one spelling, all else as a keyed hash, since it may be anything (CH-FB-11)."""
        return canonical_uuid(sent) or f"hash:{self.pseudonyms.of('id', sent)}"

    def read(self, work: Callable[[Connection], _T]) -> _T:
        """Whatever a report asks of the tables. Raises StoreDownError."""
        return self._do("read", work, FEEDBACK_SECONDS, "read")

    def _tolerantly(
        self, operation: str, work: Callable[[Connection], _T], *, otherwise: _T, mode: Mode = "write"
    ) -> _T:
        try:
            return self._do(operation, work, CALL_SECONDS, mode)
        except StoreDownError:
            return otherwise

    def _do(self, operation: str, work: Callable[[Connection], _T], seconds: float, mode: Mode = "write") -> _T:
        if not self._usable.is_set():
            self.on_failure(operation, StoreDownError())
            raise StoreDownError
        try:
            result = self._database.run(work, seconds, mode)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not cost a card
            self._fail(operation, error)
            raise StoreDownError from None
        self._pause = FIRST_PAUSE
        return result

    def _fail(self, operation: str, error: Exception) -> None:
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
                self._database.prepare()
            except Exception as error:  # noqa: BLE001 - it is tried again
                self.on_failure("recover", error)
                continue
            with self._lock:
                self._recovering = None
                self._usable.set()
            _log.info("store_recovered")
            return

    def _keep_tidy(self) -> None:
        while True:
            try:
                self.purge()
            except StoreDownError:
                _log.warning("store_not_purged")
            if self._closing.wait(PURGE_EVERY.total_seconds()):
                return


def _executed(statement: Delete, connection: Connection) -> int:
    return connection.execute(statement).rowcount


def _insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An insert that passes over what is there already."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def _storable(text: str) -> str:
    """Text that any database takes: no lone surrogates, no NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "�")
