"""Hooks, and the context each of them brings (conformance: section 11 of the hook library)."""

import re
from typing import Any, Literal

import msgspec

from cds_service.errors import InvalidRequest

Kind = Literal["id", "reference", "references", "bundle"]

PATIENT_ID = re.compile(r"[A-Za-z0-9\-._~:=+@]+")
"""FHIR ids of any length (CH-PF-15), with the few more characters seen; none that a query would read as syntax."""
_TYPED_ID = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-._~:=+@]+)")
STANDARD_NAME = re.compile(r"[a-z]+(-[a-z]+)*")
OWN_NAME = re.compile(r"[a-z]+(\.[a-z0-9-]+)+")
"""Hooks of one's own have reverse-DNS names (CH-HOOK-01)."""


class ContextField(msgspec.Struct, frozen=True):
    """One member of a context. `token`: it may stand in a prefetch template as `{{context.<name>}}`.

    `forgiven`: required, but clients are known to leave it out; only a strict service refuses the request then.
    """

    name: str
    kind: Kind
    required: bool
    token: bool
    forgiven: bool = False


class Hook(msgspec.Struct, frozen=True):
    name: str
    fields: tuple[ContextField, ...]

    def field(self, name: str) -> ContextField | None:
        """The field of that name."""
        return next((field for field in self.fields if field.name == name), None)


_COMMON = (
    ContextField("userId", "reference", required=True, token=True),
    ContextField("patientId", "id", required=True, token=True),
    ContextField("encounterId", "id", required=False, token=True),
)
_DRAFTS = ContextField("draftOrders", "bundle", required=True, token=False, forgiven=True)
_SELECTIONS = ContextField("selections", "references", required=True, token=False, forgiven=True)

HOOKS: dict[str, Hook] = {
    hook.name: hook
    for hook in (
        Hook("patient-view", _COMMON),
        Hook("order-select", (*_COMMON, _SELECTIONS, _DRAFTS)),
        Hook("order-sign", (*_COMMON, _DRAFTS)),
    )
}
"""The hooks that are known without registration."""

ORDER_HOOKS = frozenset({"order-select", "order-sign"})
"""Those that ask about the orders in their context."""

USER_TOKENS: dict[str, str] = {
    "userPractitionerId": "Practitioner",
    "userPractitionerRoleId": "PractitionerRole",
    "userPatientId": "Patient",
    "userRelatedPersonId": "RelatedPerson",
}
"""Tokens without `context.`: the id of the user, if the user is of that type (CH-PT-03)."""


def checked_context(hook: Hook, context: dict[str, Any], *, strict: bool = False) -> dict[str, Any]:
    """The context in one spelling: null members gone, ids bare, references typed; unknown members are kept.

    Raises InvalidRequest for a missing or malformed member (CH-CTX-01). The public sandbox asks order services without
    selections and draftOrders when a tab is clicked again, some EHRs without draftOrders where their scope lacks it
    (CH-TOL-17): only `strict` takes offence.
    """
    checked = {name: value for name, value in context.items() if value is not None}
    for field in hook.fields:
        where = f"context.{field.name}"
        if field.name not in checked or checked[field.name] in ("", [], {}):
            if field.required and (strict or not field.forgiven):
                raise InvalidRequest(
                    f"{where} is missing; the hook {hook.name} requires it.", where, "Send it, and not empty."
                )
            checked.pop(field.name, None)
            continue
        checked[field.name] = _CHECKS[field.kind](checked[field.name], where)
    return checked


def _id(value: Any, where: str) -> str:
    text = _text(value, where).removeprefix("Patient/" if where.endswith("patientId") else "Encounter/")
    if not PATIENT_ID.fullmatch(text) or not text.strip("."):
        raise InvalidRequest(f"{where} is not a FHIR id.", where, "Send the resource's id alone, without its type.")
    return text


def _reference(value: Any, where: str) -> str:
    """`Type/id`; a bare id is taken for a Practitioner's (CH-CTX-03)."""
    text = _text(value, where)
    if PATIENT_ID.fullmatch(text) and text.strip("."):
        return f"Practitioner/{text}"
    match = _TYPED_ID.fullmatch(text)
    if match is None or not match[2].strip("."):
        raise InvalidRequest(f"{where} is not a reference.", where, "Send it as ResourceType/id.")
    return text


def _references(value: Any, where: str) -> list[str]:
    if not isinstance(value, list):
        raise InvalidRequest(f"{where} is not an array.", where, "Send an array of references, as ResourceType/id.")
    return [_text(item, f"{where}[{index}]") for index, item in enumerate(value)]


def _bundle(value: Any, where: str) -> dict[str, Any]:
    """A Bundle, which may lack `type` and `entry` (CH-CTX-07)."""
    if not isinstance(value, dict) or value.get("resourceType", "Bundle") != "Bundle":
        raise InvalidRequest(f"{where} is not a Bundle.", where, "Send the FHIR Bundle as a JSON object, not as text.")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise InvalidRequest(f"{where} is not a string.", where, "Send a JSON string.")
    return value


_CHECKS = {"id": _id, "reference": _reference, "references": _references, "bundle": _bundle}
