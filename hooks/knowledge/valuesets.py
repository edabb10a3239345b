"""From a FHIR ValueSet file to a `ValueSet` that can be matched.

Codes are `compose.include.concept`; a code prefix is a `filter` on `concept` with `is-a`; `compose.exclude` names what
is never a member. What FHIR has no place for is an extension of the ValueSet: `urn:nam-cds:` + `kind`, `drug-class`,
`unit`, `text-alias`, `text-alias-case-sensitive`, `text-veto`. Aliases are matched as whole words, aliases and vetoes
without regard to case (specification A4).
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

import msgspec

from hooks.knowledge.files import KnowledgeError, parse_json
from hooks.knowledge.model import ValueSet
from hooks.knowledge.systems import normal_code, system_family

Kind = Literal["condition", "laboratory", "score", "drug", "procedure", "allergy"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Text = Annotated[str, msgspec.Meta(min_length=1)]

EXTENSION = "urn:nam-cds:"
SINGLE = ("kind", "drug-class", "unit")
MANY = ("text-alias", "text-alias-case-sensitive", "text-veto")


class _Fhir(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    pass


class Concept(_Fhir, frozen=True):
    code: Text
    display: str = ""


class Filter(_Fhir, frozen=True):
    property: Literal["concept"]
    op: Literal["is-a"]
    value: Text


class Part(_Fhir, frozen=True):
    system: Text
    concept: tuple[Concept, ...] = ()
    filter: tuple[Filter, ...] = ()


class Compose(_Fhir, frozen=True):
    include: tuple[Part, ...]
    exclude: tuple[Part, ...] = ()


class Extension(_Fhir, frozen=True):
    url: str
    value_code: str = ""
    value_string: str = ""


class Resource(_Fhir, frozen=True):
    """The parts of a FHIR ValueSet that our files use."""

    resource_type: Literal["ValueSet"]
    id: Text
    extension: tuple[Extension, ...]
    url: str
    version: str
    name: str
    title: Text
    status: Literal["draft", "active"]
    experimental: bool
    publisher: str
    description: Text
    copyright: str = ""
    compose: Compose = Compose(include=())


def compile_value_set(content: bytes, file: str) -> ValueSet:
    """The value set of one file. Raises KnowledgeError."""
    resource = parse_json(content, Resource, file)
    if file != f"{resource.id}.json" or resource.url != f"urn:nam-cds:value-set:{resource.id}":
        raise KnowledgeError(file, "id", f"`{resource.id}` must be the file's name and the end of its url")
    extensions = _extensions(resource, file)
    kind = next((kind for kind in KINDS if [kind] == extensions["kind"]), None)
    if kind is None:
        raise KnowledgeError(file, f"{EXTENSION}kind", f"expected one of {', '.join(KINDS)}")
    include, exclude = resource.compose.include, resource.compose.exclude
    return ValueSet(
        id=resource.id,
        title=resource.title,
        kind=kind,
        codes=_codes(include, f"{file}: compose.include"),
        prefixes=_prefixes(include),
        excluded={family: frozenset(codes) for family, codes in _codes(exclude, f"{file}: compose.exclude").items()},
        excluded_prefixes=_prefixes(exclude),
        aliases=(
            *_whole_words(extensions["text-alias"], re.IGNORECASE, file, "text-alias"),
            *_whole_words(extensions["text-alias-case-sensitive"], 0, file, "text-alias-case-sensitive"),
        ),
        vetoes=_one_pattern(extensions["text-veto"], "{}", re.IGNORECASE, file, "text-veto"),
        drug="".join(extensions["drug-class"]),
        unit="".join(extensions["unit"]),
    )


def _extensions(resource: Resource, file: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {name: [] for name in (*SINGLE, *MANY)}
    for extension in resource.extension:
        name = extension.url.removeprefix(EXTENSION)
        value = extension.value_code or extension.value_string
        if name not in found or extension.url == name:
            raise KnowledgeError(file, extension.url, "unknown extension")
        if not value or value in found[name] or (found[name] and name in SINGLE):
            raise KnowledgeError(file, extension.url, f"`{value}` is empty, or stands twice")
        found[name].append(value)
    return found


def _codes(parts: tuple[Part, ...], where: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for part in parts:
        family = system_family(part.system)
        for concept in part.concept:
            add_code(found, family, concept, where)
    return found


def add_code(codes: dict[str, dict[str, str]], family: str, concept: Concept, where: str) -> None:
    """Put one code into a set. Raises KnowledgeError when it is there already."""
    code = normal_code(family, concept.code)
    members = codes.setdefault(family, {})
    if code in members:
        raise KnowledgeError(where, f"{family} {concept.code}", "stands twice")
    members[code] = concept.display


def _prefixes(parts: tuple[Part, ...]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for part in parts:
        family = system_family(part.system)
        for entry in part.filter:
            found[family] = (*found.get(family, ()), normal_code(family, entry.value))
    return found


def _whole_words(aliases: list[str], flags: int, file: str, name: str) -> tuple[re.Pattern[str], ...]:
    return _one_pattern(aliases, r"(?<![\w-])(?:{})(?![\w-])", flags, file, name)


def _one_pattern(expressions: list[str], frame: str, flags: int, file: str, name: str) -> tuple[re.Pattern[str], ...]:
    """All in one pattern, which compiles and matches faster than many. Raises KnowledgeError naming the bad one."""
    if not expressions:
        return ()
    try:
        return (re.compile(frame.replace("{}", "|".join(f"(?:{each})" for each in expressions)), flags),)
    except re.error as error:
        each, problem = next(bad_expressions(expressions), ("all together", str(error)))
        raise KnowledgeError(file, f"{EXTENSION}{name}", f"bad regular expression `{each}` ({problem})") from error


def bad_expressions(expressions: list[str]) -> Iterator[tuple[str, str]]:
    """Those that do not compile, with the reason."""
    for each in expressions:
        try:
            re.compile(each)
        except re.error as error:
            yield each, str(error)


def expressions(resource: dict[str, Any]) -> list[str]:
    """The aliases and vetoes that a ValueSet resource holds, as written."""
    return [entry["valueString"] for entry in resource["extension"] if entry["url"].removeprefix(EXTENSION) in MANY]
