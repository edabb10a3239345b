"""The app as a part of the application: there if a client has registered it, and not at all otherwise."""

from collections.abc import Callable
from datetime import date

from flask import Flask

from cds_service.catalogue import Catalogue
from cds_service.engine import Engine
from cds_service.security.clients import Clients
from cds_service.settings import Settings
from cds_service.store.store import Store
from hooks.knowledge.model import Knowledge


def register_smart(
    app: Flask,
    *,
    settings: Settings,
    knowledge: Knowledge,
    catalogue: Catalogue,
    engine: Engine,
    store: Store,
    clients: Clients | None,
    today: Callable[[], date],
    now: Callable[[], float],
) -> None:
    """The app, where a client has registered it. After `register_pages`."""
    apps = clients.smart_apps if clients else ()
    if not apps:
        return
    # Only here: the libraries for sign-ins cost memory and time at start, and most installations have no app.
    from cds_service.smart import pages  # noqa: PLC0415
    from cds_service.smart.chart import HOOK, Charts  # noqa: PLC0415
    from cds_service.smart.launch import Launcher  # noqa: PLC0415
    from cds_service.smart.sessions import Sessions  # noqa: PLC0415
    from cds_service.store.sealed import Sealed  # noqa: PLC0415

    service = next(service for service in catalogue.services if service.hook == HOOK)
    sessions = Sessions(Sealed(store, "smart launch", now), Sealed(store, "smart session", now))
    launcher = Launcher(settings, apps, service.prefetch, sessions, now, closed=clients.in_shadow if clients else ())
    charts = Charts(engine, service, knowledge)
    app.register_blueprint(
        pages.blueprint(settings.public_url, knowledge, launcher, sessions, charts, today=today, now=now)
    )
    app.register_blueprint(pages.keys(apps))
