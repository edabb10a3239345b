"""docker-compose.yml: well-formed, and what it relies on holds."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from cds_service.cli import main
from cds_service.settings import Settings

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    composed: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]
    return composed


def test_the_file_follows_the_compose_specification() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_images_are_pinned(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        assert re.search(r":v?\d+\.\d+\.\d+(-\d+)?$", service["image"])


def test_ports_are_published_on_loopback_only(services: dict[str, dict[str, Any]]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_settings_are_accepted_and_name_the_sandbox(services: dict[str, dict[str, Any]]) -> None:
    (server,) = Settings.from_environment(services["nam-cds"]["environment"]).fhir_servers
    assert server.base == services["fhir-ready"]["environment"]["FHIR_SERVER"]
    assert server.open


def test_feedback_outlives_the_container(services: dict[str, dict[str, Any]]) -> None:
    (volume,) = services["nam-cds"]["volumes"]
    name, _, place = volume.partition(":")
    assert name in yaml.safe_load(FILE.read_text())["volumes"]
    assert f"VOLUME {place}\n" in (ROOT / "Dockerfile").read_text()
    assert f"WORKDIR {place}\n" in (ROOT / "Dockerfile").read_text()


def test_the_sandbox_is_seeded_once_it_answers(services: dict[str, dict[str, Any]]) -> None:
    assert services["seed"]["depends_on"] == {"fhir-ready": {"condition": "service_completed_successfully"}}
    assert services["seed"]["command"][-1] == services["fhir-ready"]["environment"]["FHIR_SERVER"]


def test_what_is_run_is_a_command_of_ours(services: dict[str, dict[str, Any]]) -> None:
    command = services["seed"]["command"][0]
    shown = CliRunner().invoke(main, [command, "--help"])
    assert shown.exit_code == 0, shown.output


@pytest.fixture
def slow_to_start() -> Iterator[tuple[str, list[str]]]:
    """A server that answers 503 twice, then 200: its address, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200 if len(asked) > 2 else 503)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/fhir", asked
        server.shutdown()
        thread.join()


def wait_for(services: dict[str, dict[str, Any]], address: str, seconds: int) -> "subprocess.CompletedProcess[str]":
    python, *arguments = services["fhir-ready"]["entrypoint"]
    assert python == "python"
    environment = {"FHIR_SERVER": address, "WAIT_SECONDS": str(seconds)}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.slow
def test_the_wait_ends_when_the_server_answers(
    services: dict[str, dict[str, Any]], slow_to_start: tuple[str, list[str]]
) -> None:
    address, asked = slow_to_start
    done = wait_for(services, address, 30)
    assert done.returncode == 0, done.stderr
    assert asked == ["/fhir/metadata"] * 3


def test_the_wait_fails_when_no_server_answers(services: dict[str, dict[str, Any]]) -> None:
    done = wait_for(services, "http://127.0.0.1:9", 0)
    assert done.returncode == 1
    assert "http://127.0.0.1:9/metadata does not answer" in done.stderr
