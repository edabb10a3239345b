"""Calls of FHIR servers that are slow, endless, dead or hostile, on real sockets."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from cds_service.engine import Engine
from cds_service.errors import DataUnavailable
from cds_service.fhir.client import Exchange, FhirClient, FhirFailure
from cds_service.fhir.servers import FhirAccess, FhirServer
from cds_service.registry import CdsService
from tests.cds_service.support import (
    TOKEN,
    Ehr,
    Seen,
    allergy,
    ask,
    bundle,
    complete,
    hanging,
    patient,
    trickling,
    with_access,
    without,
)

AMPLE = 15.0
"""Seconds within which anything bounded has ended, also on a slow machine; the servers keep it up for longer."""


@pytest.fixture
def fhir() -> Iterator[FhirClient]:
    client = FhirClient(8)
    yield client
    client.close()


def get(
    fhir: FhirClient, address: str, *, token: str | None = None, seconds: float = 5.0, limit: int = 100_000
) -> bytes | FhirFailure:
    base = "/".join(address.split("/")[:4])
    job = partial(_get, fhir, address, FhirAccess(FhirServer(base), token), limit)
    (result,) = fhir.run([job], time.monotonic() + seconds)
    return result


def _get(fhir: FhirClient, address: str, access: FhirAccess, limit: int, exchange: Exchange) -> bytes:
    return fhir.get(address, access, exchange, limit)


@pytest.mark.parametrize(
    "page", [hanging, partial(trickling, headers=True), partial(trickling, headers=False)], ids=["hang", "head", "body"]
)
def test_CH_SSRF_06_slow_servers_end_at_the_deadline(
    fhir: FhirClient, ehr: Ehr, page: Callable[[Ehr], Callable[[BaseHTTPRequestHandler], None]]
) -> None:
    ehr.default = page(ehr)
    started = time.monotonic()
    failure = get(fhir, f"{ehr.base}/Patient/1", seconds=0.3)
    assert time.monotonic() - started < AMPLE
    assert str(failure) == "the FHIR server did not answer in time"
    # The thread is free again as well, and not held until the server gives up.
    fhir._threads.shutdown(wait=True)
    assert time.monotonic() - started < AMPLE


def test_CH_TOL_27_one_deadline_for_the_whole_request(
    make_engine: Callable[..., Engine], demo: CdsService, seen: Seen, ehr: Ehr
) -> None:
    ehr.holds(complete() | {"allergies": hanging(ehr)})
    engine = make_engine(deadline_seconds=1.0)
    started = time.monotonic()
    assert ask(engine, demo, with_access(ehr.base))
    assert time.monotonic() - started < AMPLE
    assert "did not answer in time" in seen.data.sources["allergies"].reason
    ehr.holds({"conditions": hanging(ehr)})
    with pytest.raises(DataUnavailable):
        ask(engine, demo, with_access(ehr.base))


def test_dead_server(fhir: FhirClient) -> None:
    gone = Ehr()
    gone.stop()
    assert str(get(fhir, f"{gone.base}/Patient/1")) == "the FHIR server could not be reached or broke off"


@pytest.mark.parametrize("base", ["http://fhir.example.org/r4", "http://localhost/r4"])
def test_CH_SSRF_03_a_name_that_leads_elsewhere_is_a_failure(
    fhir: FhirClient, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    failure = get(fhir, f"{base}/Patient/1", token=TOKEN)
    assert str(failure) == "the FHIR server's name leads to an address that this service does not call"


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/other/Patient/1", "{base}/../Patient/1", "{base}evil/Patient"])
def test_CH_SSRF_04_an_address_off_the_base_is_never_called(fhir: FhirClient, ehr: Ehr, address: str) -> None:
    access = FhirAccess(FhirServer(ehr.base), TOKEN)
    (failure,) = fhir.run([partial(_get, fhir, address.format(base=ehr.base), access, 1000)], time.monotonic() + 5)
    assert str(failure) == "the address is not on the request's FHIR server"
    assert ehr.requests == []


def test_missing_keys_are_fetched_side_by_side(engine: Engine, demo: CdsService, seen: Seen, ehr: Ehr) -> None:
    ehr.holds(complete())
    arrived: list[float] = []

    def slow(value: Any, handler: BaseHTTPRequestHandler) -> None:
        arrived.append(time.monotonic())
        deadline = time.monotonic() + 3
        while len(arrived) % 2 and time.monotonic() < deadline:
            time.sleep(0.005)  # answers only when the other call of this stage has arrived, too
        ehr.reply(handler, value)

    ehr.pages = {path: partial(slow, value) for path, value in ehr.pages.items()}
    ask(engine, demo, with_access(ehr.base))
    assert len(arrived) == 4
    assert arrived[3] - arrived[0] < 3


def test_CH_SSRF_04_redirects_are_not_followed(fhir: FhirClient, ehr: Ehr) -> None:
    other = Ehr()

    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", f"{other.base}/Patient/1")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    ehr.default = redirect
    try:
        failure = get(fhir, f"{ehr.base}/Patient/1", token=TOKEN)
        assert str(failure) == "the FHIR server answered 302"
        assert other.requests == []
    finally:
        other.stop()


def test_CH_SSRF_06_bytes_are_limited(
    fhir: FhirClient, make_engine: Callable[..., Engine], demo: CdsService, seen: Seen, ehr: Ehr
) -> None:
    ehr.default = b" " * 500_000
    assert str(get(fhir, f"{ehr.base}/Patient/1")) == "the FHIR server sent more than this service reads"
    allergies = bundle(allergy(), link=[{"relation": "next", "url": "?again"}])
    ehr.pages["/fhir/?again"] = allergies
    ehr.holds({"allergies": allergies})
    ask(make_engine(max_response_bytes=600), demo, with_access(ehr.base, without("allergies")))
    source = seen.data.sources["allergies"]
    assert (source.state, len(source.entries)) == ("incomplete", 2)


def test_CH_SSRF_06_compressed_answers_are_limited_by_their_full_size(fhir: FhirClient, ehr: Ehr) -> None:
    def bomb(handler: BaseHTTPRequestHandler) -> None:
        body = gzip.compress(b" " * 20_000_000)
        handler.send_response(200)
        handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    ehr.default = bomb
    assert str(get(fhir, f"{ehr.base}/Patient/1")) == "the FHIR server sent more than this service reads"


def test_chunked_and_cut_answers(fhir: FhirClient, ehr: Ehr) -> None:
    def chunked(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b'{"resourceType"')
        handler.close_connection = True

    ehr.default = chunked
    assert get(fhir, f"{ehr.base}/Patient/1") == b"abcde"
    ehr.default = cut
    assert str(get(fhir, f"{ehr.base}/Patient/1")) == "the FHIR server could not be reached or broke off"


def test_CH_AUTHZ_04_05_nothing_is_carried_from_call_to_call(
    fhir: FhirClient, ehr: Ehr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))

    def cookie(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Set-Cookie", "session=of-another-patient; Path=/")
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"{}")

    ehr.default = cookie
    for token in (TOKEN, None):
        assert get(fhir, f"{ehr.base}/Patient/1", token=token) == b"{}"
    (_, first), (_, second) = ehr.requests
    assert first["Authorization"] == f"Bearer {TOKEN}"
    assert "Authorization" not in second
    assert "Cookie" not in second


@responses.activate
def test_errors_of_the_transport_are_failures(fhir: FhirClient) -> None:
    address = "https://ehr.example.org/fhir/Patient/1"
    for error, reason in (
        (requests.ConnectTimeout("secret"), "did not answer in time"),
        (requests.exceptions.SSLError("secret"), "could not be reached"),
        (requests.exceptions.InvalidURL("secret"), "could not be reached"),
        (OSError("secret"), "could not be reached"),
    ):
        responses.upsert(responses.GET, address, body=error)
        failure = str(get(fhir, address))
        assert reason in failure
        assert "secret" not in failure
    responses.upsert(responses.GET, address, json=patient())
    assert b'"Patient"' in bytes(get(fhir, address))  # type: ignore[arg-type]


def test_a_connection_that_the_server_closed_is_not_a_failure(fhir: FhirClient, ehr: Ehr) -> None:
    def close(handler: BaseHTTPRequestHandler) -> None:
        if len(ehr.requests) != 2:
            ehr.reply(handler, patient())
        handler.close_connection = len(ehr.requests) == 2

    ehr.default = close
    assert b"Patient" in get(fhir, f"{ehr.base}/Patient/1")  # type: ignore[operator]
    assert b"Patient" in get(fhir, f"{ehr.base}/Patient/1")  # type: ignore[operator]
    assert len(ehr.requests) == 3


# Concurrency


class Crowd:
    """Jobs that stay at work until they are let go, and how many are at it."""

    def __init__(self) -> None:
        self.working = 0
        self.most = 0
        self.go = threading.Event()
        self.full = threading.Event()
        self._lock = threading.Lock()

    def job(self, _: Exchange, expected: int) -> bytes:
        with self._lock:
            self.working += 1
            self.most = max(self.most, self.working)
            if self.working == expected:
                self.full.set()
        self.go.wait(AMPLE)
        with self._lock:
            self.working -= 1
        return b"done"


def test_CH_SSRF_06_one_request_takes_no_more_than_its_share_of_the_calls() -> None:
    client = FhirClient(4, share=3)
    crowd = Crowd()
    results: list[list[bytes | FhirFailure]] = []
    slow = threading.Thread(
        target=lambda: results.append(client.run([partial(crowd.job, expected=3)] * 7, time.monotonic() + AMPLE))
    )
    slow.start()
    try:
        assert crowd.full.wait(AMPLE)
        # Another request is served while the first one waits.
        assert client.run([lambda _: b"quick"] * 5, time.monotonic() + AMPLE) == [b"quick"] * 5
        assert crowd.working == 3
    finally:
        crowd.go.set()
        slow.join(AMPLE)
        client.close()
    assert results == [[b"done"] * 7]
    assert crowd.most == 3


def test_CH_SSRF_06_a_full_queue_is_a_failure_at_the_deadline() -> None:
    client = FhirClient(1)
    crowd = Crowd()
    slow = threading.Thread(target=client.run, args=([partial(crowd.job, expected=1)], time.monotonic() + AMPLE))
    slow.start()
    try:
        assert crowd.full.wait(AMPLE)
        begun: list[str] = []

        def begin(_: Exchange) -> bytes:
            begun.append("never")
            return b""

        failures = client.run([begin] * 3, time.monotonic() + 0.1)
        assert {str(failure) for failure in failures} == {
            "there was no time to ask the FHIR server, as other calls took too long"
        }
    finally:
        crowd.go.set()
        slow.join(AMPLE)
    assert client.run([lambda _: b"healthy"], time.monotonic() + AMPLE) == [b"healthy"]
    assert begun == []
    client.close()


def test_CH_SSRF_06_what_waits_for_a_slow_call_of_its_own_request_is_not_begun_later(ehr: Ehr) -> None:
    client = FhirClient(1)
    ehr.default = hanging(ehr)
    access = FhirAccess(FhirServer(ehr.base))
    jobs = [partial(_get, client, f"{ehr.base}/Patient/{number}", access, 1000) for number in range(3)]
    first, *others = client.run(jobs, time.monotonic() + 0.3)
    assert str(first) == "the FHIR server did not answer in time"
    assert {str(other) for other in others} == {
        "there was no time to ask the FHIR server, as other calls took too long"
    }
    ehr.default = patient()
    assert b"Patient" in get(client, f"{ehr.base}/Patient/9")  # type: ignore[operator]
    assert ehr.paths == ["Patient/0", "Patient/9"]
    client.close()


def test_a_defect_in_a_job_is_told() -> None:
    client = FhirClient(2)

    def defect(_: Exchange) -> bytes:
        raise IndexError("a defect")

    with pytest.raises(IndexError, match="a defect"):
        client.run([defect], time.monotonic() + AMPLE)
    client.close()


def test_every_request_has_its_share(make_engine: Callable[..., Engine]) -> None:
    for calls, threads, share in ((32, 4, 8), (24, 5, 4), (2, 4, 1)):
        engine = make_engine(fhir_calls=calls, threads=threads)
        assert engine._gatherer._client._share == share
