"""Authentication on the wire: what passes, and that nothing tells why something does not."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cds_service.app import create_app
from cds_service.errors import SettingsError
from cds_service.registry import CdsService
from cds_service.settings import Settings
from tests.cds_service.security.signing import (
    ADDRESS,
    ISSUER,
    JKU,
    NOW,
    PUBLIC_URL,
    KeyPair,
    claims,
    clients_file,
    jwks,
    key_pair,
    write_clients,
)
from tests.cds_service.support import TODAY, Ehr, Seen, complete, condition, request, service, with_access
from tests.cds_service.test_app import check_outcome

ONE = key_pair("one")
ORIGIN = "http://localhost:3000"

MakeApp = Callable[..., Flask]


@pytest.fixture
def make(demo: CdsService) -> Iterator[MakeApp]:
    """An application behind https://cds.example.org/nam, at the time NOW."""
    made: list[Flask] = []

    def app(clients: Path, *services: CdsService, now: Callable[[], float] = lambda: NOW, **settings: Any) -> Flask:
        usual: dict[str, Any] = {"public_url": PUBLIC_URL, "clients": clients, "database": "memory"}
        made.append(
            create_app(Settings(**(usual | settings)), services=services or (demo,), today=lambda: TODAY, now=now)
        )
        return made[-1]

    yield app
    for one in made:
        one.extensions["cds_service"]["engine"].close()


@pytest.fixture
def client(make: MakeApp, tmp_path: Path) -> FlaskClient:
    return make(clients_file(tmp_path)).test_client()


def call(
    client: FlaskClient, token: str | None, members: Any = None, *, path: str = "/cds-services/demo"
) -> TestResponse:
    """Call the service with this token, and with a request that is answered."""
    headers = {"Origin": ORIGIN} | ({} if token is None else {"Authorization": f"Bearer {token}"})
    return client.post(path, json=request(complete()) if members is None else members, headers=headers)


def test_CH_JWT_09_a_call_with_a_token_is_answered(client: FlaskClient) -> None:
    assert call(client, ONE.sign(claims())).get_json()["cards"]


def test_CH_JWT_18_CH_STAT_04_every_defect_gets_the_same_answer(
    make: MakeApp, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = make(clients_file(tmp_path)).test_client()
    used = ONE.sign(claims())
    assert call(client, used).status_code == 200
    capsys.readouterr()
    right = ONE.sign(claims())
    defects = [
        None,
        "",
        "null",
        "undefined",
        "a.b.c",
        right + "x",
        used,
        right.rpartition(".")[0] + ".",
        ONE.sign(claims(), alg="none"),
        ONE.sign(claims(), alg="HS256"),
        ONE.sign(claims(), alg="RS256"),
        ONE.sign(claims(), kid=None),
        ONE.sign(claims(), kid="two"),
        ONE.sign(claims(), typ="at+jwt"),
        ONE.sign(claims(), crit=["exp"]),
        ONE.sign(claims(), jku="https://evil.example.org/jwks.json"),
        KeyPair("one").sign(claims()),
        ONE.sign(claims(iss="https://evil.example.org")),
        ONE.sign(claims(aud=PUBLIC_URL)),
        ONE.sign(claims(aud=None)),
        ONE.sign(claims(exp=NOW - 61)),
        ONE.sign(claims(exp=None)),
        ONE.sign(claims(iat=NOW + 100)),
        ONE.sign(claims(nbf=NOW + 100)),
        ONE.sign(claims(exp=NOW + 86_400)),
        ONE.sign(claims(jti=None)),
    ]
    answers = [call(client, token) for token in defects]
    assert {answer.data for answer in answers} == {answers[0].data}
    for answer in answers:
        del answer.headers["X-Request-ID"]
        assert list(answer.headers) == list(answers[0].headers)
    check_outcome(answers[0], 401, "unauthorized")
    assert answers[0].headers["WWW-Authenticate"] == "Bearer"
    assert answers[0].headers["Cache-Control"] == "no-store"
    assert answers[0].headers["Access-Control-Allow-Origin"] == ORIGIN
    log = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    refused = [line for line in log if line["event"] == "call_refused"]
    assert len(refused) == len(defects)
    assert len({line["reason"] for line in refused}) > 12


def test_CH_JWT_19_CH_SEC_08_no_part_of_a_token_is_logged(
    make: MakeApp, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    client = make(clients_file(tmp_path), log_level="debug").test_client()
    secret = "4711-this-is-in-the-token"
    for token in (
        ONE.sign(claims(jti=secret, sub=secret)),
        ONE.sign(claims(jti=secret)),
        ONE.sign(claims(iss=secret)),
        ONE.sign(claims(aud=secret)),
        ONE.sign(claims(), kid=secret),
        ONE.sign(claims(), jku=secret),
        ONE.sign(claims(), alg=secret),
        ONE.sign(claims(tenant=secret)) + "x",
        secret,
    ):
        call(client, token)
        written = "".join(capfd.readouterr())
        assert "audit" in written
        assert not any(part in written for part in (secret, *filter(None, token.split("."))))


def test_CH_JWT_11_each_service_has_its_own_address(
    make: MakeApp, demo: CdsService, seen: Seen, tmp_path: Path
) -> None:
    client = make(clients_file(tmp_path), demo, service(seen, id="other")).test_client()
    for_demo = ONE.sign(claims())
    check_outcome(call(client, for_demo, path="/cds-services/other"), 401, "unauthorized")
    assert call(client, for_demo).status_code == 200
    assert call(
        client, ONE.sign(claims(aud=f"{PUBLIC_URL}/cds-services/other")), path="/cds-services/other"
    ).status_code


def test_CH_JWT_12_the_address_is_the_configured_one_whatever_the_headers_say(client: FlaskClient) -> None:
    evil = {"Host": "evil.example.org", "X-Forwarded-Host": "evil.example.org", "X-Forwarded-Prefix": "/evil"}
    for audience, status in (
        ("https://evil.example.org/cds-services/demo", 401),
        ("https://evil.example.org/evil/cds-services/demo", 401),
        ("http://localhost/cds-services/demo", 401),
        (ADDRESS, 200),
    ):
        headers = evil | {"Authorization": f"Bearer {ONE.sign(claims(aud=audience))}"}
        assert client.post("/cds-services/demo", json=request(complete()), headers=headers).status_code == status


@pytest.mark.parametrize("path", ["/cds-services/demo/", "//cds-services//demo", "/cds-services/demo//"])
def test_CH_TOL_11_slashes_do_not_change_the_address(client: FlaskClient, path: str) -> None:
    answer = client.post(
        "/",
        json=request(complete()),
        headers={"Authorization": f"Bearer {ONE.sign(claims())}"},
        environ_overrides={"PATH_INFO": path},
    )
    assert answer.status_code == 200


def test_an_unknown_service_is_told_to_clients_only(client: FlaskClient) -> None:
    check_outcome(call(client, None, path="/cds-services/nope"), 401, "unauthorized")
    token = ONE.sign(claims(aud=f"{PUBLIC_URL}/cds-services/nope"))
    check_outcome(call(client, token, path="/cds-services/nope"), 404, "unknown-service")


def test_CH_JWT_16_a_token_is_good_once(client: FlaskClient) -> None:
    token = ONE.sign(claims())
    assert call(client, token).status_code == 200
    check_outcome(call(client, token), 401, "unauthorized")


def test_CH_JWT_16_the_same_jti_of_another_issuer_is_another_token(make: MakeApp, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_bytes(jwks(ONE))
    other = "https://other.example.org"
    entries = {"a": {"issuer": ISSUER, "jwks": "keys.json"}, "b": {"issuer": other, "jwks": "keys.json"}}
    client = make(write_clients(tmp_path, entries)).test_client()
    for issuer in (ISSUER, other):
        assert call(client, ONE.sign(claims(jti="same", iss=issuer))).status_code == 200


def test_CH_JWT_16_a_token_that_is_refused_is_not_remembered(client: FlaskClient) -> None:
    right = ONE.sign(claims(jti="nonce"))
    for forged in (KeyPair("one").sign(claims(jti="nonce")), ONE.sign(claims(jti="nonce", aud="elsewhere"))):
        assert call(client, forged).status_code == 401
    assert call(client, right).status_code == 200


def test_CH_JWT_13_CH_JWT_16_a_token_cannot_come_back_after_it_is_forgotten(make: MakeApp, tmp_path: Path) -> None:
    time = [NOW]
    client = make(clients_file(tmp_path), now=lambda: time[0]).test_client()
    token = ONE.sign(claims())
    assert call(client, token).status_code == 200
    for later in range(0, 600, 7):
        time[0] = NOW + later
        assert call(client, token).status_code == 401


def test_CH_JWT_17_CH_STAT_05_a_tenant_that_is_not_listed(make: MakeApp, tmp_path: Path) -> None:
    client = make(clients_file(tmp_path, tenants=["north", "south"])).test_client()
    assert call(client, ONE.sign(claims(tenant="north"))).status_code == 200
    for tenant in ("west", None, "North"):
        check_outcome(call(client, ONE.sign(claims(tenant=tenant))), 403, "forbidden")


def test_CH_STAT_05_a_service_that_is_not_listed(make: MakeApp, demo: CdsService, seen: Seen, tmp_path: Path) -> None:
    client = make(clients_file(tmp_path, services=["other"]), demo, service(seen, id="other")).test_client()
    check_outcome(call(client, ONE.sign(claims())), 403, "forbidden")
    token = ONE.sign(claims(aud=f"{PUBLIC_URL}/cds-services/other"))
    assert call(client, token, path="/cds-services/other").status_code == 200


def test_a_client_may_only_be_allowed_services_that_exist(make: MakeApp, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"client st-elsewhere: services: there is no nope\. Known: demo"):
        make(clients_file(tmp_path, services=["nope"]))


def test_CH_DISC_16_CH_DISC_17_discovery_is_for_everybody_unless_it_is_not(make: MakeApp, tmp_path: Path) -> None:
    file = clients_file(tmp_path)
    assert make(file).test_client().get("/cds-services").status_code == 200
    client = make(file, authenticate_discovery=True).test_client()
    check_outcome(client.get("/cds-services"), 401, "unauthorized")
    for audience, status in ((f"{PUBLIC_URL}/cds-services", 200), (ADDRESS, 401)):
        token = ONE.sign(claims(aud=audience))
        assert client.get("/cds-services", headers={"Authorization": f"Bearer {token}"}).status_code == status


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_need_no_token(make: MakeApp, tmp_path: Path, path: str) -> None:
    assert make(clients_file(tmp_path), authenticate_discovery=True).test_client().get(path).status_code == 200


@pytest.mark.parametrize("path", ["/cds-services", "/cds-services/demo", "/cds-services/demo/feedback"])
def test_CH_SEC_05_CH_TOL_12_preflights_need_no_token(make: MakeApp, tmp_path: Path, path: str) -> None:
    client = make(clients_file(tmp_path), authenticate_discovery=True).test_client()
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    answer = client.options(path, headers={"Origin": ORIGIN} | asked)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_CH_SSRF_01_a_client_may_name_its_own_fhir_servers_only(make: MakeApp, ehr: Ehr, tmp_path: Path) -> None:
    ehr.holds(complete() | {"conditions": {"resourceType": "Bundle", "entry": [{"resource": condition()}]}})
    (tmp_path / "keys.json").write_bytes(jwks(ONE))
    entries = {
        "a": {"issuer": ISSUER, "jwks": "keys.json", "fhir_servers": [ehr.base]},
        "b": {"issuer": "https://b.example.org", "jwks": "keys.json", "fhir_servers": ["https://b.example.org/fhir"]},
    }
    client = make(write_clients(tmp_path, entries), deadline_seconds=5.0).test_client()
    check_outcome(
        call(client, ONE.sign(claims(iss="https://b.example.org")), with_access(ehr.base)), 412, "data-unavailable"
    )
    assert ehr.requests == []
    assert call(client, ONE.sign(claims()), with_access(ehr.base)).get_json()["cards"]
    assert ehr.requests


def test_CH_AUTHZ_05_the_callers_token_never_reaches_the_fhir_server(make: MakeApp, ehr: Ehr, tmp_path: Path) -> None:
    ehr.holds(complete())
    token = ONE.sign(claims())
    client = make(clients_file(tmp_path, fhir_servers=[ehr.base]), deadline_seconds=5.0).test_client()
    assert call(client, token, with_access(ehr.base)).status_code == 200
    assert ehr.requests
    assert all(token not in str(headers) for _, headers in ehr.requests)


def test_CH_JWT_08_an_unlisted_jku_makes_no_call(make: MakeApp, ehr: Ehr, tmp_path: Path) -> None:
    evil = KeyPair("evil")
    address = f"{ehr.base}/jwks.json"
    ehr.pages["/fhir/jwks.json"] = {"keys": [evil.jwk()]}
    for client_of in ({}, {"jku": JKU}, {"jku": JKU, "jwks": None}):
        client = make(clients_file(tmp_path, **client_of)).test_client()
        check_outcome(call(client, evil.sign(claims(), jku=address)), 401, "unauthorized")
    assert ehr.requests == []
    # The same token is right where the address is the client's: it was refused for the address alone.
    client = make(clients_file(tmp_path, jku=address, jwks=None)).test_client()
    assert call(client, evil.sign(claims(), jku=address)).status_code == 200
    assert [path for path, _ in ehr.requests] == ["/fhir/jwks.json"]


def test_CH_STAT_07_more_calls_than_a_client_may_make(make: MakeApp, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_bytes(jwks(ONE))
    other = "https://other.example.org"
    entries: dict[str, dict[str, Any]] = {
        "a": {"issuer": ISSUER, "jwks": "keys.json"},
        "b": {"issuer": other, "jwks": "keys.json", "calls_per_minute": 0},
    }
    client = make(write_clients(tmp_path, entries), calls_per_minute=3).test_client()
    statuses = [call(client, ONE.sign(claims())).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert [call(client, ONE.sign(claims(iss=other))).status_code for _ in range(5)] == [200] * 5
    throttled = call(client, ONE.sign(claims()))
    check_outcome(throttled, 429, "too-many-calls")
    assert 1 <= int(throttled.headers["Retry-After"]) <= 20
    assert throttled.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert call(client, "a.b.c").status_code == 401


def test_CH_STAT_07_without_clients_each_address_is_counted(make_app: Callable[..., Flask]) -> None:
    client = make_app(calls_per_minute=2).test_client()

    def status(address: str) -> int:
        body = request(complete())
        return client.post("/cds-services/demo", json=body, environ_base={"REMOTE_ADDR": address}).status_code

    assert [status("192.0.2.1") for _ in range(3)] == [200, 200, 429]
    assert status("192.0.2.2") == 200
    for path in ("/healthz", "/readyz"):
        assert client.get(path, environ_base={"REMOTE_ADDR": "192.0.2.1"}).status_code == 200


def test_CH_TOL_19_a_client_may_have_its_own_names_for_prefetch_keys(make: MakeApp, seen: Seen, tmp_path: Path) -> None:
    aliases = {f"{key}_of_theirs": key for key in complete()}
    client = make(clients_file(tmp_path, prefetch_aliases=aliases)).test_client()
    theirs = {f"{key}_of_theirs": value for key, value in complete().items()}
    assert call(client, ONE.sign(claims()), request(theirs)).status_code == 200
    assert {source.state for source in seen.data.sources.values()} == {"complete"}


@pytest.mark.parametrize("audience", ["demo/feedback", "demo/feedback/", "demo"])
def test_CH_FB_08_CH_TOL_21_feedback_takes_a_token_for_itself_or_for_its_service(
    client: FlaskClient, audience: str
) -> None:
    item = {"card": "x", "outcome": "overridden", "outcomeTimestamp": "2026-11-22T10:00:00Z"}
    path = "/cds-services/demo/feedback"
    check_outcome(call(client, None, {"feedback": [item]}, path=path), 401, "unauthorized")
    for wrong in ("/cds-services", "/cds-services/other", "/cds-services/other/feedback"):
        token = ONE.sign(claims(aud=PUBLIC_URL + wrong))
        assert call(client, token, {"feedback": [item]}, path=path).status_code == 401
    token = ONE.sign(claims(aud=f"{PUBLIC_URL}/cds-services/{audience}"))
    assert call(client, token, {"feedback": [item]}, path=path).status_code == 200
    assert call(client, ONE.sign(claims(aud=f"{ADDRESS}/feedback"))).status_code == 401


def test_in_the_demonstration_the_public_sandbox_can_be_a_client_and_name_its_fhir_server(
    make: MakeApp, tmp_path: Path
) -> None:
    public_url = "http://127.0.0.1:8080"
    issuer = "https://sandbox.cds-hooks.org"
    app = make(clients_file(tmp_path, issuer=issuer), demo=True, public_url=public_url)
    headers = {"Authorization": f"Bearer {ONE.sign(claims(iss=issuer, aud=f'{public_url}/cds-services/demo'))}"}
    seen = []

    def answer(*_: Any, **__: Any) -> bytes:
        seen.append(g.caller)
        return b'{"cards":[]}'

    app.extensions["cds_service"]["engine"].answer = answer
    assert app.test_client().post("/cds-services/demo", json={}, headers=headers).status_code == 200
    assert f"{public_url}/fhir" in {server.base for server in seen[0].fhir_servers}


# Start


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "cds.example.org"])
def test_CH_SEC_03_it_does_not_start_where_others_reach_it_and_nobody_is_asked(
    make_app: Callable[..., Flask], host: str
) -> None:
    with pytest.raises(SettingsError, match="NAM_CDS_CLIENTS: is not set, and NAM_CDS_HOST"):
        make_app(host=host)
    make_app(host=host, unauthenticated="anybody-who-reaches-this-service-may-call-it")


def test_CH_GEN_02_with_clients_and_other_machines_the_public_address_is_https(make: MakeApp, tmp_path: Path) -> None:
    file = clients_file(tmp_path)
    make(file, host="0.0.0.0")
    make(file, public_url="http://127.0.0.1:8080")
    with pytest.raises(SettingsError, match="NAM_CDS_PUBLIC_URL"):
        make(file, host="0.0.0.0", public_url="http://cds.example.org")


def test_settings_that_contradict_the_clients_file_are_refused(make: MakeApp, tmp_path: Path) -> None:
    file = clients_file(tmp_path)
    with pytest.raises(SettingsError, match="NAM_CDS_UNAUTHENTICATED"):
        make(file, unauthenticated="anybody-who-reaches-this-service-may-call-it")
    servers = Settings.from_environment({"NAM_CDS_FHIR_SERVERS": "https://ehr.example.org/fhir"}).fhir_servers
    with pytest.raises(SettingsError, match="NAM_CDS_FHIR_SERVERS"):
        make(file, fhir_servers=servers)


def test_start_says_who_may_call(make: MakeApp, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(clients_file(tmp_path))
    line = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert (line["event"], line["authentication"], line["clients"]) == ("started", "required", ["st-elsewhere"])
