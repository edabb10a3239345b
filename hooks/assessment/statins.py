"""Statins: taken now, ordered, taken once, and whether the reaction is on the allergy list (B1 R6)."""

from datetime import date

import msgspec

from hooks.assessment.immunosuppression import active_courses
from hooks.chart.facts import Allergy, Chart, Diagnosis, DrugCourse


class Statins(msgspec.Struct, frozen=True, kw_only=True):
    """Statin courses, fixed combinations and red yeast rice among them, by what is known of them today.

    `planned`: intended, or to begin. `ordered`: drafts of this request. `unclear`: nobody recorded whether it is still
    taken. `past`: also those that an order of this request ends. `reactions`: adverse effects recorded as a condition
    (A1 "supports statin rule"). `allergy`: the entry on the allergy list.
    """

    taken: tuple[DrugCourse, ...] = ()
    planned: tuple[DrugCourse, ...] = ()
    ordered: tuple[DrugCourse, ...] = ()
    unclear: tuple[DrugCourse, ...] = ()
    past: tuple[DrugCourse, ...] = ()
    reactions: tuple[Diagnosis, ...] = ()
    allergy: Allergy | None = None

    @property
    def present(self) -> tuple[DrugCourse, ...]:
        """Taken, or about to be."""
        return (*self.ordered, *self.taken, *self.planned)

    @property
    def exposure(self) -> tuple[DrugCourse, ...]:
        """Every course that was begun."""
        return (*self.taken, *self.unclear, *self.past)


def assess_statins(chart: Chart, today: date) -> Statins:
    """The statins of a chart on the day `today`. `on-hold` is exposure, but not taken (B9)."""
    courses = chart.courses_of("statin")
    taken = active_courses(chart, "statin", today)
    running = [c for c in courses if (c.end is None or c.end.latest >= today) and not c.superseded]
    unclear = tuple(c for c in running if c.status == "unknown")
    rest = (c for c in courses if c not in taken and c not in unclear and c.status not in ("planned", "draft"))
    return Statins(
        taken=taken,
        planned=tuple(c for c in running if c.status == "planned"),
        ordered=tuple(c for c in courses if c.status == "draft"),
        unclear=unclear,
        past=tuple(rest),
        reactions=tuple(d for d in chart.diagnoses if "statin-adverse-effect" in d.concepts),
        allergy=next((x for x in chart.allergies if "statin" in x.concepts), None),
    )
