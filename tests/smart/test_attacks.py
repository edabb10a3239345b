"""What somebody may try at a launch: with the browser, as a record system, as a page of another site."""

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from flask import Response

from tests.leaks.listening import LISTENER
from tests.smart.conftest import HTML, NAME, PATIENT, Service
from tests.smart.ehr import CLIENT_ID, SECRET, Ehr
from tests.web.html_pages import Page

OTHER = "nam-hmgcr-active-statin"


def signed_in(ehr: Ehr, service: Service, browser: requests.Session, patient: str = PATIENT) -> str:
    """The address that the sign-in sends the browser back to, which it has not followed yet."""
    address = service.begin(browser, **ehr.launch(patient)).headers["Location"]
    return str(browser.get(address, allow_redirects=False).headers["Location"])


def follow(browser: requests.Session, address: str) -> requests.Response:
    return browser.get(address, allow_redirects=False, headers=HTML)


def changed(address: str, **changes: str | None) -> str:
    """The address with these parameters changed; None takes one out."""
    parts = urlsplit(address)
    members = {name: values[0] for name, values in parse_qs(parts.query).items()} | changes
    kept = {name: value for name, value in members.items() if value is not None}
    return parts._replace(query=urlencode(kept)).geturl()


def refused(answer: requests.Response, status: int, sentence: str) -> None:
    """Told in words, on a page of ours, with neither a patient nor a session."""
    assert answer.status_code == status
    assert sentence in Page(answer.text).text
    assert NAME not in answer.text
    assert "session" not in answer.headers.get("Set-Cookie", "")
    assert "no-store" in answer.headers["Cache-Control"]


# The state


@pytest.mark.parametrize("state", [None, "", "x", "A" * 48, "\ud800".encode("utf-8", "replace").decode()])
def test_a_foreign_state_opens_nothing(ehr: Ehr, service: Service, browser: requests.Session, state: str) -> None:
    back = changed(signed_in(ehr, service, browser), state=state)
    refused(follow(browser, back), 400, "This sign-in is not known here.")
    assert ("POST", "/token") not in ehr.requests


def test_a_callback_is_good_for_once(ehr: Ehr, service: Service, browser: requests.Session) -> None:
    back = signed_in(ehr, service, browser)
    assert follow(browser, back).status_code == 303
    ehr.requests.clear()
    refused(follow(browser, back), 400, "It was finished before")
    assert ehr.requests == []


def test_a_code_cannot_be_put_into_the_browser_of_somebody_else(ehr: Ehr, service: Service) -> None:
    """Whoever follows an attacker's link would otherwise read, and believe, the chart that the attacker opened."""
    attacker, victim, bystander = (requests.Session() for _ in range(3))
    back = signed_in(ehr, service, attacker)
    service.begin(victim, **ehr.launch(OTHER))
    for other in (victim, bystander):
        refused(follow(other, back), 400, "was begun in another browser")
    assert ("POST", "/token") not in ehr.requests
    assert follow(attacker, back).status_code == 303, "what others tried does not use the launch up"


def test_a_code_of_another_launch_does_not_fit_the_verifier(
    ehr: Ehr, service: Service, browser: requests.Session
) -> None:
    stolen = parse_qs(urlsplit(signed_in(ehr, service, requests.Session())).query)["code"][0]
    back = changed(signed_in(ehr, service, browser), code=stolen)
    refused(follow(browser, back), 502, "the sign-in took too long, or was used before")


def test_a_launch_is_forgotten_after_ten_minutes(
    ehr: Ehr, service: Service, browser: requests.Session, clock: Any
) -> None:
    back = signed_in(ehr, service, browser)
    clock.now += 600
    refused(follow(browser, back), 400, "took longer than 10 minutes")


@pytest.mark.parametrize("name", ["state", "code"])
def test_a_parameter_that_comes_twice_is_none(ehr: Ehr, service: Service, browser: requests.Session, name: str) -> None:
    back = signed_in(ehr, service, browser)
    answer = follow(browser, f"{back}&{name}=x")
    assert answer.status_code in (400, 502)
    assert ("POST", "/token") not in ehr.requests


# The iss


@pytest.mark.parametrize(
    "change",
    [
        lambda iss: "",
        lambda iss: "https://evil.example.org/fhir",
        lambda iss: iss.replace("http://", "http://ehr@"),
        lambda iss: iss.replace("http://", "http://127.0.0.1:1@"),
        lambda iss: f"{iss[:-1]}",
        lambda iss: f"{iss}/../fhir",
        lambda iss: f"{iss}?x=1",
        lambda iss: f"{iss}#x",
        lambda iss: iss.replace("127.0.0.1", "localhost"),
        lambda iss: iss.rpartition(":")[0] + ":1/fhir",
        lambda iss: iss.replace("http:", "https:"),
        lambda iss: f"{iss}\\@evil.example.org",
        lambda iss: "file:///etc/passwd",
        lambda iss: "http://169.254.169.254/latest",
    ],
)
def test_an_iss_that_is_not_registered_is_never_called(
    ehr: Ehr, service: Service, browser: requests.Session, change: Callable[[str], str]
) -> None:
    launch = ehr.launch(PATIENT) | {"iss": change(ehr.iss)}
    refused(service.begin(browser, **launch), 400, "a record system that is not registered here")
    assert ehr.requests == []


def test_a_launch_without_a_chart_is_refused(ehr: Ehr, service: Service, browser: requests.Session) -> None:
    refused(service.begin(browser, iss=ehr.iss), 400, "The app was opened without a patient's chart.")
    assert ehr.requests == []


def test_no_parameter_leads_the_browser_elsewhere(ehr: Ehr, service: Service, browser: requests.Session) -> None:
    evil = dict.fromkeys(("redirect_uri", "next", "url", "return_to", "target"), "https://evil.example.org/")
    begun = service.begin(browser, **ehr.launch(PATIENT), **evil).headers["Location"]
    assert begun.startswith(f"{ehr.base}/authorize?")
    assert "evil" not in begun
    back = str(browser.get(begun, allow_redirects=False).headers["Location"])
    assert follow(browser, f"{back}&{urlencode(evil)}").headers["Location"] == f"{service.base}/smart/app"


# The configuration


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"code_challenge_methods_supported": ["plain"]}, "does not offer to protect the sign-in"),
        ({"code_challenge_methods_supported": None}, "does not offer to protect the sign-in"),
        ({"token_endpoint": "http://evil.example.org/token"}, "token_endpoint is none that may be called"),
        ({"token_endpoint": "https://user@evil.example.org/token"}, "token_endpoint is none that may be called"),
        ({"token_endpoint": "file:///etc/passwd"}, "token_endpoint is none that may be called"),
        ({"authorization_endpoint": "http://evil.example.org/a"}, "authorization_endpoint is none that may be called"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint is none that may be called"),
        ({"authorization_endpoint": "https://a.example.org/#x"}, "authorization_endpoint is none that may be called"),
        ({"authorization_endpoint": "https://a.example.org/\r\nX: y"}, "is none that may be called"),
        ({"authorization_endpoint": None}, "configuration cannot be read"),
        ({"token_endpoint": 7}, "configuration cannot be read"),
        ({"capabilities": "all"}, "configuration cannot be read"),
    ],
)
def test_a_configuration_with_which_no_launch_is_safe(
    ehr: Ehr, service: Service, browser: requests.Session, changes: dict[str, Any], sentence: str
) -> None:
    assert isinstance(ehr.configuration, dict)
    ehr.configuration |= changes
    ehr.configuration = {name: value for name, value in ehr.configuration.items() if value is not None}
    refused(service.begin(browser, **ehr.launch(PATIENT)), 502, sentence)
    assert [path for _, path in ehr.requests] == ["/fhir/.well-known/smart-configuration"]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda: "<html>Sign in</html>", "configuration cannot be read"),
        (lambda: Response(b"[" * 200_000), "configuration cannot be read"),
        (lambda: Response(b" " * 300_000), "sent more than this service reads"),
        (lambda: Response(status=404), "answered 404"),
        (lambda: Response(status=302, headers={"Location": "/token"}), "answered 302"),
    ],
)
def test_a_configuration_that_is_none(
    ehr: Ehr, service: Service, browser: requests.Session, answer: Any, sentence: str
) -> None:
    ehr.configuration = answer
    refused(service.begin(browser, **ehr.launch(PATIENT)), 502, sentence)


# The answer of the sign-in


def test_a_refusal_is_told_in_words_and_markup_in_it_stays_text(
    ehr: Ehr, service: Service, browser: requests.Session
) -> None:
    said = "<script>alert(1)</script><b>Call 555</b>\u202e" + "x" * 1000
    back = changed(signed_in(ehr, service, browser), code=None, error="access_denied", error_description=said)
    answer = follow(browser, back)
    refused(answer, 502, "it does not allow this app for you, or you declined.")
    assert "<script>" not in answer.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    assert "x" * 400 not in answer.text


def test_what_somebody_else_says_in_the_record_system_s_name_is_not_shown(
    service: Service, browser: requests.Session
) -> None:
    lie = {"error": "access_denied", "error_description": "Call 555 and tell your password", "state": "A" * 48}
    answer = follow(browser, f"{service.base}/smart/callback?{urlencode(lie)}")
    refused(answer, 400, "This sign-in is not known here.")
    assert "555" not in answer.text


def test_an_error_of_no_known_code_is_told_too(ehr: Ehr, service: Service, browser: requests.Session) -> None:
    back = changed(signed_in(ehr, service, browser), code=None, error="<b>strange</b>")
    answer = follow(browser, back)
    refused(answer, 502, "it gives a reason that this service does not know.")
    assert "strange" not in answer.text


def test_an_answer_without_a_code_opens_nothing(ehr: Ehr, service: Service, browser: requests.Session) -> None:
    back = changed(signed_in(ehr, service, browser), code=None)
    refused(follow(browser, back), 502, "holds no code")


WRONG = "https://evil.example.org"


@pytest.mark.parametrize(("told", "required"), [(None, False), ("right", False), ("right", True)])
def test_an_answer_of_the_server_that_was_asked_opens_the_chart(
    ehr: Ehr, service: Service, browser: requests.Session, told: str | None, required: bool
) -> None:
    """RFC 9207: the answer may say where it comes from, and has to if the configuration says that it does."""
    assert isinstance(ehr.configuration, dict)
    ehr.configuration["authorization_response_iss_parameter_supported"] = required
    back = changed(signed_in(ehr, service, browser), iss=told and ehr.base)
    assert follow(browser, back).status_code == 303


@pytest.mark.parametrize(("told", "required"), [(WRONG, False), (WRONG, True), (None, True)])
def test_an_answer_of_another_server_is_refused(
    ehr: Ehr, service: Service, browser: requests.Session, told: str | None, required: bool
) -> None:
    assert isinstance(ehr.configuration, dict)
    ehr.configuration["authorization_response_iss_parameter_supported"] = required
    answer = follow(browser, changed(signed_in(ehr, service, browser), iss=told))
    refused(answer, 400, "is not of the server that was asked")
    assert ("POST", "/token") not in ehr.requests


# The token


def with_members(**changes: Any) -> Callable[[Response], Response]:
    def change(response: Response) -> Response:
        members = json.loads(response.get_data()) | changes
        response.set_data(json.dumps({name: value for name, value in members.items() if value is not None}))
        return response

    return change


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (with_members(patient=None), "does not say which patient this is about"),
        (with_members(patient=""), "does not say which patient this is about"),
        (with_members(patient=["a", "b"]), "token cannot be read"),
        (with_members(access_token=None), "token cannot be read"),
        (with_members(access_token="a\r\nX-Other: b"), "is no bearer token"),
        (with_members(access_token=""), "is no bearer token"),
        (with_members(token_type="mac"), "is no bearer token"),
        (with_members(token_type=None), "token cannot be read"),
        (with_members(expires_in=-1), "has expired before it came"),
        (with_members(expires_in="soon"), "its answer is none of a token endpoint"),
        (with_members(error="invalid_grant"), "the sign-in took too long, or was used before"),
        (lambda _: "<html>Sign in</html>", "its answer is none of a token endpoint"),
        (lambda _: "[]", "its answer is none of a token endpoint"),
        (lambda _: Response(b"[" * 200_000), "its answer is none of a token endpoint"),
        (lambda _: Response(b" " * 300_000), "sent more than this service reads"),
        (lambda _: Response(status=500), "its answer is none of a token endpoint"),
        (lambda _: Response(status=307, headers={"Location": "/elsewhere"}), "its answer is none of a token endpoint"),
    ],
)
def test_a_token_with_which_nothing_can_be_shown(
    ehr: Ehr, service: Service, browser: requests.Session, answer: Any, sentence: str
) -> None:
    ehr.answer_token = answer
    refused(service.open(browser, **ehr.launch(PATIENT)), 502, sentence)
    assert service.get(browser).status_code == 403
    assert ("POST", "/elsewhere") not in ehr.requests


@pytest.mark.parametrize("where", ["configuration", "token"])
def test_a_server_that_hangs_holds_nobody_for_long(
    ehr: Ehr, service: Service, browser: requests.Session, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds_service.smart.discovery.SECONDS", 0.3)
    monkeypatch.setattr("cds_service.smart.oauth.SECONDS", 0.3)

    def hang(*_: Any) -> Response:
        def drip() -> Any:
            started = time.monotonic()
            while time.monotonic() < started + 5:
                time.sleep(0.05)
                yield b" "

        return Response(drip())

    if where == "token":
        ehr.answer_token = hang
    else:
        ehr.configuration = hang
    refused(service.open(browser, **ehr.launch(PATIENT)), 502, "did not answer in time")


@pytest.mark.parametrize("patient", ["Patient/x/../y", "a?b=c", ".."])
def test_a_patient_that_is_no_id_is_never_asked_for(
    ehr: Ehr, service: Service, browser: requests.Session, patient: str
) -> None:
    ehr.answer_token = with_members(patient=patient)
    assert service.open(browser, **ehr.launch(PATIENT)).status_code in (400, 412)
    assert not [path for _, path in ehr.requests if path.startswith("/fhir/") and "well-known" not in path]


def test_a_token_for_another_patient_than_the_data_shows_nobody(
    ehr: Ehr, service: Service, browser: requests.Session
) -> None:
    """The record system says one patient beside the token, and lets another's chart be read with it."""
    ehr.answer_token = with_members(patient=OTHER)
    answer = service.open(browser, **ehr.launch(PATIENT))
    assert answer.status_code == 412
    assert NAME not in answer.text
    assert "Frieda" not in answer.text


# The session


def with_cookie(service: Service, secret: str) -> requests.Response:
    headers = HTML | {"Cookie": f"nam-cds-session={secret}"}
    return requests.get(f"{service.base}/smart/app", headers=headers, timeout=10)


def test_a_session_belongs_to_one_browser(ehr: Ehr, service: Service, browser: requests.Session) -> None:
    service.open(browser, **ehr.launch(PATIENT))
    refused(service.get(requests.Session()), 403, "No chart is open here.")
    for forged in ("A" * 48, "", "x", "A" * 5000):
        other = requests.get(
            f"{service.base}/smart/app", headers=HTML | {"Cookie": f"nam-cds-session={forged}"}, timeout=10
        )
        refused(other, 403, "No chart is open here.")


def test_a_session_is_never_one_that_somebody_chose(ehr: Ehr, service: Service, browser: requests.Session) -> None:
    browser.cookies.set("nam-cds-session", "A" * 48, domain="127.0.0.1", path="/")
    service.open(browser, **ehr.launch(PATIENT))
    assert service.get(browser).status_code == 200
    stale = requests.get(
        f"{service.base}/smart/app", headers=HTML | {"Cookie": f"nam-cds-session={'A' * 48}"}, timeout=10
    )
    refused(stale, 403, "No chart is open here.")


def test_no_other_site_can_close_a_chart(ehr: Ehr, service: Service, browser: requests.Session) -> None:
    service.open(browser, **ehr.launch(PATIENT))
    for headers in ({"Origin": "https://evil.example.org"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = browser.post(f"{service.base}/smart/logout", headers=HTML | headers)
        assert answer.status_code == 403
    assert service.get(browser).status_code == 200


def test_nothing_of_the_patient_is_in_an_address_or_a_cookie(
    ehr: Ehr, service: Service, browser: requests.Session
) -> None:
    answer = service.open(browser, **ehr.launch(PATIENT))
    seen = [one.url for one in (*answer.history, answer)] + [str(one.value) for one in browser.cookies]
    assert not [text for text in seen if PATIENT in text or "Testperson" in text]
    token = next(iter(ehr.tokens))
    assert not [text for text in seen if token in text]


# Logs


def test_no_token_no_secret_and_no_patient_is_logged(
    ehr: Ehr, make_service: Callable[..., Service], browser: requests.Session, tmp_path: Any
) -> None:
    ehr.client.method = "client_secret_basic"
    (tmp_path / "secret").write_text(SECRET)
    service = make_service({"client_secret_file": "secret"}, log_level="debug")
    back = signed_in(ehr, service, browser)
    follow(browser, back)
    service.get(browser)
    follow(browser, back)
    answered = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    secrets = {SECRET, PATIENT, "Testperson", answered["code"], answered["state"], *ehr.tokens, *ehr.launches}
    secrets |= {str(one.value) for one in browser.cookies}
    heard = "\n".join(text for text, (_, test) in LISTENER.texts.items() if test == LISTENER.test)
    assert "smart_session_begun" in heard
    assert CLIENT_ID not in secrets
    assert [secret for secret in secrets if secret in heard] == []
