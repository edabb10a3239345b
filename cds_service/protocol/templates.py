"""Prefetch templates: filling in their tokens, and the lint of those we publish (CH-PT)."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from cds_service.protocol.hooks import USER_TOKENS, Hook

_TOKEN = re.compile(r"\{\{(.*?)\}\}")
_SHAPE = re.compile(r"[A-Z][A-Za-z]+[/?].+|\{\{[^{}]+\}\}")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_PARAMETER = re.compile(r"_count|_sort|_lastUpdated|[a-z][a-z-]*(:in)?")
_DATE = re.compile(r"(eq|lt|gt|ge|le)?\d{4}(-\d\d){0,2}(T.*)?")
_DATE_PARAMETERS = frozenset(
    {
        "_lastUpdated",
        "authoredon",
        "date",
        "effective",
        "effective-time",
        "issued",
        "onset-date",
        "recorded-date",
    }
)
_UNENCODED = re.compile(r"[|\s\"<>\\^`]|://")


def fill(query: str, context: dict[str, Any]) -> str | None:
    """The query with its tokens replaced, percent-encoded (CH-SSRF-07); None if the context lacks one of them."""
    pieces: list[str] = []
    position = 0
    for match in _TOKEN.finditer(query):
        value = _value(match[1], context)
        if value is None:
            return None
        in_query = "?" in query[: match.start()]
        pieces += (query[position : match.start()], quote(value, safe="" if in_query else "/"))
        position = match.end()
    return "".join((*pieces, query[position:]))


def _value(token: str, context: dict[str, Any]) -> str | None:
    if token in USER_TOKENS:
        type_, _, id_ = str(context.get("userId", "")).partition("/")
        return id_ if type_ == USER_TOKENS[token] else None
    value = context.get(token.removeprefix("context."))
    return value if isinstance(value, str) else None


def lint(key: str, query: str, hook: Hook, *, required: bool) -> list[str]:
    """What is wrong with a template, each complaint beginning with the requirement; empty when nothing is."""
    return list(_complaints(key, query, hook, required=required))


def _complaints(key: str, query: str, hook: Hook, *, required: bool) -> Iterator[str]:
    if not _KEY.fullmatch(key):
        yield "CH-PT-13: the key must be letters, digits and '_', beginning with a letter"
    if not _SHAPE.fullmatch(query):
        yield "CH-PT-01: a template is a relative read or search (Type/id or Type?…)"
    if re.search(r"[{}]", _TOKEN.sub("", query)):
        yield "CH-PT-02: tokens are written {{…}}"
    for match in _TOKEN.finditer(query):
        yield from _token_complaints(match[1], query[: match.start()], hook, required=required)
    yield from _search_complaints(_TOKEN.sub("x", query))


def _token_complaints(token: str, before: str, hook: Hook, *, required: bool) -> Iterator[str]:
    if token in USER_TOKENS:
        return
    if not re.fullmatch(r"[A-Za-z.]+", token):
        yield f"CH-PT-15: the token {token} is not one of version 2.0"
        return
    path = token.split(".")
    if path[0] != "context" or len(path) < 2:
        yield f"CH-PT-03: the token {token} is neither context.<field> nor one of the user tokens"
        return
    if len(path) > 2:
        yield f"CH-PT-04: the token {token} reaches below the context's own members"
        return
    if path[1] in USER_TOKENS:
        yield f"CH-PT-03: {path[1]} is written without context."
        return
    field = hook.field(path[1])
    if field is None or not field.token:
        yield f"CH-PT-05: the hook {hook.name} does not offer {token} as a token"
        return
    if required and not field.required:
        yield f"CH-PT-06: {token} may be absent, so the template cannot be required"
    if field.kind == "reference" and before.endswith("/"):
        yield f"CH-PT-07: {token} already holds the type"


def _search_complaints(query: str) -> Iterator[str]:
    if query.count("?") > 1:
        yield "CH-PT-11: more than one '?'"
    if _UNENCODED.search(query):
        yield "CH-PT-12: reserved characters have to be percent-encoded"
    _, _, search = query.partition("?")
    names: list[str] = []
    for parameter in filter(None, search.split("&")):
        name, _, value = parameter.partition("=")
        names.append(name)
        if name.startswith("sort:"):
            yield "CH-PT-10: sort: is not R4, use _sort"
        elif not _PARAMETER.fullmatch(name):
            yield f"CH-PT-08: the parameter {name} is outside the recommended subset"
        elif name in _DATE_PARAMETERS and not all(map(_DATE.fullmatch, value.split(","))):
            yield f"CH-PT-08: {name} takes a date with eq, lt, gt, ge or le"
        if not value:
            yield f"CH-PT-08: the parameter {name} has no value"
    if len(set(names)) < len(names):
        yield "CH-PT-11: a parameter is repeated"
