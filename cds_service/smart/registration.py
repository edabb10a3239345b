"""How the app is registered with a client's record system: `smart` in the clients file."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from cds_service.errors import SettingsError
from cds_service.fhir.servers import FhirServer, normal_base
from cds_service.outbound import is_loopback

_Text = Annotated[str, Meta(min_length=1)]
_Scope = Annotated[str, Meta(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")]
"""A scope-token of RFC 6749."""
_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
Wrong = Callable[[str, str], SettingsError]
"""The error for a key of the file and what is wrong with it."""


class SmartEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The registration as it stands in the file."""

    client_id: _Text
    iss: _Text | None = None
    client_secret_file: _Text | None = None
    key_file: _Text | None = None
    scopes: tuple[_Scope, ...] = ()
    frame: tuple[_Text, ...] = ()


class SigningKey(msgspec.Struct, frozen=True):
    """The private key with which the app proves who it is (`private_key_jwt`)."""

    kid: str
    algorithm: str
    key: Any
    """A key of joserfc, as Authlib takes it."""

    def __repr__(self) -> str:
        return f"SigningKey({self.kid})"

    @property
    def public(self) -> dict[str, Any]:
        """The public half as a JSON Web Key."""
        return {**self.key.as_dict(private=False), "kid": self.kid, "alg": self.algorithm, "use": "sig"}


class SmartApp(msgspec.Struct, frozen=True, kw_only=True):
    """The app, as one record system knows it."""

    client: str
    """Our name for the client."""
    client_id: str
    """Its name for us."""
    server: FhirServer
    """The `iss` of its launches."""
    secret: str | None = None
    key: SigningKey | None = None
    """Neither: a public client."""
    scopes: tuple[str, ...] = ()
    """What is asked for beyond what the page needs."""
    frame: tuple[str, ...] = ()
    """The origins whose pages may show the app in a frame."""

    def __repr__(self) -> str:
        return f"SmartApp({self.client}, {self.server.base})"


def registered(client: str, entry: SmartEntry, folder: Path, servers: tuple[FhirServer, ...], wrong: Wrong) -> SmartApp:
    """The app as the entry describes it. `folder`: from where its files are found. Raises SettingsError."""
    if entry.client_secret_file and entry.key_file:
        raise wrong("key_file", "contradicts client_secret_file; the app proves who it is in one way")
    return SmartApp(
        client=client,
        client_id=entry.client_id,
        server=_server(entry, servers, wrong),
        secret=_secret(folder, entry.client_secret_file, wrong) if entry.client_secret_file else None,
        key=_key(folder, entry.key_file, wrong) if entry.key_file else None,
        scopes=entry.scopes,
        frame=tuple(_origin(text, f"frame[{number}]", wrong) for number, text in enumerate(entry.frame)),
    )


def _server(entry: SmartEntry, servers: tuple[FhirServer, ...], wrong: Wrong) -> FhirServer:
    if entry.iss is None:
        if len(servers) != 1:
            raise wrong("iss", "is missing; name the one of fhir_servers that launches the app")
        server = servers[0]
    else:
        base = normal_base(entry.iss)
        found = next((one for one in servers if one.base == base), None)
        if found is None:
            raise wrong("iss", "is none of this client's fhir_servers")
        server = found
    if not (server.encrypted or server.loopback):
        raise wrong("iss", "has to be https (plain http on loopback only), as a token is sent to it")
    return server


def _read(folder: Path, name: str, key: str, wrong: Wrong) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise wrong(key, f"{name} cannot be read ({error.strerror})") from None


def _secret(folder: Path, name: str, wrong: Wrong) -> str:
    content = _read(folder, name, "client_secret_file", wrong).strip()
    if not content or not content.isascii():
        raise wrong("client_secret_file", f"{name} does not hold a secret, a line of ASCII")
    return content.decode("ascii")


def _key(folder: Path, name: str, wrong: Wrong) -> SigningKey:
    from joserfc.errors import JoseError  # noqa: PLC0415  # where no app is registered it need not be loaded
    from joserfc.jwk import ECKey, RSAKey, import_key  # noqa: PLC0415

    content = _read(folder, name, "key_file", wrong)
    try:
        key = import_key(msgspec.json.decode(content, type=dict[str, Any]))
    except (msgspec.DecodeError, JoseError, ValueError, TypeError, KeyError):
        raise wrong("key_file", f"{name} is no JSON Web Key") from None
    algorithm = "RS384" if isinstance(key, RSAKey) else _CURVES.get(key.curve_name) if isinstance(key, ECKey) else None
    if algorithm is None or not key.is_private:
        raise wrong("key_file", f"{name} is no private RSA or EC key")
    if not key.kid:
        raise wrong("key_file", f"{name} has no kid, by which the record system finds the public key")
    return SigningKey(key.kid, str(key.get("alg") or algorithm), key)


def _origin(text: str, key: str, wrong: Wrong) -> str:
    base = normal_base(text)
    if base is None or urlsplit(base).path:
        raise wrong(key, "is no origin, such as https://ehr.example.org")
    if not base.startswith("https:") and not is_loopback(urlsplit(base).hostname or ""):
        raise wrong(key, "has to be https (plain http on loopback only)")
    return base
