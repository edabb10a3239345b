"""The web application: the only place where things are wired together."""

import os
import re
import time
from collections.abc import Callable, Iterable
from datetime import date
from typing import TYPE_CHECKING

import structlog
from flask import Flask, Response
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as HttpMethodNotAllowed

from cds_service import endpoints, logs, records
from cds_service.catalogue import Catalogue
from cds_service.console import register_console
from cds_service.console.access import Access
from cds_service.cors import allow_origins
from cds_service.demo import with_own_fhir_server
from cds_service.engine import Engine
from cds_service.errors import (
    BadRequest,
    BodyTooLarge,
    InternalError,
    MethodNotAllowed,
    NotFound,
    OtherHttpError,
    ServiceError,
    SettingsError,
    render,
)
from cds_service.headers import secure
from cds_service.observability import exposition
from cds_service.observability.audit import AuditLog
from cds_service.observability.requests import Observed
from cds_service.protocol.hooks import Hook
from cds_service.registry import CdsService
from cds_service.security.guard import Authenticator, protect
from cds_service.security.start import announce, check_start
from cds_service.settings import Settings, variable_of
from cds_service.smart.app import register_smart
from cds_service.store.store import Store
from cds_service.web import register_demo, register_pages
from cds_service.web.desk import Desk
from cds_service.web.exchange import RecordSystem
from hooks import services as own_services
from hooks.knowledge import load

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_log = structlog.get_logger()


def create_app(
    settings: Settings | None = None,
    *,
    today: Callable[[], date] | None = None,
    now: Callable[[], float] | None = None,
    services: Iterable[CdsService] | None = None,
    hooks: dict[str, Hook] | None = None,
    store: Store | None = None,
) -> Flask:
    """The application for these settings (default: those of the environment).

    `today` and `now` (seconds since the epoch): the clocks, for tests and demonstrations. `services`: in place of the
    project's own; `hooks` defines hooks that are not built in. `store`: in place of the one that the settings name.
    Raises SettingsError and CatalogueError.
    """
    settings = Settings.from_environment(os.environ) if settings is None else settings
    clients = check_start(settings)
    settings = with_own_fhir_server(settings) if settings.demo else settings
    logs.configure(settings.log_level)
    knowledge = load(settings.overlay)
    catalogue = Catalogue(own_services(knowledge) if services is None else services, hooks)
    check_sources(settings, catalogue)
    if clients:
        clients.check_services(service.id for service in catalogue.services)
    store = store or Store.of(settings)
    engine = Engine(settings, hooks, store)

    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.url_map.strict_slashes = False
    audit = AuditLog(settings.audit_log, knowledge.version)
    observed = Observed(app.wsgi_app, _hooks_of(catalogue), audit)
    app.wsgi_app = _single_slashes(observed)  # type: ignore[assignment, method-assign]
    secure(app, settings.public_url)
    _answer_errors(app)
    allow_origins(app, settings.cors_origins)

    # One blueprint per surface; whoever calls a service has to pass the guard before it.
    protocol = endpoints.blueprint(catalogue, engine, today or date.today)
    authenticator = Authenticator(clients, settings, used=engine.store, now=now or time.time) if clients else None
    protect(protocol, settings, engine.anonymous, authenticator, endpoints.PROBES)
    app.register_blueprint(protocol)
    app.register_blueprint(exposition.blueprint(settings))
    register_pages(app, settings, knowledge, catalogue, store, today=today or date.today)
    register_smart(
        app,
        settings=settings,
        knowledge=knowledge,
        catalogue=catalogue,
        engine=engine,
        store=store,
        clients=clients,
        today=today or date.today,
        now=now or time.time,
    )
    access, desk = Access(settings), None
    if settings.demo:
        desk = Desk(RecordSystem(app, settings.public_url), knowledge, engine, answering=access.offered)
        register_demo(app, knowledge, catalogue, engine, desk=desk, today=today or date.today)
    register_console(
        app,
        access,
        settings=settings,
        knowledge=knowledge,
        catalogue=catalogue,
        desk=desk,
        today=today or date.today,
    )

    app.extensions["cds_service"] = {"engine": engine, "catalogue": catalogue, "settings": settings}
    announce(settings, clients)
    return app


def check_sources(settings: Settings, catalogue: Catalogue) -> None:
    templates = [template for service in catalogue.services for template in service.prefetch]
    possible = {one.key for one in templates} - {one.key for one in templates if one.stage == "gate"}
    unknown = set(settings.unsupported_sources) - possible
    if unknown:
        raise SettingsError(
            f"{variable_of('unsupported_sources')}: {', '.join(sorted(unknown))} cannot be left out. "
            f"What can: {', '.join(sorted(possible))}"
        )


def _hooks_of(catalogue: Catalogue) -> dict[str, str]:
    """The hook of each service by its id; empty for an id that stands for several."""
    return {one.id: "" if catalogue.shared(one.id) else one.hook for one in catalogue.services}


def _single_slashes(application: "WSGIApplication") -> "WSGIApplication":
    """Serve `/cds-services//id` as `/cds-services/id`: a redirect would break preflights (CH-DISC-18, CH-TOL-11)."""

    def normalised(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        environ["PATH_INFO"] = re.sub(r"/{2,}", "/", environ.get("PATH_INFO", ""))
        return application(environ, start_response)

    return normalised


def _answer_errors(app: Flask) -> None:
    """Every failure is an OperationOutcome, and none shows anything of the inside (CH-STAT-09, -10)."""

    @app.errorhandler(ServiceError)
    def service_error(error: ServiceError) -> Response:
        response = Response(render(error), status=error.status, mimetype="application/json")
        response.headers.update(error.headers)
        if isinstance(error, OtherHttpError):
            response.status_code = error.http_status
        records.current().outcome = error.code
        return response

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        return service_error(_translated(error, app.config["MAX_CONTENT_LENGTH"]))

    @app.errorhandler(Exception)
    def defect(error: Exception) -> Response:
        _log.error("defect", **logs.whereabouts(error))
        return service_error(InternalError())


def _translated(error: HTTPException, limit: int) -> ServiceError:
    if isinstance(error, HttpMethodNotAllowed):
        return MethodNotAllowed(tuple(sorted(error.valid_methods or ())))
    match error.code:
        case 404:
            return NotFound("There is nothing at this address.", remedy="GET /cds-services lists the services.")
        case 413:
            return BodyTooLarge(f"The body is larger than {limit} bytes.", remedy="Send less data.")
        case 400:
            return BadRequest("The request could not be read.", remedy="Send it again, whole.")
        case code:
            return OtherHttpError(code or 500)
