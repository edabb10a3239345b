"""Try it: a chart, changed in a form, and which cards come and go."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

import fixtures
from cds_service.console.difference import difference
from cds_service.console.fields import fields
from cds_service.console.original import content_of
from cds_service.console.trial import Bench
from hooks.knowledge import load
from tests.console.trying import Tried, changed, opened, pasted

ESCALATE = "Refractory IMNM: consider specialist referral and cyclophosphamide; evidence is low"


@pytest.fixture(scope="module")
def demo_app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(demo=True)


@pytest.fixture
def demo(demo_app: Flask) -> FlaskClient:
    return demo_app.test_client()


def rules(tried: Tried) -> list[str]:
    """The rules whose answer is another."""
    return [part.partition('"')[0] for part in tried.html.split('<h4><a href="/rules/')[1:]]


@pytest.fixture(scope="module")
def bench(demo_app: Flask) -> Bench:
    parts = demo_app.extensions["cds_service"]
    return Bench(parts["settings"], load(), parts["catalogue"])


@pytest.mark.parametrize("story", fixtures.stories(), ids=lambda story: story.id)
def test_a_form_that_is_sent_as_it_is_changes_nothing(bench: Bench, story: fixtures.Story) -> None:
    content = content_of(json.dumps(fixtures.bundle(story.id, fixtures.ANCHOR)).encode())
    before = bench.tried(content, "", fixtures.ANCHOR, {})
    inputs = [one for section in before.form.sections for fact in section.facts for one in fact.inputs]
    assert inputs
    after = bench.tried(content, "", fixtures.ANCHOR, {one.name: one.text for one in inputs})
    assert not after.changes.sentences
    assert not after.form.problems
    assert after.form == before.form
    compared = difference(before.view.explanation, after.view.explanation)
    assert {one.move for one in compared.cards} <= {"unchanged"}
    assert not compared.rules
    rules = [card.source.topic.code for card in before.view.explanation.response.cards if card.source.topic]
    assert rules == [card.rule for card in story.expect]


def test_a_page_that_is_sent_as_it_is_comes_back(demo: FlaskClient) -> None:
    before = opened(demo, "nam-orders-with-text-doses")
    after = changed(demo, before)
    assert "What you changed" not in after.html
    assert after.form.values == before.form.values


# Each kind of change: what the specification says comes and goes


def test_a_normal_ck_takes_escalation_away_and_the_page_names_the_criterion(demo: FlaskClient) -> None:
    before = opened(demo, "nam-refractory-gates-passed")
    after = changed(
        demo, before, **{before.form.named("Creatine kinase, total, 2026-11-10", "valueQuantity.value"): "150"}
    )
    assert "Creatine kinase, total, 2026-11-10: 6200 → 150 U/L" in after.page.text
    assert ESCALATE in after.moves["went"]
    assert "EscalateToCyclophosphamide" in rules(after)
    assert "fires → silent" in after.page.text


def test_a_raised_ck_brings_escalation(demo: FlaskClient) -> None:
    bundle = fixtures.bundle("nam-refractory-gates-passed", fixtures.ANCHOR)
    for entry in bundle["entry"]:
        if entry["resource"]["id"].endswith("-ck-2"):
            entry["resource"]["valueQuantity"]["value"] = 340
    before = pasted(demo, json.dumps(bundle))
    name = before.form.named("Creatine kinase, total, 2026-11-10", "valueQuantity.value")
    after = changed(demo, before, **{name: "900"})
    assert "Creatine kinase, total, 2026-11-10: 340 → 900 U/L" in after.page.text
    assert ESCALATE in after.moves["came"]
    assert "EscalateToCyclophosphamide" in rules(after)


def test_lost_strength_is_no_longer_a_high_ck_at_full_strength(demo: FlaskClient) -> None:
    before = opened(demo, "nam-high-ck-full-strength")
    name = next(n for n, of in before.form.legends.items() if of.startswith("MMT-8") and "value" in n)
    after = changed(demo, before, **{name: "96"})
    assert rules(after) == ["Relapse", "HighCkFullStrength"]
    assert len(after.moves["came"]) == len(after.moves["went"]) == 1


def test_another_antibody_changes_what_the_next_line_says(demo: FlaskClient) -> None:
    before = opened(demo, "nam-srp-refractory")
    srp, hmgcr = before.form.named("Anti-SRP", "result"), before.form.named("Anti-HMGCR", "result")
    after = changed(demo, before, **{srp: "negative", hmgcr: "positive"})
    assert "Anti-SRP antibody, 2026-01-21: positive → negative" in after.page.text
    assert rules(after) == ["AntiHmgcrTailoring", "AntiSrpTailoring"]
    assert after.moves["changed"] == [ESCALATE]


def test_a_number_for_an_antibody_counts_against_its_range(demo: FlaskClient) -> None:
    before = opened(demo, "nam-hmgcr-active-statin")
    after = changed(demo, before, **{before.form.named("Anti-HMGCR", "valueQuantity.value"): "3"})
    assert "StatinExposure" in rules(after)
    assert [one for one in after.moves["went"] if one.startswith("Stop atorvastatin")]


def test_a_higher_dose_of_prednisone_brings_prophylaxis(demo: FlaskClient) -> None:
    bundle = fixtures.bundle("nam-monitoring-overdue", fixtures.ANCHOR)
    bundle["entry"] = [
        entry
        for entry in bundle["entry"]
        if "medication" not in entry["resource"]["resourceType"].lower() or "prednis" in entry["resource"]["id"]
    ]
    before = pasted(demo, json.dumps(bundle))
    dose = before.form.named("Prednis", "dosage.0.doseAndRate.0.doseQuantity.value")
    considered = changed(demo, before, **{dose: "15"})
    assert [one.partition(" (")[0] for one in considered.moves["came"]] == ["Consider PJP prophylaxis"]
    indicated = changed(demo, considered, **{dose: "20"})
    assert [one.partition(" (")[0] for one in indicated.moves["came"]] == ["PJP prophylaxis indicated"]
    assert rules(indicated) == ["PjpProphylaxis"]


def test_half_a_year_later_monitoring_is_overdue(demo: FlaskClient) -> None:
    before = opened(demo, "nam-remission-on-treatment")
    later = fixtures.ANCHOR + timedelta(days=200)
    after = changed(demo, before, today=later.isoformat())
    assert f"Today: {fixtures.ANCHOR} → {later}" in after.page.text
    assert "MonitoringOverdue" in rules(after)
    assert f"today is {later}" in after.page.text


def test_methotrexate_daily_instead_of_weekly_is_critical(demo: FlaskClient) -> None:
    before = opened(demo, "nam-refractory-gates-open")
    unit = before.form.named("Methotrexate", "dosage.0.timing.repeat.periodUnit")
    after = changed(demo, before, **{unit: "d"})
    assert "MethotrexateDaily" in rules(after)
    assert '<span class="chip critical">' in after.html


def test_a_drug_that_is_left_out_was_never_given(demo: FlaskClient) -> None:
    before = opened(demo, "nam-refractory-gates-passed")
    infusions = [name for name in before.form.legends if name.endswith(":left-out")]
    rituximab = [name for name in infusions if before.form.legends[name].startswith("Rituximab")]
    assert rituximab
    after = changed(demo, before, **dict.fromkeys(rituximab, "1"))
    assert ESCALATE in after.moves["went"]
    assert after.page.text.count(": left out") == len(rituximab)


def test_a_result_that_is_added_answers_what_could_not_be_told(demo: FlaskClient) -> None:
    before = opened(demo, "nam-refractory-gates-open")
    more = {"added-0.test": "anti-srp", "added-0.value": "positive", "added-0.date": "2026-11-01"}
    after = changed(demo, before, **more)
    assert "Anti-SRP antibody, 2026-11-01: positive, added" in after.page.text
    assert {"AntibodyTestingNeeded", "AntiSrpTailoring"} <= set(rules(after))
    assert after.form.values["added-1.test"] == ""
    ck = {"added-1.test": "creatine-kinase", "added-1.value": "90", "added-1.date": "2026-11-20"}
    chained = changed(demo, after, **ck)
    assert "Creatine kinase, total, 2026-11-20: 90 U/L, added" in chained.page.text
    assert "Anti-SRP antibody, 2026-11-01: positive, added" in chained.page.text
    assert [one for one in chained.moves["went"] if one.startswith("Refractory IMNM")]


def test_a_score_that_is_added_is_on_the_scale_of_the_others(demo: FlaskClient) -> None:
    before = opened(demo, "nam-refractory-gates-passed")
    more = {"added-0.test": "mmt8", "added-0.value": "150", "added-0.date": "2026-11-20"}
    assert "EscalateToCyclophosphamide" in rules(changed(demo, before, **more))


def test_an_order_that_is_written_can_be_changed(demo: FlaskClient) -> None:
    before = Tried(demo.get("/try/nam-refractory-gates-passed/orders/cyclophosphamide-above-the-cap"))
    assert "orders being written" in before.page.text
    name = next(n for n, of in before.form.legends.items() if "yclophosphamide" in of and n.endswith("Quantity.value"))
    after = changed(demo, before, **{name: "500"})
    assert "CyclophosphamideDose" in rules(after)


# The page around it


def test_changes_are_shown_beside_the_original_and_can_be_undone(demo: FlaskClient) -> None:
    before = opened(demo, "nam-refractory-gates-passed")
    name = before.form.named("Creatine kinase, total, 2026-11-10", "valueQuantity.value")
    after = changed(demo, before, **{name: "150"})
    assert "The chart with your changes" in after.page.text
    assert after.form.values[name] == "150"
    assert "was 6200" in after.page.text
    original = changed(demo, after, original="1")
    assert "The chart as it was sent" in original.page.text
    assert original.form.values[name] == "150"
    assert ESCALATE in original.moves["went"]
    undone = changed(demo, after, reset="1")
    assert undone.form.values == before.form.values
    assert not undone.moves


def test_every_input_has_a_label_and_every_problem_leads_to_one(demo: FlaskClient) -> None:
    before = opened(demo, "nam-refractory-gates-passed")
    wrong = changed(demo, before, **{n: "x" for n in before.form.values if n.endswith(".value") or n == "today"})
    assert wrong.answer.status_code == 422
    assert len(wrong.problems) > 10
    labelled = {attributes["for"] for attributes in wrong.page.all("label")}
    for tag in ("input", "select", "textarea"):
        shown = [one for one in wrong.page.all(tag) if one.get("type") != "hidden"]
        assert {one["id"] for one in shown} <= labelled
    ids = {attributes.get("id") for _, attributes in wrong.page.elements}
    assert {link for link in wrong.page.links if link.startswith("#")} <= {f"#{one}" for one in ids}


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("valueQuantity.value", "-5", "The number cannot be less than 0."),
        ("valueQuantity.value", "many", "Write a number in digits, such as 6200 or 1.5."),
        ("valueQuantity.value", "1,200", "Write a number in digits, such as 6200 or 1.5."),
        ("valueQuantity.value", "", "Write a number, or leave the fact out."),
        ("effectiveDateTime", "2026-02-31", "Write a day of the calendar as year-month-day, such as 2026-11-22."),
        ("effectiveDateTime", "yesterday", "Write a day of the calendar as year-month-day, such as 2026-11-22."),
    ],
)
def test_what_cannot_be_understood_is_said_at_its_field_and_nothing_is_lost(
    demo: FlaskClient, path: str, text: str, said: str
) -> None:
    before = opened(demo, "nam-refractory-gates-passed")
    name = before.form.named("Creatine kinase, total, 2026-11-10", path)
    other = before.form.named("Creatine kinase, total, 2026-01-03", "valueQuantity.value")
    wrong = changed(demo, before, **{name: text, other: "777", "today": "2026-12-01"})
    assert wrong.answer.status_code == 422
    assert [one.endswith(said) for one in wrong.problems] == [True]
    values = wrong.form.values
    assert (values[name], values[other], values["today"]) == (text, "777", "2026-12-01")
    assert not wrong.moves


def test_a_row_that_is_half_filled_in_says_what_is_missing(demo: FlaskClient) -> None:
    before = opened(demo, "nam-refractory-gates-passed")
    for more, said in (
        ({"added-0.value": "5"}, "Choose the test."),
        ({"added-0.test": "anti-srp", "added-0.value": "5"}, "Write one of positive, negative, indeterminate."),
        ({"added-0.test": "creatine-kinase", "added-0.value": "5"}, "Write a day of the calendar"),
    ):
        wrong = changed(demo, before, **more)
        assert any(said in one for one in wrong.problems), more
        assert wrong.form.values["added-0.value"] == "5"


def test_there_are_no_other_demonstration_patients(demo: FlaskClient) -> None:
    for missing in ("/try/nobody", "/try/nam-child/orders/folic-acid", "/try/nobody/orders/x"):
        assert demo.get(missing).status_code == 404, missing


@pytest.mark.parametrize("name", ["today", "day"])
@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31", "20261122", "2026-W47-1", "2026-11", "\x00", ""])
def test_today_is_a_day_from_which_one_can_look_back_and_ahead(demo: FlaskClient, name: str, text: str) -> None:
    wrong = changed(demo, opened(demo, "nam-orders-with-text-doses"), **{name: text})
    assert wrong.answer.status_code == 422
    assert any("Write a day from 1900 to 2199" in one for one in wrong.problems)


@pytest.mark.parametrize("text", ["1900-01-01", "2199-12-31"])
def test_all_rules_can_be_asked_on_the_first_and_the_last_of_these_days(bench: Bench, text: str) -> None:
    for story in fixtures.stories():
        content = content_of(json.dumps(fixtures.bundle(story.id, fixtures.ANCHOR)).encode())
        tried = bench.tried(content, "", fixtures.ANCHOR, {"today": text})
        assert (tried.changes.today.isoformat(), tried.problem) == (text, ""), story.id
    assert tried.view.groups  # what would change the answers, too


@pytest.mark.parametrize(("unit", "read"), [("{score}", ""), ("U/L", "U/L"), ("10*9/L {cells}", "10*9/L")])
def test_a_remark_in_a_unit_is_no_unit_to_read(unit: str, read: str) -> None:
    observation = {"resourceType": "Observation", "valueQuantity": {"value": 98, "unit": unit}}
    assert [one.unit for one in fields(observation) if one.label == "Value"] == [read]
