"""Laboratory results are read when they are asked for, and nothing can tell that from reading all of them at once."""

import msgspec
import pytest

from hooks.chart.lazily import Drops, Results, asked, dropped_about
from tests.hooks.chart.resources import ck, lab, read_chart

OTHER_DAY = {"effectiveDateTime": "2026-10-01"}


def test_only_what_is_asked_for_is_read() -> None:
    chart = read_chart(ck(6200), lab("2160-0", 80, "umol/L"))
    assert asked(chart) == {}
    assert chart.labs["creatine-kinase"][0].value == 6200
    assert list(asked(chart)) == ["creatine-kinase"]


def test_all_results_stand_in_the_order_of_their_entries_however_they_were_asked_for() -> None:
    chart = read_chart(ck(6200), lab("2160-0", 80, "umol/L"))
    assert chart.labs["creatinine"]
    assert list(chart.labs) == ["creatine-kinase", "creatinine"]
    assert len(chart.labs) == 2
    assert list(asked(chart)) == ["creatine-kinase", "creatinine"]


def test_a_concept_without_a_usable_result_is_none() -> None:
    chart = read_chart(ck(6200, status="cancelled"))
    assert "creatine-kinase" not in chart.labs
    assert asked(chart) == {}
    with pytest.raises(KeyError):
        chart.labs["creatinine"]


def test_what_was_left_out_stands_in_the_order_of_the_entries() -> None:
    chart = read_chart(
        ck(1, status="cancelled"), lab("2160-0", 80, "umol/L", status="cancelled"), ck(2, status="entered-in-error")
    )
    assert [dropped.concept for dropped in chart.dropped] == ["creatine-kinase", "creatinine", "creatine-kinase"]
    assert chart.dropped[:1] == (chart.dropped[0],)


def test_what_was_left_out_of_some_concepts_is_known_without_reading_the_others() -> None:
    chart = read_chart(ck(1, status="cancelled"), lab("2160-0", 80, "umol/L", status="cancelled"))
    (dropped,) = dropped_about(chart, frozenset({"creatine-kinase"}))
    assert dropped.concept == "creatine-kinase"
    assert dropped_about(chart, frozenset({"imnm"})) == ()


def test_a_chart_of_plain_facts_is_asked_alike() -> None:
    read = read_chart(ck(6200), ck(1, status="cancelled", **OTHER_DAY))
    plain = msgspec.structs.replace(read, labs=dict(read.labs), dropped=tuple(read.dropped))
    assert isinstance(read.labs, Results)
    assert isinstance(read.dropped, Drops)
    assert asked(plain) == plain.labs == read.labs
    about = frozenset({"creatine-kinase"})
    assert dropped_about(plain, about) == dropped_about(read, about) == plain.dropped


def test_lists_of_what_was_left_out_are_equal_when_they_say_the_same() -> None:
    annulled = ck(1, status="cancelled")
    one, other = (read_chart(annulled).dropped for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != ()
    assert len(one) == 1
