"""Key sets: what is taken from them, and when they are read again."""

import json
import threading
from typing import Any

import pytest

from cds_service.fhir.servers import FhirServer
from cds_service.security.fetch import fetch_jwks
from cds_service.security.keys import MOST_BYTES, JwksError, KeySource, parse_jwks
from tests.cds_service.security.signing import jwks, key_pair
from tests.cds_service.support import Ehr, trickling

ONE, TWO = key_pair("one"), key_pair("two")


class Published:
    """A key set that changes, and a clock that is moved by hand."""

    def __init__(self, *keys: Any) -> None:
        self.content: bytes | Exception = jwks(*keys)
        self.reads = 0
        self.time = 0.0
        self.source = KeySource("ehr", self._load, clock=lambda: self.time)

    def _load(self) -> bytes:
        self.reads += 1
        if isinstance(self.content, Exception):
            raise self.content
        return self.content

    def has(self, kid: str) -> bool:
        return self.source.find(kid) is not None


def test_CH_JWT_10_keys_are_read_when_needed_and_kept_for_an_hour() -> None:
    published = Published(ONE)
    assert published.reads == 0
    for published.time in (0, 10, 3599):
        assert published.has("one")
    assert published.reads == 1
    published.time = 3600
    assert published.has("one")
    assert published.reads == 2


def test_CH_JWT_05_CH_JWT_10_an_unknown_kid_has_them_read_again_at_most_once_a_minute() -> None:
    published = Published(ONE)
    assert published.has("one")
    published.content = jwks(ONE, TWO)
    for published.time in (1, 30, 59):
        assert not published.has("two")
    assert published.reads == 1
    published.time = 60
    assert published.has("two")
    assert [published.has(f"made-up-{n}") for n in range(20)] == [False] * 20
    assert published.reads == 2


def test_CH_JWT_10_a_key_that_was_withdrawn_is_good_for_an_hour_at_most() -> None:
    published = Published(ONE, TWO)
    assert published.has("one")
    published.content = jwks(TWO)
    published.time = 3600
    assert not published.has("one")
    assert published.has("two")


@pytest.mark.parametrize(
    "trouble", [OSError("gone"), JwksError("the key server answered 500"), b"<html>", b'{"keys":[]}']
)
def test_CH_JWT_10_old_keys_are_kept_for_a_day_while_new_ones_cannot_be_read(trouble: Any) -> None:
    published = Published(ONE)
    assert published.has("one")
    published.content = trouble
    for published.time in range(3600, 86_400, 600):
        assert published.has("one")
    published.time = 86_400
    assert not published.has("one")
    published.content = jwks(ONE)
    assert not published.has("one")  # tried less than a minute ago
    published.time += 60
    assert published.has("one")


def test_CH_JWT_10_nobody_waits_for_a_refresh_whose_key_is_there() -> None:
    published = Published(ONE)
    assert published.has("one")
    reading, go_on = threading.Event(), threading.Event()
    content = published.content

    def slow() -> bytes:
        reading.set()
        assert go_on.wait(10)
        assert isinstance(content, bytes)
        return content

    published.source._load = slow
    published.time = 3600
    refreshing = threading.Thread(target=published.has, args=("one",))
    refreshing.start()
    assert reading.wait(10)
    assert published.has("one")
    go_on.set()
    refreshing.join()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": [7]}',
        b"\xff",
        b"[" * 5_000,
        jwks(),
        jwks(ONE.jwk(kid=None)),
        jwks(ONE.jwk(kid="")),
        jwks(ONE.jwk(kid=7)),
        jwks(ONE, ONE),
        jwks(ONE.jwk(private=True)),
        jwks({"kty": "oct", "kid": "one", "k": "c2VjcmV0"}),
    ],
)
def test_sets_without_a_key_to_use(content: bytes) -> None:
    with pytest.raises(JwksError):
        parse_jwks(content)


def test_the_other_keys_of_a_set_are_used() -> None:
    assert set(parse_jwks(jwks(ONE, ONE, TWO, {"kty": "oct", "kid": "secret", "k": "AAAA"}, {}))) == {"two"}


# Fetching

ADDRESS = "https://ehr.example.org/jwks.json"


def test_CH_JWT_10_keys_come_over_http_in_one_piece(ehr: Ehr) -> None:
    ehr.pages["/fhir/jwks"] = {"keys": [ONE.jwk()]}
    assert json.loads(fetch_jwks(FhirServer(f"{ehr.base}/jwks"))) == {"keys": [ONE.jwk()]}
    (path, headers) = ehr.requests[0]
    assert path == "/fhir/jwks"
    assert "application/json" in headers["Accept"]
    assert "Authorization" not in headers


@pytest.mark.parametrize("status", [204, 301, 302, 307, 308, 401, 404, 500, 503])
def test_CH_JWT_10_whatever_is_not_200_is_no_key_set_and_redirects_are_not_followed(ehr: Ehr, status: int) -> None:
    def elsewhere(handler: Any) -> None:
        handler.send_response(status)
        handler.send_header("Location", f"{ehr.base}/other")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    ehr.pages["/fhir/jwks"] = elsewhere
    with pytest.raises(JwksError, match=f"the key server answered {status}"):
        fetch_jwks(FhirServer(f"{ehr.base}/jwks"))
    assert ehr.paths == ["jwks"]


def test_CH_JWT_10_no_more_than_a_key_set_is_read(ehr: Ehr) -> None:
    ehr.pages["/fhir/jwks"] = {"keys": [ONE.jwk()], "more": "x" * MOST_BYTES}
    with pytest.raises(JwksError, match="the key server sent more"):
        fetch_jwks(FhirServer(f"{ehr.base}/jwks"))


@pytest.mark.parametrize("headers", [True, False])
def test_CH_JWT_10_a_key_server_that_trickles_is_left(ehr: Ehr, monkeypatch: pytest.MonkeyPatch, headers: bool) -> None:
    monkeypatch.setattr("cds_service.security.fetch.SECONDS", 0.3)
    ehr.pages["/fhir/jwks"] = trickling(ehr, headers=headers)
    with pytest.raises(JwksError, match="in time"):
        fetch_jwks(FhirServer(f"{ehr.base}/jwks"))


def test_CH_JWT_10_CH_SSRF_03_keys_are_not_fetched_from_a_private_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "socket.getaddrinfo",
        lambda *_, **__: [(2, 1, 6, "", ("169.254.169.254", 443)), (2, 1, 6, "", ("10.0.0.1", 443))],
    )
    with pytest.raises(JwksError, match="an address that this service does not call"):
        fetch_jwks(FhirServer(ADDRESS))
