"""Every answer that the service gives while the tests run is looked at; the test in which a bad one is seen fails.

`tests/conftest.py` installs it. It sees each application of this process, however it is called (test client, a real
server on a thread), and each body of an engine that is called without the web. For a server of another process, the
test hands its answers to `WATCH.see_http`.
"""

from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Flask, Response, has_request_context, request

from cds_service.engine import Engine
from tests.conformance.answers import Answer, complaints, lower, of_body


class Watch:
    """What was seen since the last look."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self.seen = 0

    def see(self, answer: Answer) -> None:
        """Look at an HTTP answer."""
        self.seen += 1
        self._found += complaints(answer)

    def see_http(self, response: requests.Response) -> requests.Response:
        """Look at the answer of a server of another process, and give it back."""
        path, method = urlsplit(response.url).path, response.request.method or "GET"
        self.see(Answer(method, path, response.status_code, lower(response.headers.items()), response.content))
        return response

    def see_body(self, service: str, body: bytes) -> None:
        """Look at the body of an answer with cards."""
        self.seen += 1
        self._found += [f"{service}: {one}" for one in of_body(body)]

    def take(self) -> list[str]:
        """All complaints since the last call."""
        found, self._found = self._found, []
        return found


WATCH = Watch()


def install(patch: Any) -> None:
    """Look at every answer from now on. `patch`: a `pytest.MonkeyPatch`, which ends it."""
    dispatch, answer = Flask.full_dispatch_request, Engine.answer

    def full_dispatch_request(self: Flask) -> Response:
        response = dispatch(self)
        if "cds_service" in self.extensions:
            body = b"" if response.direct_passthrough or response.is_streamed else response.get_data()
            headers = lower(response.headers.items())
            WATCH.see(Answer(request.method, request.path, response.status_code, headers, body))
        return response

    def answered(self: Engine, service: Any, *arguments: Any, **named: Any) -> bytes:
        body = answer(self, service, *arguments, **named)
        if not has_request_context():  # else it is seen as part of the HTTP answer
            WATCH.see_body(service.id, body)
        return body

    patch.setattr(Flask, "full_dispatch_request", full_dispatch_request)
    patch.setattr(Engine, "answer", answered)
