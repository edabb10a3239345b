"""The sources of one request: each key from the prefetch, or else from the FHIR server, all of these side by side."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import msgspec

from cds_service import prefetch
from cds_service.errors import DataUnavailable, Issue
from cds_service.fhir.client import Exchange, FhirClient, FhirFailure
from cds_service.fhir.servers import FhirAccess, under
from cds_service.patient_data import Entry, Source, SourceState
from cds_service.prefetch import Received, decide
from cds_service.protocol.templates import fill
from cds_service.registry import PrefetchTemplate

REMEDY = "Send it in the prefetch, or send fhirServer and fhirAuthorization for a server this service may call."


class Gathered(msgspec.Struct, frozen=True):
    """A source with what the plumbing needs beside it. Its entries have their heads."""

    source: Source
    others: tuple[Entry, ...] = ()
    sent: int = 0
    """How many of the entries, from the first, came in the prefetch; the others came from the FHIR server."""


class Reach(msgspec.Struct, frozen=True):
    """What one request can fetch. `access` None: nothing, and `why_not` says why."""

    context: dict[str, Any]
    access: FhirAccess | None
    why_not: str
    deadline: float
    """On the clock of `time.monotonic`."""


class _Plan(msgspec.Struct, frozen=True):
    template: PrefetchTemplate
    received: Received
    job: Callable[[Exchange], Received] | None = None
    why_not: str = ""


class SourceReader:
    """Reads sources within the limits of the settings."""

    def __init__(self, client: FhirClient, *, max_pages: int, max_bytes: int, unsupported: Iterable[str] = ()) -> None:
        self._client = client
        self._max_pages = max_pages
        self._max_bytes = max_bytes
        self._unsupported = frozenset(unsupported)

    def read(
        self, templates: Iterable[PrefetchTemplate], sent: Mapping[str, msgspec.Raw], reach: Reach
    ) -> dict[str, Gathered]:
        """Every template's source. Raises DataUnavailable, naming every required one that cannot be had."""
        plans = [self._plan(template, sent.get(template.key), reach) for template in templates]
        # Of calls side by side the slowest counts. It is mostly the one that asks for most, so that one starts first.
        by_length = sorted(plans, key=lambda plan: len(plan.template.query), reverse=True)
        jobs = {plan.template.key: plan.job for plan in by_length if plan.job}
        answers = self._client.run(list(jobs.values()), reach.deadline) if jobs else []
        results = dict(zip(jobs, answers, strict=True))
        gathered: dict[str, Gathered] = {}
        issues: list[Issue] = []
        for plan in plans:
            key = plan.template.key
            found = _settle(plan, results.get(key))
            if found.source.state == "unavailable" and self._required(plan.template):
                issues.append(Issue(f"{key} cannot be had: {found.source.reason}.", f"prefetch.{key}", REMEDY))
            gathered[key] = found
        if issues:
            raise DataUnavailable(tuple(issues))
        return gathered

    def _required(self, template: PrefetchTemplate) -> bool:
        return template.required and template.key not in self._unsupported

    def _plan(self, template: PrefetchTemplate, value: msgspec.Raw | None, reach: Reach) -> _Plan:
        received = prefetch.read(template, value)
        if template.key in self._unsupported:
            why_not = "this site's record system does not have it"
        elif reach.access is None:
            why_not = reach.why_not
        elif (query := fill(template.query, reach.context)) is None:
            why_not = "the request's context lacks what the query needs"
        else:
            return self._fetching(template, received, reach.access, query)
        return _Plan(template, received, why_not=why_not)

    def _fetching(self, template: PrefetchTemplate, received: Received, access: FhirAccess, query: str) -> _Plan:
        match decide(received.kind, can_fetch=True, required=self._required(template)):
            case "fetch":
                job = partial(self._pages, template, access, f"{access.server.base}/{query}", None)
            case "fetch next page":
                address = under(access.server.base, received.next)
                if address is None:
                    return _Plan(template, received, why_not="its next page is not on the request's FHIR server")
                job = partial(self._pages, template, access, address, received)
            case _:
                return _Plan(template, received)
        return _Plan(template, received, job)

    def _pages(
        self,
        template: PrefetchTemplate,
        access: FhirAccess,
        address: str,
        first: Received | None,
        exchange: Exchange,
    ) -> Received:
        """Read a search to its end. Raises FhirFailure if not even the first page can be had."""
        pages = [first] if first else []
        room = self._max_bytes
        reason = ""
        while address:
            if len(pages) == self._max_pages:
                reason = f"there are more than {self._max_pages} pages"
                break
            try:
                body = self._client.get(address, access, exchange, room)
            except FhirFailure as failure:
                if not pages:
                    raise
                reason = f"a later page is missing: {failure}"
                break
            if body == b"null":
                body = b""  # a client's null means that there is nothing; a server's means nothing
            room -= len(body)
            page = prefetch.read(template, msgspec.Raw(body), sum(page.size for page in pages))
            if pages and page.kind in ("failed", "malformed"):
                reason = f"a later page is missing: {page.reason}"
                break
            pages.append(page)
            address = under(access.server.base, page.next) or "" if page.next else ""
            if page.next and not address:
                reason = "its next page is not on the request's FHIR server"
        return _joined(pages, reason)


def _joined(pages: list[Received], reason: str) -> Received:
    reasons = list(dict.fromkeys(filter(None, [page.reason for page in pages] + [reason])))
    if len(pages) == 1 and not pages[0].next:
        return pages[0]
    entries = tuple(entry for page in pages for entry in page.entries)
    return Received(
        "incomplete" if reasons else "complete" if entries else "nothing",
        entries,
        tuple(entry for page in pages for entry in page.others),
        "; ".join(reasons),
    )


def _settle(plan: _Plan, result: Received | FhirFailure | None) -> Gathered:
    """The source that follows from what was sent and what was fetched."""
    sent = plan.received
    from_prefetch = len(sent.entries)
    if isinstance(result, Received):
        if sent.kind in ("absent", "malformed"):
            from_prefetch = 0
            if result.kind in ("failed", "malformed"):
                result = FhirFailure(f"from the FHIR server: {result.reason}")
    elif result is None:
        result = sent
    if isinstance(result, FhirFailure):
        why_not, received = str(result), sent
    else:
        why_not, received = plan.why_not, result
    state: SourceState
    match decide(received.kind, can_fetch=False, required=False):
        case "use":
            state, reason = "complete", ""
        case "use incomplete":
            more = "there are more pages" if received.kind == "paged" else ""
            state, reason = "incomplete", _sentence(received.reason, more, why_not)
        case _:
            return Gathered(Source(plan.template.key, "unavailable", reason=_sentence(received.reason, why_not)))
    source = Source(plan.template.key, state, received.entries, reason)
    return Gathered(source, received.others, from_prefetch)


def _sentence(*reasons: str) -> str:
    return ", and ".join(filter(None, reasons))
