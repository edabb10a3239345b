"""The console: pages on which people try things out. Each is behind `Access`, and none is there where it is off."""

from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Flask

from cds_service.catalogue import Catalogue
from cds_service.console import answers, trial
from cds_service.console.access import Access
from cds_service.settings import Settings
from cds_service.web.desk import Desk
from hooks.knowledge.model import Knowledge


def register_console(
    app: Flask,
    access: Access,
    *,
    settings: Settings,
    knowledge: Knowledge,
    catalogue: Catalogue,
    desk: Desk | None,
    today: Callable[[], date],
) -> None:
    """The pages of the console, where it is offered. `desk`: of a demonstration; its cards can be answered then."""
    if access.offered:
        app.register_blueprint(trial.blueprint(access, settings, knowledge, catalogue, today))
        if desk and desk.answering:
            app.register_blueprint(answers.blueprint(access, desk))

    @app.context_processor
    def shared() -> dict[str, Any]:
        return {"console": access.offered}
