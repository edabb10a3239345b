"""A share of the fuzzing with a fixed seed, what earlier runs found, and the judge itself."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml

import cds_service.engine
from tests.conformance.watch import WATCH
from tests.fuzz import runner as judging
from tests.fuzz.requests import Sent
from tests.fuzz.runner import Runner, Totals, judge
from tests.metamorphic.cases import viewed

SHARE = 2000
_KEPT = yaml.safe_load((Path(__file__).parent / "seeds.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def running() -> Iterator[Runner]:
    with closing(Runner(1)) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("seed", _KEPT["seeds"])
def test_nothing_that_is_sent_brings_the_service_to_a_bad_answer(seed: int) -> None:
    totals = Totals()
    with closing(Runner(seed)) as runner:
        for number in range(SHARE):
            totals.add(number, runner.run(number))
    assert totals.findings == []
    assert totals.statuses.total() == SHARE
    assert totals.statuses.keys() >= {200, 400, 401, 404, 405, 412, 415}
    assert totals.statuses[200] > SHARE / 4  # the mutations leave enough of a request to be answered


def test_what_was_found_once_is_not_found_again() -> None:
    for one in _KEPT["found"]:
        with closing(Runner(one["seed"])) as runner:
            assert runner.run(one["number"]).findings == [], one


def test_a_seed_and_a_number_say_what_is_sent(running: Runner) -> None:
    first = [running.request(number) for number in range(40)]
    assert first == [running.request(number) for number in range(40)]
    assert len({sent.body for sent in first}) > 20


def valid(words: str = "") -> Sent:
    body = viewed("nam-hmgcr-active-statin").body | ({"extension": {"words": words}} if words else {})
    headers = {"Content-Type": "application/json"}
    return Sent("valid", "POST", "/cds-services/nam-patient-view", headers, json.dumps(body).encode())


def never_ends(*_: Any) -> bytes:
    while True:
        pass


def fails(*_: Any) -> bytes:
    raise RuntimeError("planted")


def complains(*_: Any) -> bytes:
    structlog.get_logger().error("planted")
    return b'{"cards":[]}'


def repeats(*_: Any) -> bytes:
    structlog.get_logger().info("planted", said="Own7x")
    return b'{"cards":[]}'


def says(body: bytes) -> Callable[..., bytes]:
    return lambda *_: body


CARD = b'{"cards":[{"summary":"%s","indicator":"info","source":{"label":"x"}}]}'


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        (fails, "status 500"),
        (fails, "the log tells of a failure"),
        (complains, "the log tells of a failure"),
        (repeats, "CH-SEC-08"),
        (says(b'{"cards":null}'), "CH-RESP-01"),
        (says(CARD % b"Foreign7x"), "words of another patient"),
        (says(CARD % b"Own8x"), "words of another patient"),
        (never_ends, "no answer within"),
    ],
)
def test_each_kind_of_failure_is_found(
    running: Runner, monkeypatch: pytest.MonkeyPatch, planted: Callable[..., bytes], found: str
) -> None:
    monkeypatch.setattr(judging, "DEADLINE", 0.5 if planted is never_ends else judging.DEADLINE)
    monkeypatch.setattr(cds_service.engine, "encode", planted)
    assert found in "\n".join(judge(running.apps[0], valid("Own7x Foreign7x")).findings)
    WATCH.take()  # it was meant to be bad


def test_a_good_answer_is_no_finding(running: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge(running.apps[0], valid()).findings == []
    monkeypatch.setattr(cds_service.engine, "encode", says(CARD % b"Own7x"))
    outcome = judge(running.apps[0], valid("Own7x"))
    assert (outcome.status, outcome.findings) == (200, [])
