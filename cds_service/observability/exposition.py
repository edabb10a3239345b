"""`GET /metrics`: not for everybody. For whom it is not there, there is nothing at the address."""

import hmac

import structlog
from flask import Blueprint, Response, abort, request

from cds_service.errors import SettingsError
from cds_service.observability.metrics import metrics
from cds_service.outbound import is_loopback
from cds_service.settings import Settings, variable_of

_PROXIED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")
"""What proxies add: behind one on this machine, everybody comes from this machine."""
_SHORTEST_TOKEN = 16
_log = structlog.get_logger()


def blueprint(settings: Settings) -> Blueprint:
    """The route; none if it is off. Raises SettingsError for a token that cannot be used."""
    routes = Blueprint("metrics", __name__)
    token = _token(settings)
    if settings.metrics == "off":
        return routes

    @routes.get("/metrics")
    def exposed() -> Response:
        if token is None:
            allowed = is_loopback(request.remote_addr or "") and not any(name in request.headers for name in _PROXIED)
        else:
            allowed = hmac.compare_digest(request.headers.get("Authorization", "").encode(), b"Bearer " + token)
        if not allowed:
            _log.warning("metrics_refused", allowed=settings.metrics)
            abort(404)
        body, media_type = metrics().exposition()
        return Response(body, content_type=media_type)

    return routes


def _token(settings: Settings) -> bytes | None:
    if settings.metrics_token is None:
        return None
    try:
        token = settings.metrics_token.read_bytes().strip()
    except OSError as error:
        raise SettingsError(f"{variable_of('metrics_token')}: it cannot be read: {error.strerror}") from None
    if len(token) < _SHORTEST_TOKEN:
        raise SettingsError(f"{variable_of('metrics_token')}: a token has {_SHORTEST_TOKEN} characters or more")
    return token
