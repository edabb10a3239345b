"""The two steps of a launch at the authorization server: asking for leave, and the token for the code."""

import io
import re
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from urllib3.exceptions import HTTPError

from cds_service.errors import LaunchFailed
from cds_service.fhir.client import Exchange, FhirClient, FhirFailure, read_body
from cds_service.outbound import CheckedAdapter, Network
from cds_service.smart.discovery import MOST_BYTES, REMEDY, SECONDS, Configuration
from cds_service.smart.registration import SmartApp

_ASSERTION_SECONDS = 300
"""The longest that SMART allows for a signed assertion."""
_TOKEN = re.compile(r"[\x21-\x7e]+")
_HEADERS = {
    "Accept": "application/json",
    "Content-Type": "application/x-www-form-urlencoded;charset=UTF-8",
    "User-Agent": "nam-cds",
}


def new_secret() -> str:
    """Letters and digits that nobody can guess (285 bits): a state, or a code verifier (RFC 7636 asks for 43)."""
    return str(generate_token(48))


def authorization_url(
    app: SmartApp, found: Configuration, *, redirect_uri: str, scope: str, state: str, verifier: str, **launch: str
) -> str:
    """Where the browser is sent to. `launch`: the parameters of SMART, `launch` and `aud`."""
    session = OAuth2Session(app.client_id, redirect_uri=redirect_uri, scope=scope, code_challenge_method="S256")
    url, _ = session.create_authorization_url(
        found.authorization_endpoint, state=state, code_verifier=verifier, **launch
    )
    return str(url)


class Grant(msgspec.Struct, frozen=True, rename={"app_context": "appContext"}):
    """What the token endpoint answers; members of other profiles are passed over."""

    access_token: str
    token_type: str
    patient: str = ""
    scope: str = ""
    expires_in: float | None = None
    app_context: Any = None

    def __repr__(self) -> str:
        return "Grant(…)"


def token_for(
    code: str, app: SmartApp, endpoint: str, network: Network, *, redirect_uri: str, verifier: str, ca: Path | None
) -> Grant:
    """The token for a code: one POST to this endpoint, within `SECONDS`, without redirects. Raises LaunchFailed."""

    def job(exchange: Exchange) -> dict[str, Any] | str:
        with OAuth2Session(**_identity(app, endpoint)) as session:
            session.trust_env = False
            for scheme in ("https://", "http://"):
                session.mount(scheme, _LimitedAdapter(network, exchange))
            try:
                return dict(
                    session.fetch_token(
                        endpoint,
                        grant_type="authorization_code",
                        code=code,
                        code_verifier=verifier,
                        redirect_uri=redirect_uri,
                        headers=_HEADERS,
                        allow_redirects=False,
                        timeout=exchange.seconds_left(),
                        verify=str(ca) if ca else True,
                    )
                )
            except OAuthError as refused:
                return str(refused.error)
            except (requests.RequestException, HTTPError, OSError, ValueError, TypeError, RecursionError):
                exchange.seconds_left()  # after an abort, the reason is the time
                raise FhirFailure("its answer is none of a token endpoint, or none came") from None

    with closing(FhirClient(1)) as threads:
        (answer,) = threads.run([job], time.monotonic() + SECONDS)
    if isinstance(answer, FhirFailure):
        reason = str(answer).replace("FHIR server", "authorization server")
        raise LaunchFailed(f"The record system gave no token: {reason}.", "", REMEDY)
    if isinstance(answer, str):
        raise LaunchFailed(f"The record system gave no token: {in_words(answer)}", "", REMEDY)
    return _checked(answer)


def _identity(app: SmartApp, endpoint: str) -> dict[str, Any]:
    """How the app proves who it is: with a signed assertion, with a secret, or not at all."""
    if app.key is None:
        return {"client_id": app.client_id, "client_secret": app.secret}
    claims = {"exp": int(time.time()) + _ASSERTION_SECONDS}
    signed = PrivateKeyJWT(endpoint, claims, {"kid": app.key.kid, "typ": "JWT"}, app.key.algorithm)
    return {"client_id": app.client_id, "client_secret": app.key.key, "token_endpoint_auth_method": signed}


def _checked(answer: dict[str, Any]) -> Grant:
    try:
        grant = msgspec.convert(answer, Grant, strict=False)
    except msgspec.ValidationError:
        raise LaunchFailed("The record system's token cannot be read.", "", REMEDY) from None
    if grant.token_type.lower() != "bearer" or not _TOKEN.fullmatch(grant.access_token):
        raise LaunchFailed("The record system's token is no bearer token.", "token_type", REMEDY)
    if not grant.patient:
        raise LaunchFailed(
            "The record system does not say which patient this is about.",
            "patient",
            "Open the app from a patient's chart. If that was done, the record system has to send `patient` beside the "
            "token.",
        )
    return grant


_WORDS = {
    "access_denied": "it does not allow this app for you, or you declined.",
    "invalid_client": "it does not know this app, or not its secret.",
    "invalid_grant": "the sign-in took too long, or was used before.",
    "invalid_request": "it takes this app's request to be malformed.",
    "invalid_scope": "it does not know one of the types of data that this app asks for.",
    "server_error": "it has a fault.",
    "temporarily_unavailable": "it is overloaded, or under maintenance.",
    "unauthorized_client": "it does not allow this app to sign in.",
    "unsupported_response_type": "it does not know this kind of sign-in.",
}


def in_words(error: str) -> str:
    """A code of OAuth as the end of a sentence."""
    return _WORDS.get(error, "it gives a reason that this service does not know.")


class _LimitedAdapter(CheckedAdapter):
    """To judged addresses only, and no more than `MOST_BYTES` of an answer, however it is compressed."""

    def __init__(self, network: Network, exchange: Exchange) -> None:
        self._exchange = exchange
        super().__init__(network, 1, exchange.uses)

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs["stream"] = True
        response = super().send(*args, **kwargs)
        with response:
            body = read_body(response, self._exchange, MOST_BYTES)
        response.raw = io.BytesIO(body)
        return response
