"""Verification of tokens, as a function of token, keys, addresses and time."""

import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cds_service.security.clients import Client, Clients, read_clients
from cds_service.security.keys import Key, parse_jwks
from cds_service.security.tokens import MOST_CHARACTERS, Refused, Verified, bearer, verify
from tests.cds_service.security.signing import (
    ADDRESS,
    ISSUER,
    JKU,
    NOW,
    KeyPair,
    claims,
    clients_file,
    jwks,
    key_pair,
    segment,
    write_clients,
)

ONE = key_pair("one")


class Judge:
    """Verifies against the keys of one client, and keeps what was asked for."""

    def __init__(self, clients: Clients, *keys: KeyPair | dict[str, Any]) -> None:
        self._clients = clients
        self._keys = parse_jwks(jwks(*(keys or (ONE,))))
        self.asked: list[str] = []

    def find(self, client: Client, kid: str) -> Key | None:
        self.asked.append(kid)
        return self._keys.get(kid)

    def __call__(self, token: str, *, now: float = NOW, addresses: tuple[str, ...] = (ADDRESS,)) -> Verified:
        return verify(token, clients=self._clients, find_key=self.find, addresses=addresses, now=now, leeway=60)

    def reason(self, token: str, **given: Any) -> str:
        with pytest.raises(Refused) as refused:
            self(token, **given)
        return refused.value.reason


Make = Callable[..., Judge]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A judge; `keys` as its client publishes them, the rest as in the clients file."""

    def judge(*keys: KeyPair | dict[str, Any], **client: Any) -> Judge:
        return Judge(read_clients(clients_file(tmp_path, **client)), *keys)

    return judge


@pytest.fixture
def judge(make: Make) -> Judge:
    return make()


def test_a_right_token_tells_client_and_tenant(judge: Judge) -> None:
    verified = judge(ONE.sign(claims(tenant="north", jti="nonce")))
    assert (verified.client.id, verified.tenant, verified.jti) == ("st-elsewhere", "north", "nonce")
    assert verified.expires.timestamp() == NOW + 300 + 60


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_CH_JWT_01_the_scheme_is_bearer_in_any_case(scheme: str) -> None:
    assert bearer(f"{scheme} a.b.c") == "a.b.c"


@pytest.mark.parametrize("header", [None, "", "Basic a.b.c", "a.b.c", "Bearertoken"])
def test_CH_JWT_01_without_a_bearer_token_nobody_is_known(header: str | None) -> None:
    with pytest.raises(Refused, match="no bearer token"):
        bearer(header)


@pytest.mark.parametrize("token", ["", "null", "undefined", "a.b", "a.b.c", "..", "a.b.c.d", "ä.b.c", "e30.W10.x"])
def test_CH_TOL_13_what_is_no_token_is_refused(judge: Judge, token: str) -> None:
    assert judge.reason(token) == "not a JWT"


def test_CH_JWT_21_header_and_payload_are_objects_without_duplicate_keys(judge: Judge) -> None:
    duplicate = json.dumps(claims())[:-1] + f', "iss": "{ISSUER}"}}'
    deep = b"[" * 5_000 + b"]" * 5_000
    for payload in (duplicate.encode(), b"[]", b"7", b"{", b"\xff", deep):
        assert judge.reason(ONE.sign(payload)) == "not a JWT"
    assert judge.reason(ONE.sign(claims(), padding="x" * MOST_CHARACTERS)) == "not a JWT"


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE"])
def test_CH_JWT_02_alg_none_is_refused(judge: Judge, name: str) -> None:
    unsigned = ONE.sign(claims(), alg=name).rpartition(".")[0] + "."
    assert judge.reason(unsigned) == "algorithm not allowed"
    assert judge.reason(ONE.sign(claims(), alg=name)) == "algorithm not allowed"
    assert judge.asked == []


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_CH_JWT_03_symmetric_algorithms_are_refused_the_public_key_as_secret_too(judge: Judge, algorithm: str) -> None:
    public = ONE.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for secret in (public, public.strip(), json.dumps(ONE.jwk()).encode(), b""):
        signed = ONE.sign(claims(), alg=algorithm).rpartition(".")[0]
        signature = hmac.digest(secret, signed.encode(), f"sha{algorithm[2:]}")
        assert judge.reason(f"{signed}.{segment(signature)}") == "algorithm not allowed"
    assert judge.asked == []


def test_CH_JWT_04_ES384_and_RS384_are_accepted(make: Make) -> None:
    rsa = key_pair("rsa", "RS384")
    judge = make(ONE, rsa)
    for pair in (ONE, rsa):
        assert judge(pair.sign(claims())).client.issuer == ISSUER


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS256", "PS384", "PS512", "ES256", "ES512", "EdDSA"])
def test_CH_JWT_04_others_are_accepted_only_if_listed(make: Make, algorithm: str) -> None:
    pair = key_pair(algorithm, algorithm)
    assert make(pair).reason(pair.sign(claims())) == "algorithm not allowed"
    assert make(pair, algorithms=[algorithm])(pair.sign(claims())).client.algorithms == (algorithm,)


def test_CH_JWT_04_the_algorithm_fits_the_key(make: Make) -> None:
    small, rsa = key_pair("small", "ES256"), key_pair("rsa", "RS384")
    for jwk in (
        small.jwk(alg=None),
        ONE.jwk(kid="small", alg="ES256"),
        ONE.jwk(kid="small", use="enc"),
        ONE.jwk(kid="small", key_ops=["sign"]),
        ONE.jwk(kid="small", key_ops="verify"),
        ONE.jwk(kid="small", x="AAAA"),
        ONE.jwk(kid="small", x=7),
        rsa.jwk(kid="small", alg=None),
    ):
        assert make(jwk).reason(ONE.sign(claims(), kid="small")) == "key does not fit the algorithm"
    assert make(ONE.jwk(alg=None, use=None))(ONE.sign(claims())).client.id
    assert make(ONE.jwk(key_ops=["verify"]))(ONE.sign(claims())).client.id


def test_CH_JWT_04_short_RSA_keys_are_refused(make: Make) -> None:
    short = key_pair("short", "RS384", 1024)
    assert make(short).reason(short.sign(claims())) == "key does not fit the algorithm"


@pytest.mark.parametrize("kid", [None, "", 7])
def test_CH_JWT_05_kid_is_required(judge: Judge, kid: Any) -> None:
    assert judge.reason(ONE.sign(claims(), kid=kid)) == "no kid"


@pytest.mark.parametrize("kid", ["two", "ONE", "one ", "on", "../keys", "' OR 1=1"])
def test_CH_JWT_05_kid_is_looked_up_exactly(judge: Judge, kid: str) -> None:
    assert judge.reason(ONE.sign(claims(), kid=kid)) == "unknown kid"


def test_CH_JWT_05_CH_TOL_20_kid_may_be_base64(make: Make) -> None:
    odd = key_pair("q+/8Zg==")
    assert make(odd)(odd.sign(claims())).client.id


@pytest.mark.parametrize("typ", ["JWT", "jwt", "Jwt"])
def test_CH_JWT_06_typ_is_JWT_in_any_case(judge: Judge, typ: str) -> None:
    assert judge(ONE.sign(claims(), typ=typ)).client.id


@pytest.mark.parametrize("typ", ["JOSE", "at+jwt", "", 7, None])
def test_CH_JWT_06_another_typ_is_refused(make: Make, typ: Any) -> None:
    token = ONE.sign(claims(), typ=typ)
    assert make().reason(token) == "typ is not JWT"
    tolerant = make(require_typ=False)
    if typ is None:
        assert tolerant(token).client.id
    else:
        assert tolerant.reason(token) == "typ is not JWT"


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"crit": ["b64"], "b64": False}, {"crit": []}, {"b64": True}])
def test_CH_JWT_07_critical_headers_are_refused(judge: Judge, header: dict[str, Any]) -> None:
    assert judge.reason(ONE.sign(claims(), **header)) == "critical header"


def test_CH_JWT_07_keys_in_the_token_are_ignored(judge: Judge) -> None:
    own = KeyPair("one")
    for header in ({"jwk": own.jwk()}, {"x5u": "https://evil.example.org/x"}, {"x5c": ["AAAA"]}):
        assert judge.reason(own.sign(claims(), **header)) == "wrong signature"
        assert judge(ONE.sign(claims(), **header)).client.id


@pytest.mark.parametrize("issuer", [None, "", "https://evil.example.org/", "https://ehr.example.org", 7, [ISSUER]])
def test_CH_JWT_08_only_listed_issuers(judge: Judge, issuer: Any) -> None:
    assert judge.reason(ONE.sign(claims(iss=issuer))) == "unknown issuer"
    assert judge.asked == []


@pytest.mark.parametrize("jku", ["https://evil.example.org/jwks.json", JKU + "#", "", 7])
def test_CH_JWT_08_a_jku_that_is_not_the_clients_is_refused_before_keys_are_asked_for(make: Make, jku: Any) -> None:
    for judge in (make(), make(jku=JKU)):
        assert judge.reason(ONE.sign(claims(), jku=jku)) == "jku is not the client's"
        assert judge.asked == []


def test_CH_JWT_08_the_clients_own_jku_may_be_named_or_not(make: Make) -> None:
    judge = make(jku=JKU)
    assert judge(ONE.sign(claims(), jku=JKU)).client.id
    assert judge(ONE.sign(claims())).client.id


def test_CH_JWT_08_a_clients_key_is_no_good_for_another_issuer(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(jwks(ONE))
    (tmp_path / "b.json").write_bytes(jwks(key_pair("two")))
    entries = {"a": {"issuer": ISSUER, "jwks": "a.json"}, "b": {"issuer": "https://b.example.org", "jwks": "b.json"}}
    clients = read_clients(write_clients(tmp_path, entries))
    keys = {client.id: parse_jwks((tmp_path / f"{client.id}.json").read_bytes()) for client in clients.all}

    def look(token: str) -> Verified:
        return verify(
            token,
            clients=clients,
            find_key=lambda client, kid: keys[client.id].get(kid),
            addresses=(ADDRESS,),
            now=NOW,
            leeway=60,
        )

    assert look(ONE.sign(claims())).client.id == "a"
    with pytest.raises(Refused, match="unknown kid"):
        look(ONE.sign(claims(iss="https://b.example.org")))


def test_a_changed_token_is_refused(judge: Judge) -> None:
    header, payload, signature = ONE.sign(claims()).split(".")
    other = segment(json.dumps(claims(tenant="south")).encode())
    assert judge.reason(f"{header}.{other}.{signature}") == "wrong signature"
    assert judge.reason(f"{header}.{payload}.{signature[:-4]}AAAA") == "wrong signature"
    assert judge.reason(f"{header}.{payload}.") == "wrong signature"
    assert judge.reason(KeyPair("one").sign(claims())) == "wrong signature"


@pytest.mark.parametrize(
    "audience",
    [
        ADDRESS,
        [ADDRESS],
        ["https://other.example.org", ADDRESS],
        [7, None, ADDRESS],
        ADDRESS + "/",
        "HTTPS://CDS.Example.ORG/nam/cds-services/demo",
        "https://cds.example.org:443/nam/cds-services/demo/",
    ],
)
def test_CH_JWT_11_12_aud_is_the_address_that_is_called(judge: Judge, audience: Any) -> None:
    assert judge(ONE.sign(claims(aud=audience))).client.id


@pytest.mark.parametrize(
    "audience",
    [
        None,
        "",
        7,
        [],
        [[ADDRESS]],
        {"aud": ADDRESS},
        "https://cds.example.org/nam",
        "https://cds.example.org/nam/cds-services",
        "https://cds.example.org/nam/cds-services/other",
        "https://cds.example.org/nam/cds-services/Demo",
        "https://cds.example.org/cds-services/demo",
        "http://cds.example.org/nam/cds-services/demo",
        "https://cds.example.org:8443/nam/cds-services/demo",
        "https://user@cds.example.org/nam/cds-services/demo",
        "https://cds.example.org/nam/cds-services/demo?x",
        "https://cds.example.org/nam/x/../cds-services/demo",
    ],
)
def test_CH_JWT_11_CH_TOL_21_another_audience_is_refused(judge: Judge, audience: Any) -> None:
    assert judge.reason(ONE.sign(claims(aud=audience))) == "meant for another address"


def test_CH_JWT_12_CH_TOL_21_a_client_can_have_further_audiences(make: Make) -> None:
    judge = make(audiences=["nam-cds", "https://cds.example.org/base"])
    for audience in ("nam-cds", "https://CDS.example.org/base/", ADDRESS):
        assert judge(ONE.sign(claims(aud=audience))).client.id
    assert judge.reason(ONE.sign(claims(aud="NAM-CDS"))) == "meant for another address"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": None}, "exp or iat missing"),
        ({"iat": None}, "exp or iat missing"),
        ({"exp": "1795000300"}, "exp or iat missing"),
        ({"exp": True}, "exp or iat missing"),
        ({"exp": 10**400}, "exp or iat missing"),
        ({"exp": float("inf")}, "exp or iat missing"),
        ({"iat": float("nan")}, "exp or iat missing"),
        ({"iat": str(int(NOW))}, "exp or iat missing"),
        ({"exp": NOW - 60}, "expired"),
        ({"iat": NOW + 61, "exp": NOW + 300}, "issued in the future"),
        ({"iat": NOW + 10, "exp": NOW + 9}, "lives too long"),
    ],
)
def test_CH_JWT_13_times_that_are_wrong(judge: Judge, changes: dict[str, Any], reason: str) -> None:
    assert judge.reason(ONE.sign(claims(**changes))) == reason


@pytest.mark.parametrize(
    "changes",
    [{"exp": NOW - 59, "iat": NOW - 359}, {"iat": NOW + 60}, {"iat": NOW + 0.5}, {"exp": NOW + 0.5, "iat": NOW - 0.25}],
)
def test_CH_JWT_13_clocks_may_differ_by_the_leeway(judge: Judge, changes: dict[str, Any]) -> None:
    assert judge(ONE.sign(claims(**changes))).client.id


def test_CH_JWT_14_a_token_lives_an_hour_at_most(make: Make) -> None:
    long, day = claims(iat=NOW, exp=NOW + 3601), claims(iat=NOW, exp=NOW + 86_400)
    assert make().reason(ONE.sign(long)) == "lives too long"
    assert make().reason(ONE.sign(day)) == "lives too long"
    assert make()(ONE.sign(claims(iat=NOW, exp=NOW + 3600))).client.id
    assert make(max_lifetime_seconds=86_400)(ONE.sign(day)).client.id


@pytest.mark.parametrize("begins", [NOW + 61, "0", None, False, [], float("inf")])
def test_CH_JWT_15_nbf_that_is_wrong(judge: Judge, begins: Any) -> None:
    assert judge.reason(ONE.sign(claims() | {"nbf": begins})) == "not valid yet"


@pytest.mark.parametrize("begins", [0, NOW - 300, NOW + 60])
def test_CH_JWT_15_CH_TOL_20_nbf_that_has_come(judge: Judge, begins: float) -> None:
    assert judge(ONE.sign(claims(nbf=begins))).client.id


@pytest.mark.parametrize("jti", [None, "", 7, ["x"]])
def test_CH_JWT_16_jti_is_required(judge: Judge, jti: Any) -> None:
    assert judge.reason(ONE.sign(claims(jti=jti))) == "no jti"


def test_CH_JWT_17_tenant_is_a_text(judge: Judge) -> None:
    assert judge.reason(ONE.sign(claims(tenant=7))) == "tenant is no text"
    assert judge(ONE.sign(claims())).tenant == ""


def test_CH_JWT_22_other_claims_are_ignored(judge: Judge) -> None:
    assert judge(ONE.sign(claims(sub="client_id", client_id=7, scope={"a": None}), alsoThis=[1])).client.id


def test_the_client_that_a_refused_token_names_is_known_for_the_log(judge: Judge) -> None:
    for token, client in ((ONE.sign(claims(aud="x")), "st-elsewhere"), (ONE.sign(claims(iss="x")), "")):
        with pytest.raises(Refused) as refused:
            judge(token)
        assert refused.value.client == client


# The example of the specification (CDS Hooks 2.0.1, "Trusting CDS Clients", Example), whose keys are public.

_SAMPLE_KEY = {
    "kty": "EC",
    "use": "sig",
    "crv": "P-384",
    "kid": "example-kid",
    "x": "46SDH7Znh821wblCBglA61sNE9ZrHYKKt3qRtRTmSXyOI_FIGBLWrWa0GPUkDCEk",
    "y": "XMcRuuoGW7CXjQdy-F5i3FeBE0x9hPLdeFdSoDd3ELmx404tLX0VRRcqzAsPhXcI",
    "alg": "ES384",
}
_SAMPLE = (
    "eyJhbGciOiJFUzM4NCIsInR5cCI6IkpXVCIsImtpZCI6ImV4YW1wbGUta2lkIiwiamt1IjoiaHR0cHM6Ly9maGlyLWVoci5leGFtcGxlLmNvbS9q"
    "d2tfdXJpIn0.eyJpc3MiOiJodHRwczovL2ZoaXItZWhyLmV4YW1wbGUuY29tLyIsInN1YiI6ImNsaWVudF9pZCIsImF1ZCI6Imh0dHBzOi8vY2RzL"
    "mV4YW1wbGUub3JnL2Nkcy1zZXJ2aWNlcy9zb21lLXNlcnZpY2UiLCJleHAiOjE0MjI1Njg4NjAsImlhdCI6MTMxMTI4MDk3MCwianRpIjoiZWUyMm"
    "IwMjEtZTFiNy00NjExLWJhNWItOGVlYzZhMzNhYzFlIiwidGVuYW50IjoiMmRkZDZjM2EtOGU5YS00NGM2LWEzMDUtNTIxMTFhZDMwMmEyIn0.CUF"
    "PkplnWd6YGIvzoHolWCQBDsCL8QtTWKGg_QFpS169WrqDGzktRi-_we6-6rVzbjerU27ZKww_SW0-b9RTz-dPJNcqsueMio8r6EqXUXhbLm_ch3X"
    "FSbDlGHDl_tqo"
)


def test_CH_JWT_20_the_token_of_the_specification(make: Make) -> None:
    years = 1_422_568_860 - 1_311_280_970
    client = {"issuer": "https://fhir-ehr.example.com/", "jku": "https://fhir-ehr.example.com/jwk_uri"}
    judge = make(_SAMPLE_KEY, **client, max_lifetime_seconds=years)
    some_service = ("https://cds.example.org/cds-services/some-service",)
    verified = judge(_SAMPLE, now=1_422_568_800, addresses=some_service)
    assert verified.tenant == "2ddd6c3a-8e9a-44c6-a305-52111ad302a2"
    assert verified.jti == "ee22b021-e1b7-4611-ba5b-8eec6a33ac1e"
    assert judge.reason(_SAMPLE, addresses=some_service) == "expired"
    capped = make(_SAMPLE_KEY, **client)
    assert capped.reason(_SAMPLE, now=1_422_568_800, addresses=some_service) == "lives too long"
