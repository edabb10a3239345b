"""What all pages share: layout, style sheet, Markdown, and the page for what is not there or cannot be done."""

from collections.abc import Container
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Blueprint, Flask, Response, render_template, request
from jinja2 import StrictUndefined

from cds_service import records
from cds_service.errors import ServiceError, render
from cds_service.settings import Settings
from cds_service.web import json_text, markdown
from hooks.assessment.labs import readable
from hooks.knowledge.model import Knowledge
from hooks.knowledge.thresholds import MARKS

_PLACES = (
    ("Patients", "/", "/patients/", "patients"),
    ("Service", "/", "/patients/", "home"),
    ("Try it", "/try", "/try/", "trials"),
    ("Rules", "/rules/", "/rules/", "rules"),
    ("Value sets", "/rules/value-sets", "/rules/value-sets/", "rules"),
    ("Evidence", "/rules/evidence", "/rules/evidence/", "rules"),
    ("Decisions", "/rules/decisions", "/rules/decisions/", "rules"),
    ("Feedback", "/feedback", "/feedback/", "feedback"),
)
"""Where the navigation leads: a label, an address, where the pages below it are, and the blueprint that offers it."""


class Place(msgspec.Struct, frozen=True):
    """A link of the navigation. `current`: `page` on the page itself, `true` on those below it, else empty."""

    label: str
    address: str
    current: str


def places(here: str, blueprints: Container[str]) -> list[Place]:
    """The navigation of the page at the path `here`."""
    offered = [place[:3] for place in _PLACES if place[3] in blueprints]
    path = here.rstrip("/") + "/"
    nearest = max((below for _, _, below in offered if path.startswith(below)), key=len, default="")

    def current(address: str, below: str) -> str:
        return "page" if path == address.rstrip("/") + "/" else "true" if below == nearest else ""

    return [Place(label, address, current(address, below)) for label, address, below in offered]


def lay_out(app: Flask, settings: Settings, knowledge: Knowledge) -> None:
    """Make the templates, the style sheet and the Markdown filters available to `pages` blueprints."""
    app.register_blueprint(
        Blueprint("layout", __name__, static_folder="static", static_url_path="/static", template_folder="templates")
    )
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters["markdown"] = markdown.block
    app.jinja_env.filters["markdown_line"] = markdown.line
    app.jinja_env.filters["json"] = json_text.pretty
    app.jinja_env.filters["readable"] = readable

    @app.context_processor
    def shared() -> dict[str, Any]:
        return {
            "demo": settings.demo,
            "knowledge": knowledge,
            "marks": MARKS,
            "shadow": settings.shadow,
            "places": places(request.path, app.blueprints),
        }


def pages(name: str, import_name: str) -> Blueprint:
    """A blueprint whose answers are pages, errors too for those who want HTML."""
    blueprint = Blueprint(name, import_name)

    @blueprint.after_request
    def cached(response: Response) -> Response:
        response.cache_control.no_cache = True
        response.vary.add("Accept")
        return response

    @blueprint.errorhandler(ServiceError)
    def refused(error: ServiceError) -> Response:
        records.current().outcome = error.code
        if request.accept_mimetypes.best_match(("application/json", "text/html")) == "text/html":
            title = HTTPStatus(error.status).phrase.capitalize()
            response = Response(render_template("refused.html", title=title, issues=error.issues), error.status)
        else:
            response = Response(render(error), error.status, mimetype="application/json")
        response.headers.update(error.headers)
        return response

    return blueprint
