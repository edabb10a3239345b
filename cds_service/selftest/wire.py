"""HTTP as exactly as a hostile client wants it, and a record of all that was said.

`http.client` and not a comfortable library: bodies that are not what their headers say, paths with double slashes and
an `Expect` that waits have to reach the service as they are.
"""

import json
import select
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Literal
from urllib.parse import urlsplit

from cds_service.selftest.checks import Unmet, listed

Kind = Literal["discovery", "call", "feedback", "preflight", "other"]
Framing = Literal["plain", "chunked", "expect"]
JSON = "application/json"
LARGEST = 20_000_000
"""Bytes of an answer that are read."""
SHOWN = 1200
"""Characters of a body that a report shows."""
_CHUNK = 4096
_SECONDS_FOR_CONTINUE = 2.0
_LONGEST_WAIT = 60.0
_MOST_WAITS = 10


class Exchange:
    """One request and its answer. Header names are in lower case."""

    def __init__(
        self, kind: Kind, service: str, method: str, url: str, *, headers: Mapping[str, str], sent: bytes
    ) -> None:
        self.kind, self.service, self.method, self.url = kind, service, method, url
        self.sent_headers, self.sent = dict(headers), sent
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.seconds = 0.0

    @cached_property
    def json(self) -> Any:
        """The answer's JSON. Raises Unmet."""
        try:
            return json.loads(self.body.decode("utf-8"))
        except (ValueError, RecursionError):
            raise Unmet("the body of the answer is not JSON", self) from None

    def expect(self, *statuses: int) -> "Exchange":
        """Raise Unmet unless the answer has one of these statuses."""
        if self.status not in statuses:
            raise Unmet(f"{self.status} came instead of {listed(statuses)}", self)
        return self

    @property
    def cards(self) -> list[Any]:
        """The cards of a 200 answer. Raises Unmet."""
        found = self.json.get("cards") if isinstance(self.json, dict) else None
        if not isinstance(found, list):
            raise Unmet("the answer has no array `cards`", self)
        return found

    def request_text(self) -> str:
        """What was sent, with the token left out."""
        lines = [f"{self.method} {self.url}", *(f"{name}: {value}" for name, value in self._shown_headers())]
        return "\n".join(lines) + (f"\n\n{_excerpt(self.sent)}" if self.sent else "")

    def answer_text(self) -> str:
        """What came."""
        lines = [str(self.status), *(f"{name}: {value}" for name, value in self.headers.items())]
        return "\n".join(lines) + f"\n\n{_excerpt(self.body)}"

    def curl(self) -> str:
        """A command that sends it again; a long or binary body is left to the reader."""
        words = ["curl", "-i", "-X", self.method, self.url]
        for name, value in self._shown_headers():
            words += ["-H", f"{name}: {value}"]
        if self.sent:
            words += ["--data-binary", self._repeatable()]
        return shlex.join(words)

    def _repeatable(self) -> str:
        text = _text(self.sent)
        return text if text is not None and len(text) <= SHOWN else "@request.body"

    def _shown_headers(self) -> Iterator[tuple[str, str]]:
        for name, value in self.sent_headers.items():
            yield name, "Bearer …" if name == "Authorization" and value.startswith("Bearer ey") else value


def _text(body: bytes) -> str | None:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _excerpt(body: bytes) -> str:
    text = _text(body)
    if text is None:
        return f"({len(body)} bytes that are not text)"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(body)} bytes)"


class Unreachable(Exception):
    """Nobody answers at this address any more; the message says how that looked."""


class Wire:
    """Sends requests, each on a connection of its own, and keeps them.

    `pause` is called with seconds when the service asks for patience (429). After three requests in a row without an
    answer it raises Unreachable.
    """

    def __init__(self, seconds: float, pause: Callable[[float], None] = time.sleep) -> None:
        self.transcript: list[Exchange] = []
        self._seconds, self._pause = seconds, pause
        self._silent = 0

    def send(self, exchange: Exchange, framing: Framing = "plain") -> Exchange:
        """Fill in the answer. Raises Unmet when none comes, and Unreachable."""
        for _ in range(_MOST_WAITS):
            self._once(exchange, framing)
            wait = exchange.headers.get("retry-after", "")
            if exchange.status != 429 or not wait.isdigit():
                break
            self._pause(min(float(wait), _LONGEST_WAIT))
        self.transcript.append(exchange)
        return exchange

    def _once(self, exchange: Exchange, framing: Framing) -> None:
        started = time.perf_counter()
        connection = _connection(exchange.url, self._seconds)
        try:
            _write(connection, exchange, framing)
            answer = connection.getresponse()
            exchange.status = answer.status
            exchange.headers = _joined(answer.getheaders())
            exchange.body = answer.read(LARGEST)
        except (OSError, HTTPException) as error:
            self._silent += 1
            what = f"no answer: {str(error) or type(error).__name__}"
            if self._silent == 3:
                raise Unreachable(what) from None
            raise Unmet(what, exchange) from None
        finally:
            connection.close()
            exchange.seconds = time.perf_counter() - started
        self._silent = 0


def _connection(url: str, seconds: float) -> HTTPConnection:
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=seconds)


def _joined(headers: list[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers:
        lower = name.lower()
        found[lower] = f"{found[lower]}, {value}" if lower in found else value
    return found


def _write(connection: HTTPConnection, exchange: Exchange, framing: Framing) -> None:
    parts = urlsplit(exchange.url)
    connection.putrequest(exchange.method, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
    for name, value in exchange.sent_headers.items():
        connection.putheader(name, value)
    connection.putheader("Connection", "close")
    if framing == "chunked":
        connection.putheader("Transfer-Encoding", "chunked")
    elif exchange.sent or exchange.method == "POST":
        connection.putheader("Content-Length", str(len(exchange.sent)))
    if framing == "expect":
        connection.putheader("Expect", "100-continue")
    connection.endheaders()
    if framing == "expect":
        select.select([connection.sock], [], [], _SECONDS_FOR_CONTINUE)
    try:
        for piece in _pieces(exchange.sent, framing):
            connection.send(piece)
    except (BrokenPipeError, ConnectionResetError):
        return  # it has heard enough, and may have said why


def _pieces(body: bytes, framing: Framing) -> Iterator[bytes]:
    if framing != "chunked":
        yield body
        return
    for start in range(0, len(body), _CHUNK):
        piece = body[start : start + _CHUNK]
        yield f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
    yield b"0\r\n\r\n"
