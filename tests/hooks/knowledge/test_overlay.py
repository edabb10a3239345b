"""A site changes a threshold or adds codes in a file of its own."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from hooks.knowledge import Knowledge, KnowledgeError, OverlayChange, load

Write = Callable[[str], Path]


def test_a_threshold_is_changed_marked_and_recorded(overlay: Write, knowledge: Knowledge) -> None:
    site = overlay("thresholds: {cyclophosphamide.cap_mg: {value: 1500, reason: national guidance}}")
    changed = load(site)
    entry = changed.thresholds.cyclophosphamide.cap_mg
    assert (entry.value, entry.unit, entry.mark) == (1500, "mg", "SITE")
    assert entry.note == "Shipped: 1200 mg (M). Site: national guidance"
    assert changed.overlay == (OverlayChange("cyclophosphamide.cap_mg", "1200 mg", "1500 mg", "national guidance"),)
    assert changed.version != knowledge.version
    assert knowledge.overlay == ()


def test_the_reason_may_come_with_a_review_date(overlay: Write) -> None:
    site = overlay("thresholds: {ck.active_x_uln: {value: 3, reason: ours, review_by: 2026-12-31}}")
    assert load(site).thresholds.ck.active_x_uln.review_by == date(2026, 12, 31)


def test_codes_are_added_to_a_known_and_an_unknown_system(overlay: Write, knowledge: Knowledge) -> None:
    site = overlay(
        """
        value_sets:
          potassium:
            add:
              - {system: "http://loinc.org", code: 2823-3, display: Potassium, reason: ours}
              - {system: "http://Lab.example/codes/", code: k, display: Potassium}
          statin:
            add: [{system: "http://www.whocc.no/atc", code: C10ZZ}]
        """
    )
    changed = load(site)
    assert changed.value_sets["potassium"].holds("loinc", "2823-3")
    assert changed.value_sets["potassium"].holds("http://lab.example/codes", "k")  # case kept
    assert changed.value_sets["statin"].holds("atc", "C10ZZ01")
    assert changed.value_sets["statin"].holds("atc", "C10AA05")
    assert changed.overlay[0] == OverlayChange("potassium", "", "http://loinc.org 2823-3 Potassium", "ours")
    assert len(changed.overlay) == 3
    assert not knowledge.value_sets["potassium"].codes


def test_a_rule_that_is_shipped_off_is_turned_on(overlay: Write, knowledge: Knowledge) -> None:
    assert [rule.name for rule in knowledge.rules.values() if not rule.enabled] == ["CancerScreening"]
    changed = load(overlay("rules: {CancerScreening: {enabled: true, reason: agreed with oncology}}"))
    assert changed.rules["CancerScreening"].enabled
    assert changed.overlay == (OverlayChange("CancerScreening", "off", "on", "agreed with oncology"),)
    assert changed.version != knowledge.version
    assert list(changed.rules) == list(knowledge.rules)


def test_a_rule_that_is_off_may_be_said_to_be_off(overlay: Write) -> None:
    same = load(overlay("rules: {CancerScreening: {enabled: false, reason: not yet agreed}}"))
    assert not same.rules["CancerScreening"].enabled
    assert same.overlay == ()


def test_an_empty_overlay_changes_nothing(overlay: Write, knowledge: Knowledge) -> None:
    assert load(overlay("{}")).thresholds == knowledge.thresholds


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("thresholds: {ck.activ: {value: 3, reason: x}}", r"site.yaml: thresholds.ck.activ: no such threshold"),
        ("thresholds: {kc.active: {value: 3, reason: x}}", r"site.yaml: thresholds.kc.active: no such threshold"),
        ("thresholds: {ck.active_x_uln: {value: 3}}", r"site.yaml: thresholds.ck.active_x_uln: .*`reason`"),
        (
            'thresholds: {ck.active_x_uln: {value: 3, reason: ""}}',
            r"site.yaml: thresholds.ck.active_x_uln.reason: .*length",
        ),
        (
            "thresholds: {ck.active_x_uln: {value: high, reason: x}}",
            r"site.yaml: thresholds.ck.active_x_uln.value: Expected `float`",
        ),
        ("thresholds: {ck.active_x_uln: {value: 3, reason: x, unit: g}}", r"unknown field `unit`"),
        ("thresholds: {ck.active_x_uln: 3}", r"site.yaml: thresholds.ck.active_x_uln: Expected `object`, got `int`"),
        ("treshold: {}", r"site.yaml: Object contains unknown field `treshold`"),
        ("value_sets: {ck: {add: []}}", r"site.yaml: value_sets.ck: no such value set"),
        ("value_sets: {creatine-kinase: {remove: []}}", r"site.yaml: value_sets.creatine-kinase: Object "),
        (
            "value_sets: {wbc: {add: [{system: 'http://loinc.org', code: 6690-2}]}}",
            r"value_sets.wbc: .*6690-2 is in or",
        ),
        (
            "value_sets: {creatine-kinase: {add: [{system: 'http://loinc.org', code: 13969-1}]}}",
            r"site.yaml: value_sets.creatine-kinase: .*13969-1 is in or excluded already",
        ),
        ("value_sets: {wbc: {add: [{system: '', code: x}]}}", r"site.yaml: value_sets.wbc.add\[0\].system"),
        (
            "rules: {StatinExposure: {enabled: false, reason: too loud}}",
            r"site.yaml: rules.StatinExposure: is always on",
        ),
        ("rules: {Statin: {enabled: true, reason: x}}", r"site.yaml: rules.Statin: no such rule"),
        ("rules: {CancerScreening: {enabled: true}}", r"site.yaml: rules.CancerScreening: .*`reason`"),
        ("thresholds: [", r"site.yaml: line \d"),
    ],
)
def test_an_overlay_that_says_nonsense_is_refused(overlay: Write, content: str, said: str) -> None:
    with pytest.raises(KnowledgeError, match=said):
        load(overlay(content))


def test_a_missing_overlay_is_an_error_not_the_default(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"site.yaml: cannot be read"):
        load(tmp_path / "site.yaml")
