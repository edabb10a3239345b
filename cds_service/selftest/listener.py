"""A server of the selftest's own: it notes who asks for what, and answers as it is told."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec


class Heard(msgspec.Struct, frozen=True):
    """A request that arrived. Header names are in lower case; `path` has no query, `query` no question mark."""

    method: str
    path: str
    query: str
    headers: dict[str, str]


class Page(msgspec.Struct, frozen=True):
    """An answer."""

    body: Any = None
    status: int = 200
    media_type: str = "application/fhir+json"
    headers: dict[str, str] = {}

    def encoded(self) -> bytes:
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


class Listener:
    """Listens until `close`. `answer` may be replaced at any time."""

    def __init__(self, host: str, port: int, answer: Callable[[Heard], Page]) -> None:
        self.heard: list[Heard] = []
        self.answer = answer
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                length = int(self.headers.get("Content-Length") or 0)
                query += self.rfile.read(length).decode("utf-8", "replace") if length else ""
                headers = {name.lower(): value for name, value in self.headers.items()}
                heard = Heard(self.command, path, query, headers)
                listener.heard.append(heard)
                page = listener.answer(heard)
                body = page.encoded()
                self.send_response(page.status)
                for name, value in {
                    "Content-Type": page.media_type,
                    "Content-Length": str(len(body)),
                    **page.headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - the name that http.server looks for

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Quiet: the report tells what matters."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self.origin = f"http://{host}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
