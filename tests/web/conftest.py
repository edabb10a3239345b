"""The web application in a demonstration, and as a site runs it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

import fixtures
from cds_service.app import create_app
from cds_service.settings import Settings


@pytest.fixture(scope="session")
def make_app() -> Iterator[Callable[..., Flask]]:
    made: list[Flask] = []

    def make(**settings: Any) -> Flask:
        made.append(
            create_app(
                Settings(**({"log_level": "error", "database": "memory"} | settings)), today=lambda: fixtures.ANCHOR
            )
        )
        return made[-1]

    yield make
    for app in made:
        app.extensions["cds_service"]["engine"].close()


@pytest.fixture(scope="session")
def demo_app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(demo=True)


@pytest.fixture
def demo(demo_app: Flask) -> FlaskClient:
    return demo_app.test_client()


@pytest.fixture(scope="session")
def site_app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture
def site(site_app: Flask) -> FlaskClient:
    return site_app.test_client()
