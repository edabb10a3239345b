"""Judged addresses: what a name may lead to, and that nothing but what was judged is connected to."""

import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import ConnectTimeoutError

from cds_service import outbound
from cds_service.outbound import AddressRefused, CheckedConnection, Network, checked_adapter, network_of, permitted
from tests.cds_service.support import Ehr, patient

PUBLIC = "8.8.8.8"
ELSEWHERE = "9.9.9.9"
HOST = "fhir.example.org"

NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "169.254.0.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "100.100.100.200",
    "168.63.129.16",
    "::",
    "::8.8.8.8",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "2001:db8::1",
    "100::1",
    "64:ff9b:1::808:808",
    "::ffff:0:808:808",
    # What carries an address is judged by it, and is never this machine.
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "2001:0:808:808::f5ff:fffe",  # Teredo: the client is 10.0.0.1
]
LOOPBACK = ["127.0.0.1", "127.255.0.3", "::1"]
PRIVATE = ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd12:3456::1"]
PRIVATE += ["::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1"]
INTERNET = [PUBLIC, "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]


@pytest.mark.parametrize(
    ("addresses", "networks"),
    [(NEVER, set()), (LOOPBACK, {"loopback"}), (PRIVATE, {"private"}), (INTERNET, {"private", "public"})],
    ids=["never", "loopback", "private", "internet"],
)
def test_CH_SSRF_03_kinds_of_addresses(addresses: list[str], networks: set[Network]) -> None:
    every: tuple[Network, ...] = ("loopback", "private", "public")
    for address in addresses:
        assert {network for network in every if permitted(ip_address(address), network)} == networks, address


@given(st.ip_addresses(v=4))
def test_CH_SSRF_03_no_way_of_writing_an_address_makes_it_permitted(address: IPv4Address) -> None:
    number = int(address)
    for written in (
        IPv6Address(0xFFFF << 32 | number),
        IPv6Address((0x2002 << 112) | number << 80),
        IPv6Address((0x64FF9B << 96) | number),
    ):
        assert permitted(written, "public") == permitted(address, "public")
        assert permitted(written, "private") == permitted(address, "private")
        assert not permitted(written, "loopback")


@given(st.ip_addresses(v=6))
def test_CH_SSRF_03_of_ipv6_only_the_unicast_networks_are_called(address: IPv6Address) -> None:
    if permitted(address, "private"):
        assert (
            (int(address) >> 125) == 1
            or (int(address) >> 121) == 0x7E
            or int(address) >> 32 in (0xFFFF, 0x64FF9B << 64)
        )


@pytest.mark.parametrize(
    ("host", "private", "network"),
    [
        ("localhost", True, "loopback"),
        ("127.0.0.1", True, "loopback"),
        ("::1", False, "loopback"),
        ("ehr.example.org", True, "private"),
        ("ehr.example.org", False, "public"),
        ("localhost.example.org", False, "public"),
    ],
)
def test_CH_SSRF_03_the_network_follows_the_host(host: str, private: bool, network: Network) -> None:
    assert network_of(host, private=private) == network


# What is connected to


class Names:
    """A resolver whose answers change with every question, and a network on which all addresses are one server."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
        self.answers: list[list[str]] = []
        self.asked: list[str] = []
        self.reached: list[str] = []
        self.seconds: list[float | None] = []
        self.dead: set[str] = set()
        real = socket.create_connection

        def resolve(host: str, *_: Any, **__: Any) -> list[Any]:
            self.asked.append(host)
            if not self.answers:
                raise socket.gaierror(socket.EAI_NONAME, "no such name")
            answer = self.answers.pop(0)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answer]

        def connect(address: tuple[str, int], timeout: float | None, *_: Any) -> socket.socket:
            self.reached.append(address[0])
            self.seconds.append(timeout)
            if address[0] in self.dead:
                raise TimeoutError
            monkeypatch.undo()  # the way to the real server is not what is tested
            return real(("127.0.0.1", port), timeout)

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        monkeypatch.setattr(outbound, "create_connection", connect)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch, ehr: Ehr) -> Names:
    return Names(monkeypatch, int(ehr.base.split(":")[2].split("/")[0]))


def send(address: str, network: Network, **arguments: Any) -> requests.Response:
    adapter = checked_adapter(network)
    try:
        return adapter.send(requests.Request("GET", address).prepare(), timeout=5.0, **arguments)
    finally:
        adapter.close()


def test_CH_SSRF_03_a_name_is_resolved_once_and_the_judged_address_is_called(names: Names, ehr: Ehr) -> None:
    ehr.default = patient()
    names.answers = [[PUBLIC], ["127.0.0.1"]]
    assert send(f"http://{HOST}/fhir/Patient/1", "public").status_code == 200
    assert (names.asked, names.reached) == ([HOST], [PUBLIC])
    assert ehr.requests[0][1]["Host"] == HOST


@pytest.mark.parametrize(
    ("answer", "network"),
    [
        (["127.0.0.1"], "public"),
        (["10.0.0.1"], "public"),
        (["169.254.169.254"], "private"),
        (["127.0.0.1"], "private"),
        ([PUBLIC, "10.0.0.1"], "public"),
        ([PUBLIC, "::1"], "private"),
        ([PUBLIC], "loopback"),
        (["10.0.0.1"], "loopback"),
        (["::ffff:10.0.0.1"], "public"),
    ],
)
def test_CH_SSRF_03_a_name_that_leads_elsewhere_is_not_called(
    names: Names, ehr: Ehr, answer: list[str], network: Network
) -> None:
    names.answers = [answer]
    with pytest.raises(AddressRefused):
        send(f"http://{HOST}/fhir", network)
    assert (names.reached, ehr.requests) == ([], [])


@pytest.mark.parametrize(
    "host", ["127.1", "0x7f.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.0.0.1", "[::1]", "[::ffff:7f00:1]"]
)
@pytest.mark.parametrize("network", ["public", "private"])
def test_CH_SSRF_03_spellings_of_this_machine_are_judged_by_what_they_mean(
    ehr: Ehr, host: str, network: Network
) -> None:
    with pytest.raises(AddressRefused):
        send(ehr.base.replace("127.0.0.1", host), network)
    assert ehr.requests == []


def test_CH_SSRF_03_localhost_is_this_machine(ehr: Ehr) -> None:
    ehr.default = patient()
    assert send(ehr.base.replace("127.0.0.1", "localhost"), "loopback").status_code == 200


def test_every_judged_address_is_tried_within_the_time(names: Names, ehr: Ehr) -> None:
    ehr.default = patient()
    names.answers = [[PUBLIC, ELSEWHERE]]
    names.dead = {PUBLIC}
    assert send(f"http://{HOST}/fhir", "public").status_code == 200
    assert names.reached == [PUBLIC, ELSEWHERE]
    first, second = names.seconds
    assert first is not None
    assert second is not None
    assert first <= 2.5 < second <= 5.0


@pytest.mark.parametrize("host", [HOST, f"{'a' * 64}.example.org"])
def test_a_name_that_leads_nowhere(names: Names, host: str) -> None:
    with pytest.raises(requests.ConnectionError) as caught:
        send(f"http://{host}/fhir", "public")
    assert not isinstance(caught.value, AddressRefused)


def test_addresses_that_do_not_answer(names: Names) -> None:
    names.answers = [[PUBLIC]]
    names.dead = {PUBLIC}
    with pytest.raises(requests.ConnectTimeout):
        send(f"http://{HOST}/fhir", "public")


def test_a_resolver_that_takes_all_the_time(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    names.answers = [[PUBLIC]]
    clock = [0.0]
    resolve = socket.getaddrinfo

    def slowly(*arguments: Any, **options: Any) -> Any:
        clock[0] += 7.0
        return resolve(*arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    adapter = checked_adapter("public")
    connection = adapter.poolmanager.connection_from_url(f"http://{HOST}/")._new_conn()
    connection.timeout = 5.0
    with pytest.raises(ConnectTimeoutError):
        connection.connect()
    assert names.reached == []


def test_CH_SSRF_06_a_look_up_that_hangs_holds_nobody_and_is_not_begun_twice(
    names: Names, ehr: Ehr, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo
    over = threading.Event()

    def hang(host: str, *arguments: Any, **options: Any) -> Any:
        if host == "slow.example.org":
            names.asked.append(host)
            over.wait(60)
            raise socket.gaierror(socket.EAI_AGAIN, "try again")
        return resolve(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    adapter = checked_adapter("public")
    request = requests.Request("GET", "http://slow.example.org/").prepare()
    for _ in range(3):
        with pytest.raises(requests.ConnectTimeout):
            adapter.send(request, timeout=0.05)
    assert names.asked == ["slow.example.org"]

    ehr.default = patient()
    names.answers = [[PUBLIC]]
    assert adapter.send(requests.Request("GET", f"http://{HOST}/fhir").prepare(), timeout=5.0).status_code == 200
    over.set()
    adapter.close()


def test_whoever_watches_can_end_a_call_before_each_step(ehr: Ehr) -> None:
    class Ended(Exception):
        pass

    for steps in range(3):
        left = [None] * steps

        def used(_: CheckedConnection, left: list[None] = left) -> None:
            if not left:
                raise Ended
            left.pop()

        adapter = checked_adapter("loopback", on_use=used)
        with pytest.raises(Ended):
            adapter.send(requests.Request("GET", ehr.base).prepare(), timeout=5.0)
        adapter.close()
    assert ehr.requests == []


# TLS


def certificate(path: Path, host: str) -> Path:
    """A certificate for the host that is its own authority, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def encrypt(ehr: Ehr, host: str, folder: Path) -> tuple[Path, list[str | None]]:
    """Have the server speak TLS with a certificate for a host: the certificate's file, and the names asked for."""
    file = certificate(folder / "server.pem", host)
    asked: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    context.sni_callback = lambda _, name, __: asked.append(name)
    ehr.encrypt(context)
    return file, asked


def test_CH_SSRF_03_the_certificate_is_checked_for_the_name(names: Names, ehr: Ehr, tmp_path: Path) -> None:
    file, asked = encrypt(ehr, HOST, tmp_path)
    ehr.default = patient()
    names.answers = [[PUBLIC]]
    assert send(f"https://{HOST}/fhir", "public", verify=str(file)).status_code == 200
    assert asked == [HOST]


def test_CH_SSRF_03_a_certificate_for_another_name_is_refused(names: Names, ehr: Ehr, tmp_path: Path) -> None:
    file, _ = encrypt(ehr, PUBLIC, tmp_path)
    names.answers = [[PUBLIC]]
    with pytest.raises(requests.exceptions.SSLError):
        send(f"https://{HOST}/fhir", "public", verify=str(file))
    assert ehr.requests == []


def test_CH_SSRF_06_a_handshake_that_never_ends_can_be_ended() -> None:
    connections: list[CheckedConnection] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        adapter = checked_adapter("loopback", on_use=connections.append)
        request = requests.Request("GET", f"https://127.0.0.1:{silent.getsockname()[1]}/").prepare()
        failures: list[Exception] = []

        def call() -> None:
            try:
                adapter.send(request, timeout=60.0)
            except requests.RequestException as error:
                failures.append(error)

        caller = threading.Thread(target=call)
        caller.start()
        peer, _ = silent.accept()
        with peer:
            assert peer.recv(1)  # the handshake has begun
            connections[-1].end()
            caller.join(20)
            assert not caller.is_alive()
        adapter.close()
    assert len(failures) == 1
