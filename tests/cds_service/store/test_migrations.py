"""The way of the tables: from nothing, from the first revision with data in it, and never backwards."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from cds_service.protocol.cards import new_uuid
from cds_service.settings import Settings
from cds_service.store import database as module
from cds_service.store import migrations
from cds_service.store.database import Database, DatabaseTooNewError
from cds_service.store.retention import counts
from cds_service.store.store import Store
from cds_service.store.tables import REVISION, VERSION_TABLE, metadata
from tests.cds_service.store.conftest import NOON
from tests.cds_service.store.test_store import CALLER, HOUR, PATIENT, card, override, shown

FOLDER = Path(migrations.__file__).parent
SECOND = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.add_column("shown_card", sa.Column("colour", sa.Text, nullable=False, server_default="none"))
"""


def test_the_migrations_make_the_tables_that_the_program_uses(store: Store) -> None:
    def differences(connection: Connection) -> Any:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "version_table": VERSION_TABLE})
        return compare_metadata(context, metadata)

    assert store.read(differences) == []


def test_the_newest_migration_is_the_revision_that_the_program_names() -> None:
    assert ScriptDirectory(str(FOLDER)).get_heads() == [REVISION]


def test_processes_that_start_at_once_make_the_tables_once(settings: Settings) -> None:
    code = (
        "import sys; from cds_service.store.database import Database; print(Database(sys.argv[1]).prepare() or 'none')"
    )
    command = [sys.executable, "-c", code, settings.database]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    for process in started:
        _, messages = process.communicate(timeout=60)
        assert process.returncode == 0, messages.decode()
    store = Store.of(settings)
    assert set(store.read(counts).values()) == {0}
    assert store.read(lambda connection: connection.scalar(text(f"SELECT count(*) FROM {VERSION_TABLE}"))) == 1
    store.close()


def test_data_of_the_first_revision_outlives_an_upgrade(
    open_store: Callable[..., Store], settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before, one = open_store(), card(suggestions=2)
    before.record_shown(shown(one))
    before.record_feedback("nam-patient-view", CALLER, [override(one.uuid)])
    before.first_use("https://ehr", "a", NOON + HOUR)
    held = before.read(counts)
    before.close()

    shutil.copytree(FOLDER, tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "migrations/versions/r0002_colours.py").write_text(SECOND)
    monkeypatch.setattr(module, "MIGRATIONS", str(tmp_path / "migrations"))
    monkeypatch.setattr(module, "REVISION", "0002")
    after = open_store()
    assert after.read(counts) == held
    assert after.read(lambda connection: connection.scalar(text("SELECT colour FROM shown_card"))) == "none"
    assert len(after.snoozes(CALLER, PATIENT, NOON - HOUR)) == 1
    assert after.first_use("https://ehr", "a", NOON + HOUR) is False
    assert after.record_feedback("nam-patient-view", CALLER, [override(one.uuid), override(new_uuid())]) == 1


def test_a_migration_that_fails_leaves_everything_as_it_was(
    open_store: Callable[..., Store], settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    open_store().record_shown(shown(card()))
    shutil.copytree(FOLDER, tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "migrations/versions/r0002_colours.py").write_text(f"{SECOND}    op.drop_table('nothing')\n")
    with monkeypatch.context() as patch:
        patch.setattr(module, "MIGRATIONS", str(tmp_path / "migrations"))
        patch.setattr(module, "REVISION", "0002")
        assert open_store().record_shown(shown(card())) is False
    store = open_store()
    assert store.read(counts)["shown_card"] == 1
    columns = store.read(
        lambda connection: {column["name"] for column in inspect(connection).get_columns("shown_card")}
    )
    assert "colour" not in columns


def test_a_database_of_a_newer_program_is_refused(open_store: Callable[..., Store], settings: Settings) -> None:
    database = Database(settings.database)
    database.prepare()
    database.run(lambda connection: connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '0999'")), 5)
    database.close()
    with pytest.raises(DatabaseTooNewError, match=f"revision 0999, and this program knows them up to {REVISION}"):
        open_store()
