"""`nam-cds selftest`: what is printed and written, and the exit codes."""

import json
import socket
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
FEW = ("--check", "CH-STAT-01", "--check", "CH-DISC-01", "--check", "CH-JWT-02", "--check", "CH-RESP-01")


def test_it_tells_what_was_checked(run: Run, server: str) -> None:
    done = run("selftest", server, *FEW)
    assert done.exit_code == 0, done.output
    for wanted in ("Discovery", "Answers", "Every MUST that could be checked is met: 7 passed, 0 error"):
        assert wanted in " ".join(done.output.split())
    assert "neither a key nor --expect-auth was given" in done.output


def test_one_service_alone(run: Run, server: str) -> None:
    told = json.loads(run("selftest", server, *FEW, "--service", "nam-order-sign", "--json").stdout)
    assert {result.get("service", "") for result in told["results"]} == {"", "nam-order-sign"}


def test_a_failure_says_what_was_sent_what_came_and_why(run: Run, server: str) -> None:
    done = run("selftest", server, "--expect-auth", "--check", "token_none", "--service", "nam-patient-view")
    assert done.exit_code == 1
    shown = " ".join(done.output.split())
    for wanted in (
        "ERROR CH-JWT-01 (MUST) token_none",
        "sent no `Authorization`",
        "expected 401",
        "came 200 came instead of 401",
        "why Whoever can reach the service",
        f"nam-cds selftest {server}/cds-services --check token_none --verbose",
        "One requirement is not met: 0 passed, 1 error",
    ):
        assert wanted in shown


def test_verbose_shows_the_request_and_a_command_to_repeat_it(run: Run, server: str) -> None:
    done = run("selftest", server, "--expect-auth", "--check", "token_null", "--verbose")
    shown = " ".join(done.output.split())
    assert "Authorization: Bearer null" in shown
    assert "curl -i -X POST" in shown
    assert '"hookInstance"' in shown


def test_only_errors_fail_unless_asked_otherwise(run: Run, server: str) -> None:
    few = ("--check", "CH-SEC-05", "--origin", "https://nobody.example", "--service", "nam-patient-view")
    assert run("selftest", server, *few).exit_code == 0
    assert run("selftest", server, *few, "--fail-on", "warning").exit_code == 0
    assert run("selftest", server, *few, "--fail-on", "advice").exit_code == 1


def test_junit_for_CI(run: Run, server: str, tmp_path: Path) -> None:
    file = tmp_path / "selftest.xml"
    run("selftest", server, "--expect-auth", "--check", "CH-JWT-01", "--check", "CH-DISC-01", "--junit", str(file))
    root = ET.fromstring(file.read_bytes())
    assert root.tag == "testsuites"
    cases = {case.attrib["name"]: case for case in root.iter("testcase")}
    assert cases["discovery_answers"].attrib["classname"] == "CH-DISC-01.server"
    assert len(cases["discovery_answers"]) == 0
    failure = cases["token_none"].find("failure")
    assert failure is not None
    assert failure.attrib == {"type": "error", "message": "200 came instead of 401"}
    assert "curl -i -X POST" in (failure.text or "")
    assert cases["token_no_issuer"].find("skipped") is not None
    assert root.attrib["failures"] == str(len(root.findall(".//failure")))


def test_json_has_the_bodies(run: Run, server: str) -> None:
    done = run("selftest", server, "--expect-auth", "--check", "token_none", "--json")
    told = json.loads(done.stdout)
    (result,) = told["results"]
    assert told["counts"]["error"] == 1
    assert json.loads(result["exchange"]["body"])["hook"] == "patient-view"
    assert "cards" in json.loads(result["exchange"]["answer"])


def test_the_list_names_every_check_once(run: Run) -> None:
    names = [line.split()[2] for line in run("selftest", "--list").output.splitlines()]
    assert len(names) == len(set(names)) > 200


def test_nobody_there_is_said(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    done = run("selftest", f"http://127.0.0.1:{port}")
    assert done.exit_code == 1
    assert "no answer" in done.output
    assert "Is the address right, and is it running?" in done.output


def test_no_cds_service_there_is_said(run: Run, server: str) -> None:
    done = run("selftest", f"{server}/rules")
    assert done.exit_code == 1
    assert "404 came instead of 200" in done.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "Missing argument 'URL'"),
        (("cds.example",), "is no web address"),
        (("http://cds.example:port",), "is no web address"),
        (("http:///cds-services",), "is no web address"),
        (("http://127.0.0.1:1", "--check", "nonsense"), "--list shows them"),
        (("http://127.0.0.1:1", "--issuer", "https://ehr.example"), "A token needs --key"),
        (("http://127.0.0.1:1", "--fhir-listen", "here"), "HOST:PORT"),
    ],
)
def test_wrong_usage_is_exit_code_2(run: Run, arguments: tuple[str, ...], told: str) -> None:
    done = run("selftest", *arguments)
    assert done.exit_code == 2
    assert told in done.output


def test_an_unknown_service_is_said(run: Run, server: str) -> None:
    done = run("selftest", server, "--service", "nowhere")
    assert done.exit_code == 1
    assert "discovery does not list nowhere" in done.output
