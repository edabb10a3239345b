"""Weight, height and what is derived from them: never guessed, None where something is missing."""

from bisect import bisect_left
from datetime import date
from math import sqrt

import msgspec

from cds_service.fhir.dates import FhirDate
from hooks.chart.facts import Chart, LabResult
from hooks.knowledge.thresholds import Thresholds

CM_PER_INCH = 2.54
FEMALE = {"female": True, "male": False}


class Body(msgspec.Struct, frozen=True):
    """A patient's size at one time: kg and cm as measured, and the results they came from."""

    weight: LabResult | None
    height: LabResult | None
    female: bool | None
    note: str = ""
    """Said on the card when the weight is further away than it should be."""

    @property
    def kg(self) -> float | None:
        return self.weight.value if self.weight else None

    @property
    def cm(self) -> float | None:
        return self.height.value if self.height else None

    @property
    def bmi(self) -> float | None:
        """Body mass index, kg/m²."""
        kg, cm = self.kg, self.cm
        return kg / (cm / 100) ** 2 if kg is not None and cm else None

    @property
    def bsa(self) -> float | None:
        """Body surface area after Mosteller, m² (A5)."""
        kg, cm = self.kg, self.cm
        return sqrt(kg * cm / 3600) if kg is not None and cm else None

    def adjusted_kg(self, thresholds: Thresholds) -> float | None:
        """Adjusted weight (B9) where the BMI says obesity; None where it does not apply or cannot be known."""
        body, bmi, kg, cm = thresholds.body, self.bmi, self.kg, self.cm
        if bmi is None or bmi < body.obese_bmi.value or self.female is None:
            return None
        assert kg is not None
        assert cm is not None
        base = body.devine_female_kg if self.female else body.devine_male_kg
        ideal = base.value + body.devine_kg_per_inch.value * (cm / CM_PER_INCH - 60)
        return ideal + body.adjust_fraction.value * (kg - ideal)


def body_at(chart: Chart, when: FhirDate, max_days: float) -> Body:
    """The weight nearest to `when`, at most `max_days` away, and the nearest height."""
    return Body(
        weight=_nearest(chart, "body-weight", when.earliest, max_days),
        height=_nearest(chart, "body-height", when.earliest, None),
        female=FEMALE.get(chart.person.gender),
    )


def body_for_dose(chart: Chart, when: FhirDate, thresholds: Thresholds) -> Body:
    """The body that a dose of the past is judged by (A4: nearest weight within 180 days).

    Where there is none, the nearest one within a longer limit serves, and the card says how far away it is
    (see decisions).
    """
    reading = thresholds.reading
    near = body_at(chart, when, reading.dose_weight_days.value)
    if near.weight:
        return near
    far = body_at(chart, when, reading.dose_weight_fallback_days.value)
    if far.weight is None or far.weight.when is None:
        return far
    days = abs((far.weight.when.earliest - when.earliest).days)
    return msgspec.structs.replace(far, note=f"weight measured {days} days away ({far.weight.when})")


def _nearest(chart: Chart, concept: str, on: date, max_days: float | None) -> LabResult | None:
    measured, days = chart.usable_labs[concept]
    if not days:
        return None
    # Newest first, so days run backwards: the later neighbour stands before the earlier one, and wins a tie.
    wanted = -on.toordinal()
    nearest = bisect_left(days, wanted)
    if nearest == len(days) or (nearest and wanted - days[nearest - 1] <= days[nearest] - wanted):
        nearest -= 1
    far = abs(days[nearest] - wanted)
    return measured[nearest] if max_days is None or far <= max_days else None
