"""A Bundle as the request of a record system, for the commands: what is wrong with it ends them."""

from typing import Any

from cds_service import saved
from cds_service.cli.http import Failure
from cds_service.demo.search import Resource, Resources
from cds_service.errors import InvalidRequest
from cds_service.registry import CdsService


def request_of(bundle: Resource, service: CdsService, patient_id: str | None) -> tuple[Resources, dict[str, Any]]:
    """The resources of a Bundle, and the request with them as prefetch. Raises Failure when the patient is unclear."""
    resources = Resources(resources_in(bundle))
    return resources, saved.request_of(resources, service, patient_in(resources, patient_id))


def resources_in(bundle: Resource) -> list[Resource]:
    """All resources of a Bundle, as `cds_service.saved` finds them. Raises Failure when it has no entries."""
    try:
        return saved.resources_in(bundle)
    except InvalidRequest as error:
        raise Failure(str(error)) from None


def patient_in(resources: Resources, wanted: str | None) -> str:
    """The patient that is meant. Raises Failure when that is unclear."""
    there = [str(patient["id"]) for patient in resources.of_type("Patient")]
    if wanted is not None:
        wanted = wanted.removeprefix("Patient/")
        if wanted not in there:
            raise Failure(f"The Bundle has no patient {wanted}.", f"It has: {', '.join(there) or 'none'}.")
        return wanted
    if not there:
        raise Failure("The Bundle has no Patient.", "Add the Patient resource to it.")
    if len(there) > 1:
        raise Failure(f"The Bundle has {len(there)} patients.", f"Choose one with --patient: {', '.join(there)}.")
    return there[0]
