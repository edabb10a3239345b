"""Send a request to an application in this process, and judge what comes back.

A finding is: a 5xx, an answer that breaks a requirement (`tests.conformance.answers`), a word that belongs to another
request or another patient, an error or an exception in the log, and no answer within the deadline.
"""

import gzip
import io
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from flask import Flask
from werkzeug.test import run_wsgi_app

import fixtures
from cds_service.app import create_app
from cds_service.fhir.servers import FhirServer
from cds_service.settings import Settings
from tests.cds_service.security.signing import NOW, PUBLIC_URL, clients_file
from tests.cds_service.support import Ehr
from tests.conformance.answers import Answer, complaints, lower
from tests.fuzz.requests import MARKER, Corpus, Page, Sent
from tests.fuzz.tokens import with_token

DEADLINE = 10.0
"""Seconds: the service's own deadline, and a margin for a busy machine. It is a watchdog, no measure of speed."""
_TROUBLE = re.compile(r"\"level\": \"(?:error|critical)\"|Traceback|Exception")


class Hang(BaseException):
    """No answer within the deadline; not an Exception, so that nothing catches it."""


class Outcome(NamedTuple):
    status: int
    seconds: float
    findings: list[str]


class Totals:
    """What came of many requests."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.findings: list[tuple[int, str]] = []
        self.slowest: list[tuple[float, int]] = []

    def add(self, number: int, outcome: Outcome) -> None:
        """Count the outcome of the request of this number."""
        self.statuses[outcome.status] += 1
        self.findings += [(number, finding) for finding in outcome.findings]
        self.slowest = sorted([*self.slowest, (outcome.seconds, number)], reverse=True)[:5]


VARIANTS: tuple[dict[str, Any], ...] = (
    {"demo": True},
    {"strict": True, "max_body_bytes": 100_000},
    {"profile": "lean", "max_pages": 2, "cors_origins": ("*",)},
    {"public_url": PUBLIC_URL, "fhir_servers": ()},
)
"""The demonstration, which has every address; a service that refuses more; one that fetches more; one that asks who
calls."""
ASKING = 3
"""The number of the last one."""


class Runner:
    """Requests by number, each to one of several applications, beside a FHIR server that is spoiled too."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._ehr = Ehr()
        self._ehr._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the service may hang up
        server = FhirServer(self._ehr.base, open=True)
        self._folder = TemporaryDirectory()
        base: dict[str, Any] = {
            "fhir_servers": (server,),
            "port": 1,
            "public_url": "http://127.0.0.1:1",
            "database": f"sqlite:///{self._folder.name}/fuzz.sqlite",
            "keep_comments": True,
            "calls_per_minute": 0,
        }
        variants = [base | more for more in VARIANTS]
        variants[ASKING]["clients"] = clients_file(Path(self._folder.name), fhir_servers=[f"{self._ehr.base};open"])
        with redirect_stderr(io.StringIO()):
            self.apps = tuple(
                create_app(Settings(**settings), today=lambda: fixtures.ANCHOR, now=lambda: NOW)
                for settings in variants
            )
        self._corpus = Corpus(self.apps[0], self._ehr.base)

    def request(self, number: int) -> Sent:
        """The request of this number."""
        return self._corpus.request(self._seed, number)

    def run(self, number: int) -> Outcome:
        """Send the request of this number."""
        sent = self._signed(number)
        self._ehr.pages = {path: partial(_write, page) for path, page in sent.pages.items()}
        self._ehr.requests.clear()
        return judge(self._app(number), sent)

    def answer(self, number: int) -> Answer:
        """What the request of this number is answered with."""
        return send(self._app(number), self._signed(number))

    def _signed(self, number: int) -> Sent:
        sent = self.request(number)
        asking = self._app(number) is self.apps[ASKING]
        return with_token(random.Random(f"{self._seed}:{number}:token"), sent) if asking else sent

    def _app(self, number: int) -> Flask:
        return self.apps[number % 8 if number % 8 < len(self.apps) else 0]  # most to the first, which has most

    def close(self) -> None:
        """Stop what was started."""
        for app in self.apps:
            app.extensions["cds_service"]["engine"].close()
        self._ehr.stop()
        self._folder.cleanup()


def _write(page: Page, handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(page.status)
    handler.send_header("Content-Type", page.kind)
    handler.send_header("Content-Length", str(0 if page.status == 204 else len(page.body)))
    handler.end_headers()
    with suppress(OSError):  # the service may hang up on what is too long
        handler.wfile.write(b"" if page.status == 204 else page.body)


def judge(app: Flask, sent: Sent) -> Outcome:
    """Send a request; what was wrong with the answer."""
    log = io.StringIO()
    began = time.perf_counter()
    try:
        with redirect_stderr(log), _watchdog():
            answer = send(app, sent)
    except Hang:
        return Outcome(0, DEADLINE, [f"no answer within {DEADLINE} seconds"])
    except Exception as error:  # noqa: BLE001  # whatever gets past the application is a finding
        return Outcome(0, time.perf_counter() - began, [f"{type(error).__name__} left the application: {error}"])
    findings = complaints(answer)
    if answer.status >= 500:
        findings.append(f"status {answer.status}")
    said = set(MARKER.findall(answer.body.decode("utf-8", "replace")))
    if strange := {word for word in said if word.startswith("Foreign") or word.encode() not in _bytes_of(sent)}:
        findings.append(f"words of another patient: {sorted(strange)}")
    written = log.getvalue()
    if MARKER.search(written):
        findings.append("CH-SEC-08: the log repeats what was sent")
    if _TROUBLE.search(written):
        findings.append(f"the log tells of a failure: {written[-800:]}")
    return Outcome(answer.status, time.perf_counter() - began, findings)


def _bytes_of(sent: Sent) -> bytes:
    """All that was sent, decompressed."""
    packed = sent.headers.get("Content-Encoding", "").lower() == "gzip"
    body = gzip.decompress(sent.body) if packed and sent.body.startswith(b"\x1f\x8b") else sent.body
    return b"".join((body, *(page.body for page in sent.pages.values())))


def send(app: Flask, sent: Sent) -> Answer:
    """Call the application as a server does, with what a server lets through."""
    path, _, query = sent.path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": sent.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query.encode().decode("latin-1"),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(sent.body)),
        "HTTP_HOST": "127.0.0.1:1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(sent.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in sent.headers.items():
        key = name.upper().replace("-", "_")
        text = value.encode().decode("latin-1")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = text
    if sent.headers.get("Transfer-Encoding") == "chunked":
        del environ["CONTENT_LENGTH"]
        environ["wsgi.input_terminated"] = True
    pieces, status, headers = run_wsgi_app(app, environ, buffered=True)
    body = b"".join(pieces)
    return Answer(sent.method, environ["PATH_INFO"], int(status.split()[0]), lower(headers.items()), body)


@contextmanager
def _watchdog() -> Iterator[None]:
    def bark(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, bark)
    signal.setitimer(signal.ITIMER_REAL, DEADLINE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
