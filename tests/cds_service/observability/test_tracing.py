"""W3C Trace Context: what is continued, what is replaced, and what goes along to FHIR servers."""

import json
from collections.abc import Callable

import pytest
from flask import Flask

from cds_service.fhir.servers import FhirServer
from cds_service.observability import tracing
from tests.cds_service.support import Ehr, complete, with_access

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    ("parent", "sampled"),
    [
        (PARENT, True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"00-{TRACE}-{SPAN}-03", True),
        (f"00-{TRACE}-{SPAN}-fe", False),
        (f" {PARENT}\t", True),
        (f"01-{TRACE}-{SPAN}-01", True),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like", True),
    ],
)
def test_a_trace_is_continued_with_a_new_span(parent: str, sampled: bool) -> None:
    trace = tracing.continued(parent, "")
    assert trace.trace_id == TRACE
    assert trace.sampled == sampled
    assert trace.headers == {"traceparent": f"00-{TRACE}-{trace.span_id}-0{int(sampled)}"}
    assert trace.span_id != SPAN
    assert len(trace.span_id) == len(SPAN)


@pytest.mark.parametrize(
    "parent",
    [
        None,
        "",
        "nonsense",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01-",
        f"cc-{TRACE}-{SPAN}-01.more",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}0-01",
        f"00-{TRACE}-{SPAN}",
        f"0-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0g",
        f"{PARENT}\n",
        f"{PARENT},{PARENT}",
        f"00-{'١' * 32}-{SPAN}-01",
    ],
)
def test_what_is_not_well_formed_is_replaced(parent: str | None) -> None:
    trace = tracing.continued(parent, "vendor=1")
    again = tracing.continued(trace.headers["traceparent"], None)
    assert again.trace_id == trace.trace_id != TRACE
    assert trace.state == ""
    assert not trace.sampled


@pytest.mark.parametrize(
    "state",
    [
        "vendor=1",
        "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
        "fw529a3039@dt=FfffffFF;a:1",
        "0tenant@system=x",
        "a=" + 255 * " " + "x",
        ",".join(f"k{number}=v" for number in range(32)),
    ],
)
def test_the_state_of_other_systems_is_passed_on_as_it_came(state: str) -> None:
    assert tracing.continued(PARENT, state).state == state


def test_blanks_and_empty_members_of_the_state_are_left_away() -> None:
    assert tracing.continued(PARENT, " a=1 , ,\tb=2,").state == "a=1,b=2"


@pytest.mark.parametrize(
    "state",
    [
        "nonsense",
        "A=1",
        "0simple=1",
        "a=1,a=2",
        "a=1=2",
        "a=",
        "a=ü",
        "a=1\x00",
        "a =1",
        "a@=1",
        "@a=1",
        f"{'a' * 257}=1",
        f"t@{'s' * 15}=1",
        f"a={'x' * 257}",
        ",".join(f"k{number}=v" for number in range(33)),
        f"a={'x' * 250},b={'x' * 250},c={'x' * 20}",
    ],
)
def test_a_state_that_is_not_well_formed_is_dropped_and_the_trace_goes_on(state: str) -> None:
    trace = tracing.continued(PARENT, state)
    assert (trace.trace_id, trace.state) == (TRACE, "")


def test_new_traces_differ() -> None:
    assert len({tracing.continued(None, None).trace_id for _ in range(100)}) == 100


def test_nothing_is_sent_along_outside_of_a_request() -> None:
    assert tracing.headers() == {}


def test_the_trace_goes_to_the_fhir_server_and_into_the_log(
    make_app: Callable[..., Flask], ehr: Ehr, capsys: pytest.CaptureFixture[str]
) -> None:
    ehr.holds(complete())
    app = make_app(fhir_servers=(FhirServer(ehr.base),))
    response = app.test_client().post(
        "/cds-services/demo", json=with_access(ehr.base), headers={"traceparent": PARENT, "tracestate": "vendor=secret"}
    )
    assert response.status_code == 200
    line = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert line["trace_id"] == TRACE
    assert len(ehr.requests) == 4
    for _, headers in ehr.requests:
        assert headers["traceparent"] == f"00-{TRACE}-{line['span_id']}-01"
        assert headers["tracestate"] == "vendor=secret"
    assert "secret" not in json.dumps(line)
