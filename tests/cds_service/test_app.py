"""The web application: addresses, status codes, CORS, headers, errors."""

import gzip
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cds_service.errors import CODE_SYSTEM, SettingsError
from cds_service.protocol.cards import Card, CdsResponse, Source
from cds_service.registry import Call
from tests.cds_service.support import complete, patient, request, service

ADDRESS = "/cds-services/demo"
ORIGIN = {"Origin": "http://localhost:3000"}


def post(client: FlaskClient, members: Any, **kwargs: Any) -> TestResponse:
    return client.post(kwargs.pop("address", ADDRESS), json=members, **kwargs)


def check_outcome(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The first issue of an error, after a look at its form (CH-STAT-10, CH-GEN-03, CH-GEN-04)."""
    assert response.status_code == status
    assert response.mimetype == "application/json"
    body: dict[str, Any] = json.loads(response.data)
    assert body["resourceType"] == "OperationOutcome"
    for one in body["issue"]:
        assert one["severity"] == "error"
        assert one["details"]["coding"] == [{"system": CODE_SYSTEM, "code": code}]
        assert one["details"]["text"]
        assert all(value not in (None, "", [], {}) for value in one.values())
    issue: dict[str, Any] = body["issue"][0]
    return issue


# Addresses


@pytest.mark.parametrize("address", ["/cds-services", "/cds-services/", "//cds-services", "//cds-services//"])
def test_CH_DISC_01_18_discovery(client: FlaskClient, address: str) -> None:
    response = client.get("/", environ_overrides={"PATH_INFO": address})
    assert (response.status_code, response.mimetype) == (200, "application/json")
    assert [one["id"] for one in json.loads(response.data)["services"]] == ["demo"]


def test_CH_DISC_19_discovery_is_cacheable(client: FlaskClient) -> None:
    first, second = client.get("/cds-services"), client.get("/cds-services")
    assert first.data == second.data
    again = client.get("/cds-services", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("authorization", ["Bearer null", "Bearer undefined", "Bearer a.b.c", "nonsense"])
def test_CH_DISC_17_CH_TOL_13_unusable_tokens_are_ignored(client: FlaskClient, authorization: str) -> None:
    headers = {"Authorization": authorization}
    assert client.get("/cds-services", headers=headers).status_code == 200
    assert post(client, request(complete()), headers=headers).status_code == 200


@pytest.mark.parametrize(
    "address", [ADDRESS, f"{ADDRESS}/", "/cds-services//demo", "//cds-services//demo//", "/cds-services/demo//"]
)
def test_CH_TOL_11_calls_with_slashes_are_served(client: FlaskClient, address: str) -> None:
    response = post(client, request(complete()), environ_overrides={"PATH_INFO": address})
    assert response.status_code == 200


def test_CH_RESP_01_cards(client: FlaskClient) -> None:
    response = post(client, request(complete()))
    assert response.mimetype == "application/json"
    assert len(json.loads(response.data)["cards"]) == 1
    nothing = post(client, request(complete() | {"conditions": None}))
    assert (nothing.status_code, nothing.data) == (200, b'{"cards":[]}')


def test_probes(client: FlaskClient) -> None:
    assert json.loads(client.get("/healthz").data) == {"status": "alive"}
    assert json.loads(client.get("/readyz").data) == {"status": "ready"}


def test_CH_SEC_09_answers_are_not_stored(client: FlaskClient) -> None:
    for members in (request(complete()), request()):
        assert post(client, members).headers["Cache-Control"] == "no-store"


def test_CH_TOL_15_a_repeated_hook_instance_is_a_new_call(client: FlaskClient) -> None:
    assert len(json.loads(post(client, request(complete())).data)["cards"]) == 1
    assert json.loads(post(client, request(complete() | {"conditions": None})).data)["cards"] == []


# Status codes


@pytest.mark.parametrize("address", ["/cds-services/nope", "/cds-services/nope/"])
def test_CH_STAT_06_unknown_service(client: FlaskClient, address: str) -> None:
    check_outcome(post(client, request(complete()), address=address), 404, "unknown-service")


@pytest.mark.parametrize("address", ["/nope", "/cds-services/demo/more/nope"])
def test_CH_STAT_06_unknown_address(client: FlaskClient, address: str) -> None:
    check_outcome(client.get(address), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "address", "allow"),
    [
        ("GET", ADDRESS, {"POST", "OPTIONS"}),
        ("PUT", ADDRESS, {"POST", "OPTIONS"}),
        ("DELETE", ADDRESS, {"POST", "OPTIONS"}),
        ("POST", "/cds-services", {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/healthz", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_CH_REQ_01_CH_STAT_07_wrong_method(client: FlaskClient, method: str, address: str, allow: set[str]) -> None:
    response = client.open(address, method=method)
    check_outcome(response, 405, "method-not-allowed")
    assert set(response.headers["Allow"].split(", ")) == allow


def test_CH_STAT_10_CH_3_06_every_error_is_an_operation_outcome(make_app: Callable[..., Flask]) -> None:
    def fails(_: Any) -> Any:
        raise RuntimeError("planted")

    body = json.dumps(request(complete())).encode()
    client = make_app(max_body_bytes=len(body)).test_client()
    failing = make_app(service(fails), max_body_bytes=len(body)).test_client()
    as_json = {"content_type": "application/json"}
    for response, status, code in (
        (client.post(ADDRESS, data=b"{", **as_json), 400, "not-json"),
        (client.post("/cds-services/none", data=body, **as_json), 404, "unknown-service"),
        (client.get("/nowhere"), 404, "not-found"),
        (client.get(ADDRESS), 405, "method-not-allowed"),
        (client.post(ADDRESS, json=request()), 412, "data-unavailable"),
        (client.post(ADDRESS, data=body + b" ", **as_json), 413, "body-too-large"),
        (client.post(ADDRESS, data=body, content_type="text/plain"), 415, "unsupported-media-type"),
        (failing.post(ADDRESS, data=body, **as_json), 500, "internal-error"),
    ):
        check_outcome(response, status, code)


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", "not-json"), (b"{", "not-json"), (b"[]", "invalid-request"), (b"{}", "invalid-request")],
)
def test_CH_STAT_03_bad_bodies(client: FlaskClient, body: bytes, code: str) -> None:
    check_outcome(client.post(ADDRESS, data=body, content_type="application/json"), 400, code)


@pytest.mark.parametrize("path", [ADDRESS, f"{ADDRESS}/feedback"])
@pytest.mark.parametrize("member", ["context", "extension", "prefetch", "unknown"])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_CH_GEN_11_nesting_has_a_limit_and_no_depth_is_a_failure(
    client: FlaskClient, path: str, member: str, opening: str, closing: str
) -> None:
    def status(depth: int) -> int:
        nested = "@"
        members = request(complete() | {"zzz": nested} if member == "prefetch" else complete())
        members |= {} if member == "prefetch" else {member: members.get(member, {}) | {"zzz": nested}}
        body = json.dumps(members).replace('"@"', opening * depth + "1" + closing * depth)
        return client.post(path, data=body, content_type="application/json").status_code

    taken = 200 if path == ADDRESS else 400  # the body is no feedback
    assert status(300) == taken
    assert {status(depth) for depth in range(900, 1010, 3)} <= {200, 400, 412}
    too_deep = client.post(path, data=b'{"context":' + b"[" * 5_000, content_type="application/json")
    issue = check_outcome(too_deep, 400, "not-json")
    assert issue["details"]["text"] == "The body is nested too deeply."
    assert status(5_000) == 400


def test_CH_STAT_03_the_place_is_named(client: FlaskClient) -> None:
    issue = check_outcome(post(client, request(context={"userId": "Practitioner/1"})), 400, "invalid-request")
    assert issue["expression"] == ["context.patientId"]
    assert issue["diagnostics"]


def test_CH_REQ_03_hook_mismatch(client: FlaskClient) -> None:
    check_outcome(post(client, request(complete(), hook="order-sign")), 400, "hook-mismatch")


def test_CH_STAT_02_missing_data(client: FlaskClient) -> None:
    issue = check_outcome(post(client, request()), 412, "data-unavailable")
    assert issue["expression"] == ["prefetch.patient"]


def test_CH_PF_18_other_patient(client: FlaskClient) -> None:
    check_outcome(post(client, request(complete() | {"patient": patient("x")})), 400, "patient-mismatch")


class Untouched(io.BytesIO):
    """A body that must not be read."""

    def read(self, size: int | None = -1) -> bytes:
        raise AssertionError("the body was read")

    readinto = readline = read  # type: ignore[assignment]


def test_CH_STAT_07_too_large_is_refused_unread(client: FlaskClient) -> None:
    environment = {"wsgi.input": Untouched(), "CONTENT_LENGTH": "100000000"}
    response = client.post(ADDRESS, content_type="application/json", environ_overrides=environment)
    check_outcome(response, 413, "body-too-large")


def test_CH_STAT_07_too_large_without_a_length(make_app: Callable[..., Flask]) -> None:
    client = make_app(max_body_bytes=1000).test_client()
    response = client.post(
        ADDRESS,
        input_stream=io.BytesIO(b" " * 5000),
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    check_outcome(response, 413, "body-too-large")


def test_CH_TOL_28_gzip(client: FlaskClient) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    body = gzip.compress(json.dumps(request(complete())).encode())
    assert client.post(ADDRESS, data=body, headers=headers).status_code == 200
    bomb = gzip.compress(b" " * 20_000_000)
    check_outcome(client.post(ADDRESS, data=bomb, headers=headers), 413, "body-too-large")
    check_outcome(client.post(ADDRESS, data=b"x", headers=headers), 400, "not-json")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "application/fhir+json", "APPLICATION/JSON", None],
)
def test_CH_REQ_12_content_types(client: FlaskClient, content_type: str | None) -> None:
    response = client.post(ADDRESS, data=json.dumps(request(complete())), content_type=content_type)
    assert response.status_code == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded"])
def test_CH_REQ_12_other_content_types(client: FlaskClient, content_type: str) -> None:
    response = client.post(ADDRESS, data=json.dumps(request()), content_type=content_type)
    check_outcome(response, 415, "unsupported-media-type")


def test_CH_REQ_12_other_encodings(client: FlaskClient) -> None:
    check_outcome(post(client, request(), headers={"Content-Encoding": "br"}), 415, "unsupported-media-type")


def fail(call: Call) -> CdsResponse:
    raise RuntimeError(f"secret of {call.data.patient_id}")


def break_the_wire_format(call: Call) -> CdsResponse:
    return CdsResponse((Card(summary="x" * 140, indicator="info", source=Source(label="x")),))


@pytest.mark.parametrize("evaluate", [fail, break_the_wire_format])
def test_CH_STAT_09_a_failing_service_is_never_an_empty_answer(
    make_app: Callable[..., Flask], evaluate: Callable[[Call], CdsResponse], capsys: pytest.CaptureFixture[str]
) -> None:
    response = post(make_app(service(evaluate)).test_client(), request(complete()), headers=ORIGIN)
    check_outcome(response, 500, "internal-error")
    assert "Access-Control-Allow-Origin" in response.headers
    for inside in ("Traceback", ".py", "secret", "Error"):
        assert inside not in response.text
    logged = capsys.readouterr().err
    assert "defect" in logged
    assert "secret" not in logged


def test_CH_STAT_09_a_failing_gate(make_app: Callable[..., Flask]) -> None:
    def gate(*_: Any) -> bool:
        raise KeyError("x")

    client = make_app(service(fail, gate=gate)).test_client()
    check_outcome(post(client, request(complete())), 500, "internal-error")


# CORS


@pytest.mark.parametrize(
    "address", ["/cds-services", ADDRESS, f"{ADDRESS}/feedback", "/healthz", "/readyz", "/cds-services//demo"]
)
@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1", "https://sandbox.cds-hooks.org"])
def test_CH_SEC_04_05_CH_TOL_12_preflight(client: FlaskClient, address: str, origin: str) -> None:
    response = client.options(
        address,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )
    assert response.status_code in (200, 204)
    assert response.headers["Access-Control-Allow-Origin"] == origin
    assert {"authorization", "content-type"} <= set(
        response.headers["Access-Control-Allow-Headers"].lower().split(", ")
    )
    assert {"GET", "POST", "OPTIONS"} <= set(response.headers["Access-Control-Allow-Methods"].split(", "))
    assert int(response.headers["Access-Control-Max-Age"]) > 0
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example.org",
        "http://localhost.evil.org",
        "http://localhost:3000.evil.org",
        "null",
        "https://sandbox.cds-hooks.org.evil.org",
        "http://sandbox.cds-hooks.org",
        "https://xsandbox.cds-hooks.org",
    ],
)
def test_CH_SEC_06_other_origins(client: FlaskClient, origin: str) -> None:
    for response in (client.get("/cds-services", headers={"Origin": origin}), client.get("/cds-services")):
        assert "Access-Control-Allow-Origin" not in response.headers
        assert "Origin" in response.headers["Vary"]


def test_CH_SEC_06_everybody(make_app: Callable[..., Flask]) -> None:
    response = make_app(cors_origins=("*",)).test_client().get("/cds-services", headers=ORIGIN)
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers


def test_CH_SEC_07_CH_STAT_11_errors_have_cors_headers(client: FlaskClient) -> None:
    answers = [
        post(client, request(), headers=ORIGIN),
        post(client, {}, headers=ORIGIN),
        post(client, {}, headers=ORIGIN, address="/cds-services/nope"),
        client.get("/nope", headers=ORIGIN),
        client.get(ADDRESS, headers=ORIGIN),
        client.post(ADDRESS, data=b"x", content_type="text/plain", headers=ORIGIN),
    ]
    assert [answer.status_code for answer in answers] == [412, 400, 404, 404, 405, 415]
    for answer in answers:
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN["Origin"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


# Start


def test_unsupported_sources_have_to_exist(make_app: Callable[..., Flask]) -> None:
    for key in ("nonsense", "conditions"):
        with pytest.raises(SettingsError, match=f"NAM_CDS_UNSUPPORTED_SOURCES: {key} cannot be left out"):
            make_app(unsupported_sources=(key,))


def test_start_says_that_calls_are_not_authenticated(
    make_app: Callable[..., Flask], capsys: pytest.CaptureFixture[str]
) -> None:
    make_app()
    quiet = capsys.readouterr().err
    assert "not authenticated" in quiet
    assert '"level": "info"' in quiet
    make_app(host="0.0.0.0", unauthenticated="anybody-who-reaches-this-service-may-call-it")
    loud = capsys.readouterr().err
    assert "CALLS ARE NOT AUTHENTICATED" in loud
    assert '"level": "warning"' in loud


def test_CH_GEN_02_start_asks_for_tls(make_app: Callable[..., Flask], capsys: pytest.CaptureFixture[str]) -> None:
    for address, warned in (
        ("http://cds.example.org", True),
        ("https://cds.example.org", False),
        ("http://localhost:8080", False),
    ):
        make_app(public_url=address)
        assert ("public_url_without_tls" in capsys.readouterr().err) == warned


def test_one_id_for_several_hooks(make_app: Callable[..., Flask]) -> None:
    def tell(name: str) -> Callable[[Call], CdsResponse]:
        return lambda _: CdsResponse((Card(summary=name, indicator="info", source=Source(label="x")),))

    client = make_app(service(tell("view")), service(tell("sign"), hook="order-sign")).test_client()
    signing = {"userId": "Practitioner/1", "patientId": request()["context"]["patientId"], "draftOrders": {"x": 1}}
    for members, summary in (
        (request(complete()), "view"),
        (request(complete(), hook="order-sign", context=signing), "sign"),
    ):
        assert json.loads(post(client, members).data)["cards"][0]["summary"] == summary
    check_outcome(post(client, request(complete(), hook="order-select")), 400, "hook-mismatch")
    check_outcome(post(client, {}), 400, "invalid-request")
