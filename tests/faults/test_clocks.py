"""A wall clock that jumps: no deadline follows it, and tokens are judged by what it says now."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from cds_service.app import create_app
from cds_service.engine import Engine
from cds_service.fhir.servers import FhirServer
from cds_service.registry import CdsService
from cds_service.settings import Settings
from tests.cds_service.security.signing import NOW, PUBLIC_URL, claims, clients_file, key_pair
from tests.cds_service.support import (
    TODAY,
    Ehr,
    Seen,
    ask,
    complete,
    hanging,
    request,
    service,
    with_access,
    without,
)

AMPLE = 15.0
DAY = 86_400.0


class WallClock:
    """The time of day, which somebody sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + self.ahead)


@pytest.fixture
def wall_clock(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    return WallClock(monkeypatch)


@pytest.fixture
def ehr() -> Iterator[Ehr]:
    server = Ehr()
    yield server
    server.stop()


def engine_with(ehr: Ehr, seconds: float) -> Engine:
    return Engine(Settings(fhir_servers=(FhirServer(ehr.base),), deadline_seconds=seconds, log_level="error"))


@pytest.mark.parametrize("jump", [DAY, -DAY, 400 * DAY], ids=["forward", "back", "far"])
def test_CH_SSRF_06_no_deadline_follows_the_wall_clock(ehr: Ehr, wall_clock: WallClock, jump: float) -> None:
    seen = Seen()
    one = service(seen)
    engine = engine_with(ehr, 30)
    ehr.holds(complete())

    def answer(value: Any, handler: BaseHTTPRequestHandler) -> None:
        wall_clock.ahead += jump
        ehr.reply(handler, value)

    ehr.pages = {path: partial(answer, value) for path, value in ehr.pages.items()}
    assert ask(engine, one, with_access(ehr.base))
    assert {source.state for source in seen.data.sources.values()} == {"complete"}
    assert wall_clock.ahead == 4 * jump
    engine.close()


def test_CH_SSRF_06_a_clock_that_is_put_back_does_not_prolong_a_call(ehr: Ehr, wall_clock: WallClock) -> None:
    seen = Seen()
    one = service(seen)
    engine = engine_with(ehr, 0.5)
    hang = hanging(ehr)

    def page(handler: BaseHTTPRequestHandler) -> None:
        wall_clock.ahead -= DAY
        hang(handler)

    ehr.default = page
    started = time.monotonic()
    assert ask(engine, one, with_access(ehr.base, without("allergies")))
    assert time.monotonic() - started < AMPLE
    assert wall_clock.ahead == -DAY
    assert "did not answer in time" in seen.data.sources["allergies"].reason
    engine.close()


@pytest.fixture
def call(tmp_path: Path) -> Iterator[Callable[[str, float], int]]:
    """The status of a call with a token, at a time."""
    now = [NOW]
    demo: CdsService = service(Seen())
    settings = Settings(
        public_url=PUBLIC_URL,
        clients=clients_file(tmp_path),
        database=f"sqlite:///{tmp_path}/nam.sqlite",
        log_level="error",
    )
    app = create_app(settings, services=(demo,), today=lambda: TODAY, now=lambda: now[0])

    def status(token: str, at: float) -> int:
        now[0] = at
        headers = {"Authorization": f"Bearer {token}"}
        return app.test_client().post("/cds-services/demo", json=request(complete()), headers=headers).status_code

    yield status
    app.extensions["cds_service"]["engine"].close()


def test_CH_JWT_13_CH_JWT_16_tokens_are_judged_by_the_time_of_day_and_no_jump_lets_one_in_twice(
    call: Callable[[str, float], int],
) -> None:
    def token() -> str:
        return key_pair("one").sign(claims())

    used, other = token(), token()
    assert call(used, NOW) == 200
    assert call(other, NOW + DAY) == 401
    assert call(other, NOW - DAY) == 401
    # A clock that is right again takes what is right, and only once.
    assert call(other, NOW) == 200
    tomorrow = key_pair("one").sign(claims(iat=int(NOW + DAY), exp=int(NOW + DAY) + 300))
    assert call(tomorrow, NOW + DAY) == 200
    assert [call(one, NOW) for one in (used, other)] == [401, 401]
