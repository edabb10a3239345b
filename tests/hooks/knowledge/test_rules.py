"""The rules in prose: complete, each standing on the article and the literature."""

import re

import pytest

from hooks.knowledge import Knowledge

B5 = {
    "failed IVIG, rituximab, methotrexate": ("step1-adequate-trials", "TrialAdequacy"),
    "IVIG 2 g/kg": ("step1-ivig-dose", "TrialAdequacy"),
    "RTX doses": ("step1-rituximab-dose", "TrialAdequacy"),
    "MTX weekly": ("step1-methotrexate-dose", "TrialAdequacy"),
    "cyclophosphamide added": ("step2-cyclophosphamide", "EscalateToCyclophosphamide"),
    "15 mg/kg": ("step2-cyclophosphamide-dose", "CyclophosphamideDose"),
    "combination": ("step3-combination", "RituximabWithCyclophosphamide"),
    "PLEX after CYC": ("step4-plasma-exchange", "AfterCyclophosphamideFailure"),
    "PLEX in rapid disease": ("step4-plasma-exchange", "RapidProgression"),
    "IVIG again": ("step4-ivig-again", "AfterCyclophosphamideFailure"),
    "MMF last": ("step4-mycophenolate", "AfterCyclophosphamideFailure"),
    "anti-HMGCR": ("antibody-hmgcr", "AntiHmgcrTailoring"),
    "anti-SRP": ("antibody-srp", "AntiSrpTailoring"),
    "seronegative": ("antibody-seronegative", "SeronegativeTailoring"),
    "continue until improvement": ("monitoring-continue", "LikelyMuscleDamage"),
    "MMT-8, CK, function": ("monitoring-measures", "MonitoringOverdue"),
    "relapse on taper": ("caveat-relapse", "Relapse"),
    "premature taper": ("monitoring-no-premature-taper", "PrematureTaper"),
    "young age": ("caveat-young-onset", "EscalateToCyclophosphamide"),
    "CYC toxicity": ("caveat-cyclophosphamide-toxicity", "EscalateToCyclophosphamide"),
    "PJP": ("caveat-pjp", "PjpProphylaxis"),
    "damage": ("caveat-damage", "LikelyMuscleDamage"),
    "not in the article": ("not-in-the-article", "StatinExposure"),
}


@pytest.mark.parametrize("row", B5)
def test_a_row_of_b5_has_its_rule(knowledge: Knowledge, row: str) -> None:
    statement, rule = B5[row]
    assert statement in knowledge.rules[rule].article


def test_every_statement_of_the_article_is_covered(knowledge: Knowledge) -> None:
    covered = {key for rule in knowledge.rules.values() for key in rule.article}
    assert covered == set(knowledge.article)


def test_every_rule_says_when_then_and_unless(knowledge: Knowledge) -> None:
    for rule in knowledge.rules.values():
        assert all(f"**{word}**" in rule.statement for word in ("When", "Then", "Unless")), rule.name
        assert rule.rationale.endswith("."), rule.name
        assert rule.evidence_note.endswith("."), rule.name


def test_nobody_has_signed_a_rule(knowledge: Knowledge) -> None:
    assert {rule.checked_by for rule in knowledge.rules.values()} == {""}


def test_contrary_evidence_is_named(knowledge: Knowledge) -> None:
    assert knowledge.rules["EscalateToCyclophosphamide"].against == ("E14",)
    assert "Cronin 1989" in knowledge.rules["EscalateToCyclophosphamide"].evidence_note
    assert knowledge.rules["AfterCyclophosphamideFailure"].against == ("E20",)


def test_the_override_set_of_safety_rules_is_the_short_one(knowledge: Knowledge) -> None:
    """B6: S1 to S9, the dose of cyclophosphamide, and the statin that has to be stopped."""
    safety = {rule.name for rule in knowledge.rules.values() if re.match(r"S\d\b", rule.spec_id)}
    assert len(safety) == 16
    assert {rule.name for rule in knowledge.rules.values() if rule.override == "S"} == {
        *safety,
        "StatinExposure",
        "CyclophosphamideDose",
    }


def test_a_topic_is_letters_and_digits(knowledge: Knowledge) -> None:
    assert all(name.isalnum() and name.isascii() for name in knowledge.rules)
