"""An override that means "known, later" keeps the same card away for a while, and no other (`hooks.engine`)."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from cds_service.protocol.cards import Coding, Indicator, Suggestion
from cds_service.registry import Snooze
from hooks import engine, services
from hooks.engine import Evaluation, evaluate
from hooks.reasoning import Criterion
from hooks.rules.base import CardDraft, Rule
from hooks.rules.order import RULES
from tests.hooks.builders import TODAY, base, chart, ck, condition, course, daily, infusion, knowledge, verdict

URL = "https://cds.example.org"
UNTIL = TODAY + timedelta(days=14)
ESCALATION, PJP, ANTIBODIES = "EscalateToCyclophosphamide", "PjpProphylaxis", "AntibodyTestingNeeded"
LATER = ("specialist-plan", "already-done-elsewhere", "will-do-later")
OTHER_REASONS = sorted({reason.code for reason in knowledge().override_reasons} - set(LATER))


def topics(evaluation: Evaluation) -> list[str]:
    return [card.source.topic.code for card in evaluation.cards if card.source.topic]


def shown(evaluation: Evaluation) -> dict[str, str]:
    return {v.rule: v.shown for v in evaluation.verdicts if v.outcome == "fires"}


def fingerprint(evaluation: Evaluation, rule: str) -> str:
    (card,) = [card for card in evaluation.cards if card.source.topic and card.source.topic.code == rule]
    return evaluation.fingerprints[card.uuid]


def overridden(
    evaluation: Evaluation, *rules: str, reason: str = "specialist-plan", system: str = "urn:nam-cds:imnm-override"
) -> dict[str, Snooze]:
    """The cards of these rules, each overridden today."""
    coding = Coding(code=reason, system=system)
    return {rule: Snooze(fingerprint(evaluation, rule), coding, UNTIL) for rule in rules}


def seen(on: Any, *rules: str, today: date = TODAY, later: Any = None, **more: Any) -> Evaluation:
    """Cards are shown, some are overridden, and the chart (or one that has changed) is opened once more."""
    first = evaluate(on, knowledge(), TODAY, URL)
    snoozes = overridden(first, *rules, **more)
    return evaluate(on if later is None else later, knowledge(), today, URL, snoozes=snoozes)


def test_the_same_card_is_quiet_and_the_trace_says_why() -> None:
    e = seen(base(), ANTIBODIES, reason="will-do-later")
    assert topics(e) == [ESCALATION, PJP]
    assert shown(e) == {ESCALATION: "", PJP: "", ANTIBODIES: f"snoozed until {UNTIL}: Will be done later"}


def test_it_comes_again_on_the_day_and_not_before() -> None:
    on = base()
    for days, quiet in ((0, True), (1, True), (13, True), (14, False), (15, False)):
        e = seen(on, ANTIBODIES, today=TODAY + timedelta(days=days))
        assert (ANTIBODIES not in topics(e)) is quiet, days


def test_a_new_fact_brings_it_back_at_once() -> None:
    e = seen(base(), ESCALATION, PJP, later=base(ck(9000, "2026-11-21")))
    assert topics(e) == [ESCALATION, ANTIBODIES]
    assert shown(e)[ESCALATION] == ""


@pytest.mark.parametrize("reason", LATER)
def test_the_reasons_that_mean_known_later(reason: str) -> None:
    assert PJP not in topics(seen(base(), PJP, reason=reason))


@pytest.mark.parametrize("reason", [*OTHER_REASONS, "", "no-such-reason"])
def test_no_other_reason_quiets(reason: str) -> None:
    e = seen(base(), PJP, reason=reason)
    assert PJP in topics(e)
    assert shown(e)[PJP] == ""


def test_a_safety_rule_takes_only_the_reasons_that_it_offers() -> None:
    """`will-do-later` is none of them (B0)."""
    methotrexate = course("methotrexate", "2026-01-10")
    on, rule = base(methotrexate, without=("methotrexate",)), "MethotrexateFolate"
    assert rule not in topics(seen(on, rule))
    assert rule in topics(seen(on, rule, reason="will-do-later"))


@pytest.mark.parametrize("reason", LATER)
def test_a_critical_card_is_never_quiet(reason: str) -> None:
    on = base(course("statin", 300), verdict("anti-hmgcr", "positive"))
    e = seen(on, "StatinExposure", reason=reason)
    assert topics(e)[0] == "StatinExposure"
    assert shown(e)["StatinExposure"] == ""


def test_the_snooze_of_one_rule_is_none_of_another() -> None:
    on = base()
    first = evaluate(on, knowledge(), TODAY, URL)
    (snooze,) = overridden(first, ESCALATION).values()
    assert topics(evaluate(on, knowledge(), TODAY, URL, snoozes={PJP: snooze})) == topics(first)


def test_the_order_hooks_are_never_quiet() -> None:
    """What is said of an order is said of this one."""
    assert {service.hook: service.snoozes for service in services(knowledge())} == {
        "patient-view": True,
        "order-select": False,
        "order-sign": False,
    }


@pytest.mark.parametrize(("system", "quiet"), [("urn:nam-cds:imnm-override", True), ("", True), ("urn:other", False)])
def test_a_code_of_another_system_means_something_else(system: str, quiet: bool) -> None:
    e = seen(base(), PJP, system=system)
    assert (PJP not in topics(e)) is quiet


def test_all_may_be_quiet() -> None:
    e = seen(base(), ESCALATION, PJP, ANTIBODIES)
    assert e.cards == ()
    assert e.fingerprints == {}


def test_silence_by_snooze_does_not_hide_that_a_source_could_not_be_checked() -> None:
    on = base(unavailable=("procedures",))
    assert "DataQuality" not in topics(evaluate(on, knowledge(), TODAY, URL))
    e = seen(on, ESCALATION, PJP, ANTIBODIES)
    assert topics(e) == ["DataQuality"]


def test_the_card_on_data_quality_can_be_snoozed_as_well() -> None:
    on = chart(condition("imnm"), condition("pregnancy", 4000), age=None)
    assert "DataQuality" not in topics(seen(on, "DataQuality"))
    assert shown(seen(on, "DataQuality"))["DataQuality"].startswith("snoozed until")


def test_a_real_warning_that_was_a_line_comes_as_a_card_and_is_not_snoozed_with_its_holder() -> None:
    rising = (ck(1000, 300), ck(1000, 200))
    taper = course("glucocorticoid", 100, steps=(daily(20, end=31), daily(10, start=30)))
    on = base(*rising, taper, without=("ivig", "prednisone"))
    first = evaluate(on, knowledge(), TODAY, URL)
    assert shown(first)["PrematureTaper"] == "displaced by Relapse"
    e = seen(on, "Relapse")
    assert "Relapse" not in topics(e)
    assert "PrematureTaper" in topics(e)
    assert shown(e)["PrematureTaper"] == ""


# -- made-up rules: what a snoozed card no longer does -----------------------------------------------------------------


def made_up(name: str, indicator: Indicator = "warning", *, fires: bool = True, says: str = "") -> Rule:
    draft = CardDraft(
        indicator=indicator,
        summary=f"{name} asks",
        ask=f"{name} asks",
        why=(f"{name} because {says}".strip(),),
        suggestions=(Suggestion(label=f"{name} suggests"),),
    )
    return Rule(name=name, criteria=lambda _: (Criterion("made up", fires),), card=lambda _: draft)


def run(monkeypatch: pytest.MonkeyPatch, *rules: Rule, snoozes: Mapping[str, Snooze] | None = None) -> Evaluation:
    given = {rule.name: rule for rule in rules}
    every = tuple(given.get(rule.name, made_up(rule.name, fires=False)) for rule in RULES)
    monkeypatch.setattr(engine, "RULES", every)
    return evaluate(base(), knowledge(), TODAY, URL, snoozes=snoozes)


def again(monkeypatch: pytest.MonkeyPatch, rules: tuple[Rule, ...], *snoozed: str) -> Evaluation:
    first = run(monkeypatch, *rules)
    return run(monkeypatch, *rules, snoozes=overridden(first, *snoozed))


def test_the_warning_that_a_snoozed_card_displaced_gets_a_card_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    e = again(monkeypatch, (made_up("Relapse"), made_up("PrematureTaper")), "Relapse")
    assert topics(e) == ["PrematureTaper"]
    assert shown(e)["PrematureTaper"] == ""
    assert [s.label for s in e.cards[0].suggestions] == ["PrematureTaper suggests"]


def test_a_displaced_warning_is_no_part_of_what_is_snoozed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether another card of its family is due changes nothing about a card."""
    alone = run(monkeypatch, made_up("Relapse"))
    both = run(monkeypatch, made_up("Relapse"), made_up("PrematureTaper"))
    assert fingerprint(alone, "Relapse") == fingerprint(both, "Relapse")


def test_a_critical_card_displaces_a_snoozed_warning_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is neither shown nor a line: the clinician has put it off."""
    rules = made_up("StatinExposure", "critical"), made_up("StatinPendingAntibody")
    alone = run(monkeypatch, rules[1])
    e = run(monkeypatch, *rules, snoozes=overridden(alone, "StatinPendingAntibody"))
    assert topics(e) == ["StatinExposure"]
    assert "StatinPendingAntibody" not in e.cards[0].detail
    assert shown(e)["StatinPendingAntibody"].startswith("snoozed until")


def test_a_snoozed_card_leaves_its_place_among_the_six(monkeypatch: pytest.MonkeyPatch) -> None:
    families = (
        "PaediatricPatient", "PlasmaExchangeTiming", "StatinExposure", "PjpProphylaxis", "PrematureTaper",
        "MonitoringOverdue", "AntibodyTestingNeeded",
    )  # fmt: skip
    rules = tuple(made_up(name) for name in families)
    (gone,) = set(families) - set(topics(run(monkeypatch, *rules)))
    e = again(monkeypatch, rules, "PaediatricPatient")
    assert gone in topics(e)
    assert len(e.cards) == engine.MOST_CARDS


def test_a_rule_that_a_snoozed_one_suppresses_stays_suppressed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who puts off "data are needed" is not asked for the same data under another name."""
    e = again(monkeypatch, (made_up("ActivityDataNeeded"), made_up("MonitoringOverdue")), "ActivityDataNeeded")
    assert e.cards == ()
    assert shown(e)["MonitoringOverdue"] == "suppressed by ActivityDataNeeded"


@pytest.mark.parametrize(("finding", "holder"), [("RapidProgression", "AfterCyclophosphamideFailure")])
def test_a_finding_that_a_snoozed_card_would_carry_brings_it_back(
    monkeypatch: pytest.MonkeyPatch, finding: str, holder: str
) -> None:
    before = run(monkeypatch, made_up(holder))
    snoozes = overridden(before, holder)
    assert run(monkeypatch, made_up(holder), snoozes=snoozes).cards == ()
    e = run(monkeypatch, made_up(holder), made_up(finding), snoozes=snoozes)
    assert topics(e) == [holder]
    assert f"**Also:** {finding} asks" in e.cards[0].detail


def test_an_antibody_text_that_a_snoozed_card_would_carry_brings_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = run(monkeypatch, made_up(ESCALATION))
    snoozes = overridden(before, ESCALATION)
    e = run(monkeypatch, made_up(ESCALATION), made_up("AntiSrpTailoring", "info"), snoozes=snoozes)
    assert topics(e) == [ESCALATION]


def test_a_card_that_has_become_critical_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(monkeypatch, made_up("IvigSafety"))
    e = run(monkeypatch, made_up("IvigSafety", "critical"), snoozes=overridden(first, "IvigSafety"))
    assert topics(e) == ["IvigSafety"]


@pytest.mark.parametrize(
    ("before", "after", "quiet"),
    [
        ("12 days", "13 days", True),
        ("9 of 12 weeks", "10 of 12 weeks", True),
        ("lifetime dose 12.3 g,", "lifetime dose 12.4 g,", True),
        ("12 days", "12 tablets", False),
        ("1050 mg", "900 mg", False),
        ("2.1 g/kg", "2.4 g/kg", False),
        ("CK 6200 U/L (2026-11-10)", "CK 6200 U/L (2026-11-11)", False),
    ],
)
def test_what_grows_by_itself_is_not_new_and_any_other_word_or_number_is(
    monkeypatch: pytest.MonkeyPatch, before: str, after: str, quiet: bool
) -> None:
    first = run(monkeypatch, made_up("IvigSafety", says=before))
    e = run(monkeypatch, made_up("IvigSafety", says=after), snoozes=overridden(first, "IvigSafety"))
    assert (e.cards == ()) is quiet


def test_infusions_are_new_facts_where_a_rule_cites_them() -> None:
    doses = tuple(infusion("ivig", 140_000, days) for days in (20, 1))
    more = (*doses, infusion("ivig", 20_000, 0))
    e = seen(base(*doses), "IvigDose", later=base(*more))
    assert "IvigDose" in topics(e)
    assert "IvigDose" not in topics(seen(base(*doses), "IvigDose"))
