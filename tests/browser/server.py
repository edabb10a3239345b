"""The application behind a real HTTP server, on a thread of this process."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from flask import Flask
from werkzeug.serving import make_server

import fixtures
from cds_service.app import create_app
from cds_service.settings import Settings
from tests.cli.serving import free_port


class Site(msgspec.Struct, frozen=True):
    """What is served, and where."""

    app: Flask
    address: str


@contextmanager
def served(**settings: Any) -> Iterator[Site]:
    """The application with these settings, on the day for which the fixtures are written."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    defaults: dict[str, Any] = {"log_level": "error", "database": "memory", "port": port, "public_url": address}
    app = create_app(Settings(**(defaults | settings)), today=lambda: fixtures.ANCHOR)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Site(app, address)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        app.extensions["cds_service"]["engine"].close()
