"""A site's own file: other thresholds, more codes, rules turned on. It changes what is known, not the package.

```yaml
thresholds:
  ck.active_x_uln: {value: 3, reason: our laboratory's upper limit is set low}
value_sets:
  creatine-kinase:
    add:
      - {system: "http://hospital.example/lab", code: CKT, display: Creatine kinase, reason: local code}
rules:
  CancerScreening: {enabled: true, reason: agreed with oncology}
```

Every change is kept with its reason, and shown where the number or the set is shown.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import msgspec

from hooks.knowledge.files import KnowledgeError, parse_yaml, read, typed, typed_each
from hooks.knowledge.model import OverlayChange, RuleText, ValueSet
from hooks.knowledge.systems import normal_code, system_family

Text = Annotated[str, msgspec.Meta(min_length=1)]


class NewValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    value: float
    reason: Text
    review_by: date | None = None


class NewCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    system: Text
    code: Text
    display: str = ""
    reason: str = ""


class Additions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    add: tuple[NewCode, ...]


class Switch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    enabled: bool
    reason: Text


class Overlay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file may say."""

    thresholds: dict[str, NewValue] = {}
    value_sets: dict[str, Additions] = {}
    rules: dict[str, Switch] = {}


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    thresholds: dict[str, Any] = {}
    value_sets: dict[str, Any] = {}
    rules: dict[str, Any] = {}


def read_overlay(path: Path | None) -> tuple[Overlay, bytes]:
    """The site's file and its bytes; an empty overlay without one. Raises KnowledgeError."""
    if path is None:
        return Overlay(), b""
    content = read(path)
    file = typed(parse_yaml(content, path.name), _File, path.name)
    overlay = Overlay(
        typed_each(file.thresholds, NewValue, path.name, "thresholds"),
        typed_each(file.value_sets, Additions, path.name, "value_sets"),
        typed_each(file.rules, Switch, path.name, "rules"),
    )
    return overlay, content


def change_thresholds(entries: dict[str, Any], overlay: Overlay, file: str) -> list[OverlayChange]:
    """Put the site's values into the entries of thresholds.yaml; their mark becomes SITE. Raises KnowledgeError."""
    changes = []
    for key, new in overlay.thresholds.items():
        group, _, name = key.partition(".")
        entry = entries.get(group, {}).get(name)
        if entry is None:
            raise KnowledgeError(file, f"thresholds.{key}", "no such threshold; they are named group.entry")
        unit = entry["unit"]
        changes.append(OverlayChange(key, f"{entry['value']:g} {unit}", f"{new.value:g} {unit}", new.reason))
        note = f"Shipped: {entry['value']:g} {unit} ({entry['mark']}). Site: {new.reason}"
        entry |= {"value": new.value, "mark": "SITE", "note": note}
        if new.review_by:
            entry["review_by"] = new.review_by
    return changes


def add_codes(value_sets: dict[str, ValueSet], overlay: Overlay, file: str) -> list[OverlayChange]:
    """Put the site's codes into the value sets. Raises KnowledgeError."""
    changes = []
    for name, additions in overlay.value_sets.items():
        if name not in value_sets:
            raise KnowledgeError(file, f"value_sets.{name}", "no such value set; names are the files of value_sets")
        found = value_sets[name]
        for new in additions.add:
            family = system_family(new.system)
            code = normal_code(family, new.code)
            if found.holds(family, code) or found.excludes(family, code):
                raise KnowledgeError(file, f"value_sets.{name}", f"{new.system} {new.code} is in or excluded already")
            if family == "atc":
                prefixes = {**found.prefixes, family: (*found.prefixes.get(family, ()), code)}
                found = msgspec.structs.replace(found, prefixes=prefixes)
            else:
                codes = {**found.codes, family: {**found.codes.get(family, {}), code: new.display}}
                found = msgspec.structs.replace(found, codes=codes)
            changes.append(OverlayChange(name, "", f"{new.system} {new.code} {new.display}".strip(), new.reason))
        value_sets[name] = found
    return changes


def switch_rules(rules: dict[str, RuleText], overlay: Overlay, file: str) -> list[OverlayChange]:
    """Turn on rules that are shipped off. No other rule has a switch: naming it raises KnowledgeError."""
    changes = []
    for name, switch in overlay.rules.items():
        if name not in rules:
            raise KnowledgeError(file, f"rules.{name}", "no such rule; names are as on the page /rules/")
        rule = rules[name]
        if rule.enabled:
            raise KnowledgeError(file, f"rules.{name}", "is always on; only rules that are shipped off have a switch")
        if switch.enabled:
            rules[name] = msgspec.structs.replace(rule, enabled=True)
            changes.append(OverlayChange(name, "off", "on", switch.reason))
    return changes
