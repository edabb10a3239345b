"""What cards offer: suggestions with their actions, links, and reasons to dismiss them."""

import re
from urllib.parse import parse_qs, urlsplit

from cds_service.selftest.checks import Group
from cds_service.selftest.rules import UUID, Part, array_missing, is_text, is_web_address, rules_of, texts_missing

GROUP = Group("Suggestions and links")
_rule = rules_of(GROUP)
_RELATIVE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-._~]+")


@_rule("CH-SUG-01", "MUST", "suggestion", "`label`: a text", "It is what stands on the button.")
def suggestion_label(part: Part) -> str:
    return texts_missing(part, "label")


@_rule(
    "CH-SUG-02",
    "REC",
    "suggestion",
    "`uuid`: a UUID in lower case",
    "Without it an accepted suggestion cannot be told.",
)
def suggestion_uuid(part: Part) -> str:
    found = part.get("uuid")
    return "" if isinstance(found, str) and UUID.fullmatch(found) else f"`uuid` is {found!r}"


@_rule(
    "CH-SUG-04",
    "MUST",
    "suggestion",
    "`actions`, if there, an array that holds something",
    "Clients walk through it.",
)
def suggestion_actions(part: Part) -> str:
    return array_missing(part, "actions")


@_rule(
    "CH-SUG-06",
    "MUST",
    "suggestion",
    "no `actionSelectionBehavior`",
    "It is of version 3.0, for clients known to support it.",
)
def action_selection_behavior(part: Part) -> str:
    return "`actionSelectionBehavior` is there" if "actionSelectionBehavior" in part else ""


@_rule("CH-ACT-01", "MUST", "action", "`type`: create, update or delete", "Clients do nothing with others.")
def action_type(part: Part) -> str:
    return "" if part.get("type") in ("create", "update", "delete") else f"`type` is {part.get('type')!r}"


@_rule(
    "CH-ACT-02",
    "MUST",
    "action",
    "`description`: a text",
    "The clinician reads it before taking the suggestion.",
)
def action_description(part: Part) -> str:
    return texts_missing(part, "description")


@_rule(
    "CH-ACT-03",
    "MUST",
    "action",
    "create and update: a whole FHIR resource as an object",
    "Clients file it as it is.",
)
def action_resource(part: Part) -> str:
    resource = part.get("resource")
    if part.get("type") == "delete":
        return ""
    return (
        "" if isinstance(resource, dict) and is_text(resource.get("resourceType")) else "`resource` is no FHIR resource"
    )


@_rule(
    "CH-ACT-04",
    "MUST",
    "action",
    "update: the resource's `id` kept",
    "The client has to know which one it replaces.",
)
def action_update(part: Part) -> str:
    resource = part.get("resource")
    known = part.get("type") != "update" or (isinstance(resource, dict) and is_text(resource.get("id")))
    return "" if known else "the updated resource has no `id`"


@_rule(
    "CH-ACT-05",
    "SHOULD",
    "action",
    "delete: `resourceId` as Type/id, and no `resource`",
    "The other form is deprecated.",
)
def action_delete(part: Part) -> str:
    if part.get("type") != "delete":
        return ""
    known = isinstance(part.get("resourceId"), str) and _RELATIVE.fullmatch(part["resourceId"])
    return "" if known and "resource" not in part else "`resourceId` is not Type/id, or a `resource` is there"


@_rule("CH-OVR-01", "MUST", "reason", "`code`, `system` and `display`", "Clients show it, and send it back.")
def override_reason(part: Part) -> str:
    return texts_missing(part, "code", "system", "display")


@_rule("CH-LINK-01", "MUST", "link", "`label`, `url` and `type`", "All three are required.")
def link(part: Part) -> str:
    return texts_missing(part, "label", "url", "type")


@_rule("CH-LINK-02", "MUST", "link", "`type`: absolute or smart", "Clients know no others.")
def link_type(part: Part) -> str:
    return "" if part.get("type") in ("absolute", "smart") else f"`type` is {part.get('type')!r}"


@_rule("CH-LINK-03", "MUST", "link", "`url`: an absolute web address", "It is opened from elsewhere.")
def link_url(part: Part) -> str:
    return "" if is_web_address(part.get("url")) else f"`url` is {part.get('url')!r}"


@_rule(
    "CH-LINK-04",
    "MUST",
    "link",
    "`appContext`: a text, and on smart links only",
    "It goes to the app by the SMART launch.",
)
def link_app_context(part: Part) -> str:
    if "appContext" not in part:
        return ""
    return (
        ""
        if part.get("type") == "smart" and is_text(part["appContext"])
        else "`appContext` is no text, or not on a smart link"
    )


@_rule("CH-LINK-06", "MUST", "link", "no `iss` and `launch` in a smart link's URL", "The client adds them.")
def link_launch(part: Part) -> str:
    query = (
        parse_qs(urlsplit(part["url"]).query) if part.get("type") == "smart" and is_web_address(part.get("url")) else {}
    )
    return "the URL has `iss` or `launch`" if {"iss", "launch"} & set(query) else ""
