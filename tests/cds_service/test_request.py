"""Bytes → CdsRequest: what is refused, where it says so, and what is tolerated."""

import gzip
import json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.errors import BadRequest, BodyTooLarge, InvalidRequest, NotJson, ServiceError
from cds_service.protocol.hooks import HOOKS, checked_context
from cds_service.protocol.request import MOST_OUTSIDE_PREFETCH, CdsRequest, FhirAuthorization, inflate, parse
from tests.cds_service.support import PATIENT, TOKEN, bundle, condition, request, with_access


def parsed(members: Any, *, strict: bool = False) -> CdsRequest:
    return parse(json.dumps(members).encode(), strict=strict)


def refusal(body: bytes | dict[str, Any], *, strict: bool = False) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        parse(body if isinstance(body, bytes) else json.dumps(body).encode(), strict=strict)
    assert caught.value.status == 400
    return caught.value


def place(error: ServiceError) -> str:
    return error.issues[0].where


def context(members: Any, hook: str = "patient-view", *, strict: bool = False) -> dict[str, Any]:
    return checked_context(HOOKS[hook], members, strict=strict)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"<html></html>",
        b"{",
        b"{}{}",
        b"{'hook': 'x'}",
        b'{"hook": "x",}',
        b"\xff\xfe{\x00}\x00",
        b'{"hook": "\xff"}',
        b'{"prefetch": {"a": "\xff"}}',
        b'{"a": 01}',
        b'{"a": "\x01"}',
    ],
)
def test_CH_STAT_03_not_json(body: bytes) -> None:
    assert isinstance(refusal(body), NotJson)


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"text"', b"true"])
def test_CH_STAT_03_not_an_object(body: bytes) -> None:
    assert "object" in refusal(body).issues[0].text


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("body", ['{"hook": %s}', '{"context": {"x": %s}}', '{"prefetch": {"labs": {"value": %s}}}'])
def test_CH_GEN_11_no_nan_anywhere(body: str, number: str) -> None:
    assert isinstance(refusal((body % number).encode()), NotJson)


LONG = json.dumps(bundle(*[condition() for _ in range(20)]))


@pytest.mark.parametrize(
    "body",
    [
        '{"hook": "a", "hook": "b"}',
        '{"context": {"patientId": "1", "patientId": "2"}}',
        '{"context": {"x": {"y": 1, "y": 2}}}',
        '{"prefetch": {"labs": null, "labs": 1}}',
        '{"prefetch": {}, "prefetch": {}}',
        '{"prefetch": {"labs": LONG, "labs": LONG}}',
        '{"prefetch": {"labs": LONG, "other": LONG, "labs": null}}',
        '{"prefetch": {"labs": LONG}, "prefetch": {"labs": LONG}}',
        '{"fhirServer": "a", "prefetch": {"labs": LONG, "other": LONG}, "fhirServer": "b"}',
        '{"prefetch": {"a": LONG, "b": LONG, "a": [LONG]}}',
    ],
)
def test_CH_GEN_11_no_duplicate_keys(body: str) -> None:
    error = refusal(body.replace("LONG", LONG).encode())
    assert isinstance(error, NotJson)
    assert "same key twice" in error.issues[0].text


@pytest.mark.parametrize("text", ["1.50", "1e3", "-0.0", "1e-7", "0.1234567890123456789"])
def test_decimals_of_the_context_keep_their_precision(text: str) -> None:
    body = json.dumps(request(context={"patientId": "p", "x": {"y": 0}})).replace('"y": 0', f'"y": {text}')
    found = parse(body.encode()).context["x"]["y"]
    assert (type(found), found.as_tuple()) == (Decimal, Decimal(text).as_tuple())


def test_CH_GEN_11_a_number_beyond_all_reason_is_400() -> None:
    body = json.dumps(request(context={"patientId": "p", "x": 0})).replace('"x": 0', f'"x": 1e{"9" * 30}')
    assert isinstance(refusal(body.encode()), NotJson)


@pytest.mark.parametrize("member", ["context", "extension", "unknown"])
def test_CH_STAT_07_nonsense_outside_the_prefetch_is_413_before_it_is_read(member: str) -> None:
    sent = request({"labs": bundle()}) | {member: {"x": [0] * (MOST_OUTSIDE_PREFETCH // 2)}}
    started = time.perf_counter()
    with pytest.raises(BodyTooLarge, match="without its prefetch"):
        parse(json.dumps(sent, separators=(",", ":")).encode())
    assert time.perf_counter() - started < 2


def test_a_long_prefetch_is_no_nonsense() -> None:
    long = bundle(*[condition("x" * 1000) for _ in range(MOST_OUTSIDE_PREFETCH // 1000)])
    assert len(parsed(request({"labs": long})).prefetch["labs"]) > MOST_OUTSIDE_PREFETCH


def test_CH_GEN_11_prefetch_values_are_not_read() -> None:
    odd = '{"resourceType": "Bundle", "x": 1, "x": 2, "filler": "%s"}' % ("x" * 300)
    body = json.dumps(request({"labs": 0})).replace('"labs": 0', f'"labs": {odd}')
    assert bytes(parse(body.encode()).prefetch["labs"]) == odd.encode()


@given(
    prefetch=st.dictionaries(st.text(max_size=5), st.text(max_size=400) | st.none() | st.integers(), max_size=5),
    extra=st.dictionaries(st.text(min_size=1, max_size=5).map(lambda x: "x" + x), st.text(max_size=400), max_size=3),
    indent=st.sampled_from([None, 2]),
    ascii_only=st.booleans(),
)
def test_prefetch_values_come_through_unchanged(
    prefetch: dict[str, Any], extra: dict[str, Any], indent: int | None, ascii_only: bool
) -> None:
    body = json.dumps(extra | request(prefetch) | {"extension": prefetch}, indent=indent, ensure_ascii=ascii_only)
    try:
        encoded = body.encode()
    except UnicodeEncodeError:
        return
    found = parse(encoded)
    assert {key: json.loads(bytes(value)) for key, value in found.prefetch.items()} == prefetch
    assert found.context["patientId"] == PATIENT


@pytest.mark.parametrize(
    "body",
    [
        b'{"prefetch": {"labs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b'{"context": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}",
        b'{"extension": ' + b"[" * 1_000_000,
    ],
)
def test_deep_nesting_is_400(body: bytes) -> None:
    assert isinstance(refusal(body), NotJson)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"hook": 1}, "hook"),
        ({"hook": ["patient-view"]}, "hook"),
        ({"hook": ""}, "hook"),
        ({"hookInstance": 1}, "hookInstance"),
        ({"context": []}, "context"),
        ({"context": "text"}, "context"),
        ({"prefetch": []}, "prefetch"),
        ({"prefetch": "text"}, "prefetch"),
        ({"fhirServer": 1}, "fhirServer"),
        ({"fhirServer": {}}, "fhirServer"),
        ({"fhirAuthorization": "Bearer x"}, "fhirAuthorization"),
        ({"fhirAuthorization": {"access_token": 1}}, "fhirAuthorization.access_token"),
        ({"fhirAuthorization": {"access_token": "a\r\nX-Evil: 1"}}, "fhirAuthorization.access_token"),
        ({"fhirAuthorization": {"access_token": "a b"}}, "fhirAuthorization.access_token"),
        ({"fhirAuthorization": {"access_token": "a", "token_type": []}}, "fhirAuthorization.token_type"),
    ],
)
def test_CH_STAT_03_wrong_types_say_where(changes: dict[str, Any], where: str) -> None:
    assert place(refusal(request() | changes)) == where


@pytest.mark.parametrize("member", ["hook", "hookInstance", "context"])
def test_CH_REQ_02_04_09_required_members(member: str) -> None:
    members = request()
    del members[member]
    assert place(refusal(members)) == member
    assert place(refusal(members | {member: None})) == member


@pytest.mark.parametrize(
    "hook_instance",
    [
        "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "D1577C69-DFBE-44AD-BA6D-3E05E953B2EA",
        "5f0dcb2a-8fbd-11ee-b9d1-0242ac120002",
        "{d1577c69-dfbe-44ad-ba6d-3e05e953b2ea}",
        "urn:uuid:d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
    ],
)
def test_CH_REQ_05_uuid_forms(hook_instance: str) -> None:
    assert parsed(request(hookInstance=hook_instance), strict=True).warnings == ()


def test_CH_REQ_04_other_hook_instances_are_tolerated_unless_strict() -> None:
    members = request(hookInstance="call 7 of Mrs Smith")
    assert parsed(members).warnings == ("hookInstance is not a UUID",)
    assert place(refusal(members, strict=True)) == "hookInstance"


def test_CH_REQ_06_authorization_without_server() -> None:
    members = with_access("unused")
    del members["fhirServer"]
    assert parsed(members).fhir_server is None
    assert place(refusal(members, strict=True)) == "fhirServer"


@pytest.mark.parametrize("prefetch", [None, {}, {"unknown": 1}, {"patient": None}])
def test_CH_REQ_10_prefetch_is_optional(prefetch: Any) -> None:
    assert set(parsed(request() | {"prefetch": prefetch}).prefetch) == set(prefetch or {})


def test_CH_REQ_13_null_members_are_absent() -> None:
    nulls = {"fhirServer": None, "fhirAuthorization": None, "prefetch": None, "extension": None}
    assert parsed(request() | nulls) == parsed(request())
    members = with_access("https://ehr.example.org")
    members["fhirAuthorization"] |= {"token_type": None, "expires_in": None, "patient": None}
    assert parsed(members).authorization == FhirAuthorization(TOKEN)


def test_CH_GEN_09_unknown_members_are_ignored() -> None:
    members = request(extension={"org.example": {"a": [1]}}, more=1)
    members["context"]["more"] = {"deep": True}
    members["fhirAuthorization"] = {"access_token": TOKEN, "more": []}
    assert parsed(members).context["more"] == {"deep": True}


def test_byte_order_mark_is_tolerated() -> None:
    assert parse(b"\xef\xbb\xbf" + json.dumps(request()).encode()).hook == "patient-view"


@pytest.mark.parametrize("token", ["", None])
def test_CH_AUTHZ_01_empty_token_is_no_access(token: str | None) -> None:
    assert parsed(with_access("https://ehr.example.org", access_token=token)).authorization is None


def test_CH_AUTHZ_01_token_type() -> None:
    assert parsed(with_access("https://e.example.org", token_type="bearer")).authorization
    refused = parsed(with_access("https://e.example.org", token_type="mac"))
    assert (refused.authorization, len(refused.warnings)) == (None, 1)


@pytest.mark.parametrize(
    ("expires_in", "usable"),
    [
        (300, True),
        ("300", True),
        (0.5, True),
        ("soon", True),
        ([], True),
        (0, False),
        (-1, False),
        ("0", False),
        ("-5.5", False),
        (10**400, True),
    ],
)
def test_CH_AUTHZ_06_expired_tokens(expires_in: Any, usable: bool) -> None:
    assert bool(parsed(with_access("https://e.example.org", expires_in=expires_in)).authorization) == usable


@pytest.mark.parametrize(
    "scope", ["user/Patient.read patient/*.*", "patient/Observation.rs?category=laboratory", "Vendor (R4) x", 7, []]
)
def test_CH_AUTHZ_07_CH_3_01_scope_is_never_a_parse_error(scope: Any) -> None:
    assert parsed(with_access("https://e.example.org", scope=scope)).authorization


def test_CH_AUTHZ_04_the_token_does_not_show() -> None:
    assert TOKEN not in repr(parsed(with_access("https://e.example.org")))


def test_CH_STAT_09_errors_repeat_no_values() -> None:
    secret = "Mrs Smith"
    bodies: list[dict[str, Any]] = [
        request() | {"hook": [secret]},
        request() | {"context": secret},
        request() | {"fhirAuthorization": {"access_token": f"{secret} "}},
    ]
    for members in bodies:
        assert secret not in repr(refusal(members).issues)
    with pytest.raises(InvalidRequest) as caught:
        context({"userId": "Practitioner/1", "patientId": secret})
    assert secret not in repr(caught.value.issues)


@pytest.mark.parametrize("hook", sorted(HOOKS))
def test_CH_CTX_01_required_context(hook: str) -> None:
    members = {
        "userId": "Practitioner/1",
        "patientId": "1",
        "encounterId": "2",
        "selections": ["MedicationRequest/1"],
        "draftOrders": {"resourceType": "Bundle", "entry": [{}]},
    }
    assert context(members, hook)["patientId"] == "1"
    for field in HOOKS[hook].fields:
        for lacking in ({}, {field.name: None}, {field.name: ""}):
            rest = {name: value for name, value in members.items() if name != field.name} | lacking
            if field.required:
                with pytest.raises(InvalidRequest) as caught:
                    context(rest, hook, strict=True)
                assert place(caught.value) == f"context.{field.name}"
            else:
                assert field.name not in context(rest, hook)


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
@pytest.mark.parametrize("lacking", [{}, {"draftOrders": None, "selections": None}, {"draftOrders": {}}])
def test_CH_TOL_17_clients_leave_out_drafts_and_selections(hook: str, lacking: dict[str, Any]) -> None:
    checked = context({"userId": "Practitioner/1", "patientId": "1", **lacking}, hook)
    assert checked == {"userId": "Practitioner/1", "patientId": "1"}


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"userId": 1}, "context.userId"),
        ({"userId": "Practitioner/1/2"}, "context.userId"),
        ({"userId": "Practitioner/.."}, "context.userId"),
        ({"patientId": 5}, "context.patientId"),
        ({"patientId": ["1"]}, "context.patientId"),
        ({"encounterId": {}}, ""),
        ({"encounterId": 7}, "context.encounterId"),
        ({"selections": "MedicationRequest/1"}, "context.selections"),
        ({"selections": [1]}, "context.selections[0]"),
        ({"draftOrders": '{"resourceType": "Bundle"}'}, "context.draftOrders"),
        ({"draftOrders": {"resourceType": "List"}}, "context.draftOrders"),
    ],
)
def test_CH_CTX_01_wrong_types(changes: dict[str, Any], where: str) -> None:
    members = {
        "userId": "Practitioner/1",
        "patientId": "1",
        "selections": ["MedicationRequest/1"],
        "draftOrders": {"entry": []},
    } | changes
    if not where:
        assert "encounterId" not in context(members, "order-select")
        return
    with pytest.raises(InvalidRequest) as caught:
        context(members, "order-select")
    assert place(caught.value) == where


@pytest.mark.parametrize(
    "patient_id",
    ["1?x=../", "../Patient", "..", ".", "1/2", "1&_include=*", "1,2", "a|b", "a$b", "a b", "a\nb", "a#b", "é", "%zz/"],
)
def test_CH_SSRF_07_injection_ids_are_refused(patient_id: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        context({"userId": "Practitioner/1", "patientId": patient_id})
    assert place(caught.value) == "context.patientId"


@pytest.mark.parametrize(
    ("user_id", "read_as"),
    [("Practitioner/1", "Practitioner/1"), ("PractitionerRole/a.b", "PractitionerRole/a.b"), ("1", "Practitioner/1")],
)
def test_CH_CTX_03_user_id(user_id: str, read_as: str) -> None:
    assert context({"userId": user_id, "patientId": "1"})["userId"] == read_as


def test_CH_CTX_04_typed_ids_are_stripped() -> None:
    found = context({"userId": "Practitioner/1", "patientId": "Patient/1", "encounterId": "Encounter/2"})
    assert (found["patientId"], found["encounterId"]) == ("1", "2")


def test_CH_PF_15_long_ids() -> None:
    assert context({"userId": "Practitioner/1", "patientId": "e" * 250})["patientId"] == "e" * 250


def test_CH_CTX_07_bundles_may_lack_everything() -> None:
    members = {"userId": "Practitioner/1", "patientId": "1", "draftOrders": {"resourceType": "Bundle"}}
    assert context(members, "order-sign")["draftOrders"] == {"resourceType": "Bundle"}


def test_CH_TOL_28_gzip() -> None:
    body = json.dumps(request()).encode()
    assert inflate(gzip.compress(body), len(body)) == body
    assert inflate(gzip.compress(body[:9]) + gzip.compress(body[9:]), len(body)) == body


def test_CH_TOL_28_gzip_is_bounded() -> None:
    with pytest.raises(BodyTooLarge):
        inflate(gzip.compress(b" " * 50_000_000), 1_000_000)
    with pytest.raises(BodyTooLarge):
        inflate(gzip.compress(b" " * 600) * 2, 1_000)


GZIPPED = gzip.compress(b"{}" * 100, mtime=0)


@pytest.mark.parametrize("body", [b"{}", GZIPPED[:-12], GZIPPED + b"rest"])
def test_CH_TOL_28_broken_gzip(body: bytes) -> None:
    with pytest.raises(NotJson):
        inflate(body, 1000)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode(errors="replace")))
def test_no_bytes_are_a_defect(body: bytes) -> None:
    with pytest.raises(ServiceError):
        parse(body)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists), st.data())
def test_no_value_of_any_member_is_a_defect(value: Any, data: st.DataObject) -> None:
    members: dict[str, Any] = with_access("https://ehr.example.org", {"patient": None})
    target = data.draw(st.sampled_from([members, members["context"], members["fhirAuthorization"]]))
    target[data.draw(st.sampled_from(sorted(target)))] = value
    try:
        found = parse(json.dumps(members).encode())
        checked = checked_context(HOOKS["patient-view"], found.context)
    except BadRequest:
        return
    assert checked["patientId"] in (PATIENT, value)


def test_gzip_of_many_members_is_refused() -> None:
    with pytest.raises(NotJson, match="too many members"):
        inflate(gzip.compress(b"") * 1000, 1_000_000)
