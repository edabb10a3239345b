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
from cds_service.store.database import Database, DatabaseTooNewError, WrongKeyError
from cds_service.store.retention import counts
from cds_service.store.store import Store
from cds_service.store.tables import REVISION, VERSION_TABLE, metadata
from tests.cds_service.store.conftest import NOON
from tests.cds_service.store.test_store import CALLER, HOUR, PATIENT, card, override, shown

FOLDER = Path(migrations.__file__).parent
NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade():
    op.add_column("shown_card", sa.Column("colour", sa.Text, nullable=False, server_default="none"))
"""


def only(patch: pytest.MonkeyPatch, folder: Path, newest: str, *, more: str = "") -> None:
    """A program that knows the migrations up to this one. `more`: the text of a migration that is not ours."""
    shutil.copytree(FOLDER, folder / newest, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (folder / newest / "versions").glob("r*.py"):
        if file.name[1:5] > newest:
            file.unlink()
    if more:
        (folder / newest / "versions" / f"r{newest}_more.py").write_text(more)
    patch.setattr(module, "MIGRATIONS", str(folder / newest))
    patch.setattr(module, "REVISION", newest)


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


def test_data_of_the_first_revision_outlives_all_upgrades(
    settings: Settings, open_store: Callable[..., Store], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patch:
        only(patch, tmp_path, "0001")
        first = Database(settings.database)
        first.prepare()
    one = card(suggestions=2)
    suggestion, time = one.suggestions[0].uuid, NOON.isoformat()
    rows = (
        f"shown_card VALUES ('{one.uuid}', 's', 'h', 'c', 't', 'r', 'info', 'v', 'p', '', '{time}')",
        f"shown_suggestion VALUES ('{suggestion}', '{one.uuid}', 0)",
        f"feedback VALUES (7, 's', 'c', 't', '{one.uuid}', 'accepted', '{time}', '{time}', '', '', false, '', '')",
        f"accepted_suggestion VALUES (7, '{suggestion}')",
        f"used_token VALUES ('https://ehr', 'a', '{time}')",
    )
    for row in rows:
        first.run(lambda connection, row=row: connection.execute(text(f"INSERT INTO {row}")), 5)  # type: ignore[misc]
    assert first.revision() == "0001"
    first.close()
    assert set(open_store(retention_days=36500).read(counts).values()) == {1}


def test_a_migration_that_fails_leaves_everything_as_it_was(
    open_store: Callable[..., Store], settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    open_store().record_shown(shown(card()))
    with monkeypatch.context() as patch:
        only(patch, tmp_path, "0005", more=f"{NEXT}    op.drop_table('nothing')\n")
        assert open_store().record_shown(shown(card())) is False
    store = open_store()
    assert store.read(counts)["shown_card"] == 1
    columns = store.read(
        lambda connection: {column["name"] for column in inspect(connection).get_columns("shown_card")}
    )
    assert "colour" not in columns


def test_an_upgrade_keeps_what_is_there(
    open_store: Callable[..., Store], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before, one = open_store(), card(suggestions=2)
    before.record_shown(shown(one))
    before.record_feedback("nam-patient-view", CALLER, [override(one.uuid)])
    before.first_use("https://ehr", "a", NOON + HOUR)
    held = before.read(counts)
    before.close()
    only(monkeypatch, tmp_path, "0005", more=NEXT)
    after = open_store()
    assert after.read(counts) == held
    assert after.read(lambda connection: connection.scalar(text("SELECT colour FROM shown_card"))) == "none"
    assert len(after.snoozes(CALLER, PATIENT, NOON - HOUR)) == 1
    assert after.first_use("https://ehr", "a", NOON + HOUR) is False
    assert after.record_feedback("nam-patient-view", CALLER, [override(one.uuid), override(new_uuid())]) == 1


def test_a_database_of_a_newer_program_is_refused(open_store: Callable[..., Store], settings: Settings) -> None:
    database = Database(settings.database)
    database.prepare()
    database.run(lambda connection: connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '0999'")), 5)
    database.close()
    with pytest.raises(DatabaseTooNewError, match=f"revision 0999, and this program knows them up to {REVISION}"):
        open_store()


def test_another_key_than_before_is_refused(open_store: Callable[..., Store], tmp_path: Path) -> None:
    open_store().close()
    other = tmp_path / "other"
    other.write_text("fedcba9876543210" * 2)
    with pytest.raises(WrongKeyError, match="hashed with another key"):
        open_store(hash_key=other)
    assert open_store().record_shown(shown(card()))
