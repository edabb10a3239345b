"""The risk of Pneumocystis pneumonia: triggers P1 to P6 and PX, and whether prophylaxis is running (B3, B9)."""

from datetime import date
from typing import Literal

import msgspec

from hooks.assessment.immunosuppression import Immunosuppression, is_coming, last_infusion
from hooks.assessment.labs import below, fresh, latest, only_known_as, shown
from hooks.assessment.pjp_cover import Cover, assess_cover
from hooks.assessment.pulses import methylprednisolone_pulse
from hooks.chart.facts import Chart, Diagnosis, LabResult
from hooks.knowledge.thresholds import Threshold, Thresholds
from hooks.reasoning import Criterion, Truth, all_of, any_of, any_true, negate

TriggerId = Literal["P1", "P2", "P3", "P4", "P5", "P6", "PX"]
WARNING: frozenset[TriggerId] = frozenset({"P1", "P2", "P3", "P4", "P6"})


class Trigger(msgspec.Struct, frozen=True):
    """One row of the table of B3, with its answer."""

    id: TriggerId
    criterion: Criterion

    @property
    def holds(self) -> bool:
        return self.criterion.truth is True


class PjpRisk(msgspec.Struct, frozen=True, kw_only=True):
    """What speaks for prophylaxis, in the order of B3, and what is running already."""

    triggers: tuple[Trigger, ...]
    taken: Immunosuppression
    cover: Cover
    lymphocytes: LabResult | None
    previous: Diagnosis | None

    @property
    def holding(self) -> tuple[Trigger, ...]:
        return tuple(trigger for trigger in self.triggers if trigger.holds)

    @property
    def warns(self) -> bool:
        """A trigger of the stronger kind holds."""
        return any(trigger.id in WARNING for trigger in self.holding)

    @property
    def dose_needed(self) -> bool:
        """All that holds is that a glucocorticoid of unknown dose or duration is taken (PX)."""
        return [trigger.id for trigger in self.holding] == ["PX"]


def assess_pjp(
    chart: Chart,
    taken: Immunosuppression,
    thresholds: Thresholds,
    today: date,
    *,
    drugs_checked: bool,
    clashing: frozenset[str] = frozenset(),
) -> PjpRisk:
    """The triggers of B3; on the order hooks `taken` is what is taken, planned or being ordered.

    `drugs_checked` False: a medication source was not read, so that no absence is certain. `clashing`: sources of
    orders of prophylaxis that clash, and so do not cover.
    """
    facts = _Facts(chart, taken, thresholds, today, drugs_checked)
    return PjpRisk(
        triggers=facts.triggers(),
        taken=taken,
        cover=assess_cover(chart, thresholds.pjp, today, clashing),
        lymphocytes=facts.lymphocytes,
        previous=facts.previous,
    )


def limit(threshold: Threshold, relation: str = "≥") -> str:
    """`≥ 20 mg/d [ENG]`."""
    return f"{relation} {threshold} [{threshold.mark}]"


class _Facts:
    """The facts that the triggers share, as criteria."""

    def __init__(self, chart: Chart, taken: Immunosuppression, t: Thresholds, today: date, checked: bool) -> None:
        self.chart, self.taken, self.gc, self.t, self.today, self.checked = (
            chart, taken, taken.glucocorticoids, t.pjp, today, checked,
        )  # fmt: skip
        self.ordered = bool(chart.ordered)
        self.pulse = methylprednisolone_pulse(chart, t, today, ordered=self.ordered)
        self.lymphocytes = latest(chart, "lymphocytes")
        self.low = fresh(chart, "lymphocytes", t.reading.lab_fresh_days, today)
        self.previous = next((d for d in chart.diagnoses if "pneumocystosis" in d.concepts), None)
        self.names, self.sources = taken.names, ", ".join(taken.glucocorticoids.sources)
        self.high_lasted = self.lasted(self.t.gc_mg, self.t.gc_days)
        self.middle_lasted = self.lasted(self.t.gc_mid_mg, self.t.gc_mid_days)

    def triggers(self) -> tuple[Trigger, ...]:
        t = self.t
        p2 = all_of(
            "P2: glucocorticoid, high and long", self.dose(t.gc_mg), self.days(t.gc_mg, t.gc_days, self.high_lasted)
        )
        rituximab = self.rituximab()
        several = self.count(t.n_is.value, beside_rituximab=True)
        p3 = all_of(
            "P3: rituximab with glucocorticoid, or with other immunosuppressants",
            rituximab,
            any_of("beside it", self.dose(t.rtx_gc_mg), several),
        )
        middle = all_of(
            "glucocorticoid in the middle range",
            self.dose(t.gc_mid_mg),
            self.days(t.gc_mid_mg, t.gc_mid_days, self.middle_lasted),
        )
        p4 = all_of(
            "P4: glucocorticoid in the middle range with a further risk",
            middle,
            any_of("further risk", self.pulsed(), self.lymphopenia(), self.count(t.n_is.value)),
        )
        p5 = any_of(
            "P5: glucocorticoid in the middle range, rituximab, or several immunosuppressants, alone",
            _alone(middle, p2, p4),
            _alone(rituximab, p3),
            all_of(
                "several immunosuppressants without glucocorticoid",
                several,
                Criterion("no regular systemic glucocorticoid", self.absent(negate(self.gc.regular))),
            ),
        )
        return (
            Trigger("P1", all_of("P1: cyclophosphamide", self.cyclophosphamide())),
            Trigger("P2", p2),
            Trigger("P3", p3),
            Trigger("P4", p4),
            Trigger("P5", p5),
            Trigger("P6", all_of("P6: earlier Pneumocystis pneumonia", self.had_pjp(), self.suppressed())),
            Trigger("PX", self.unclear()),
        )

    def absent(self, truth: Truth) -> Truth:
        """That a drug is absent is certain only when all sources were read."""
        return truth if truth is False or self.checked else None

    def found(self, truth: Truth) -> Truth:
        """That a drug was not found says nothing while a source is missing."""
        return truth if truth or self.checked else None

    def _missing(self, truth: Truth, what: str) -> str:
        if truth is not None:
            return ""
        return what if self.checked else "medication records that could not be read"

    def dose(self, at_least: Threshold) -> Criterion:
        """Today's dose."""
        truth = self.found(self.gc.at_least(at_least.value))
        mg = self.gc.mg_per_day
        return Criterion(
            "glucocorticoid dose " + ("today or as ordered" if self.ordered else "today") + ", as prednisone",
            truth,
            value=f"{mg:g}"
            if mg is not None
            else f"{self.gc.known_mg:g} and an unknown dose"
            if self.gc.known_mg
            else "unknown",
            unit="mg/d",
            threshold=limit(at_least),
            source=self.sources,
            missing=self._missing(truth, "glucocorticoid dose"),
        )

    def lasted(self, mg: Threshold, days: Threshold) -> Truth:
        """Whether a dose is taken for as long as that, by what is on record."""
        return self.gc.lasted(mg.value, days.value, self.today, self.t.bridge_days.value)

    def days(self, mg: Threshold, at_least: Threshold, lasted: Truth) -> Criterion:
        """Days at a dose, planned ones included. `lasted`: whether they are enough, by what is on record."""
        bridge = self.t.bridge_days.value
        truth = self.found(lasted)
        return Criterion(
            f"days at {mg.value:g} mg or more, planned ones included",
            truth,
            value=("at least " if truth is None else "") + str(self.gc.days_at_least(mg.value, self.today, bridge)),
            unit="d",
            threshold=limit(at_least),
            source=self.sources,
            missing=self._missing(truth, "since when the glucocorticoid is taken at this dose"),
        )

    def cyclophosphamide(self) -> Criterion:
        return self._given("cyclophosphamide", self.taken.cyclophosphamide, self.t.cyc_days)

    def rituximab(self) -> Criterion:
        return self._given("rituximab", self.taken.rituximab, self.t.rtx_days)

    def _given(self, drug: str, given: Truth, days: Threshold) -> Criterion:
        truth, last = self.found(given), last_infusion(self.chart, drug)
        if self.ordered and is_coming(self.chart, drug, self.today):
            return self._coming(drug)
        course = next((c for c in self.chart.courses_of(drug) if c.status not in ("planned", "draft")), None)
        fact = last or course
        return Criterion(
            f"{drug} given lately",
            truth,
            value=f"last infusion {last.when}"
            if last
            else f"on record: {course.status}"
            if course
            else "not on record",
            when=str(last.when) if last else "",
            threshold=f"within {days} [{days.mark}]",
            source=fact.source if fact else "",
            missing=self._missing(truth, f"date of the last {drug}"),
        )

    def _coming(self, drug: str) -> Criterion:
        """Planned ones count on the order hooks (B9)."""
        courses = self.chart.courses_of(drug)
        drafts = [course for course in courses if course.status == "draft"]
        return Criterion(
            f"{drug} given lately, planned or being ordered",
            True,
            value="being ordered" if drafts else "planned",
            source=", ".join(c.source for c in drafts or courses),
        )

    def count(self, n: float, *, beside_rituximab: bool = False) -> Criterion:
        """Other immunosuppressants (nIS)."""
        truth = self.found(self.taken.at_least(n, beside_rituximab=beside_rituximab))
        names = [name for name in self.names if not (beside_rituximab and name == "rituximab")]
        mark = self.t.n_is.mark
        return Criterion(
            "other immunosuppressants" + (" beside rituximab" if beside_rituximab else ""),
            truth,
            value=", ".join(names) or "none on record",
            threshold=f"≥ {n:g} [{mark}]",
            missing=self._missing(truth, "date of the last cyclophosphamide or rituximab"),
        )

    def pulsed(self) -> Criterion:
        truth = self.found(self.pulse)
        return Criterion(
            "methylprednisolone pulse",
            truth,
            threshold=f"≥ {self.t.pulse_mg} [{self.t.pulse_mg.mark}] within {self.t.pulse_days}",
            missing=self._missing(truth, "dose and dates of methylprednisolone"),
        )

    def lymphopenia(self) -> Criterion:
        limit_ = self.t.lymphocytes
        truth = below(self.low, limit_.value) if self.low else None
        result = self.lymphocytes
        return Criterion(
            "lymphocytes low",
            truth,
            value=shown(result) if result else "not on record",
            when=str(result.when) if result else "",
            threshold=limit(limit_, "<"),
            source=result.source if result else "",
            missing="" if truth is not None else "a lymphocyte count of the last 90 days",
            between=only_known_as(self.low) if truth is None else "",
        )

    def had_pjp(self) -> Criterion:
        found = self.previous
        return Criterion(
            "Pneumocystis pneumonia on record",
            found is not None,
            value=found.text if found else "",
            when=str(found.since or "") if found else "",
            source=found.source if found else "",
        )

    def suppressed(self) -> Criterion:
        truth = self.found(any_true((self.gc.active, self.taken.at_least(1))))
        names = [*self.names, *(["glucocorticoid"] if self.gc.active else [])]
        return Criterion(
            "any immunosuppression",
            truth,
            value=", ".join(names) or "none on record",
            missing=self._missing(truth, "date of the last cyclophosphamide or rituximab"),
        )

    def unclear(self) -> Criterion:
        """PX: what the record leaves open about the glucocorticoid could decide a trigger."""
        t, gc = self.t, self.gc
        open_ = [
            self.high_lasted,
            self.middle_lasted,
            gc.at_least(t.rtx_gc_mg.value) if self.taken.rituximab else False,
        ]
        return all_of(
            "PX: glucocorticoid of unknown dose or duration beside an immunosuppressant",
            Criterion("systemic glucocorticoid active", self.found(gc.regular), source=self.sources),
            Criterion("its dose or duration decides, and is not known", None in open_),
            self.count(1),
        )


def _alone(part: Criterion, *more: Criterion) -> Criterion:
    """`part`, as long as none of the stronger triggers that it belongs to is known to hold."""
    if any(criterion.truth for criterion in more):
        return all_of(f"{part.name}, alone", part, Criterion("no stronger reason that it is part of", False))
    return part
