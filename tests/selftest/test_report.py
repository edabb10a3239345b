"""The report: in words, as JUnit XML, as JSON."""

import io
import xml.etree.ElementTree as ET

from rich.console import Console

from cds_service.selftest.report import as_json, junit, terminal
from cds_service.selftest.run import CHECKS, Result
from cds_service.selftest.wire import Exchange

ADDRESS = "http://cds.example/cds-services"


def failed(name: str, service: str = "", answer: bytes = b"<h1>No</h1>") -> Result:
    check = next(check for check in CHECKS if check.name == name)
    exchange = Exchange("call", service, "POST", f"{ADDRESS}/x", headers={"Accept": "application/json"}, sent=b"{}")
    exchange.status, exchange.headers, exchange.body = 500, {"content-type": "text/html"}, answer
    return Result(check, service, "failed", "500 came instead of 200", exchange)


def shown(results: list[Result], *, verbose: bool = False) -> str:
    console = Console(file=io.StringIO(), width=200, highlight=False)
    console.print(terminal(ADDRESS, results, verbose=verbose))
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().split())


def test_the_gravest_comes_first() -> None:
    text = shown([failed("unknown_members"), failed("search_outcome"), failed("search_null")])
    places = [text.index(name) for name in ("ERROR CH-PF-04", "WARNING CH-PF-06", "ADVICE CH-GEN-09")]
    assert places == sorted(places)


def test_one_check_of_several_services_is_told_once() -> None:
    text = shown([failed("search_null", "one"), failed("search_null", "two")])
    assert text.count("CH-PF-04") == 1
    assert "search_null one, two" in text
    assert "2 requirements of the specification are not met" in text


def test_an_answer_is_cut_short_unless_asked_for() -> None:
    long = failed("search_null", answer=b"x" * 1000 + b"THE END")
    assert "THE END" not in shown([long])
    assert "THE END" in shown([long], verbose=True)


def test_junit_is_XML_whatever_the_service_sends() -> None:
    document = junit(ADDRESS, [failed("search_null", "one", b"\x00\x1b[31m \xff <![CDATA[ ]]> \xed\xa0\x80 &")])
    failure = ET.fromstring(document).find("testsuite/testcase/failure")
    assert failure is not None
    assert "sent: `null` in place of every search's answer" in (failure.text or "")


def test_json_tells_bodies_that_are_no_text() -> None:
    (result,) = as_json(ADDRESS, [failed("search_null", "one", b"\xff")])["results"]
    assert result["exchange"]["answer"] == "base64:/w=="
    assert result["severity"] == "error"
