"""Try it keeps nothing and calls nobody; what cannot be tried is said; a site has it behind its password only."""

import gzip
import json
import logging
import socket
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage

import fixtures
from cds_service.store.store import Store
from tests.console.conftest import NAME, PASSWORD, SAME_SITE
from tests.console.trying import changed, multipart, pasted, sent, uploaded

SECRET = "Zebediah-Quirinus-Testname"
TOKEN = "token-that-nobody-may-see"
EVIL = "<img src=x onerror=alert(1)>"
PATIENT = "nam-refractory-gates-passed"


@pytest.fixture(scope="module")
def demo_app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(demo=True)


@pytest.fixture
def demo(demo_app: Flask) -> FlaskClient:
    return demo_app.test_client()


def captured(**more: Any) -> dict[str, Any]:
    request = {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/1", "patientId": PATIENT},
        "prefetch": fixtures.prefetch(PATIENT, fixtures.ANCHOR),
    }
    return request | more


def bundle() -> dict[str, Any]:
    return fixtures.bundle(PATIENT, fixtures.ANCHOR)


def test_a_bundle_and_a_request_pasted_or_uploaded_are_one_chart(demo: FlaskClient) -> None:
    texts = json.dumps(bundle()), json.dumps(captured())
    opened = [how for text in texts for how in (pasted(demo, text), uploaded(demo, text.encode()))]
    assert {one.answer.status_code for one in opened} == {200}
    facts = [{n: v for n, v in one.form.values.items() if n not in ("chart", "patient")} for one in opened]
    assert all(one == facts[0] for one in facts)


def test_a_request_about_orders_shows_the_orders(demo: FlaskClient) -> None:
    (orders, *_) = fixtures.orders()
    request = captured(hook="order-select", prefetch=fixtures.prefetch(orders.patient, fixtures.ANCHOR))
    drafts = orders.context["draftOrders"]["entry"]
    request["context"] = {
        "userId": "Practitioner/1",
        "patientId": orders.patient,
        "selections": [f"{drafts[0]['resource']['resourceType']}/{drafts[0]['resource']['id']}"],
    } | orders.context
    opened = pasted(demo, json.dumps(request))
    assert "orders being written" in opened.page.text
    assert "Orders being written" in opened.page.text


def test_of_several_patients_one_is_chosen(demo: FlaskClient) -> None:
    both = bundle()
    both["entry"] += fixtures.bundle("nam-child", fixtures.ANCHOR)["entry"]
    asked = pasted(demo, json.dumps(both))
    assert "The Bundle holds 2 patients." in asked.page.text
    choices = [one["value"] for one in asked.page.all("input") if one["type"] == "radio"]
    assert choices == [PATIENT, "nam-child"]
    child = sent(demo, asked.form.values | {"patient": "nam-child"})
    assert "11 years" in child.page.text or "12 years" in child.page.text
    later = changed(demo, child, today="2027-06-01")
    assert later.form.values["patient"] == "nam-child"
    assert later.answer.status_code == 200


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Nothing came."),
        ("{", "This is not JSON"),
        ('{"resourceType": "Bundle",\n "entry": [}', "line 2, character 12, cannot be read"),
        ("[1]", "This is JSON, but no chart."),
        ('{"resourceType": "Patient"}', "This is a single Patient."),
        ('{"resourceType": "Bundle"}', "The Bundle has no Patient."),
        ('{"resourceType": "Bundle", "entry": 3}', "The Bundle’s entry is not a list."),
        ('{"hook": "patient-view"}', "hookInstance is missing."),
        ('{"a": ' * 5000, "This is nested too deeply"),
        (json.dumps(captured(hook="appointment-book")), "a hook that no service here is for"),
        (json.dumps(captured(prefetch={})), "it was not in the prefetch"),
    ],
)
def test_what_cannot_be_tried_is_said_and_stays_in_its_field(demo: FlaskClient, text: str, said: str) -> None:
    refused = pasted(demo, text)
    assert refused.answer.status_code == 422
    assert said.replace("’", "'") in refused.page.text
    assert refused.form.values["text"].removeprefix("\n") == text
    assert "#text" in refused.page.links
    assert any(one.get("aria-invalid") for one in refused.page.all("textarea"))


def test_a_day_that_is_none_is_said_and_the_text_stays(demo: FlaskClient) -> None:
    refused = pasted(demo, json.dumps(captured()), day="2026-02-31")
    assert refused.answer.status_code == 422
    assert "#day" in refused.page.links
    assert refused.form.values["day"] == "2026-02-31"
    assert json.loads(refused.form.values["text"]) == captured()


@pytest.mark.parametrize("packed", ["x", "eA==", b64encode(gzip.compress(b"[", mtime=0)).decode()])
def test_a_chart_that_was_damaged_on_the_way_is_asked_for_again(demo: FlaskClient, packed: str) -> None:
    refused = sent(demo, {"chart": packed, "day": "2026-11-22"})
    assert refused.answer.status_code == 422
    assert "Send it again." in refused.page.text


def test_a_small_body_that_unpacks_to_a_large_one_is_refused(demo: FlaskClient) -> None:
    packed = b64encode(gzip.compress(b" " * 20_000_000)).decode()
    assert sent(demo, {"chart": packed, "day": "2026-11-22"}).answer.status_code == 422


def test_five_megabytes_can_be_tried_and_a_hundred_are_refused(demo: FlaskClient) -> None:
    large = bundle()
    large["entry"][0]["resource"]["text"] = {"status": "generated", "div": "<div>" + "lorem " * 900_000 + "</div>"}
    text = json.dumps(large)
    assert len(text) > 5_000_000
    for opened in (pasted(demo, text), uploaded(demo, text.encode())):
        assert opened.answer.status_code == 200
        assert changed(demo, opened, today="2027-06-01").answer.status_code == 200
    for refused in (pasted(demo, "x" * 100_000_000), uploaded(demo, b"x" * 100_000_000)):
        assert refused.answer.status_code == 413
        assert "This is more than the 16 MB that are taken." in refused.page.text


def test_an_upload_touches_no_disk(demo: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a file is made")

    content = json.dumps(bundle()).encode() + b" " * 2_000_000
    body, headers = multipart({"day": "2026-11-22", "file": FileStorage(BytesIO(content), "chart.json")})
    for name in ("TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, refuse)
    monkeypatch.setattr("werkzeug.formparser.SpooledTemporaryFile", refuse)
    answer = demo.post("/try", data=body, headers=headers)
    assert answer.status_code == 200
    assert "Change the chart" in answer.text


def test_markup_in_a_chart_stays_text(demo: FlaskClient) -> None:
    request = captured()
    request["prefetch"]["patient"]["name"] = [{"text": EVIL}]
    for key in ("conditions", "medicationStatements", "labs"):
        for entry in request["prefetch"][key]["entry"]:
            resource = entry["resource"]
            resource.get("medicationCodeableConcept", resource.get("code", {}))["text"] = EVIL
            if "valueQuantity" in resource:
                resource["valueQuantity"]["unit"] = EVIL
    opened = pasted(demo, json.dumps(request))
    name = next(name for name in opened.form.legends if name.endswith(":left-out") and name.startswith("Medication"))
    for page in (opened, changed(demo, opened, today=EVIL), changed(demo, opened, **{name: EVIL})):
        assert EVIL in page.page.text
        assert not page.page.all("img")
        assert not page.page.handlers
    again = pasted(demo, f'</textarea>{EVIL}{{"')
    assert not again.page.all("img")


def test_no_server_is_called_whatever_the_request_names(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        base = f"http://127.0.0.1:{server.getsockname()[1]}/fhir"
        client = make_app(demo=True, fhir_servers=()).test_client()
        request = captured(
            fhirServer=base,
            fhirAuthorization={
                "access_token": TOKEN,
                "token_type": "Bearer",
                "expires_in": 300,
                "scope": "patient/*.read",
                "subject": "x",
            },
        )
        del request["prefetch"]["allergies"]

        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("a connection is made")

        monkeypatch.setattr(socket.socket, "connect", refuse)
        monkeypatch.setattr(socket, "create_connection", refuse)
        opened = pasted(client, json.dumps(request))
        later = changed(client, opened, today="2027-06-01")
    for page in (opened, later):
        assert page.answer.status_code == 200
        assert "allergies not checked" in page.page.text
        assert TOKEN not in page.html
        content = json.loads(gzip.decompress(b64decode(page.form.values["chart"])))
        assert "fhirServer" not in content
        assert "fhirAuthorization" not in content


def test_nothing_of_it_is_logged_or_stored(
    make_app: Callable[..., Flask],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    client = make_app(demo=True, log_level="debug").test_client()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the store is used")

    for method in ("record_shown", "record_feedback", "snoozes"):
        monkeypatch.setattr(Store, method, refuse)
    request = captured(hookInstance=SECRET)
    request["prefetch"]["patient"]["name"] = [{"text": SECRET}]
    for entry in request["prefetch"]["medicationStatements"]["entry"]:
        entry["resource"]["note"] = [{"text": SECRET}]
    opened = pasted(client, json.dumps(request))
    changed(client, opened, today=SECRET)
    after = changed(client, opened, today="2027-06-01")
    pasted(client, SECRET)
    assert after.moves
    written = capfd.readouterr()
    for text in (written.out, written.err, caplog.text):
        assert SECRET not in text
        assert PATIENT not in text


def test_pages_are_kept_by_no_cache_and_say_that_nothing_is_kept(demo: FlaskClient) -> None:
    for answer in (demo.get("/try"), pasted(demo, json.dumps(captured())).answer, pasted(demo, "{").answer):
        assert "no-store" in answer.headers["Cache-Control"]
        assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
        assert "Nothing is kept, and nothing is passed on." in answer.text


def test_a_chart_is_never_in_an_address(demo: FlaskClient) -> None:
    opened = pasted(demo, json.dumps(captured()))
    assert {one["method"] for one in opened.page.all("form")} == {"post"}
    assert demo.get("/try?text=%7B%7D&chart=x").text == demo.get("/try").text


def test_a_site_has_it_behind_its_password_and_else_not_at_all(
    make_app: Callable[..., Flask], users_file: Path
) -> None:
    without = make_app().test_client()
    assert without.get("/try").status_code == 404
    assert without.post("/try", data={"text": "{}"}).status_code == 404
    guarded = make_app(console="on", console_users=users_file).test_client()
    assert guarded.get("/try").status_code == 401
    assert guarded.post("/try", data={"text": "{}"}).status_code == 401
    login = {"Authorization": "Basic " + b64encode(f"{NAME}:{PASSWORD}".encode()).decode()}
    assert guarded.get("/try", headers=login).status_code == 200
    form = {"text": json.dumps(bundle()), "day": "2026-11-22"}
    answer = guarded.post("/try", data=form, content_type="multipart/form-data", headers=login | SAME_SITE)
    assert answer.status_code == 200
    assert "Change the chart" in answer.text
    foreign = login | {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    refused = guarded.post("/try", data=form, content_type="multipart/form-data", headers=foreign)
    assert refused.status_code == 403
    assert guarded.get("/try/nam-child", headers=login).status_code == 404
