"""The course of the disease, for the picture and its table: facts and judgements of an assessment, placed in time.

Pure: an `Assessment` in, a `Timeline` out. Nothing is judged here; what is judged elsewhere gets its day.
"""

from hooks.assessment import Assessment
from hooks.timeline.glucocorticoid import levels
from hooks.timeline.lanes import lanes
from hooks.timeline.marks import marks
from hooks.timeline.measures import ck_points, limits, strength_points
from hooks.timeline.model import Timeline
from hooks.timeline.words import unplaced


def timeline(a: Assessment) -> Timeline:
    """The course of the patient's disease up to the day of the assessment, and what is planned beyond it."""
    t = a.knowledge.thresholds
    ck = ck_points(a)
    return Timeline(
        today=a.today,
        ck=ck,
        limits=limits(ck),
        strength=strength_points(a),
        weak_at=t.strength.weak_fraction.value,
        full_at=t.strength.full_fraction.value,
        lanes=lanes(a),
        glucocorticoid=levels(a),
        prophylaxis_mg=t.pjp.gc_mg.value,
        pulse_mg=t.pjp.pulse_mg.value,
        marks=marks(a),
        unplaced=unplaced(a),
        unchecked={
            key: a.chart.unchecked_because.get(key, state)
            for key, state in a.chart.checked.items()
            if state != "complete"
        },
    )


__all__ = ["Timeline", "timeline"]
