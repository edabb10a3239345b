"""Our own service, started as an operator starts it, passes the whole selftest, advice and all."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import fixtures
from cds_service.cli.bundles import resources_in
from cds_service.cli.options import today
from cds_service.selftest import fhir
from cds_service.selftest.ehr import Ehr
from cds_service.selftest.listener import Listener
from cds_service.selftest.run import Result, run
from cds_service.selftest.samples import Sample
from cds_service.selftest.tokens import Signer
from cds_service.selftest.wire import Wire
from tests.cli.serving import serving

PATIENT = "nam-refractory-gates-passed"
ORDERS = Path(fixtures.__file__).with_name("orders") / "cyclophosphamide-above-the-cap.json"


def sample() -> Sample:
    """A patient and orders of whom each service has something to say."""
    return Sample(PATIENT, resources_in(fixtures.bundle(PATIENT, today())), json.loads(ORDERS.read_bytes()))


def client(folder: Path, fhir_base: str) -> tuple[Signer, Path]:
    """A client, and the clients file in which it stands."""
    signer = msgspec.structs.replace(Signer.invented(), issuer="https://ehr.example", kid="ehr/1+=")
    (folder / "keys.json").write_text(json.dumps(signer.jwks()))
    file = folder / "clients.yaml"
    file.write_text(f"ehr: {{issuer: {signer.issuer}, jwks: keys.json, fhir_servers: [{fhir_base}]}}\n")
    return signer, file


@pytest.fixture(scope="module", params=["open", "authenticated"])
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Result]]:
    """A whole run on the service as it is by default, which may read from a FHIR server of ours."""
    patient, folder = sample(), tmp_path_factory.mktemp("own")
    listener = Listener("127.0.0.1", 0, fhir.serving(patient))
    base = f"{listener.origin}{fhir.PATH}"
    signer, clients = client(folder, base) if request.param == "authenticated" else (None, None)
    options = ("--clients", str(clients)) if clients else ("--fhir-servers", base)
    try:
        with serving(folder, *options) as server:
            yield run(Ehr(server.base, Wire(20), patient, signer=signer, fhir=listener))
    finally:
        listener.close()


def test_no_check_fails(results: list[Result]) -> None:
    failed = [f"{r.check.requirement} {r.check.name} {r.service}: {r.detail}" for r in results if r.outcome == "failed"]
    assert failed == []


def test_what_is_not_checked_is_not_there_to_be_checked(request: pytest.FixtureRequest, results: list[Result]) -> None:
    is_open = request.node.callspec.params["results"] == "open"
    reasons = {result.detail for result in results if result.outcome == "not applicable"}
    assert reasons <= {
        "it is for order-select and order-sign",
        "it is for order-select",
        *(("neither a key nor --expect-auth was given", "it takes a key and --fhir-listen") if is_open else ()),
        *(() if is_open else ("the service is authenticated",)),
        "no extension came; --patient-bundle can give a patient who has something to be said of",
    }


def test_each_service_is_called(results: list[Result]) -> None:
    assert {result.service for result in results} == {"", "nam-patient-view", "nam-order-select", "nam-order-sign"}
