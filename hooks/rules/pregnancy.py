"""What the rules about pregnancy share: is she pregnant, which drugs would harm, what may be given instead (S2, B1)."""

from cds_service.fhir.dates import within
from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.assessment.labs import latest
from hooks.assessment.person import negative_hcg
from hooks.assessment.teratogens import TERATOGENS, teratogens
from hooks.reasoning import Criterion, Truth
from hooks.rules.base import MEDICATION_SOURCES, FactRow, md
from hooks.rules.escalation import not_tolerated
from hooks.rules.sources import medication_missing, unavailable
from hooks.suggestions.resources import create, service_request, suggestion

SOURCES = ("conditions", *MEDICATION_SOURCES, "labs")
_UNCLEAR = "result of the pregnancy test of"
_COMPATIBLE = {
    "ivig": "IVIG",
    "glucocorticoid": "glucocorticoids",
    "azathioprine": "azathioprine",
    "tacrolimus": "tacrolimus",
}


def pregnant(a: Assessment) -> Criterion:
    """Pregnant as B9 says; Unknown where a pregnancy is possible and the tests do not tell."""
    missing = _untold(a) if a.person.fertile and not a.person.pregnant else ""
    return Criterion(
        "pregnant",
        None if missing else a.person.pregnant,
        value=a.person.pregnant_because,
        missing=missing,
        between="tested, and neither positive nor negative" if missing.startswith(_UNCLEAR) else "",
    )


def _untold(a: Assessment) -> str:
    """What of the pregnancy tests would tell whether she is pregnant; empty when they do."""
    t = a.knowledge.thresholds
    if unavailable(a, "labs"):
        return "pregnancy tests (laboratory results not checked)"
    if negative_hcg(a.chart, t.gates.hcg_days.value, a.today):
        return ""
    test = latest(a.chart, "hcg")
    recent = test and within(test.when, int(t.reading.hcg_positive_days.value), a.today) is not False
    if test and recent and test.result not in ("positive", "negative"):
        return f"{_UNCLEAR} {test.when}"
    undated = any(r.when is None and r.result == "positive" for r in a.chart.labs.get("hcg", ()))
    return "day of the positive pregnancy test" if undated else ""


def teratogen_present(a: Assessment) -> Criterion:
    """A drug that harms the unborn child is taken, planned or being ordered; Unknown where that cannot be told."""
    known = teratogens(a)
    courses = [course for use in known.uses for course in use.courses] or known.unclear
    missing = medication_missing(a)
    if known.unclear:
        missing = f"whether it is still taken: {', '.join(course.text for course in known.unclear)}"
    truth: Truth = True if known.uses else None if missing else False
    return Criterion(
        f"{', '.join(TERATOGENS)}: one taken, planned or being ordered",
        truth,
        value=", ".join(use.drug for use in known.uses),
        when=", ".join(str(course.start) for course in courses if course.start),
        source=", ".join(course.source for course in courses),
        missing=missing if truth is None else "",
    )


def pregnancy_row(a: Assessment) -> FactRow:
    """Why she counts as pregnant."""
    return FactRow("Pregnant", md(a.person.pregnant_because))


def instead(a: Assessment) -> str:
    """What is usually compatible with pregnancy, without what was not tolerated."""
    names = [name for drug, name in _COMPATIBLE.items() if not not_tolerated(a, drug)]
    listed = ", ".join(names) if names else "none that was tolerated"
    return f"Usually compatible with pregnancy: {listed} [M: not verified against a source]."


def obstetrics(a: Assessment, *, urgent: bool) -> Suggestion:
    """A draft that asks obstetrics for advice."""
    label = "Contact obstetrics urgently" if urgent else "Plan treatment with obstetrics"
    request = service_request(
        a,
        "Obstetric consultation: myositis treatment in pregnancy",
        note="Contact by telephone as well." if urgent else "",
        priority="urgent" if urgent else "",
    )
    return suggestion(label, create(label, request), recommended=True)
