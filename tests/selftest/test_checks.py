"""Each check passes on a proper service, and fails on one with the defect that it is there to find."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import msgspec
import pytest
from flask import Flask

from cds_service.selftest import fhir
from cds_service.selftest.checks import Check
from cds_service.selftest.ehr import Ehr, Options
from cds_service.selftest.listener import Listener
from cds_service.selftest.run import CHECKS, Result, run
from cds_service.selftest.samples import BUILT_IN, PATIENT, Sample
from cds_service.selftest.tokens import Signer
from cds_service.selftest.wire import Wire
from tests.selftest.plain_service import PlainService

SEEDS = frozenset(
    {
        "complete_call",
        "unknown_service",
        "hook_missing",
        "access_without_server",
        "call_from_a_page",
        "fhir_token_sent",
        "token_none",
        "token_null",
        "feedback_overridden",
    }
)
"""What is sent before a late check, so that it has something to judge."""
AUTHENTICATED = {check.name for check in CHECKS if check.name.startswith("token_")} | {
    "feedback_without_token",
    "refusals_alike",
    "caller_token_kept",
}
"""Checks that are made where tokens are asked for."""
by_name = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)


def known() -> Signer:
    """A client that the service knows."""
    return msgspec.structs.replace(Signer.invented(), issuer="https://ehr.example", kid="ehr-1")


class Bench:
    """A plain service, and a record system that can make checks on it."""

    def __init__(self, service: PlainService, ehr: Ehr) -> None:
        self.service, self.ehr = service, ehr

    def made(self, check: Check) -> list[Result]:
        """The results of a check."""
        before = [one for one in CHECKS if one.name in SEEDS and one is not check] if check.late else []
        return [result for result in run(self.ehr, [*before, check]) if result.check is check]


@pytest.fixture
def make(serve: Callable[..., Any]) -> Iterator[Callable[[bool], Bench]]:
    """Benches; `authenticated`: the service asks for tokens, and the record system has them."""
    with ExitStack() as stack:
        yield lambda authenticated: stack.enter_context(bench(serve, known() if authenticated else None))


@contextmanager
def bench(serve: Callable[..., Any], signer: Signer | None) -> Iterator[Bench]:
    sample = Sample(PATIENT, BUILT_IN)
    service = PlainService(signer)
    listener = Listener("127.0.0.1", 0, fhir.serving(sample))
    try:
        with serve(service.app) as address:
            service.address, service.fhir = address, f"{listener.origin}{fhir.PATH}"
            yield Bench(service, Ehr(address, Wire(20), sample, signer=signer, fhir=listener))
    finally:
        listener.close()


@by_name
def test_each_check_finds_the_defect_it_is_there_for(make: Callable[[bool], Bench], check: Check) -> None:
    found = make(check.name in AUTHENTICATED)
    found.service.broken = check.name
    results = found.made(check)
    assert "failed" in {result.outcome for result in results}, [result.detail for result in results]


@pytest.fixture(scope="module")
def proper(serve: Callable[..., Any]) -> dict[str, set[str]]:
    """What came of each check on a service without defects, with tokens and without."""
    outcomes: dict[str, set[str]] = {}
    for signer in (None, known()):
        with bench(serve, signer) as found:
            for result in run(found.ehr):
                what = result.outcome if result.outcome != "failed" else result.detail
                outcomes.setdefault(result.check.name, set()).add(what)
    return outcomes


@by_name
def test_each_check_passes_on_a_proper_service(proper: dict[str, set[str]], check: Check) -> None:
    assert "passed" in proper[check.name]
    assert proper[check.name] <= {"passed", "not applicable"}


def test_without_a_key_only_refusals_are_checked(serve: Callable[..., Any]) -> None:
    with bench(serve, known()) as found:
        outside = Ehr(found.service.address, Wire(20), found.ehr.sample, options=Options(expect_auth=True))
        results = run(outside)
    assert [result.detail for result in results if result.outcome == "failed"] == []
    passed = {result.check.name for result in results if result.outcome == "passed"}
    assert {"token_none", "token_unsigned", "token_symmetric", "token_unknown_jku", "refusals_alike"} <= passed
    assert not {"complete_call", "token_expired", "feedback_accepted"} & passed


NONSENSE = {
    "cards": [
        7,
        [],
        {"suggestions": 7, "indicator": {}, "source": [], "links": {"url": 1}, "uuid": 3},
        {"suggestions": [1, {"actions": {"a": 1}}, {"uuid": [], "actions": [3, {"type": []}]}]},
    ]
}


@pytest.mark.parametrize(
    "services",
    [
        [{"id": "a b/c?", "hook": "patient-view", "prefetch": {"x": 7, "y": "{{{", "z": "http://[/?&=%zz"}}],
        [{"id": "x", "hook": "never-heard-of"}, {"id": "x", "hook": ["patient-view"]}, {"id": []}],
        [{"id": "x", "hook": "order-select", "prefetch": []}],
    ],
    ids=["odd id and templates", "unknown hook", "no templates"],
)
def test_a_service_that_answers_nonsense_is_judged_to_the_end(serve: Callable[..., Any], services: list[Any]) -> None:
    """Whatever a service says, the run ends with a result for each check."""
    app = Flask(__name__)
    app.add_url_rule("/cds-services", "discovery", lambda: {"services": services})
    app.add_url_rule("/cds-services/<path:id_>", "call", lambda id_: NONSENSE, methods=["POST"])
    with serve(app) as address:
        results = run(Ehr(address, Wire(20), Sample(PATIENT, BUILT_IN)))
    assert {result.check.name for result in results} == {check.name for check in CHECKS}
    assert "failed" in {result.outcome for result in results}


def test_each_check_says_what_it_is_about() -> None:
    names = [check.name for check in CHECKS]
    assert len(names) == len(set(names))
    for check in CHECKS:
        assert check.requirement.startswith("CH-")
        assert check.sends
        assert check.expects
        assert check.why.endswith(".")
