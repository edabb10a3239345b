"""What a record system says of its authorization server: `.well-known/smart-configuration`, read and judged."""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from cds_service.errors import LaunchFailed
from cds_service.fhir.client import Exchange, FhirClient, FhirFailure
from cds_service.fhir.servers import FhirAccess, FhirServer, normal_base
from cds_service.outbound import Network, is_loopback, network_of

SECONDS = 5.0
"""For a whole answer of the record system; the clinician waits for it."""
MOST_BYTES = 256_000
FRESH_SECONDS = 300.0
_PATH = ".well-known/smart-configuration"
_S256 = "S256"
_GRANULAR = "permission-v2"
REMEDY = "Ask those who run the record system; the app is opened anew from the chart."


class Configuration(msgspec.Struct, frozen=True):
    """The members that count here; others are passed over."""

    authorization_endpoint: str
    token_endpoint: str
    code_challenge_methods_supported: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    issuer: str | None = None
    authorization_response_iss_parameter_supported: bool = False

    @property
    def granular(self) -> bool:
        """Whether scopes are written as in SMART 2: yes, unless capabilities are listed without it."""
        return not self.capabilities or _GRANULAR in self.capabilities


class Configurations:
    """The configurations of all record systems, each remembered for a few minutes. Thread-safe."""

    def __init__(self, ca_bundle: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._ca_bundle = ca_bundle
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Configuration]] = {}

    def of(self, server: FhirServer) -> Configuration:
        """The configuration of a server that may be called. Raises LaunchFailed."""
        with self._lock:
            read, found = self._known.get(server.base, (float("-inf"), None))
        if found is not None and self._clock() - read < FRESH_SECONDS:
            return found
        found = judged(_fetch(server, self._ca_bundle), server)
        with self._lock:
            self._known[server.base] = self._clock(), found
        return found


def _fetch(server: FhirServer, ca_bundle: Path | None) -> bytes:
    with closing(FhirClient(1, ca_bundle, accept="application/json")) as client:

        def job(exchange: Exchange) -> bytes:
            return client.get(f"{server.base}/{_PATH}", FhirAccess(server), exchange, MOST_BYTES)

        (answer,) = client.run([job], time.monotonic() + SECONDS)
    if isinstance(answer, FhirFailure):
        raise LaunchFailed(f"The record system does not say how to sign in: {answer}.", _PATH, REMEDY)
    return answer


def judged(content: bytes, server: FhirServer) -> Configuration:
    """The configuration, if it is one with which a launch is safe. Raises LaunchFailed."""
    try:
        found = msgspec.json.decode(content, type=Configuration)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise LaunchFailed("The record system's configuration cannot be read.", _PATH, REMEDY) from None
    for name in ("authorization_endpoint", "token_endpoint"):
        if endpoint_network(getattr(found, name), server) is None:
            raise LaunchFailed(f"The record system's {name} is none that may be called.", f"{_PATH}: {name}", REMEDY)
    if _S256 not in found.code_challenge_methods_supported:
        raise LaunchFailed(
            "The record system does not offer to protect the sign-in (PKCE with S256).",
            f"{_PATH}: code_challenge_methods_supported",
            REMEDY,
        )
    return found


def endpoint_network(address: str, server: FhirServer) -> Network | None:
    """Where an endpoint that the server names may be; None if it may not be used at all.

    It may be on another host, as sign-ins of many hospitals are. It is https, and in a private network only if the
    server may be; on this machine only if the server is.
    """
    if normal_base(address.partition("?")[0]) is None or "#" in address or not address.isprintable():
        return None
    parts = urlsplit(address)
    host = parts.hostname or ""
    if is_loopback(host):
        return "loopback" if server.loopback else None
    if parts.scheme != "https":
        return None
    return network_of(host, private=server.private)
