"""A clinician answers cards on a patient's page: what becomes feedback, what is kept, what comes next time."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from cds_service.store.items import StoreDownError
from cds_service.store.report import Counts, report
from hooks.cards import OVERRIDE_SYSTEM
from hooks.knowledge import load
from tests.console.conftest import NAME, PASSWORD, SAME_SITE
from tests.console.test_access import basic
from tests.web.html_pages import Page

Make = Callable[..., Flask]
PATIENT, ORDERS = "nam-refractory-gates-passed", "cyclophosphamide-above-the-cap"
WARNING, INFO = "EscalateToCyclophosphamide", "AntibodyTestingNeeded"
CRITICAL, ON_STATIN = "StatinExposure", "nam-hmgcr-active-statin"
MARKUP = "</textarea><script>alert(1)</script>"


class Clinician:
    """Sits before a patient's page of a demonstration: sees cards, and answers them."""

    def __init__(self, app: Flask, path: str = f"/patients/{PATIENT}", **headers: str) -> None:
        self.app = app
        self.path = path
        self.headers = SAME_SITE | {"Accept": "text/html"} | headers

    def open(self, query: str = "") -> Page:
        answer = self.app.test_client().get(self.path + query, headers=self.headers)
        assert answer.status_code == 200, answer.text
        self.seen = Page(answer.text)
        self.html = answer.text
        return self.seen

    def form(self, title: str) -> dict[str, Any]:
        """What the forms of the card with this summary hold: its uuid, suggestions and reasons."""
        self.open()
        (article,) = [one for one in re.findall(r"<article.*?</article>", self.html, re.DOTALL) if title in one]
        page = Page(article)
        (card,) = {one["value"] for one in page.all("input") if one.get("name") == "card"}
        return {
            "card": card,
            "suggestions": [one["value"] for one in page.all("button") if one.get("name") == "suggestion"],
            "reasons": [one["value"] for one in page.all("input") if one.get("name") == "reason"],
        }

    def send(self, **form: str) -> TestResponse:
        return self.app.test_client().post(f"{self.path}/answers", data=form, headers=self.headers)

    def sent(self, **form: str) -> Page:
        """The page that follows an answer."""
        answer = self.send(**form)
        assert answer.status_code == 303, answer.text
        location = answer.headers["Location"]
        assert location.startswith(f"{self.path}?sent=")
        return self.open(location.removeprefix(self.path).partition("#")[0])

    @property
    def counted(self) -> dict[str, Counts]:
        """The report by rule."""
        engine = self.app.extensions["cds_service"]["engine"]
        found = engine.store.read(lambda connection: report(connection, engine.store._clock()))
        return dict(found.rules)


REFRACTORY, ANTIBODIES, STATIN = "Refractory IMNM", "Order anti-HMGCR and anti-SRP", "Stop atorvastatin"


@pytest.fixture
def demo(make_app: Make) -> Flask:
    return make_app(demo=True)


@pytest.fixture
def clinician(demo: Flask) -> Clinician:
    return Clinician(demo)


def test_what_the_page_shows_was_shown_by_the_real_endpoint(clinician: Clinician) -> None:
    page = clinician.open()
    counted = clinician.counted
    assert {rule: counts.shown for rule, counts in counted.items()} == {WARNING: 1, INFO: 1}
    assert "POST /cds-services/nam-patient-view" in page.text
    shown = clinician.form(REFRACTORY)["card"]
    assert clinician.html.count(shown) > 2  # on the card, in its forms, and in the response beside it


def test_accepting_a_suggestion_is_kept_and_shown_with_what_it_drafts(clinician: Clinician) -> None:
    form = clinician.form(ANTIBODIES)
    page = clinician.sent(card=form["card"], suggestion=form["suggestions"][0])
    assert "The answer was sent to the service as feedback" in page.text
    assert "POST /cds-services/nam-patient-view/feedback" in page.text
    assert re.search(r'"outcome" : "accepted"', page.text)
    assert '"kept" : 1' in page.text
    assert "Accepted on" in page.text
    assert "The record system now holds these drafts, for the clinician to sign:" in page.text
    assert clinician.counted[INFO].accepted == 1
    again = clinician.form(ANTIBODIES)
    assert len(again["suggestions"]) == len(form["suggestions"]) - 1, "accepted once, it is not offered again"


@pytest.mark.parametrize("reason", ["specialist-plan", "already-done-elsewhere", "will-do-later"])
def test_known_later_puts_the_card_off_and_the_page_says_until_when(clinician: Clinician, reason: str) -> None:
    form = clinician.form(REFRACTORY)
    page = clinician.sent(card=form["card"], reason=reason)
    assert REFRACTORY not in [one for one in re.findall(r"<h3[^>]*>(.*?)</h3>", clinician.html) if "IMNM:" in one]
    said = load().override_reasons
    (display,) = [one.display for one in said if one.code == reason]
    assert re.search(rf"Dismissed until \d+ December \d+: {re.escape(display)}\.", page.text)
    assert "Put off" in page.text
    assert clinician.counted[WARNING].reasons == {reason: 1}


def test_what_was_put_off_can_be_shown_again(clinician: Clinician) -> None:
    clinician.sent(card=clinician.form(REFRACTORY)["card"], reason="will-do-later")
    (off,) = re.findall(r'name="card" value="([^"]+)">\s*<button name="back"', clinician.html)
    page = clinician.sent(card=off, back="yes")
    assert "Put off" not in page.text
    assert "Shown again on" in page.text
    assert clinician.form(REFRACTORY)["suggestions"]
    assert clinician.send(card=off, back="yes").status_code == 409


@pytest.mark.parametrize("reason", ["not-indicated-clinically", "data-wrong"])
def test_another_reason_is_kept_and_the_card_stays(clinician: Clinician, reason: str) -> None:
    form = clinician.form(REFRACTORY)
    page = clinician.sent(card=form["card"], reason=reason)
    assert "Dismissed on" in page.text
    assert "The service goes on showing the card." in page.text
    assert "Put off" not in page.text
    assert clinician.form(REFRACTORY)["card"] != form["card"]
    assert clinician.counted[WARNING].overridden == 1


def test_the_page_says_which_reasons_put_a_card_off(demo: Flask) -> None:
    clinician = Clinician(demo)
    clinician.open()
    putting_off = re.findall(r'value="([\w-]+)" required> [^<]*<span class="quiet">puts the card off', clinician.html)
    assert set(putting_off) == {reason.code for reason in load().override_reasons if reason.later}


def test_a_critical_card_takes_safety_reasons_alone_and_asks_for_a_word(demo: Flask) -> None:
    clinician = Clinician(demo, f"/patients/{ON_STATIN}")
    form = clinician.form(STATIN)
    assert form["reasons"] == [reason.code for reason in load().override_reasons if reason.safety]
    refused = clinician.send(card=form["card"], reason="patient-declined", comment="No")
    assert (refused.status_code, "No reason that this card offers" in refused.text) == (400, True)
    refused = clinician.send(card=form["card"], reason="specialist-plan", comment=" ")
    assert (refused.status_code, "not dismissed without a word" in refused.text) == (400, True)
    page = clinician.sent(card=form["card"], reason="specialist-plan", comment="Under the centre's plan since May.")
    assert "Dismissed on" in page.text
    assert clinician.form(STATIN), "it comes again"
    assert clinician.counted[CRITICAL].reasons == {"specialist-plan": 1}


def test_orders_are_answered_too_and_never_put_off(demo: Flask) -> None:
    clinician = Clinician(demo, f"/patients/{PATIENT}/orders/{ORDERS}")
    page = clinician.open()
    assert "POST /cds-services/nam-order-sign" in page.text
    assert "puts the card off" not in page.text
    (card, *_) = [one["value"] for one in page.all("input") if one.get("name") == "card"]
    (reason, *_) = [one["value"] for one in page.all("input") if one.get("name") == "reason"]
    page = clinician.sent(card=card, reason=reason, comment="The centre knows.")
    assert "POST /cds-services/nam-order-sign/feedback" in page.text
    assert "Dismissed on" in page.text
    assert "Put off" not in page.text


def test_the_feedback_is_as_the_specification_has_it(clinician: Clinician) -> None:
    form = clinician.form(REFRACTORY)
    token = clinician.send(card=form["card"], reason="other-diagnosis", comment="Not myositis").headers["Location"]
    desk = clinician.open("?" + token.partition("?")[2].partition("#")[0])
    for said in ('"overrideReason"', '"userComment" : "Not myositis"', f'"system" : "{OVERRIDE_SYSTEM}"', "Z"):
        assert said in desk.text
    strict = Clinician(clinician.app)
    assert strict.open().text.count("The answer was sent") == 0, "it is told once, to the one who answered"


def test_what_is_written_stays_text(clinician: Clinician) -> None:
    form = clinician.form(REFRACTORY)
    page = clinician.sent(card=form["card"], reason="data-wrong", comment=MARKUP)
    assert MARKUP in page.text
    assert not page.all("script")


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({}, 400, "not on record"),
        ({"card": "c0ffee00-0000-4000-8000-000000000000", "reason": "data-wrong"}, 400, "not on record"),
        ({"card": MARKUP, "reason": "data-wrong"}, 400, "not on record"),
        ({"card": "this"}, 400, "No reason that this card offers was chosen"),
        ({"card": "this", "reason": "bored"}, 400, "No reason that this card offers was chosen"),
        ({"card": "this", "reason": "data-wrong", "comment": "x" * 10_001}, 400, "longer than 10,000"),
        ({"card": "this", "suggestion": "c0ffee00-0000-4000-8000-000000000000"}, 400, "no such suggestion"),
        ({"card": "this", "suggestion": MARKUP}, 400, "no such suggestion"),
        ({"card": "this", "back": "yes"}, 409, "answered already"),
    ],
)
def test_what_the_page_did_not_offer_is_refused(
    clinician: Clinician, form: dict[str, str], status: int, said: str
) -> None:
    card = clinician.form(REFRACTORY)["card"]
    answer = clinician.send(**{name: card if value == "this" else value for name, value in form.items()})
    assert answer.status_code == status
    page = Page(answer.text)
    assert said in page.text
    assert not page.all("script")
    assert clinician.counted[WARNING].waiting == 1


def test_a_card_of_another_patient_is_not_on_record_here(demo: Flask) -> None:
    card = Clinician(demo).form(REFRACTORY)["card"]
    answer = Clinician(demo, f"/patients/{ON_STATIN}").send(card=card, reason="data-wrong")
    assert answer.status_code == 400
    assert "not on record for this patient" in answer.text


def test_a_card_is_answered_once_but_each_of_its_suggestions_may_be_accepted(clinician: Clinician) -> None:
    form = clinician.form(ANTIBODIES)
    card, (first, second, *_) = form["card"], form["suggestions"]
    clinician.sent(card=card, suggestion=first)
    assert clinician.send(card=card, suggestion=first).status_code == 409
    clinician.sent(card=card, suggestion=second)
    refused = clinician.send(card=card, reason="data-wrong")
    assert refused.status_code == 409
    assert "answered already" in refused.text


def test_a_form_of_another_site_does_nothing(clinician: Clinician) -> None:
    card = clinician.form(REFRACTORY)["card"]
    clinician.headers |= {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example.org"}
    assert clinician.send(card=card, reason="will-do-later").status_code == 403
    assert clinician.counted[WARNING].waiting == 1


def test_a_store_that_is_down_is_told_and_cards_come_nevertheless(
    clinician: Clinician, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = clinician.form(REFRACTORY)["card"]
    store = clinician.app.extensions["cds_service"]["engine"].store

    def down(*_: object, **__: object) -> None:
        raise StoreDownError

    with monkeypatch.context() as patch:
        patch.setattr(store, "record_feedback", down)
        page = clinician.sent(card=card, reason="will-do-later")
        assert "The answer was not kept. The service answered with 503: The feedback could not be kept." in page.text
    monkeypatch.setattr(store, "read", down)
    assert clinician.send(card=card, reason="will-do-later").status_code == 503
    page = clinician.open()
    assert "What was said of cards cannot be read just now." in page.text
    assert REFRACTORY in page.text


def test_a_demonstration_whose_calls_need_a_token_says_so_and_has_no_forms(make_app: Make, tmp_path: Any) -> None:
    clients = tmp_path / "clients.yaml"
    clients.write_text(
        "ehr:\n  issuer: https://ehr.example.org\n  jku: https://ehr.example.org/jwks\n"
        "  fhir_servers: [https://ehr.example.org/fhir]\n"
    )
    clinician = Clinician(make_app(demo=True, clients=clients))
    page = clinician.open()
    assert "need a token of a client, and this page has none" in page.text
    assert REFRACTORY in page.text
    assert not page.all("form")
    assert clinician.counted == {}
    assert clinician.send(card="x").status_code == 404


def test_with_the_console_off_the_pages_have_no_forms(make_app: Make) -> None:
    clinician = Clinician(make_app(demo=True, console="off"))
    page = clinician.open()
    assert not page.all("form")
    assert "Dismiss: the reasons offered" in page.text
    assert clinician.send(card="x").status_code == 404
    answer = clinician.app.test_client().get(clinician.path)
    assert "form-action 'none'" in answer.headers["Content-Security-Policy"]


def test_where_people_log_in_an_answer_needs_it(make_app: Make, users_file: Any, tmp_path: Any) -> None:
    app = make_app(demo=True, console_users=users_file, audit_log=tmp_path / "audit")
    card = Clinician(app).form(REFRACTORY)["card"]
    assert Clinician(app).send(card=card, reason="data-wrong").status_code == 401
    assert Clinician(app, **basic(NAME, PASSWORD)).send(card=card, reason="data-wrong").status_code == 303


def test_only_so_many_exchanges_are_remembered(clinician: Clinician, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds_service.web.desk.REMEMBERED", 1)
    first = clinician.send(card=clinician.form(REFRACTORY)["card"], reason="data-wrong").headers["Location"]
    clinician.send(card=clinician.form(REFRACTORY)["card"], reason="data-wrong")
    assert "The answer was sent" not in clinician.open("?" + first.partition("?")[2].partition("#")[0]).text


def test_the_pages_with_forms_may_send_them_here(clinician: Clinician) -> None:
    answer = clinician.app.test_client().get(clinician.path)
    assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Referrer-Policy"] == "same-origin"
