"""Drafts around statins: stop or hold the order on record, and put the reaction on the allergy list (B1 R6)."""

from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.chart.facts import DrugCourse
from hooks.suggestions.resources import build, coding, create, suggestion
from hooks.suggestions.revisions import as_sent, delete, update

ATC = "http://www.whocc.no/atc"
NOTE = "anti-HMGCR myopathy: do not rechallenge"
_UPDATABLE = ("MedicationStatement/", "MedicationRequest/")


def change_status(a: Assessment, courses: tuple[DrugCourse, ...], status: str, verb: str) -> tuple[Suggestion, ...]:
    """One `update` for each active resource behind the courses: the whole resource, only its status changed.

    A resource whose JSON was not kept or cannot be sent back, or that is not active itself (a draft, a record of the
    past), is left alone.
    """
    references = dict.fromkeys(
        reference for c in courses for reference in (c.source, *c.sources) if reference.startswith(_UPDATABLE)
    )
    found: list[Suggestion] = []
    for reference in references:
        resource = as_sent(a, reference)
        if resource and resource.get("status") == "active":
            where = "order" if reference.startswith("MedicationRequest/") else "entry of the medication list"
            description = f"{verb} the statin: {where} {reference} becomes {status}"
            action = update(description, {**resource, "status": status})
            found.append(suggestion(f"{verb} the statin ({where})", action, recommended=True))
    return tuple(found)


def remove_orders(orders: tuple[DrugCourse, ...]) -> tuple[Suggestion, ...]:
    """A deletion of each order of the request that has an id to name it by."""
    actions = [delete(f"Remove the order of the statin: {order.source}", order) for order in orders]
    return tuple(suggestion("Remove the order of the statin", action, recommended=True) for action in actions if action)


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
