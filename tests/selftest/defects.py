"""One defect for each check: what a broken service trips over, overlooks or spoils. Keys are names of checks."""

import json
from collections.abc import Callable
from typing import Any

import msgspec


class Seen(msgspec.Struct, frozen=True):
    """A request body, and what can be read of it."""

    raw: bytes
    media_type: str = "application/json"
    framing: str = ""
    path: str = ""

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.raw)
        except (ValueError, RecursionError):
            return None

    @property
    def body(self) -> dict[str, Any]:
        return self.json if isinstance(self.json, dict) else {}

    @property
    def context(self) -> dict[str, Any]:
        found = self.body.get("context")
        return found if isinstance(found, dict) else {}

    @property
    def prefetch(self) -> dict[str, Any]:
        found = self.body.get("prefetch")
        return found if isinstance(found, dict) else {}

    @property
    def labs(self) -> Any:
        return self.prefetch.get("labs", "missing")

    @property
    def access(self) -> dict[str, Any]:
        return self.body.get("fhirAuthorization") or {}

    @property
    def orders(self) -> dict[str, Any]:
        return self.context.get("draftOrders") or {}

    @property
    def items(self) -> list[dict[str, Any]]:
        found = self.body.get("feedback")
        return found if isinstance(found, list) else []


Sight = Callable[[Seen], Any]

REFUSED: dict[str, Sight] = {
    "body_empty": lambda s: s.raw == b"",
    "deep_nesting": lambda s: b"[" * 1000 in s.raw,
    "gzip_that_is_none": lambda s: s.framing == "no gzip",
    "not_a_number": lambda s: b"NaN" in s.raw,
    "body_not_utf8": lambda s: b"\xef" in s.raw,
    "body_not_json": lambda s: s.raw.startswith(b"hook="),
    "body_truncated": lambda s: s.json is None,
    "body_array": lambda s: isinstance(s.json, list),
    "body_text": lambda s: isinstance(s.json, str),
    "duplicate_keys": lambda s: s.raw.count(b'"hook"') > 1,
    "hook_missing": lambda s: "hook" not in s.body,
    "hook_not_text": lambda s: not isinstance(s.body["hook"], str),
    "hook_of_another": lambda s: s.body["hook"] != ("order-select" if "orders" in s.path else "patient-view"),
    "hook_instance_missing": lambda s: "hookInstance" not in s.body,
    "hook_instance_not_text": lambda s: not isinstance(s.body["hookInstance"], str),
    "context_missing": lambda s: "context" not in s.body,
    "context_array": lambda s: isinstance(s.body["context"], list),
    "context_text": lambda s: isinstance(s.body["context"], str),
    "patient_id_not_text": lambda s: isinstance(s.context.get("patientId"), dict),
    "required_context_missing": lambda s: not {"userId", "patientId"} <= s.context.keys(),
    "prefetch_not_object": lambda s: isinstance(s.body.get("prefetch"), str),
}
"""Answered with 400. The defect: with 200."""


def _severities(labs: Any) -> str:
    return json.dumps(labs.get("entry")) if isinstance(labs, dict) else ""


def _type(value: Any) -> Any:
    return value.get("resourceType") if isinstance(value, dict) else None


def _bundle(value: Any) -> dict[str, Any]:
    return value if _type(value) == "Bundle" else {}


TRIPS: dict[str, Sight] = {
    "complete_call": lambda _: True,
    "without_prefetch": lambda s: "prefetch" not in s.body,
    "deep_nesting": lambda s: b"[" * 1000 in s.raw,
    "unknown_members": lambda s: "xSelftest" in s.body,
    "unknown_context": lambda s: "ward" in s.context,
    "vendor_extension": lambda s: b"com.epic.cdshooks.request.is-test" in s.raw,
    "null_members": lambda s: "fhirServer" in s.body and s.body["fhirServer"] is None,
    "hook_instance_upper_case": lambda s: s.body["hookInstance"].isupper(),
    "hook_instance_version_1": lambda s: s.body["hookInstance"][14] == "1",
    "hook_instance_urn": lambda s: s.body["hookInstance"].startswith("urn:"),
    "hook_instance_braces": lambda s: s.body["hookInstance"].startswith("{"),
    "user_practitioner_role": lambda s: s.context["userId"].startswith("PractitionerRole/"),
    "user_without_type": lambda s: "/" not in s.context["userId"],
    "patient_id_with_type": lambda s: "/" in s.context["patientId"],
    "server_without_access": lambda s: "fhirServer" in s.body and "fhirAuthorization" not in s.body,
    "access_without_server": lambda s: "fhirServer" not in s.body and "fhirAuthorization" in s.body,
    "access_empty": lambda s: s.access.get("access_token") == "",
    "access_missing": lambda s: s.access and "access_token" not in s.access,
    "access_type_lower_case": lambda s: s.access.get("token_type") == "bearer",
    "access_expires_text": lambda s: s.access.get("expires_in") == "300",
    "access_expired": lambda s: s.access.get("expires_in") == 0,
    "access_scope_smart_v2": lambda s: ".rs?" in s.access.get("scope", ""),
    "access_scope_vendor": lambda s: "(" in s.access.get("scope", ""),
    "media_type_charset": lambda s: "charset" in s.media_type,
    "media_type_fhir": lambda s: "fhir" in s.media_type,
    "media_type_text": lambda s: "text/plain" in s.media_type,
    "media_type_form": lambda s: "form" in s.media_type,
    "large_body": lambda s: len(s.raw) > 2_000_000,
    "gzip_body": lambda s: s.framing == "gzip",
    "chunked_body": lambda s: s.framing == "chunked",
    "expect_continue": lambda s: s.framing == "expect",
    "service_path_variants": lambda s: s.path.endswith("/") or "//" in s.path,
    "prefetch_empty": lambda s: s.body.get("prefetch") == {},
    "key_missing": lambda s: s.prefetch and "labs" not in s.prefetch,
    "search_null": lambda s: s.labs is None,
    "search_empty_bundle": lambda s: _bundle(s.labs) and "entry" not in s.labs and "link" not in s.labs,
    "search_empty_entry": lambda s: _bundle(s.labs).get("entry") == [],
    "search_outcome": lambda s: _type(s.labs) == "OperationOutcome",
    "search_outcome_in_bundle": lambda s: '"error"' in _severities(s.labs),
    "search_paged": lambda s: "link" in _bundle(s.labs),
    "search_as_text": lambda s: s.labs == "none",
    "search_as_number": lambda s: s.labs == 7,
    "search_as_array": lambda s: s.labs == [],
    "search_as_html": lambda s: str(s.labs).startswith("<html"),
    "search_as_other_resource": lambda s: _type(s.labs) == "Practitioner",
    "search_as_nonsense": lambda s: 7 in _bundle(s.labs).get("entry", ()),
    "search_as_object": lambda s: s.labs == {"id": "x"},
    "search_advisory_outcome": lambda s: '"warning"' in _severities(s.labs),
    "read_outcome": lambda s: _type(s.prefetch.get("patient")) == "OperationOutcome",
    "read_as_text": lambda s: s.prefetch.get("patient") == "123",
    "read_in_bundle": lambda s: _bundle(s.prefetch.get("patient")),
    "search_bare_bundle": lambda s: _bundle(s.labs) and "type" not in s.labs,
    "unknown_keys": lambda s: "selftestUnknown" in s.prefetch,
    "long_id": lambda s: len(s.context["patientId"]) > 200,
    "absolute_references": lambda s: b"/r4/Patient/" in s.raw,
    "with_and_without_encounter": lambda s: "encounterId" in s.context,
    "orders_without_bundle_type": lambda s: "entry" in s.orders and "type" not in s.orders,
    "orders_without_entries": lambda s: s.orders and "entry" not in s.orders,
    "orders_without_dose_and_status": lambda s: any("status" not in e["resource"] for e in s.orders.get("entry", ())),
    "orders_signed_before": lambda s: b'"active"' in json.dumps(s.orders).encode(),
    "orders_of_other_types": lambda s: b"NutritionOrder" in s.raw,
    "orders_of_older_versions": lambda s: b"ProcedureRequest" in s.raw,
    "selections_unmatched": lambda s: b"selftest-nowhere" in s.raw,
    "useless_token_in_open_mode": lambda s: s.framing == "useless token",
}
"""A service that has the defect answers such a call with 500."""

FEEDBACK_REFUSED: dict[str, Sight] = {
    "feedback_not_json": lambda s: s.json is None,
    "feedback_no_list": lambda s: "selftest" in s.body,
}
"""Answered with 400. The defect: with 200."""

FEEDBACK_TRIPS: dict[str, Sight] = {
    "feedback_accepted": lambda s: any(one.get("outcome") == "accepted" for one in s.items),
    "feedback_overridden": lambda s: s.items[0].keys() == {"card", "outcome", "outcomeTimestamp"},
    "feedback_reason_and_comment": lambda s: b"Seen, later" in s.raw,
    "feedback_unknown_reason": lambda s: b'"x9"' in s.raw,
    "feedback_batch": lambda s: len(s.items) == 3,
    "feedback_duplicates": lambda s: len(s.items) == 2 and s.items[0] == s.items[1],
    "feedback_unknown_card": lambda s: s.items and not s.items[0]["card"].startswith("c0ffee00"),
    "feedback_odd_card_id": lambda s: s.items[0].get("card") == "abc",
    "feedback_reason_code_only": lambda s: b'"reason": {"code": "selftest"}' in s.raw,
    "feedback_plural_reasons": lambda s: b"overrideReasons" in s.raw,
    "feedback_timestamp_fraction": lambda s: b".123456Z" in s.raw,
    "feedback_timestamp_offset": lambda s: b"+01:00" in s.raw,
    "feedback_long_comment": lambda s: b"<script>" in s.raw,
    "feedback_unknown_members": lambda s: "y" in s.body,
    "feedback_bare": lambda s: "card" in s.body,
    "feedback_array": lambda s: isinstance(s.json, list),
    "feedback_no_card": lambda s: s.items and "card" not in s.items[0],
    "feedback_no_outcome": lambda s: s.items and "outcome" not in s.items[0],
    "feedback_no_timestamp": lambda s: s.items and "outcomeTimestamp" not in s.items[0],
}
"""A service that has the defect answers such feedback with 500."""

Spoil = Callable[[dict[str, Any]], Any]


def _card(spoil: Spoil) -> Spoil:
    return lambda response: spoil(response["cards"][0])


def _suggestion(spoil: Spoil) -> Spoil:
    return lambda response: spoil(response["cards"][0]["suggestions"][0])


def _action(type_: str, spoil: Spoil) -> Spoil:
    actions = {"create": 0, "update": 1, "delete": 2}
    return lambda response: spoil(response["cards"][0]["suggestions"][0]["actions"][actions[type_]])


def _link(spoil: Spoil, number: int = 0) -> Spoil:
    return lambda response: spoil(response["cards"][0]["links"][number])


def _put(**members: Any) -> Spoil:
    return lambda part: part.update(members)


def _drop(name: str) -> Spoil:
    return lambda part: part.pop(name)


ANSWERS: dict[str, Spoil] = {
    "answer_cards": _put(cards="none"),
    "answer_null_free": _card(_put(detail=None)),
    "answer_no_empties": _card(_put(links=[])),
    "answer_system_actions": _put(systemActions=[]),
    "answer_most_urgent_first": lambda response: response["cards"].reverse(),
    "answer_summary": _card(_put(summary="x" * 140)),
    "answer_summary_on_one_line": _card(_put(summary="one\ntwo")),
    "answer_indicator": _card(_put(indicator="hard-stop")),
    "answer_source": _card(_put(source={"url": "https://cds.example"})),
    "answer_uuid": _card(_drop("uuid")),
    "answer_detail": _card(_put(detail=7)),
    "answer_selection_behavior_there": _card(_drop("selectionBehavior")),
    "answer_selection_behavior": _card(_put(selectionBehavior="all")),
    "answer_selection_behavior_alone": _card(_drop("suggestions")),
    "answer_arrays": _card(_put(links={})),
    "answer_recommended": lambda response: response["cards"][0].update(
        selectionBehavior="at-most-one", suggestions=response["cards"][0]["suggestions"] * 2
    ),
    "answer_source_addresses": _card(lambda card: card["source"].update(url="/rules")),
    "answer_topic": _card(lambda card: card["source"].update(topic=[{"code": "a", "system": "b"}])),
    "answer_suggestion_label": _suggestion(_drop("label")),
    "answer_suggestion_uuid": _suggestion(_put(uuid="1")),
    "answer_suggestion_actions": _suggestion(_put(actions=[])),
    "answer_action_selection_behavior": _suggestion(_put(actionSelectionBehavior="all")),
    "answer_action_type": _action("create", _put(type="CREATE")),
    "answer_action_description": _action("create", _drop("description")),
    "answer_action_resource": _action("create", _put(resource="{}")),
    "answer_action_update": _action("update", lambda action: action["resource"].pop("id")),
    "answer_action_delete": _action("delete", _put(resourceId="1")),
    "answer_override_reason": _card(lambda card: card["overrideReasons"][0].pop("display")),
    "answer_link": _link(_drop("label")),
    "answer_link_type": _link(_put(type="app")),
    "answer_link_url": _link(_put(url="/more")),
    "answer_link_app_context": _link(_put(appContext="x")),
    "answer_link_launch": _link(_put(url="https://app.example/launch?iss=x"), 1),
    "answer_extension": _put(extension=[1]),
    "answer_extension_names": _put(extension={"debug": 1}),
    "uuids_unique": _card(_put(uuid="c0ffee00-0000-4000-8000-000000000000")),
}
"""What a service that has the defect does to each answer with cards."""


def _template(key: str, text: str) -> Spoil:
    return lambda entry: entry["prefetch"].update({key: text})


DISCOVERY: dict[str, Spoil] = {
    "discovery_hook": _drop("hook"),
    "discovery_description": _put(description=" "),
    "discovery_id": _put(id=7),
    "discovery_title": _drop("title"),
    "discovery_id_in_url": _put(id="my service"),
    "discovery_prefetch_shape": _put(prefetch={"patient": {"query": "Patient/1"}}),
    "discovery_usage_requirements": _put(usageRequirements=["a token"]),
    "discovery_hook_name": _put(hook="MyHook"),
    "discovery_null_free": _put(usageRequirements=None),
    "discovery_no_empties": _put(prefetch={}),
    "discovery_ids_answer": _put(id="elsewhere"),
    "template_pt_01": _template("x", "/Patient/{{context.patientId}}"),
    "template_pt_02": _template("x", "Patient/{context.patientId}"),
    "template_pt_03": _template("x", "Patient/{{patientId}}"),
    "template_pt_04": _template("x", "Patient/{{context.patient.id}}"),
    "template_pt_05": _template("x", "Patient/{{context.selections}}"),
    "template_pt_07": _template("x", "Practitioner/{{context.userId}}"),
    "template_pt_08": _template("x", "Observation?_has:x:y=1"),
    "template_pt_10": _template("x", "Observation?sort:desc=date"),
    "template_pt_11": _template("x", "Observation?date=ge2020&date=le2021"),
    "template_pt_12": _template("x", "Observation?code=http://loinc.org|1"),
    "template_pt_13": _template("my-key", "Patient/{{context.patientId}}"),
    "template_pt_15": _template("x", "Observation?date=ge{{today() - 90 days}}"),
}
"""What a service that has the defect does to its first entry."""
