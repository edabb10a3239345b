"""The console: of a demonstration, of a site that has it on, and of one that has not."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

import fixtures
from cds_service.app import create_app
from cds_service.console.users import line
from cds_service.settings import Settings

NAME, PASSWORD = "ada", "correct horse battery"
SAME_SITE = {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8080"}


@pytest.fixture(scope="session")
def users_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("console") / "users"
    path.touch(0o600)
    path.write_text(f"# who may\n\n{line(NAME, PASSWORD)}\n")
    return path


@pytest.fixture(scope="module")
def make_app() -> Iterator[Callable[..., Flask]]:
    made: list[Flask] = []

    def make(**settings: Any) -> Flask:
        made.append(
            create_app(
                Settings(**({"log_level": "error", "database": "memory"} | settings)), today=lambda: fixtures.ANCHOR
            )
        )
        return made[-1]

    yield make
    for app in made:
        app.extensions["cds_service"]["engine"].close()
