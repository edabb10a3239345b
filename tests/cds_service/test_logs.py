"""What is logged, and what never is."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from cds_service.fhir.servers import FhirServer
from cds_service.registry import Call, CdsService
from tests.cds_service.support import (
    PATIENT,
    TOKEN,
    Ehr,
    complete,
    condition,
    order,
    patient,
    request,
    service,
    with_access,
    without,
)

OTHER = "the-other-patient-4711"


def fail(call: Call) -> Any:
    raise ValueError(f"{call.data.patient_id} {call.context}")


def test_CH_SEC_08_CH_AUTHZ_04_no_patient_and_no_token_in_logs_or_errors(
    make_app: Callable[..., Flask],
    demo: CdsService,
    ehr: Ehr,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    app = make_app(
        demo, service(fail, id="failing"), fhir_servers=(FhirServer(ehr.base),), log_level="debug", deadline_seconds=5.0
    )
    client = app.test_client()
    ehr.holds(
        complete() | {"orders": {"resourceType": "Bundle", "entry": [{"resource": order(medication="Medication/1")}]}}
    )
    gone = Ehr()
    gone.stop()
    calls: list[tuple[int, dict[str, Any]]] = [
        (200, with_access(ehr.base)),
        (200, with_access(ehr.base, without("allergies") | {"allergies": "text"})),
        (200, request(complete() | {"conditions": condition("other")})),
        (412, with_access(gone.base)),
        (412, with_access("https://elsewhere.example.org/fhir")),
        (412, with_access(ehr.base, patient=OTHER)),
        (400, request(complete() | {"patient": patient(OTHER)})),
        (400, request(complete() | {"patient": patient(OTHER)}, hookInstance=PATIENT)),
        (400, with_access(ehr.base, access_token=f"{TOKEN} {TOKEN}")),
        (400, request(context={"userId": "Practitioner/1", "patientId": f"{PATIENT}/{TOKEN}"})),
        (400, request(hook=f"{PATIENT}")),
    ]
    said = ""
    for status, members in calls:
        response = client.post("/cds-services/demo", json=members)
        assert response.status_code == status
        said += response.text
    failed = client.post("/cds-services/failing", json=with_access(ehr.base))
    assert failed.status_code == 500
    out, err = capfd.readouterr()
    logged = out + err + "".join(str(record.__dict__) for record in caplog.records)
    assert err.count('"event": "audit"') == len(calls) + 1
    assert '"exception": "ValueError"' in err
    for secret in (PATIENT, TOKEN, OTHER):
        assert secret not in said + failed.text
        assert secret not in err + out
        assert secret not in logged


def test_log_level(make_app: Callable[..., Flask], capfd: pytest.CaptureFixture[str]) -> None:
    lines = {}
    for level in ("info", "error"):
        make_app(log_level=level).test_client().post("/cds-services/demo", json=request(complete(), hookInstance="x"))
        lines[level] = capfd.readouterr().err
    assert "request_tolerated" in lines["info"]
    assert "request_tolerated" not in lines["error"]
