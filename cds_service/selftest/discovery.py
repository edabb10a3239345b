"""Discovery: what the service says of itself."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from cds_service.protocol.hooks import OWN_NAME, STANDARD_NAME
from cds_service.protocol.templates import lint
from cds_service.selftest.checks import Group, Level, NotApplicable, Unmet
from cds_service.selftest.ehr import USELESS, Ehr, Service
from cds_service.selftest.samples import KNOWN_HOOKS
from cds_service.selftest.shapes import empties, nulls
from cds_service.selftest.wire import Exchange

GROUP = Group("Discovery")
_looked_at = partial(GROUP.check, each=False, sends="GET of the discovery address")
_URL_SAFE = re.compile(r"[A-Za-z0-9._~-]+")


def entries(answer: Exchange) -> list[dict[str, Any]]:
    """The entries of a discovery answer. Raises Unmet when it is none."""
    answer.expect(200)
    services = answer.json.get("services") if isinstance(answer.json, dict) else None
    if not isinstance(services, list) or not all(isinstance(one, dict) for one in services):
        raise Unmet("the answer has no array `services` of objects", answer)
    return services


def usable(answer: Exchange) -> Iterator[Service]:
    """The services that can be called; what is wrong with the others is a finding of the checks."""
    seen: set[str] = set()
    for entry in entries(answer):
        id_, hook, prefetch = entry.get("id"), entry.get("hook"), entry.get("prefetch")
        if isinstance(id_, str) and isinstance(hook, str) and id_ and id_ not in seen:
            seen.add(id_)
            templates = prefetch.items() if isinstance(prefetch, dict) else ()
            yield Service(id_, hook, {key: text for key, text in templates if isinstance(text, str)})


@_looked_at(
    "CH-DISC-01",
    "MUST",
    expects="200 and JSON",
    why="Clients find the services by it, some of them before every use.",
)
def discovery_answers(ehr: Ehr) -> None:
    answer = ehr.discover().expect(200)
    if not answer.headers.get("content-type", "").startswith("application/json"):
        raise Unmet(f"its Content-Type is {answer.headers.get('content-type', 'missing')}", answer)
    _ = answer.json


@_looked_at(
    "CH-DISC-02",
    "MUST",
    expects="an object with the array `services`",
    why="Without it a client knows no service.",
)
def discovery_lists_services(ehr: Ehr) -> None:
    entries(ehr.discover())


def _entry_check(
    requirement: str, level: Level, name: str, wrong: Callable[[dict[str, Any]], str], *, expects: str, why: str
) -> None:
    """Declare a check of every entry; `wrong` says what is wrong with one, or nothing."""

    @_looked_at(requirement, level, name=name, expects=expects, why=why)
    def check(ehr: Ehr) -> None:
        answer = ehr.discover()
        for number, entry in enumerate(entries(answer)):
            if problem := wrong(entry):
                raise Unmet(f"services[{number}] ({entry.get('id')}): {problem}", answer)


def _no_text(member: str) -> Callable[[dict[str, Any]], str]:
    def wrong(entry: dict[str, Any]) -> str:
        value = entry.get(member)
        return "" if isinstance(value, str) and value.strip() else f"`{member}` is {_shown(value)}"

    return wrong


def _shown(value: Any) -> str:
    return "missing" if value is None else "empty" if value == "" else repr(value)[:60]


_TEXTS: tuple[tuple[str, Level, str, str], ...] = (
    ("CH-DISC-04", "MUST", "hook", "It says when the service wants to be called."),
    ("CH-DISC-05", "MUST", "description", "It is what an administrator reads before the service is admitted."),
    ("CH-DISC-06", "MUST", "id", "It is the last part of the service's address."),
    ("CH-DISC-07", "SHOULD", "title", "Clients name the service by it."),
)
for _requirement, _level, _member, _why in _TEXTS:
    _entry_check(
        _requirement,
        _level,
        f"discovery_{_member}",
        _no_text(_member),
        expects=f"each service's `{_member}` is text",
        why=_why,
    )


def _id_in_url(entry: dict[str, Any]) -> str:
    id_ = entry.get("id")
    return "" if not isinstance(id_, str) or _URL_SAFE.fullmatch(id_) else f"`id` {id_!r} needs encoding in a URL"


def _prefetch_shape(entry: dict[str, Any]) -> str:
    prefetch = entry.get("prefetch", {})
    if not isinstance(prefetch, dict):
        return "`prefetch` is no object"
    return next((f"prefetch.{key} is no text" for key, text in prefetch.items() if not isinstance(text, str)), "")


def _usage(entry: dict[str, Any]) -> str:
    value = entry.get("usageRequirements", "none")
    return "" if isinstance(value, str) and value.strip() else "`usageRequirements` is not text"


def _hook_name(entry: dict[str, Any]) -> str:
    hook = str(entry.get("hook"))
    named = STANDARD_NAME.fullmatch(hook) or OWN_NAME.fullmatch(hook)
    return "" if named else f"the hook {hook!r} is neither a standard name nor one in reverse-DNS form"


_entry_check(
    "CH-DISC-06",
    "REC",
    "discovery_id_in_url",
    _id_in_url,
    expects="ids of letters, digits and . _ ~ -",
    why="Clients put the id into the URL as it is.",
)
_entry_check(
    "CH-DISC-08",
    "MUST",
    "discovery_prefetch_shape",
    _prefetch_shape,
    expects="`prefetch`, if there is one, is an object of texts",
    why="Clients run each text as a FHIR query.",
)
_entry_check(
    "CH-DISC-09",
    "MUST",
    "discovery_usage_requirements",
    _usage,
    expects="`usageRequirements`, if there is one, is text",
    why="It is for people to read.",
)
_entry_check(
    "CH-HOOK-01",
    "MUST",
    "discovery_hook_name",
    _hook_name,
    expects="a hook of the library, or a reverse-DNS name",
    why="Two organisations must not mean different things by one name.",
)


@_looked_at(
    "CH-GEN-03",
    "MUST",
    expects="no `null` anywhere",
    why="Strict clients refuse the whole answer.",
)
def discovery_null_free(ehr: Ehr) -> None:
    answer = ehr.discover()
    if found := list(nulls(answer.json)):
        raise Unmet(f"null at {', '.join(found[:5])}", answer)


@_looked_at(
    "CH-GEN-04",
    "MUST",
    expects="no empty text, array or object but `services: []`",
    why="What has no value is left out.",
)
def discovery_no_empties(ehr: Ehr) -> None:
    answer = ehr.discover()
    if found := [place for place in empties(answer.json) if place != "services"]:
        raise Unmet(f"empty: {', '.join(found[:5])}", answer)


@_looked_at(
    "CH-DISC-10",
    "MUST",
    expects="no two entries with the same `id` and `hook`",
    why="The same id with another hook says that later cards replace earlier ones; with the same hook it says nothing.",
)
def discovery_distinct(ehr: Ehr) -> None:
    answer = ehr.discover()
    names = [(entry.get("id"), entry.get("hook")) for entry in entries(answer)]
    if twice := [name for name in names if names.count(name) > 1]:
        raise Unmet(f"the id {twice[0][0]} with the hook {twice[0][1]} is there twice", answer)


@_looked_at(
    "CH-DISC-11",
    "REC",
    expects="one entry for an `id`",
    why="The public sandbox keeps services by address: a second entry overwrites the first.",
)
def discovery_one_hook_an_id(ehr: Ehr) -> None:
    answer = ehr.discover()
    names = [(entry.get("id"), entry.get("hook")) for entry in entries(answer)]
    for id_, hook in names:
        if any(other == id_ and another != hook for other, another in names):
            raise Unmet(f"the id {id_} has several hooks", answer)


@GROUP.check(
    "CH-DISC-17",
    "REC",
    each=False,
    sends="discovery with a token that nobody can use",
    expects="200, as without one",
    why="Discovery holds no patient data, and some clients fetch it with a token for something else.",
)
def discovery_with_useless_token(ehr: Ehr) -> None:
    if ehr.options.expect_auth or ehr.discover(token=None).status != 200:
        raise NotApplicable("discovery is authenticated here")
    ehr.discover(token=USELESS).expect(200)


@GROUP.check(
    "CH-DISC-19",
    "REC",
    each=False,
    sends="discovery twice",
    expects="the same bytes",
    why="Clients cache it, and administrators compare it.",
)
def discovery_stable(ehr: Ehr) -> None:
    first, second = ehr.discover(), ehr.discover()
    if first.body != second.body:
        raise Unmet("the second answer differs from the first", second)


@GROUP.check(
    "CH-DISC-18",
    "REC",
    each=False,
    sends="discovery with a slash at the end",
    expects="200, without a redirect",
    why="The public sandbox joins addresses as texts; a redirect breaks preflights.",
)
def discovery_trailing_slash(ehr: Ehr) -> None:
    ehr.discover("/").expect(200)


@GROUP.check(
    "CH-DISC-06",
    "MUST",
    sends="a POST to the address of each listed id",
    expects="anything but 404 and 405",
    why="What is listed can be called.",
)
def discovery_ids_answer(ehr: Ehr, service: Service) -> None:
    answer = ehr.complete(service)
    if answer.status in (404, 405):
        raise Unmet(f"{answer.status}: discovery lists {service.id}, and nothing is there", answer)


def _template_check(requirement: str, level: Level, expects: str, why: str) -> None:
    name = requirement.removeprefix("CH-").lower().replace("-", "_")

    @GROUP.check(
        requirement, level, name=f"template_{name}", sends="the published prefetch templates", expects=expects, why=why
    )
    def check(ehr: Ehr, service: Service) -> None:  # noqa: ARG001
        hook = KNOWN_HOOKS.get(service.hook)
        if hook is None:
            raise NotApplicable(f"the hook {service.hook} is not known here")
        if not service.prefetch:
            raise NotApplicable("no prefetch templates are published")
        for key, template in service.prefetch.items():
            for complaint in lint(key, template, hook, required=False):
                found, _, problem = complaint.partition(": ")
                if found == requirement:
                    raise Unmet(f"prefetch.{key} = {template!r}: {problem}")


_TEMPLATE_RULES: tuple[tuple[str, Level, str, str], ...] = (
    ("CH-PT-01", "MUST", "a relative read or search", "Clients put it behind the base of their FHIR server."),
    ("CH-PT-02", "MUST", "tokens in double braces", "Clients replace nothing else."),
    ("CH-PT-03", "MUST", "`context.<field>` or one of the four user tokens", "Clients know no other tokens."),
    ("CH-PT-04", "MUST", "tokens on the context's own members", "Version 2.0 has no paths below them."),
    ("CH-PT-05", "MUST", "tokens on fields that the hook offers as tokens", "Others cannot be put into a URL."),
    (
        "CH-PT-07",
        "REC",
        "no type before `{{context.userId}}`",
        "The value holds its type; clients ask for Type/Type/id.",
    ),
    ("CH-PT-08", "SHOULD", "parameters of the recommended subset", "FHIR servers of record systems know few others."),
    ("CH-PT-10", "REC", "`_sort`, not `sort:`", "The old form is not R4, and is refused or ignored."),
    (
        "CH-PT-11",
        "REC",
        "no parameter twice, one question mark",
        "The public sandbox merges repeated parameters: and becomes or.",
    ),
    ("CH-PT-12", "REC", "reserved characters percent-encoded", "Some clients send the template as it is."),
    ("CH-PT-13", "REC", "keys of letters, digits and _", "They are typed by hand in vendors' configuration."),
    ("CH-PT-15", "REC", "no token of version 3.0", "Clients of 2.0 send such braces on to the FHIR server."),
)
for _template in _TEMPLATE_RULES:
    _template_check(*_template)
