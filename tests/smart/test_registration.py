"""`smart` in the clients file: what is read, and what is refused with file, client and key."""

import json
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey

from cds_service.errors import SettingsError
from cds_service.security.clients import read_clients
from cds_service.security.start import check_start
from cds_service.settings import Settings
from tests.cds_service.security.signing import clients_file, jwks, key_pair, write_clients

BASE = "https://ehr.example.org/fhir"
OTHER = "https://other.example.org/fhir"


def app(folder: Path, servers: Any = (BASE,), **smart: Any) -> Any:
    registration = {"client_id": "nam-cds"} | smart
    return read_clients(clients_file(folder, fhir_servers=servers and list(servers), smart=registration)).all[0].smart


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    found = app(tmp_path)
    assert (found.client, found.client_id, found.server.base) == ("st-elsewhere", "nam-cds", BASE)
    assert (found.secret, found.key, found.scopes, found.frame) == (None, None, (), ())


def test_everything_that_can_be_said_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(" hidden \n")
    servers = (f"{BASE};private", OTHER)
    frame = ["https://EHR.example.org:443", "http://127.0.0.1:9"]
    found = app(tmp_path, servers, iss=f"{BASE}/", client_secret_file="secret", scopes=["launch/patient"], frame=frame)
    assert (found.server.base, found.server.private) == (BASE, True)
    assert found.secret == "hidden"
    assert found.scopes == ("launch/patient",)
    assert found.frame == ("https://ehr.example.org", "http://127.0.0.1:9")
    assert "hidden" not in repr(found)


def test_a_key_does_not_show_itself(tmp_path: Path) -> None:
    key = ECKey.generate_key("P-256")
    (tmp_path / "key.json").write_text(json.dumps({**key.as_dict(private=True), "kid": "one"}))
    found = app(tmp_path, key_file="key.json").key
    assert found.algorithm == "ES256"
    assert str(key.as_dict(private=True)["d"]) not in f"{found!r}{found.public}"


@pytest.mark.parametrize(
    ("smart", "place"),
    [
        ({"client_id": ""}, "smart.client_id"),
        ({"secret": "x"}, "smart"),
        ({"iss": "https://elsewhere.example.org"}, "smart.iss: is none of this client's fhir_servers"),
        ({"iss": "no address"}, "smart.iss: is none of this client's fhir_servers"),
        ({"servers": None}, "smart.iss: is missing"),
        ({"servers": (BASE, OTHER)}, "smart.iss: is missing"),
        ({"servers": ("http://ehr.example.org/fhir;open",)}, "smart.iss: has to be https"),
        ({"client_secret_file": "nothing"}, "smart.client_secret_file: nothing cannot be read"),
        ({"client_secret_file": "empty"}, "smart.client_secret_file: empty does not hold a secret"),
        ({"client_secret_file": "bytes"}, "smart.client_secret_file: bytes does not hold a secret"),
        ({"client_secret_file": "empty", "key_file": "public"}, "smart.key_file: contradicts client_secret_file"),
        ({"key_file": "nothing"}, "smart.key_file: nothing cannot be read"),
        ({"key_file": "empty"}, "smart.key_file: empty is no JSON Web Key"),
        ({"key_file": "public"}, "smart.key_file: public is no private RSA or EC key"),
        ({"key_file": "symmetric"}, "smart.key_file: symmetric is no private RSA or EC key"),
        ({"key_file": "nameless"}, "smart.key_file: nameless has no kid"),
        ({"scopes": ["a b"]}, "smart.scopes"),
        ({"frame": ["https://ehr.example.org/path"]}, "smart.frame[0]: is no origin"),
        ({"frame": ["*"]}, "smart.frame[0]: is no origin"),
        ({"frame": ["https://ehr.example.org; script-src *"]}, "smart.frame[0]: is no origin"),
        ({"frame": ["http://ehr.example.org"]}, "smart.frame[0]: has to be https"),
    ],
)
def test_what_is_refused_is_named(tmp_path: Path, smart: dict[str, Any], place: str) -> None:
    key = ECKey.generate_key("P-384")
    for name, content in {
        "empty": b"",
        "bytes": b"\xff",
        "public": json.dumps({**key.as_dict(private=False), "kid": "one"}).encode(),
        "symmetric": json.dumps({**OctKey.generate_key(256).as_dict(private=True), "kid": "one"}).encode(),
        "nameless": json.dumps(key.as_dict(private=True)).encode(),
    }.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SettingsError) as refused:
        app(tmp_path, **smart)
    assert place in str(refused.value)
    assert str(refused.value).startswith("clients.yaml: ")


def test_two_clients_do_not_launch_from_one_server(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_bytes(jwks(key_pair("one")))
    same = {"jwks": "keys.json", "fhir_servers": [BASE], "smart": {"client_id": "x"}}
    file = write_clients(tmp_path, {name: {"issuer": f"https://{name}.example.org"} | same for name in ("one", "two")})
    with pytest.raises(SettingsError, match=r"two\.smart\.iss: is also that of one"):
        read_clients(file)


@pytest.mark.parametrize(
    ("public_url", "starts"),
    [("https://cds.example.org", True), ("http://127.0.0.1:8080", True), ("http://cds.example.org", False)],
)
def test_the_app_is_launched_to_an_https_address_or_on_loopback(tmp_path: Path, public_url: str, starts: bool) -> None:
    clients = clients_file(tmp_path, fhir_servers=[BASE], smart={"client_id": "x"})
    settings = Settings(clients=clients, public_url=public_url)
    if starts:
        assert check_start(settings)
    else:
        with pytest.raises(SettingsError, match="NAM_CDS_PUBLIC_URL: has to be an https address"):
            check_start(settings)
