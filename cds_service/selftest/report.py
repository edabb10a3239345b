"""The result, for people, for CI (JUnit XML) and for programs (JSON)."""

import base64
import xml.etree.ElementTree as ET  # nosec B405  # it writes XML, and reads none
from collections import Counter
from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from cds_service.selftest.checks import SEVERITY
from cds_service.selftest.run import GROUPS, Result
from cds_service.selftest.wire import Exchange

COLOURS = {"error": "red", "warning": "yellow", "advice": "cyan"}
SEVERITIES = tuple(SEVERITY.values())
_NOT_XML = dict.fromkeys([*range(9), 11, 12, *range(14, 32)], "\N{REPLACEMENT CHARACTER}")


def failures(results: list[Result]) -> Iterator[Result]:
    """The failed checks, the gravest first."""
    for severity in SEVERITIES:
        yield from (result for result in results if result.severity == severity)


def terminal(address: str, results: list[Result], *, verbose: bool = False) -> RenderableType:
    """A table of the groups, and each failure with what was sent and what came."""
    parts: list[RenderableType] = [Text(f"Selftest of {address}", "bold"), _table(results)]
    for several in _together(results):
        parts += ["", _failure(address, several, verbose=verbose)]
    reasons = Counter((r.check.group, r.detail) for r in results if r.outcome == "not applicable")
    if reasons:
        parts += ["", Rule("Not applicable, or not to be judged", align="left", style="dim")]
        parts += [Text(f"{count:3} × {group}: {why}", "dim") for (group, why), count in reasons.items()]
    return Group(*parts, "", _verdict(results))


def _table(results: list[Result]) -> Table:
    table = Table("Group", header_style="bold")
    for column in ("passed", *SEVERITIES, "not applicable"):
        table.add_column(column, justify="right")
    for group in GROUPS:
        counts = Counter(result.severity or result.outcome for result in results if result.check.group == group.title)
        if counts:
            cells = [Text(str(counts[s] or "·"), COLOURS[s] if counts[s] else "dim") for s in SEVERITIES]
            table.add_row(group.title, str(counts["passed"]), *cells, str(counts["not applicable"]))
    return table


def _together(results: list[Result]) -> list[list[Result]]:
    """The failures, one check of several services together."""
    found: dict[str, list[Result]] = {}
    for result in failures(results):
        found.setdefault(result.check.name, []).append(result)
    return list(found.values())


def _failure(address: str, several: list[Result], *, verbose: bool) -> RenderableType:
    result = several[0]
    check, colour = result.check, COLOURS[result.severity]
    title = Text.assemble(
        (f" {result.severity.upper()} ", f"bold reverse {colour}"),
        f"  {check.requirement} ({check.level})  ",
        (check.name, "bold"),
        f"  {', '.join(one.service for one in several)}",
    )
    only = f" --service {result.service}" if result.service else ""
    lines = [("sent", check.sends), ("expected", check.expects), ("came", result.detail)]
    lines += [("answer", _answer(result.exchange, verbose=verbose))] if result.exchange else []
    lines += [("why", check.why)]
    lines += (
        [("repeat", result.exchange.curl())] if result.exchange and (verbose or len(result.exchange.sent) < 300) else []
    )
    lines += [] if check.late else [("again", f"nam-cds selftest {address}{only} --check {check.name} --verbose")]
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in lines:
        table.add_row(name, Text(value))
    return Group(title, Padding(table, (0, 0, 0, 2)))


def _answer(exchange: Exchange, *, verbose: bool) -> str:
    if verbose:
        return f"{exchange.request_text()}\n\n{exchange.answer_text()}"
    body = exchange.body.decode("utf-8", "replace").strip()
    body = body if len(body) <= 300 else f"{body[:300]}…"
    return f"{exchange.status or 'none'} {body}".strip()


def _verdict(results: list[Result]) -> Text:
    counts = Counter(result.severity or result.outcome for result in results)
    told = ", ".join(f"{counts[name]} {name}" for name in ("passed", *SEVERITIES, "not applicable"))
    bad = counts["error"]
    words = f"{bad} requirements of the specification are not met" if bad > 1 else "One requirement is not met"
    return Text(
        f"{words if bad else 'Every MUST that could be checked is met'}: {told}.", "bold red" if bad else "bold green"
    )


def junit(address: str, results: list[Result]) -> bytes:
    """JUnit XML: a suite for each group. Advice and warnings are failures too, with their severity as the type."""
    root = ET.Element("testsuites", {"name": f"nam-cds selftest {address}"} | _counts(results))
    for group in GROUPS:
        mine = [result for result in results if result.check.group == group.title]
        if not mine:
            continue
        suite = ET.SubElement(root, "testsuite", {"name": group.title} | _counts(mine))
        for result in mine:
            check = result.check
            case = ET.SubElement(
                suite, "testcase", classname=f"{check.requirement}.{result.service or 'server'}", name=check.name
            )
            if result.outcome == "not applicable":
                ET.SubElement(case, "skipped", message=_xml(result.detail))
            elif result.outcome == "failed":
                failure = ET.SubElement(case, "failure", type=result.severity, message=_xml(result.detail))
                failure.text = _xml(_account(result))
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _counts(results: list[Result]) -> dict[str, str]:
    outcomes = Counter(result.outcome for result in results)
    return {
        "tests": str(len(results)),
        "failures": str(outcomes["failed"]),
        "skipped": str(outcomes["not applicable"]),
        "errors": "0",
    }


def _account(result: Result) -> str:
    check = result.check
    text = f"sent: {check.sends}\nexpected: {check.expects}\ncame: {result.detail}\nwhy: {check.why}"
    if result.exchange:
        one = result.exchange
        text += f"\n\n{one.request_text()}\n\n{one.answer_text()}\n\n{one.curl()}"
    return text


def _xml(text: str) -> str:
    """XML 1.0 has no place for most control characters, and a service may send them."""
    return text.encode("utf-8", "replace").decode().translate(_NOT_XML)


def as_json(address: str, results: list[Result]) -> dict[str, Any]:
    """Everything, the bodies in full."""
    counts = Counter(result.severity or result.outcome for result in results)
    return {
        "address": address,
        "counts": {name: counts[name] for name in ("passed", *SEVERITIES, "not applicable")},
        "results": [_result(result) for result in results],
    }


def _result(result: Result) -> dict[str, Any]:
    check = result.check
    told = {
        "requirement": check.requirement,
        "level": check.level,
        "group": check.group,
        "name": check.name,
        "service": result.service,
        "outcome": result.outcome,
        "severity": result.severity,
        "sent": check.sends,
        "expected": check.expects,
        "came": result.detail,
        "why": check.why,
    }
    return {name: value for name, value in told.items() if value} | (
        {"exchange": _exchange(result.exchange)} if result.exchange else {}
    )


def _exchange(one: Exchange) -> dict[str, Any]:
    return {
        "method": one.method,
        "url": one.url,
        "body": _body(one.sent),
        "status": one.status,
        "headers": one.headers,
        "answer": _body(one.body),
        "repeat": one.curl(),
    }


def _body(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(body).decode()}"
