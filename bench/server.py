"""The server as it is run for real: a process of its own, asked over HTTP."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import requests

from cds_service.settings import variable_of


class Server(msgspec.Struct, frozen=True):
    """A running server: where it answers, its first process, and the seconds from its start to its first answer."""

    address: str
    pid: int
    start: float

    def processes(self) -> list[int]:
        """The process that was started, and all that came from it."""
        return [self.pid, *_children(self.pid)]

    def megabytes(self) -> dict[int, float]:
        """What each process keeps in memory."""
        return {pid: _megabytes(pid) for pid in self.processes()}


@contextlib.contextmanager
def serving(**settings: object) -> Iterator[Server]:
    """`nam-cds serve` with these settings on a free port of this machine, and a database that ends with it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="nam-cds-bench-") as scratch:
        chosen = {"port": port, "database": f"sqlite:///{scratch}/nam-cds.sqlite", **settings}
        began = time.perf_counter()
        process = subprocess.Popen(
            [Path(sys.executable).with_name("nam-cds"), "serve"],
            env=os.environ | {variable_of(name): str(value) for name, value in chosen.items()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(process, f"{address}/readyz")
            yield Server(address, process.pid, time.perf_counter() - began)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def _wait(process: "subprocess.Popen[bytes]", address: str) -> None:
    while process.poll() is None:
        try:
            if requests.get(address, timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.01)
    raise RuntimeError("nam-cds serve ended before it answered; run it by hand to see why")


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [descendant for child in map(int, listed) for descendant in (child, *_children(child))]


def _megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024
