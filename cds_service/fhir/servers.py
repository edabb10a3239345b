"""FHIR servers: their addresses, and which of them may be called (CH-SSRF-01, -02, -05, -09)."""

from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import msgspec

_PORTS = {"http": 80, "https": 443}


class FhirServer(msgspec.Struct, frozen=True):
    """An entry of the allow-list. `open`: it takes calls without a token, as sandboxes do."""

    base: str
    """Normalised, without a trailing slash."""
    open: bool = False

    @classmethod
    def parse(cls, text: str) -> "FhirServer":
        """Read `https://ehr.example.org/fhir/r4` or `http://127.0.0.1:18090/fhir;open`. Raises ValueError."""
        address, _, flag = text.partition(";")
        if flag not in ("", "open"):
            raise ValueError("an entry may only end in ';open'")
        base = normal_base(address)
        if base is None:
            raise ValueError("an entry is no base URL (http or https, a host, no user, no query, no fragment)")
        server = cls(base, flag == "open")
        if not (server.encrypted or server.loopback or server.open):
            raise ValueError("plain http is only accepted for open servers and on loopback; use https")
        return server

    @property
    def encrypted(self) -> bool:
        return self.base.startswith("https:")

    @property
    def loopback(self) -> bool:
        return is_loopback(urlsplit(self.base).hostname or "")

    def __str__(self) -> str:
        return self.base + (";open" if self.open else "")


class FhirAccess(msgspec.Struct, frozen=True):
    """What one request may do: the server and, for this request only, the token (CH-AUTHZ-04)."""

    server: FhirServer
    token: str | None = None

    def __repr__(self) -> str:
        return f"FhirAccess({self.server.base}, token={'yes' if self.token else 'no'})"


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine only."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


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
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = parts.port
    return f"{parts.scheme}://{host}" + (f":{port}" if port and port != _PORTS[parts.scheme] else "")


def _plain(text: str) -> bool:
    """No blank, control character or backslash, which clients and servers read differently."""
    return text.isascii() and text.isprintable() and not set(text) & set(" \\")


def _dotted(path: str) -> bool:
    return any(segment in (".", "..") for segment in unquote(path).split("/"))
