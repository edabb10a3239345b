"""Drugs that harm the unborn child: which are taken, planned or being ordered (S2).

A single dose of methotrexate for an ectopic pregnancy is none of them (A1, A4).
"""

import msgspec

from hooks.assessment import Assessment
from hooks.assessment.use import DrugUse, use_of
from hooks.chart.facts import Diagnosis, DrugCourse

TERATOGENS = ("cyclophosphamide", "mycophenolate", "methotrexate")


class Teratogens(msgspec.Struct, frozen=True, kw_only=True):
    """`uses`: those that are present. `spared`: doses for an ectopic pregnancy, left out. `unclear`: status unknown."""

    uses: tuple[DrugUse, ...]
    spared: tuple[DrugCourse, ...]
    unclear: tuple[DrugCourse, ...]


def teratogens(a: Assessment) -> Teratogens:
    """The teratogens of this patient today.

    On the order hooks none counts while the only one that is being ordered is a dose for an ectopic pregnancy.
    """
    return a.once(_teratogens)


def _teratogens(a: Assessment) -> Teratogens:
    found = [use_of(a, drug) for drug in TERATOGENS]
    spared = tuple(course for use in found for course in use.courses if for_ectopic_pregnancy(a, course))
    left = [_without(use, spared) for use in found]
    present = tuple(use for use in left if use.present)
    unclear = tuple(course for use in found for course in use.unclear)
    if spared and a.chart.leading and not any(c.source in a.chart.leading for use in present for c in use.ordered):
        return Teratogens(uses=(), spared=spared, unclear=())
    return Teratogens(uses=present, spared=spared, unclear=unclear)


def _without(use: DrugUse, spared: tuple[DrugCourse, ...]) -> DrugUse:
    if not any(course in spared for course in use.courses):
        return use
    taken, planned, ordered = (
        tuple(course for course in courses if course not in spared) for courses in (use.taken, use.planned, use.ordered)
    )
    return msgspec.structs.replace(use, active=bool(taken), taken=taken, planned=planned, ordered=ordered)


def for_ectopic_pregnancy(a: Assessment, course: DrugCourse) -> bool:
    """Whether a course is methotrexate given once for an ectopic pregnancy: its reason says so, or one is near (A4)."""
    if course.drug != "methotrexate":
        return False
    named = a.knowledge.value_sets["ectopic-pregnancy"].aliases
    if any(alias.search(course.other_indication) for alias in named):
        return True
    single = bool(course.steps) and all(step.count == 1 for step in course.steps)
    return single and ectopic_pregnancy(a, course) is not None


def ectopic_pregnancy(a: Assessment, course: DrugCourse) -> Diagnosis | None:
    """An ectopic pregnancy on record near the start of a course, or near today where that is not known."""
    days = a.knowledge.thresholds.reading.hcg_positive_days.value
    start = course.start.earliest if course.start else a.today
    for diagnosis in a.chart.diagnoses:
        since = diagnosis.since
        if "ectopic-pregnancy" in diagnosis.concepts and since and abs((since.earliest - start).days) <= days:
            return diagnosis
    return None
