"""`nam-cds database`, and what `serve` says of a database that is no good."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from click.testing import Result

from cds_service.protocol.feedback import FeedbackItem
from cds_service.security.callers import Caller
from cds_service.settings import Settings
from cds_service.store.store import Store
from cds_service.store.tables import REVISION, VERSION_TABLE

Run = Callable[..., Result]
OLD, NEW = datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC)


def as_it_is(day: datetime) -> datetime:
    return day


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database that holds an old and a new event."""
    url = f"sqlite:///{tmp_path}/feedback.sqlite"
    for day in (OLD, NEW):
        store = Store.of(Settings(database=url, retention_days=36500), partial(as_it_is, day))
        store.record_feedback("s", Caller(), [FeedbackItem(card="a", outcome="overridden", outcome_at=day)])
        store.close()
    return url


def test_status_tells_the_revision_and_the_rows_and_changes_nothing(run: Run, url: str, tmp_path: Path) -> None:
    result = run("database", "status", "--database", url)
    assert f"{url}: revision {REVISION}; this program works with {REVISION}" in result.output
    assert ["feedback", "2"] in [line.strip("│ ").replace("│", "").split() for line in result.output.splitlines()]
    missing = run("database", "status", "--database", f"sqlite:///{tmp_path}/none.sqlite")
    assert missing.exit_code == 1
    assert "there is no such file" in missing.stderr
    assert not (tmp_path / "none.sqlite").exists()


def test_upgrade_makes_the_tables_once(run: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.sqlite"
    assert f"revision none → {REVISION}" in run("database", "upgrade", env={"NAM_CDS_DATABASE": url}).output
    assert f"revision {REVISION} → {REVISION}" in run("database", "upgrade", "--database", url).output
    assert (tmp_path / "new.sqlite").stat().st_mode & 0o777 == 0o600


def test_purge_deletes_what_is_older(run: Run, url: str) -> None:
    assert "0 of feedback" in run("database", "purge", "--database", url, "--before", "2020-01-01").output
    assert "1 of feedback" in run("database", "purge", "--database", url, "--before", "2020-01-02").output
    assert "1 of feedback" in run("database", "purge", "--database", url, "--before", "2026-11-23").output


def test_purge_goes_by_the_retention(run: Run, url: str) -> None:
    environment = {"NAM_CDS_DATABASE": url, "NAM_CDS_RETENTION_DAYS": "36500"}
    assert "0 of feedback" in run("database", "purge", env=environment).output
    assert "1 of feedback" in run("database", "purge", env=environment | {"NAM_CDS_RETENTION_DAYS": "1500"}).output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--database", "oracle://x"], "NAM_CDS_DATABASE: the value cannot be used"),
        (["--database", "postgresql://nam:hidden@127.0.0.1:1/nam"], "NAM_CDS_HASH_KEY: PostgreSQL needs it"),
    ],
)
def test_a_wrong_setting_is_told(run: Run, arguments: list[str], said: str) -> None:
    for command in ("status", "upgrade", "purge"):
        result = run("database", command, *arguments)
        assert result.exit_code == 1
        assert said in result.stderr
        assert "hidden" not in result.output


def test_a_server_that_is_not_there_is_told_without_the_password(run: Run, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("0123456789abcdef" * 2)
    environment = {"NAM_CDS_HASH_KEY": str(tmp_path / "key")}
    for command in ("status", "upgrade", "purge"):
        result = run("database", command, "--database", "postgresql://nam:hidden@127.0.0.1:1/nam", env=environment)
        assert result.exit_code == 1
        assert "127.0.0.1:1/nam cannot be used: connection failed" in result.stderr
        assert "hidden" not in result.output


def test_serve_refuses_a_database_of_a_newer_program(run: Run, served: list[Settings], url: str) -> None:
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '0999'")
    connection.close()
    result = run("serve", "--database", url)
    assert result.exit_code == 1
    assert "its tables are of revision 0999" in result.stderr
    assert served == []


def test_serve_refuses_a_file_that_cannot_be_written(run: Run, served: list[Settings], tmp_path: Path) -> None:
    result = run("serve", "--database", f"sqlite:///{tmp_path}/none/feedback.sqlite")
    assert result.exit_code == 1
    assert "cannot be written: No such file or directory" in result.stderr
    assert served == []


def test_serve_refuses_another_key(run: Run, served: list[Settings], url: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("0123456789abcdef" * 2)
    result = run("serve", "--database", url, "--hash-key", str(tmp_path / "key"))
    assert result.exit_code == 1
    assert "hashed with another key" in result.stderr
    assert served == []


def test_serve_starts_without_a_database_that_is_down(run: Run, served: list[Settings], tmp_path: Path) -> None:
    (tmp_path / "key").write_text("0123456789abcdef" * 2)
    url = "postgresql://nam:hidden@127.0.0.1:1/nam"
    result = run("serve", "--database", url, "--hash-key", str(tmp_path / "key"))
    assert "the database cannot be used: connection failed" in result.stderr
    assert "feedback is refused" in result.stderr
    assert "hidden" not in result.output
    assert len(served) == 1
