"""The pages on which the rules are reviewed."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

import fixtures
from cds_service import web
from cds_service.app import create_app
from cds_service.explanation import explain
from cds_service.protocol.cards import Card, Coding, Source, new_uuid
from cds_service.protocol.feedback import FeedbackItem
from cds_service.security.callers import Caller
from cds_service.settings import Settings
from cds_service.store.items import Shown
from cds_service.store.store import Store
from cds_service.web.flows import Step, flows
from hooks.knowledge import MARKS, load
from hooks.reasoning import Criterion, Verdict
from hooks.rules.order import PART_OF, RULES, SUPPRESSED_BY
from tests.vignettes.vignette_files import Vignette, load_all
from tests.web.html_pages import Page, json_of

KNOWLEDGE = load()


def text(client: FlaskClient, address: str) -> str:
    return Page(client.get(address).text).text


@pytest.mark.parametrize("name", KNOWLEDGE.rules)
def test_a_rule_s_page_has_all_that_a_reviewer_needs(site: FlaskClient, name: str) -> None:
    rule = KNOWLEDGE.rules[name]
    shown = text(site, f"/rules/{name}")
    for wanted in (rule.title, rule.spec_id, rule.family, *rule.hooks, str(rule.review_by), "When", "Then"):
        assert wanted in shown
    for key in rule.thresholds:
        threshold = KNOWLEDGE.threshold(key)
        assert f"{key} {threshold}" in shown
        assert MARKS[threshold.mark] in shown
    for key in (*rule.citations, *rule.against):
        assert KNOWLEDGE.citations[key].text in shown
    assert ("Against" in shown) == bool(rule.against)
    assert ("No citation against it is on record." in shown) != bool(rule.against)
    assert ("No clinician has signed this rule." in shown) == (not rule.checked_by)


def test_the_list_names_every_rule_under_its_family(site: FlaskClient) -> None:
    page = Page(site.get("/rules/").text)
    for rule in KNOWLEDGE.rules.values():
        assert rule.family in page.text
        assert page.links.count(f"/rules/{rule.name}") == 1


def test_override_reasons_of_a_safety_rule_are_few(site: FlaskClient) -> None:
    safety = [reason.display for reason in KNOWLEDGE.override_reasons if reason.safety]
    others = [reason.display for reason in KNOWLEDGE.override_reasons if not reason.safety]
    for rule in KNOWLEDGE.rules.values():
        shown = text(site, f"/rules/{rule.name}").split("Reasons to override")[-1]
        assert all(display in shown for display in safety)
        assert all((display in shown) == (rule.override == "A") for display in others)


def test_an_unknown_rule_is_a_page_for_people_and_an_outcome_for_programs(site: FlaskClient) -> None:
    for_people = site.get("/rules/Nothing", headers={"Accept": "text/html,*/*;q=0.8"})
    assert for_people.status_code == 404
    assert "There is no rule of this name." in Page(for_people.text).text
    for_programs = site.get("/rules/Nothing", headers={"Accept": "*/*"})
    assert for_programs.status_code == 404
    assert json_of(for_programs)["resourceType"] == "OperationOutcome"


def test_an_unknown_value_set_is_not_found(site: FlaskClient) -> None:
    assert site.get("/rules/value-sets/nothing").status_code == 404


def test_a_value_set_shows_its_codes_names_and_what_it_never_holds(site: FlaskClient) -> None:
    ivig = KNOWLEDGE.value_sets["ivig"]
    shown = text(site, "/rules/value-sets/ivig")
    assert all(code in shown for code in ivig.codes["rxnorm"])
    assert all(alias.pattern in shown for alias in ivig.aliases)
    assert all(veto.pattern in shown for veto in ivig.vetoes)


def test_every_citation_is_listed_with_the_rules_that_name_it(site: FlaskClient) -> None:
    page = Page(site.get("/rules/evidence").text)
    assert all(citation.text in page.text for citation in KNOWLEDGE.citations.values())
    assert "/rules/EscalateToCyclophosphamide" in page.links


def test_the_settled_points_are_told(site: FlaskClient) -> None:
    shown = text(site, "/rules/decisions").replace("`", "")
    assert len(KNOWLEDGE.decisions) > 0
    for where, _ in KNOWLEDGE.decisions:
        assert " ".join(where.replace("`", " ").split()[:2]) in shown


def test_what_a_site_changed_is_shown_where_it_counts(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    overlay = tmp_path / "site.yaml"
    overlay.write_text(
        "thresholds:\n  ck.active_x_uln: {value: 3, reason: our <b>own</b> limit}\n"
        "value_sets:\n  creatine-kinase:\n    add:\n"
        '      - {system: "http://hospital.example/lab", code: CKT, display: CK total, reason: local code}\n'
        "rules:\n  CancerScreening: {enabled: true, reason: agreed with oncology}\n"
    )
    client = make_app(overlay=overlay).test_client()
    for address in ("/rules/", "/rules/EscalateToCyclophosphamide"):
        answer = client.get(address).text
        assert "from 2 {ULN} to 3 {ULN}" in Page(answer).text
        assert "<b>" not in answer
    assert "Changed by this site" not in text(client, "/rules/PaediatricPatient")
    assert "SITE: set by this site" in text(client, "/rules/EscalateToCyclophosphamide")
    assert "CKT" in text(client, "/rules/value-sets/creatine-kinase")
    assert "from off to on" in text(client, "/rules/CancerScreening")
    assert "changed by this site in 3 places" in text(client, "/rules/")


# How it decides


@cache
def vignettes() -> list[Vignette]:
    return load_all()


def speaks(app: Flask, rule: str) -> Verdict:
    """The verdict of a rule on the first vignette that expects its card, or whose chart it speaks on."""
    own = app.extensions["cds_service"]
    wanted = sorted(vignettes(), key=lambda one: rule not in {card.card for card in one.text.expect})
    for one in wanted:
        service = own["catalogue"].find(f"nam-{one.hook}", one.hook)
        found = explain(own["engine"], service, KNOWLEDGE, json.dumps(one.request).encode(), fixtures.ANCHOR)
        for verdict in found.verdicts:
            if (verdict.rule, verdict.outcome) == (rule, "fires"):
                return verdict
    raise AssertionError(f"no vignette on which {rule} speaks")


def names(criteria: tuple[Criterion, ...]) -> Iterator[str]:
    for criterion in criteria:
        yield criterion.name
        yield from names(criterion.parts)


def decides(page: str) -> str:
    """The flow charts."""
    return page.rsplit("How it decides", maxsplit=1)[-1].split("must not be interrupted", maxsplit=1)[0]


@pytest.mark.parametrize("name", [name for name, rule in KNOWLEDGE.rules.items() if rule.enabled])
def test_the_flow_chart_has_every_criterion_in_the_order_of_evaluation(site_app: Flask, name: str) -> None:
    verdict = speaks(site_app, name)
    chart = decides(text(site_app.test_client(), f"/rules/{name}"))
    asked = [one for one in verdict.criteria if one.name != "an order that this rule is for is being written"]
    for criterion in names(tuple(asked)):
        assert criterion in chart
    places = [chart.index(one.name) for one in asked]
    assert places == sorted(places)


def test_a_chart_whose_rule_has_no_card_of_its_own_says_where_its_word_goes(site: FlaskClient) -> None:
    for name, others in (*SUPPRESSED_BY.items(), *PART_OF.items()):
        shown = decides(text(site, f"/rules/{name}"))
        assert all(KNOWLEDGE.rules[other].title in shown for other in others)
        assert ("Its text becomes part of that card" in shown) == (name in PART_OF)
    assert "a line of that card" in text(site, "/rules/Relapse")


def steps(found: tuple[Step, ...]) -> Iterator[Step]:
    for step in found:
        yield step
        yield from steps(step.parts)


def test_what_a_chart_combines_is_said(site: FlaskClient) -> None:
    words = {"all": "all of these", "any": "one of these", "none": "none of these"}
    for name, flow in flows().items():
        shown = text(site, f"/rules/{name}")
        for step in (*steps(flow.chart), *steps(flow.orders)):
            if len(step.parts) > 1:
                assert words[step.needs] in shown


def test_the_footer_tells_who_is_not_to_be_bothered_and_whom_the_rule_does_not_spare(site: FlaskClient) -> None:
    def footer(rule: str) -> str:
        return text(site, f"/rules/{rule}").split("The clinician must not be interrupted")[1].split("Drawn from")[0]

    assert footer("Relapse").strip().endswith("adult; not in palliative care.")
    assert "speaks either way: adult; not in palliative care." in footer("StatinExposure")
    assert "For a card that is not critical also: adult; not in palliative care." in footer("CyclophosphamideDose")


def test_a_number_in_a_chart_leads_to_its_threshold(site: FlaskClient) -> None:
    page = Page(site.get("/rules/PjpProphylaxis").text)
    ids = {attributes.get("id") for attributes in page.all("tr")}
    inside = {link.removeprefix("#") for link in page.links if "." in link and link.startswith("#")}
    assert {"pjp.gc_mg", "pjp.lymphocytes"} <= inside <= ids


def test_every_number_of_every_chart_is_among_the_rule_s_thresholds(site: FlaskClient) -> None:
    for name in KNOWLEDGE.rules:
        page = Page(site.get(f"/rules/{name}").text)
        ids = {attributes.get("id") for attributes in page.all("tr")}
        missing = {link[1:] for link in page.links if link.startswith("#") and "." in link} - ids
        assert not missing, name


def test_a_chart_names_the_drugs_whose_orders_it_is_for(site: FlaskClient) -> None:
    for rule in RULES:
        shown = text(site, f"/rules/{rule.name}").split("How it decides")[-1]
        assert ("an order is written of:" in shown) == bool(rule.orders)


# Vignettes


def expected(one: Vignette, rule: str) -> bool:
    return rule in (*(card.card for card in one.text.expect), *one.text.cannot_tell, *one.text.never)


@pytest.mark.parametrize("name", KNOWLEDGE.rules)
def test_every_vignette_that_expects_something_of_a_rule_is_on_its_page_and_can_be_linked_to(
    site: FlaskClient, name: str
) -> None:
    page = Page(site.get(f"/rules/{name}").text)
    ids = {one["id"].removeprefix("vignette-") for one in page.all("tr") if one.get("id", "").startswith("vignette-")}
    assert ids == {one.text.id for one in vignettes() if expected(one, name)}
    for one in vignettes():
        if expected(one, name):
            assert " ".join(one.text.title.split()) in page.text
            assert one.file in page.text


def test_what_a_vignette_expects_is_said(site: FlaskClient) -> None:
    rule = "PjpProphylaxis"
    must, rest = text(site, f"/rules/{rule}").split("Its card must come")[1].split("It cannot tell")
    untold, must_not = rest.split("Its card must not come")
    for one in vignettes():
        if rule in {card.card for card in one.text.expect}:
            assert f" {one.text.id} " in must
        if rule in one.text.cannot_tell:
            assert f" {one.text.id} " in untold
        elif rule in one.text.never:
            assert f" {one.text.id} " in must_not


# Review


@pytest.fixture(scope="module")
def later() -> Iterator[FlaskClient]:
    """A day after the rules were due."""
    day = max(rule.review_by for rule in KNOWLEDGE.rules.values()) + timedelta(days=1)
    app = create_app(Settings(log_level="error", database="memory"), today=lambda: day)
    yield app.test_client()
    app.extensions["cds_service"]["engine"].close()


def test_before_its_date_nothing_is_overdue(site: FlaskClient) -> None:
    assert "No rule and no threshold is overdue for review." in text(site, "/rules/")
    assert "overdue" not in text(site, "/rules/Relapse")


def test_after_its_date_a_rule_and_its_numbers_are_overdue_by_the_clock_of_the_service(later: FlaskClient) -> None:
    numbers = {key for rule in KNOWLEDGE.rules.values() for key in rule.thresholds}
    shown = text(later, "/rules/")
    assert f"Review is overdue for {len(KNOWLEDGE.rules)} rules and {len(numbers)} thresholds." in shown
    rule = KNOWLEDGE.rules["Relapse"]
    page = text(later, "/rules/Relapse")
    assert f"Review is overdue. The rule was due by {rule.review_by}." in page
    key = rule.thresholds[0]
    assert f"{KNOWLEDGE.threshold(key).review_by} overdue" in page


def test_a_number_can_be_overdue_alone(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    overlay = tmp_path / "site.yaml"
    overlay.write_text("thresholds:\n  ck.active_x_uln: {value: 3, reason: ours, review_by: 2026-01-01}\n")
    client = make_app(overlay=overlay).test_client()
    assert "Review is overdue for 0 rules and 1 threshold." in text(client, "/rules/")
    page = text(client, "/rules/EscalateToCyclophosphamide")
    assert "Review is overdue. Numbers past their date: ck.active_x_uln" in page
    assert "The rule was due" not in page
    assert "3 × ULN" in decides(page)


def test_the_list_can_be_narrowed_to_a_hook_a_family_or_a_state(site: FlaskClient) -> None:
    page = Page(site.get("/rules/").text)
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    wanted = {"only-patient-view", "only-order-select", "only-order-sign", "only-unsigned", "only-off", "family-statin"}
    assert {f"#{one}" for one in wanted} <= set(page.links)
    assert wanted <= ids
    classes = {rule: set(row["class"].split()) for rule, row in zip(listed(page), rows(page), strict=True)}
    for name, rule in KNOWLEDGE.rules.items():
        assert set(rule.hooks) <= classes[name]
        assert ("off" in classes[name]) == (not rule.enabled)
        assert ("unsigned" in classes[name]) == (not rule.checked_by)


def rows(page: Page) -> list[dict[str, str]]:
    return [one for one in page.all("li") if one.get("class", "").startswith("rule ")]


def listed(page: Page) -> list[str]:
    return [link.removeprefix("/rules/") for link in page.links if link.removeprefix("/rules/") in KNOWLEDGE.rules]


def test_the_style_sheet_can_narrow_to_whatever_the_list_offers(site: FlaskClient) -> None:
    sheet = (Path(web.__file__).parent / "static" / "rules.css").read_text(encoding="utf-8")
    for link in Page(site.get("/rules/").text).links:
        if link.startswith("#only-"):
            assert f"{link}:target ~ .of-family .rule:not(.{link.removeprefix('#only-')})" in sheet


# How it was received


def shown_and_answered(app: Flask, rule: str, outcome: str, reason: str = "") -> None:
    store: Store = app.extensions["cds_service"]["engine"].store
    card = Card(
        uuid=new_uuid(),
        summary="Ask",
        indicator="info",
        source=Source(label="Rule", topic=Coding(code=rule, system="urn:nam-cds:rule")),
    )
    assert store.record_shown(
        Shown(service="s", hook="patient-view", caller=Caller("north"), patient_id="patient-77", cards=(card,))
    )
    said: dict[str, Any] = {"outcome": outcome, "reason_code": reason}
    store.record_feedback("s", Caller("north"), [FeedbackItem(card=card.uuid, outcome_at=datetime.now(UTC), **said)])


def test_what_became_of_its_cards_and_of_no_other_s_is_on_its_page(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    assert "No card of this rule was shown yet." in text(app.test_client(), "/rules/Relapse")
    shown_and_answered(app, "Relapse", "accepted")
    shown_and_answered(app, "Relapse", "overridden", "will-do-later")
    shown_and_answered(app, "PjpProphylaxis", "overridden", "will-do-later")
    answer = app.test_client().get("/rules/Relapse")
    page = Page(answer.text)
    assert "2 cards were shown: 1 accepted, 1 overridden, 0 ignored, 0 waiting." in page.text
    assert "Overridden because Will be done later: 1" in page.text
    assert "/feedback" in page.links
    assert page.all("svg")
    assert "no-store" in answer.headers["Cache-Control"]
    assert "No card of this rule was shown yet." in text(app.test_client(), "/rules/StatinExposure")


def test_where_feedback_is_not_offered_its_numbers_are_not_either(make_app: Callable[..., Flask]) -> None:
    app = make_app(feedback_page="off")
    shown_and_answered(app, "Relapse", "accepted")
    page = Page(app.test_client().get("/rules/Relapse").text)
    assert "What became of its cards is not shown here" in page.text
    assert "accepted" not in page.text.split("How it was received")[-1]
    assert "/feedback" not in page.links


def test_a_store_that_is_down_hides_no_rule(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    client = make_app(database=f"sqlite:///{tmp_path}/down.sqlite").test_client()
    with closing(sqlite3.connect(tmp_path / "down.sqlite")) as connection:
        connection.execute("DROP TABLE shown_card")
    assert "What became of its cards cannot be read now." in text(client, "/rules/Relapse")
