"""Whether an answer of the service is one that a client may rely on: complaints, each with the requirement it breaks.

Written from the requirements, without a look at what builds the answers: nothing of `cds_service.protocol` is used.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from markdown_it import MarkdownIt

from tests.conformance import invariants
from tests.conformance.invariants import objects
from tests.conformance.json_forms import empty_members, read

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OWN_EXTENSION = re.compile(r"[a-z]+(\.[a-z0-9-]+)+")
_SERVICE_ID = re.compile(r"[A-Za-z0-9._~-]+")
_RELATIVE = re.compile(r"[A-Z][A-Za-z]+/[^/]+")
_INSIDE = re.compile(r"Traceback|File \"|\.py\b|site-packages")
_CALL = re.compile(r"/cds-services/[^/]+/?")
_FOR_PROGRAMS = ("/cds-services", "/fhir")
_INDICATORS = ("critical", "warning", "info")
_SEVERITIES = frozenset({"fatal", "error", "warning", "information"})
_ISSUE_TYPES = re.compile(
    "invalid|structure|required|value|invariant|security|login|unknown|expired|forbidden|suppressed|processing|"
    "not-supported|duplicate|multiple-matches|not-found|deleted|too-long|code-invalid|extension|too-costly|"
    "business-rule|conflict|transient|lock-error|no-store|exception|timeout|incomplete|throttled|informational"
)
_REQUIRED_HEADERS = {401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After"}
_ALWAYS_THERE = frozenset({"cards", "services"})
_MARKDOWN = MarkdownIt("gfm-like", {"linkify": False})
_MARKDOWN.validateLink = lambda url: True  # type: ignore[method-assign]  # clients' readers may be less careful


class Answer(NamedTuple):
    """An answer, and what it answers. `headers`: their names in lower case."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes


def complaints(answer: Answer) -> list[str]:
    """What is wrong with an HTTP answer; nothing, as a rule."""
    one_spelling = answer._replace(path=re.sub(r"/{2,}", "/", answer.path))  # CH-DISC-18
    return [f"{answer.method} {answer.path} {answer.status}: {one}" for one in _of_http(one_spelling)]


def _of_http(answer: Answer) -> Iterator[str]:
    kind = answer.headers.get("content-type", "")
    if (
        answer.headers.get("access-control-allow-origin") == "*"
        and "access-control-allow-credentials" in answer.headers
    ):
        yield "CH-SEC-06: everybody's pages may call, with credentials"
    if answer.status >= 400:
        yield from _of_error(answer)
    if answer.method == "HEAD" or not answer.body:
        return
    for_people = kind.startswith("text/html") and not answer.path.startswith(_FOR_PROGRAMS)
    must = answer.path.startswith("/cds-services") or answer.status >= 400
    if must and not for_people and not kind.startswith(("application/json", "application/fhir+json")):
        yield f"CH-GEN-01: the body is {kind or 'of no type'}, not JSON"
    elif "json" in kind:
        yield from _of_json(answer)


def _of_error(answer: Answer) -> Iterator[str]:
    header = _REQUIRED_HEADERS.get(answer.status)
    if header and header.lower() not in answer.headers:
        yield f"CH-STAT-07: {answer.status} without {header}"
    if answer.method != "HEAD" and not answer.body:
        yield "CH-STAT-10: an error without a body"


def _of_json(answer: Answer) -> Iterator[str]:
    try:
        value = read(answer.body)
    except (ValueError, RecursionError) as error:
        yield f"CH-GEN-01: the body is not JSON: {error}"
        return
    if answer.status >= 400:
        yield from of_outcome(value)
    elif answer.path.rstrip("/") == "/cds-services" and answer.method == "GET":
        yield from of_discovery(value)
    elif _CALL.fullmatch(answer.path) and answer.method == "POST":
        if "no-store" not in answer.headers.get("cache-control", ""):
            yield "CH-SEC-09: the cards may be stored"
        yield from of_cards(value)
    elif answer.path.startswith(_FOR_PROGRAMS):
        yield from empty_members(value, "")


def of_body(body: bytes) -> list[str]:
    """What is wrong with the body of an answer with cards."""
    try:
        return list(of_cards(read(body)))
    except (ValueError, RecursionError) as error:
        return [f"CH-GEN-01: the body is not JSON: {error}"]


def of_outcome(value: Any) -> Iterator[str]:
    """An error's OperationOutcome (CH-STAT-09, CH-STAT-10)."""
    if not isinstance(value, dict) or value.get("resourceType") != "OperationOutcome":
        yield "CH-STAT-10: the error is no OperationOutcome"
        return
    yield from empty_members(value, "")
    issues = objects(value, "issue")
    if not any(issue.get("severity") in ("fatal", "error") for issue in issues):
        yield "CH-STAT-10: no issue says what failed"
    for issue in issues:
        if issue.get("severity") not in _SEVERITIES or not _ISSUE_TYPES.fullmatch(str(issue.get("code"))):
            yield f"CH-STAT-10: severity {issue.get('severity')!r} and code {issue.get('code')!r} are not FHIR's"
        if not (_text(_member(issue, "details"), "text") or _text(issue, "diagnostics")):
            yield "CH-STAT-10: an issue without words"
    if _INSIDE.search(str(value)):
        yield "CH-STAT-09: the error shows the inside"


def of_discovery(value: Any) -> Iterator[str]:
    """The list of services (CH-DISC)."""
    if not isinstance(value, dict) or not isinstance(value.get("services"), list):
        yield "CH-DISC-02: there is no array services"
        return
    yield from empty_members(value, "", _ALWAYS_THERE)
    yield from _extension(value, "")
    seen: set[tuple[Any, Any]] = set()
    for index, service in enumerate(value["services"]):
        where = f"services[{index}]"
        if not isinstance(service, dict):
            yield f"CH-DISC-02: {where} is no object"
            continue
        for requirement, name in (("CH-DISC-04", "hook"), ("CH-DISC-05", "description"), ("CH-DISC-06", "id")):
            if not _text(service, name):
                yield f"{requirement}: {where}.{name} is no text"
        if not _SERVICE_ID.fullmatch(str(service.get("id"))):
            yield f"CH-DISC-06: {where}.id would have to be encoded in an address"
        if (service.get("hook"), service.get("id")) in seen:
            yield f"CH-DISC-10: {where} is listed twice for its hook"
        seen.add((service.get("hook"), service.get("id")))
        for requirement, name in (("CH-DISC-07", "title"), ("CH-DISC-09", "usageRequirements")):
            if name in service and not _text(service, name):
                yield f"{requirement}: {where}.{name} is no text"
        prefetch = service.get("prefetch", {})
        if not isinstance(prefetch, dict) or not all(isinstance(query, str) for query in prefetch.values()):
            yield f"CH-DISC-08: {where}.prefetch does not map keys to queries"
        yield from _extension(service, where)


def of_cards(value: Any) -> Iterator[str]:
    """An answer with cards (CH-RESP, CH-CARD and those after), with the invariants cds-resp-1 to -7."""
    if not isinstance(value, dict) or not isinstance(value.get("cards"), list):
        yield "CH-RESP-01: there is no array cards"
        return
    yield from empty_members(value, "", _ALWAYS_THERE)
    yield from invariants.of_response(value)
    yield from _extension(value, "")
    cards = objects(value, "cards")
    if len(cards) < len(value["cards"]):
        yield "CH-RESP-01: a card is no object"
    for index, card in enumerate(cards):
        yield from _of_card(card, f"cards[{index}]")
    ranks = [_INDICATORS.index(card["indicator"]) for card in cards if card.get("indicator") in _INDICATORS]
    if ranks != sorted(ranks):
        yield "CH-CARD-12: a less urgent card stands before a more urgent one"
    for requirement, owners in (
        ("CH-CARD-04", cards),
        ("CH-SUG-02", [one for card in cards for one in objects(card, "suggestions")]),
    ):
        uuids = [owner["uuid"] for owner in owners if "uuid" in owner]
        if not all(isinstance(uuid, str) and _UUID.fullmatch(uuid) for uuid in uuids):
            yield f"{requirement}: a uuid is not a bare UUID in lower case"
        elif len(set(uuids)) < len(uuids):
            yield f"{requirement}: a uuid is given twice"
    system_actions = value.get("systemActions", [])
    if not isinstance(system_actions, list):
        yield "CH-SYS-01: systemActions is no array"
    for index, action in enumerate(objects(value, "systemActions")):
        yield from _of_action(action, f"systemActions[{index}]")


def _of_card(card: dict[str, Any], where: str) -> Iterator[str]:
    summary = card.get("summary")
    if not isinstance(summary, str) or not summary.strip():
        yield f"CH-CARD-01: {where}.summary is no text"
    elif len(summary.encode("utf-16-le")) // 2 >= 140 or "\n" in summary:
        yield f"CH-CARD-01: {where}.summary is not one line of fewer than 140 characters"
    if card.get("indicator") not in _INDICATORS:
        yield f"CH-CARD-02: {where}.indicator is not one of the three"
    yield from _of_source(card.get("source"), f"{where}.source")
    if "detail" in card:
        yield from _of_detail(card["detail"], f"{where}.detail")
    yield from _of_arrays(card, where)
    yield from _extension(card, where)
    for index, reason in enumerate(objects(card, "overrideReasons")):
        yield from _of_coding(reason, f"{where}.overrideReasons[{index}]", "CH-OVR-01")
    for index, link in enumerate(objects(card, "links")):
        yield from _of_link(link, f"{where}.links[{index}]")
    for index, suggestion in enumerate(objects(card, "suggestions")):
        yield from _of_suggestion(suggestion, f"{where}.suggestions[{index}]")


def _of_arrays(card: dict[str, Any], where: str) -> Iterator[str]:
    for requirement, name in (
        ("CH-CARD-11", "suggestions"),
        ("CH-CARD-11", "links"),
        ("CH-CARD-10", "overrideReasons"),
    ):
        if name in card and not (isinstance(card[name], list) and len(objects(card, name)) == len(card[name])):
            yield f"{requirement}: {where}.{name} is no array of objects"
    if "selectionBehavior" in card:
        if card["selectionBehavior"] not in ("at-most-one", "any"):
            yield f"CH-CARD-08: {where}.selectionBehavior is not one of the two"
        if not objects(card, "suggestions"):
            yield f"CH-CARD-09: {where} has a selectionBehavior and no suggestions"


def _of_source(source: Any, where: str) -> Iterator[str]:
    if not isinstance(source, dict):
        yield f"CH-CARD-03: {where} is no object"
        return
    if not _text(source, "label"):
        yield f"CH-SRC-01: {where}.label is no text"
    for name in ("url", "icon"):
        if name in source and not _is_web_address(source[name]):
            yield f"CH-SRC-02: {where}.{name} is no absolute address"
    if "topic" in source:
        yield from _of_coding(source["topic"], f"{where}.topic", "CH-SRC-05")


def _of_detail(detail: Any, where: str) -> Iterator[str]:
    if not isinstance(detail, str):
        yield f"CH-CARD-05: {where} is no text"
    elif (
        "<" in detail or "](" in detail or "]:" in detail
    ):  # reading Markdown is slow, and most details need none of it
        yield from (f"CH-CARD-06: {where} {what}" for what in _of_markdown(detail))


@lru_cache(maxsize=1000)
def _of_markdown(text: str) -> tuple[str, ...]:
    flat = [one for token in _MARKDOWN.parse(text) for one in (token, *(token.children or ()))]
    targets = [str(one.attrGet("href") or one.attrGet("src")) for one in flat if one.type in ("link_open", "image")]
    found = {
        "holds HTML": any(one.type in ("html_block", "html_inline") for one in flat),
        "links to something else than a web page": not all(_is_web_address(target) for target in targets),
    }
    return tuple(what for what, is_so in found.items() if is_so)


def _of_coding(coding: Any, where: str, requirement: str) -> Iterator[str]:
    if not isinstance(coding, dict):
        yield f"{requirement}: {where} is no Coding"
    elif not (_text(coding, "code") and _text(coding, "system")):
        yield f"CH-COD-01: {where} lacks code or system"


def _of_link(link: dict[str, Any], where: str) -> Iterator[str]:
    if not _text(link, "label"):
        yield f"CH-LINK-01: {where}.label is no text"
    if link.get("type") not in ("absolute", "smart"):
        yield f"CH-LINK-02: {where}.type is neither absolute nor smart"
    if not _is_web_address(link.get("url")):
        yield f"CH-LINK-03: {where}.url is no absolute address"
    elif link.get("type") == "smart" and parse_qs(urlsplit(link["url"]).query).keys() & {"iss", "launch"}:
        yield f"CH-LINK-06: {where}.url holds what the client adds"
    if "appContext" in link and not isinstance(link["appContext"], str):
        yield f"CH-LINK-05: {where}.appContext is no string"
    if not isinstance(link.get("autolaunchable", False), bool):
        yield f"CH-LINK-07: {where}.autolaunchable is no boolean"


def _of_suggestion(suggestion: dict[str, Any], where: str) -> Iterator[str]:
    if not _text(suggestion, "label"):
        yield f"CH-SUG-01: {where}.label is no text"
    if not isinstance(suggestion.get("isRecommended", False), bool):
        yield f"CH-SUG-03: {where}.isRecommended is no boolean"
    if "actions" in suggestion and not objects(suggestion, "actions"):
        yield f"CH-SUG-04: {where}.actions is no array of actions"
    for index, action in enumerate(objects(suggestion, "actions")):
        yield from _of_action(action, f"{where}.actions[{index}]")


def _of_action(action: dict[str, Any], where: str) -> Iterator[str]:
    resource = action.get("resource")
    match action.get("type"):
        case "create" | "update" as kind:
            if not isinstance(resource, dict) or not _text(resource, "resourceType"):
                yield f"CH-ACT-03: {where}.resource is no resource"
            elif kind == "update" and not _text(resource, "id"):
                yield f"CH-ACT-04: {where}.resource updates, and has no id"
        case "delete":
            if not _RELATIVE.fullmatch(str(action.get("resourceId"))):
                yield f"CH-ACT-05: {where}.resourceId is not Type/id"
        case _:
            yield f"CH-ACT-01: {where}.type is not one of the three"


def _extension(value: dict[str, Any], where: str) -> Iterator[str]:
    extension = value.get("extension", {})
    if not isinstance(extension, dict):
        yield f"CH-GEN-07: {where} extension is no object"
    elif not all(_OWN_EXTENSION.fullmatch(name) for name in extension):
        yield f"CH-GEN-08: {where} extension has a name that is not reverse-DNS"


def _member(value: dict[str, Any], name: str) -> dict[str, Any]:
    member = value.get(name)
    return member if isinstance(member, dict) else {}


def _text(value: dict[str, Any], name: str) -> str:
    text = value.get(name)
    return text.strip() if isinstance(text, str) else ""


def _is_web_address(address: Any) -> bool:
    if not isinstance(address, str):
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.hostname)


def lower(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by name in lower case."""
    return {name.lower(): value for name, value in headers}
