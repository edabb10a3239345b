"""What a service is: its entry in the discovery answer, the data it needs, and how it answers."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Literal

import msgspec

from cds_service.patient_data import PatientData
from cds_service.protocol.cards import CdsResponse, Coding

Stage = Literal["gate", "full"]


class PrefetchTemplate(msgspec.Struct, frozen=True):
    """One prefetch key.

    `stage` "gate" is looked at first, and decides whether the others are looked at at all. `required` data that cannot
    be had is a 412; an optional source that cannot be had reaches `evaluate` as unavailable (CH-PF-02).
    """

    key: str
    query: str
    resource_types: tuple[str, ...]
    """What the answer may hold; anything else is malformed."""
    stage: Stage
    required: bool


class Snooze(msgspec.Struct, frozen=True):
    """A clinician's override of a card, which may keep the same card away from the same patient for a while."""

    fingerprint: str
    """That of the card which was overridden."""
    reason: Coding
    """Why, as the client says, perhaps without a system (CH-FB-12). What it means is for the service to say."""
    until: date
    """The first day on which the card comes again."""


class Call(msgspec.Struct, frozen=True):
    """One request, ready for reasoning."""

    data: PatientData
    today: date
    public_url: str
    """Where this service's own pages are, without a trailing slash; links on cards start with it."""
    context: dict[str, Any] = {}
    """The hook's context, checked by its definition."""
    hook: str = "patient-view"
    other_version: str = ""
    """The client's FHIR version where it is known not to be R4: it gets cards, and no resources (CH-ACT-07)."""
    snoozes: Mapping[str, Snooze] = {}
    """By rule, the newest override of its card for this patient and client."""


class Answer(msgspec.Struct, frozen=True):
    """What a service answers, and what the operator may know of how it came about. The response alone is sent."""

    response: CdsResponse
    fired: tuple[str, ...] = ()
    """The rules that fire, those whose cards are not shown too."""
    dropped: tuple[str, ...] = ()
    """Why entries of the data were left out: for each, one of few reasons, which hold no value."""
    knowledge_version: str = ""
    """Of the knowledge that it rests on."""
    fingerprints: Mapping[str, str] = {}
    """By the uuid of a card, what tells whether a later card of its rule says anything new."""


def always(data: PatientData) -> bool:  # noqa: ARG001
    """Every call asks something: `CdsService.asked` of a service without orders in its context."""
    return True


class CdsService(msgspec.Struct, frozen=True):
    """A CDS service, independent of how it is called."""

    id: str
    hook: str
    title: str
    description: str
    prefetch: tuple[PrefetchTemplate, ...]
    gate: Callable[[PatientData, date], bool | None]
    """Whether the patient concerns this service at all, judged from the sources of stage "gate"; None if something in
    them cannot be read, and might say so."""
    evaluate: Callable[[Call], Answer]
    asked: Callable[[PatientData], bool] = always
    """Whether the context, with its drafts, asks anything of the service; judged before other data is looked at."""
    usage_requirements: str = ""
    snoozes: bool = False
    """Whether an override may keep a card away: then a call brings those of the last days along."""
