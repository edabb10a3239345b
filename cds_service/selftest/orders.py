"""Orders in the context: as real clients send them, and of other FHIR versions."""

from typing import Any

from cds_service.selftest.checks import Change, Group, NotApplicable, Unmet
from cds_service.selftest.ehr import Ehr, Service, changed, in_context, without
from cds_service.selftest.shapes import parts

GROUP = Group("Orders")
ORDER_HOOKS = ("order-select", "order-sign")


def _orders(
    requirement: str, name: str, sends: str, change: Change, *, why: str, hooks: tuple[str, ...] = ORDER_HOOKS
) -> None:
    """A check of the order hooks: the changed call is answered."""

    @GROUP.check(requirement, "REC", name=name, sends=sends, expects="200", why=why)
    def check(ehr: Ehr, service: Service) -> None:
        if service.hook not in hooks:
            raise NotApplicable(f"it is for {' and '.join(hooks)}")
        ehr.good(service)
        ehr.call(service, change(ehr.request(service), service)).expect(200)


def _entries(request: dict[str, Any]) -> list[dict[str, Any]]:
    return list(request["context"]["draftOrders"].get("entry", ()))


def _with_entries(request: dict[str, Any], entries: list[dict[str, Any]], **members: Any) -> dict[str, Any]:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries} | members
    return in_context(request, draftOrders={name: value for name, value in bundle.items() if value is not None})


def _with_orders(request: dict[str, Any], *names: str, **members: Any) -> dict[str, Any]:
    """The request whose orders lack these members, and have those."""
    orders = [without(entry["resource"], *names) | members for entry in _entries(request)]
    return _with_entries(request, [{"resource": order} for order in orders])


_OTHERS = (
    {"resourceType": "Medication", "id": "selftest-medication", "code": {"text": "Selftest"}},
    {"resourceType": "NutritionOrder", "id": "selftest-nutrition", "status": "draft"},
    {"resourceType": "VisionPrescription", "id": "selftest-glasses"},
    {"resourceType": "SelftestOrder", "id": "selftest-unknown"},
)
for _requirement, _name, _sends, _change, _why in (
    (
        "CH-TOL-16",
        "orders_without_bundle_type",
        "`draftOrders` without `type`",
        lambda r, _: _with_entries(r, _entries(r), type=None),
        "The public sandbox sends no `type`.",
    ),
    (
        "CH-CTX-07",
        "orders_without_entries",
        "`draftOrders` without `entry`",
        lambda r, _: in_context(r, draftOrders={"resourceType": "Bundle"}),
        "A session may have no orders yet.",
    ),
    (
        "CH-CTX-06",
        "orders_without_dose_and_status",
        "orders without dose, drug, status and intent",
        lambda r, _: _with_orders(
            r, "dosageInstruction", "status", "intent", "code", "medicationCodeableConcept", "medicationReference"
        ),
        "They are still being written.",
    ),
    (
        "CH-CTX-06",
        "orders_signed_before",
        "orders with the status `active`",
        lambda r, _: _with_orders(r, status="active"),
        "A revised order is signed again.",
    ),
    (
        "CH-HOOK-06",
        "orders_of_other_types",
        "resources of other types beside the orders",
        lambda r, _: _with_entries(r, [*_entries(r), *({"resource": one} for one in _OTHERS)]),
        "A session holds orders of all kinds, and vendors send what these refer to.",
    ),
    (
        "CH-TOL-09",
        "orders_of_older_versions",
        "a MedicationOrder (DSTU2) and a ProcedureRequest (STU3) beside the orders",
        lambda r, _: _with_entries(r, [*_entries(r), *_older(r)]),
        "The request does not say its FHIR version, and older ones are still in use.",
    ),
):
    _orders(_requirement, _name, _sends, _change, why=_why)
_orders(
    "CH-CTX-05",
    "selections_unmatched",
    "`selections` that name no order",
    lambda r, _: in_context(r, selections=["MedicationRequest/selftest-nowhere"]),
    why="Clients name orders by ids that the Bundle lacks.",
    hooks=("order-select",),
)


def _older(request: dict[str, Any]) -> list[dict[str, Any]]:
    subject = {"reference": f"Patient/{request['context']['patientId']}"}
    return [
        {"resource": {"resourceType": "MedicationOrder", "id": "selftest-dstu2", "patient": subject}},
        {"resource": {"resourceType": "ProcedureRequest", "id": "selftest-stu3", "subject": subject}},
    ]


@GROUP.check(
    "CH-ACT-07",
    "REC",
    sends="a complete call that says to be DSTU2 (`com.epic.cdshooks.request.fhir-version`)",
    expects="200, and no R4 resource in a suggestion",
    why="The client cannot file an order of a FHIR version that it does not speak.",
)
def other_fhir_version(ehr: Ehr, service: Service) -> None:
    ehr.good(service)
    extension = {"com.epic.cdshooks.request.fhir-version": "DSTU2"}
    answer = ehr.call(service, changed(ehr.request(service), extension=extension)).expect(200)
    for place, action in parts("action", answer.json):
        resource = action.get("resource")
        type_ = resource.get("resourceType") if isinstance(resource, dict) else None
        if type_ in ("MedicationRequest", "ServiceRequest"):
            raise Unmet(f"{place}: a {type_}, which DSTU2 does not have", answer)
