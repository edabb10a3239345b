"""The pages on which the rules are reviewed."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

import fixtures
from cds_service.explanation import explain
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
    return page.split("How it decides")[1].split("must not be interrupted", maxsplit=1)[0]


@pytest.mark.parametrize("name", [name for name, rule in KNOWLEDGE.rules.items() if rule.enabled])
def test_the_flow_chart_has_every_criterion_in_the_order_of_evaluation(site_app: Flask, name: str) -> None:
    verdict = speaks(site_app, name)
    chart = (
        text(site_app.test_client(), f"/rules/{name}").split("How it decides")[1].split("must not be interrupted")[0]
    )
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
        shown = text(site, f"/rules/{rule.name}").split("How it decides")[1]
        assert ("an order is written of:" in shown) == bool(rule.orders)
