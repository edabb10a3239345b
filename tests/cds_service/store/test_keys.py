"""The key under which ids are hashed, and who can read what is kept."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cds_service.errors import SettingsError
from cds_service.settings import Settings
from cds_service.store import pseudonyms
from cds_service.store.pseudonyms import Pseudonyms, from_file, from_own_file
from cds_service.store.store import Store
from tests.cds_service.store.conftest import NOON

KEY = Pseudonyms(b"k" * 32)


def test_a_pseudonym_depends_on_the_key_the_kind_and_each_part() -> None:
    one = KEY.of("patient", "north", "", "42")
    assert one == KEY.of("patient", "north", "", "42")
    others = [
        KEY.of("id", "north", "", "42"),
        KEY.of("patient", "north", "4", "2"),
        KEY.of("patient", "nort", "h", "42"),
        KEY.of("patient", "north", "", "43"),
        Pseudonyms(b"l" * 32).of("patient", "north", "", "42"),
    ]
    assert len({one, *others}) == 1 + len(others)
    assert "k" not in repr(KEY).replace("Pseudonyms", "")


def test_a_key_is_made_once_whole_and_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.key"
    with monkeypatch.context() as patch, ThreadPoolExecutor(8) as threads:
        patch.setattr(Path, "exists", lambda path: False)  # all of them find that there is none
        made = list(threads.map(lambda _: from_own_file(path).of("a", "b"), range(8)))
    assert set(made) == {from_file(path).of("a", "b")}
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["store.key"]


def test_the_database_file_and_its_journals_are_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = Store.of(Settings(database=f"sqlite:///{tmp_path}/store.sqlite"))
        assert store.first_use("i", "j", NOON) is True
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
        store.close()
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}
    assert {"store.sqlite", "store.sqlite.key", "store.sqlite-wal"} <= modes.keys()


@pytest.mark.parametrize("content", [b"", b"short", b" " * 40])
def test_a_key_that_is_too_short_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(SettingsError, match="at least 32 bytes"):
        from_file(tmp_path / "key")


def test_what_cannot_be_read_or_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        from_file(tmp_path / "none")
    with pytest.raises(SettingsError, match="cannot be written"):
        from_own_file(tmp_path / "none" / "key")
    with pytest.raises(SettingsError, match="cannot be written"):
        Store.of(Settings(database=f"sqlite:///{tmp_path}/none/store.sqlite", hash_key=key_file(tmp_path)))


def key_file(folder: Path) -> Path:
    path = folder / "good"
    path.write_bytes(b"0123456789abcdef" * 2)
    return path


def test_in_memory_the_key_ends_with_the_process() -> None:
    assert pseudonyms.fleeting().of("a") != pseudonyms.fleeting().of("a")
