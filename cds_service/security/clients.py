"""The clients file: which EHRs may call, how each proves who it is, and what it may name (CH-JWT-08, CH-SSRF-01)."""

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from cds_service.errors import SettingsError
from cds_service.fhir.servers import FhirServer
from cds_service.security.keys import ALGORITHMS, JwksError, parse_jwks
from cds_service.smart.registration import SmartApp, SmartEntry, registered
from hooks.knowledge.files import KnowledgeError, parse_yaml, typed

SANDBOX = "sandbox.cds-hooks.org"
"""Its private key is public (end of section 9), so whoever likes can sign as it."""
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_Text = Annotated[str, Meta(min_length=1)]
_Texts = Annotated[tuple[_Text, ...], Meta(min_length=1)]
_Algorithm = Literal["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"]
assert set(_Algorithm.__args__) == set(ALGORITHMS)  # type: ignore[attr-defined]  # nosec B101  # of two tables of ours


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A client as it stands in the file, under its id."""

    issuer: _Text
    jku: _Text | None = None
    jwks: _Text | None = None
    algorithms: Annotated[tuple[_Algorithm, ...], Meta(min_length=1)] = ("ES384", "RS384")
    audiences: _Texts | None = None
    tenants: _Texts | None = None
    services: _Texts | None = None
    fhir_servers: _Texts | None = None
    max_lifetime_seconds: Annotated[int, Meta(ge=1)] = 3600
    require_typ: bool = True
    calls_per_minute: Annotated[int, Meta(ge=0)] | None = None
    prefetch_aliases: dict[_Text, _Text] = {}
    shadow: bool = False
    smart: SmartEntry | None = None


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A client that may call. `key_server` and `jwks`: where its keys are; the file wins: then nothing is fetched."""

    id: str
    issuer: str
    key_server: FhirServer | None
    """The one address of its keys, under the same rules as a FHIR server."""
    jwks: Path | None
    algorithms: tuple[str, ...]
    audiences: tuple[str, ...]
    """What its tokens may be meant for beside the address that is called (CH-JWT-12, CH-TOL-21)."""
    tenants: tuple[str, ...]
    """The tenants it may call for; none: it is not asked for one, and any will do."""
    services: tuple[str, ...]
    """The services it may call; none: all."""
    fhir_servers: tuple[FhirServer, ...]
    max_lifetime_seconds: int
    require_typ: bool
    calls_per_minute: int | None
    """None: as the setting says."""
    prefetch_aliases: dict[str, str]
    """Our prefetch key, by the name that this client sends it under (CH-TOL-19)."""
    shadow: bool = False
    """Whether its cards are computed and recorded, and not sent."""
    smart: SmartApp | None = None
    """How it launches the SMART app; None: it does not."""

    @property
    def jku(self) -> str | None:
        """What its tokens may say of where their key is."""
        return self.key_server.base if self.key_server else None


class Clients(msgspec.Struct, frozen=True, dict=True):
    """All clients of an installation."""

    all: tuple[Client, ...]

    @cached_property
    def by_issuer(self) -> dict[str, Client]:
        """No two clients share one."""
        return {client.issuer: client for client in self.all}

    @property
    def in_shadow(self) -> tuple[str, ...]:
        """The ids of those that are shown nothing."""
        return tuple(client.id for client in self.all if client.shadow)

    @property
    def smart_apps(self) -> tuple[SmartApp, ...]:
        """The registrations of the SMART app. No two have one `iss`."""
        return tuple(client.smart for client in self.all if client.smart)

    def check_services(self, known: Iterable[str]) -> None:
        """Raises SettingsError for a client that is allowed a service which does not exist."""
        offered = set(known)
        for client in self.all:
            if unknown := set(client.services) - offered:
                raise SettingsError(
                    f"client {client.id}: services: there is no {', '.join(sorted(unknown))}. "
                    f"Known: {', '.join(sorted(offered))}"
                )


def read_clients(path: Path, *, demo: bool = False, shadow: bool = False) -> Clients:
    """The clients in a YAML file, which maps the id of each to what it is.

    `demo`: the public sandbox may be one. `shadow`: all are in shadow mode, whatever the file says.
    Raises SettingsError, which names file, client and key.
    """
    try:
        entries = parse_yaml(path.read_bytes(), path.name)
        found = tuple(
            _client(path, name, typed(entry, _Entry, path.name, str(name)), demo=demo, shadow=shadow)
            for name, entry in entries.items()
        )
    except OSError as error:
        raise SettingsError(f"{path.name}: cannot be read ({error.strerror})") from None
    except KnowledgeError as error:
        raise SettingsError(str(error)) from None
    if not found:
        raise SettingsError(f"{path.name}: names no client")
    issuers: dict[str, str] = {}
    launching: dict[str, str] = {}
    for client in found:
        other = issuers.setdefault(client.issuer, client.id)
        if other != client.id:
            raise SettingsError(f"{path.name}: {client.id}.issuer: is also that of {other}; one client for each issuer")
        if client.smart:
            other = launching.setdefault(client.smart.server.base, client.id)
            if other != client.id:
                raise SettingsError(
                    f"{path.name}: {client.id}.smart.iss: is also that of {other}; a launch has to tell who launches"
                )
    return Clients(found)


def _client(path: Path, name: object, entry: _Entry, *, demo: bool, shadow: bool) -> Client:
    def wrong(key: str, problem: str) -> SettingsError:
        return SettingsError(f"{path.name}: {name}{'.' if key else ''}{key}: {problem}")

    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise wrong("", "an id is of small letters, digits, '.', '_' and '-', and at most 64 characters long")
    if entry.jku is None and entry.jwks is None:
        raise wrong("jku", "is missing; name the address of the client's keys here, or a file with them as jwks")
    if not demo and SANDBOX in {urlsplit(text).hostname for text in (entry.issuer, entry.jku) if text}:
        raise wrong("issuer", "the private key of the public sandbox is public; it can be a client of --demo only")

    def server(key: str, text: str) -> FhirServer:
        try:
            return FhirServer.parse(text)
        except ValueError as error:
            raise wrong(key, str(error)) from None

    jwks = path.parent / entry.jwks if entry.jwks else None
    if jwks:
        try:
            parse_jwks(jwks.read_bytes())
        except OSError as error:
            raise wrong("jwks", f"{entry.jwks} cannot be read ({error.strerror})") from None
        except JwksError as error:
            raise wrong("jwks", f"{entry.jwks}: {error}") from None
    servers = tuple(server(f"fhir_servers[{n}]", text) for n, text in enumerate(entry.fhir_servers or ()))
    return Client(
        id=name,
        issuer=entry.issuer,
        key_server=_key_server(server("jku", entry.jku), entry.jku, wrong) if entry.jku else None,
        jwks=jwks,
        algorithms=entry.algorithms,
        audiences=entry.audiences or (),
        tenants=entry.tenants or (),
        services=entry.services or (),
        fhir_servers=servers,
        max_lifetime_seconds=entry.max_lifetime_seconds,
        require_typ=entry.require_typ,
        calls_per_minute=entry.calls_per_minute,
        prefetch_aliases=entry.prefetch_aliases,
        shadow=entry.shadow or shadow,
        smart=registered(name, entry.smart, path.parent, servers, lambda key, problem: wrong(f"smart.{key}", problem))
        if entry.smart
        else None,
    )


def _key_server(server: FhirServer, text: str, wrong: Callable[[str, str], SettingsError]) -> FhirServer:
    """What is compared with a token's `jku` letter by letter has one spelling, and no key comes over plain http."""
    if text.partition(";")[0] != server.base:
        raise wrong("jku", f"write it as {server.base}")
    if server.open or not (server.encrypted or server.loopback):
        raise wrong("jku", "has to be https (plain http on loopback only), and is never ';open'")
    return server
