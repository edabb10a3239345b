"""HTTP to other machines, to judged addresses only (CH-SSRF-03).

    adapter = checked_adapter(network_of("fhir.example.org", private=False))
    response = adapter.send(requests.Request("GET", address).prepare(), stream=True, timeout=seconds)

A host's name is resolved once for each connection. Every address of the answer is judged, and the connection goes to
one of these addresses: no second look-up can lead elsewhere. Certificates are checked against the host's name as ever.

An adapter alone follows no redirect and reads nothing of the environment. Mounted on a `requests.Session` it needs
`trust_env = False` and `allow_redirects=False`. What to read, and for how long, is the caller's to limit.
"""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Literal

import requests
import structlog
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

Network = Literal["loopback", "private", "public"]
"""Where a host may be. loopback: on this machine only. private: in a private network or the internet. public: in the
internet only."""

_log = structlog.get_logger()
_PRIVATE: tuple[IPv4Network | IPv6Network, ...] = (
    *map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")),
    IPv6Network("fc00::/7"),
)
"""RFC 1918, 6598 and 4193."""
_NEVER: tuple[IPv4Network | IPv6Network, ...] = (
    *map(IPv4Network, ("192.0.0.0/24", "192.88.99.0/24", "100.100.100.200/32", "168.63.129.16/32")),
    *map(IPv6Network, ("fd00:ec2::/32", "fd20:ce::/32")),
)
"""Protocol assignments, relays, and the metadata services of clouds that lie outside the link-local networks."""
_REMEDY: dict[Network, str] = {
    "loopback": "have the name looked up on this machine",
    "private": "have the name's addresses checked: one is of this machine, or of a kind that is never called",
    "public": "have the name's addresses checked; if they are to be in a private network, say ';private'",
}
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")


class AddressRefused(requests.ConnectionError):
    """The host's name leads to an address that may not be called for it."""


class _Refused(NewConnectionError):
    """The same, on its way through urllib3."""


def network_of(host: str, *, private: bool) -> Network:
    """Where `host` may be: on this machine if it is called so, else as `private` says."""
    return "loopback" if is_loopback(host) else "private" if private else "public"


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine only."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_address(host: str) -> bool:
    """Whether `host` is an IP address in its usual spelling, and no name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def permitted(address: IPv4Address | IPv6Address, network: Network) -> bool:
    """Whether a host of this network may have this address."""
    kind = _kind(address)
    return kind == network or (kind == "public" and network == "private")


def _kind(address: IPv4Address | IPv6Address) -> Network | None:
    """The network in which an address is; None if it is one that is never called.

    An address that carries others is where these are, and never on this machine.
    """
    carried = {_kind(one) for one in _carried(address)}
    if carried:
        kind = carried.pop()
        return None if carried or kind == "loopback" else kind
    if any(address in network for network in _NEVER):
        return None
    if address.is_loopback:
        return "loopback"
    if any(address in network for network in _PRIVATE):
        return "private"
    if address.is_multicast or address.is_reserved or not address.is_global:
        return None
    return "public" if address.version == 4 or address in _GLOBAL_UNICAST else None


def _carried(address: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses in an IPv6 address: IPv4-mapped, 6to4, Teredo (server and client) and NAT64."""
    if isinstance(address, IPv4Address):
        return ()
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    if address.teredo:
        return address.teredo
    carried = address.ipv4_mapped or address.sixtofour
    return (carried,) if carried else ()


class _LookUps:
    """The look-ups under way, one for each host.

    The system's resolver can be neither hurried nor ended. So it works on a thread of its own, and whoever asks waits
    as long as there is time.
    """

    def __init__(self) -> None:
        self._under_way: dict[tuple[str, int], Future[list[str]]] = {}
        self._lock = threading.Lock()

    def addresses(self, host: str, port: int, seconds: float | None) -> list[str]:
        """The addresses of a host, in the order to try them. Raises TimeoutError or socket.gaierror."""
        if is_address(host):
            return [host]
        with self._lock:
            found = self._under_way.get((host, port))
            if found is None:
                found = self._under_way[host, port] = Future()
                threading.Thread(target=self._look_up, args=(host, port, found), daemon=True).start()
        return found.result(seconds)

    def _look_up(self, host: str, port: int, found: "Future[list[str]]") -> None:
        try:
            answer = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            found.set_exception(socket.gaierror(socket.EAI_NONAME, "no such name"))
        else:
            found.set_result(list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in answer)))
        finally:
            with self._lock:
                del self._under_way[host, port]


_look_ups = _LookUps()


class CheckedConnection(HTTPConnection):
    """`on_use` is called before anything that may take time, and can prevent it by raising."""

    def __init__(self, *args: Any, network: Network, on_use: "OnUse", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._network = network
        self._on_use = on_use
        self._in_handshake: socket.socket | None = None

    def end(self) -> None:
        """Wake whoever waits for the other side, from any thread."""
        for sock in (self.sock, self._in_handshake):
            if sock is not None:
                with suppress(OSError):  # it was closed in the meantime, which is what was wanted
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._on_use(self)
        super().request(*args, **kwargs)

    def _new_conn(self) -> socket.socket:
        self._on_use(self)
        # Without a limit the timeout is None, or a marker for the default, which is none.
        end = time.monotonic() + self.timeout if isinstance(self.timeout, int | float) else None
        try:
            addresses = _look_ups.addresses(
                self._dns_host.strip("[]"), self.port, None if end is None else self.timeout
            )
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "the name was not looked up in time") from error
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        if not all(permitted(ip_address(address), self._network) for address in addresses):
            _log.warning("address_refused", host=self.host, network=self._network, remedy=_REMEDY[self._network])
            raise _Refused(self, "an address that may not be called")
        self.sock = self._reach(addresses, end)
        self._on_use(self)
        return self.sock

    def _reach(self, addresses: list[str], end: float | None) -> socket.socket:
        """A connection to the first address that answers; those that follow keep their part of the time."""
        failure: NewConnectionError | ConnectTimeoutError = NewConnectionError(self, "the name has no address")
        for tried, address in enumerate(addresses):
            seconds = None if end is None else (end - time.monotonic()) / (len(addresses) - tried)
            if seconds is not None and seconds <= 0:
                failure = ConnectTimeoutError(self, "no time left to connect")
                break
            try:
                return create_connection((address, self.port), seconds, self.source_address, self.socket_options)
            except TimeoutError:
                failure = ConnectTimeoutError(self, "not connected in time")
            except OSError as error:
                failure = NewConnectionError(self, str(error))
        raise failure


OnUse = Callable[[CheckedConnection], None]


class _CheckedTls(CheckedConnection, HTTPSConnection):
    """The same over TLS. Until the handshake is done the socket is in the hands of `ssl`, so another handle is kept."""

    def connect(self) -> None:
        try:
            super().connect()
        finally:
            if self._in_handshake:
                self._in_handshake.close()

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        self._in_handshake = connected.dup()
        return connected


class _Pool(HTTPConnectionPool):
    ConnectionCls = CheckedConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _CheckedTls


class CheckedAdapter(HTTPAdapter):
    """Sends requests as HTTPAdapter does. Raises AddressRefused, or what HTTPAdapter raises."""

    def __init__(self, network: Network, connections: int, on_use: OnUse) -> None:
        self._checks: dict[str, Any] = {"network": network, "on_use": on_use}
        super().__init__(pool_connections=connections, pool_maxsize=connections)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": partial(_Pool, **self._checks),
            "https": partial(_TlsPool, **self._checks),
        }

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            return super().send(*args, **kwargs)
        except requests.ConnectionError as error:
            reason = error.args[0] if error.args else None
            if isinstance(reason, MaxRetryError) and isinstance(reason.reason, _Refused):
                raise AddressRefused(request=error.request) from None
            raise


def _ignore(_: CheckedConnection) -> None:
    """Nobody has to know of it."""


def checked_adapter(network: Network, connections: int = 10, on_use: OnUse = _ignore) -> CheckedAdapter:
    """An adapter of `requests` for hosts of this network, with a pool of connections. Thread-safe.

    `on_use` is given the connection before it resolves, when it is connected, and before each request on it: to keep it
    at hand for `end`, or to raise when there is no time left.
    """
    return CheckedAdapter(network, connections, on_use)
