"""Where the resources of a request stand, so that they can be changed in place."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from cds_service.patient_data import DRAFT_ORDERS

Json = dict[str, Any]


class Place(msgspec.Struct, frozen=True):
    """One resource of a request, and the Bundle that it is an entry of (None for one that stands alone)."""

    resource: Json
    bundle: Json | None = None

    def leave_out(self) -> None:
        """Take the resource out of its Bundle; FHIR allows no empty list of entries. One that stands alone stays."""
        if self.bundle is None:
            return
        entries = [entry for entry in self.bundle["entry"] if _resource(entry) is not self.resource]
        if entries:
            self.bundle["entry"] = entries
        else:
            del self.bundle["entry"]
        if isinstance(self.bundle.get("total"), int):
            self.bundle["total"] = max(0, self.bundle["total"] - 1)


def places(request: Json, aliases: Mapping[str, str]) -> dict[str, list[Place]]:
    """The resources by what the chart calls them: `Type/id`, and `labs.entry[3]` for one without id.

    One that was sent under two keys has two places. `aliases`: our prefetch key, by the one that the client uses.
    """
    found: dict[str, list[Place]] = defaultdict(list)
    for key, value in _sent(request):
        for location, place in _within(aliases.get(key, key), value):
            resource = place.resource
            id_ = resource.get("id")
            name = f"{resource.get('resourceType')}/{id_}" if isinstance(id_, str) and id_ else location
            found[name].append(place)
    return dict(found)


def bundle_of(request: Json, key: str, aliases: Mapping[str, str]) -> Json:
    """The Bundle under one of our prefetch keys, made where nothing was found under it."""
    prefetch: Json = request.setdefault("prefetch", {})
    sent = next((name for name in prefetch if aliases.get(name, name) == key), key)
    value = _unwrapped(prefetch.get(sent))
    if isinstance(value, dict) and value.get("resourceType") == "Bundle":
        return value
    prefetch[sent] = {"resourceType": "Bundle", "type": "searchset"}
    made: Json = prefetch[sent]
    return made


def add(bundle: Json, resource: Json) -> None:
    """Put a resource into a Bundle of search results."""
    entries = bundle.get("entry")
    bundle["entry"] = [*(entries if isinstance(entries, list) else ()), {"resource": resource}]
    if isinstance(bundle.get("total"), int):
        bundle["total"] += 1


def _sent(request: Json) -> Iterator[tuple[str, Any]]:
    prefetch, context = request.get("prefetch"), request.get("context")
    if isinstance(prefetch, dict):
        yield from prefetch.items()
    if isinstance(context, dict):
        yield f"context.{DRAFT_ORDERS}", context.get(DRAFT_ORDERS)


def _within(key: str, value: Any) -> Iterator[tuple[str, Place]]:
    value = _unwrapped(value)
    if not isinstance(value, dict):
        return
    if value.get("resourceType", "Bundle") != "Bundle":
        yield key, Place(value)
        return
    entries = value.get("entry")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        resource = _resource(entry)
        if isinstance(resource, dict):
            yield f"{key}.entry[{index}]", Place(resource, value)


def _resource(entry: Any) -> Any:
    return entry.get("resource") if isinstance(entry, dict) else None


def _unwrapped(value: Any) -> Any:
    """The resource in `{"response": …, "resource": …}`, as clients sent it before CDS Hooks 1.0 (CH-PF-16)."""
    if isinstance(value, dict) and "response" in value and "resourceType" not in value:
        return value.get("resource")
    return value
