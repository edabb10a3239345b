"""The sample patient: what stands in the chart, what is ordered, and what a template asks of it."""

import copy
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

from cds_service.demo.search import Resource, Resources
from cds_service.errors import BadRequest
from cds_service.protocol.hooks import HOOKS, ContextField, Hook
from cds_service.protocol.templates import fill

PATIENT = "selftest-1"
STRANGER = "selftest-stranger"
_SUBJECT = {"reference": f"Patient/{PATIENT}"}
_CONTEXT = tuple(HOOKS["patient-view"].fields)


def _required(name: str) -> ContextField:
    return ContextField(name, "id", required=True, token=True)


KNOWN_HOOKS: dict[str, Hook] = HOOKS | {
    hook.name: hook
    for hook in (
        Hook("encounter-start", (*_CONTEXT[:2], _required("encounterId"))),
        Hook("encounter-discharge", (*_CONTEXT[:2], _required("encounterId"))),
        Hook("appointment-book", (*_CONTEXT, ContextField("appointments", "bundle", required=True, token=False))),
        Hook(
            "order-dispatch",
            (
                _required("patientId"),
                ContextField("dispatchedOrders", "references", required=True, token=True),
                ContextField("performer", "reference", required=True, token=True),
            ),
        ),
    )
}
"""The hooks of the hook library that a complete context can be made for."""

BUILT_IN: tuple[Resource, ...] = (
    {
        "resourceType": "Patient",
        "id": PATIENT,
        "name": [{"family": "Selftest", "given": ["Zoë"]}],
        "gender": "female",
        "birthDate": "1961-05-17",
    },
    {
        "resourceType": "Condition",
        "id": "selftest-condition",
        "clinicalStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
        },
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "38341003"}], "text": "Hypertension"},
        "subject": _SUBJECT,
    },
    {
        "resourceType": "Observation",
        "id": "selftest-ck",
        "status": "final",
        "category": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}
        ],
        "code": {"coding": [{"system": "http://loinc.org", "code": "2157-6"}], "text": "Creatine kinase"},
        "subject": _SUBJECT,
        "effectiveDateTime": "2024-03-05T08:30:00Z",
        "valueQuantity": {"value": 412, "unit": "U/L", "system": "http://unitsofmeasure.org", "code": "U/L"},
    },
    {
        "resourceType": "MedicationRequest",
        "id": "selftest-medication",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"text": "Amlodipine 5 mg"},
        "subject": _SUBJECT,
        "authoredOn": "2024-03-05",
    },
    {
        "resourceType": "AllergyIntolerance",
        "id": "selftest-allergy",
        "code": {"text": "Penicillin"},
        "patient": _SUBJECT,
    },
)
"""An invented patient, as small as can be."""

DRAFT: Resource = {
    "resourceType": "MedicationRequest",
    "id": "selftest-draft",
    "status": "draft",
    "intent": "order",
    "medicationCodeableConcept": {"text": "Methotrexate 10 mg"},
    "subject": _SUBJECT,
    "dosageInstruction": [{"text": "10 mg once a week"}],
}


class Sample:
    """A patient with resources, and the context members a call about them has."""

    def __init__(self, patient: str, resources: Iterable[Resource], context: dict[str, Any] | None = None) -> None:
        self.patient = patient
        self.resources = Resources(resources)
        self._more = context or {}

    def context(self, hook: str) -> dict[str, Any] | None:
        """A complete context; None if the hook is not known, and no context was given for it."""
        usual = {
            "userId": "Practitioner/selftest",
            "patientId": self.patient,
            "encounterId": "selftest-encounter",
            "performer": "Organization/selftest",
            "dispatchedOrders": ["ServiceRequest/selftest-order"],
            "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": self._draft()}]},
            "appointments": {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": _appointment()}]},
        }
        members = usual | self._more
        members.setdefault("selections", _references(members["draftOrders"]))
        if hook in KNOWN_HOOKS:
            fields = KNOWN_HOOKS[hook].fields
            # encounterId is left out where it may be: outside an encounter there is none (CH-TOL-07).
            names = [field.name for field in fields if field.required or field.name in self._more]
            return copy.deepcopy({name: members[name] for name in names})
        return copy.deepcopy(usual | self._more) if self._more else None

    def _draft(self) -> Resource:
        return DRAFT | {"subject": {"reference": f"Patient/{self.patient}"}}

    def prefetch(self, templates: dict[str, str], context: dict[str, Any]) -> dict[str, Any]:
        """The answer to each template; one whose tokens cannot be filled is left out, as a client does."""
        queries = {key: fill(template, context) for key, template in templates.items()}
        return {key: self.answer(query) for key, query in queries.items() if query is not None and "{{" not in query}

    def answer(self, query: str) -> Any:
        """What a FHIR server answers: a resource or None to a read, a Bundle to a search."""
        path, is_search, parameters = query.partition("?")
        if not is_search:
            type_, _, id_ = path.partition("/")
            return copy.deepcopy(self.resources.read(type_, id_))
        return searchset(copy.deepcopy(self._search(path, parse_qs(parameters))))

    def _search(self, type_: str, parameters: dict[str, list[str]]) -> list[Resource]:
        """Parameters that are not known here are taken for met: the service is there to look closer."""
        try:
            return self.resources.search(type_, parameters)
        except BadRequest:
            return list(self.resources.of_type(type_))


def _appointment() -> Resource:
    return {
        "resourceType": "Appointment",
        "id": "selftest-appointment",
        "status": "proposed",
        "participant": [{"actor": _SUBJECT, "status": "needs-action"}],
    }


def _references(bundle: Any) -> list[str]:
    resources = [entry.get("resource", {}) for entry in bundle.get("entry", ())]
    return [f"{one.get('resourceType')}/{one.get('id')}" for one in resources]


def searchset(resources: Iterable[Resource], **members: Any) -> dict[str, Any]:
    """A searchset Bundle; FHIR allows no empty array, so without resources it has no `entry`."""
    entries = [{"resource": one, "search": {"mode": "match"}} for one in resources]
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    return bundle | ({"entry": entries} if entries else {}) | members
