"""Addresses of FHIR servers, and references."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhir.references import relative, whose
from cds_service.fhir.servers import FhirAccess, FhirServer, join, normal_base, under
from cds_service.outbound import is_loopback
from tests.cds_service.support import TOKEN

BASE = "https://h.example.org/a/b/r4"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "h.example.org",
        "ftp://h.example.org/",
        "https://",
        "https:///fhir",
        "https://user@h.example.org/fhir",
        "https://h.example.org/fhir?x=1",
        "https://h.example.org/fhir#x",
        "https://h.example.org:port/",
        "https://[::1",
        "https://h.example.org/../x",
        "https://h.example.org/%2e%2e/x",
        "https://h.example.org\\@evil.org/",
        "https://h /",
        "https://h.example.org/\n",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://@h.example.org/fhir",
        "https://user:password@h.example.org/fhir",
        "https://h.example.org:0/fhir",
        "https://h.example.org:65536/fhir",
        "https://h.example.org./fhir",
        "https://.example.org/fhir",
        "https://h..example.org/fhir",
        "https://h%2eexample.org/fhir",
        "https://h.example.org,evil.org/fhir",
        f"https://{'a' * 64}.example.org/fhir",
        f"https://{'a.' * 130}org/fhir",
        "https://h\u00f6spital.example.org/fhir",
        "https://\uff28.example.org/fhir",
        "http://127.1/fhir",
        "http://0x7f.1/fhir",
        "http://0x7f000001/fhir",
        "http://2130706433/fhir",
        "http://0177.0.0.1/fhir",
        "http://127.0.0.1./fhir",
        "http://1.2.3.4.5/fhir",
        "https://example.123/fhir",
        "http://[::1%25lo]/fhir",
        "http://[1]/fhir",
        "http://[127.0.0.1]/fhir",
    ],
)
def test_CH_SSRF_02_no_base(address: str) -> None:
    assert normal_base(address) is None
    with pytest.raises(ValueError, match="no base URL"):
        FhirServer.parse(address)


@pytest.mark.parametrize(
    "address", [BASE, f"{BASE}/", "https://H.example.org:443/a/b/r4", "HTTPS://h.example.org/a/b/r4//"]
)
def test_CH_SSRF_09_one_spelling_of_a_base(address: str) -> None:
    assert normal_base(address) == BASE
    assert join(address.rstrip("/"), "Patient/1").endswith("/a/b/r4/Patient/1")


@pytest.mark.parametrize(
    ("address", "base"),
    [
        ("https://xn--hspital-n4a.example.org/fhir", "https://xn--hspital-n4a.example.org/fhir"),
        ("https://fhir_server/fhir", "https://fhir_server/fhir"),
        ("https://h.example.org:8443/fhir", "https://h.example.org:8443/fhir"),
        ("http://[0:0:0:0:0:0:0:1]:80/fhir", "http://[::1]/fhir"),
        ("https://0x.example.org/fhir", "https://0x.example.org/fhir"),
    ],
)
def test_CH_SSRF_02_hosts_and_ports_are_part_of_the_base(address: str, base: str) -> None:
    assert FhirServer.parse(address).base == base


@pytest.mark.parametrize(
    ("flags", "private", "open_"),
    [("", False, False), (";private", True, False), (";open", False, True), (";private;open", True, True)],
)
def test_CH_SSRF_03_flags_of_an_entry(flags: str, private: bool, open_: bool) -> None:
    server = FhirServer.parse(f"{BASE}{flags}")
    assert (server.private, server.open) == (private, open_)
    assert server.network == ("private" if private else "public")
    assert str(server) == f"{BASE}{flags}"
    assert FhirServer.parse(";".join((f"{BASE}/", *reversed(flags.split(";")[1:])))) == server


@pytest.mark.parametrize("flags", [";closed", ";", ";open;", ";open;open", ";private;closed", ";Open", "; open"])
def test_no_flags(flags: str) -> None:
    with pytest.raises(ValueError, match="may only end in"):
        FhirServer.parse(BASE + flags)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("https://10.0.0.1/fhir", "private"),
        ("https://[fd12::1]/fhir", "private"),
        ("https://[::ffff:10.0.0.1]/fhir", "private"),
        ("https://169.254.169.254/fhir", "never called"),
        ("https://169.254.169.254/fhir;private", "never called"),
        ("https://0.0.0.0/fhir;private", "never called"),
        ("https://[::ffff:127.0.0.1]/fhir;private", "never called"),
        ("https://[fe80::1]/fhir;private", "never called"),
    ],
)
def test_CH_SSRF_03_an_entry_that_could_never_be_called_is_refused(address: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        FhirServer.parse(address)


def test_CH_SSRF_03_addresses_as_hosts() -> None:
    assert FhirServer.parse("https://10.0.0.1/fhir;private").network == "private"
    assert FhirServer.parse("https://8.8.8.8/fhir").network == "public"
    for host in ("127.0.0.1", "localhost", "[::1]"):
        assert FhirServer.parse(f"http://{host}/fhir;private").network == "loopback"


def test_CH_REQ_07_plain_http() -> None:
    for address in ("http://127.0.0.1:8090/fhir", "http://localhost/fhir", "http://[::1]:80/fhir"):
        assert FhirServer.parse(address).loopback
    assert FhirServer.parse("http://hapi.example.org/baseR4;open").open
    for address in ("http://127.example.org/fhir", "http://localhost.example.org/fhir", "http://10.0.0.1/fhir"):
        with pytest.raises(ValueError, match="https"):
            FhirServer.parse(address)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("LOCALHOST", True),
        ("0.0.0.0", False),
        ("::", False),
        ("127.1.example.org", False),
        ("", False),
        ("10.0.0.1", False),
    ],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) == loopback


@pytest.mark.parametrize(
    ("link", "address"),
    [
        (f"{BASE}?_getpages=1", f"{BASE}?_getpages=1"),
        (f"{BASE}/Observation?page=2", f"{BASE}/Observation?page=2"),
        ("HTTPS://H.EXAMPLE.ORG:443/a/b/r4/X", f"{BASE}/X"),
        ("Observation?page=2", f"{BASE}/Observation?page=2"),
        ("/a/b/r4/Observation?page=2", f"{BASE}/Observation?page=2"),
        ("https://h.example.org/a/b/r4evil/X", None),
        ("https://h.example.org/a/b", None),
        ("http://h.example.org/a/b/r4/X", None),
        ("https://h.example.org:8443/a/b/r4/X", None),
        ("https://h.example.org@evil.org/a/b/r4/X", None),
        ("https://x@h.example.org/a/b/r4/X", None),
        ("//evil.org/a/b/r4/X", None),
        ("../X", None),
        ("x/../../X", None),
        (f"{BASE}/../X", None),
        (f"{BASE}/%2E%2E/X", None),
        (f"{BASE}\\..\\X", None),
        (f"{BASE}/X y", None),
    ],
)
def test_CH_SSRF_05_links(link: str, address: str | None) -> None:
    assert under(BASE, link) == address


@given(st.text())
def test_no_link_leaves_the_base(link: str) -> None:
    address = under(BASE, link)
    assert address is None or address.split("?")[0].rstrip("/") == BASE or address.startswith(f"{BASE}/")


def test_CH_AUTHZ_04_the_token_does_not_show() -> None:
    assert TOKEN not in repr(FhirAccess(FhirServer(BASE), TOKEN))


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("Patient/1", "Patient/1"),
        ("https://h.example.org/a/Patient/1", "Patient/1"),
        ("Patient/1/_history/2", "Patient/1"),
        ("https://h.example.org/Patient/1/_history/2", "Patient/1"),
        ("Patient/1|2", "Patient/1"),
        (f"Patient/{'e' * 250}", f"Patient/{'e' * 250}"),
        ("#contained", None),
        ("urn:uuid:1", None),
        ("1", None),
        ("", None),
        ("Patient/", None),
        ("https://h.example.org/fhir/patient", None),
    ],
)
def test_CH_PF_14_relative_names(reference: str, name: str | None) -> None:
    assert relative(reference) == name


@given(st.text(max_size=40), st.text(alphabet="abc1-.", min_size=1, max_size=8))
def test_CH_PF_18_a_reference_is_mine_only_if_it_names_me(reference: str, patient_id: str) -> None:
    if whose(reference, patient_id, {}) == "mine":
        assert patient_id.lower() in reference.lower()


def test_CH_PF_14_full_urls_name_patients() -> None:
    urls = {"urn:uuid:a": "1", "urn:uuid:b": "2"}
    assert [whose(one, "1", urls) for one in ("urn:uuid:a", "urn:uuid:b", "urn:uuid:c")] == ["mine", "other", "unknown"]
