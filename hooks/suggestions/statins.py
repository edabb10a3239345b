"""Drafts around statins: stop or hold the order on record, and put the reaction on the allergy list (B1 R6)."""

from typing import Any

import msgspec

from cds_service.protocol.cards import Action, Suggestion
from hooks.assessment import Assessment
from hooks.chart.facts import DrugCourse
from hooks.suggestions.resources import build, coding, create, suggestion

ATC = "http://www.whocc.no/atc"
NOTE = "anti-HMGCR myopathy: do not rechallenge"
_UPDATABLE = ("MedicationStatement/", "MedicationRequest/")


def change_status(a: Assessment, courses: tuple[DrugCourse, ...], status: str, verb: str) -> tuple[Suggestion, ...]:
    """One `update` for each active resource behind the courses: the whole resource, only its status changed.

    A resource whose JSON was not kept, or that is not active itself (a draft, a record of the past), is left alone.
    """
    references = dict.fromkeys(
        reference for c in courses for reference in (c.source, *c.sources) if reference.startswith(_UPDATABLE)
    )
    found: list[Suggestion] = []
    for reference in references:
        raw = a.chart.raw.get(reference)
        resource: dict[str, Any] = msgspec.json.decode(raw) if raw is not None else {}
        if resource.get("status") == "active":
            where = "order" if reference.startswith("MedicationRequest/") else "entry of the medication list"
            action = Action(
                type="update",
                description=f"{verb} the statin: {where} {reference} becomes {status}",
                resource={**resource, "status": status},
            )
            found.append(suggestion(f"{verb} the statin ({where})", action, recommended=True))
    return tuple(found)


def record_intolerance(a: Assessment) -> Suggestion:
    """A new entry on the allergy list for statins as a class, to be confirmed by the clinician."""
    system = "http://terminology.hl7.org/CodeSystem/allergyintolerance"
    entry = build(
        a,
        "AllergyIntolerance",
        {
            "clinicalStatus": {"coding": [{"system": f"{system}-clinical", "code": "active"}]},
            "verificationStatus": {"coding": [{"system": f"{system}-verification", "code": "unconfirmed"}]},
            "category": ["medication"],
            "criticality": "high",
            "code": {
                "text": "Statins (HMG-CoA reductase inhibitors), all",
                "coding": [coding(ATC, "C10AA", "HMG CoA reductase inhibitors")],
            },
            "note": [{"text": NOTE}],
        },
    )
    return suggestion(
        "Record statin intolerance (all statins)",
        create(f"Add statins, as a class, to the allergy list; {NOTE}", entry),
        recommended=True,
    )
