"""A page about a patient, and the picture of the course in it: milliseconds of the server, without the network."""

import contextlib
import os
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from flask.testing import FlaskClient

import fixtures
from bench.measure import in_turns
from cds_service.app import create_app
from cds_service.charts import pictures
from cds_service.explanation import explain
from cds_service.settings import Settings
from hooks.knowledge import load
from hooks.timeline import timeline

ROUNDS = 25
SERVICE_ID = "nam-patient-view"


class Row(NamedTuple):
    """What was measured, the milliseconds, and how many they should be at the most."""

    label: str
    milliseconds: float
    target: float


def page_and_picture() -> Iterator[Row]:
    """For the patient of the demonstration with the longest page. The picture is kept, so the page is without it."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
        app = create_app(Settings(demo=True, database="memory"), today=lambda: fixtures.ANCHOR)
        client = app.test_client()
        patient, length = _longest(client)
        ours = app.extensions["cds_service"]
        request = client.get(f"/patients/{patient}/request.json").data
        service = ours["catalogue"].find(SERVICE_ID, None)
        shown = explain(ours["engine"], service, load(), request, fixtures.ANCHOR)
        course = timeline(shown.evaluation.assessment)
        figures = in_turns(
            {
                "page": lambda: client.get(f"/patients/{patient}"),
                "answer": lambda: ours["engine"].answer(service, request, fixtures.ANCHOR),
                "first": lambda: pictures(course),
                "again": lambda: pictures(course, remember=True),
            },
            rounds=ROUNDS,
        )
        ours["engine"].close()
    middle = {name: statistics.median(seconds) * 1000 for name, seconds in figures.items()}
    ratios = {name: f"{milliseconds / middle['answer']:.1f} × its cards" for name, milliseconds in middle.items()}
    yield Row(f"page of a patient, {length / 1000:.0f} kB: {ratios['page']}", middle["page"], 150)
    yield Row(f"picture of the course, drawn: {ratios['first']}", middle["first"], 400)
    yield Row(f"picture of the course, kept: {ratios['again']}", middle["again"], 20)


def _longest(client: FlaskClient) -> tuple[str, int]:
    lengths = {story.id: len(client.get(f"/patients/{story.id}").data) for story in fixtures.stories()}
    longest = max(lengths, key=lambda patient: lengths[patient])
    return longest, lengths[longest]
