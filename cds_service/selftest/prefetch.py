"""Prefetch: every state in which an answer can arrive, or not arrive."""

import copy
from collections.abc import Callable
from typing import Any

from markdown_it import MarkdownIt

from cds_service.selftest.checks import Group, Level, NotApplicable, Unmet, listed
from cds_service.selftest.ehr import Ehr, Service, about, changed, essence, in_context, in_prefetch
from cds_service.selftest.samples import STRANGER, searchset

GROUP = Group("Prefetch")
ELSEWHERE = "https://fhir.selftest.example/r4"
Fill = Callable[[], Any]


def outcome(severity: str) -> dict[str, Any]:
    """An OperationOutcome with one issue."""
    issue = {"severity": severity, "code": "processing", "diagnostics": "selftest"}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def instead(ehr: Ehr, service: Service, keys: list[str], value: Fill) -> dict[str, Any]:
    """The complete request with this value under the keys."""
    return in_prefetch(ehr.request(service), {key: value() for key in keys})


def _searches(requirement: str, level: Level, name: str, sends: str, value: Fill, *statuses: int, why: str) -> None:
    """A check that puts `value` in place of the answer to every search."""

    @GROUP.check(
        requirement,
        level,
        name=name,
        sends=f"{sends} in place of every search's answer",
        expects=listed(statuses),
        why=why,
    )
    def check(ehr: Ehr, service: Service) -> None:
        ehr.good(service)
        ehr.call(service, instead(ehr, service, ehr.searches(service), value)).expect(*statuses)


@GROUP.check(
    "CH-REQ-10",
    "MUST",
    sends="`prefetch: {}`",
    expects="200, or 412 where data is needed",
    why="Several clients send it when they prefetch nothing.",
)
def prefetch_empty(ehr: Ehr, service: Service) -> None:
    ehr.good(service)
    ehr.call(service, changed(ehr.request(service), prefetch={})).expect(200, 412)


@GROUP.check(
    "CH-PF-03",
    "MUST",
    sends="the complete call without one key, for each key in turn",
    expects="200, or 412 where the data is needed",
    why="A client leaves out what it could not get. That is neither bad input nor `nothing there`.",
)
def key_missing(ehr: Ehr, service: Service) -> None:
    ehr.good(service)
    keys = ehr.request(service).get("prefetch", {})
    if not keys:
        raise NotApplicable("no prefetch templates are published")
    for key in keys:
        request = ehr.request(service)
        del request["prefetch"][key]
        ehr.call(service, request).expect(200, 412)


_EMPTY = "The client looked, and there is nothing. That is an answer, and no error."
_searches("CH-PF-04", "MUST", "search_null", "`null`", lambda: None, 200, why=_EMPTY)
_searches("CH-PF-05", "MUST", "search_empty_bundle", "a Bundle without `entry`", lambda: searchset([]), 200, why=_EMPTY)
_searches(
    "CH-PF-05",
    "MUST",
    "search_empty_entry",
    "a Bundle with `entry: []`",
    lambda: searchset([], entry=[]),
    200,
    why=_EMPTY,
)
_searches(
    "CH-PF-06",
    "SHOULD",
    "search_outcome",
    "an OperationOutcome",
    lambda: outcome("error"),
    200,
    412,
    why="The specification has clients send it when a search failed. It is not data, and no reason to crash.",
)
_searches(
    "CH-PF-06",
    "SHOULD",
    "search_outcome_in_bundle",
    "a Bundle that holds an OperationOutcome",
    lambda: searchset([], entry=[{"resource": outcome("error"), "search": {"mode": "outcome"}}]),
    200,
    412,
    why="A search that failed in part says so in an entry.",
)
_searches(
    "CH-PF-09",
    "REC",
    "search_paged",
    "the first page of several",
    lambda: searchset([], total=7, link=[{"relation": "next", "url": f"{ELSEWHERE}?page=2"}]),
    200,
    412,
    why="Clients may hand over one page. Without access to the others the data is incomplete, and no reason to crash.",
)
for _name, _sends, _value in (
    ("search_as_text", "a text", "none"),
    ("search_as_number", "a number", 7),
    ("search_as_array", "an array", []),
    ("search_as_html", "an HTML page", "<html><body>504 Gateway Time-out</body></html>"),
    ("search_as_other_resource", "a Practitioner", {"resourceType": "Practitioner", "id": "selftest-other"}),
    ("search_as_nonsense", "a Bundle of nonsense", searchset([], entry=[7, {}, {"resource": "x"}])),
    ("search_as_object", "an object without `resourceType`", {"id": "x"}),
):
    _searches(
        "CH-PF-12",
        "REC",
        _name,
        _sends,
        lambda value=_value: copy.deepcopy(value),  # type: ignore[misc]
        200,
        400,
        412,
        why="Clients send what their FHIR server said. It is data that could not be had, and no reason to crash.",
    )


@GROUP.check(
    "CH-PF-07",
    "REC",
    sends="Bundles of total 0 with a warning as their only entry (mode outcome) in place of every search's answer",
    expects="200 with the same cards as for `null`",
    why="A large vendor sends every empty search so.",
)
def search_advisory_outcome(ehr: Ehr, service: Service) -> None:
    ehr.good(service)
    keys = ehr.searches(service)
    nothing = ehr.call(service, instead(ehr, service, keys, lambda: None)).expect(200)
    advice = [{"resource": outcome("warning"), "search": {"mode": "outcome"}}]
    answer = ehr.call(service, instead(ehr, service, keys, lambda: searchset([], entry=advice))).expect(200)
    ehr.steady(service)
    if essence(answer.cards) != essence(nothing.cards):
        raise Unmet("the cards differ from those for `null`", answer)


@GROUP.check(
    "CH-PF-06",
    "SHOULD",
    sends="an OperationOutcome in place of every read's answer",
    expects="200, or 412 where the data is needed",
    why="A read that failed is answered so.",
)
def read_outcome(ehr: Ehr, service: Service) -> None:
    ehr.good(service)
    ehr.call(service, instead(ehr, service, ehr.reads(service), lambda: outcome("error"))).expect(200, 412)


@GROUP.check(
    "CH-PF-12",
    "REC",
    sends="a text in place of every read's answer, as the specification's own example does",
    expects="200, 400 or 412",
    why="Clients send what their FHIR server said. It is data that could not be had, and no reason to crash.",
)
def read_as_text(ehr: Ehr, service: Service) -> None:
    ehr.good(service)
    ehr.call(service, instead(ehr, service, ehr.reads(service), lambda: "123")).expect(200, 400, 412)


@GROUP.check(
    "CH-PF-13",
    "REC",
    sends="every read's answer inside a Bundle",
    expects="200 with the same cards as the complete call",
    why="Some clients run each template as a search.",
)
def read_in_bundle(ehr: Ehr, service: Service) -> None:
    good = ehr.good(service)
    request = ehr.request(service)
    found = {key: request["prefetch"][key] for key in ehr.reads(service)}
    bundles = {key: searchset([one]) for key, one in found.items() if one}
    if not bundles:
        raise NotApplicable("the sample patient has none of the resources that are read")
    ehr.compare(service, good, ehr.call(service, in_prefetch(request, bundles)).expect(200))


@GROUP.check(
    "CH-TOL-16",
    "REC",
    sends="every search's answer as a Bundle without `type`, `total` and `search`",
    expects="200 with the same cards as the complete call",
    why="Clients put Bundles together by hand.",
)
def search_bare_bundle(ehr: Ehr, service: Service) -> None:
    good = ehr.good(service)
    request = ehr.request(service)
    for key in ehr.searches(service):
        entries = [{"resource": entry["resource"]} for entry in request["prefetch"][key].get("entry", ())]
        request["prefetch"][key] = {"resourceType": "Bundle"} | ({"entry": entries} if entries else {})
    ehr.compare(service, good, ehr.call(service, request).expect(200))


@GROUP.check(
    "CH-REQ-10",
    "REC",
    sends="the complete call with keys that the service never asked for",
    expects="200 with the same cards as the complete call",
    why="Prefetch is configured by hand on the client's side, often once for several services.",
)
def unknown_keys(ehr: Ehr, service: Service) -> None:
    good = ehr.good(service)
    more = {"selftestUnknown": searchset([]), "selftest-other": None, "selftestText": "x"}
    ehr.compare(service, good, ehr.call(service, in_prefetch(ehr.request(service), more)).expect(200))


@GROUP.check(
    "CH-PF-18",
    "REC",
    sends="data of another patient in the prefetch",
    expects="400 or 412, and no advice",
    why="Advice on another patient's data is the worst that can happen, and clients do mix up their prefetch.",
)
def foreign_patient(ehr: Ehr, service: Service) -> None:
    ehr.good(service)
    request = ehr.request(service)
    foreign = about(request.get("prefetch", {}), ehr.sample.patient, STRANGER)
    if foreign == request.get("prefetch", {}):
        raise NotApplicable("nothing in the prefetch says whom it is about")
    ehr.call(service, changed(request, prefetch=foreign)).expect(400, 412, 422)


@GROUP.check(
    "CH-PF-15",
    "REC",
    sends="a patient with an id of 250 characters",
    expects="200",
    why="A large vendor's ids are longer than the 64 characters of FHIR.",
)
def long_id(ehr: Ehr, service: Service) -> None:
    ehr.good(service)
    id_ = "e" + "Ab9-" * 62 + "f"
    request = about(ehr.request(service), ehr.sample.patient, id_)
    ehr.call(service, in_context(request, patientId=id_)).expect(200)


@GROUP.check(
    "CH-PF-14",
    "REC",
    sends="absolute references to the patient in the prefetch",
    expects="200 with the same cards as the complete call",
    why="FHIR servers differ in how they write references.",
)
def absolute_references(ehr: Ehr, service: Service) -> None:
    good = ehr.good(service)
    request = ehr.request(service)
    prefetch = about(request.get("prefetch", {}), ehr.sample.patient, ehr.sample.patient, prefix=f"{ELSEWHERE}/")
    if prefetch == request.get("prefetch", {}):
        raise NotApplicable("nothing in the prefetch refers to the patient")
    sent = changed(request, prefetch=prefetch, fhirServer=ELSEWHERE)
    ehr.compare(service, good, ehr.call(service, sent).expect(200))


@GROUP.check(
    "CH-PT-06",
    "REC",
    sends="a complete call with an `encounterId`, and one without",
    expects="200",
    why="Outside an encounter there is none; inside, services must not depend on being able to read it.",
)
def with_and_without_encounter(ehr: Ehr, service: Service) -> None:
    ehr.good(service)
    ehr.call(service, in_context(ehr.request(service), encounterId="selftest-encounter")).expect(200)
    if service.hook in ("encounter-start", "encounter-discharge"):
        return
    request = ehr.request(service)
    request["context"].pop("encounterId", None)
    ehr.call(service, request).expect(200)


@GROUP.check(
    "CH-CARD-06",
    "REC",
    sends="HTML and a script link behind the names in the chart",
    expects="200, and neither as such in `detail`",
    why="Clients render `detail` as Markdown, and some let HTML through.",
)
def markup_in_names(ehr: Ehr, service: Service) -> None:
    ehr.good(service)
    request = ehr.request(service)
    answer = ehr.call(service, changed(request, prefetch=_marked(request.get("prefetch", {})))).expect(200)
    for card in answer.cards:
        rendered = _trusting().render(str(card.get("detail", "")) if isinstance(card, dict) else "")
        if "<img src=x" in rendered or 'href="javascript:' in rendered:
            raise Unmet("`detail` holds the markup as it was sent", answer)


def _trusting() -> MarkdownIt:
    """The most careless of clients: HTML goes through, and links lead anywhere."""
    markdown = MarkdownIt("commonmark", {"html": True})
    markdown.validateLink = lambda url: True  # type: ignore[method-assign]  # noqa: ARG005
    return markdown


def _marked(value: Any) -> Any:
    """The value with markup behind every name, text and display."""
    if isinstance(value, dict):
        return {
            name: f"{item} <img src=x onerror=alert(1)> [x](javascript:alert(2))"
            if name in ("text", "display", "family") and isinstance(item, str)
            else _marked(item)
            for name, item in value.items()
        }
    return [_marked(item) for item in value] if isinstance(value, list) else value
