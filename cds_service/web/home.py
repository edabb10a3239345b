"""The start page of an installation that is no demonstration."""

from flask import Blueprint, render_template

from cds_service.catalogue import Catalogue
from cds_service.web.layout import pages


def blueprint(catalogue: Catalogue) -> Blueprint:
    routes = pages("home", __name__)

    @routes.get("/")
    def start() -> str:
        return render_template("home.html", services=catalogue.services)

    return routes
