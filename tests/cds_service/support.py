"""A service without medicine, its requests, and a FHIR server on loopback."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from cds_service.engine import Engine
from cds_service.patient_data import PatientData
from cds_service.protocol.cards import Card, CdsResponse, Source, new_uuid
from cds_service.registry import Answer, Call, CdsService, PrefetchTemplate

TODAY = date(2026, 11, 22)
TOKEN = "token-that-nobody-may-see"
PATIENT = "patient-that-no-log-may-name"

TEMPLATES = (
    PrefetchTemplate("patient", "Patient/{{context.patientId}}", ("Patient",), "gate", required=True),
    PrefetchTemplate("conditions", "Condition?patient={{context.patientId}}", ("Condition",), "gate", required=True),
    PrefetchTemplate(
        "orders", "MedicationRequest?patient={{context.patientId}}", ("MedicationRequest",), "full", required=True
    ),
    PrefetchTemplate(
        "allergies",
        "AllergyIntolerance?patient={{context.patientId}}",
        ("AllergyIntolerance",),
        "full",
        required=False,
    ),
)


class _Code(msgspec.Struct, frozen=True):
    text: str = ""


class _Coded(msgspec.Struct):
    code: _Code = _Code()


def concerns(data: PatientData, today: date) -> bool:
    """Whether a condition says so."""
    entries = data.sources["conditions"].entries
    return any(msgspec.json.decode(entry.resource, type=_Coded).code.text == "relevant" for entry in entries)


class Seen:
    """What a service was given, and a card that tells its sources."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def __call__(self, call: Call) -> CdsResponse:
        self.calls.append(call)
        told = ", ".join(f"{key} {source.state} {len(source.entries)}" for key, source in call.data.sources.items())
        return CdsResponse((Card(uuid=new_uuid(), summary=told, indicator="info", source=Source(label="Test")),))

    @property
    def data(self) -> PatientData:
        """The data of the last call."""
        return self.calls[-1].data


def service(evaluate: Callable[[Call], CdsResponse], **changes: Any) -> CdsService:
    """A service of the hook patient-view, which concerns patients with the condition `relevant`."""
    members: dict[str, Any] = {
        "id": "demo",
        "hook": "patient-view",
        "title": "Demo",
        "description": "Tells what it was given.",
        "prefetch": TEMPLATES,
        "gate": concerns,
        "evaluate": lambda call: Answer(evaluate(call)),
    }
    return CdsService(**(members | changes))


def request(prefetch: Any = None, **changes: Any) -> dict[str, Any]:
    """A request as a client sends it; a change to None takes the member out."""
    members: dict[str, Any] = {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/1", "patientId": PATIENT},
        "prefetch": prefetch,
    }
    return {name: value for name, value in (members | changes).items() if value is not None}


def with_access(base: str, prefetch: Any = None, **authorization: Any) -> dict[str, Any]:
    """A request that brings a FHIR server and a token for it."""
    granted = {
        "access_token": TOKEN,
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "user/*.read",
        "subject": "demo",
    }
    return request(prefetch, fhirServer=base, fhirAuthorization=granted | authorization)


def bundle(*resources: Any, **members: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in resources]} | members


def patient(id_: str = PATIENT) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id_}


def condition(text: str = "relevant", subject: str = f"Patient/{PATIENT}") -> dict[str, Any]:
    return {"resourceType": "Condition", "subject": {"reference": subject}, "code": {"text": text}}


def order(subject: str = f"Patient/{PATIENT}", medication: str | None = None) -> dict[str, Any]:
    resource: dict[str, Any] = {"resourceType": "MedicationRequest", "subject": {"reference": subject}}
    return resource | ({"medicationReference": {"reference": medication}} if medication else {})


def allergy(whose: str = f"Patient/{PATIENT}") -> dict[str, Any]:
    return {"resourceType": "AllergyIntolerance", "patient": {"reference": whose}}


def outcome(severity: str) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "processing"}]}


def complete() -> dict[str, Any]:
    """A prefetch with every key."""
    return {
        "patient": patient(),
        "conditions": bundle(condition()),
        "orders": bundle(order()),
        "allergies": bundle(allergy()),
    }


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in complete().items() if name != key}


def ask(engine: Engine, one: CdsService, members: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The cards that a request is answered with."""
    cards: list[dict[str, Any]] = json.loads(engine.answer(one, json.dumps(members).encode(), TODAY))["cards"]
    return cards


class Ehr:
    """A FHIR server on loopback. `pages`: what it answers, by path and query; else `default`. It keeps all requests."""

    def __init__(self) -> None:
        self.pages: dict[str, Any] = {}
        self.default: Any = 404
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.stopping = threading.Event()
        self.hangs_up = False
        """It closes the connection after each answer, and so forgets the request."""
        ehr = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:  # and nothing else: any other method is answered 501
                ehr.requests.append((self.path, dict(self.headers)))
                ehr.reply(self, ehr.pages.get(self.path, ehr.default))
                self.close_connection = self.close_connection or ehr.hangs_up

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_port}/fhir"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def reply(self, handler: BaseHTTPRequestHandler, page: Any) -> None:
        """A number is a status, a callable writes the answer itself, text and bytes are HTML, all else is FHIR."""
        if callable(page):
            page(handler)
            return
        if isinstance(page, int):
            body, kind, status = b"", "text/plain", page
        elif isinstance(page, str | bytes):
            body, kind, status = (page.encode() if isinstance(page, str) else page), "text/html", 200
        else:
            body, kind, status = json.dumps(page).encode(), "application/fhir+json", 200
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def holds(self, prefetch: Mapping[str, Any]) -> None:
        """Answer the templates' queries with these values."""
        for template in TEMPLATES:
            if template.key in prefetch:
                path = template.query.replace("{{context.patientId}}", PATIENT)
                self.pages[f"/fhir/{path}"] = prefetch[template.key]

    @property
    def paths(self) -> list[str]:
        return sorted(path.removeprefix("/fhir/") for path, _ in self.requests)

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def hanging(ehr: Ehr) -> Callable[[BaseHTTPRequestHandler], None]:
    """Accept the request, and say nothing."""

    def wait(_: BaseHTTPRequestHandler) -> None:
        ehr.stopping.wait(20)

    return wait


def trickling(ehr: Ehr, *, headers: bool) -> Callable[[BaseHTTPRequestHandler], None]:
    """Send a byte now and then, so that no single read is ever late."""

    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"X-Slow: " if headers else b"Content-Length: 99999\r\n\r\n"))
        started = time.monotonic()
        while not ehr.stopping.wait(0.05) and time.monotonic() < started + 20:
            try:
                handler.wfile.write(b"x")
            except OSError:
                break
        handler.close_connection = True

    return write
