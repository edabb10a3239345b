"""Case finding: who has no diagnosis, and results that somebody should look at; and the near misses."""

from typing import Any

import msgspec
import pytest

from hooks import services
from hooks.chart.facts import Chart, Dropped
from hooks.finding import Evidence, Found, everybody, find, looked_for
from tests.hooks.builders import TODAY, chart, ck, condition, course, knowledge, verdict, when

CERTAIN, PERHAPS = "CK very high twice, on a statin", "CK very high twice, perhaps on a statin"


def undiagnosed(*facts: Any, **more: Any) -> Chart:
    """A chart without the diagnosis that the builder adds."""
    made = chart(*facts, **more)
    diagnoses = tuple(d for d in made.diagnoses if "imnm" not in d.concepts)
    return msgspec.structs.replace(made, diagnoses=diagnoses)


def found(*facts: Any, **more: Any) -> Found | None:
    return find(undiagnosed(*facts, **more), knowledge(), TODAY)


def reasons(*facts: Any, **more: Any) -> tuple[str, ...]:
    one = found(*facts, **more)
    return one.reasons if one else ()


def rows(what: str, *facts: Any, **more: Any) -> list[Evidence]:
    one = found(*facts, **more)
    assert one
    return [row for row in one.evidence if row.what.startswith(what)]


@pytest.mark.parametrize("name", ["anti-hmgcr", "anti-srp"])
def test_a_positive_antibody_is_a_reason_of_any_age(name: str) -> None:
    said = {"anti-hmgcr": "anti-HMGCR", "anti-srp": "anti-SRP"}[name]
    assert reasons(verdict(name, "positive", 3000)) == (f"{said} positive",)
    assert reasons(verdict(name, "positive", None)) == (f"{said} positive",)


@pytest.mark.parametrize("result", ["negative", "indeterminate"])
def test_an_antibody_that_is_not_positive_is_none(result: Any) -> None:
    assert found(verdict("anti-hmgcr", result), verdict("anti-srp", result)) is None


def test_nothing_tested_nothing_found() -> None:
    assert found(course("statin", 900)) is None


def test_very_high_twice_on_a_statin() -> None:
    assert reasons(ck(2000, 10), ck(2000, 38), course("statin", 38)) == (CERTAIN,)


@pytest.mark.parametrize(
    "facts",
    [
        (ck(1980, 10), ck(2000, 38), course("statin", 300)),
        (ck(2000, 10), ck(1980, 38), course("statin", 300)),
        (ck(2000, 10), ck(2000, 37), course("statin", 300)),
        (ck(2000, 10), course("statin", 300)),
        (ck(2000, 10), ck(2000, 38)),
        (ck(2000, 10), ck(2000, 38), course("prednisone", 300)),
        (ck(2000, 10), ck(2000, 38), course("statin", 37)),
        (ck(2000, 10), ck(2000, 38), course("statin", 300, 11, status="completed")),
        (ck(2000, 10), ck(2000, 38), course("statin", 300, status="planned")),
        (ck(2000, 10), ck(2000, 38, comparator="<"), course("statin", 300)),
        (ck(2000, 10), ck(2000, 38, doubt="differs"), course("statin", 300)),
        (ck(2000, 10), ck(2000, "2026"), course("statin", 300)),
    ],
    ids=[
        "newer below", "older below", "27 days apart", "once", "no statin", "another drug", "statin begun after one",
        "statin ended before one", "statin planned", "below an unknown value", "doubtful", "no day",
    ],
)  # fmt: skip
def test_near_misses(facts: tuple[Any, ...]) -> None:
    assert found(*facts) is None


def test_two_statins_one_after_the_other_are_on_a_statin() -> None:
    one, other = course("statin", 300, 30, status="completed"), course("statin", 20)
    assert reasons(ck(2000, 10), ck(2000, 38), one, other) == (CERTAIN,)
    assert found(ck(2000, 25), ck(2000, 60), one, other) is None


@pytest.mark.parametrize(
    "statin",
    [
        course("statin", None),
        course("statin", "2026"),
        course("statin", 300, status="stopped"),
        course("statin", 300, status="unknown"),
        course("statin", 300, "2026-11", status="completed"),
        course("statin", None, status="unknown", known_by=when(300)),
    ],
    ids=["no start", "only the year", "ended, not known when", "not known whether taken", "vague end", "only asserted"],
)
def test_a_statin_whose_dates_do_not_tell_is_said_to_be_one_perhaps(statin: Any) -> None:
    assert reasons(ck(2000, 10), ck(2000, 38), statin) == (PERHAPS,)


def test_taken_by_the_day_it_was_asserted() -> None:
    assert reasons(ck(2000, 10), ck(2000, 38), course("statin", None, known_by=when(38))) == (CERTAIN,)


def test_the_certain_pair_is_shown_before_a_newer_one_that_is_not() -> None:
    sure, after = course("statin", 300, 100, status="completed"), course("statin", 90, status="unknown")
    shown = rows("CK", ck(5000, 5), ck(2000, 120), ck(3000, 160), ck(4000, 200), sure, after)
    assert [row.value for row in shown] == ["2000 U/L (10.0 × ULN)", "3000 U/L (15.0 × ULN)"]


@pytest.mark.parametrize(
    "name", ["imnm", "immune-myopathy-nec", "polymyositis", "drug-induced-myopathy", "other-myositis"]
)
@pytest.mark.parametrize("current", [True, False])
def test_who_has_or_had_a_diagnosis_of_the_service_is_not_listed(name: str, current: bool) -> None:
    facts = (verdict("anti-srp", "positive"), condition(name, current=current))
    assert find(chart(*facts), knowledge(), TODAY) is None


def test_the_dead_are_not_listed() -> None:
    assert found(verdict("anti-srp", "positive"), deceased=True) is None


def test_what_bears_on_it_is_shown_with_value_date_limit_and_source() -> None:
    high, old = ck(4000, "2026-11-10"), ck(3000, "2026-09-01", upper=None)
    statin = course("statin", "2025-01-10", text="Atorvastatin 40 mg")
    one = found(high, old, statin, condition("dermatomyositis", "2024-02-03", text="Dermatomyositis"))
    assert one
    assert one.evidence == (
        Evidence("CK", "4000 U/L (20.0 × ULN)", "2026-11-10", "≥ 10 × ULN [ENG], ULN 200 U/L", high.source),
        Evidence(
            "CK",
            "3000 U/L (15.0 × ULN)",
            "2026-09-01",
            "≥ 10 × ULN [ENG], ULN 200 U/L by default: no range with the result",
            old.source,
        ),
        Evidence("Statin (active)", "Atorvastatin 40 mg", "since 2025-01-10", "", statin.source),
        Evidence("On the problem list", "Dermatomyositis", "2024-02-03", "", one.evidence[3].source),
    )


def test_a_statin_is_shown_with_what_is_known_of_its_time() -> None:
    positive = verdict("anti-hmgcr", "positive")
    (ended,) = rows("Statin", positive, course("statin", "2025-01-10", "2025-06-01", status="completed"))
    assert (ended.what, ended.when) == ("Statin (completed)", "since 2025-01-10, until 2025-06-01")
    (unclear,) = rows("Statin", positive, course("statin", None, status="unknown", text=""))
    assert (unclear.what, unclear.value) == ("Statin (taken or not is not recorded)", "statin")
    assert unclear.when == "start not recorded"


def test_a_positive_antibody_is_shown_with_what_may_mislead_and_with_a_newer_result() -> None:
    titre = verdict("anti-hmgcr", "positive", "2026-01-07")
    titre = msgspec.structs.replace(
        titre, value=148.0, unit="units", upper=20.0, preliminary=True, doubt="contradicted"
    )
    (first, newest) = rows("anti-HMGCR", titre, verdict("anti-hmgcr", "negative", "2026-08-01"))
    assert first.value == "positive: 148 units (preliminary; contradicted)"
    assert (first.when, first.compared) == ("2026-01-07", "upper limit 20")
    assert (newest.what, newest.value, newest.when) == ("anti-HMGCR, newest", "negative", "2026-08-01")
    (undated,) = rows("anti-SRP", verdict("anti-srp", "positive", None))
    assert (undated.value, undated.when) == ("positive", "no date")


def test_the_newest_ck_is_shown_beside_an_antibody() -> None:
    shown = rows("CK", verdict("anti-srp", "positive"), ck(150, 90), ck(300, 30))
    assert [row.value for row in shown] == ["300 U/L (1.5 × ULN)"]


def test_a_diagnosis_that_was_refuted_is_shown() -> None:
    refuted = Dropped("Condition/c", "is refuted", "polymyositis", kind="not in force")
    others = (
        Dropped("Condition/d", "is refuted", "pregnancy", kind="not in force"),
        Dropped("Condition/e", "names another", "polymyositis", kind="another patient"),
    )
    made = undiagnosed(verdict("anti-srp", "positive"), condition("pregnancy"), dropped=(refuted, *others))
    one = find(made, knowledge(), TODAY)
    assert one
    assert one.evidence[1:] == (Evidence("Not in force", "Polymyositis: is refuted", "", "", "Condition/c"),)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (b'{"coding": [{"system": "http://loinc.org", "code": "2157-6"}]}', True),
        (b'{"coding": [{"system": "http://loinc.org", "code": "93493-5"}]}', True),
        (b'{"text": "Creatine kinase"}', True),
        (b'{"text": "anti-SRP antibody"}', True),
        (b'{"text": "CK-MB"}', False),
        (b'{"coding": [{"system": "http://loinc.org", "code": "718-7"}]}', False),
        (b'"CK"', False),
        (b"", False),
    ],
)
def test_a_test_is_known_by_code_and_by_name_as_the_chart_is_read(code: bytes, reason: bool) -> None:
    assert looked_for(msgspec.Raw(code), knowledge()) is reason


def test_everybody_is_looked_at_by_all_observations() -> None:
    service = services(knowledge())[0]
    wide = everybody(service)
    assert wide.gate(None, TODAY) is True  # type: ignore[arg-type]  # it looks at nothing
    queries = {one.key: one.query for one in wide.prefetch}
    assert queries.keys() == {one.key for one in service.prefetch} - {"scores"}
    assert "code=" not in queries["labs"]
    assert queries["conditions"] == next(one.query for one in service.prefetch if one.key == "conditions")
