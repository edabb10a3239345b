"""Who may pass: every call is looked at before a service sees it (CH-JWT-18, CH-STAT-04, -05, -07)."""

import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import NoReturn

import structlog
from flask import Blueprint, g, request

from cds_service import records
from cds_service.errors import Forbidden, TooManyCalls, Unauthorized
from cds_service.fhir.servers import FhirServer
from cds_service.security.callers import Caller
from cds_service.security.clients import Client, Clients
from cds_service.security.fetch import fetch_jwks
from cds_service.security.keys import Key, KeySource
from cds_service.security.rates import CallRates
from cds_service.security.replay import InMemory, UsedTokens
from cds_service.security.tokens import Reason, Refused, bearer, verify
from cds_service.settings import Settings

_log = structlog.get_logger()


class Authenticator:
    """Authorization header → Caller, by the clients file."""

    def __init__(
        self,
        clients: Clients,
        settings: Settings,
        *,
        used: UsedTokens | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`used`: the memory that workers share. What this process saw is remembered in any case."""
        self._clients = clients
        self._public_url = settings.public_url
        self._leeway = settings.token_leeway_seconds
        self._seen_here = InMemory(now)
        self._used = used
        self._now = now
        self._ca_bundle = settings.ca_bundle
        self._sources = {client.id: KeySource(client.id, self._loader(client)) for client in clients.all}
        self._common: tuple[FhirServer, ...] = settings.fhir_servers if settings.demo else ()

    def _loader(self, client: Client) -> Callable[[], bytes]:
        if client.jwks:
            return client.jwks.read_bytes
        assert client.key_server  # nosec B101  # narrows a type; a client has the one or the other
        return partial(fetch_jwks, client.key_server, self._ca_bundle)

    def caller(self, authorization: str | None, path: str) -> tuple[Caller, Client]:
        """Who calls the address with this path. Raises Unauthorized, the same whatever is wrong."""
        try:
            verified = verify(
                bearer(authorization),
                clients=self._clients,
                find_key=self._find_key,
                addresses=self._addresses(path),
                now=self._now(),
                leeway=self._leeway,
            )
            client = verified.client
            if not self._first_use(client, verified.jti, verified.expires):
                raise Refused("used before", client.id)
        except Refused as refused:
            _refuse(refused.reason, refused.client)
        servers = client.fhir_servers + self._common
        caller = Caller(
            client.id,
            verified.tenant,
            servers,
            client.prefetch_aliases,
            launches=client.smart is not None,
            shadow=client.shadow,
        )
        return caller, client

    def _find_key(self, client: Client, kid: str) -> Key | None:
        return self._sources[client.id].find(kid)

    def _addresses(self, path: str) -> tuple[str, ...]:
        """Feedback may bring a token for the service that it is about (CH-FB-08)."""
        path = path.rstrip("/")
        own = self._public_url + path
        return (own, self._public_url + path.removesuffix("/feedback")) if path.endswith("/feedback") else (own,)

    def _first_use(self, client: Client, jti: str, expires: datetime) -> bool:
        """While the shared memory is down, that of this process has to do: it never costs a card."""
        if not self._seen_here.first_use(client.issuer, jti, expires):
            return False
        first = self._used.first_use(client.issuer, jti, expires) if self._used else True
        if first is None:
            _log.error("replay_memory_down", client=client.id, remedy="repeats are seen within one worker only")
        return first is not False


def _refuse(reason: Reason, client: str) -> NoReturn:
    _log.warning("call_refused", reason=reason, **({"client": client} if client else {}))
    raise Unauthorized(reason)


def protect(
    routes: Blueprint, settings: Settings, anonymous: Caller, authenticator: Authenticator | None, free: frozenset[str]
) -> None:
    """Put the caller of each request to the routes into `flask.g.caller`; None: everybody is `anonymous`.

    Preflights pass (CH-SEC-05), and so do the endpoints named in `free`, which also are not counted. Discovery is for
    everybody unless the setting says otherwise.
    """
    rates = CallRates()
    discovery = f"{routes.name}.discover"

    @routes.before_request
    def admit() -> None:
        g.caller = anonymous
        if request.method == "OPTIONS" or request.endpoint in free:
            return
        who, limit = f"address {request.remote_addr}", settings.calls_per_minute
        if authenticator and (request.endpoint != discovery or settings.authenticate_discovery):
            g.caller, client = authenticator.caller(request.headers.get("Authorization"), request.path)
            records.current().caller = g.caller
            _check_allowed(client, g.caller.tenant, (request.view_args or {}).get("service_id"))
            who = f"client {client.id}"
            limit = limit if client.calls_per_minute is None else client.calls_per_minute
        if seconds := rates.seconds_to_wait(who, limit):
            _log.warning("call_throttled", client=g.caller.client, limit=limit)
            raise TooManyCalls(seconds)


def _check_allowed(client: Client, tenant: str, service: str | None) -> None:
    """Raises Forbidden. Tenants as they are in the file may be logged; what a token says is not."""
    if client.tenants and tenant not in client.tenants:
        _log.warning("call_forbidden", client=client.id, reason="tenant not listed")
        raise Forbidden
    if service is not None and client.services and service not in client.services:
        _log.warning("call_forbidden", client=client.id, reason="service not listed")
        raise Forbidden
