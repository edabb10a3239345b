"""The traffic, as locust runs it: mostly charts that do not concern the service, some that do, orders, feedback."""

import json
import os
import random
from collections import deque
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
from locust import FastHttpUser, constant_throughput, events, task

from bench import charts
from bench.load import RATE, RESULTS

VIEW, SIGN = "/cds-services/nam-patient-view", "/cds-services/nam-order-sign"
GATE, FULL, ORDERS, FEEDBACK = "gate miss", "full cards", "order-sign", "feedback"

_today = date.today()  # the server's own day
_bodies = {
    GATE: charts.request(prefetch=charts.gate_chart(_today)).decode(),
    FULL: charts.request(prefetch=charts.full_chart(_today)).decode(),
    ORDERS: charts.request("order-sign", charts.orders(), prefetch=charts.full_chart(_today)).decode(),
}
_shown: deque[dict[str, Any]] = deque(maxlen=200)
_milliseconds: dict[str, list[float]] = {}
_wrong: dict[str, int] = {}


class Ehr(FastHttpUser):
    """One of several systems that call, each so often a second."""

    wait_time = constant_throughput(float(os.environ[RATE]))

    @task(8)
    def a_chart_without_myositis(self) -> None:
        """Most charts that are opened."""
        self._call(VIEW, GATE, cards=False)

    @task(4)
    def a_chart_with_cards(self) -> None:
        """A patient whom the service is for."""
        self._call(VIEW, FULL, cards=True)

    @task(4)
    def orders_to_sign(self) -> None:
        """Ten drafts for that patient."""
        self._call(SIGN, ORDERS, cards=True)

    @task(4)
    def feedback(self) -> None:
        """What was done with a card that was shown a while ago."""
        if not _shown:
            return
        card = random.choice(_shown)
        item: dict[str, Any] = {"card": card["uuid"], "outcome": "overridden"}
        if card.get("suggestions") and random.random() < 0.5:
            item |= {"outcome": "accepted", "acceptedSuggestions": [{"id": card["suggestions"][0]["uuid"]}]}
        item["outcomeTimestamp"] = datetime.now(UTC).isoformat()
        self._post(f"{VIEW}/feedback", FEEDBACK, json.dumps({"feedback": [item]}))

    def _call(self, path: str, kind: str, *, cards: bool) -> None:
        answer = self._post(path, kind, _bodies[kind])
        if answer is None or bool(answer.get("cards")) is not cards:
            _wrong[kind] = _wrong.get(kind, 0) + 1
        elif kind == FULL:
            _shown.extend(answer["cards"])

    def _post(self, path: str, kind: str, body: str) -> dict[str, Any] | None:
        headers = {"Content-Type": "application/json"}
        with self.client.post(path, data=body, headers=headers, name=kind, catch_response=True) as response:
            if response.status_code != 200:
                response.failure(f"{response.status_code}")
                return None
            answer: dict[str, Any] = json.loads(response.content)
            return answer


@events.request.add_listener  # type: ignore[untyped-decorator]
def _note(name: str, response_time: float, exception: BaseException | None, **_: Any) -> None:
    if exception:
        _wrong[name] = _wrong.get(name, 0) + 1
    else:
        _milliseconds.setdefault(name, []).append(response_time)


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def _write(**_: Any) -> None:
    Path(os.environ[RESULTS]).write_bytes(msgspec.json.encode({"milliseconds": _milliseconds, "wrong": _wrong}))
