"""A HAPI FHIR server that holds every fixture patient."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

import fixtures
from tests.integration.hapi import HapiUnavailableError, Kind, running


@contextmanager
def available(kind: Kind) -> Iterator[str]:
    """The base address of a new HAPI server. Where there is none: skipped, in CI failed."""
    try:
        with running(kind) as base:
            yield base
    except HapiUnavailableError as unavailable:
        if os.environ.get("CI"):
            pytest.fail(f"CI needs the HAPI server: {unavailable}", pytrace=False)
        pytest.skip(f"no HAPI server: {unavailable}")


@pytest.fixture(scope="session")
def hapi() -> Iterator[str]:
    """The base address of an empty HAPI FHIR server."""
    with available("fhir") as base:
        yield base


@pytest.fixture(scope="session")
def ehr(hapi: str) -> str:
    """The HAPI server with all fixture patients, as of the anchor date."""
    for story in fixtures.stories():
        answer = requests.post(hapi, json=fixtures.bundle(story.id, fixtures.ANCHOR), timeout=120)
        assert answer.status_code == 200, f"{story.id}: {answer.text[:2000]}"
    return hapi
