"""A database that is stopped, hangs, is locked or full: cards come, feedback is refused, and all is well afterwards."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, event, select, text

from cds_service.protocol.cards import new_uuid
from cds_service.settings import Settings
from cds_service.store import database, guarded
from cds_service.store import store as module
from cds_service.store.items import StoreDownError
from cds_service.store.store import Store
from cds_service.store.tables import feedback
from tests.cds_service.store.conftest import NOON
from tests.cds_service.store.postgres import Postgres
from tests.cds_service.store.test_store import CALLER, HOUR, PATIENT, card, override, shown
from tests.cds_service.support import complete, request

AMPLE = 60.0
"""Seconds within which anything that will happen has happened, also on a slow machine."""


class Patience:
    """How long the store waits."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self.set(AMPLE)

    def set(self, seconds: float) -> None:
        self._patch.setattr(module, "CALL_SECONDS", seconds)
        self._patch.setattr(module, "FEEDBACK_SECONDS", seconds)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> Patience:
    """A slow machine is no fault; what is down is tried again soon; and only what a test does can fail."""
    monkeypatch.setattr(Store, "keep_tidy", lambda store: None)
    monkeypatch.setattr(guarded, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(guarded, "LONGEST_PAUSE", 0.2)
    return Patience(monkeypatch)


class Site:
    """A service over HTTP, and what its store could not do."""

    def __init__(self, app: Flask) -> None:
        self._client = app.test_client()
        self.store: Store = app.extensions["cds_service"]["engine"].store
        self.failed: list[tuple[str, str]] = []
        told = self.store.on_failure

        def listen(operation: str, error: BaseException) -> None:
            self.failed.append((operation, type(error).__name__))
            told(operation, error)

        self.store.on_failure = listen

    def cards(self) -> int:
        answer = self._client.post("/cds-services/demo", json=request(complete()))
        assert answer.status_code == 200
        return len(answer.get_json()["cards"])

    def send(self) -> Any:
        members = {"card": new_uuid(), "outcome": "overridden", "outcomeTimestamp": "2026-11-22T09:30:00Z"}
        return self._client.post("/cds-services/demo/feedback", json={"feedback": [members]})

    def is_down(self) -> None:
        """Cards come, and everything else is refused in the right way."""
        assert self.cards() == 1
        refusal = self.send()
        assert refusal.status_code == 503
        assert int(refusal.headers["Retry-After"]) > 0
        assert refusal.headers["Cache-Control"] == "no-store"
        assert refusal.get_json()["issue"][0]["details"]["coding"][0]["code"] == "store-unavailable"
        assert self.store.first_use("https://ehr", "a", NOON + HOUR) is None
        assert self.store.snoozes(CALLER, PATIENT, NOON) == ()

    def recovers(self) -> None:
        """Without a restart, and without that a call had to find out."""
        assert self.store.wait(AMPLE)
        self.failed.clear()
        assert self.cards() == 1
        assert self.send().get_json() == {"kept": 1, "known": 0}
        assert self.failed == []


@pytest.fixture
def site(make_app: Callable[..., Flask], settings: Settings) -> Site:
    return Site(make_app(database=settings.database, hash_key=settings.hash_key))


@pytest.fixture
def server(postgres: Postgres) -> Iterator[Postgres]:
    """The server, which runs again afterwards."""
    yield postgres
    if postgres.runs:
        postgres.thaw()
    else:
        postgres.start()


@pytest.fixture
def on_postgres(make_app: Callable[..., Flask], server: Postgres, tmp_path: Path) -> Site:
    return Site(make_app(database=server.database(), hash_key=key(tmp_path)))


@pytest.fixture
def on_sqlite(make_app: Callable[..., Flask], tmp_path: Path) -> Site:
    return Site(make_app(database=f"sqlite:///{tmp_path}/store.sqlite"))


def key(folder: Path) -> Path:
    path = folder / "key"
    path.write_text("0123456789abcdef" * 2)
    return path


def test_a_server_that_is_stopped_and_started(on_postgres: Site, server: Postgres) -> None:
    assert on_postgres.send().status_code == 200
    server.stop()
    on_postgres.is_down()
    on_postgres.is_down()
    server.start()
    on_postgres.recovers()


def test_a_server_that_was_restarted_unnoticed_costs_nothing(on_postgres: Site, server: Postgres) -> None:
    assert on_postgres.send().status_code == 200
    server.stop()
    server.start()
    assert on_postgres.cards() == 1
    assert on_postgres.send().status_code == 200
    assert on_postgres.failed == []


def test_a_server_that_hangs_is_waited_for_once(on_postgres: Site, server: Postgres, patience: Patience) -> None:
    assert on_postgres.send().status_code == 200
    server.freeze()
    patience.set(0.3)
    assert on_postgres.cards() == 1
    assert on_postgres.failed[0] == ("record_shown", "OperationalError")
    on_postgres.is_down()
    waited = [operation for operation, error in on_postgres.failed if error != "StoreDownError"]
    assert set(waited) <= {"record_shown", "recover", "purge"}
    assert waited.count("record_shown") == 1
    server.thaw()
    patience.set(AMPLE)
    on_postgres.recovers()


def test_a_service_that_starts_without_its_server(
    make_app: Callable[..., Flask], server: Postgres, tmp_path: Path
) -> None:
    url = server.database()
    server.stop()
    site = Site(make_app(database=url, hash_key=key(tmp_path)))
    site.is_down()
    server.start()
    site.recovers()


def test_a_table_that_somebody_locks_is_waited_for_once(
    on_postgres: Site, patience: Patience, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = database.Database(on_postgres.store._database._database._engine.url.render_as_string(hide_password=False))
    monkeypatch.setattr(guarded, "FIRST_PAUSE", 5.0)
    on_postgres.store._database._pause = 5.0
    with held._engine.connect() as connection:
        connection.exec_driver_sql("LOCK TABLE shown_card")
        patience.set(0.3)
        assert on_postgres.cards() == 1
        assert on_postgres.cards() == 1
        connection.rollback()
    held.close()
    assert on_postgres.failed == [("record_shown", "OperationalError"), ("record_shown", "StoreDownError")]


def test_a_file_that_somebody_locks(on_sqlite: Site, patience: Patience, tmp_path: Path) -> None:
    assert on_sqlite.send().status_code == 200
    other = sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    patience.set(0.3)
    assert on_sqlite.cards() == 1
    assert ("record_shown", "OperationalError") in on_sqlite.failed
    assert on_sqlite.send().status_code == 503
    other.execute("ROLLBACK")
    other.close()
    patience.set(AMPLE)
    on_sqlite.recovers()


def test_a_full_disk(on_sqlite: Site) -> None:
    engine = on_sqlite.store._database._database._engine
    room = [1]
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={room[0]}"))
    acknowledged = 0
    for _ in range(10_000):
        if on_sqlite.send().status_code != 200:
            break
        acknowledged += 1
    assert ("record_feedback", "OperationalError") in on_sqlite.failed
    assert on_sqlite.cards() == 1
    room[0] = 1_000_000
    assert on_sqlite.store.wait(AMPLE)
    while on_sqlite.send().status_code != 200:
        assert on_sqlite.store.wait(AMPLE)
    on_sqlite.recovers()
    kept = on_sqlite.store.read(lambda connection: len(connection.execute(select(feedback.c.id)).all()))
    assert kept == acknowledged + 2


def test_a_file_that_is_deleted_is_made_anew(on_sqlite: Site, tmp_path: Path) -> None:
    assert on_sqlite.send().status_code == 200
    for name in ("store.sqlite", "store.sqlite-wal", "store.sqlite-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    on_sqlite.store._database._database._engine.dispose()
    assert on_sqlite.cards() == 1
    assert on_sqlite.failed
    on_sqlite.recovers()


def test_a_row_that_no_table_takes_does_not_end_the_store(site: Site) -> None:
    assert site.store.first_use("https://ehr", "a", None) is None  # type: ignore[arg-type]
    assert site.failed == [("first_use", "IntegrityError")]
    assert site.store.first_use("https://ehr", "a", NOON + HOUR) is True


def test_a_store_that_is_closed_refuses_everything(store: Store) -> None:
    store.close()
    assert store.record_shown(shown(card())) is False
    with pytest.raises(StoreDownError):
        store.record_feedback("s", CALLER, [override(new_uuid())])


def test_a_report_that_fails_costs_nobody_else_anything(store: Store) -> None:
    def too_much(connection: Connection) -> None:
        connection.execute(text("SELECT nothing FROM nowhere"))

    with pytest.raises(StoreDownError):
        store.read(too_much)
    assert store.record_shown(shown(card()))
