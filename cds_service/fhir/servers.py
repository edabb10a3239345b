"""FHIR servers: their addresses, and which of them may be called (CH-SSRF-01, -02, -03, -05, -09)."""

import re
from ipaddress import IPv6Address, ip_address
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import msgspec

from cds_service.outbound import Network, is_address, is_loopback, network_of, permitted

_PORTS = {"http": 80, "https": 443}
_FLAGS = ("private", "open")
_NAME = re.compile(r"([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}")
_ENDS_IN_A_NUMBER = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)")
"""Such a host is an IPv4 address to some programs: 127.1, 0x7f.1, 2130706433."""


class FhirServer(msgspec.Struct, frozen=True):
    """An entry of the allow-list."""

    base: str
    """Normalised, without a trailing slash. Its port is part of it."""
    open: bool = False
    """It takes calls without a token, as sandboxes do."""
    private: bool = False
    """Its host may have an address of a private network."""

    @classmethod
    def parse(cls, text: str) -> "FhirServer":
        """Read `https://ehr.example.org/fhir/r4` or `http://127.0.0.1:18090/fhir;open`. Raises ValueError."""
        address, *flags = text.split(";")
        if not set(flags) <= set(_FLAGS) or len(set(flags)) < len(flags):
            raise ValueError("an entry may only end in ';private', ';open' or both")
        base = normal_base(address)
        if base is None:
            raise ValueError(
                "an entry is no base URL (http or https, a host in its usual spelling, no user, no query, no fragment)"
            )
        server = cls(base, open="open" in flags, private="private" in flags)
        if not (server.encrypted or server.loopback or server.open):
            raise ValueError("plain http is only accepted for open servers and on loopback; use https")
        if (reason := server.never_reached()) is not None:
            raise ValueError(reason)
        return server

    @property
    def host(self) -> str:
        return urlsplit(self.base).hostname or ""

    @property
    def encrypted(self) -> bool:
        return self.base.startswith("https:")

    @property
    def loopback(self) -> bool:
        return is_loopback(self.host)

    @property
    def network(self) -> Network:
        """Where its addresses may be (CH-SSRF-03)."""
        return network_of(self.host, private=self.private)

    def never_reached(self) -> str | None:
        """Why every call would be refused, where the host is an address that may not be called."""
        try:
            address = ip_address(self.host)
        except ValueError:
            return None
        if permitted(address, self.network):
            return None
        if permitted(address, "private"):
            return "an address of a private network is only accepted for entries that end in ';private'"
        return "an address of this kind is never called"

    def __str__(self) -> str:
        return self.base + "".join(f";{flag}" for flag in _FLAGS if getattr(self, flag))


class FhirAccess(msgspec.Struct, frozen=True):
    """What one request may do: the server and, for this request only, the token (CH-AUTHZ-04)."""

    server: FhirServer
    token: str | None = None

    def __repr__(self) -> str:
        return f"FhirAccess({self.server.base}, token={'yes' if self.token else 'no'})"


def normal_base(address: str) -> str | None:
    """`address` in one spelling (host in lower case, no default port, no trailing slash); None if it is no base URL."""
    try:
        parts = urlsplit(address)
        origin = _origin(parts)
    except ValueError:
        return None
    if origin is None or parts.query or parts.fragment or "@" in parts.netloc or not _plain(address):
        return None
    if _dotted(parts.path):
        return None
    return origin + parts.path.rstrip("/")


def join(base: str, relative: str) -> str:
    """The address of `Patient/1` under a base, whose path is kept (CH-SSRF-09)."""
    return f"{base.rstrip('/')}/{relative}"


def under(base: str, link: str) -> str | None:
    """The absolute address of a link a server sent, if it stays on `base`; else None (CH-SSRF-05)."""
    try:
        parts = urlsplit(urljoin(base + "/", link))
        origin = _origin(parts)
        dotted = _dotted(urlsplit(link).path)
    except ValueError:
        return None
    if origin is None or "@" in parts.netloc or not _plain(link) or dotted:
        return None
    address = origin + parts.path
    if address.rstrip("/") != base and not address.startswith(base + "/"):
        return None
    return address + (f"?{parts.query}" if parts.query else "")


def _origin(parts: SplitResult) -> str | None:
    """Scheme, host and port in one spelling. Raises ValueError for a port that is no number."""
    host = _host(parts.hostname or "")
    if parts.scheme not in _PORTS or not host or parts.port == 0:
        return None
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, _PORTS[parts.scheme]) else "")


def _host(name: str) -> str | None:
    """The host as it is usually written; None where programs might read different hosts. Raises ValueError."""
    if ":" in name:
        return f"[{IPv6Address(name).compressed}]" if "%" not in name else None
    if _ENDS_IN_A_NUMBER.fullmatch(name):
        return name if is_address(name) else None
    return name if len(name) < 254 and _NAME.fullmatch(name) else None


def _plain(text: str) -> bool:
    """No blank, control character or backslash, which clients and servers read differently."""
    return text.isascii() and text.isprintable() and not set(text) & set(" \\")


def _dotted(path: str) -> bool:
    return any(segment in (".", "..") for segment in unquote(path).split("/"))
