"""The console: pages on which people try things out. Each is behind `Access`, and none is there where it is off."""

from typing import Any

from flask import Flask

from cds_service.console.access import Access


def register_console(app: Flask, access: Access) -> None:
    """The pages of the console, where it is offered. After `register_pages`."""

    @app.context_processor
    def shared() -> dict[str, Any]:
        return {"console": access.offered}
