import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hooks.knowledge import Knowledge, load
from hooks.knowledge.loading import DATA

Edit = Callable[[str, str, str], Path]


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    return load()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A copy of the shipped files, to be spoiled."""
    target = tmp_path / "data"
    shutil.copytree(DATA, target, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return target


@pytest.fixture
def edit(data: Path) -> Edit:
    """Replace a text, which must stand there, once in one file of the copy; gives the copy."""

    def replace(name: str, old: str, new: str) -> Path:
        path = data / name
        content = path.read_text(encoding="utf-8")
        assert old in content, f"{old!r} is not in {name}"
        path.write_text(content.replace(old, new, 1), encoding="utf-8")
        return data

    return replace


@pytest.fixture
def overlay(tmp_path: Path) -> Callable[[str], Path]:
    """A site's file with the given content."""

    def write(content: str) -> Path:
        path = tmp_path / "site.yaml"
        path.write_text(content, encoding="utf-8")
        return path

    return write
