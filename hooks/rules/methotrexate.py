"""What the methotrexate rules share: who takes it for this disease, and what else they rest on (B4 S9).

Methotrexate for another disease (a neoplasm, an ectopic pregnancy, into the spine) is none of theirs (A4).
"""

import msgspec

from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.assessment.use import DrugUse, use_of
from hooks.chart.facts import DrugCourse
from hooks.reasoning import Criterion
from hooks.rules.use import present
from hooks.suggestions import investigations


def methotrexate(a: Assessment) -> DrugUse:
    """Methotrexate that is taken, planned or being ordered, for this disease or for none that is named."""
    return a.once(_methotrexate)


def _methotrexate(a: Assessment) -> DrugUse:
    use = use_of(a, "methotrexate")

    def own(courses: tuple[DrugCourse, ...]) -> tuple[DrugCourse, ...]:
        return tuple(c for c in courses if not c.other_indication and not _single_dose(c))

    taken = own(use.taken)
    return msgspec.structs.replace(
        use,
        active=bool(taken),
        taken=taken,
        planned=own(use.planned),
        ordered=own(use.ordered),
        unclear=own(use.unclear),
    )


def _single_dose(course: DrugCourse) -> bool:
    """An order of one single intramuscular dose: another use of the drug, whatever else is on the chart (A4)."""
    ordered = course.status in ("draft", "planned") and course.route == "intramuscular"
    return ordered and [step.count for step in course.steps] == [1]


def methotrexate_used(a: Assessment) -> Criterion:
    """Methotrexate is taken, planned or being ordered."""
    return a.once(_methotrexate_used)


def _methotrexate_used(a: Assessment) -> Criterion:
    return present(a, methotrexate(a))


def blood_count(a: Assessment, note: str) -> Suggestion:
    """A draft blood count."""
    return investigations.blood_count(a, "Order blood count", note)
