"""CdsRequest → PatientData, in two stages: the gate's sources, and the rest only for those who pass it."""

import time
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import msgspec
import structlog

from cds_service.drafts import draft_orders
from cds_service.errors import DataUnavailable, ForeignData, Issue, PatientMismatch
from cds_service.fhir.client import FhirClient
from cds_service.fhir.references import Whose, whose
from cds_service.fhir.servers import FhirAccess, FhirServer, normal_base
from cds_service.medications import medications
from cds_service.patient_data import PatientData, Source
from cds_service.protocol.hooks import ORDER_HOOKS
from cds_service.protocol.request import CdsRequest
from cds_service.registry import CdsService
from cds_service.security.callers import Caller
from cds_service.settings import Settings
from cds_service.sources import REMEDY, Gathered, Reach, SourceReader

_log = structlog.get_logger()


class Gatherer:
    """Gathers data within the limits of the settings. One for all requests; it keeps nothing of any of them."""

    def __init__(self, settings: Settings) -> None:
        self._aliases = settings.aliases
        self._seconds = settings.deadline_seconds
        self._max_bytes = settings.max_response_bytes
        self._client = FhirClient(
            settings.fhir_calls, settings.ca_bundle, share=max(1, settings.fhir_calls // settings.threads)
        )
        self._reader = SourceReader(
            self._client,
            max_pages=settings.max_pages,
            max_bytes=settings.max_response_bytes,
            unsupported=settings.unsupported_sources,
        )

    def gather(
        self, service: CdsService, request: CdsRequest, context: dict[str, Any], today: date, caller: Caller
    ) -> PatientData | None:
        """All data for one request; None if the gate says that the patient does not concern the service.

        `context` is the checked one. Raises DataUnavailable or ForeignData (412) and PatientMismatch (400).
        """
        patient_id: str = context["patientId"]
        access, why_not = _access(caller.fhir_servers, request, patient_id)
        reach = Reach(context, access, why_not, time.monotonic() + self._seconds)
        ours = self._aliases | caller.prefetch_aliases
        sent = {ours.get(key, key): value for key, value in request.prefetch.items()} | request.prefetch
        asked = draft_orders(context) if service.hook in ORDER_HOOKS else {}
        _refuse_others_orders(asked, patient_id)
        selections = tuple(context.get("selections", ())) if service.hook == "order-select" else ()
        if not service.asked(_patient_data(patient_id, asked, selections)):
            return None
        gate = [template for template in service.prefetch if template.stage == "gate"]
        gathered = _of_patient(self._reader.read(gate, sent, reach), patient_id, {})
        concerned = service.gate(_patient_data(patient_id, gathered | asked), today)
        if not concerned:
            _refuse_doubt(gathered.values(), readable=concerned is not None)
            return None
        rest = [template for template in service.prefetch if template.stage != "gate"]
        urls = _full_urls(gathered, patient_id)
        gathered |= _of_patient(self._reader.read(rest, sent, reach), patient_id, urls)
        gathered |= asked
        found = medications(gathered.values(), access, self._client, reach.deadline, self._max_bytes)
        data = _patient_data(patient_id, gathered, selections)
        return msgspec.structs.replace(data, medications=found)

    def close(self) -> None:
        """Give back threads and connections."""
        self._client.close()


def _patient_data(patient_id: str, gathered: Mapping[str, Gathered], selections: tuple[str, ...] = ()) -> PatientData:
    return PatientData(patient_id, {key: one.source for key, one in gathered.items()}, selections=selections)


def _access(servers: Iterable[FhirServer], request: CdsRequest, patient_id: str) -> tuple[FhirAccess | None, str]:
    """What the request may read, or None and why (CH-SSRF-01, CH-AUTHZ-02, -03)."""
    if request.fhir_server is None:
        return None, "the request names no FHIR server"
    base = normal_base(request.fhir_server)
    server = next((server for server in servers if server.base == base), None)
    if server is None:
        _log.warning("fhir_server_not_listed")
        return None, "the request's FHIR server is not one that this service may call"
    token = request.authorization.access_token if request.authorization else None
    if request.authorization and request.authorization.patient not in (None, patient_id):
        _log.warning("token_for_another_patient")
        token = None
    if not (server.encrypted or server.loopback):
        token = None
    if token is None and not server.open:
        return None, "the request brings no usable access token"
    return FhirAccess(server, token), ""


def _refuse_doubt(gathered: Iterable[Gathered], *, readable: bool) -> None:
    """Raise DataUnavailable if the gate's no rests on sources of which a part is missing: the rest might say yes.

    `readable` False: what is missing is something in an entry, which the gate could not read.
    """
    gathered = tuple(gathered)
    issues = tuple(
        Issue(f"{one.source.key} is not complete: {one.source.reason}.", f"prefetch.{one.source.key}", REMEDY)
        for one in gathered
        if one.source.state != "complete"
    )
    if not readable:
        keys = " or ".join(one.source.key for one in gathered)
        text = f"Some code in {keys} cannot be read, so it is not known whether the patient concerns this service."
        issues += (Issue(text, "prefetch", "Send codes as FHIR CodeableConcepts."),)
    if issues:
        raise DataUnavailable(issues)


def _full_urls(gathered: Mapping[str, Gathered], patient_id: str) -> dict[str, str]:
    """The ids of the Patient resources that came in Bundles, by `fullUrl`."""
    return {
        entry.full_url: head.id or patient_id
        for one in gathered.values()
        for entry in one.source.entries
        if (head := entry.head) and head.resource_type == "Patient" and entry.full_url
    }


def _of_patient(gathered: dict[str, Gathered], patient_id: str, urls: Mapping[str, str]) -> dict[str, Gathered]:
    """The sources without what is not the patient's.

    What names somebody else ends the request (CH-PF-18). What names somebody who cannot be told is left out, and the
    source is incomplete. What names nobody stays, for the readers to judge.
    """
    known = _full_urls(gathered, patient_id) | dict(urls)
    seen: dict[str, Whose] = {}
    return {key: _own(one, patient_id, known, seen) for key, one in gathered.items()}


def _own(one: Gathered, patient_id: str, urls: dict[str, str], seen: dict[str, Whose]) -> Gathered:
    doubtful: set[int] = set()
    for index, entry in enumerate(one.source.entries):
        head = entry.head
        assert head is not None  # nosec B101  # narrows a type
        if head.resource_type == "Patient":
            verdict: Whose = "mine" if head.id in (None, patient_id) else "other"
        else:
            named = head.subject or head.patient
            if named is None or (reference := named.reference) is None:
                continue
            known = seen.get(reference)
            verdict = known or seen.setdefault(reference, whose(reference, patient_id, urls))
        if verdict == "mine":
            continue
        if verdict == "other":
            _refuse_foreign(one.source, index, sent=index < one.sent)
        doubtful.add(index)
    return _without(one, doubtful) if doubtful else one


def _refuse_others_orders(asked: Mapping[str, Gathered], patient_id: str) -> None:
    """Raise PatientMismatch for a draft that names another patient.

    Any other is the patient's, by the hook's definition.
    """
    urls = _full_urls(asked, patient_id)
    for one in asked.values():
        for index, entry in enumerate(one.source.entries):
            named = entry.head and (entry.head.subject or entry.head.patient)
            if named and named.reference and whose(named.reference, patient_id, urls) == "other":
                _refuse_foreign(one.source, index, sent=True)


def _refuse_foreign(source: Source, index: int, *, sent: bool) -> None:
    where = source.entries[index].location
    if sent:
        where = where if where.startswith("context.") else f"prefetch.{where}"
        raise PatientMismatch(
            f"{where} belongs to another patient than context.patientId.",
            where,
            "Send the data of the patient of the context only.",
        )
    raise ForeignData(
        (
            Issue(
                f"The FHIR server answered the query for {source.key} with data of another patient.",
                f"prefetch.{source.key}",
                "Have the FHIR server's search by patient checked, or send the data in the prefetch.",
            ),
        )
    )


def _without(one: Gathered, doubtful: set[int]) -> Gathered:
    source = one.source
    first = source.entries[min(doubtful)].location
    reason = f"{len(doubtful)} entries name a subject that cannot be told to be the patient ({first})"
    kept = [index for index in range(len(source.entries)) if index not in doubtful]
    return Gathered(
        Source(
            source.key,
            "incomplete",
            tuple(source.entries[index] for index in kept),
            "; ".join(filter(None, (source.reason, reason))),
        ),
        one.others,
        sum(index < one.sent for index in kept),
    )
