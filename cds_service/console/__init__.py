"""The console: pages on which people try things out. Each is behind `Access`, and none is there where it is off."""

from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Flask

from cds_service.catalogue import Catalogue
from cds_service.console import trial
from cds_service.console.access import Access
from cds_service.settings import Settings
from hooks.knowledge.model import Knowledge


def register_console(
    app: Flask,
    access: Access,
    *,
    settings: Settings,
    knowledge: Knowledge,
    catalogue: Catalogue,
    today: Callable[[], date],
) -> None:
    """The pages of the console, where it is offered. After `register_pages`."""
    if access.offered:
        app.register_blueprint(trial.blueprint(access, settings, knowledge, catalogue, today))

    @app.context_processor
    def shared() -> dict[str, Any]:
        return {"console": access.offered}
