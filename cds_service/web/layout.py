"""What all pages share: layout, style sheet, Markdown, and the page for what is not there."""

from typing import Any

from flask import Blueprint, Flask, Response, render_template, request
from jinja2 import StrictUndefined

from cds_service.errors import NotFound, ServiceError, render
from cds_service.settings import Settings
from cds_service.web import markdown
from hooks.knowledge.model import Knowledge


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

    @app.context_processor
    def shared() -> dict[str, Any]:
        return {"demo": settings.demo, "knowledge": knowledge, "feedback": "feedback" in app.blueprints}


def pages(name: str, import_name: str) -> Blueprint:
    """A blueprint whose answers are pages, errors too for those who want HTML."""
    blueprint = Blueprint(name, import_name)

    @blueprint.after_request
    def cached(response: Response) -> Response:
        response.cache_control.no_cache = True
        response.vary.add("Accept")
        return response

    @blueprint.errorhandler(NotFound)
    def not_found(error: ServiceError) -> Response:
        if request.accept_mimetypes.best_match(("application/json", "text/html")) == "text/html":
            return Response(render_template("not_found.html", issue=error.issues[0]), status=404)
        return Response(render(error), status=404, mimetype="application/json")

    return blueprint
