"""Antibody state: anti-SRP and anti-HMGCR (B0 "Antibody state")."""

from typing import Literal

import msgspec

from cds_service.fhir.dates import FhirDate
from hooks.assessment.labs import ever
from hooks.chart.facts import Chart, LabResult, Result
from hooks.knowledge.thresholds import Thresholds

AntibodyState = Literal["POSITIVE", "NEGATIVE", "INDETERMINATE", "NOT_TESTED"]


class Antibody(msgspec.Struct, frozen=True):
    """One antibody. A POSITIVE ever found stays, else the newest verdict decides. `flag`: why it may mislead."""

    name: str
    state: AntibodyState
    result: LabResult | None = None
    flag: str = ""

    @property
    def words(self) -> str:
        """The state, for people."""
        return self.state.lower().replace("_", " ")

    @property
    def between(self) -> str:
        """That it was tested without a plain answer; empty otherwise."""
        return "tested, and neither positive nor negative" if self.state == "INDETERMINATE" else ""


class Antibodies(msgspec.Struct, frozen=True):
    srp: Antibody
    hmgcr: Antibody

    @property
    def positive(self) -> bool:
        return "POSITIVE" in (self.srp.state, self.hmgcr.state)

    @property
    def seronegative(self) -> bool:
        """Both were tested, both negative; one negative and one untested is incomplete."""
        return self.srp.state == self.hmgcr.state == "NEGATIVE"

    @property
    def open(self) -> tuple[Antibody, ...]:
        """The antibodies that still have to be tested, or tested again."""
        return tuple(a for a in (self.hmgcr, self.srp) if a.state in ("NOT_TESTED", "INDETERMINATE"))


def assess_antibodies(chart: Chart, thresholds: Thresholds) -> Antibodies:
    """Both antibody states, from results of any age."""
    return Antibodies(
        srp=_state(chart, "anti-srp", "anti-SRP", thresholds),
        hmgcr=_state(chart, "anti-hmgcr", "anti-HMGCR", thresholds),
    )


_STATES: dict[Result, AntibodyState] = {
    "positive": "POSITIVE", "negative": "NEGATIVE", "indeterminate": "INDETERMINATE",
}  # fmt: skip


def _state(chart: Chart, concept: str, name: str, thresholds: Thresholds) -> Antibody:
    judged = [result for result in chart.labs.get(concept, ()) if result.result]
    newest_first = sorted(judged, key=lambda result: result.when is None)  # undated ones last
    found = ever(chart, concept, "positive") or next(iter(newest_first), None)
    if found is None or found.result is None:
        return Antibody(name, "NOT_TESTED")
    return Antibody(name, _STATES[found.result], found, _flag(chart, found.when, thresholds))


def _flag(chart: Chart, when: FhirDate | None, thresholds: Thresholds) -> str:
    """Immunoglobulin and plasma exchange change antibody tests for months."""
    if when is None:
        return ""
    days = thresholds.ivig.antibody_flag_days.value
    moments = [(i.when, "IVIG") for i in chart.infusions_of("ivig") if i.status not in ("planned", "draft")]
    moments += [(s.when, "plasma exchange") for s in chart.sessions if s.performed]
    for given, what in moments:
        if given and 0 <= (when.earliest - given.latest).days <= days:
            return f"taken {(when.earliest - given.latest).days} days after {what}"
    return ""
