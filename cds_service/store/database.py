"""Connections: SQLite and PostgreSQL brought to the same behaviour, every wait bounded, and the tables up to date."""

import os
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, TypeVar

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Insert,
    QueuePool,
    Table,
    column,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
    table,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from cds_service.errors import SettingsError
from cds_service.store.tables import REVISION, VERSION_TABLE, key_check

T = TypeVar("T")
Mode = Literal["read", "write", "durable"]
"""durable: what was written is on the disk; otherwise it outlives the process, but perhaps not a power failure."""
MEMORY = "memory"
CONNECT_SECONDS = 2
"""The least that PostgreSQL's client library takes for a limit."""
MIGRATION_SECONDS = 60.0
MIGRATIONS = "cds_service.store:migrations"
_MIGRATION_LOCK = 0x6E616D2D636473
"""The number of PostgreSQL's advisory lock."""
_MIGRATING = threading.Lock()
"""Alembic is made for one migration at a time in a process."""


class DatabaseTooNewError(SettingsError):
    """The database was upgraded by a newer version of this program."""


class WrongKeyError(SettingsError):
    """The ids in the database were hashed with another key."""


class StaleConnectionError(Exception):
    """The connection was lost before anything was done on it."""


class Database:
    """One database. Thread-safe. `name` is the setting: `memory`, or a URL. Raises SettingsError."""

    def __init__(self, name: str, connections: int = 4) -> None:
        url = _url(name)
        self._sqlite = url.get_backend_name() == "sqlite"
        self.address = url.render_as_string(hide_password=True)
        self.fleeting = name == MEMORY
        self.file = Path(url.database) if self._sqlite and url.database else None
        # In memory there is one connection, and whoever wants it waits for it: another one would be another database.
        self._engine: Engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=1 if self.fleeting else connections,
            max_overflow=0,
            pool_timeout=1,
            connect_args=_SQLITE_ARGUMENTS if self._sqlite else _POSTGRESQL_ARGUMENTS,
        )
        if self._sqlite:
            event.listen(self._engine, "connect", _sqlite_connected)
            event.listen(self._engine, "begin", _sqlite_begins)

    def close(self) -> None:
        """Give back the connections."""
        self._engine.dispose()

    def run(self, work: Callable[[Connection], T], seconds: float, mode: Mode = "write") -> T:
        """What `work` returns, once it is committed; an error of SQLAlchemy if that cannot be done in this time.

        A stale connection, as after a restart of the server, is replaced, and the work done again.
        """
        try:
            return self._once(work, seconds, mode)
        except StaleConnectionError:
            return self._once(work, seconds, mode)

    def _once(self, work: Callable[[Connection], T], seconds: float, mode: Mode) -> T:
        options: dict[str, Any] = {"patience": seconds, "mode": mode}
        with self._engine.connect().execution_options(**options) as connection, _Limit(connection, seconds) as limit:
            try:
                result = work(connection)
            except DBAPIError as error:
                if error.connection_invalidated and not limit.reached:
                    raise StaleConnectionError from error
                raise
            connection.commit()
            return result

    def revision(self) -> str:
        """The revision of the tables; empty if there are none."""
        return self.run(_revision, CONNECT_SECONDS, "read")

    def prepare(self, check: str = "") -> str:
        """Bring the tables to this program's revision; which they were of. Processes that start at once wait for each
        other.

        `check`: what must be there, or is put there, to tell keys apart. Raises SettingsError (DatabaseTooNewError,
        WrongKeyError, or a file that cannot be written), or an error of the database.
        """
        if self.file:
            _make_private(self.file)
            self._write_ahead()
        revision = self.revision()
        if revision > REVISION:
            raise DatabaseTooNewError(
                f"{self.address}: its tables are of revision {revision}, and this program knows them up to {REVISION}. "
                "Use the newer program, or a backup from before its upgrade."
            )
        if revision < REVISION:
            with _MIGRATING:
                self.run(_migrate, MIGRATION_SECONDS, "durable")
        if check and self.run(partial(_checked, check), MIGRATION_SECONDS, "durable") != check:
            raise WrongKeyError(
                f"{self.address}: its ids were hashed with another key. Use that one: under a new key no patient "
                "and no token would be known again."
            )
        return revision

    def _write_ahead(self) -> None:
        """SQLite's write-ahead log, so that readers and the writer do not wait for each other; the file remembers it.

        Changing to it needs the file for itself, and SQLite does not wait for that.
        """
        with closing(self._engine.raw_connection()) as connection:
            for attempt in range(_WAL_ATTEMPTS, 0, -1):
                try:
                    connection.cursor().execute("PRAGMA journal_mode=WAL")
                    return
                except sqlite3.OperationalError:
                    if attempt == 1:
                        raise
                    time.sleep(0.02)


_WAL_ATTEMPTS = 100
"""Over two seconds."""
_SQLITE_ARGUMENTS: dict[str, Any] = {"check_same_thread": False, "timeout": 1.0}
_POSTGRESQL_ARGUMENTS: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "application_name": "nam-cds",
    "keepalives_idle": 60,  # firewalls forget connections that are silent
    "prepare_threshold": None,  # connection poolers give each transaction another session
}


def _url(name: str) -> URL:
    if name == MEMORY:
        return make_url("sqlite://")
    try:
        url = make_url(name)
    except ArgumentError:
        raise SettingsError("the database is no URL") from None
    if url.get_backend_name() in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    return url


def _make_private(file: Path) -> None:
    """The file is its owner's alone, and so are the journals, which take after it."""
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise SettingsError(f"{file}: the database cannot be written: {error.strerror}") from None


def _sqlite_connected(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where SQLAlchemy says, not where the driver guesses
    connection.execute("PRAGMA foreign_keys=ON")


def _sqlite_begins(connection: Connection) -> None:
    """Who will write waits for the one who writes now; asked for later, the right to write could only be refused."""
    options = connection.get_execution_options()
    connection.exec_driver_sql(f"PRAGMA busy_timeout={int(options['patience'] * 1000)}")
    connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if options['mode'] == 'durable' else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN" if options["mode"] == "read" else "BEGIN IMMEDIATE")


def cause(error: SQLAlchemyError) -> str:
    """What the database says, in a line; for the operator's own terminal, as it may hold values."""
    said = error.orig if isinstance(error, DBAPIError) else error
    return str(said).partition("\n")[0]


class _Limit:
    """Cuts a connection to PostgreSQL that is still busy after some seconds: nothing else ends the wait for a server
    that hangs. SQLite has a limit of its own.
    """

    def __init__(self, connection: Connection, seconds: float) -> None:
        self.reached = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        if connection.dialect.name == "postgresql":
            driver: Any = connection.connection.driver_connection
            self._socket = socket.fromfd(driver.fileno(), socket.AF_INET, socket.SOCK_STREAM)

    def __enter__(self) -> "_Limit":
        if self._socket:
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            if self._socket:
                self._socket.close()
                self._socket = None

    def _cut(self) -> None:
        with self._lock:
            if self._socket:
                self.reached = True
                self._socket.shutdown(socket.SHUT_RDWR)


def _revision(connection: Connection) -> str:
    if not inspect(connection).has_table(VERSION_TABLE):
        return ""
    versions = table(VERSION_TABLE, column("version_num"))
    return str(connection.scalar(select(versions.c.version_num)) or "")


def _checked(mine: str, connection: Connection) -> str:
    connection.execute(insert_new(connection, key_check), {"id": 1, "pseudonym": mine})
    return str(connection.scalar(select(key_check.c.pseudonym)))


def insert_new(connection: Connection, table: Table) -> Insert:
    """An insert that passes over what is there already."""
    # Of the dialects only the one in use is loaded: it counts among what a worker needs before it is ready.
    dialect = import_module(f"sqlalchemy.dialects.{connection.dialect.name}")
    insert: Insert = dialect.insert(table).on_conflict_do_nothing()
    return insert


def _migrate(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - half a second and ten megabytes, and needed once
    from alembic.config import Config  # noqa: PLC0415

    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
