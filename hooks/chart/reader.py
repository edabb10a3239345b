"""What all readers share: whose a resource is, where it stands, what its dates mean, and what was left out."""

import copy
from collections.abc import Iterable
from datetime import date
from operator import attrgetter
from typing import Any, TypeVar

from cds_service.fhir.bundles import UNREADABLE, Resource, Subject
from cds_service.fhir.dates import FhirDate, parse
from cds_service.fhir.references import Whose, relative, whose
from cds_service.fhir.views import NO_PROBLEMS, Patient, Period, decode
from cds_service.patient_data import Entry, PatientData, Source
from hooks.chart.facts import DropKind, Dropped, LabResult, StrengthScore
from hooks.chart.matching import matchers
from hooks.knowledge.model import Knowledge

R = TypeVar("R", bound=Resource)

_MODIFIERS = ("status", "verificationStatus", "doNotPerform")
_NONE = Source(key="", state="unavailable")


class Reader:
    """The state of one reading: the data, what is known, and the list of what could not be used."""

    def __init__(self, data: PatientData, knowledge: Knowledge, today: date) -> None:
        self.data = data
        self.knowledge = knowledge
        self.today = today
        self.matchers = matchers(knowledge)
        self.reading = knowledge.thresholds.reading
        self.ukat_to_u = knowledge.thresholds.ck.ukat_to_u.value
        self.dropped: list[Dropped] = []
        self.known: dict[object, Any] = {}
        """What was understood once in this reading, by what it was understood from."""
        self._whose: dict[str, Whose] = {}
        self._full_urls = {
            entry.full_url: found.id
            for entry in self.entries("patient")
            if entry.full_url and (found := self._patient(entry)) is not None
        }

    def apart(self) -> "Reader":
        """A reader like this one that lists what could not be used by itself."""
        other = copy.copy(self)
        other.dropped = []
        return other

    def taken(self, number: int) -> list[tuple[int, Dropped]]:
        """What could not be used since this was last asked, with the number of the entry that it was part of."""
        taken = [(number, dropped) for dropped in self.dropped]
        self.dropped = []
        return taken

    def entries(self, key: str) -> tuple[Entry, ...]:
        """The entries of one prefetch source; none when it was not to be had (`Chart.checked` tells)."""
        return self.data.sources.get(key, _NONE).entries

    def decode(self, entry: Entry, view: type[R]) -> tuple[R, str, dict[str, str]] | None:
        """An entry's resource, its source and the fields that were left out; None (and said so) if it is unusable."""
        head = entry.head
        if type(head) is view:
            return head, f"{view.__name__}/{head.id}" if head.id else entry.location, NO_PROBLEMS
        try:
            found, problems = decode(entry.resource, view)
        except UNREADABLE as error:
            self.drop(entry.location, "unreadable", f"cannot be read: {error}", doubtful=True)
            return None
        type_ = found.resource_type
        if type_ != view.__name__:
            reason = f"is a {type_ or 'value without resourceType'}, not a {view.__name__}"
            self.drop(entry.location, "another type", reason)
            return None
        return found, f"{type_}/{found.id}" if found.id else entry.location, problems

    def drop(
        self,
        source: str,
        kind: DropKind,
        reason: str,
        concept: str = "",
        when: FhirDate | None = None,
        *,
        doubtful: bool = False,
    ) -> None:
        """Record that an entry, or a part of it, was not used; `doubtful` as in `Dropped`."""
        self.dropped.append(Dropped(source, reason, concept, when, doubtful, kind))

    def standing(self, source: str, problems: dict[str, str], concept: str) -> bool:
        """Whether the standing of a resource can be read; if not it may have been entered in error, and is dropped."""
        unread = [f"{field} cannot be read: {problems[field]}" for field in _MODIFIERS if field in problems]
        if unread:
            self.drop(source, "unreadable", "; ".join(unread), concept, doubtful=True)
        return not unread

    def left_out(self, source: str, problems: dict[str, str], concept: str) -> None:
        """Record fields that did not fit; the rest of the resource is used."""
        for field, problem in problems.items():
            self.drop(source, "part unreadable", f"{field} was left out: {problem}", concept)

    def date(self, text: str, field: str, source: str, concept: str, part: str = "") -> FhirDate | None:
        """A date, or None when there is none, or (said so) none that can be read. `part`: which part of the field."""
        if not text:
            return None
        try:
            return parse(text)
        except ValueError as error:
            self.drop(source, "part unreadable", f"{field}{part} was left out: {text[:40]!r} {error}", concept)
            return None

    def period(
        self, period: Period | None, field: str, source: str, concept: str
    ) -> tuple[FhirDate | None, FhirDate | None]:
        """Start and end of a period."""
        if period is None:
            return None, None
        return (
            self.date(period.start, field, source, concept, ".start"),
            self.date(period.end, field, source, concept, ".end"),
        )

    def mine(self, subject: Subject | None, source: str, concept: str, when: FhirDate | None = None) -> bool:
        """Whether a resource is this patient's; if not, or if it does not say, it is dropped (A4)."""
        named = (subject.reference if subject else None) or ""
        known = self._whose.get(named)
        if known is None:
            known = self._whose[named] = whose(named, self.data.patient_id, self._full_urls) if named else "unknown"
        if known == "other":
            self.drop(source, "another patient", "is another patient's", concept, when)
        elif known == "unknown":
            said = f"names {named!r}, which cannot be resolved" if named else "does not say whose it is"
            self.drop(source, "unknown patient", said, concept, when, doubtful=True)
        return known == "mine"

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


F = TypeVar("F", bound=LabResult | StrengthScore)

_by_moment = attrgetter("when.latest", "when.moment")


def newest_first(facts: Iterable[F]) -> tuple[F, ...]:
    """The facts, newest first, undated ones last; those of one moment in the order they came."""
    dated: list[F] = []
    undated: list[F] = []
    for fact in facts:
        (dated if fact.when else undated).append(fact)
    dated.sort(key=_by_moment, reverse=True)
    return (*dated, *undated)
