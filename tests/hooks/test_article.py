"""All of the article (B5): each statement has its rule, and where it is said to a clinician, the sentence on a card."""

import re

import pytest

from hooks.assessment import Assessment
from hooks.cards import compose
from hooks.chart.facts import Chart
from hooks.engine import evaluate
from hooks.rules.order import PART_OF, RULES
from tests.hooks.builders import (
    TODAY,
    assessed,
    base,
    ck,
    condition,
    course,
    daily,
    infusion,
    knowledge,
    mmt,
    session,
    verdict,
    weekly,
)

URL = "https://cds.example.org"
STATEMENTS = tuple(knowledge().article)

CYC = tuple(infusion("cyclophosphamide", 1000, days) for days in (181, 160, 139, 118, 97, 76))
AFTER_CYC = (*CYC, ck(9000, "2026-05-20"), mmt(95, "2026-05-20"))
ONGOING = (infusion("cyclophosphamide", 1000, 50), infusion("cyclophosphamide", 1000, 10))
TAPER = course("glucocorticoid", 100, steps=(daily(20, end=31), daily(10, start=30)))

CHARTS: dict[str, Chart] = {
    "BASE": base(),
    "too little of each": base(
        infusion("ivig", 56_000, "2026-02-02"),
        infusion("rituximab", 500, "2026-04-20"),
        course("methotrexate", "2026-01-10", steps=(weekly(10),)),
        without=("ivig", "rituximab", "methotrexate"),
    ),
    "on cyclophosphamide": base(*ONGOING, verdict("anti-srp", "positive")),
    "after cyclophosphamide": base(*AFTER_CYC, condition("dysphagia", 10)),
    "anti-HMGCR": base(verdict("anti-hmgcr", "positive")),
    "anti-SRP": base(verdict("anti-srp", "positive")),
    "seronegative": base(verdict("anti-hmgcr", "negative"), verdict("anti-srp", "negative")),
    "rapid": base(condition("dysphagia", 10), without=("ivig",)),
    "damage": base(ck(180, 20), ck(170, 60), without=("ck",)),
    "full strength": base(mmt(96, "2026-01-05"), mmt(148), ck(900), ck(1000, 60), without=("mmt", "ck")),
    "not measured": base(without=("ck", "mmt")),
    "overdue": base(ck(6200, 60), without=("ck", "ivig")),
    "tapered": base(TAPER, without=("prednisone", "ivig")),
    "rising": base(ck(1000, 200), without=("ivig",)),
    "plasma exchange planned": base(session(-2, planned=True), infusion("ivig", 140_000, 1, days=1)),
    "a statin": base(course("statin", 300), verdict("anti-hmgcr", "positive")),
    "possible only": base(condition("polymyositis"), ck(5000, 2)),
    "a child": base(age=9),
}

ON_CARDS: dict[str, tuple[tuple[str, str, str], ...]] = {
    # statement: chart, rule whose card (or part of a card) it is, what stands there
    "disease": (("possible only", "ConfirmDiagnosis", "myositis"), ("rapid", "RapidProgression", "Rapid progression")),
    "step1-adequate-trials": (
        ("too little of each", "TrialAdequacy", "Not yet refractory: trial of IVIG, Rituximab, Methotrexate"),
        ("BASE", "EscalateToCyclophosphamide", "IVIG, rituximab and methotrexate have each failed"),
    ),
    "step1-ivig-dose": (
        ("too little of each", "TrialAdequacy", "0 of at least 3 courses of 2.0 g/kg over up to 5 days"),
    ),
    "step1-rituximab-dose": (
        ("too little of each", "TrialAdequacy", "1000 mg × 2 two weeks apart, or 375 mg/m² weekly × 4"),
    ),
    "step1-methotrexate-dose": (("too little of each", "TrialAdequacy", "below 15–25 mg/week"),),
    "step2-cyclophosphamide": (
        ("BASE", "EscalateToCyclophosphamide", "consider specialist referral and cyclophosphamide; evidence is low"),
        ("BASE", "EscalateToCyclophosphamide", "Of 11 patients with refractory myositis on monthly pulses one"),
    ),
    "step2-cyclophosphamide-dose": (
        ("BASE", "EscalateToCyclophosphamide", "15 mg/kg × 70 kg"),
        ("BASE", "EscalateToCyclophosphamide", "Interval 2–4 weeks, for 3–6 months by response"),
        ("BASE", "EscalateToCyclophosphamide", "cap 1200 mg"),
    ),
    "step3-combination": (
        ("on cyclophosphamide", "RituximabWithCyclophosphamide", "perhaps most in anti-SRP disease"),
        ("anti-SRP", "EscalateToCyclophosphamide", "rituximab again together with cyclophosphamide"),
    ),
    "step4-plasma-exchange": (
        ("after cyclophosphamide", "AfterCyclophosphamideFailure", "**Plasma exchange** added to the regimen — first"),
        ("rapid", "RapidProgression", "particularly useful in rapid disease"),
        ("plasma exchange planned", "PlasmaExchangeTiming", "lasma exchange"),
    ),
    "step4-ivig-again": (
        ("after cyclophosphamide", "AfterCyclophosphamideFailure", "**IVIG again**, at a higher dose or more often"),
    ),
    "step4-mycophenolate": (
        ("after cyclophosphamide", "AfterCyclophosphamideFailure", "stepped up to 1000–1500 mg twice daily"),
    ),
    "antibody-hmgcr": (
        ("anti-HMGCR", "EscalateToCyclophosphamide", "optimise IVIG before or together with cyclophosphamide"),
        ("anti-HMGCR", "EscalateToCyclophosphamide", "Rituximab helped only 3 of 9"),
    ),
    "antibody-srp": (("anti-SRP", "EscalateToCyclophosphamide", "**Anti-SRP positive:** often more refractory"),),
    "antibody-seronegative": (
        ("seronegative", "EscalateToCyclophosphamide", "may respond to IVIG again at a higher dose or more often"),
        ("BASE", "AntibodyTestingNeeded", "an untested one is not negative"),
    ),
    "monitoring-measures": (
        ("not measured", "ActivityDataNeeded", "measure CK and MMT-8 (state the scale)"),
        ("overdue", "MonitoringOverdue", "function (HAQ, 6-minute walk) with them"),
    ),
    "monitoring-continue": (
        ("BASE", "EscalateToCyclophosphamide", "Activity must be shown by strength and CK together"),
        ("full strength", "HighCkFullStrength", "do not escalate on CK alone"),
        ("damage", "LikelyMuscleDamage", "More immunosuppression is unlikely to help damage"),
    ),
    "monitoring-no-premature-taper": (("tapered", "PrematureTaper", "keeping the present dose until improvement"),),
    "caveat-combination": (
        ("on cyclophosphamide", "RituximabWithCyclophosphamide", "Infection risk and low IgG add up"),
    ),
    "caveat-relapse": (
        ("tapered", "PrematureTaper", "Relapse follows most tapers"),
        ("rising", "Relapse", "Possible relapse (CK rising)"),
    ),
    "caveat-damage": (("damage", "LikelyMuscleDamage", "Atrophy and fatty replacement come early"),),
    "caveat-young-onset": (
        ("BASE", "EscalateToCyclophosphamide", "Younger patients do worse"),
        ("anti-HMGCR", "EscalateToCyclophosphamide", "Younger patients recover more slowly"),
    ),
    "caveat-cyclophosphamide-toxicity": (
        ("BASE", "EscalateToCyclophosphamide", "infertility, malignancy, haemorrhagic cystitis, marrow suppression"),
    ),
    "caveat-pjp": (("BASE", "PjpProphylaxis", "PJP prophylaxis indicated"),),
    "not-in-the-article": (
        ("a statin", "StatinExposure", "do not rechallenge with any statin"),
        ("possible only", "ConfirmDiagnosis", "715863001"),
        ("a child", "PaediatricPatient", "the adult algorithm is not applied"),
    ),
    "references": (("BASE", "EscalateToCyclophosphamide", "[article, E15, E16, E26, E27; against: E14]"),),
    "disclaimer": (
        ("BASE", "EscalateToCyclophosphamide", "Supports, does not replace, clinical judgement"),
        ("BASE", "PjpProphylaxis", "No clinician has signed these rules"),
    ),
}


def said(chart: str, rule: str) -> str:
    """What the clinician reads on the card of a rule for one of the charts."""
    cards = evaluate(CHARTS[chart], knowledge(), TODAY, URL).cards
    found = [card for card in cards if card.source.topic and card.source.topic.code == rule]
    assert found, f"{rule} has no card for {chart}: {[c.source.topic.code for c in cards if c.source.topic]}"
    return f"{found[0].summary}\n{found[0].detail}"


def test_the_table_knows_every_statement() -> None:
    assert set(ON_CARDS) == set(STATEMENTS)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_statement_has_a_rule_with_a_page_that_quotes_its_problem(statement: str) -> None:
    covering = [text for text in knowledge().rules.values() if statement in text.article]
    assert covering
    assert knowledge().article[statement].comment
    names = {rule.name for rule in RULES} | {"DataQuality"}
    assert {text.name for text in covering} <= names


@pytest.mark.parametrize(
    ("statement", "chart", "rule", "sentence"),
    [(statement, *place) for statement, places in ON_CARDS.items() for place in places],
)
def test_every_statement_is_said_on_a_card(statement: str, chart: str, rule: str, sentence: str) -> None:
    assert sentence in said(chart, rule)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_one_of_the_rules_that_say_it_names_the_statement_on_its_page(statement: str) -> None:
    rules = {rule for _, rule, _ in ON_CARDS[statement]}
    parts = {part for part, holders in PART_OF.items() if rules & set(holders)}
    dose = {"CyclophosphamideDose"} if "EscalateToCyclophosphamide" in rules else set()
    assert any(statement in knowledge().rules[name].article for name in rules | parts | dose)


def test_the_controlled_trial_against_plasma_exchange_is_said_beside_it() -> None:
    text = said("after cyclophosphamide", "AfterCyclophosphamideFailure")
    assert "the controlled trial in polymyositis and dermatomyositis was negative" in text


def test_the_article_is_cited_wherever_a_rule_is_its() -> None:
    own = [name for name, text in knowledge().rules.items() if any(re.match("step", s) for s in text.article)]
    assert own
    for name in own:
        assert "article" in knowledge().rules[name].citations


def test_the_combination_is_never_called_superior() -> None:
    a: Assessment = assessed(CHARTS["anti-SRP"])
    for rule in RULES:
        if all(criterion.truth for criterion in rule.criteria(a)):
            assert "better efficacy" not in compose(a, rule, rule.card(a), URL).detail
