"""Over invented patients each rule speaks, or is silent for a reason that is written down here."""

from collections.abc import Iterator

import pytest

from fixtures.synthetic import people
from tests.fixtures_pkg.synthetic import counting
from tests.fixtures_pkg.synthetic.counting import Reader

SILENT = {"CancerScreening": "off unless a site turns it on"}
TEXT_OF_OTHER_CARDS = {"AntiHmgcrTailoring", "AntiSrpTailoring", "SeronegativeTailoring"}


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    made = Reader()
    yield made
    made.close()


@pytest.mark.slow
def test_each_rule_fires_for_some_of_3000_patients_or_is_silent_for_a_reason() -> None:
    counts = counting.counted()
    rules = set(Reader().knowledge.rules)
    assert rules - set(counts.fired) == set(SILENT)
    assert rules - {rule for rule, _ in counts.cards} == set(SILENT) | TEXT_OF_OTHER_CARDS
    assert counting.table(counts) == counting.in_document(), "python -m tests.fixtures_pkg.synthetic.counting renews it"


STATES = {
    "refractory": {"EscalateToCyclophosphamide", "TrialAdequacy", "ActivityDataNeeded"},
    "cyclophosphamide failed": {"AfterCyclophosphamideFailure", "TrialAdequacy", "ActivityDataNeeded"},
    "relapse": {"Relapse"},
    "damage": {"LikelyMuscleDamage", "TrialAdequacy", "ActivityDataNeeded"},
    "high CK with full strength": {"HighCkFullStrength", "TrialAdequacy", "ActivityDataNeeded"},
}
"""What speaks for most adults of a state, one rule or another by how their drugs were given."""


@pytest.mark.parametrize("state", STATES)
def test_a_state_is_recognised_by_the_rules_that_it_is_for(reader: Reader, state: str) -> None:
    asked = [one for one in people(260, seed=3, imnm_share=1, tidy=True) if one.story == state]
    told = [bool(STATES[state] & set(reader.read(person)[0])) for person in asked]
    assert len(told) >= 8
    assert sum(told) > 0.6 * len(told)


def test_the_untreated_hear_nothing_of_escalation(reader: Reader) -> None:
    for person in people(260, seed=3, imnm_share=1):
        if person.story == "untreated":
            fired = reader.read(person)[0]
            assert not {"EscalateToCyclophosphamide", "TrialAdequacy", "AfterCyclophosphamideFailure"} & set(fired)


def test_ordinary_people_get_no_card(reader: Reader) -> None:
    for person in people(200, seed=3, imnm_share=0, mimic_share=0):
        assert reader.read(person) == ([], []), person.id


def test_who_looks_like_it_is_at_most_asked_whether_it_is_that(reader: Reader) -> None:
    seen = set()
    for person in people(150, seed=3, mimic_share=1, imnm_share=0):
        rules = {rule for rule, _ in reader.read(person)[1]}
        seen |= rules
        assert not {"EscalateToCyclophosphamide", "AfterCyclophosphamideFailure", "TrialAdequacy"} & rules
    assert "ConfirmDiagnosis" in seen
