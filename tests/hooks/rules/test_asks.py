"""A card that is displaced leaves its ask behind as a line of another card: so every rule's draft has one."""

from hooks.rules.order import RULES
from tests.hooks.approved.rendering import explained, files


def test_every_draft_for_every_fixture_patient_asks_for_something() -> None:
    asked = set()
    for file in files():
        evaluation = explained(file).evaluation
        fired = {verdict.rule for verdict in evaluation.verdicts if verdict.outcome == "fires"}
        for rule in RULES:
            if rule.name in fired:
                ask = rule.card(evaluation.assessment).ask
                assert isinstance(ask, str), rule.name
                assert ask.strip(), rule.name
                asked.add(rule.name)
    assert len(asked) >= 20
