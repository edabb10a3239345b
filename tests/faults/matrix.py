"""All that a FHIR server may do wrong, and the answer to it. The table of the documentation is made from these rows."""

import gzip
import json
import socket
import time
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any, Literal

import msgspec
import pytest

from cds_service.settings import Settings
from tests.cds_service.support import Ehr, bundle, hanging, trickling

Handler = BaseHTTPRequestHandler
Answer = Literal["not available", "partly checked", "another patient"]
NAMED, SLOWLY_NAMED = "https://fhir.example.org/r4", "https://slow.example.org/r4"
"""Listed bases whose hosts have to be looked up."""
MOST_PAGES = Settings().max_pages
MOST_BYTES = 1_000_000

REQUIRED: dict[Answer, str] = {
    "not available": "412 `data-unavailable`, which says why",
    "partly checked": "cards that say what was only partly checked; 412 if no diagnosis came",
    "another patient": "412 `patient-mismatch`",
}
OPTIONAL: dict[Answer, str] = {
    "not available": "cards that say what was not checked, and why",
    "partly checked": "cards that say what was only partly checked",
    "another patient": "412 `patient-mismatch`",
}


class Scene:
    """What a fault can be made of. `healthy`: what the server answers otherwise. `base`: what the request names."""

    def __init__(self, ehr: Ehr, elsewhere: Ehr, gone: str, healthy: Any, patch: pytest.MonkeyPatch) -> None:
        self.ehr = ehr
        self.elsewhere = elsewhere
        self.gone = gone
        self.healthy = healthy
        self.base = ehr.base
        self._patch = patch

    def look_up(self, answer: Callable[[], list[Any]], base: str = NAMED) -> None:
        """Have the request name a host whose look-up ends so."""
        self.base = base
        self._patch.setattr(socket, "getaddrinfo", lambda *_, **__: answer())


class Fault(msgspec.Struct, frozen=True):
    """One row. `befall` gives what the server answers the query with; None if it never gets there."""

    does: str
    reason: str
    befall: Callable[[Scene], Any]
    answer: Answer = "not available"
    late: bool = False
    """It is ended by the deadline, and by nothing else."""


def _send(handler: Handler, body: bytes, status: int = 200, length: int | None = None, **headers: Any) -> None:
    """`length`: what the server says of the body where that is not true."""
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)
    handler.close_connection = length is not None


def _status(code: int, body: bytes = b"", **headers: Any) -> Callable[[Scene], Any]:
    return lambda _: lambda handler: _send(handler, body, code, **headers)


def _is_gone(scene: Scene) -> None:
    scene.base = scene.gone


def _has_no_name(scene: Scene) -> None:
    def answer() -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    scene.look_up(answer)


def _hangs_in_the_look_up(scene: Scene) -> None:
    def answer() -> list[Any]:
        scene.ehr.stopping.wait(600)
        return []

    scene.look_up(answer, SLOWLY_NAMED)


def _has_another_address(scene: Scene) -> None:
    port = int(scene.ehr.base.split(":")[2].split("/")[0])
    scene.look_up(lambda: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))])


def _body(scene: Scene) -> bytes:
    return json.dumps(scene.healthy).encode()


def _hangs_in_the_body(scene: Scene) -> Any:
    def write(handler: Handler) -> None:
        _send(handler, _body(scene)[:-20], length=len(_body(scene)))
        scene.ehr.stopping.wait(20)

    return write


def _drips(scene: Scene) -> Any:
    def write(handler: Handler) -> None:
        _send(handler, b"", length=MOST_BYTES)
        end = time.monotonic() + 20
        while not scene.ehr.stopping.wait(0.05) and time.monotonic() < end:
            try:
                handler.wfile.write(b" ")
            except OSError:
                break

    return write


def _breaks_off(scene: Scene) -> Any:
    return lambda handler: _send(handler, _body(scene)[:50], length=len(_body(scene)))


def _resource(scene: Scene) -> dict[str, Any]:
    resource: dict[str, Any] = scene.healthy["entry"][0]["resource"] if "entry" in scene.healthy else scene.healthy
    return resource


def _of_another_patient(scene: Scene) -> Any:
    resource = _resource(scene)
    if resource["resourceType"] == "Patient":
        return resource | {"id": "somebody-else"}
    return bundle(resource | {"subject": {"reference": "Patient/somebody-else"}})


def _of_another_type(scene: Scene) -> Any:
    return bundle(_resource(scene) | {"resourceType": "Appointment"})


def _pages_without_end(scene: Scene) -> Any:
    def write(handler: Handler) -> None:
        address = f"{scene.ehr.base}?page={len(scene.ehr.requests)}"
        scene.ehr.reply(handler, scene.healthy | {"link": [{"relation": "next", "url": address}]})

    scene.ehr.default = write
    return write


def _pages_elsewhere(scene: Scene) -> Any:
    return scene.healthy | {"link": [{"relation": "next", "url": f"{scene.elsewhere.base}?page=2"}]}


def _bomb(scene: Scene) -> Any:
    body = gzip.compress(_body(scene) + b" " * 50 * MOST_BYTES)
    assert len(body) < MOST_BYTES / 5
    return lambda handler: _send(handler, body, Content_Encoding="gzip")


def _redirects(where: Callable[[Scene], str], scene: Scene) -> Any:
    return lambda handler: _send(handler, b"", 302, Location=where(scene) + handler.path.removeprefix("/fhir"))


_LATE = "the FHIR server did not answer in time"
_BROKEN = "the FHIR server could not be reached or broke off"
_ADDRESS = "the FHIR server's name leads to an address that this service does not call"
_TOO_MUCH = "the FHIR server sent more than this service reads"
_NO_FHIR = "what came is not a FHIR resource"
_STATUS = "the FHIR server answered {}"

FAULTS: tuple[Fault, ...] = (
    Fault("refuses the connection", _BROKEN, _is_gone),
    Fault("has a name that leads nowhere", _BROKEN, _has_no_name),
    Fault("has a name whose look-up hangs", _LATE, _hangs_in_the_look_up, late=True),
    Fault("has a name that leads to an address it may not have", _ADDRESS, _has_another_address),
    Fault("hangs before it answers", _LATE, lambda scene: hanging(scene.ehr), late=True),
    Fault("drips its headers", _LATE, lambda scene: trickling(scene.ehr, headers=True), late=True),
    Fault("hangs in the body", _LATE, _hangs_in_the_body, late=True),
    Fault("drips its body", _LATE, _drips, late=True),
    Fault("breaks off in the body", _BROKEN, _breaks_off),
    Fault("answers 401", _STATUS.format(401), _status(401, WWW_Authenticate="Bearer")),
    Fault("answers 403", _STATUS.format(403), _status(403)),
    Fault("answers 404", _STATUS.format(404), _status(404)),
    Fault("answers 429", _STATUS.format(429), _status(429, Retry_After="1")),
    Fault("answers 500", _STATUS.format(500), _status(500)),
    Fault("answers 502 with a page", _STATUS.format(502), _status(502, b"<html>Bad gateway</html>")),
    Fault("answers 200 with a page", _NO_FHIR, lambda _: "<html>Log in</html>"),
    Fault("sends half of the JSON", _NO_FHIR, lambda scene: _body(scene)[:-100]),
    Fault("sends `null`", _NO_FHIR, lambda _: b"null"),
    Fault(
        "sends another type",
        "what came holds no readable entry",
        _of_another_type,
    ),
    Fault(
        "sends data of another patient",
        "data of another patient",
        _of_another_patient,
        "another patient",
    ),
    Fault("pages without end", f"there are more than {MOST_PAGES} pages", _pages_without_end, "partly checked"),
    Fault(
        "names a next page on another host",
        "its next page is not on the request's FHIR server",
        _pages_elsewhere,
        "partly checked",
    ),
    Fault("sends a huge page", _TOO_MUCH, lambda scene: _body(scene) + b" " * MOST_BYTES),
    Fault("sends a huge page compressed to a little", _TOO_MUCH, _bomb),
    Fault("redirects to itself", _STATUS.format(302), partial(_redirects, lambda scene: scene.ehr.base)),
    Fault("redirects to another host", _STATUS.format(302), partial(_redirects, lambda scene: scene.elsewhere.base)),
)
