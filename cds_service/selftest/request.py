"""The request: what a service has to refuse, and what it has to put up with."""

import json
import uuid
from typing import Any

from cds_service.selftest.checks import Group, NotApplicable, Unmet
from cds_service.selftest.ehr import NO_KEY, Ehr, Service, changed, essence, in_context, without
from cds_service.selftest.samples import KNOWN_HOOKS

GROUP = Group("Request")

_UUID_V1 = "5c3b1f0a-6d2e-11ef-9c3a-0242ac120002"
REFUSED = "Bad input is the client's fault, and has to be told as such: neither a defect of the service nor an answer."
_TOLERANT = "Real clients do so; a service that refuses them is silent for all their patients."
GRANTED = "selftest-access-token"
"""What opens the FHIR server; it must not be seen anywhere else."""


def authorization(**changes: Any) -> dict[str, Any]:
    """A `fhirAuthorization`; a change to None takes the member out."""
    usual = {
        "access_token": GRANTED,
        "token_type": "Bearer",  # nosec B105  # a kind of token
        "expires_in": 300,
        "scope": "user/Patient.read user/Observation.read",
        "subject": "selftest",
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


@GROUP.check(
    "CH-STAT-01",
    "MUST",
    sends="a complete call",
    expects="200 with `cards`",
    why="All other checks change one thing about this call.",
)
def complete_call(ehr: Ehr, service: Service) -> None:
    if ehr.is_outside:
        raise NotApplicable(NO_KEY)
    answer = ehr.complete(service)
    if answer.status == 401 and ehr.signer is None:
        raise Unmet("401: the service wants a token; give --key and --issuer, or --expect-auth", answer)
    _ = answer.expect(200).cards


@GROUP.check(
    "CH-REQ-10",
    "MUST",
    sends="a call without `prefetch`, and without a FHIR server",
    expects="200, or 412 where data is needed",
    why="Prefetch is the client's choice; 412 is what the specification has for data that cannot be had.",
)
def without_prefetch(ehr: Ehr, service: Service) -> None:
    ehr.good(service)
    ehr.call(service, without(ehr.request(service), "prefetch")).expect(200, 412)


# What has to be refused

for _name, _requirement, _sends, _change in (
    ("hook_missing", "CH-REQ-02", "a call without `hook`", lambda r, _: without(r, "hook")),
    ("hook_not_text", "CH-REQ-02", "`hook` as a number", lambda r, _: changed(r, hook=42)),
    ("hook_of_another", "CH-REQ-03", "the name of another hook", lambda r, _: changed(r, hook="selftest-no-such-hook")),
    ("hook_instance_missing", "CH-REQ-04", "a call without `hookInstance`", lambda r, _: without(r, "hookInstance")),
    ("hook_instance_not_text", "CH-REQ-04", "`hookInstance` as a number", lambda r, _: changed(r, hookInstance=42)),
    ("context_missing", "CH-REQ-09", "a call without `context`", lambda r, _: without(r, "context")),
    ("context_array", "CH-REQ-09", "`context` as an array", lambda r, _: changed(r, context=[r["context"]])),
    ("context_text", "CH-REQ-09", "`context` as a text", lambda r, _: changed(r, context="patientId=1")),
    ("patient_id_not_text", "CH-CTX-01", "`context.patientId` as an object", lambda r, _: in_context(r, patientId={})),
    ("prefetch_not_object", "CH-STAT-03", "`prefetch` as a text", lambda r, _: changed(r, prefetch="none")),
    ("body_array", "CH-STAT-03", "the request in an array", lambda r, _: [r]),
    ("body_text", "CH-STAT-03", "a JSON text as the body", lambda _r, _s: "patient-view"),
    ("body_empty", "CH-STAT-03", "an empty body", lambda _r, _s: b""),
    ("body_not_json", "CH-REQ-12", "a body that is not JSON", lambda _r, _s: b"hook=patient-view&patientId=1"),
    ("body_truncated", "CH-REQ-12", "a body that ends in the middle", lambda _r, _s: b'{"hook": "patient-view", "cont'),
    ("body_not_utf8", "CH-GEN-01", "a body in Latin-1", lambda r, _: _with_raw(r, b'"na\xefve"')),
    ("not_a_number", "CH-GEN-11", "`NaN` in the body", lambda r, _: _with_raw(r, b"NaN")),
    ("duplicate_keys", "CH-GEN-11", "`hook` twice in the body", lambda r, _: _twice(r)),
):
    GROUP.variant(_requirement, "REC", _name, _change, 400, 422, sends=_sends, why=REFUSED)

GROUP.variant(
    "CH-GEN-11",
    "REC",
    "deep_nesting",
    lambda r, _: _with_raw(r, b"[" * 100_000 + b"]" * 100_000),
    200,
    400,
    413,
    422,
    sends="an extension of 100,000 nested arrays",
    why="A parser that recurses ends the process, and with it every other call.",
)


def _with_raw(request: dict[str, Any], value: bytes) -> bytes:
    """The request with an extension whose value is this JSON, or something that is none."""
    text = json.dumps(changed(request, extension={"org.example.selftest": "HERE"})).encode()
    return text.replace(b'"HERE"', value)


def _twice(request: dict[str, Any]) -> bytes:
    return b'{"hook": "selftest-no-such-hook", ' + json.dumps(request).encode()[1:]


@GROUP.check(
    "CH-CTX-01",
    "REC",
    sends="a call for each field that the hook requires, without it",
    expects="400 (200 or 412 where an order hook comes without its orders)",
    why=REFUSED,
)
def required_context_missing(ehr: Ehr, service: Service) -> None:
    ehr.good(service)
    hook = KNOWN_HOOKS.get(service.hook)
    if hook is None:
        raise NotApplicable(f"the hook {service.hook} is not known here")
    for field in hook.fields:
        if field.required:
            request = ehr.request(service)
            answer = ehr.call(service, changed(request, context=without(request["context"], field.name)))
            answer.expect(400, 422, *((200, 412) if field.forgiven else ()))


# What has to be put up with


def _everywhere(request: dict[str, Any]) -> dict[str, Any]:
    """Members that nobody knows, at every level."""
    unknown = {"xSelftest": {"deep": [1, {"er": True}]}}
    context = request["context"] | unknown
    return request | unknown | {"context": context, "extension": {"org.example.selftest": unknown}}


_EPIC = {
    "com.epic.cdshooks.request.fhir-version": "R4",
    "com.epic.cdshooks.request.bpa-trigger-action": "23",
    "com.epic.cdshooks.request.is-test": "true",
    "internal.epic.cdshooks.request.cds-hooks-specification-version": "1.1",
}
for _name, _requirement, _sends, _change in (
    ("unknown_members", "CH-GEN-09", "members that nobody knows, at every level", lambda r, _: _everywhere(r)),
    (
        "unknown_context",
        "CH-CTX-08",
        "a member of the context that no hook has",
        lambda r, _: in_context(r, ward="3 B"),
    ),
    (
        "vendor_extension",
        "CH-REQ-11",
        "a vendor's extension, all values texts",
        lambda r, _: changed(r, extension=_EPIC),
    ),
    (
        "null_members",
        "CH-REQ-13",
        "`fhirServer`, `fhirAuthorization`, `extension` and `encounterId` as `null`",
        lambda r, _: in_context(
            changed(r, fhirServer=None, fhirAuthorization=None, extension=None), **_no_encounter(r)
        ),
    ),
    (
        "hook_instance_upper_case",
        "CH-REQ-05",
        "`hookInstance` in capitals",
        lambda r, _: changed(r, hookInstance=str(uuid.uuid4()).upper()),
    ),
    ("hook_instance_version_1", "CH-REQ-05", "a UUID of version 1", lambda r, _: changed(r, hookInstance=_UUID_V1)),
    (
        "hook_instance_urn",
        "CH-REQ-05",
        "`urn:uuid:…`",
        lambda r, _: changed(r, hookInstance=f"urn:uuid:{uuid.uuid4()}"),
    ),
    ("hook_instance_braces", "CH-TOL-26", "`{…}`", lambda r, _: changed(r, hookInstance=f"{{{uuid.uuid4()}}}")),
    (
        "user_practitioner_role",
        "CH-CTX-03",
        "a PractitionerRole as the user",
        lambda r, _: in_context(r, userId="PractitionerRole/selftest"),
    ),
    ("user_without_type", "CH-CTX-03", "`userId` without a type", lambda r, _: in_context(r, userId="selftest")),
    (
        "patient_id_with_type",
        "CH-CTX-04",
        "`patientId` as Patient/id",
        lambda r, _: in_context(r, patientId=f"Patient/{r['context']['patientId']}"),
    ),
    (
        "server_without_access",
        "CH-REQ-08",
        "`fhirServer` without `fhirAuthorization`",
        lambda r, _: changed(r, fhirServer="https://fhir.selftest.example/r4"),
    ),
    (
        "access_without_server",
        "CH-REQ-06",
        "`fhirAuthorization` without `fhirServer`",
        lambda r, _: changed(r, fhirAuthorization=authorization()),
    ),
    ("access_empty", "CH-TOL-14", "an empty `access_token`", lambda r, _: _granted(r, access_token="")),  # nosec B106  # none at all
    ("access_missing", "CH-AUTHZ-01", "no `access_token`", lambda r, _: _granted(r, access_token=None)),
    (
        "access_type_lower_case",
        "CH-AUTHZ-01",
        "`token_type` bearer",
        lambda r, _: _granted(r, token_type="bearer"),  # noqa: S106 - a kind of token,  # nosec B106
    ),
    ("access_expires_text", "CH-AUTHZ-06", "`expires_in` as a text", lambda r, _: _granted(r, expires_in="300")),
    ("access_expired", "CH-AUTHZ-06", "`expires_in` of 0", lambda r, _: _granted(r, expires_in=0)),
    (
        "access_scope_smart_v2",
        "CH-AUTHZ-07",
        "SMART scopes of version 2",
        lambda r, _: _granted(r, scope="patient/Observation.rs?category=laboratory launch"),
    ),
    (
        "access_scope_vendor",
        "CH-AUTHZ-07",
        "a vendor's own scopes",
        lambda r, _: _granted(r, scope="OBSERVATION.READ (LABS) MEDICATIONREQUEST.SEARCH (ORDERS)"),
    ),
):
    GROUP.variant(_requirement, "REC", _name, _change, sends=_sends, why=_TOLERANT, same=True)


def _no_encounter(request: dict[str, Any]) -> dict[str, Any]:
    return {} if "encounterId" in request["context"] else {"encounterId": None}


def _granted(request: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A token for a server that is nowhere; the data is in the prefetch."""
    return request | {
        "fhirServer": "https://fhir.selftest.example/r4",
        "fhirAuthorization": authorization(**changes),
    }


@GROUP.check(
    "CH-REQ-05",
    "REC",
    sends="two calls with one `hookInstance` about different charts",
    expects="each answered by its own data",
    why="Clients send one value again and again; an answer that is kept by it is about the wrong chart.",
)
def hook_instance_repeated(ehr: Ehr, service: Service) -> None:
    good = ehr.good(service)
    bare = changed(ehr.request(service), prefetch=dict.fromkeys(ehr.searches(service)) | _reads(ehr, service))
    alone = ehr.call(service, changed(bare, hookInstance=str(uuid.uuid4())))
    if alone.status == 200 and essence(alone.cards) == essence(good.cards):
        raise NotApplicable("this patient's cards are the same without any data; give --patient-bundle")
    same = str(uuid.uuid4())
    ehr.call(service, changed(ehr.request(service), hookInstance=same))
    second = ehr.call(service, changed(bare, hookInstance=same))
    if second.status != alone.status or (alone.status == 200 and essence(second.cards) != essence(alone.cards)):
        raise Unmet("the second call was not answered as its data deserve", second)


def _reads(ehr: Ehr, service: Service) -> dict[str, Any]:
    sent = ehr.request(service)["prefetch"]
    return {key: sent[key] for key, template in service.prefetch.items() if "?" not in template and key in sent}
