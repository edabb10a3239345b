"""All dosages of one resource → its regimen: the steps in order, and what route and words say (A5)."""

import msgspec

from cds_service.fhir.bundles import UNREADABLE
from cds_service.fhir.dates import FhirDate, day
from cds_service.fhir.views import AdministeredDosage, Dosage, DoseAndRate, array, decode
from hooks.chart.doses import Step, step_of
from hooks.chart.facts import Dosing
from hooks.chart.memory import by_json
from hooks.chart.routes import route_of
from hooks.chart.spans import MOST_DOSES, shifted
from hooks.chart.strengths import Strength

_MOST_DOSAGES = 100
"""More dosages than this are no regimen that anyone could follow."""
_LONGEST = 10_000
"""Characters of all words together that are searched, routes first."""


class Regimen(msgspec.Struct, frozen=True):
    """What the dosages of a resource say. `words`: route, site and text; `unreadable`: why they cannot be read."""

    steps: tuple[Step, ...] = ()
    route: str = ""
    words: str = ""
    doubt: str = ""
    unreadable: str = ""


@by_json
def regimen(written: bytes, administered: bool, form: str, strength: Strength) -> Regimen:
    """The regimen in the JSON of `dosage` or `dosageInstruction`; of one dosage of an administration if `administered`.

    `form` and `strength` are those of the product.
    """
    dosages, problem = _administered(written) if administered else array(written, Dosage)
    problem = problem or _too_many(dosages)
    if problem:
        unknown = Dosing(problem=f"the dosage cannot be read ({problem})")
        return Regimen((Step(unknown),), route_of(form), form, unreadable=problem)
    steps = tuple(step_of(dosage, strength) for dosage in sorted(dosages, key=lambda dosage: dosage.sequence))
    routes = [form]
    for dosage in dosages:
        for concept in (dosage.route, dosage.site):
            if concept:
                routes.extend((concept.all_words, *(coding.code for coding in concept.coding)))
    words = "; ".join(filter(None, (*routes, *(dosage.text for dosage in dosages))))[:_LONGEST]
    doubt = next((step.doubt for step in steps if step.doubt), "")
    return Regimen(steps, route_of("; ".join(filter(None, routes))[:_LONGEST]), words, doubt)


def _too_many(dosages: tuple[Dosage, ...]) -> str:
    """Why there is more than can be read; empty when there is not."""
    if len(dosages) > _MOST_DOSAGES:
        return f"it has more than {_MOST_DOSAGES} parts"
    events = sum(len(dosage.timing.event) for dosage in dosages if dosage.timing)
    return f"it has more than {MOST_DOSES:,} events" if events > MOST_DOSES else ""


def _administered(written: bytes) -> tuple[tuple[Dosage, ...], str]:
    if not written or written == b"null":
        return (), ""
    try:
        given, problems = decode(written, AdministeredDosage)
    except UNREADABLE as error:
        return (), str(error)
    if problems:
        return (), "; ".join(f"{field}: {problem}" for field, problem in problems.items())
    dose = (DoseAndRate(dose_quantity=given.dose),) if given.dose else ()
    return (Dosage(text=given.text, site=given.site, route=given.route, dose_and_rate=dose),), ""


def in_time(steps: tuple[Step, ...], start: FhirDate | None) -> tuple[Dosing, ...]:
    """The steps with their days, in a course that starts at `start`.

    Of several steps in sequence each begins after the one before it; one whose beginning is not said has no dose.
    """
    if len(steps) == 1:
        return (_lasting(steps[0], steps[0].dosing.start or start),)
    placed: list[Dosing] = []
    previous = 0
    for step in steps:
        follows = bool(placed) and previous < step.sequence
        begins = step.dosing.start
        if follows and begins:
            placed[-1] = _until(placed[-1], begins)
        begins = begins or (_after(placed[-1].end) if follows else start)
        dosing = msgspec.structs.replace(_lasting(step, begins), start=begins)
        if follows and begins is None:
            dosing = msgspec.structs.replace(
                dosing, low=None, high=None, problem="it is not said when this step of the regimen begins"
            )
        placed.append(dosing)
        previous = step.sequence
    return tuple(placed)


def _lasting(step: Step, start: FhirDate | None) -> Dosing:
    """The dosing with the end that its duration gives it."""
    if step.days and step.dosing.end is None and start and start.exact:
        return msgspec.structs.replace(step.dosing, end=day(shifted(start.earliest, step.days - 1)))
    return step.dosing


def _until(step: Dosing, following: FhirDate) -> Dosing:
    """A step that the next one ends."""
    if step.end is None and following.exact:
        return msgspec.structs.replace(step, end=day(shifted(following.earliest, -1)))
    return step


def _after(end: FhirDate | None) -> FhirDate | None:
    return day(shifted(end.earliest, 1)) if end and end.exact else None
