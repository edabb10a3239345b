"""What was gathered for one request: each source of data with what is known about its completeness.

What could not be looked at is known to be unknown; it never turns into "there is none" (CH-PF-03, CH-PF-11).
"""

from typing import Literal

import msgspec

from cds_service.fhir.bundles import Head, Resource

SourceState = Literal["complete", "incomplete", "unavailable"]
DRAFT_ORDERS = "draftOrders"
"""The key of the source that is not prefetch but part of the context, on the order hooks."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One resource as it came: its JSON, and where it stood (for messages and the trace).

    `head`: what was read from it already; if all of it fitted, the view of its type. Observations that came in a Bundle
    of nothing else have only that: their `resource` is empty.
    """

    resource: msgspec.Raw
    location: str
    """Such as `labs.entry[3]`."""
    full_url: str = ""
    head: Resource | Head | None = None


class Source(msgspec.Struct, frozen=True):
    """The answer to one prefetch key.

    `complete`: all there is. `incomplete`: some pages or entries could not be had. `unavailable`: nothing could be had.
    """

    key: str
    state: SourceState
    entries: tuple[Entry, ...] = ()
    reason: str = ""
    """Why the source is not complete, for people; empty when it is."""


class PatientData(msgspec.Struct, frozen=True):
    """Everything the reasoning may look at, for exactly one patient."""

    patient_id: str
    sources: dict[str, Source]
    """By prefetch key."""
    medications: dict[str, msgspec.Raw] = {}
    """Medication resources by the reference that names them (`Medication/1`, `urn:uuid:…`, an absolute URL)."""
    selections: tuple[str, ...] = ()
    """References to those of the drafts that an order-select asks about."""
