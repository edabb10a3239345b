"""The corrected order of methotrexate that was written daily: weekly, and nothing else changed (S9-MTX-DAILY)."""

import re
from typing import Any

from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.chart import dose_text
from hooks.chart.facts import DrugCourse
from hooks.knowledge.thresholds import Threshold
from hooks.suggestions.resources import suggestion
from hooks.suggestions.revisions import original, update

_BOUNDS = frozenset({"boundsDuration", "boundsRange", "boundsPeriod"})
_DAILY = re.compile(r"\b(?:(?:(?:once|one time|1 time) )?(?:daily|(?:a|per|each|every) day)|qd|od)\b", re.IGNORECASE)
_TIME = re.compile(
    r"\b(?:days?|daily|nightly|nights?|mornings?|noon|evenings?|bedtime|weeks?|weekly|months?|monthly|hours?|hourly|[ap]m"
    r"|q\.?d|q\d*h|od|bd|bid|tid|qid|twice|thrice|times|(?:mon|tues|wednes|thurs|fri|satur|sun)days?)\b",
    re.IGNORECASE,
)


def once_a_week(a: Assessment, course: DrugCourse, most: Threshold) -> Suggestion | None:
    """A suggestion that makes a daily order a weekly one; None where its structure is not plain.

    Plain: an order with an id and one dosage, of one dose known in mg that is at the most `most` (mg a week), once a
    day by its structure alone.
    """
    step = course.steps[0] if len(course.steps) == 1 else None
    if step is None or step.from_text or step.count is not None or step.basis != "mg":
        return None
    if step.low is None or step.low != step.high or step.low > most.value:
        return None
    sent = original(a, course)
    corrected = _weekly(sent) if sent else None
    if corrected is None:
        return None
    label = f"Change methotrexate to {step.low:g} mg once a week (timing only)"
    return suggestion(label, update(label, corrected), recommended=True)


def _weekly(order: dict[str, Any]) -> dict[str, Any] | None:
    """The order with a week in place of a day; None where its timing says more than "once a day"."""
    dosages = order.get("dosageInstruction")
    dosage = dosages[0] if isinstance(dosages, list) and len(dosages) == 1 else None
    timing = dosage.get("timing") if isinstance(dosage, dict) else None
    repeat = timing.get("repeat") if isinstance(timing, dict) else None
    if not isinstance(dosage, dict) or not isinstance(timing, dict) or not isinstance(repeat, dict):
        return None
    once = (repeat.get("frequency", 1), repeat.get("period"), repeat.get("periodUnit")) == (1, 1, "d")
    if (
        not once
        or not set(timing) <= {"repeat", "code"}
        or set(repeat) - _BOUNDS - {"frequency", "period", "periodUnit"}
    ):
        return None
    words = {name: dosage[name] for name in ("text", "patientInstruction") if name in dosage}
    changed = {name: _reworded(said) for name, said in words.items()}
    if None in changed.values():
        return None
    # a code says in one word what the structure says, so it is wrong now
    corrected = {"repeat": {**repeat, "periodUnit": "wk"}}
    return {**order, "dosageInstruction": [{**dosage, **changed, "timing": corrected}]}


def _reworded(said: Any) -> str | None:
    """The words of a dosage, weekly instead of daily; None where they say anything else about time."""
    if not isinstance(said, str):
        return None
    before, *after = _DAILY.split(said)
    if not after:
        phrase = dose_text.parse(said)
        return said if phrase and phrase.per_day is None and not _TIME.search(said) else None
    if len(after) > 1 or _TIME.search(f"{before} {after[0]}"):
        return None
    return f"{before}once a week{after[0]}"
