"""The app's addresses: `/smart/launch`, `/smart/callback`, `/smart/app`, `/smart/logout`, `/smart/jwks.json`."""

from collections.abc import Callable, Iterable
from datetime import date

import msgspec
import structlog
from flask import Blueprint, Response, render_template, request

from cds_service import records
from cds_service.console.access import same_site
from cds_service.errors import CrossSite, NoSession, ServiceError, TooManyCalls, render
from cds_service.headers import allow_forms, allow_frames
from cds_service.security.callers import Caller
from cds_service.security.rates import CallRates
from cds_service.smart.chart import Charts
from cds_service.smart.launch import AGAIN, Launcher
from cds_service.smart.oauth import new_secret
from cds_service.smart.registration import SmartApp
from cds_service.smart.sessions import LAUNCH_SECONDS, Cookie, Session, Sessions
from cds_service.web.layout import pages
from cds_service.web.view import View
from hooks.knowledge.model import Knowledge

LAUNCHES_PER_MINUTE = 600
"""From one address, which may be a hospital's proxy, in each worker: each may make a call and writes a row."""
_log = structlog.get_logger()


def blueprint(
    public_url: str,
    knowledge: Knowledge,
    launcher: Launcher,
    sessions: Sessions,
    charts: Charts,
    *,
    today: Callable[[], date],
    now: Callable[[], float],
) -> Blueprint:
    routes = _pages(launcher.frames)
    https = public_url.startswith("https:")
    launching, cookie = Cookie("nam-cds-launch", https=https), Cookie("nam-cds-session", https=https)
    rates = CallRates()

    @routes.get("/smart/launch")
    def launch() -> Response:
        if seconds := rates.seconds_to_wait(request.remote_addr or "", LAUNCHES_PER_MINUTE):
            raise TooManyCalls(seconds)
        iss = _one("iss")
        app = launcher.launching(iss)
        allow_frames(app.frame)
        browser = launching.read(request) or new_secret()
        response = _to(launcher.begin(app, iss, _one("launch"), browser))
        launching.set(response, browser, LAUNCH_SECONDS, framed=bool(app.frame))
        return response

    @routes.get("/smart/callback")
    def callback() -> Response:
        app, pending = launcher.answered(launching.read(request), _one("state"))
        allow_frames(app.frame)
        session, rule = launcher.finish(app, pending, {name: _one(name) for name in request.args})
        sessions.close(cookie.read(request))
        seconds = int(session.expires - now())
        place = f"#rule-{rule}" if rule in knowledge.rules else ""
        response = _to(f"{public_url}/smart/app{place}")
        cookie.set(response, sessions.open(session, seconds), seconds, framed=bool(app.frame))
        return response

    @routes.get("/smart/app")
    def show() -> str:
        record = records.current()
        record.page = "smart.show"
        app, session = _found(cookie, sessions, launcher)
        record.caller = Caller(app.client)
        allow_forms()
        allow_frames(app.frame)
        shown = charts.read(app, session, today())
        record.outcome = "answered"
        return render_template(
            "smart/app.html",
            shown=shown,
            minutes=max(0, int(session.expires - now()) // 60),
            view=View(shown.explanation),
        )

    @routes.post("/smart/logout")
    def leave() -> Response:
        if not same_site(
            public_url, request.host, request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
        ):
            raise CrossSite(public_url)
        secret = cookie.read(request)
        session = sessions.find(secret)
        app = launcher.registered(session.client) if session else None
        sessions.close(secret)
        allow_frames(frames := app.frame if app else launcher.frames)
        response = Response(render_template("smart/left.html"))
        cookie.clear(response, framed=bool(frames))
        return response

    return routes


def _pages(frames: tuple[str, ...]) -> Blueprint:
    """A blueprint of pages that nobody stores, and that say in words why a chart is not shown."""
    routes = pages("smart", __name__)

    @routes.after_request
    def not_stored(response: Response) -> Response:
        response.cache_control.no_store = True
        return response

    @routes.errorhandler(ServiceError)
    def refused(error: ServiceError) -> Response:
        records.current().outcome = error.code
        allow_frames(frames)  # a sentence without a patient, which is to be read where the app would be
        _log.warning("smart_refused", code=error.code, where=error.issues[0].where)
        if request.accept_mimetypes.best_match(("application/json", "text/html")) == "text/html":
            response = Response(render_template("smart/refused.html", issues=error.issues), error.status)
        else:
            response = Response(render(error), error.status, mimetype="application/json")
        response.headers.update(error.headers)
        return response

    return routes


def keys(apps: Iterable[SmartApp]) -> Blueprint:
    """The public keys by which record systems know that it is us who ask for a token."""
    routes = Blueprint("smart_keys", __name__)
    body = msgspec.json.encode({"keys": [app.key.public for app in apps if app.key]})

    @routes.get("/smart/jwks.json")
    def jwks() -> Response:
        response = Response(body, mimetype="application/json")
        response.cache_control.max_age = 300
        return response

    return routes


def _to(address: str) -> Response:
    return Response(status=303, headers={"Location": address})


def _one(name: str) -> str:
    """A parameter that comes once; empty if it does not come, or comes twice."""
    values = request.args.getlist(name)
    return values[0] if len(values) == 1 else ""


def _found(cookie: Cookie, sessions: Sessions, launcher: Launcher) -> tuple[SmartApp, Session]:
    session = sessions.find(cookie.read(request))
    app = launcher.registered(session.client) if session else None
    if session is None or app is None:
        raise NoSession(
            "No chart is open here. The record system gives leave to read for a while only, and to one browser.",
            remedy=AGAIN,
        )
    return app, session
