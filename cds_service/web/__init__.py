"""The pages for people: plain HTML from the server, without scripts and without any other host."""

from collections.abc import Callable
from datetime import date

from flask import Flask

from cds_service.catalogue import Catalogue
from cds_service.demo import fhir
from cds_service.engine import Engine
from cds_service.settings import Settings
from cds_service.store.store import Store
from cds_service.web import feedback, home, patients, rules
from cds_service.web.desk import Desk
from cds_service.web.layout import lay_out
from hooks.knowledge.model import Knowledge


def register_pages(
    app: Flask,
    settings: Settings,
    knowledge: Knowledge,
    catalogue: Catalogue,
    store: Store,
    *,
    today: Callable[[], date],
) -> None:
    """The pages of every installation: the rules, what they stand on, and (not in a demonstration) the start page.

    And what became of cards, where the settings allow it.
    """
    lay_out(app, settings, knowledge)
    app.register_blueprint(rules.blueprint(knowledge, catalogue, today, store if feedback.offered(settings) else None))
    if feedback.offered(settings):
        app.register_blueprint(feedback.blueprint(knowledge, store))
    if not settings.demo:
        app.register_blueprint(home.blueprint(catalogue))


def register_demo(
    app: Flask, knowledge: Knowledge, catalogue: Catalogue, engine: Engine, *, desk: Desk, today: Callable[[], date]
) -> None:
    """The fixture patients: the start page, a page for each, and the FHIR endpoint. After `register_pages`."""
    app.register_blueprint(patients.blueprint(knowledge, catalogue, engine, desk, today))
    app.register_blueprint(fhir.blueprint(today))
