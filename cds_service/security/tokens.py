"""Whether a JSON Web Token proves who calls (section 9 of the checklist, CH-JWT-01 to -17).

Nothing here knows the web, the clock or the network: token, keys, addresses and time are arguments.
"""

import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Literal

import jwt
import msgspec
from jwt.utils import base64url_decode

from cds_service.fhir.servers import normal_base
from cds_service.security.clients import Client, Clients
from cds_service.security.keys import JwksError, Key

Reason = Literal[
    "no bearer token",
    "not a JWT",
    "critical header",
    "typ is not JWT",
    "unknown issuer",
    "jku is not the client's",
    "algorithm not allowed",
    "no kid",
    "unknown kid",
    "key does not fit the algorithm",
    "wrong signature",
    "exp or iat missing",
    "expired",
    "issued in the future",
    "not valid yet",
    "lives too long",
    "meant for another address",
    "no jti",
    "tenant is no text",
    "used before",
]
"""Why a token was refused: for the log only (CH-JWT-18)."""

MOST_CHARACTERS = 16_384
_LATEST = 2.5e11
"""Seconds since the epoch, in the year 9892; dates end soon after."""
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]*")
FindKey = Callable[[Client, str], Key | None]


class Refused(Exception):
    """A token that proves nothing. `client`: the one it says to be of, for the log."""

    def __init__(self, reason: Reason, client: str = "") -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.client = client


class Verified(msgspec.Struct, frozen=True):
    """Who calls. The token may be used this once."""

    client: Client
    tenant: str
    jti: str
    expires: datetime
    """Leeway included: until then the `jti` has to be remembered (CH-JWT-16)."""


def bearer(authorization: str | None) -> str:
    """The token of an `Authorization` header. Raises Refused."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer":
        raise Refused("no bearer token")
    return token.strip()


def verify(
    token: str, *, clients: Clients, find_key: FindKey, addresses: Iterable[str], now: float, leeway: float
) -> Verified:
    """The client whose token this is. Raises Refused.

    `addresses`: the URLs by which what is called is known. Keys are asked for only once issuer, `jku` and algorithm
    are those of a client (CH-JWT-08), and claims are believed only once the signature is right.
    """
    header, claims = _decoded(token)
    issuer = claims.get("iss")
    client = clients.by_issuer.get(issuer) if isinstance(issuer, str) else None
    if client is None:
        raise Refused("unknown issuer")
    try:
        _check_signature(token, header, client, find_key)
        expires = _check_times(claims, client, now, leeway)
        _check_audience(claims.get("aud"), (*addresses, *client.audiences))
        jti, tenant = claims.get("jti"), claims.get("tenant", "")
        if not isinstance(jti, str) or not jti:
            raise Refused("no jti")
        if not isinstance(tenant, str):
            raise Refused("tenant is no text")
    except Refused as refused:
        refused.client = client.id
        raise
    return Verified(client, tenant, jti, datetime.fromtimestamp(expires + leeway, UTC))


def _decoded(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    parts = _COMPACT.fullmatch(token) if len(token) <= MOST_CHARACTERS else None
    if not parts:
        raise Refused("not a JWT")
    return _object(parts[1]), _object(parts[2])


def _object(segment: str) -> dict[str, Any]:
    """A JSON object without duplicate keys, of which two readers could take different ones."""
    try:
        found = json.loads(base64url_decode(segment), object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        raise Refused("not a JWT") from None
    if not isinstance(found, dict):
        raise Refused("not a JWT")
    return found


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError
    return members


def _check_signature(token: str, header: dict[str, Any], client: Client, find_key: FindKey) -> None:
    """`jwk`, `x5u` and `x5c` of the header are not looked at: keys come from the client's set alone (CH-JWT-07)."""
    if "crit" in header or "b64" in header:
        raise Refused("critical header")
    typ = header.get("typ")
    if not (typ is None and not client.require_typ) and not (isinstance(typ, str) and typ.upper() == "JWT"):
        raise Refused("typ is not JWT")
    if "jku" in header and (client.jku is None or header["jku"] != client.jku):
        raise Refused("jku is not the client's")
    algorithm = header.get("alg")
    if algorithm not in client.algorithms:
        raise Refused("algorithm not allowed")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise Refused("no kid")
    key = find_key(client, kid)
    if key is None:
        raise Refused("unknown kid")
    if not key.fits(algorithm):
        raise Refused("key does not fit the algorithm")
    try:
        jwt.PyJWS().decode_complete(token, key.for_algorithm(algorithm), [algorithm])
    except JwksError:
        raise Refused("key does not fit the algorithm") from None
    except (jwt.PyJWTError, ValueError):
        raise Refused("wrong signature") from None


def _check_times(claims: dict[str, Any], client: Client, now: float, leeway: float) -> float:
    """`exp`, once it is right (CH-JWT-13 to -15)."""
    expires, issued = _number(claims.get("exp")), _number(claims.get("iat"))
    if expires is None or issued is None:
        raise Refused("exp or iat missing")
    if expires + leeway <= now:
        raise Refused("expired")
    if issued > now + leeway:
        raise Refused("issued in the future")
    if "nbf" in claims:
        begins = _number(claims["nbf"])
        if begins is None or begins > now + leeway:
            raise Refused("not valid yet")
    if not 0 < expires - issued <= client.max_lifetime_seconds:
        raise Refused("lives too long")
    return expires


def _number(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LATEST:
        return float(value)
    return None


def _check_audience(audience: object, accepted: Iterable[str]) -> None:
    """A text or an array of texts, one of which is an address of what is called (CH-JWT-11, -12)."""
    named = audience if isinstance(audience, list) else [audience]
    ours = {_normal(one) for one in accepted}
    if not any(isinstance(one, str) and _normal(one) in ours for one in named):
        raise Refused("meant for another address")


def _normal(audience: str) -> str:
    """Without slash at the end and default port, and with the host in small letters; what is no URL stays."""
    return normal_base(audience) or audience
