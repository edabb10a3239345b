"""The store: cards that were shown, feedback, used tokens. A store that is down never costs a card."""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, and_, bindparam, select

from cds_service.protocol.feedback import FeedbackItem, canonical_uuid
from cds_service.security.callers import Caller
from cds_service.settings import Settings
from cds_service.store import pseudonyms as keys
from cds_service.store import retention
from cds_service.store.database import Database, Mode, insert_new
from cds_service.store.guarded import CLOSING_SECONDS, Guarded
from cds_service.store.items import Override, Shown, StoreDownError
from cds_service.store.pseudonyms import Pseudonyms
from cds_service.store.tables import accepted_suggestion, feedback, shown_card, shown_suggestion, used_token

CALL_SECONDS = 1.0
"""What a call may lose when the store starts to hang; after that it is not asked until it has recovered."""
FEEDBACK_SECONDS = 3.0
PURGE_EVERY = timedelta(hours=1)

_OVERRIDES = (
    select(
        *(shown_card.c[name] for name in ("rule", "hook", "indicator", "fingerprint")),
        *(feedback.c[name] for name in ("reason_system", "reason_code", "outcome_at", "received_at")),
    )
    .join(
        feedback,
        and_(
            feedback.c.card == shown_card.c.card,
            feedback.c.client == shown_card.c.client,
            feedback.c.tenant == shown_card.c.tenant,
        ),
    )
    .where(
        *(shown_card.c[name] == bindparam(name) for name in ("patient_key", "client", "tenant")),
        feedback.c.outcome == "overridden",
        *(feedback.c[name] >= bindparam("since") for name in ("outcome_at", "received_at")),
    )
    .order_by(feedback.c.id)
)
"""The overrides of one patient's cards; made once, as each chart that passes the gate is asked for them."""

_T = TypeVar("_T")


class Store:
    """Thread-safe. What it cannot do is told to `on_failure`, by default the log."""

    def __init__(
        self,
        database: Database,
        pseudonyms: Pseudonyms,
        *,
        keep_comments: bool = False,
        keep_days: int = 400,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.pseudonyms = pseudonyms
        self._database = Guarded(database, pseudonyms.check)
        self._keep_comments = keep_comments
        self._retention = timedelta(days=keep_days)
        self._clock = clock
        self._closing = threading.Event()
        self._tidying = threading.Thread(target=self._keep_tidy, name="store-purge", daemon=True)

    @classmethod
    def of(cls, settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> "Store":
        """The store of these settings, opened. Raises SettingsError."""
        database = Database(settings.database_name, settings.threads)
        store = cls(
            database,
            _pseudonyms(settings, database),
            keep_comments=settings.keep_comments,
            keep_days=settings.retention_days,
            clock=clock,
        )
        store.open()
        if not database.fleeting:
            store.keep_tidy()
        return store

    @property
    def on_failure(self) -> Callable[[str, BaseException], None]:
        """Hears of everything that could not be done: the operation, and why."""
        return self._database.on_failure

    @on_failure.setter
    def on_failure(self, listener: Callable[[str, BaseException], None]) -> None:
        self._database.on_failure = listener

    def open(self) -> None:
        """Bring the tables up to date; what fails is tried again later. Raises SettingsError."""
        self._database.open()

    def keep_tidy(self) -> None:
        """Purge now and then, by the retention."""
        self._tidying.start()

    def close(self) -> None:
        """Give back threads and connections."""
        self._closing.set()
        if self._tidying.is_alive():
            self._tidying.join(CLOSING_SECONDS)
        self._database.close()

    def wait(self, seconds: float) -> bool:
        """Wait for a store that is down; whether it is up."""
        return self._database.wait(seconds)

    # What is kept

    def record_shown(self, shown: Shown) -> bool:
        """Keep which cards were sent, without whom they are about; False if the store is down (CH-FB-16).

        Those of a caller in shadow mode were not sent, and are marked.
        """
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
                "shadow": shown.caller.shadow,
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
            connection.execute(insert_new(connection, shown_card), rows)
            if suggestions:
                connection.execute(insert_new(connection, shown_suggestion), suggestions)
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
                id_ = connection.scalar(insert_new(connection, feedback).returning(feedback.c.id), row)
                if id_ is None:
                    continue
                new += 1
                if accepted:
                    links = [{"feedback": id_, "suggestion": suggestion} for suggestion in accepted]
                    connection.execute(insert_new(connection, accepted_suggestion), links)
            return new

        return self._database.run("record_feedback", work, FEEDBACK_SECONDS, "durable")

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
            insert = insert_new(connection, used_token).returning(used_token.c.token)
            return connection.scalar(insert, row) is not None

        return self._tolerantly("first_use", work, otherwise=None)

    # What is asked

    def snoozes(self, caller: Caller, patient_id: str, since: datetime) -> tuple[Override, ...]:
        """The latest override of each rule and hook for a patient, if it is not older than `since`; oldest first.

        Empty if the store is down.
        """
        asked = {
            "patient_key": self._patient_key(caller, patient_id),
            "client": _storable(caller.client),
            "tenant": _storable(caller.tenant),
            "since": since,
        }
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
                for row in connection.execute(_OVERRIDES, asked)
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
        run = partial(self._database.run, "purge", seconds=FEEDBACK_SECONDS)
        return retention.purge(run, before or now - self._retention, now)

    def read(self, work: Callable[[Connection], _T]) -> _T:
        """Whatever a report asks of the tables. Raises StoreDownError, which costs nobody else anything."""
        return self._database.run("read", work, FEEDBACK_SECONDS, "read", telling=False)

    def write(self, operation: str, work: Callable[[Connection], _T]) -> _T:
        """Whatever else is kept (`cds_service.store.sealed`). Raises StoreDownError."""
        return self._database.run(operation, work, FEEDBACK_SECONDS)

    # How it is done

    def _patient_key(self, caller: Caller, patient_id: str) -> str:
        return self.pseudonyms.of("patient", caller.client, caller.tenant, patient_id)

    def _id(self, sent: str) -> str:
        """An id as it is kept: UUIDs in one spelling, all else as a keyed hash, since it may be anything (CH-FB-11)."""
        return canonical_uuid(sent) or f"hash:{self.pseudonyms.of('id', sent)}"

    def _tolerantly(
        self, operation: str, work: Callable[[Connection], _T], *, otherwise: _T, mode: Mode = "write"
    ) -> _T:
        try:
            return self._database.run(operation, work, CALL_SECONDS, mode)
        except StoreDownError:
            return otherwise

    def _keep_tidy(self) -> None:
        while True:
            with suppress(StoreDownError):  # that is told already, and it is tried again
                self.purge()
            if self._closing.wait(PURGE_EVERY.total_seconds()):
                return


def prepare(settings: Settings) -> None:
    """Bring the database of these settings up to date, for workers that come after.

    Raises SettingsError, or an error of SQLAlchemy.
    """
    database = Database(settings.database_name)
    try:
        database.prepare(_pseudonyms(settings, database).check)
    finally:
        database.close()


def _pseudonyms(settings: Settings, database: Database) -> Pseudonyms:
    if settings.hash_key:
        return keys.from_file(settings.hash_key)
    if database.file:
        return keys.from_own_file(database.file.with_name(f"{database.file.name}.key"))
    return keys.fleeting()


def _storable(text: str) -> str:
    """Text that any database takes: no lone surrogates, no NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "�")
