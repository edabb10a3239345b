"""HTTP as it is, and patience."""

import socket
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response, request

from cds_service.selftest.checks import Unmet
from cds_service.selftest.wire import Exchange, Unreachable, Wire


def exchange(url: str, body: bytes = b"", method: str = "POST", **headers: str) -> Exchange:
    return Exchange("other", "", method, url, headers=headers, sent=body)


@pytest.fixture
def nowhere() -> str:
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_it_waits_as_long_as_it_is_told_and_asks_again(serve: Callable[..., Any]) -> None:
    app, left = Flask(__name__), [2, 1]
    waited: list[float] = []

    @app.get("/")
    def busy() -> Response:
        return Response(status=429, headers={"Retry-After": str(left.pop())}) if left else Response("{}")

    with serve(app) as address:
        answer = Wire(5, waited.append).send(exchange(f"{address}/", method="GET"))
    assert (answer.status, waited) == (200, [1, 2])


def test_it_does_not_wait_for_hours_nor_for_ever(serve: Callable[..., Any]) -> None:
    app = Flask(__name__)
    waited: list[float] = []
    app.add_url_rule("/", view_func=lambda: Response(status=429, headers={"Retry-After": "7200"}))
    with serve(app) as address:
        answer = Wire(5, waited.append).send(exchange(f"{address}/", method="GET"))
    assert (answer.status, waited) == (429, [60.0] * 10)


def test_a_server_that_has_gone_ends_the_run(nowhere: str) -> None:
    wire = Wire(5)
    for _ in range(2):
        with pytest.raises(Unmet, match="no answer"):
            wire.send(exchange(nowhere))
    with pytest.raises(Unreachable, match="no answer"):
        wire.send(exchange(nowhere))


def test_paths_and_bodies_arrive_as_they_are(serve: Callable[..., Any]) -> None:
    app = Flask(__name__)
    app.url_map.merge_slashes = False
    seen: list[tuple[str, bytes, str | None]] = []

    @app.post("/a//b/")
    def take() -> str:
        seen.append((request.path, request.get_data(), request.headers.get("Content-Length")))
        return "{}"

    body = b'{"a": NaN}' * 2000
    with serve(app) as address:
        wire = Wire(5)
        wire.send(exchange(f"{address}/a//b/", body)).expect(200)
        wire.send(exchange(f"{address}/a//b/", body), "chunked").expect(200)
        wire.send(exchange(f"{address}/a//b/", body), "expect").expect(200)
    assert seen == [("/a//b/", body, "20000"), ("/a//b/", body, None), ("/a//b/", body, "20000")]


def test_the_command_to_repeat_it_holds_the_body_and_not_the_token() -> None:
    told = exchange("http://cds.example/x", b'{"a": "it\'s"}', Authorization="Bearer eyJhbGciOi")
    assert told.curl() == (
        "curl -i -X POST http://cds.example/x -H 'Authorization: Bearer …' --data-binary '{\"a\": \"it'\"'\"'s\"}'"
    )
    assert "eyJ" not in told.request_text()
    assert exchange("http://cds.example/x", b"\xff").curl().endswith("--data-binary @request.body")
