"""What arrived under a prefetch key, and what follows from it: the decision table (conformance 4.2)."""

from typing import Literal

import msgspec

from cds_service.fhir import bundles
from cds_service.fhir.bundles import Resource
from cds_service.fhir.views import OF_TYPE
from cds_service.patient_data import Entry
from cds_service.registry import PrefetchTemplate

Kind = Literal["absent", "nothing", "failed", "malformed", "paged", "incomplete", "complete"]
"""absent: the key did not come. nothing: it was looked for, and there is none. failed: an OperationOutcome says so.
paged: there is more behind a link. incomplete: some of it is lost."""

Decision = Literal["use", "use incomplete", "fetch", "fetch next page", "unavailable", "refuse"]
"""refuse: the request ends with 412."""


class Received(msgspec.Struct, frozen=True):
    """An answer to a template, in prefetch or from the FHIR server. The entries have their heads."""

    kind: Kind
    entries: tuple[Entry, ...] = ()
    others: tuple[Entry, ...] = ()
    """Included resources of other types, such as Medication."""
    reason: str = ""
    """Why it is failed, malformed or incomplete: a sentence without patient data."""
    next: str = ""
    size: int = 0
    """How many entries came, of whatever kind."""


def decide(kind: Kind, *, can_fetch: bool, required: bool) -> Decision:
    """The decision table. Unknown keys do not get here: only those of the service's own templates do."""
    match kind:
        case "complete" | "nothing":
            return "use"
        case "incomplete":
            return "use incomplete"
        case "paged":
            return "fetch next page" if can_fetch else "use incomplete"
        case "absent" | "malformed" if can_fetch:
            return "fetch"
        case "absent" | "malformed" | "failed":
            # An OperationOutcome is sent to spare the client a query that will fail again: no retry (CH-PF-08).
            return "refuse" if required else "unavailable"


ABSENT = Received("absent", reason="it was not in the prefetch")


class _OldResponse(msgspec.Struct):
    status: str | None = None


class _OldWrapper(msgspec.Struct):
    response: _OldResponse
    resource: msgspec.Raw = msgspec.Raw(b"null")


_OLD = msgspec.json.Decoder(_OldWrapper)


def read(template: PrefetchTemplate, value: msgspec.Raw | None, first: int = 0) -> Received:
    """Classify the value of a prefetch key, or the body of a FHIR server's answer.

    `first`: the number of the first entry, for the later pages of a search.
    """
    if value is None:
        return ABSENT
    if len(value) == 4 and bytes(value) == b"null":
        return Received("nothing")
    kind = _wanted(template)[0]
    split = bundles.split(value, OF_TYPE.get(kind, Resource), keep_json=kind != "Observation")
    match split and split.resource_type:
        case None if split:
            return _read_wrapped(template, value)
        case None:
            return Received("malformed", reason="what came is not a FHIR resource")
        case "OperationOutcome":
            return _read_outcome(value)
        case "Bundle" if split:
            return _read_bundle(template, split, first)
        case found if found in _wanted(template) and (head := bundles.head(value)):
            return Received("complete", (Entry(value, template.key, head=head),), size=1)
        case _:
            return Received("malformed", reason=f"what came is not {_named(template)}")


def _read_wrapped(template: PrefetchTemplate, value: msgspec.Raw) -> Received:
    """`{"response": {"status": …}, "resource": …}`, as clients sent it before CDS Hooks 1.0 (CH-PF-16)."""
    try:
        wrapper = _OLD.decode(value)
    except bundles.UNREADABLE:
        return Received("malformed", reason="what came is not a FHIR resource")
    if not (wrapper.response.status or "").startswith("2"):
        return Received("failed", reason="the client says that its query failed")
    return read(template, wrapper.resource)


def _read_outcome(value: msgspec.Raw) -> Received:
    if bundles.only_advice(value):
        return Received("malformed", reason="an OperationOutcome without an error came in place of data")
    return Received("failed", reason="an OperationOutcome reports an error")


def _read_bundle(template: PrefetchTemplate, split: bundles.Split, first: int) -> Received:
    entries: list[Entry] = []
    others: list[Entry] = []
    lost: list[str] = []
    errors = strange = False
    key, wanted = template.key, _wanted(template)
    items = enumerate(split.items, first)
    if split.uniform:
        entries = [Entry(item.resource, f"{key}.entry[{n}]", item.full_url or "", item.head) for n, item in items]
    for index, item in () if split.uniform else items:
        location = f"{key}.entry[{index}]"
        head = item.head
        if head is None:
            lost.append(location)
        elif head.resource_type in wanted:
            entries.append(Entry(item.resource, location, item.full_url or "", head))
        elif head.resource_type == "OperationOutcome":
            errors = errors or not bundles.only_advice(item.resource)
        else:
            others.append(Entry(item.resource, location, item.full_url or ""))
            strange = strange or head.resource_type not in template.resource_types
    if errors and not entries:
        return Received("failed", reason="an OperationOutcome reports an error")
    if not entries and (lost or strange):
        return Received("malformed", reason=f"what came holds no readable entry that is {_named(template)}")
    reasons = [
        reason
        for applies, reason in (
            (lost, f"{len(lost)} of {len(split.items)} entries cannot be read ({', '.join(lost[:3])})"),
            (errors, "an OperationOutcome reports an error for part of it"),
            (not split.links_readable, "its links cannot be read"),
            (
                not split.next and not first and (split.total or 0) > len(entries) + len(lost),
                "it holds fewer entries than its total says",
            ),
        )
        if applies
    ]
    return Received(
        "paged" if split.next else "incomplete" if reasons else "complete" if entries else "nothing",
        tuple(entries),
        tuple(others),
        "; ".join(reasons),
        split.next or "",
        len(split.items),
    )


def _wanted(template: PrefetchTemplate) -> tuple[str, ...]:
    """The types that make entries. Medications that come along with orders are looked up by these."""
    return tuple(type_ for type_ in template.resource_types if type_ != "Medication") or template.resource_types


def _named(template: PrefetchTemplate) -> str:
    return " or ".join(_wanted(template))
