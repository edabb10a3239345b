"""The addresses of the CDS Hooks protocol: discovery, calls, and the two probes."""

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime

import msgspec
import structlog
from flask import Blueprint, Response, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from cds_service import records
from cds_service.catalogue import Catalogue
from cds_service.engine import Engine
from cds_service.errors import StoreUnavailable, UnsupportedMediaType
from cds_service.protocol.discovery import discovery
from cds_service.protocol.feedback import Feedback, Receipt, parse_feedback
from cds_service.protocol.request import hook_of, inflate
from cds_service.security.callers import Caller
from cds_service.store.items import StoreDownError
from cds_service.store.store import Store

_log = structlog.get_logger()

_NAME = "cds_hooks"
PROBES = frozenset({f"{_NAME}.alive", f"{_NAME}.ready"})
"""Endpoints for whoever watches over the process, who has no token."""
_MEDIA_TYPES = frozenset({"", "application/json", "application/fhir+json", "application/json+fhir"})


def blueprint(catalogue: Catalogue, engine: Engine, today: Callable[[], date]) -> Blueprint:
    """The routes for these services; `flask.g.caller` says who calls."""
    routes = Blueprint(_NAME, __name__)
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
        return _json(engine.answer(service, body, today(), g.caller, recorded=True))

    @routes.post("/cds-services/<service_id>/feedback")
    def feedback(service_id: str) -> Response:
        catalogue.find(service_id, None)
        record, caller = records.current(), g.caller
        record.service, record.caller = service_id, caller
        sent = parse_feedback(_body(settings.max_body_bytes), datetime.now(UTC), strict=settings.strict)
        receipt = _kept(engine.store, service_id, caller, sent)
        record.outcome = "feedback"
        record.feedback = tuple(item.outcome for item in sent.items)
        return _json(msgspec.json.encode(receipt))

    @routes.get("/healthz")
    def alive() -> Response:
        return _json(b'{"status":"alive"}')

    @routes.get("/readyz")
    def ready() -> Response:
        # The knowledge is loaded and checked before the application exists, so whoever answers is ready.
        return _json(b'{"status":"ready"}')

    return routes


def _kept(store: Store | None, service_id: str, caller: Caller, sent: Feedback) -> Receipt:
    """Keep feedback, and say what was kept. Raises StoreUnavailable, so that the client sends it again."""
    try:
        if store is None:
            raise StoreDownError
        new = store.record_feedback(service_id, caller, sent.items)
    except StoreDownError:
        raise StoreUnavailable("The feedback could not be kept.", remedy="Send it again later.") from None
    odd = sorted({flag for item in sent.items for flag in item.flags})
    _log.info("feedback", service=service_id, new=new, items=len(sent.items), refused=len(sent.refused), odd=odd)
    return Receipt(new, len(sent.items) - new, sent.refused)


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
