"""Reading and searching FHIR resources in memory: the few parameters that prefetch templates use."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from cds_service.errors import BadRequest
from cds_service.fhir.references import relative

Resource = dict[str, Any]
CONTROLS = frozenset({"_count", "_offset", "_sort", "_format", "_pretty", "_total"})
"""Parameters that do not change which resources match."""
_CODED = ("code", "medicationCodeableConcept")
_DATES = (
    "effectiveDateTime",
    "effectiveInstant",
    "performedDateTime",
    "authoredOn",
    "recordedDate",
    "onsetDateTime",
    "dateAsserted",
    "issued",
)
_PERIODS = ("effectivePeriod", "performedPeriod")


class Resources:
    """A set of resources, by type and id. Of several with the same type and id the last one counts."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._by_type: dict[str, dict[str, Resource]] = {}
        for resource in resources:
            self._by_type.setdefault(resource["resourceType"], {})[resource["id"]] = resource

    @property
    def types(self) -> tuple[str, ...]:
        return tuple(sorted(self._by_type))

    def of_type(self, type_: str) -> tuple[Resource, ...]:
        return tuple(self._by_type.get(type_, {}).values())

    def read(self, type_: str, id_: str) -> Resource | None:
        return self._by_type.get(type_, {}).get(id_)

    def search(self, type_: str, parameters: Mapping[str, Sequence[str]]) -> list[Resource]:
        """What matches every parameter: repeated ones all hold, a comma means or. BadRequest for unknown ones."""
        tests = [_test(name, value) for name, values in parameters.items() if name not in CONTROLS for value in values]
        found = [resource for resource in self.of_type(type_) if all(test(resource) for test in tests)]
        return _sorted(found, parameters.get("_sort", ()))


def _test(name: str, value: str) -> Callable[[Resource], bool]:
    wanted = tuple(filter(None, value.split(",")))
    match name:
        case "_id":
            return lambda resource: resource["id"] in wanted
        case "patient" | "subject":
            people = {_patient_id(reference) for reference in wanted}
            return lambda resource: bool(people & set(_patients(resource)))
        case "code":
            return lambda resource: _holds(resource, _CODED, wanted)
        case "category":
            return lambda resource: _holds(resource, ("category",), wanted)
        case "clinical-status":
            return lambda resource: _holds(resource, ("clinicalStatus",), wanted)
        case "status":
            return lambda resource: resource.get("status") in {token.rpartition("|")[2] for token in wanted}
    raise BadRequest(
        "This FHIR server does not know one of the search parameters.",
        name if name.replace("-", "").replace("_", "").isalnum() else "",
        "It knows _id, patient, subject, code, category, status, clinical-status, _count and _sort.",
    )


def _patient_id(reference: str) -> str:
    return (relative(reference) or reference).removeprefix("Patient/")


def _patients(resource: Resource) -> Iterator[str]:
    for element in ("subject", "patient"):
        named = resource.get(element)
        if isinstance(named, dict) and isinstance(named.get("reference"), str):
            yield _patient_id(named["reference"])


def _codings(resource: Resource, elements: Iterable[str]) -> Iterator[tuple[str, str]]:
    for element in elements:
        value = resource.get(element) or ()
        for concept in value if isinstance(value, list) else (value,):
            codings = concept.get("coding") if isinstance(concept, dict) else ()
            for coding in codings if isinstance(codings, list) else ():
                if isinstance(coding, dict):
                    yield str(coding.get("system", "")), str(coding.get("code", ""))


def _holds(resource: Resource, elements: Iterable[str], tokens: Sequence[str]) -> bool:
    """Whether a coding is one of the tokens: `code`, `system|code`, `|code` (no system) or `system|`."""
    wanted = set(tokens)
    return any(wanted & {code, f"{system}|{code}", f"{system}|"} for system, code in _codings(resource, elements))


def _sorted(found: list[Resource], orders: Sequence[str]) -> list[Resource]:
    for order in reversed(",".join(orders).split(",")):
        name = order.removeprefix("-")
        if not name:
            continue
        if name not in ("date", "_id"):
            raise BadRequest(
                "This FHIR server cannot sort that way.", "_sort", "It sorts by date, -date, _id and -_id."
            )
        found = sorted(found, key=_date if name == "date" else _id, reverse=order.startswith("-"))
    return found


def _id(resource: Resource) -> str:
    return str(resource["id"])


def _date(resource: Resource) -> str:
    periods = (resource[name].get("start") for name in _PERIODS if isinstance(resource.get(name), dict))
    return str(next(filter(None, (*(resource.get(name) for name in _DATES), *periods)), ""))
