"""Callers' tokens, right ones and spoiled ones, for the application that asks for them."""

import json
import random
from collections.abc import Callable
from typing import Any

from tests.cds_service.security.signing import PUBLIC_URL, claims, key_pair, segment
from tests.fuzz import mutations
from tests.fuzz.requests import Sent

_ALGORITHMS = ("none", "None", "HS256", "HS384", "RS256", "ES256", "EdDSA", "", None, 7)


def with_token(rng: random.Random, sent: Sent) -> Sent:
    """The request with a token for its address; three of four are right. No run signs it the same."""
    if "Authorization" in sent.headers:
        return sent
    path = sent.path.partition("?")[0].rstrip("/")
    said = claims(aud=f"{PUBLIC_URL}{path}", jti=f"{rng.getrandbits(128):032x}")
    header: dict[str, Any] = {}
    if rng.random() < 0.25:
        rng.choice(_SPOILED)(rng, said, header)
    token = key_pair("one").sign(said, **header)
    if rng.random() < 0.05:
        at = rng.randrange(len(token))
        token = rng.choice((token[:at], token[:at] + "." + token[at:], token[:at] + "A" + token[at + 1 :], token * 2))
    elif rng.random() < 0.02:
        token = f"{segment(rng.randbytes(40))}.{segment(rng.randbytes(40))}.{segment(rng.randbytes(96))}"
    return sent._replace(headers=sent.headers | {"Authorization": f"Bearer {token}"})


def _claims(rng: random.Random, said: dict[str, Any], _: dict[str, Any]) -> None:
    mutations.spoil(rng, said)
    json.dumps(said)  # what cannot be JSON is no token that anybody could send


def _claim(rng: random.Random, said: dict[str, Any], _: dict[str, Any]) -> None:
    name = rng.choice(("iss", "aud", "iat", "exp", "jti", "nbf", "tenant", "sub", "client_id"))
    said[name] = rng.choice((None, "", [], {}, [said.get("aud")], True, *mutations.NUMBERS, *mutations.TEXTS))


def _header(rng: random.Random, _: dict[str, Any], header: dict[str, Any]) -> None:
    name = rng.choice(("alg", "kid", "typ", "jku", "jwk", "x5u", "crit", "b64", "zip", "cty"))
    values: tuple[Any, ...] = (
        None,
        {},
        [],
        ["b64"],
        True,
        "https://evil.example/jwks.json",
        *mutations.IDS,
        *mutations.TEXTS,
    )
    header[name] = rng.choice(_ALGORITHMS if name == "alg" else values)


_SPOILED: tuple[Callable[[random.Random, dict[str, Any], dict[str, Any]], None], ...] = (_claims, _claim, _header)
