"""The machine of somebody who follows the documentation: a service, a FHIR server, and a terminal."""

import re
import shlex
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from click.testing import CliRunner
from flask import Flask, request
from werkzeug.serving import make_server

import fixtures
from cds_service.app import create_app
from cds_service.cli import main, options, serve
from cds_service.cli.diff import DIFFERENT
from cds_service.demo.search import Resources
from cds_service.settings import Settings
from tests.docs.generated import ROOT

SERVICE = "http://127.0.0.1:8080"
FHIR_SERVERS = ("http://127.0.0.1:8090/fhir", "https://hapi.fhir.org/baseR4")
_MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = frozenset(re.findall(r"^\.PHONY: ([\w-]+)$", _MAKEFILE, re.MULTILINE))
"""What `make` can be asked for."""


class Machine:
    """Runs what the documents tell people to type. The day is the anchor of the fixtures.

    The addresses of the documents stand for servers on free ports. `serve` and `make run` set what the service is.
    """

    def __init__(self, service: str, fhir: str) -> None:
        self.service, self.fhir = service, fhir
        self.app = Flask("nothing")
        self.answer: Any = None
        self.started: list[Settings] = []
        self._runner = CliRunner()

    def start(self, settings: Settings) -> None:
        """What `nam-cds serve` ends in."""
        self.stop()
        self.started.append(settings)
        port = int(self.service.rpartition(":")[2])
        apart = {"log_level": "error", "audit_log": Path("audit.jsonl")}  # the terminal shows what commands print
        mine = msgspec.structs.replace(settings, port=port, public_url=self.service, **apart)
        self.app = create_app(mine, today=lambda: fixtures.ANCHOR)

    def stop(self) -> None:
        close(self.app)

    def run(self, command: str) -> str:
        """What the command prints. Raises AssertionError when it fails or is none that these documents should use."""
        command = command.replace("\\\n", " ").replace(SERVICE, self.service)
        for address in FHIR_SERVERS:
            command = command.replace(address, self.fhir)
        words = shlex.split(command)
        environment: dict[str, str] = {}
        while re.match(r"[A-Z_]+=", words[0]):
            name, _, environment[name] = words.pop(0).partition("=")
        match words:
            case ["nam-cds", *arguments]:
                return self._nam_cds(arguments, environment)
            case ["make", "run", *given]:
                arguments = shlex.split(" ".join(word.removeprefix("ARGS=") for word in given))
                assert "nam-cds serve --demo $(ARGS)" in _MAKEFILE
                return self._nam_cds(["serve", "--demo", *arguments], environment)
            case ["make", target]:
                assert target in TARGETS, f"make has no target {target}"
                return ""
            case [".", ".venv/bin/activate"]:
                assert "\nbin := .venv/bin\n" in _MAKEFILE
                return ""
            case ["tail", "-n", "1", name]:
                return Path(name).read_text(encoding="utf-8").splitlines()[-1]
            case ["curl", *arguments]:
                return self._curl(arguments)
        raise AssertionError(f"do not know how to run: {command}")

    def _nam_cds(self, arguments: list[str], environment: dict[str, str]) -> str:
        result = self._runner.invoke(main, arguments, env=environment, catch_exceptions=False)
        assert result.exit_code in ((0, DIFFERENT) if arguments[0] == "diff" else (0,)), result.output
        return result.output

    def _curl(self, arguments: list[str]) -> str:
        address, headers, body = "", [], None
        rest = iter(arguments)
        for word in rest:
            if word == "-H":
                name, _, value = next(rest).partition(": ")
                headers.append((name, value))
            elif word == "-d":
                body = next(rest)
            else:
                assert not address, f"do not know this of curl: {word}"
                address = word
        assert address.startswith(f"{self.service}/"), address
        response = self.app.test_client().open(
            address.removeprefix(self.service), method="GET" if body is None else "POST", headers=headers, data=body
        )
        self.answer = response.get_json()
        return response.text


def close(app: Flask) -> None:
    if "cds_service" in app.extensions:
        app.extensions["cds_service"]["engine"].close()


@contextmanager
def machine(monkeypatch: Any, home: Path) -> Iterator[Machine]:
    """A machine whose working folder is `home`, with the project's fixtures in it."""
    (home / "fixtures").symlink_to(ROOT / "fixtures")
    monkeypatch.chdir(home)
    running: list[Machine] = []

    def application(environ: Any, start_response: Any) -> Any:
        return running[0].app(environ, start_response)

    with _served(application) as service, _served(_fhir_server()) as fhir:
        running.append(Machine(service, f"{fhir}/fhir"))
        monkeypatch.setattr(serve, "_run", running[0].start)
        monkeypatch.setattr(serve, "_check_address", lambda settings: None)
        monkeypatch.setattr(options, "today", lambda: fixtures.ANCHOR)
        running[0].run("make run")
        yield running[0]
        running[0].stop()


@contextmanager
def _served(application: Callable[..., Any]) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def _fhir_server() -> Flask:
    """A FHIR server that takes transactions and then answers reads and searches, in place of HAPI."""
    app = Flask("fhir")
    held: list[dict[str, Any]] = []

    @app.get("/fhir/metadata")
    def metadata() -> dict[str, Any]:
        return {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}

    @app.post("/fhir")
    def transaction() -> dict[str, Any]:
        held.extend(entry["resource"] for entry in request.get_json()["entry"])
        return {"resourceType": "Bundle", "type": "transaction-response"}

    @app.get("/fhir/<type_>/<id_>")
    def read(type_: str, id_: str) -> tuple[dict[str, Any], int]:
        found = Resources(held).read(type_, id_)
        return (found, 200) if found else ({"resourceType": "OperationOutcome"}, 404)

    @app.get("/fhir/<type_>")
    @app.post("/fhir/<type_>/_search")
    def search(type_: str) -> dict[str, Any]:
        found = Resources(held).search(type_, dict(request.values.lists()))
        entries = [{"resource": resource} for resource in found]
        return {"resourceType": "Bundle", "type": "searchset", **({"entry": entries} if entries else {})}

    return app
