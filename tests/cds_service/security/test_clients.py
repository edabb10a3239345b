"""The clients file: what is read from it, and what is refused with file, client and key."""

from pathlib import Path
from typing import Any

import pytest

from cds_service.errors import SettingsError
from cds_service.fhir.servers import FhirServer
from cds_service.security.clients import read_clients
from tests.cds_service.security.signing import ISSUER, JKU, clients_file, jwks, key_pair, write_clients


def refusal(path: Path, **given: Any) -> str:
    with pytest.raises(SettingsError) as refused:
        read_clients(path, **given)
    return str(refused.value)


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    (client,) = read_clients(write_clients(tmp_path, {"ehr": {"issuer": ISSUER, "jku": JKU}})).all
    assert (client.id, client.issuer, client.jku, client.jwks) == ("ehr", ISSUER, JKU, None)
    assert client.algorithms == ("ES384", "RS384")
    assert (client.audiences, client.tenants, client.services, client.fhir_servers) == ((), (), (), ())
    assert (client.max_lifetime_seconds, client.require_typ, client.calls_per_minute) == (3600, True, None)
    assert not client.shadow


def test_everything_that_can_be_said_is_read(tmp_path: Path) -> None:
    file = clients_file(
        tmp_path,
        jku="https://keys.st-elsewhere.example/jwks.json;private",
        algorithms=["RS256"],
        audiences=["nam"],
        tenants=["north"],
        services=["nam-order-sign"],
        fhir_servers=["https://EHR.example.org:443/fhir/;private", "http://127.0.0.1:8090/fhir;open"],
        max_lifetime_seconds=86_400,
        require_typ=False,
        calls_per_minute=0,
        prefetch_aliases={"labs_nam": "labs"},
        shadow=True,
    )
    (client,) = read_clients(file).all
    assert client.key_server == FhirServer("https://keys.st-elsewhere.example/jwks.json", private=True)
    assert client.jwks == tmp_path / "keys.json"
    assert (client.algorithms, client.audiences, client.tenants) == (("RS256",), ("nam",), ("north",))
    assert client.services == ("nam-order-sign",)
    assert client.fhir_servers == (
        FhirServer("https://ehr.example.org/fhir", private=True),
        FhirServer("http://127.0.0.1:8090/fhir", open=True),
    )
    assert (client.max_lifetime_seconds, client.require_typ, client.calls_per_minute) == (86_400, False, 0)
    assert client.prefetch_aliases == {"labs_nam": "labs"}
    assert client.shadow


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"isuer": "x"}, "st-elsewhere: "),
        ({"issuer": None}, "st-elsewhere: "),
        ({"issuer": ""}, "st-elsewhere.issuer: "),
        ({"issuer": 7}, "st-elsewhere.issuer: "),
        ({"jwks": None}, "st-elsewhere.jku: is missing"),
        ({"jwks": "none.json"}, "st-elsewhere.jwks: none.json cannot be read"),
        ({"jwks": "clients.yaml"}, "st-elsewhere.jwks: clients.yaml: is no JSON Web Key Set"),
        ({"jku": "http://ehr.example.org/keys"}, "st-elsewhere.jku: "),
        ({"jku": "http://ehr.example.org/keys;open"}, "st-elsewhere.jku: "),
        ({"jku": "https://ehr.example.org/keys;open"}, "st-elsewhere.jku: "),
        ({"jku": "https://EHR.example.org/keys"}, "st-elsewhere.jku: write it as https://ehr.example.org/keys"),
        ({"jku": "https://u:p@ehr.example.org/keys"}, "st-elsewhere.jku: "),
        ({"jku": "https://ehr.example.org/keys?x=1"}, "st-elsewhere.jku: "),
        ({"jku": "https://ehr.example.org:x/keys"}, "st-elsewhere.jku: "),
        ({"jku": "https://10.0.0.1/keys"}, "st-elsewhere.jku: "),
        ({"jku": "https://169.254.169.254/keys;private"}, "st-elsewhere.jku: "),
        ({"jku": "keys.json"}, "st-elsewhere.jku: "),
        ({"algorithms": []}, "st-elsewhere.algorithms: "),
        ({"algorithms": ["none"]}, "st-elsewhere.algorithms[0]: "),
        ({"algorithms": ["ES384", "HS256"]}, "st-elsewhere.algorithms[1]: "),
        ({"audiences": "nam"}, "st-elsewhere.audiences: "),
        ({"tenants": []}, "st-elsewhere.tenants: "),
        ({"tenants": [7]}, "st-elsewhere.tenants[0]: "),
        ({"services": []}, "st-elsewhere.services: "),
        ({"services": [""]}, "st-elsewhere.services[0]: "),
        ({"fhir_servers": ["https://ok.example.org", "ehr"]}, "st-elsewhere.fhir_servers[1]: "),
        ({"fhir_servers": ["http://ehr.example.org/fhir"]}, "st-elsewhere.fhir_servers[0]: "),
        ({"max_lifetime_seconds": 0}, "st-elsewhere.max_lifetime_seconds: "),
        ({"max_lifetime_seconds": "1h"}, "st-elsewhere.max_lifetime_seconds: "),
        ({"require_typ": "yes"}, "st-elsewhere.require_typ: "),
        ({"calls_per_minute": -1}, "st-elsewhere.calls_per_minute: "),
        ({"name": "St. Elsewhere"}, "St. Elsewhere: an id is of small letters"),
        ({"name": "a/b"}, "a/b: an id is of small letters"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place(tmp_path: Path, changes: dict[str, Any], place: str) -> None:
    assert refusal(clients_file(tmp_path, **changes)).startswith(f"clients.yaml: {place}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a mapping"),
        ("{}", "names no client"),
        ("- issuer: x", "expected a mapping"),
        ("a: [", "line "),
        ("a: {issuer: x, issuer: y}", "the key `issuer` stands twice"),
        (
            "a: {issuer: x, jku: https://a.example/k}\na: {issuer: y, jku: https://a.example/k}",
            "the key `a` stands twice",
        ),
        ("1: {issuer: x, jku: https://a.example/k}", "an id is of small letters"),
        ("a: !!python/object/apply:os.system ['true']", "line "),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, message: str) -> None:
    told = refusal(write_clients(tmp_path, text))
    assert told.startswith("clients.yaml: ")
    assert message in told


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone.yaml") == "gone.yaml: cannot be read (No such file or directory)"


def test_CH_JWT_08_two_clients_do_not_share_an_issuer(tmp_path: Path) -> None:
    entry = {"issuer": ISSUER, "jku": JKU}
    assert refusal(write_clients(tmp_path, {"a": entry, "b": entry})) == (
        "clients.yaml: b.issuer: is also that of a; one client for each issuer"
    )


def test_keys_that_are_published_with_their_secret_are_not_taken(tmp_path: Path) -> None:
    file = clients_file(tmp_path)
    (tmp_path / "keys.json").write_bytes(jwks(key_pair("one").jwk(private=True)))
    assert "keys.json: holds no public key" in refusal(file)


@pytest.mark.parametrize(
    "sandbox",
    [
        {"issuer": "https://sandbox.cds-hooks.org"},
        {"issuer": "x", "jku": "https://sandbox.cds-hooks.org/.well-known/jwks.json"},
    ],
)
def test_the_public_sandbox_is_trusted_in_the_demonstration_only(tmp_path: Path, sandbox: dict[str, Any]) -> None:
    file = clients_file(tmp_path, **sandbox)
    assert "the private key of the public sandbox is public" in refusal(file)
    assert read_clients(file, demo=True).all[0].issuer == sandbox["issuer"]
