"""Stores on SQLite and on a real PostgreSQL server: what holds for one holds for the other."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cds_service.settings import Settings
from cds_service.store.store import Store
from tests.cds_service.store.postgres import Postgres, PostgresUnavailableError, running

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server. Where there is none: skipped, in CI failed."""
    try:
        with running() as server:
            yield server
    except PostgresUnavailableError as unavailable:
        if os.environ.get("CI"):
            pytest.fail(f"CI needs PostgreSQL: {unavailable}", pytrace=False)
        pytest.skip(f"no PostgreSQL: {unavailable}")


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings with a database of their own."""
    if request.param == "sqlite":
        return Settings(database=f"sqlite:///{tmp_path}/store.sqlite")
    key = tmp_path / "key"
    key.write_text("0123456789abcdef" * 4)
    return Settings(database=request.getfixturevalue("postgres").database(), hash_key=key)


@pytest.fixture
def open_store(settings: Settings, clock: Clock) -> Iterator[Callable[..., Store]]:
    """Stores on the one database, with these settings changed."""
    opened: list[Store] = []

    def make(**changes: Any) -> Store:
        opened.append(Store.of(msgspec.structs.replace(settings, **changes), clock))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[..., Store]) -> Store:
    return open_store()
