"""All knowledge from its files, checked (design, section 3). What needs slow libraries is in `checks`."""

import hashlib
import re
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from hooks.knowledge.files import KnowledgeError, parse_yaml, read, typed, typed_each
from hooks.knowledge.model import (
    ArticleStatement,
    Citation,
    Knowledge,
    OverlayChange,
    OverrideReason,
    RuleText,
    ValueSet,
)
from hooks.knowledge.overlay import Overlay, add_codes, change_thresholds, read_overlay, switch_rules
from hooks.knowledge.regimens import Regimens
from hooks.knowledge.thresholds import Thresholds
from hooks.knowledge.valuesets import compile_value_set

DATA = Path(__file__).parent

_SOURCE = re.compile(r"[ABCD]\d{0,2}|article|E\d+")
_CITATION = re.compile(r"E\d+")

T = TypeVar("T")


class _Entries(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`override_reasons.yaml`, `order.yaml` and `decisions.yaml`: each one list."""

    override_reasons: tuple[OverrideReason, ...] = ()
    order: tuple[str, ...] = ()
    decisions: tuple["_Decision", ...] = ()


class _Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    where: str
    what: str


def load(overlay: Path | None = None, data: Path = DATA) -> Knowledge:
    """The knowledge in `data`, with the site's `overlay` file put over it. Raises KnowledgeError (file and key)."""
    files = _Files(data)
    site, site_bytes = read_overlay(overlay)
    site_file = overlay.name if overlay else ""
    citations = files.mapping("evidence.yaml", Citation)
    article = files.mapping("article.yaml", ArticleStatement)
    thresholds, changes = _thresholds(files, citations, site, site_file)
    value_sets = _value_sets(files)
    changes += add_codes(value_sets, site, site_file)
    knowledge = Knowledge(
        version="",
        thresholds=thresholds,
        value_sets=value_sets,
        rules={},
        citations={key: msgspec.structs.replace(entry, id=key) for key, entry in citations.items()},
        article=article,
        regimens=typed(files.yaml("pjp_regimens.yaml"), Regimens, "pjp_regimens.yaml"),
        override_reasons=files.entries("override_reasons.yaml").override_reasons,
        decisions=tuple((entry.where, entry.what) for entry in files.entries("decisions.yaml").decisions),
    )
    rules = _rules(files, knowledge)
    changes += switch_rules(rules, site, site_file)
    return msgspec.structs.replace(knowledge, rules=rules, overlay=tuple(changes), version=files.version(site_bytes))


class _Files:
    """The files of one folder; keeps what was read for the version."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._digest = hashlib.sha256()

    def read(self, path: Path) -> bytes:
        content = read(path)
        self._digest.update(path.name.encode() + b"\0" + content)
        return content

    def yaml(self, name: str) -> dict[str, Any]:
        return parse_yaml(self.read(self.folder / name), name)

    def mapping(self, name: str, kind: type[T]) -> dict[str, T]:
        return typed_each(self.yaml(name), kind, name)

    def entries(self, name: str) -> _Entries:
        return typed(self.yaml(name), _Entries, name)

    def version(self, overlay: bytes) -> str:
        """Changes with the content of any file that was read."""
        self._digest.update(overlay)
        return self._digest.hexdigest()[:12]


def _thresholds(
    files: _Files, citations: dict[str, Citation], site: Overlay, site_file: str
) -> tuple[Thresholds, list[OverlayChange]]:
    file = "thresholds.yaml"
    groups = files.yaml(file)
    review_by = typed(groups.pop("review_by", None), date, file, "review_by")
    for group, entries in groups.items():
        groups[group] = typed_each(typed(entries, dict[str, Any], file, group), dict[str, Any], file, group)
        for name, entry in groups[group].items():
            entry.setdefault("review_by", review_by)
            for source in str(entry.get("source", "")).split(","):
                _check_source(source.strip(), citations, file, f"{group}.{name}.source")
    typed(groups, Thresholds, file)
    changes = change_thresholds(groups, site, site_file)
    return typed(groups, Thresholds, file), changes


def _check_source(source: str, citations: dict[str, Citation], file: str, key: str) -> None:
    if not _SOURCE.fullmatch(source):
        raise KnowledgeError(file, key, f"`{source}` is no section (B0), no citation (E12) and not `article`")
    if _CITATION.fullmatch(source) and source not in citations:
        raise KnowledgeError(file, key, f"unknown citation `{source}`")


def _value_sets(files: _Files) -> dict[str, ValueSet]:
    paths = sorted((files.folder / "value_sets").glob("*.json"))
    if not paths:
        raise KnowledgeError("value_sets", "", "the folder is missing or empty")
    found = (compile_value_set(files.read(path), path.name) for path in paths)
    return {value_set.id: value_set for value_set in found}


def _rules(files: _Files, knowledge: Knowledge) -> dict[str, RuleText]:
    found: dict[str, RuleText] = {}
    for path in sorted((files.folder / "rules").glob("*.yaml")):
        rule = typed(parse_yaml(files.read(path), path.name), RuleText, path.name)
        _check_rule(rule, path.name, knowledge)
        found[rule.name] = rule
    order = files.entries("order.yaml").order
    for name in order:
        if name not in found:
            raise KnowledgeError("order.yaml", name, "no such rule in the folder `rules`")
    for name in found:
        if order.count(name) != 1:
            raise KnowledgeError("order.yaml", name, "every rule stands in the order exactly once")
    return {name: found[name] for name in order}


def _check_rule(rule: RuleText, file: str, knowledge: Knowledge) -> None:
    if file != f"{snake_case(rule.name)}.yaml":
        raise KnowledgeError(file, "name", f"`{rule.name}` belongs into {snake_case(rule.name)}.yaml")
    for key in rule.thresholds:
        try:
            knowledge.threshold(key)
        except KeyError:
            raise KnowledgeError(file, "thresholds", f"unknown threshold `{key}`") from None
    for member, keys, known in (
        ("citations", rule.citations, knowledge.citations),
        ("against", rule.against, knowledge.citations),
        ("article", rule.article, knowledge.article),
    ):
        for key in keys:
            if key not in known:
                raise KnowledgeError(file, member, f"unknown entry `{key}`")


def snake_case(name: str) -> str:
    """`PjpProphylaxis` as `pjp_prophylaxis`, the file name of a rule (specification N)."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
