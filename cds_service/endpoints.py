"""The addresses of the CDS Hooks protocol: discovery, calls, and the two probes."""

import hashlib
from collections.abc import Callable
from datetime import date

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from cds_service.catalogue import Catalogue
from cds_service.engine import Engine
from cds_service.errors import UnsupportedMediaType
from cds_service.protocol.discovery import discovery
from cds_service.protocol.request import hook_of, inflate

_MEDIA_TYPES = frozenset({"", "application/json", "application/fhir+json", "application/json+fhir"})


def blueprint(catalogue: Catalogue, engine: Engine, today: Callable[[], date]) -> Blueprint:
    """The routes for these services."""
    routes = Blueprint("cds_hooks", __name__)
    settings = engine.settings
    described = discovery(catalogue.services, settings.profile, settings.unsupported_sources)
    tag = hashlib.sha256(described).hexdigest()[:32]

    @routes.get("/cds-services")
    def discover() -> Response:
        response = _json(described)
        response.set_etag(tag)
        response.cache_control.no_cache = True
        response.make_conditional(request)
        return response

    @routes.post("/cds-services/<service_id>")
    def call(service_id: str) -> Response:
        catalogue.find(service_id, None)
        body = _body(settings.max_body_bytes)
        service = catalogue.find(service_id, hook_of(body) if catalogue.shared(service_id) else None)
        return _json(engine.answer(service, body, today()))

    @routes.get("/healthz")
    def alive() -> Response:
        return _json(b'{"status":"alive"}')

    @routes.get("/readyz")
    def ready() -> Response:
        # The knowledge is loaded and checked before the application exists, so whoever answers is ready.
        return _json(b'{"status":"ready"}')

    return routes


def _json(body: bytes) -> Response:
    return Response(body, mimetype="application/json")


def _body(limit: int) -> bytes:
    """The request's body. Raises UnsupportedMediaType and BodyTooLarge, before reading where possible."""
    if request.mimetype not in _MEDIA_TYPES:
        raise UnsupportedMediaType(
            "The body is not sent as JSON.", "Content-Type", "Send Content-Type: application/json."
        )
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise UnsupportedMediaType(
            "The body's compression is not supported.",
            "Content-Encoding",
            "Send it as gzip, or uncompressed.",
        )
    body = request.get_data(cache=False)
    if request.content_length is None and len(body) >= limit:
        raise RequestEntityTooLarge  # a chunked body is cut at the limit without a word
    return inflate(body, limit) if encoding == "gzip" else body
