"""Every vignette, through the service: the request goes in over HTTP, the cards are compared with what is expected."""

from collections.abc import Iterator
from datetime import date

import pytest
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.settings import Settings

from .comparison import differences, report
from .patient_language import request_body
from .vignette_files import Vignette, load_all

TODAY = date(2026, 11, 22)
VIGNETTES = load_all()

# Every row of the specification's part C.
SPECIFIED = [
    "V01",
    "V02",
    "V03",
    "V04",
    "V06",
    "V07",
    "V08",
    "V10",
    "V11b",
    "V13",
    "V14",
    "V17",
    "V18",
    "V19",
    "V20",
    "V22",
    "V24",
    "V25",
    "V26a",
    "V28",
    "V29",
    "V31",
    "V32",
    "V33",
    "V35",
    "V37",
    "V39",
    "V40",
    "V41",
]


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    with create_app(Settings(), today=lambda: TODAY).test_client() as test_client:
        yield test_client


@pytest.mark.parametrize("vignette", VIGNETTES, ids=lambda vignette: vignette.text.id)
def test_vignette(vignette: Vignette, client: FlaskClient) -> None:
    response = client.post("/cds-services/nam-patient-view", json=request_body(vignette.patient))
    assert response.status_code == 200, response.get_data(as_text=True)
    cards = response.get_json()["cards"]
    found = differences(vignette.text, cards)
    if found:
        pytest.fail(report(vignette.text, cards, found), pytrace=False)


def test_every_row_of_the_specification_is_here() -> None:
    assert {vignette.text.id for vignette in VIGNETTES} >= set(SPECIFIED)
