"""Try it: a chart, changed in a form, and which cards come and go."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

import fixtures
from tests.console.trying import changed, opened


@pytest.fixture(scope="module")
def demo_app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(demo=True)


@pytest.fixture
def demo(demo_app: Flask) -> FlaskClient:
    return demo_app.test_client()


@pytest.mark.parametrize("story", fixtures.stories(), ids=lambda story: story.id)
def test_a_form_that_is_sent_as_it_is_changes_nothing(demo: FlaskClient, story: fixtures.Story) -> None:
    before = opened(demo, story.id)
    assert before.answer.status_code == 200
    after = changed(demo, before)
    assert after.answer.status_code == 200
    assert "What you changed" not in after.html
    assert after.form.values == before.form.values
