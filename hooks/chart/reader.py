"""What all readers share: whose a resource is, where it stands, what its dates mean, and what was left out."""

from datetime import date
from typing import TypeVar

from cds_service.fhir.bundles import UNREADABLE
from cds_service.fhir.dates import FhirDate, parse
from cds_service.fhir.references import relative, whose
from cds_service.fhir.views import Patient, Period, Reference, View, decode
from cds_service.patient_data import Entry, PatientData, Source
from hooks.chart.facts import Dropped, LabResult, StrengthScore
from hooks.chart.matching import matchers
from hooks.knowledge.model import Knowledge

V = TypeVar("V", bound=View)

_MODIFIERS = frozenset({"status", "verificationStatus", "doNotPerform"})
_NONE = Source(key="", state="unavailable")


class Reader:
    """The state of one reading: the data, what is known, and the list of what could not be used."""

    def __init__(self, data: PatientData, knowledge: Knowledge, today: date) -> None:
        self.data = data
        self.knowledge = knowledge
        self.today = today
        self.matchers = matchers(knowledge)
        self.reading = knowledge.thresholds.reading
        self.dropped: list[Dropped] = []
        self._mine: dict[str, bool] = {}
        self._full_urls = {
            entry.full_url: found.id
            for entry in self.entries("patient")
            if entry.full_url and (found := self._patient(entry)) is not None
        }

    def entries(self, key: str) -> tuple[Entry, ...]:
        """The entries of one prefetch source; none when it was not to be had (`Chart.checked` tells)."""
        return self.data.sources.get(key, _NONE).entries

    def decode(self, entry: Entry, view: type[V]) -> tuple[V, str, dict[str, str]] | None:
        """An entry's resource, its source and the fields that were left out; None (and said so) if it is unusable.

        A resource whose status cannot be read may have been entered in error, so it is not used.
        """
        try:
            found, problems = decode(entry.resource, view)
        except UNREADABLE as error:
            self.drop(entry.location, f"cannot be read: {error}")
            return None
        id_, type_ = getattr(found, "id", ""), getattr(found, "resource_type", "")
        if type_ != view.__name__:
            self.drop(entry.location, f"is a {type_ or 'value without resourceType'}, not a {view.__name__}")
            return None
        source = f"{type_}/{id_}" if id_ else entry.location
        if not _MODIFIERS.isdisjoint(problems):
            self.drop(source, "; ".join(f"{field} cannot be read: {problem}" for field, problem in problems.items()))
            return None
        return found, source, problems

    def drop(self, source: str, reason: str, concept: str = "", when: FhirDate | None = None) -> None:
        """Record that an entry, or a part of it, was not used."""
        self.dropped.append(Dropped(source, reason, concept, when))

    def left_out(self, source: str, problems: dict[str, str], concept: str) -> None:
        """Record fields that did not fit; the rest of the resource is used."""
        for field, problem in problems.items():
            self.drop(source, f"{field} was left out: {problem}", concept)

    def date(self, text: str, field: str, source: str, concept: str) -> FhirDate | None:
        """A date, or None when there is none, or (said so) none that can be read."""
        if not text:
            return None
        try:
            return parse(text)
        except ValueError as error:
            self.drop(source, f"{field} was left out: {text[:40]!r} {error}", concept)
            return None

    def period(
        self, period: Period | None, field: str, source: str, concept: str
    ) -> tuple[FhirDate | None, FhirDate | None]:
        """Start and end of a period."""
        if period is None:
            return None, None
        return (
            self.date(period.start, f"{field}.start", source, concept),
            self.date(period.end, f"{field}.end", source, concept),
        )

    def mine(self, subject: Reference | None, source: str, concept: str, when: FhirDate | None = None) -> bool:
        """Whether a resource is this patient's; if not, or if it does not say, it is dropped (A4)."""
        named = subject.reference if subject else ""
        known = self._mine.get(named)
        if known is None:
            known = self._mine[named] = bool(named) and whose(named, self.data.patient_id, self._full_urls) == "mine"
        if not known:
            reason = "names another patient, or one that cannot be resolved" if named else "does not say whose it is"
            self.drop(source, reason, concept, when)
        return known

    @staticmethod
    def _patient(entry: Entry) -> Patient | None:
        try:
            return decode(entry.resource, Patient)[0]
        except UNREADABLE:
            return None


def code_of(concept: object) -> str:
    """The first code of a status-like CodeableConcept, or its text, in lower case."""
    coding = getattr(concept, "coding", ())
    return (next((c.code for c in coding if c.code), "") or getattr(concept, "text", "")).strip().lower()


def same_reference(reference: str) -> tuple[str, ...]:
    """The spellings under which a referenced resource may be known."""
    short = relative(reference)
    bare = reference.partition("/_history/")[0]
    return tuple(dict.fromkeys(filter(None, (reference, bare, short))))


def newest(fact: LabResult | StrengthScore) -> tuple[int, int, float]:
    """Sorts facts newest first, undated ones last."""
    if fact.when is None:
        return 1, 0, 0.0
    return 0, -fact.when.latest.toordinal(), -fact.when.moment
