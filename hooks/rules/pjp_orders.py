"""Orders of Pneumocystis prophylaxis that clash with what is on record (B3 "blocked by")."""

import msgspec

from hooks.assessment import Assessment
from hooks.assessment.pjp_cover import PROPHYLAXIS, is_treatment
from hooks.chart.facts import DrugCourse
from hooks.reasoning import Criterion, Truth, any_true
from hooks.rules.base import md
from hooks.rules.pjp_circumstances import circumstances
from hooks.suggestions.pjp_choice import G6PD, METHOTREXATE, Blocker, Option, select


class Clash(msgspec.Struct, frozen=True):
    """An order of prophylaxis and what speaks against it. `truth` None: what is not known may.

    Methotrexate is left out: beside TMP-SMX it has a rule of its own (S9-MTX-SMX).
    """

    order: DrugCourse
    option: Option

    @property
    def against(self) -> tuple[Blocker, ...]:
        """What is known to bar it. That G6PD is not known bars dapsone: test first (B3)."""
        return tuple(b for b in self._asked if b.truth or (b.name == G6PD and b.truth is None))

    @property
    def open(self) -> tuple[Blocker, ...]:
        """What would bar it, and is not known."""
        return tuple(b for b in self._asked if b.truth is None and b.unknown_bars and b.name != G6PD)

    @property
    def truth(self) -> Truth:
        return True if self.against else None if self.open else False

    @property
    def because(self) -> str:
        return "; ".join(blocker.because for blocker in self.against)

    @property
    def _asked(self) -> tuple[Blocker, ...]:
        return tuple(b for b in self.option.blockers if b.name != METHOTREXATE)


def asked_orders(a: Assessment) -> tuple[Clash, ...]:
    """Every order of prophylaxis in the drafts, with what speaks against it. Treatment is not prophylaxis."""
    return a.once(_asked_orders)


def _asked_orders(a: Assessment) -> tuple[Clash, ...]:
    t = a.knowledge.thresholds.pjp
    orders = [
        course
        for course in a.chart.courses
        if course.status == "draft" and course.drug in PROPHYLAXIS and _is_prophylaxis(a, course)
    ]
    if not orders:
        return ()
    options = {option.regimen.drug: option for option in select(circumstances(a), a.knowledge.regimens, t)}
    return tuple(Clash(order, options[order.drug]) for order in orders)


def _is_prophylaxis(a: Assessment, course: DrugCourse) -> bool:
    if course.drug == "pentamidine":
        return course.route in ("inhaled", "")
    return not is_treatment(course, a.knowledge.thresholds.pjp)


def clashes(a: Assessment) -> tuple[Clash, ...]:
    """The orders that are known to clash."""
    return tuple(one for one in asked_orders(a) if one.truth)


def clash_criterion(a: Assessment) -> Criterion:
    """Whether prophylaxis is being ordered that the record speaks against."""
    asked = asked_orders(a)
    truth = any_true(one.truth for one in asked)
    shown = [one for one in asked if one.truth is truth and truth is not False]
    return Criterion(
        "prophylaxis is being ordered that clashes with the record",
        truth,
        value="; ".join(f"{md(one.order.text)}: {one.because}" for one in shown if one.because),
        source=", ".join(one.order.source for one in shown),
        missing="" if truth is not None else "; ".join(b.because for one in shown for b in one.open),
    )
