"""What the statin rules share: is a statin taken, is anti-HMGCR positive, and the rows that show it (B1 R6)."""

from hooks.assessment import Assessment
from hooks.assessment.antibodies import Antibody
from hooks.assessment.labs import shown
from hooks.assessment.statins import Statins, assess_statins
from hooks.chart.facts import DrugCourse
from hooks.reasoning import Criterion, Truth
from hooks.rules.base import MEDICATION_SOURCES, FactRow, lab_criterion, md, on
from hooks.rules.sources import medication_missing, unavailable
from hooks.rules.use import STATES

SOURCES = (*MEDICATION_SOURCES, "labs", "allergies")


def statins(a: Assessment) -> Statins:
    """The statins of this patient."""
    return a.once(_statins)


def _statins(a: Assessment) -> Statins:
    return assess_statins(a.chart, a.today)


def statin_present(a: Assessment) -> Criterion:
    """A statin is taken or ordered; Unknown where nobody recorded it, or medication could not be looked at."""
    return a.once(_statin_present)


def _statin_present(a: Assessment) -> Criterion:
    known = statins(a)
    courses = known.present or known.unclear
    missing = "whether the statin is still taken" if known.unclear else medication_missing(a)
    truth: Truth = True if known.present else None if missing else False
    return Criterion(
        "a statin is taken or ordered",
        truth,
        value=", ".join(c.text for c in courses),
        when=", ".join(str(c.start) for c in courses if c.start),
        source=", ".join(c.source for c in courses),
        missing=missing if truth is None else "",
    )


def hmgcr_positive(a: Assessment) -> Criterion:
    """Anti-HMGCR was ever positive; it stays so (B0)."""
    return a.once(_hmgcr_positive)


def _hmgcr_positive(a: Assessment) -> Criterion:
    hmgcr = a.antibodies.hmgcr
    untold = hmgcr.state == "NOT_TESTED" and unavailable(a, "labs")
    truth: Truth = None if untold else hmgcr.state == "POSITIVE"
    return lab_criterion(
        "anti-HMGCR positive", truth, hmgcr.result, "ever positive", "laboratory results", between=hmgcr.between
    )


def name_of(courses: tuple[DrugCourse, ...]) -> str:
    """The substances, for a summary: only plain words of the vocabulary, else "statin"."""
    names = dict.fromkeys(c.ingredient.lower() for c in courses)
    plain = names and all(n.replace(" ", "").isalpha() and n.isascii() and len(n) <= 20 for n in names)
    return " and ".join(names) if plain and len(names) <= 2 else "statin"


def what_to_do(known: Statins, verb: str) -> str:
    """`Stop atorvastatin`, `Do not order atorvastatin`: the statins that are present, and what `verb` says of them."""
    if known.ordered:
        also = f", {verb.lower()} {name_of(known.taken)}" if known.taken else ""
        return f"Do not order {name_of(known.ordered)}{also}"
    return f"{verb if known.taken else 'Do not start'} {name_of(known.present)}"


def statin_rows(courses: tuple[DrugCourse, ...]) -> tuple[FactRow, ...]:
    """A row per statin."""
    return tuple(
        FactRow(f"Statin ({STATES.get(c.status, c.status)})", md(c.text or c.ingredient), on(c.start)) for c in courses
    )


def antibody_row(antibody: Antibody) -> FactRow:
    """An antibody as a row of the facts table, with what may mislead about it."""
    result, words = antibody.result, antibody.words
    if result is None:
        return FactRow(antibody.name, words)
    limit = f"upper limit {result.upper:g}" if result.upper is not None else ""
    flag = f" ({antibody.flag})" if antibody.flag else ""
    seen = md(shown(result))
    return FactRow(antibody.name, (seen if seen == words else f"{words}: {seen}") + flag, on(result.when), limit)
