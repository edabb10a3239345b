"""How a drug stands: taken, planned on the chart, or being ordered in the drafts of this request (B4 "active/draft").

An order that the drafts of the request replace or end no longer counts as taken (`DrugCourse.superseded`).
"""

import msgspec

from hooks.assessment import Assessment
from hooks.assessment.immunosuppression import active_courses, infused_active
from hooks.chart.facts import DrugCourse


class DrugUse(msgspec.Struct, frozen=True, kw_only=True):
    """One drug today. `active`: as B9 says, for whatever indication. `courses`: those behind it, whatever their state.

    `taken`: active home courses (for infused drugs: courses running now). `planned`: intended, or to start later.
    `ordered`: drafts of this request, on the order hooks only.
    """

    drug: str
    active: bool
    taken: tuple[DrugCourse, ...] = ()
    planned: tuple[DrugCourse, ...] = ()
    ordered: tuple[DrugCourse, ...] = ()
    unclear: tuple[DrugCourse, ...] = ()
    """Begun, not known to have ended, and nobody recorded whether it is still taken."""

    @property
    def present(self) -> bool:
        """Active, planned or being ordered."""
        return self.active or bool(self.planned or self.ordered)

    @property
    def coming(self) -> tuple[DrugCourse, ...]:
        """Planned or being ordered."""
        return (*self.ordered, *self.planned)

    @property
    def courses(self) -> tuple[DrugCourse, ...]:
        """Everything that makes it present, what is being ordered first."""
        return (*self.ordered, *self.taken, *self.planned)


def use_of(a: Assessment, drug: str) -> DrugUse:
    """How `drug` (a value-set id of a class, such as `cyclophosphamide`) stands today."""
    return a.once(_use_of, drug)


def _use_of(a: Assessment, drug: str) -> DrugUse:
    courses = a.chart.courses_of(drug)
    taken = active_courses(a.chart, drug, a.today)
    t = a.knowledge.thresholds
    infused = {
        "ivig": t.ivig.active_days,
        "rituximab": t.rituximab.recent_days,
        "cyclophosphamide": t.cyclophosphamide.active_days,
    }.get(drug)
    running = [c for c in courses if c.end is None or c.end.latest >= a.today]
    return DrugUse(
        drug=drug,
        active=infused_active(a.chart, drug, infused, a.today) if infused else bool(taken),
        taken=taken,
        planned=tuple(c for c in running if c.status == "planned" and not c.superseded),
        ordered=tuple(c for c in courses if c.status == "draft"),
        unclear=tuple(c for c in running if c.status == "unknown" and not c.superseded),
    )
