"""A demonstration on a free port of this machine, and a way to run commands."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result
from werkzeug.serving import make_server

import fixtures
from cds_service.app import create_app
from cds_service.cli import main, serve
from cds_service.settings import Settings


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run `nam-cds` with these arguments."""
    runner = CliRunner()

    def invoke(*arguments: str, **options: Any) -> Result:
        return runner.invoke(main, arguments, catch_exceptions=False, **options)

    return invoke


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings that the server would have been started with."""
    started: list[Settings] = []
    monkeypatch.setattr(serve, "_run", started.append)
    monkeypatch.setattr(serve, "_check_address", lambda settings: None)
    return started


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a demonstration, on the day of the fixtures. Its log is apart from what commands print."""
    applications: list[Any] = []

    def application(environ: Any, start_response: Any) -> Any:
        return applications[0](environ, start_response)

    http = make_server("127.0.0.1", 0, application, threaded=True)
    address = f"http://127.0.0.1:{http.port}"
    audit = tmp_path_factory.mktemp("server") / "audit.jsonl"
    settings = Settings(demo=True, port=http.port, public_url=address, log_level="error", audit_log=audit)
    applications.append(create_app(settings, today=lambda: fixtures.ANCHOR))
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield address
    http.shutdown()
    thread.join()
    http.server_close()
    applications[0].extensions["cds_service"]["engine"].close()
