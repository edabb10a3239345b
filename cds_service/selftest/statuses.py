"""Status codes and errors: what is at no address, and how failures are told."""

import re
from collections.abc import Iterable
from typing import Any

from cds_service.selftest.checks import Group, NotApplicable, Unmet
from cds_service.selftest.ehr import Ehr, Service
from cds_service.selftest.request import GRANTED
from cds_service.selftest.wire import JSON, Exchange

GROUP = Group("Status codes and errors")
NOWHERE = Service("selftest-no-such-service", "patient-view")
_INSIDES = re.compile(
    r"Traceback \(most recent call last\)"
    r"|^\s*at [\w.$<>/]+\([\w.$ ]*(\.java|\.kt|\.scala|Native Method|Unknown Source)"
    r"|^\s*at .+ \(?(/|file:|node:)\S+:\d+:\d+\)?"
    r"|File \"[^\"]+\", line \d+"
    r"|^\s*at [\w.`]+\(.*\) in \S+:line \d+"
    r"|\b(java|javax|org\.springframework|org\.apache|System)\.[\w.]+(Exception|Error)\b",
    re.MULTILINE,
)


def _unauthorized(ehr: Ehr) -> tuple[int, ...]:
    """Who may not come in need not be told what is there."""
    return (401,) if ehr.is_outside else ()


@GROUP.check(
    "CH-STAT-06",
    "REC",
    each=False,
    sends="a call of a service that discovery does not list",
    expects="404",
    why="A wrong address has to look like one: 500 sends people looking for a defect.",
)
def unknown_service(ehr: Ehr) -> None:
    sample = ehr.sample.context("patient-view")
    body = {"hook": "patient-view", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "context": sample}
    ehr.call(NOWHERE, body).expect(404, *_unauthorized(ehr))


@GROUP.check(
    "CH-STAT-07",
    "REC",
    sends="GET of the service's address",
    expects="405, with `Allow`",
    why="People open the address in a browser first; the answer should tell them that it is right.",
)
def get_of_a_service(ehr: Ehr, service: Service) -> None:
    answer = ehr.send("other", "GET", ehr.url(service), service=service.id).expect(405, *_unauthorized(ehr))
    if answer.status == 405 and "POST" not in answer.headers.get("allow", ""):
        raise Unmet("`Allow` does not name POST", answer)


@GROUP.check(
    "CH-STAT-07",
    "REC",
    each=False,
    sends="POST to the discovery address",
    expects="405 or 404",
    why="It is no service; it must not fall over either.",
)
def post_to_discovery(ehr: Ehr) -> None:
    ehr.send("other", "POST", ehr.url(), body=b"{}", headers={"Content-Type": JSON}).expect(
        404, 405, *_unauthorized(ehr)
    )


@GROUP.check(
    "CH-SEC-09",
    "REC",
    sends="a complete call",
    expects="`Cache-Control: no-store`",
    why="Cards tell of a patient; no proxy and no browser may keep them.",
)
def not_stored(ehr: Ehr, service: Service) -> None:
    answer = ehr.good(service)
    if "no-store" not in answer.headers.get("cache-control", ""):
        raise Unmet(f"Cache-Control is {answer.headers.get('cache-control', 'missing')}", answer)


# What all answers have to be


def _first(found: Iterable[Exchange], problem: str) -> None:
    several = list(found)
    if several:
        more = f" ({len(several)} answers in all)" if len(several) > 1 else ""
        raise Unmet(problem + more, several[0])


@GROUP.check(
    "CH-STAT-09",
    "REC",
    each=False,
    late=True,
    sends="everything that was sent in this run",
    expects="no status of 500 or more",
    why="Such a status says that the service is broken. Nothing that a client sends may break it.",
)
def never_5xx(ehr: Ehr) -> None:
    found = [one for one in ehr.wire.transcript if one.status >= 500]
    _first(found, f"{found[0].status} came" if found else "")


@GROUP.check(
    "CH-STAT-09",
    "REC",
    each=False,
    late=True,
    sends="everything that was sent in this run",
    expects="no stack trace, class name or source path in an answer",
    why="It tells an attacker what to look for, and may hold what was sent.",
)
def no_insides(ehr: Ehr) -> None:
    _first((one for one in ehr.wire.transcript if _INSIDES.search(_text(one))), "the answer shows the inside")


@GROUP.check(
    "CH-GEN-01",
    "MUST",
    each=False,
    late=True,
    sends="everything that was sent in this run",
    expects="every body JSON, and declared as such; feedback may be answered otherwise",
    why="Clients parse what comes. An error page of the web server breaks them where the reason would have helped.",
)
def every_body_is_json(ehr: Ehr) -> None:
    asked = [one for one in ehr.wire.transcript if one.kind in ("discovery", "call") and one.body]
    _first((one for one in asked if not _is_json(one)), "the body is not JSON, or its Content-Type is another")


@GROUP.check(
    "CH-STAT-10",
    "SHOULD",
    each=False,
    late=True,
    sends="everything that was refused in this run",
    expects="an OperationOutcome with an issue (version 3.0 asks for it)",
    why="It is the one form in which clients can show what was wrong.",
)
def errors_are_outcomes(ehr: Ehr) -> None:
    refused = [one for one in ehr.wire.transcript if one.kind in ("discovery", "call") and one.status >= 400]
    if not refused:
        raise NotApplicable("nothing was refused")
    _first((one for one in refused if not _is_outcome(one)), "the body is no OperationOutcome")


@GROUP.check(
    "CH-AUTHZ-04",
    "MUST",
    each=False,
    late=True,
    sends="FHIR access tokens, in several calls of this run",
    expects="none of them in an answer",
    why="They open the chart to whoever reads them in a log of answers.",
)
def no_access_token(ehr: Ehr) -> None:
    _first((one for one in ehr.wire.transcript if GRANTED in _text(one)), "the answer holds the access token")


def _text(one: Exchange) -> str:
    return one.body.decode("utf-8", "replace")


def _is_json(one: Exchange) -> bool:
    try:
        _ = one.json
    except Unmet:
        return False
    media_type = one.headers.get("content-type", "").partition(";")[0].strip()
    return media_type in ("application/json", "application/fhir+json", "application/problem+json")


def _is_outcome(one: Exchange) -> bool:
    try:
        body: Any = one.json
    except Unmet:
        return False
    issues = body.get("issue") if isinstance(body, dict) and body.get("resourceType") == "OperationOutcome" else None
    return (
        isinstance(issues, list)
        and bool(issues)
        and all(isinstance(issue, dict) and issue.get("severity") and issue.get("code") for issue in issues)
    )
