"""Charts in a few words, for tests of assessments and rules. Days are counted back from TODAY.

`base()` is the BASE patient of specification C, as facts.
"""

from datetime import date, timedelta
from functools import cache
from typing import Any

import msgspec

from cds_service.fhir.dates import FhirDate, day, parse
from hooks.assessment import Assessment, assess
from hooks.chart.facts import (
    Allergy,
    Chart,
    CourseStatus,
    Diagnosis,
    Dosing,
    DrugCourse,
    Infusion,
    LabResult,
    Person,
    Result,
    Session,
    StrengthScore,
)
from hooks.knowledge import load
from hooks.knowledge.model import Knowledge

TODAY = date(2026, 11, 22)
SOURCES = (
    "patient",
    "conditions",
    "medicationStatements",
    "medicationRequests",
    "medicationAdministrations",
    "labs",
    "scores",
    "allergies",
    "procedures",
)
When = str | int | FhirDate | None
"""A date as text, days before TODAY, a FhirDate, or unknown."""


@cache
def knowledge() -> Knowledge:
    """The knowledge as shipped."""
    return load()


def when(value: When) -> FhirDate | None:
    """Read a `When`."""
    if isinstance(value, int):
        return day(TODAY - timedelta(days=value))
    return parse(value) if isinstance(value, str) else value


_counter = iter(range(1, 1_000_000))


def _source(kind: str) -> str:
    return f"{kind}/{next(_counter)}"


def lab(concept: str, value: float | None, at: When = 5, **more: Any) -> LabResult:
    """One result in the concept's own unit; CK has an upper limit of 200 unless told otherwise."""
    more.setdefault("upper", 200.0 if concept == "creatine-kinase" else None)
    more.setdefault("unit", "U/L" if concept == "creatine-kinase" else "")
    return LabResult(source=_source("Observation"), concept=concept, when=when(at), value=value, **more)


def ck(value: float, at: When = 12, **more: Any) -> LabResult:
    """A CK in U/L."""
    return lab("creatine-kinase", value, at, **more)


def verdict(concept: str, result: Result, at: When = 30) -> LabResult:
    """A qualitative result."""
    return lab(concept, None, at, result=result)


def mmt(value: float, at: When = 10, scale: str = "150") -> StrengthScore:
    """An MMT-8 score; scale "" is ambiguous."""
    maximum = {"150": 150.0, "80": 80.0, "percent": 100.0}.get(scale)
    return StrengthScore(
        source=_source("Observation"),
        value=value,
        scale=scale,  # type: ignore[arg-type]
        when=when(at),
        fraction=value / maximum if maximum else None,
        doubt="" if maximum else "the scale is not stated",
    )


def infusion(drug: str, amount: float | None, at: When, **more: Any) -> Infusion:
    """One infusion of mg (or another `basis`) over `days`."""
    more.setdefault("days", 1)
    more.setdefault("basis", "mg")
    more.setdefault("status", "completed")
    source = more.pop("source", _source("MedicationAdministration"))
    return Infusion(source=source, drug=drug, amount=amount, when=when(at), course=source, **more)


def weekly(mg: float | None, start: When = None, end: When = None) -> Dosing:
    """`mg` once a week."""
    return Dosing(low=mg, high=mg, per_day=1 / 7, start=when(start), end=when(end))


def daily(mg: float | None, start: When = None, end: When = None, **more: Any) -> Dosing:
    """`mg` once a day."""
    return Dosing(low=mg, high=mg, per_day=1.0, start=when(start), end=when(end), **more)


def course(
    drug: str,
    start: When = 200,
    end: When = None,
    *,
    status: CourseStatus = "active",
    steps: tuple[Dosing, ...] = (),
    **more: Any,
) -> DrugCourse:
    """One course of a drug."""
    more.setdefault("ingredient", "prednisone" if drug == "glucocorticoid" else drug)
    more.setdefault("kind", "MedicationStatement")
    more.setdefault("text", more["ingredient"])
    source = more.pop("source", _source(more["kind"]))
    return DrugCourse(source=source, drug=drug, status=status, start=when(start), end=when(end), steps=steps, **more)


def condition(concept: str, since: When = 400, *, current: bool = True, text: str = "") -> Diagnosis:
    """A condition of one value set."""
    return Diagnosis(
        source=_source("Condition"),
        concepts=frozenset({concept}),
        text=text or concept,
        current=current,
        onset=when(since),
    )


def allergy(concept: str, *, severe: bool = False, scar: bool = False) -> Allergy:
    """An allergy to one value set."""
    text = f"allergy to {concept}"
    return Allergy(
        source=_source("AllergyIntolerance"), concepts=frozenset({concept}), text=text, severe=severe, scar=scar
    )


def session(at: When, *, planned: bool = False) -> Session:
    """A plasma exchange session."""
    return Session(source=_source("Procedure"), when=when(at), performed=not planned, planned=planned)


def chart(*facts: Any, age: int | None = 48, gender: str = "female", deceased: bool = False, **more: Any) -> Chart:
    """A chart of these facts, every source complete, IMNM diagnosed unless some condition is among the facts.

    `unavailable=("allergies",)` marks sources as not to be had.
    """
    born = None if age is None else day(date(TODAY.year - age, 5, 1))
    person = Person(source="Patient/p1", gender=gender, born=born, deceased=deceased)  # type: ignore[arg-type]
    labs: dict[str, tuple[LabResult, ...]] = {}
    for result in (f for f in facts if isinstance(f, LabResult)):
        labs[result.concept] = (*labs.get(result.concept, ()), result)
    newest_first = {
        concept: tuple(sorted(results, key=lambda r: r.when.moment if r.when else 0.0, reverse=True))
        for concept, results in labs.items()
    }
    diagnoses = tuple(f for f in facts if isinstance(f, Diagnosis))
    unavailable = more.pop("unavailable", ())
    scores = [f for f in facts if isinstance(f, StrengthScore)]
    return Chart(
        patient_id="p1",
        person=person,
        diagnoses=diagnoses if any(d.concepts & _MYOSITIS for d in diagnoses) else (*diagnoses, condition("imnm")),
        labs=newest_first,
        scores=tuple(sorted(scores, key=lambda s: s.when.moment if s.when else 0.0, reverse=True)),
        courses=tuple(f for f in facts if isinstance(f, DrugCourse)),
        infusions=tuple(f for f in facts if isinstance(f, Infusion)),
        allergies=tuple(f for f in facts if isinstance(f, Allergy)),
        sessions=tuple(f for f in facts if isinstance(f, Session)),
        checked={key: "unavailable" if key in unavailable else "complete" for key in SOURCES},
        unchecked_because=dict.fromkeys(unavailable, "the FHIR server answered 403"),
        **more,
    )


_MYOSITIS = {"imnm", "immune-myopathy-nec", "polymyositis", "drug-induced-myopathy", "other-myositis"}


def assessed(*facts: Any, **more: Any) -> Assessment:
    """The assessment of a chart of these facts on TODAY."""
    return assess(facts[0] if facts and isinstance(facts[0], Chart) else chart(*facts, **more), knowledge(), TODAY)


def base_facts() -> dict[str, tuple[Any, ...]]:
    """The facts of BASE by group, to be changed by a test."""
    ivig = [infusion("ivig", 140_000, at, days=4) for at in ("2026-02-02", "2026-03-02", "2026-04-06")]
    rtx = [infusion("rituximab", 1000, at) for at in ("2026-04-20", "2026-05-04")]
    return {
        "ivig": tuple(
            x for i in ivig for x in (i, course("ivig", i.when, i.when, status="completed", source=i.course))
        ),
        "rituximab": tuple(
            x for i in rtx for x in (i, course("rituximab", i.when, i.when, status="completed", source=i.course))
        ),
        "methotrexate": (course("methotrexate", "2026-01-10", steps=(weekly(20),)), course("folate", "2026-01-10")),
        "prednisone": (course("glucocorticoid", "2026-01-05", steps=(daily(20),)),),
        "ck": (ck(9800, "2026-01-03"), ck(6200, "2026-11-10")),
        "mmt": (mmt(96, "2026-01-05"), mmt(98, "2026-11-12")),
        "body": (
            lab("body-weight", 70, "2026-11-01", unit="kg"),
            lab("body-height", 165, "2026-11-01", unit="cm"),
        ),
    }


def base(*more: Any, without: tuple[str, ...] = (), **kwargs: Any) -> Chart:
    """BASE of specification C, plus facts, without some groups."""
    facts = [fact for group, found in base_facts().items() if group not in without for fact in found]
    return chart(*facts, *more, **kwargs)


def changed(fact: Any, **changes: Any) -> Any:
    """A fact with some members changed."""
    return msgspec.structs.replace(fact, **changes)
