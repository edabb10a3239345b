"""The facts behind an evaluation as tables of text, the same on the pages, in the terminal and in JSON."""

from collections.abc import Iterable

import msgspec

from cds_service.fhir.dates import FhirDate
from cds_service.patient_data import PatientData
from hooks.assessment import Assessment
from hooks.assessment.trials import ClassTrials
from hooks.chart.facts import Chart, DrugCourse, LabResult


class Table(msgspec.Struct, frozen=True):
    """Rows of text under `columns`. `empty`: the sentence in place of a table without rows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str = "None on record."


def tables(a: Assessment, data: PatientData) -> tuple[Table, ...]:
    """Everything that the rules stood on, and everything that they did not."""
    chart = a.chart
    return (
        _states(a),
        _trials(a),
        _courses(chart),
        _infusions(chart),
        _labs(a),
        Table(
            "Strength scores",
            ("Date", "MMT-8", "Share of the scale", "Doubt", "Source"),
            tuple(
                (_on(s.when), str(s), f"{s.fraction:.0%}" if s.fraction is not None else "", s.doubt, s.source)
                for s in chart.scores
            ),
        ),
        Table(
            "Diagnoses",
            ("Diagnosis", "Read as", "Since", "Current", "Source"),
            tuple(
                (d.text, _words(sorted(d.concepts)), _on(d.since), "yes" if d.current else "no", d.source)
                for d in chart.diagnoses
            ),
        ),
        Table(
            "Allergies and intolerances",
            ("Allergy", "Read as", "Severe", "Source"),
            tuple(
                (one.text, _words(sorted(one.concepts)), "yes" if one.severe else "no", one.source)
                for one in chart.allergies
            ),
        ),
        Table(
            "Plasma exchange",
            ("Date", "State", "Source"),
            tuple((_on(s.when), "performed" if s.performed else "planned", s.source) for s in chart.sessions),
        ),
        Table(
            "Left out",
            ("Source", "Reason", "Date"),
            tuple((d.source, d.reason, _on(d.when)) for d in chart.dropped),
            "Everything that was sent could be used.",
        ),
        Table(
            "Sources looked at",
            ("Source", "State", "Resources", "Reason"),
            tuple((s.key, s.state, str(len(s.entries)), s.reason) for s in data.sources.values()),
        ),
    )


def _states(a: Assessment) -> Table:
    person = a.person
    rows = (
        ("Age", "unknown" if person.age is None else f"{person.age} years", ""),
        ("Diagnosis of IMNM", _state(a.diagnosis.status) + (" (in the past)" if a.diagnosis.historical else ""), ""),
        ("Anti-SRP", _state(a.antibodies.srp.state), a.antibodies.srp.flag),
        ("Anti-HMGCR", _state(a.antibodies.hmgcr.state), a.antibodies.hmgcr.flag),
        ("Disease activity", _state(a.activity.state), a.activity.missing),
    )
    return Table("The patient today", ("What", "State", "Remark"), rows)


def _trials(a: Assessment) -> Table:
    return Table(
        "Drug trials",
        ("Drug", "State", "Given", "What is missing", "Documented"),
        tuple(_trial(a, one) for one in (*a.three, a.cyclophosphamide)),
    )


def _trial(a: Assessment, one: ClassTrials) -> tuple[str, ...]:
    name = a.knowledge.value_sets[one.drug].title
    documented = "; ".join(filter(None, (one.best.failure if one.best else "", one.intolerance)))
    given = one.best.trial.given if one.best else ""
    return name, _state(one.state), given, one.best.gap if one.best else "", documented


def _courses(chart: Chart) -> Table:
    return Table(
        "Drug courses",
        ("Drug", "As recorded", "Status", "From", "To", "Dose", "Remark", "Source"),
        tuple(
            (
                _words((c.ingredient or c.drug,)),
                c.text,
                c.status,
                _on(c.start),
                _on(c.end),
                "; ".join(filter(None, map(str, c.steps))),
                _remark(c),
                ", ".join(c.sources) or c.source,
            )
            for c in chart.courses
        ),
    )


def _remark(course: DrugCourse) -> str:
    return "; ".join(filter(None, (course.failure, course.intolerance, course.other_indication, course.doubt)))


def _infusions(chart: Chart) -> Table:
    return Table(
        "Infusions",
        ("Drug", "Date", "Days", "Amount", "Status", "Remark", "Source"),
        tuple(
            (
                _words((i.drug,)),
                _on(i.when),
                str(i.days),
                str(i),
                i.status,
                "; ".join(filter(None, (i.problem, i.other_indication))),
                i.source,
            )
            for i in chart.infusions
        ),
    )


def _labs(a: Assessment) -> Table:
    rows = [
        (
            a.knowledge.value_sets[concept].title if concept in a.knowledge.value_sets else concept,
            _on(result.when),
            _value(result),
            f"{result.lower or ''}–{result.upper:g} {result.unit}".strip() if result.upper is not None else "",
            result.doubt,
            result.source,
        )
        for concept, results in a.chart.labs.items()
        for result in results
    ]
    return Table("Laboratory results", ("Test", "Date", "Result", "Reference range", "Doubt", "Source"), tuple(rows))


def _value(result: LabResult) -> str:
    if result.value is not None:
        return f"{result.comparator}{result.value:g} {result.unit}".strip()
    return result.result or result.text


def _on(when: FhirDate | None) -> str:
    return str(when) if when else ""


def _state(state: str) -> str:
    """`TOO_EARLY` in words."""
    return {"FAILED_DOC": "failed (documented)", "FAILED_INF": "failed (by response)"}.get(
        state, state.replace("_", " ").lower()
    )


def _words(names: Iterable[str]) -> str:
    return ", ".join(name.replace("-", " ") for name in names)
