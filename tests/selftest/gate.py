"""The plain service's check of tokens, step by step, so that each step can be left out."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import requests

from cds_service.selftest.tokens import Signer

LEEWAY = 60


class Gate:
    """`is_broken` says whether the step of that name is left out: then the token is taken as it is."""

    def __init__(self, known: Signer, is_broken: Callable[[str], bool]) -> None:
        self._known, self._is_broken = known, is_broken
        self._used: set[str] = set()

    def refusal(self, authorization: str | None, url: str) -> str:
        """Why the call is refused; empty if it is not."""
        if self._is_broken("token_audience_array") and _claims(authorization).get("aud") != url:
            return "no arrays here"
        if self._is_broken("token_more_claims") and "sub" in _claims(authorization):
            return "no more claims here"
        for name, wrong in self._steps(authorization, url):
            if wrong:
                return "" if self._is_broken(name) else name
        return ""

    def _steps(self, authorization: str | None, url: str) -> Iterator[tuple[str, bool]]:
        """Name of a check and whether the token has its defect."""
        yield "token_none", authorization is None
        token = (authorization or "").removeprefix("Bearer ")
        yield "token_null", token == "null"
        try:
            header, claims = _part(token, 0), _part(token, 1)
        except (ValueError, IndexError):
            yield "token_not_a_token", True
            return
        if self._is_broken("token_unknown_jku") and "jku" in header:
            requests.get(header["jku"], timeout=5)
        yield "token_unsigned", header["alg"] == "none"
        yield "token_symmetric", header["alg"] == "HS256"
        yield "token_no_issuer", "iss" not in claims
        yield "token_unknown_jku", "jku" in header
        yield "token_of_nobody", claims["iss"] != self._known.issuer
        yield "token_no_kid", "kid" not in header
        yield "token_unknown_kid", header.get("kid") != self._known.kid
        yield "token_crit", "crit" in header
        signed = _is_signed(token, self._known)
        yield "token_tampered", not signed and claims.get("tenant") == "somebody-else"
        yield "token_other_key", not signed
        yield from self._claims(claims, url)

    def _claims(self, claims: dict[str, Any], url: str) -> Iterator[tuple[str, bool]]:
        now = time.time()
        yield "token_no_exp", "exp" not in claims
        yield "token_no_iat", "iat" not in claims
        yield "token_no_jti", "jti" not in claims
        yield "token_no_audience", "aud" not in claims
        audience = claims["aud"]
        yield "token_other_audience", url not in (audience if isinstance(audience, list) else [audience])
        yield "token_expired", claims["exp"] < now - LEEWAY
        yield "token_from_the_future", claims["iat"] > now + LEEWAY
        yield "token_not_yet", claims.get("nbf", 0) > now + LEEWAY
        yield "token_too_long", claims["exp"] - claims["iat"] > 86_400
        yield "token_replayed", claims["jti"] in self._used
        self._used.add(claims["jti"])


def _claims(authorization: str | None) -> dict[str, Any]:
    return _part((authorization or "").removeprefix("Bearer "), 1)


def _part(token: str, number: int) -> dict[str, Any]:
    text = token.split(".")[number]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


def _is_signed(token: str, known: Signer) -> bool:
    try:
        jwt.PyJWS().decode(token, known.key.public_key(), algorithms=[known.algorithm])
    except jwt.InvalidTokenError:
        return False
    return True
