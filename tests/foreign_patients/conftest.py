"""The foreign patients, generated once in a test run, the service, and at the end a table of what was left out."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.engine import Engine
from cds_service.settings import Settings
from fixtures import ANCHOR
from hooks.knowledge import load
from hooks.knowledge.model import Knowledge
from tests.foreign_patients.populations import Foreigner, populations
from tests.foreign_patients.readings import Count
from tests.foreign_patients.tables import table

_COUNTS = pytest.StashKey[dict[str, Count]]()


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> tuple[Foreigner, ...]:
    return populations(tmp_path_factory.mktemp("foreign_patients"))


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    return load()


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    made = Engine(Settings(log_level="error"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def client() -> Iterator[FlaskClient]:
    app = create_app(Settings(log_level="error", calls_per_minute=0), today=lambda: ANCHOR)
    yield app.test_client()
    app.extensions["cds_service"]["engine"].close()


@pytest.fixture(scope="session")
def told(pytestconfig: pytest.Config) -> dict[str, Count]:
    """What is put in here is shown when the tests have run."""
    return pytestconfig.stash.setdefault(_COUNTS, {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table that `python -m tests.foreign_patients` prints."""
    if counts := config.stash.get(_COUNTS, {}):
        terminalreporter.section("synthetic patients of others: entries left out")
        for line in table(counts):
            terminalreporter.write_line(line)
