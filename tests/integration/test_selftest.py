"""The selftest on somebody else's service: HAPI's CDS Hooks module. Its findings are those of docs/selftest.md."""

from collections.abc import Iterator

import pytest

from cds_service.selftest import fhir
from cds_service.selftest.ehr import Ehr
from cds_service.selftest.listener import Listener
from cds_service.selftest.report import failures
from cds_service.selftest.run import Result, run
from cds_service.selftest.samples import BUILT_IN, PATIENT, Sample
from cds_service.selftest.wire import Wire
from tests.docs.generated import ROOT
from tests.docs.reading import tables
from tests.integration.conftest import available

pytestmark = pytest.mark.hapi
DOCUMENT = ROOT / "docs/selftest.md"


@pytest.fixture(scope="module")
def results() -> Iterator[list[Result]]:
    """A whole run on HAPI's module, which reads from any FHIR server."""
    sample = Sample(PATIENT, BUILT_IN)
    listener = Listener("127.0.0.1", 0, fhir.serving(sample))
    try:
        with available("cds-hooks") as base:
            yield run(Ehr(base, Wire(60), sample, fhir=listener))
    finally:
        listener.close()


def test_the_findings_are_those_of_the_document(results: list[Result]) -> None:
    found = [[one.severity, one.check.requirement, f"`{one.check.name}`", one.check.sends] for one in failures(results)]
    (documented,) = [rows[1:] for rows in tables(DOCUMENT) if rows[0][:3] == ["severity", "requirement", "check"]]
    rendered = "\n".join("| " + " | ".join((*row, "")) + " |" for row in found)
    assert sorted(row[:3] for row in documented) == sorted(row[:3] for row in found), rendered


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("unknown_service", "500 came instead of 404"),
        ("every_body_is_json", "the body is not JSON"),
        ("answer_uuid", "`uuid` is None"),
        ("foreign_patient", "200 came instead of 400"),
        ("fhir_unlisted_server", "at a server that it should not know"),
        ("feedback_no_list", "200 came instead of 400"),
    ],
)
def test_its_known_defects_are_found(results: list[Result], name: str, told: str) -> None:
    (result,) = (one for one in results if one.check.name == name)
    assert result.outcome == "failed"
    assert told in result.detail


def test_what_it_does_well_passes(results: list[Result]) -> None:
    passed = {one.check.name for one in results if one.outcome == "passed"}
    assert {"complete_call", "hook_instance_missing", "search_null", "answer_null_free", "feedback_batch"} <= passed
