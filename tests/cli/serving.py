"""A real `nam-cds serve`, in processes of its own."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import requests

AMPLE = 30.0
"""Seconds within which anything that will happen has happened, also on a slow machine."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """The process, where it is reached, and what it has printed."""

    def __init__(self, folder: Path, *options: str) -> None:
        """It works in the folder, which then holds its database."""
        port = free_port()
        self.base = f"http://127.0.0.1:{port}"
        self._printed = folder / f"serve-{port}.txt"
        command = [sys.executable, "-c", "from cds_service.cli import main; main()", "serve", "--port", str(port)]
        with self._printed.open("wb") as output:  # a pipe that nobody reads would fill up and stop it
            self.process = subprocess.Popen([*command, *options], stdout=output, stderr=subprocess.STDOUT, cwd=folder)

    @property
    def printed(self) -> str:
        return self._printed.read_text(encoding="utf-8")

    @property
    def workers(self) -> list[int]:
        """The process ids of its workers."""
        pid = self.process.pid
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def answered(self, path: str = "/readyz") -> requests.Response:
        """The answer to a GET, as soon as there is one. Raises AssertionError when none comes."""
        end = time.monotonic() + AMPLE
        while self.process.poll() is None and time.monotonic() < end:
            try:
                return requests.get(self.base + path, timeout=AMPLE)
            except requests.ConnectionError:
                time.sleep(0.02)
        raise AssertionError(f"the server does not answer: {self.printed}")


class Callers:
    """Threads that call the server again and again, until the block ends."""

    def __init__(self, count: int) -> None:
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._go_on) for _ in range(count)]

    def call(self, session: requests.Session) -> None:
        """One call; each thread has a session of its own."""
        raise NotImplementedError

    def _go_on(self) -> None:
        with requests.Session() as session:
            while not self._ended.is_set():
                self.call(session)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(AMPLE)


@contextmanager
def serving(folder: Path, *options: str, ending: signal.Signals = signal.SIGTERM) -> Iterator[Server]:
    """A server that answers, ended by a signal. What it printed goes into a file of the folder."""
    server = Server(folder, *options)
    try:
        server.answered()
        yield server
    finally:
        server.process.send_signal(ending)
        server.process.wait(AMPLE)
