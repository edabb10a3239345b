"""Calls a minute."""

import pytest

from cds_service.security import rates
from cds_service.security.rates import CallRates


class Clock:
    time = 1000.0

    def __call__(self) -> float:
        return self.time


def test_CH_STAT_07_a_minutes_calls_may_come_at_once_and_then_as_the_bucket_fills() -> None:
    clock = Clock()
    bucket = CallRates(clock)
    assert [bucket.seconds_to_wait("a", 6) for _ in range(7)] == [0] * 6 + [10]
    assert bucket.seconds_to_wait("b", 6) == 0
    clock.time += 9.5
    assert bucket.seconds_to_wait("a", 6) == 1
    clock.time += 0.5
    assert [bucket.seconds_to_wait("a", 6) for _ in range(2)] == [0, 10]
    clock.time += 3600
    assert [bucket.seconds_to_wait("a", 6) for _ in range(7)] == [0] * 6 + [10]


@pytest.mark.parametrize("per_minute", [1, 7, 60, 6000])
def test_CH_STAT_07_who_waits_as_told_may_call(per_minute: int) -> None:
    clock = Clock()
    bucket = CallRates(clock)
    assert sum(bucket.seconds_to_wait("a", per_minute) == 0 for _ in range(per_minute + 5)) == per_minute
    wait = bucket.seconds_to_wait("a", per_minute)
    assert wait >= 1
    clock.time += wait
    assert bucket.seconds_to_wait("a", per_minute) == 0


def test_0_is_no_limit() -> None:
    bucket = CallRates(Clock())
    assert {bucket.seconds_to_wait("a", 0) for _ in range(1000)} == {0}


def test_those_whose_bucket_is_full_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "_MOST_REMEMBERED", 3)
    clock = Clock()
    bucket = CallRates(clock)
    for who in "abc":
        bucket.seconds_to_wait(who, 60)
    clock.time += 60
    bucket.seconds_to_wait("d", 60)
    assert set(bucket._full_again) == {"d"}
