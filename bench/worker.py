"""The running server: how soon it answers, and how much memory a worker holds once it has worked."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from bench.charts import Json, request

SERVICE = "/cds-services/nam-patient-view"
REQUESTS = 200


def start_and_memory(chart: Json) -> tuple[float, float]:
    """Seconds from the start of the process to the first good answer; megabytes of the largest process after work."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with TemporaryDirectory(prefix="nam-cds-bench-") as scratch:
        database = f"sqlite:///{scratch}/nam-cds.sqlite"
        environment = os.environ | {"NAM_CDS_PORT": str(port), "NAM_CDS_DATABASE": database}
        return _measure(environment, address, chart)


def _measure(environment: dict[str, str], address: str, chart: Json) -> tuple[float, float]:
    began = time.perf_counter()
    server = subprocess.Popen(
        [Path(sys.executable).with_name("nam-cds"), "serve"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(server, f"{address}/readyz")
        start = time.perf_counter() - began
        body = request(prefetch=chart)
        with requests.Session() as session:
            for _ in range(REQUESTS):
                answer = session.post(
                    address + SERVICE, data=body, headers={"Content-Type": "application/json"}, timeout=30
                )
                answer.raise_for_status()
        return start, max(map(_megabytes, [server.pid, *_children(server.pid)]))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


def _wait(server: "subprocess.Popen[bytes]", address: str) -> None:
    while server.poll() is None:
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
