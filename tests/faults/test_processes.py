"""A worker that dies while it works: it comes back, and the next call is answered."""

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.cli.serving import AMPLE, Callers, Server, serving
from tests.conformance.watch import WATCH

PATIENT = "nam-refractory-gates-passed"


class Load(Callers):
    """Callers who do not stop, and how their calls went."""

    def __init__(self, server: Server, count: int) -> None:
        super().__init__(count)
        self.address = f"{server.base}/cds-services/nam-patient-view"
        self.request: Any = requests.get(f"{server.base}/patients/{PATIENT}/request.json", timeout=AMPLE).json()
        self.outcomes: Counter[str] = Counter()

    def call(self, session: requests.Session) -> None:
        # Without the session: a connection of its own for each call, so that each worker gets some.
        try:
            self.outcomes[str(requests.post(self.address, json=self.request, timeout=AMPLE).status_code)] += 1
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):  # before, or in, the answer
            self.outcomes["broken off"] += 1


def wait_until(condition: Any) -> None:
    end = time.monotonic() + AMPLE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_killed_under_load_comes_back(tmp_path: Path, workers: int) -> None:
    with serving(tmp_path, "--demo", "--workers", str(workers)) as server:
        before = server.workers
        assert len(before) == workers
        with Load(server, 4) as load:
            wait_until(lambda: load.outcomes["200"] > 20)
            os.kill(before[0], signal.SIGKILL)
            wait_until(lambda: before[0] not in server.workers and len(server.workers) == workers)
            so_far = load.outcomes["200"]
            wait_until(lambda: load.outcomes["200"] > so_far + 20)
        assert set(load.outcomes) <= {"200", "broken off"}
        for _ in range(10):
            answer = WATCH.see_http(requests.post(load.address, json=load.request, timeout=AMPLE))
            assert answer.status_code == 200
            assert answer.json()["cards"]
        assert set(server.workers) >= set(before[1:])
        wait_until(lambda: server.printed.count('"event": "started"') == workers + 1)
    assert server.process.returncode == 0
    assert "Traceback" not in server.printed
    lines = [line for line in server.printed.splitlines() if line.startswith("{")]
    assert len(lines) > 40
    for line in lines:
        assert json.loads(line)["event"]  # workers do not write into one another's lines
    assert "" not in server.printed.splitlines()


def test_a_worker_that_dies_again_and_again_ends_the_service(tmp_path: Path) -> None:
    server = Server(tmp_path, "--demo", "--workers", "2")
    try:
        server.answered()
        killed = set(server.workers)
        os.kill(server.workers[0], signal.SIGKILL)
        wait_until(lambda: set(server.workers) - killed)
        (fresh,) = set(server.workers) - killed
        os.kill(fresh, signal.SIGKILL)
        assert server.process.wait(AMPLE) == 1
    finally:
        server.process.kill()
        server.process.wait(AMPLE)
