"""What one client's request brings is of use to that request alone: its FHIR server, its token, its own credentials."""

import gc
import json
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from types import FrameType
from typing import Any

import pytest
from flask import Flask

from cds_service.engine import Engine
from cds_service.errors import DataUnavailable
from cds_service.fhir.servers import FhirAccess, FhirServer
from cds_service.protocol.cards import CdsResponse
from cds_service.registry import Call, CdsService
from cds_service.security.callers import Caller
from tests.cds_service.support import (
    TODAY,
    TOKEN,
    Ehr,
    Seen,
    allergy,
    bundle,
    complete,
    order,
    service,
    with_access,
    without,
)

JWT = "eyJhbGciOiJFUzM4NCJ9.of-the-caller.c2lnbmF0dXJl"


@pytest.fixture
def other() -> Iterator[Ehr]:
    server = Ehr()
    yield server
    server.stop()


def answer(engine: Engine, demo: CdsService, members: dict[str, Any], caller: Caller) -> Any:
    return json.loads(engine.answer(demo, json.dumps(members).encode(), TODAY, caller))


def refused(engine: Engine, demo: CdsService, members: dict[str, Any], caller: Caller) -> str:
    with pytest.raises(DataUnavailable) as caught:
        answer(engine, demo, members, caller)
    return caught.value.issues[0].text


def test_CH_SSRF_01_a_client_reaches_its_own_servers_only(
    make_engine: Callable[..., Engine], demo: CdsService, ehr: Ehr, other: Ehr
) -> None:
    engine = make_engine(fhir_servers=(FhirServer(ehr.base), FhirServer(other.base)))
    mine = Caller("mine", fhir_servers=(FhirServer(ehr.base),))
    theirs = Caller("theirs", fhir_servers=(FhirServer(other.base),))
    ehr.holds(complete())
    other.holds(complete())
    assert answer(engine, demo, with_access(ehr.base), mine)["cards"]
    assert answer(engine, demo, with_access(other.base), theirs)["cards"]
    assert (len(ehr.requests), len(other.requests)) == (4, 4)

    # The other's base is as unknown as any, though the installation's own list has both.
    for caller, base in ((mine, other.base), (theirs, ehr.base), (Caller("nobody"), ehr.base)):
        reason = refused(engine, demo, with_access(base), caller)
        assert "not one that this service may call" in reason
    assert (len(ehr.requests), len(other.requests)) == (4, 4)


def test_CH_AUTHZ_04_a_token_is_of_no_use_to_the_next_request(
    make_engine: Callable[..., Engine], demo: CdsService, ehr: Ehr
) -> None:
    engine = make_engine()
    mine = Caller("mine", fhir_servers=(FhirServer(ehr.base),))
    ehr.holds(complete())
    assert answer(engine, demo, with_access(ehr.base), mine)["cards"]
    ehr.requests.clear()
    members = with_access(ehr.base)
    del members["fhirAuthorization"]
    for caller in (mine, Caller("theirs", fhir_servers=mine.fhir_servers)):
        assert "brings no usable access token" in refused(engine, demo, members, caller)
    assert ehr.requests == []


def test_CH_AUTHZ_04_an_open_server_never_sees_the_token_of_another_request(
    make_engine: Callable[..., Engine], demo: CdsService, ehr: Ehr
) -> None:
    engine = make_engine(open_server=True)
    ehr.holds(complete())
    members = with_access(ehr.base)
    answer(engine, demo, members, engine.anonymous)
    del members["fhirAuthorization"]
    ehr.requests.clear()
    answer(engine, demo, members, engine.anonymous)
    assert len(ehr.requests) == 4
    assert all("Authorization" not in headers for _, headers in ehr.requests)


def test_CH_SSRF_04_05_CH_AUTHZ_05_the_token_goes_to_the_base_it_came_with_only(
    make_engine: Callable[..., Engine], demo: CdsService, seen: Seen, ehr: Ehr, other: Ehr
) -> None:
    engine = make_engine(fhir_servers=(FhirServer(ehr.base), FhirServer(other.base, open=True)))
    other.default = bundle(allergy())

    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(307)
        handler.send_header("Location", f"{other.base}/Medication/m")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    orders = bundle(
        order(medication=f"{other.base}/Medication/elsewhere"),
        order(medication=f"{ehr.base}@{other.base.removeprefix('http://')}/Medication/user"),
        order(medication=f"//{other.base.removeprefix('http://')}/Medication/slashes"),
        order(medication="Medication/m"),
    )
    paged = bundle(allergy(), link=[{"relation": "next", "url": f"{other.base}?page=2"}])
    ehr.holds(complete() | {"allergies": paged, "orders": orders})
    ehr.pages["/fhir/Medication/m"] = redirect
    answer(engine, demo, with_access(ehr.base), engine.anonymous)
    assert other.requests == []
    assert [path for path in ehr.paths if path.startswith("Medication/")] == ["Medication/m"]
    assert {headers["Authorization"] for _, headers in ehr.requests} == {f"Bearer {TOKEN}"}
    assert seen.data.medications == {}
    assert seen.data.sources["allergies"].state == "incomplete"


def test_CH_AUTHZ_05_the_callers_own_credentials_never_reach_the_fhir_server(
    make_app: Callable[..., Flask], ehr: Ehr, demo: CdsService
) -> None:
    ehr.holds(complete())
    client = make_app(demo, fhir_servers=(FhirServer(ehr.base, open=True),)).test_client()
    headers = {"Authorization": f"Bearer {JWT}", "Cookie": "session=of-the-caller"}
    members = with_access(ehr.base)
    assert client.post("/cds-services/demo", json=members, headers=headers).status_code == 200
    assert {seen["Authorization"] for _, seen in ehr.requests} == {f"Bearer {TOKEN}"}
    del members["fhirAuthorization"]
    ehr.requests.clear()
    assert client.post("/cds-services/demo", json=members, headers=headers).status_code == 200
    assert len(ehr.requests) == 4
    for _, seen in ehr.requests:
        assert "Authorization" not in seen
        assert "of-the-caller" not in str(seen)


# Nothing is kept


def holders(parts: tuple[str, str]) -> list[str]:
    """What still refers to a text that holds both parts: types of objects, and functions at work in other threads."""
    gc.collect()
    found = [
        type(holder).__name__ for holder in gc.get_objects() if any(_holds(one, parts) for one in _members(holder))
    ]
    for thread, frame in sys._current_frames().items():
        at: FrameType | None = frame if thread != threading.get_ident() else None
        while at is not None:
            found += [at.f_code.co_name for value in at.f_locals.values() if _holds(value, parts)]
            at = at.f_back
    return found


def _members(holder: object) -> Iterator[object]:
    """What an object refers to, also through objects which the garbage collector does not list."""
    waiting = gc.get_referents(holder)
    while waiting:
        member = waiting.pop()
        yield member
        if not isinstance(member, str | bytes) and not gc.is_tracked(member):
            waiting += gc.get_referents(member)


def _holds(value: object, parts: tuple[str, str]) -> bool:
    if isinstance(value, bytes):
        return all(part.encode() in value for part in parts)
    return isinstance(value, str) and all(part in value for part in parts)


def exchange_of_a_request(engine: Engine, ehr: Ehr, token: str) -> None:
    """A request with all that may hold on to its token: sources, pages, a Medication, a failure."""
    ehr.hangs_up = True
    paged = bundle(allergy(), link=[{"relation": "next", "url": f"{ehr.base}?page=2"}])
    ehr.holds(complete() | {"allergies": paged, "orders": bundle(order(medication="Medication/m"))})
    ehr.pages["/fhir?page=2"] = 500

    def forgetful(call: Call) -> CdsResponse:
        return Seen()(call)  # which elsewhere keeps what it is given

    assert answer(engine, service(forgetful), with_access(ehr.base, access_token=token), engine.anonymous)["cards"]
    assert any(token in headers["Authorization"] for _, headers in ehr.requests)
    ehr.requests.clear()


def test_CH_AUTHZ_04_nothing_keeps_the_token_after_the_answer(make_engine: Callable[..., Engine], ehr: Ehr) -> None:
    engine = make_engine()
    token = secrets.token_hex(16)
    parts = (token[:16], token[16:])
    exchange_of_a_request(engine, ehr, token)
    kept = [FhirAccess(FhirServer(ehr.base), token)]
    del token
    assert holders(parts)  # what is kept is found
    kept.clear()
    end = time.monotonic() + 15
    while (found := holders(parts)) and time.monotonic() < end:
        time.sleep(0.05)  # the EHR of the test may still be at the end of its last answer
    assert found == []


def test_CH_AUTHZ_04_no_failure_keeps_the_token(make_engine: Callable[..., Engine], ehr: Ehr, demo: CdsService) -> None:
    engine = make_engine()
    ehr.default = 500
    with pytest.raises(DataUnavailable) as caught:
        answer(engine, demo, with_access(ehr.base, without("orders")), engine.anonymous)
    assert TOKEN not in str(caught.value)
    assert caught.value.__cause__ is None
