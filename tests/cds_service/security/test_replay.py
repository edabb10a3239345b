"""Tokens are good once: in one process, over several of them, and while the store is down."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from cds_service.app import create_app
from cds_service.registry import CdsService
from cds_service.security.replay import InMemory
from cds_service.settings import Settings
from cds_service.store.store import Store
from tests.cds_service.security.signing import NOW, PUBLIC_URL, claims, clients_file, key_pair
from tests.cds_service.support import TODAY, complete, request
from tests.cli.serving import AMPLE, serving

ONE = key_pair("one")


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_CH_JWT_16_a_token_is_remembered_until_it_expires() -> None:
    clock = [NOW]
    memory = InMemory(lambda: clock[0])
    assert memory.first_use("a", "1", moment(NOW + 100))
    assert not memory.first_use("a", "1", moment(NOW + 100))
    assert memory.first_use("b", "1", moment(NOW + 300))
    clock[0] = NOW + 100
    assert not memory.first_use("a", "1", moment(NOW + 100))
    clock[0] = NOW + 101
    assert memory.first_use("a", "2", moment(NOW + 400))
    assert len(memory._seen) == len(memory._by_expiry) == 2
    assert not memory.first_use("b", "1", moment(NOW + 300))


def test_CH_JWT_16_issuer_and_jti_do_not_run_into_each_other() -> None:
    memory = InMemory(lambda: NOW)
    assert memory.first_use("ab", "c", moment(NOW + 1))
    assert memory.first_use("a", "bc", moment(NOW + 1))
    assert memory.first_use("a", "\ud800", moment(NOW + 1))


@pytest.fixture
def worker(demo: CdsService, tmp_path: Path) -> Iterator[Callable[..., Flask]]:
    """Workers of one installation: they share clients file and database."""
    made: list[Flask] = []
    clients = clients_file(tmp_path)

    def make(store: Store | None = None) -> Flask:
        settings = Settings(
            public_url=PUBLIC_URL, clients=clients, database=f"sqlite:///{tmp_path}/nam.sqlite", log_level="info"
        )
        made.append(create_app(settings, services=(demo,), today=lambda: TODAY, now=lambda: NOW, store=store))
        return made[-1]

    yield make
    for app in made:
        app.extensions["cds_service"]["engine"].close()


def status(app: Flask, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return app.test_client().post("/cds-services/demo", json=request(complete()), headers=headers).status_code


def test_CH_JWT_16_a_token_is_good_once_over_all_workers_and_starts(worker: Callable[..., Flask]) -> None:
    first, second = worker(), worker()
    token, other = ONE.sign(claims()), ONE.sign(claims())
    assert status(first, token) == 200
    assert status(second, token) == 401
    assert status(second, other) == 200
    started_anew = worker()
    assert [status(started_anew, one) for one in (token, other, ONE.sign(claims()))] == [401, 401, 200]


def test_CH_JWT_16_while_the_store_is_down_calls_are_answered_and_each_worker_remembers(
    worker: Callable[..., Flask], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = worker()
    before = ONE.sign(claims())
    assert status(app, before) == 200
    monkeypatch.setattr(Store, "first_use", lambda *_: None)
    capsys.readouterr()
    token = ONE.sign(claims())
    assert [status(app, one) for one in (token, token, before)] == [200, 401, 401]
    events = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
    assert events.count("replay_memory_down") == 1


def test_CH_JWT_16_of_calls_at_the_same_time_one_is_answered(worker: Callable[..., Flask]) -> None:
    apps = [worker(), worker()]
    for _ in range(3):
        token = ONE.sign(claims())
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(status, apps * 4, [token] * 8))
        assert sorted(found) == [200] + [401] * 7


def test_CH_JWT_16_a_token_is_good_once_over_the_workers_of_a_real_server(tmp_path: Path) -> None:
    server_folder = tmp_path / "server"
    server_folder.mkdir()
    clients = clients_file(tmp_path, audiences=["the-test"])
    now = time.time()
    body = _nothing_to_say()
    with serving(server_folder, "--clients", str(clients), "--workers", "2") as server:
        address = f"{server.base}/cds-services/nam-patient-view"

        def call(token: str) -> int:
            headers = {"Authorization": f"Bearer {token}", "Connection": "close"}
            return requests.post(address, json=body, headers=headers, timeout=AMPLE).status_code

        right = claims(iat=now, exp=now + 300, aud="the-test")
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(call, [ONE.sign(right)] * 24))
            others = list(threads.map(call, [ONE.sign(right | {"jti": str(n)}) for n in range(24)]))
        assert sorted(found) == [200] + [401] * 23
        assert others == [200] * 24
        assert requests.post(address, json=body, timeout=AMPLE).status_code == 401
        assert requests.get(f"{server.base}/cds-services", timeout=AMPLE).status_code == 200


def _nothing_to_say() -> dict[str, Any]:
    patient = {"resourceType": "Patient", "id": "42"}
    return request({"patient": patient, "conditions": None}, context={"userId": "Practitioner/1", "patientId": "42"})
