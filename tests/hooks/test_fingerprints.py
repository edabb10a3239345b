"""What is new about a card, and what is not (`hooks.fingerprints`)."""

from datetime import date, timedelta
from typing import Any

import pytest

from hooks.chart.facts import Chart
from hooks.engine import evaluate
from hooks.fingerprints import LENGTH
from tests.hooks.builders import (
    TODAY,
    allergy,
    base,
    base_facts,
    changed,
    ck,
    course,
    daily,
    infusion,
    knowledge,
    lab,
    mmt,
    verdict,
    weekly,
)

URL = "https://cds.example.org"
HMGCR = verdict("anti-hmgcr", "positive", "2026-05-01")
SRP = verdict("anti-srp", "positive", "2026-05-01")
ESCALATION, PJP, FOLATE = "EscalateToCyclophosphamide", "PjpProphylaxis", "MethotrexateFolate"


def fingerprints(on: Chart, today: date = TODAY) -> dict[str, str]:
    """By rule, those of the cards of a chart."""
    found = evaluate(on, knowledge(), today, URL)
    return {card.source.topic.code: found.fingerprints[card.uuid] for card in found.cards if card.source.topic}


def of(rule: str, *facts: Any, today: date = TODAY, **more: Any) -> str:
    """The fingerprint of a rule's card on BASE with these facts."""
    return fingerprints(base(*facts, **more), today)[rule]


def test_every_card_has_one_and_no_two_rules_share_it() -> None:
    found = fingerprints(base())
    assert len(set(found.values())) == len(found) == 3
    assert all(len(fingerprint) == LENGTH for fingerprint in found.values())


def test_the_same_facts_give_the_same() -> None:
    """The builders number resources anew each time: neither ids nor the time of asking count."""
    assert fingerprints(base()) == fingerprints(base())


def test_the_next_day_is_nothing_new() -> None:
    """P2 counts the days of prednisone, and the patient's age grows: neither is a new fact."""
    assert fingerprints(base(), TODAY + timedelta(days=1)) == fingerprints(base())
    assert (
        fingerprints(base(age=12), TODAY + timedelta(days=200))["PaediatricPatient"]
        == (fingerprints(base(age=12))["PaediatricPatient"])
    )


def test_a_lifetime_dose_that_grows_with_each_tablet_is_nothing_new() -> None:
    rule, tablets = "CyclophosphamideCumulativeDose", course("cyclophosphamide", 400, steps=(daily(100, 400),))
    found = [evaluate(base(tablets), knowledge(), TODAY + timedelta(days=n), URL) for n in (0, 1)]
    (first, later) = [next(card for card in e.cards if rule in str(card.source)) for e in found]
    assert first.summary != later.summary
    assert found[0].fingerprints[first.uuid] == found[1].fingerprints[later.uuid]


def test_weeks_that_pass_are_nothing_new_until_they_cross_a_threshold() -> None:
    early = tuple(infusion("rituximab", 1000, days) for days in (100, 86))
    on = base(*early, without=("rituximab",))
    first, later = fingerprints(on), fingerprints(on, TODAY + timedelta(days=7))
    assert first["TrialAdequacy"] == later["TrialAdequacy"]
    cyc = tuple(infusion("cyclophosphamide", 1000, days) for days in (50, 22))
    weeks = [fingerprints(base(*cyc, SRP), TODAY + timedelta(days=n)) for n in (0, 6)]
    assert weeks[0]["RituximabWithCyclophosphamide"] == weeks[1]["RituximabWithCyclophosphamide"]


def test_a_threshold_of_time_that_is_crossed_is_new() -> None:
    """CK becomes too old to judge by: the rule is another, or its criteria are."""
    on = base(HMGCR)
    before = fingerprints(on)[ESCALATION]
    assert fingerprints(on, TODAY + timedelta(days=100)).get(ESCALATION) != before


@pytest.mark.parametrize(
    ("rule", "facts", "without"),
    [
        (ESCALATION, (ck(9800, "2026-01-03"), ck(6300, "2026-11-10")), ("ck",)),
        (ESCALATION, (ck(9800, "2026-01-03"), ck(6200, "2026-11-11")), ("ck",)),
        (ESCALATION, (ck(6200, "2026-11-20"),), ()),
        (ESCALATION, (mmt(97, "2026-11-20"),), ()),
        (
            ESCALATION,
            (infusion("rituximab", 1100, "2026-04-20"), infusion("rituximab", 1000, "2026-05-04")),
            ("rituximab",),
        ),
        (ESCALATION, (lab("body-weight", 60, "2026-11-20", unit="kg"),), ()),
        (ESCALATION, (HMGCR,), ()),
        (PJP, (course("glucocorticoid", "2026-01-05", steps=(daily(25),)),), ("prednisone",)),
        (PJP, (course("glucocorticoid", "2026-01-12", steps=(daily(20),)),), ("prednisone",)),
        (PJP, (allergy("sulfonamide-antibiotic", severe=True),), ()),
        (PJP, (lab("egfr", 70, 3),), ()),
        ("AntibodyTestingNeeded", (verdict("anti-hmgcr", "negative"),), ()),
    ],
)
def test_a_new_fact_is_new(rule: str, facts: tuple[Any, ...], without: tuple[str, ...]) -> None:
    assert of(rule, *facts, without=without) != of(rule)


def test_a_fact_that_the_rule_does_not_rest_on_is_nothing_new() -> None:
    before = fingerprints(base())
    after = fingerprints(base(lab("potassium", 4.1, 2), ck(6200, "2026-11-20")))
    assert after["AntibodyTestingNeeded"] == before["AntibodyTestingNeeded"]


def test_a_changed_dose_is_new_where_the_rule_names_the_drug() -> None:
    def folate_missing(mg: float) -> str:
        methotrexate = course("methotrexate", "2026-01-10", steps=(weekly(mg),))
        return of(FOLATE, methotrexate, without=("methotrexate",))

    assert folate_missing(20) == folate_missing(20)
    assert folate_missing(20) != folate_missing(15)


def test_another_statin_is_new_and_so_is_one_more() -> None:
    def statin(*names: str) -> str:
        taken = [course("statin", "2026-02-01", ingredient=name) for name in names]
        return fingerprints(base(*taken, HMGCR))["StatinExposure"]

    assert statin("atorvastatin") == statin("atorvastatin")
    assert len({statin("atorvastatin"), statin("simvastatin"), statin("atorvastatin", "simvastatin")}) == 3


def test_a_corrected_result_is_new_and_its_id_is_not() -> None:
    (first, last) = base_facts()["ck"]
    same = changed(last, source="Observation/issued-again")
    corrected = changed(last, value=6900.0)
    assert of(ESCALATION, first, same, without=("ck",)) == of(ESCALATION)
    assert of(ESCALATION, first, corrected, without=("ck",)) != of(ESCALATION)


def test_a_finding_that_a_card_took_over_is_part_of_it() -> None:
    """Relapse is a line of the escalation card: when it comes, the card says something new."""
    rising = (ck(1000, 300), ck(1000, 200))
    other_nadir = (ck(1100, 300), ck(1100, 200))
    assert of(ESCALATION, *rising) != of(ESCALATION)
    assert of(ESCALATION, *rising) != of(ESCALATION, *other_nadir)


def test_it_knows_nothing_of_the_patient() -> None:
    """Neither ids, nor the birth date, as long as the age decides nothing else."""
    other = changed(base(), patient_id="somebody-else")
    born = changed(other.person, source="Patient/somebody-else", born=changed(other.person.born))
    assert fingerprints(changed(other, person=born)) == fingerprints(base())
    assert fingerprints(base(age=50)) == fingerprints(base(age=48))


def test_a_doubtful_entry_is_told_by_what_it_says_not_by_its_id() -> None:
    def doubtful(raw: float, source: str) -> str:
        odd = lab("creatine-kinase", None, 1, raw=raw, doubt="has no unit", upper=None)
        return of("DataQuality", changed(odd, source=source), without=("ck",))

    assert doubtful(6200, "Observation/x-1") == doubtful(6200, "Observation/y-22")
    assert doubtful(6200, "Observation/x-1") != doubtful(5200, "Observation/x-1")
