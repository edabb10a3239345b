"""FHIR access: the service reads from a FHIR server of the selftest's own, which misbehaves as well."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cds_service.selftest.checks import Group, NotApplicable, Unmet
from cds_service.selftest.ehr import Ehr, Service, about, changed, in_context, without
from cds_service.selftest.listener import Heard, Listener, Page
from cds_service.selftest.prefetch import instead, outcome
from cds_service.selftest.request import GRANTED, authorization
from cds_service.selftest.samples import STRANGER, Sample, searchset
from cds_service.selftest.wire import Exchange

GROUP = Group("FHIR access")
PATH = "/fhir"
_CAPABILITIES = {
    "resourceType": "CapabilityStatement",
    "status": "active",
    "date": "2026-01-01",
    "kind": "capability",
    "fhirVersion": "4.0.1",
    "format": ["json"],
}
"""Some services look at it before they ask for anything."""
Answering = Callable[[Heard], Page]


def serving(sample: Sample) -> Answering:
    """A FHIR server that holds the sample patient."""

    def answer(heard: Heard) -> Page:
        path = heard.path.removeprefix(f"{PATH}/").removesuffix("/_search")
        if path == "metadata":
            return Page(_CAPABILITIES)
        is_search = "/" not in path
        found = sample.answer(f"{path}?{heard.query}" if is_search else path)
        return Page(found) if found is not None else Page(outcome("error"), status=404)

    return answer


@contextmanager
def _elsewhere(answer: Answering) -> Iterator[Listener]:
    """A server that the service has not been told of."""
    listener = Listener("127.0.0.1", 0, answer)
    try:
        yield listener
    finally:
        listener.close()


def _asking(ehr: Ehr, service: Service, answer: Answering, **granted: Any) -> tuple[Listener, dict[str, Any]]:
    """Our FHIR server, which now answers so, and a complete call that names it. Raises NotApplicable."""
    ehr.good(service)
    if ehr.fhir is None:
        raise NotApplicable("no FHIR server was offered; see --fhir-listen")
    ehr.fhir.heard.clear()
    ehr.fhir.answer = answer
    access = {"fhirServer": f"{ehr.fhir.origin}{PATH}", "fhirAuthorization": authorization(**granted)}
    return ehr.fhir, ehr.request(service) | access


def _bare(request: dict[str, Any]) -> dict[str, Any]:
    return without(request, "prefetch")


def _asked(listener: Listener, answer: Exchange) -> Exchange:
    """Raise NotApplicable if the service asked nothing: then it did not meet what the check is about."""
    if not listener.heard:
        raise NotApplicable("the service did not ask the FHIR server")
    return answer


def _unasked(listener: Listener, answer: Exchange, why: str) -> None:
    if listener.heard:
        first = listener.heard[0]
        raise Unmet(f"the service asked {first.method} {first.path}, {why}", answer)


@GROUP.check(
    "CH-PF-19",
    "SHOULD",
    sends="a call without `prefetch`, with a FHIR server and a token",
    expects="200 with the same cards as the complete call",
    why="Some clients never prefetch. The advice must not depend on how the data came.",
)
def fhir_instead_of_prefetch(ehr: Ehr, service: Service) -> None:
    listener, request = _asking(ehr, service, serving(ehr.sample))
    if not service.prefetch:
        raise NotApplicable("the service asks for no data")
    answer = ehr.call(service, _bare(request))
    if not listener.heard:
        raise Unmet(f"the service asked nothing of {listener.origin}{PATH}; may it?", answer)
    ehr.compare(service, ehr.good(service), answer.expect(200))


@GROUP.check(
    "CH-AUTHZ-03",
    "MUST",
    sends="a call without `prefetch`, with a FHIR server and a token",
    expects="the token on every request to the FHIR server",
    why="Without it the server refuses, or takes the service for somebody else.",
)
def fhir_token_sent(ehr: Ehr, service: Service) -> None:
    listener, request = _asking(ehr, service, serving(ehr.sample))
    answer = _asked(listener, ehr.call(service, _bare(request)))
    if any(heard.headers.get("authorization") != f"Bearer {GRANTED}" for heard in listener.heard):
        raise Unmet("a request came without the token, or with another", answer)


@GROUP.check(
    "CH-SSRF-10",
    "REC",
    sends="a call without `prefetch`, with a FHIR server and a token",
    expects="nothing but reads and searches at the FHIR server",
    why="A decision support service changes nothing by itself.",
)
def fhir_read_only(ehr: Ehr, service: Service) -> None:
    listener, request = _asking(ehr, service, serving(ehr.sample))
    answer = _asked(listener, ehr.call(service, _bare(request)))
    for heard in listener.heard:
        if heard.method != "GET" and not heard.path.endswith("/_search"):
            raise Unmet(f"{heard.method} {heard.path} came", answer)


def _quiet(requirement: str, level: Any, name: str, sends: str, change: Callable[..., Any], *, why: str) -> None:
    """A check that the FHIR server is left in peace. `change(ehr, service, request)`: the call."""

    @GROUP.check(requirement, level, name=name, sends=sends, expects="no request at the FHIR server", why=why)
    def check(ehr: Ehr, service: Service) -> None:
        listener, request = _asking(ehr, service, serving(ehr.sample))
        answer = ehr.call(service, change(ehr, service, request)).expect(200, 412)
        _unasked(listener, answer, "and need not have")


_quiet(
    "CH-PF-01",
    "MUST",
    "fhir_nothing_missing",
    "a complete call that names a FHIR server",
    lambda _e, _s, r: r,
    why="What was prefetched is there; to fetch it again costs the record system twice.",
)
_quiet(
    "CH-PF-04",
    "MUST",
    "fhir_not_for_null",
    "`null` in place of every search's answer, and a FHIR server",
    lambda e, s, r: changed(r, prefetch=instead(e, s, e.searches(s), lambda: None)["prefetch"]),
    why="`null` says that the client looked already, and there is nothing.",
)
_quiet(
    "CH-PF-08",
    "REC",
    "fhir_not_after_outcome",
    "an OperationOutcome in place of every search's answer, and a FHIR server",
    lambda e, s, r: changed(r, prefetch=instead(e, s, e.searches(s), lambda: outcome("error"))["prefetch"]),
    why="The client sends it so that the query that failed is not tried again.",
)


def _token_kept(requirement: str, name: str, sends: str, why: str, **granted: Any) -> None:
    """A check that a token which cannot be used is not used. An open server may be asked without it."""

    @GROUP.check(
        requirement, "REC", name=name, sends=sends, expects="no request with that token at the FHIR server", why=why
    )
    def check(ehr: Ehr, service: Service) -> None:
        listener, request = _asking(ehr, service, serving(ehr.sample), **granted)
        answer = ehr.call(service, _bare(request)).expect(200, 412)
        if any("authorization" in heard.headers for heard in listener.heard):
            raise Unmet("the service sent it all the same", answer)


_token_kept(
    "CH-AUTHZ-06",
    "fhir_not_when_expired",
    "no `prefetch`, and a token that has expired",
    "The server will refuse it.",
    expires_in=0,
)
_token_kept(
    "CH-AUTHZ-02",
    "fhir_not_for_another",
    "no `prefetch`, and a token for another patient",
    "The token opens another chart than the one that is shown.",
    patient=STRANGER,
)


def _fault(requirement: str, name: str, sends: str, page: Page, why: str) -> None:
    """A check that the FHIR server's fault is told as 412, or got over."""

    @GROUP.check(
        requirement,
        "REC",
        name=name,
        sends=f"no `prefetch`; the FHIR server answers {sends}",
        expects="200 or 412",
        why=why,
    )
    def check(ehr: Ehr, service: Service) -> None:
        listener, request = _asking(ehr, service, lambda _: page)
        _asked(listener, ehr.call(service, _bare(request))).expect(200, 412)


_FAULTS = "It is not the service's fault, and 412 is the status for data that cannot be had."
for _status in (401, 403, 404, 429, 500, 503):
    _fault("CH-AUTHZ-08", f"fhir_{_status}", str(_status), Page(outcome("error"), status=_status), _FAULTS)
_fault("CH-SSRF-08", "fhir_html", "200 with HTML", Page("<html>Login</html>", media_type="text/html"), _FAULTS)
_fault("CH-SSRF-08", "fhir_truncated", "200 with half a Bundle", Page('{"resourceType": "Bundle", "ent'), _FAULTS)
_fault(
    "CH-SSRF-08",
    "fhir_other_resource",
    "a Practitioner to everything",
    Page({"resourceType": "Practitioner", "id": "1"}),
    _FAULTS,
)


@GROUP.check(
    "CH-SSRF-08",
    "REC",
    sends="no `prefetch`; the FHIR server answers with another patient's data",
    expects="412 or 400, and no advice",
    why="Advice on another patient's data is the worst that can happen.",
)
def fhir_foreign_patient(ehr: Ehr, service: Service) -> None:
    usual = serving(ehr.sample)

    def foreign(heard: Heard) -> Page:
        return Page(about(usual(heard).body, ehr.sample.patient, STRANGER))

    listener, request = _asking(ehr, service, foreign)
    answer = _asked(listener, ehr.call(service, _bare(request)))
    if answer.status != 200 or answer.cards:
        answer.expect(400, 412)


@GROUP.check(
    "CH-PF-09",
    "REC",
    sends="no `prefetch`; the FHIR server answers in two pages",
    expects="200 with the same cards as the complete call",
    why="Half a chart is not the chart.",
)
def fhir_pages_followed(ehr: Ehr, service: Service) -> None:
    usual = serving(ehr.sample)

    def paged(heard: Heard) -> Page:
        page = usual(heard)
        if "selftest-page=2" in heard.query or not isinstance(page.body, dict) or "entry" not in page.body:
            return page
        assert ehr.fhir is not None  # nosec B101  # narrows a type
        query = "&".join(filter(None, (heard.query, "selftest-page=2")))
        path = heard.path.removesuffix("/_search")
        url = f"{ehr.fhir.origin}{path}?{query}"
        return Page(searchset([], total=page.body["total"], link=[{"relation": "next", "url": url}]))

    listener, request = _asking(ehr, service, paged)
    answer = _asked(listener, ehr.call(service, _bare(request)))
    ehr.compare(service, ehr.good(service), answer.expect(200))


def _lured(requirement: str, name: str, sends: str, lure: Callable[[str, Heard], Page], why: str) -> None:
    """A check that the service does not go where the FHIR server sends it. `lure(origin, heard)`: the answer."""

    @GROUP.check(
        requirement,
        "REC",
        name=name,
        sends=f"no `prefetch`; the FHIR server answers {sends}",
        expects="200 or 412, and no request at that server",
        why=why,
    )
    def check(ehr: Ehr, service: Service) -> None:
        with _elsewhere(serving(ehr.sample)) as other:
            listener, request = _asking(ehr, service, lambda heard: lure(other.origin, heard))
            answer = _asked(listener, ehr.call(service, _bare(request))).expect(200, 412)
            _unasked(other, answer, f"at {other.origin}, where it was lured")


_lured(
    "CH-SSRF-04",
    "fhir_redirect",
    "with a redirect to another server",
    lambda origin, heard: Page(status=302, headers={"Location": f"{origin}{heard.path}"}),
    "The token would go to whoever is there.",
)
_lured(
    "CH-SSRF-05",
    "fhir_foreign_page",
    "with a next page on another server",
    lambda origin, heard: Page(searchset([], total=9, link=[{"relation": "next", "url": f"{origin}{heard.path}?2"}])),
    "The token would go to whoever is there.",
)


@GROUP.check(
    "CH-SSRF-01",
    "REC",
    sends="no `prefetch`, and a FHIR server on this machine that nobody has told the service of",
    expects="200 or 412, and no request at that server",
    why="Whoever can call the service could have it look around in its own network.",
)
def fhir_unlisted_server(ehr: Ehr, service: Service) -> None:
    ehr.good(service)
    with _elsewhere(serving(ehr.sample)) as other:
        access = {"fhirServer": f"{other.origin}{PATH}", "fhirAuthorization": authorization()}
        answer = ehr.call(service, _bare(ehr.request(service)) | access)
        _unasked(other, answer, "at a server that it should not know")
        answer.expect(200, 412)


@GROUP.check(
    "CH-SSRF-07",
    "REC",
    sends="no `prefetch`, and `1/../../admin?x=1` as the patient",
    expects="400, or no request outside the FHIR server's base",
    why="Ids are put into addresses.",
)
def fhir_path_in_id(ehr: Ehr, service: Service) -> None:
    listener, request = _asking(ehr, service, serving(ehr.sample))
    answer = ehr.call(service, in_context(_bare(request), patientId="1/../../admin?x=1"))
    wrong = [heard for heard in listener.heard if "/.." in heard.path or "/admin" in heard.path]
    if wrong:
        raise Unmet(f"the service asked {wrong[0].path}", answer)
    answer.expect(400, 412, 422, 200)
