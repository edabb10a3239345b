"""Every code block of the README and of docs/ is executed or checked, in the order in which it is read."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from cds_service.security.clients import read_clients
from hooks.knowledge import load
from tests.docs.generated import ROOT, documents
from tests.docs.machine import SERVICE, Machine, close, machine
from tests.docs.reading import Block, blocks, commands

NOT_EXECUTED = {("docs/architecture.md", "a drawing")}
"""(document, reason): all that is marked `<!-- not executed: reason -->`."""


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Machine]:
    """The machine of one who has typed `make run`."""
    with machine(monkeypatch, tmp_path) as made:
        yield made


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_every_example_does_what_the_document_says(reader: Machine, document: Path) -> None:
    for block in blocks(document):
        try:
            follow(reader, block)
        except Exception as error:
            error.add_note(f"in the example at {block.place}")
            raise


def test_only_what_cannot_be_executed_is_left_out() -> None:
    found = {(block.document, block.note) for document in documents() for block in blocks(document)}
    marked = {(name, note.partition(": ")[2]) for name, note in found if note.startswith("not executed")}
    assert marked == NOT_EXECUTED


def test_the_readme_shows_a_call_and_its_answer() -> None:
    answers = [block for block in blocks(ROOT / "README.md") if block.note == "answer"]
    assert len(answers) == 1
    assert "StatinExposure" in answers[0].text


def test_an_answer_that_differs_from_the_document_is_found() -> None:
    actual = {"cards": [{"summary": "Stop atorvastatin", "uuid": "1"}, {"summary": "Order CK"}]}
    assert holds({"cards": [{"summary": "Stop …"}]}, actual)
    assert not holds({"cards": [{"summary": "Stop simvastatin"}]}, actual)
    assert not holds({"cards": [{"indicator": "critical"}]}, actual)
    assert not holds({"cards": [{}, {}, {}]}, actual)
    assert not holds({"cards": {}}, actual)


def test_an_unknown_command_or_target_is_found(reader: Machine) -> None:
    for command in ("make coffee", "rm -rf x", "nam-cds brew", "nam-cds call http://127.0.0.1:8080"):
        with pytest.raises(AssertionError):
            reader.run(command)


def follow(reader: Machine, block: Block) -> None:
    """Do what a block says, or check it."""
    if block.note.startswith("not executed: "):
        return
    match block.language, block.note.partition(": "):
        case "console", _:
            for command in commands(block):
                printed = reader.run(command.text)
                assert matches(command.shown, printed), f"{command.text}\nprinted\n{printed}"
        case "json", ("answer", _, _):
            shown = json.loads(block.text)
            assert holds(shown, reader.answer), json.dumps(reader.answer, indent=1, ensure_ascii=False)
        case "yaml", ("file", _, name):
            Path(name).write_text(block.text, encoding="utf-8")
            assert len(load(Path(name)).overlay) > 0
        case "yaml", ("clients", _, name):
            Path(name).write_text(block.text, encoding="utf-8")
            assert read_clients(Path(name)).all
        case "python", _:
            names: dict[str, Any] = {"__name__": "example"}
            exec(compile(block.text, block.place, "exec"), names)  # an example of the documentation
            if isinstance(names.get("app"), Flask):
                call_all_services(names["app"])
        case "text", ("paths", _, _):
            for line in block.text.splitlines():
                assert (ROOT / line.split()[0]).is_dir(), line
        case "text", ("sandbox", _, _):
            open_sandbox(reader, block.text.strip())
        case _:
            raise AssertionError(f"a block ({block.language or 'no language'}) that nothing checks")


def matches(shown: str, printed: str) -> bool:
    """Whether the output is as shown, blanks apart; `…` stands for anything. Nothing shown: anything will do."""
    parts = (re.escape(" ".join(part.split())) for part in shown.split("…"))
    return not shown.strip() or bool(re.fullmatch(r".*".join(parts), " ".join(printed.split())))


def holds(shown: Any, actual: Any) -> bool:
    """Whether the answer is as shown. Left out: members, the ends of lists, and in texts whatever `…` stands for."""
    if isinstance(shown, dict):
        return isinstance(actual, dict) and all(k in actual and holds(v, actual[k]) for k, v in shown.items())
    if isinstance(shown, list):
        begins = isinstance(actual, list) and len(shown) <= len(actual)
        return begins and all(holds(one, other) for one, other in zip(shown, actual, strict=False))
    if isinstance(shown, str) and isinstance(actual, str):
        return bool(re.fullmatch(".*".join(map(re.escape, shown.split("…"))), actual, re.DOTALL))
    return bool(shown == actual)


def call_all_services(app: Flask) -> None:
    """An application of an example offers its services, and they answer."""
    client = app.test_client()
    request = {
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/1", "patientId": "42"},
        "prefetch": {"patient": {"resourceType": "Patient", "id": "42"}},
    }
    services = client.get("/cds-services").get_json()["services"]
    assert services
    for service in services:
        answer = client.post(f"/cds-services/{service['id']}", json={"hook": service["hook"], **request})
        assert len(answer.get_json()["cards"]) == 1
    close(app)


def open_sandbox(reader: Machine, address: str) -> None:
    """Do what the official sandbox does with such an address: read the patient, then preflight and call the service."""
    sandbox = urlsplit(address)
    origin = {"Origin": f"{sandbox.scheme}://{sandbox.netloc}"}
    query = {name: values[0].removeprefix(SERVICE) for name, values in parse_qs(sandbox.query).items()}
    assert query.keys() == {"fhirServiceUrl", "patientId", "serviceDiscoveryURL"}
    fhir, patient, discovery = query["fhirServiceUrl"], query["patientId"], query["serviceDiscoveryURL"]
    reader.run("make run")
    client = reader.app.test_client()
    for path in ("metadata", "Patient", f"Patient/{patient}", f"Condition?patient={patient}"):
        response = client.get(f"{fhir}/{path}", headers=origin)
        assert response.status_code == 200
        assert response.headers["Access-Control-Allow-Origin"] == origin["Origin"]
    services = client.get(discovery, headers=origin).get_json()["services"]
    (service,) = (one for one in services if one["hook"] == "patient-view")
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    preflight = client.options(f"{discovery}/{service['id']}", headers=origin | asked)
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"].lower()
    request = {
        "hook": service["hook"],
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "fhirServer": f"{reader.service}{fhir}",
        "context": {"patientId": patient, "userId": "Practitioner/COREPRACTITIONER1"},
    }
    answer = client.post(f"{discovery}/{service['id']}", json=request, headers=origin)
    assert answer.get_json()["cards"]
    assert answer.headers["Access-Control-Allow-Origin"] == origin["Origin"]
