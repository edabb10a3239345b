"""The pages on which the rules are reviewed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hooks.knowledge import MARKS, load
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
    assert ("Against" in shown.split("Numbers")[0]) == bool(rule.against)
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
        shown = text(site, f"/rules/{rule.name}").split("Reasons to override")[1]
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
