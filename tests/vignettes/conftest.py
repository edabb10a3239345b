"""Says at the end of a test run which expected cards wait for the safety rules."""

import pytest

from .vignette_files import VignetteError, load_all


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line per card that a vignette lists under due_with_safety_rules."""
    try:
        due = [
            f"{vignette.text.id}: {card.card} ({card.indicator})"
            for vignette in load_all()
            for card in vignette.text.due_with_safety_rules
        ]
    except VignetteError:
        return  # reported by the tests themselves
    if due:
        terminalreporter.section("vignettes: due with the safety rules")
        for line in due:
            terminalreporter.write_line(line)
