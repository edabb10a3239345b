"""`nam-cds serve`: its options, what it says, and the running server."""

import gzip
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import Result

from cds_service.fhir.servers import FhirServer
from cds_service.settings import TABLE, Settings
from tests.cds_service.security.signing import clients_file
from tests.cli.serving import serving
from tests.conformance.watch import WATCH

Run = Callable[..., Result]


def test_every_setting_is_an_option_that_names_its_variable(run: Run) -> None:
    shown = " ".join(run("serve", "--help", terminal_width=400).output.split())
    for setting in TABLE:
        assert f"--{setting.name.replace('_', '-')}" in shown
        assert setting.variable in shown


def test_options_win_over_the_environment(run: Run, served: list[Settings]) -> None:
    environment = {"NAM_CDS_PORT": "9001", "NAM_CDS_PROFILE": "lean", "NAM_CDS_DEMO": "true"}
    run("serve", "--port", "9002", "--no-demo", "--fhir-servers", "http://127.0.0.1:1/fhir;open", env=environment)
    assert served == [
        Settings(
            port=9002,
            profile="lean",
            public_url="http://127.0.0.1:9002",
            fhir_servers=(FhirServer("http://127.0.0.1:1/fhir", open=True),),
        )
    ]


def test_the_start_tells_where_it_is_and_that_nobody_is_authenticated(run: Run, served: list[Settings]) -> None:
    result = run("serve", "--demo", "--port", "9003")
    assert "http://127.0.0.1:9003/" in result.stderr
    assert "Not reviewed by a clinician. Calls are not authenticated." in result.stderr
    assert "Warning" not in result.stderr
    assert "Shadow" not in result.stderr
    assert len(served) == 1


def test_the_start_tells_that_no_card_is_sent(run: Run, served: list[Settings]) -> None:
    assert "Shadow mode: cards are recorded, and none is sent." in run("serve", "--shadow", "--port", "9003").stderr
    assert served[0].shadow


def test_CH_SEC_03_a_host_that_others_reach_needs_clients_or_plain_words(run: Run, served: list[Settings]) -> None:
    refused = run("serve", "--host", "0.0.0.0")
    assert refused.exit_code == 1
    assert "NAM_CDS_CLIENTS" in refused.stderr
    assert served == []
    words = "anybody-who-reaches-this-service-may-call-it"
    assert "Warning: it listens on 0.0.0.0" in run("serve", "--host", "0.0.0.0", "--unauthenticated", words).stderr
    assert len(served) == 1


def test_with_clients_the_start_says_so(run: Run, served: list[Settings], tmp_path: Path) -> None:
    result = run("serve", "--clients", str(clients_file(tmp_path)))
    assert "Calls need a token of a client." in result.stderr
    assert len(served) == 1


def test_a_clients_file_that_cannot_be_used_is_told(run: Run, served: list[Settings], tmp_path: Path) -> None:
    for entry, message in ({"isuer": "x"}, "st-elsewhere: "), ({"services": ["nope"]}, "there is no nope"):
        result = run("serve", "--clients", str(clients_file(tmp_path, **entry)))
        assert result.exit_code == 1
        assert message in result.stderr
    assert served == []


def test_a_port_in_use_is_told(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = run("serve", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 1
    assert "Cannot listen on 127.0.0.1" in result.stderr
    assert "--port" in result.stderr


def test_CH_TOL_28_bodies_in_chunks_compressed_and_announced(tmp_path: Path) -> None:
    with serving(tmp_path, "--demo") as server:
        body = requests.get(f"{server.base}/patients/nam-refractory-gates-passed/request.json", timeout=10).content
        forms: tuple[tuple[Any, dict[str, str]], ...] = (
            (body, {}),
            (iter([body[:1000], body[1000:]]), {}),  # sent with Transfer-Encoding: chunked
            (gzip.compress(body), {"Content-Encoding": "gzip"}),
            (body, {"Expect": "100-continue"}),
        )
        address, kind = f"{server.base}/cds-services/nam-patient-view", {"Content-Type": "application/json"}
        answers = [requests.post(address, data=data, headers=kind | more, timeout=10) for data, more in forms]
        counts = {len(WATCH.see_http(answer).json()["cards"]) for answer in answers}
    assert len(counts) == 1
    assert 0 not in counts


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_and_stops_in_good_order(ending: signal.Signals, tmp_path: Path) -> None:
    with serving(tmp_path, "--demo", ending=ending) as server:
        assert server.answered("/readyz").json() == {"status": "ready"}
        request = requests.get(f"{server.base}/patients/nam-refractory-gates-passed/request.json", timeout=10).json()
        del request["prefetch"]
        answer = requests.post(f"{server.base}/cds-services/nam-patient-view", json=request, timeout=10)
        WATCH.see_http(answer)
        assert len(answer.json()["cards"]) > 0
    assert server.process.returncode == 0
    assert "Traceback" not in server.printed
