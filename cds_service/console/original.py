"""What somebody pastes or uploads, and how it travels with the form: nothing of it is kept between two requests."""

import base64
import binascii
import gzip
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from cds_service.console.places import Json
from cds_service.demo.search import Resources
from cds_service.errors import InvalidRequest, ServiceError
from cds_service.fhir.bundles import UNREADABLE
from cds_service.protocol.request import inflate, parse
from cds_service.registry import CdsService
from cds_service.saved import request_of, resources_in

VIEWING = "patient-view"
_SECRETS = ("fhirServer", "fhirAuthorization")
"""What a captured request says of a FHIR server. None is called, so that neither is carried along."""
_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")
_BYTE = re.compile(r"\(byte (\d+)\)")


class UnusableError(Exception):
    """What came cannot be tried. The message is a sentence or two for whoever sent it."""


class Person(msgspec.Struct, frozen=True):
    """A patient of a Bundle."""

    id: str
    name: str


class WhoseError(Exception):
    """A Bundle with several patients, of whom one has to be chosen."""

    def __init__(self, people: tuple[Person, ...]) -> None:
        super().__init__("The Bundle holds several patients.")
        self.people = people


class Original(msgspec.Struct, frozen=True):
    """A chart as it was sent: the request of a record system, and the service that it is for."""

    request: Json
    service: CdsService

    @property
    def body(self) -> bytes:
        """The request as bytes."""
        return encode(self.request)


def encode(request: Json) -> bytes:
    """A request as bytes; decimals as they were written."""
    return _encoder.encode(request)


def content_of(text: bytes) -> Json:
    """A Bundle or a captured request, without what it says of a FHIR server. Raises UnusableError."""
    content = _json(text)
    if not isinstance(content, dict) or not (content.get("resourceType") == "Bundle" or "hook" in content):
        type_ = content.get("resourceType") if isinstance(content, dict) else None
        raise UnusableError(
            (f"This is a single {type_[:40]}. " if isinstance(type_, str) else "This is JSON, but no chart. ")
            + 'Give a FHIR Bundle ("resourceType": "Bundle"), or a CDS Hooks request ("hook", "context", "prefetch").'
        )
    if content.get("resourceType") != "Bundle":
        try:
            parse(text)
        except ServiceError as error:
            raise UnusableError(said(error)) from None
    return {name: value for name, value in content.items() if name not in _SECRETS}


def _json(text: bytes) -> Any:
    text = text.strip().removeprefix(b"\xef\xbb\xbf")
    if not text:
        raise UnusableError("Nothing came. Paste a Bundle or a request, or choose a file.")
    try:
        return _decoder.decode(text)
    except RecursionError:
        raise UnusableError("This is nested too deeply to be a chart.") from None
    except (*UNREADABLE, InvalidOperation) as error:
        raise UnusableError(f"This is not JSON{_where(text, str(error))}. Send it as it was exported.") from None


def _where(text: bytes, message: str) -> str:
    """Where the parser stumbled, by line and character."""
    found = _BYTE.search(message)
    if not found:
        return ""
    before = text[: int(found[1])]
    return f": line {before.count(10) + 1}, character {len(before) - before.rfind(10)}, cannot be read"


def pack(content: Json) -> str:
    """The content as the text of a hidden input."""
    return base64.b64encode(gzip.compress(encode(content), compresslevel=6, mtime=0)).decode()


def unpack(packed: str, limit: int) -> Json:
    """The content of a hidden input. Raises UnusableError, also for more than `limit` bytes."""
    try:
        return content_of(inflate(base64.b64decode(packed, validate=True), limit))
    except (binascii.Error, ValueError, ServiceError, UnusableError):
        raise UnusableError("The chart that this page carried cannot be read any more. Send it again.") from None


def original_of(content: Json, services: dict[str, CdsService], patient_id: str) -> Original:
    """The chart to try. `services`: by hook. `patient_id`: who is meant, of several in a Bundle; else empty.

    Raises UnusableError, and WhoseError where it is not said who is meant.
    """
    if content.get("resourceType") == "Bundle":
        service = services[VIEWING]
        try:
            resources = Resources(resources_in(content))
            return Original(request_of(resources, service, _patient(resources, patient_id)), service)
        except InvalidRequest as error:
            raise UnusableError(said(error)) from None
        except RecursionError:
            raise UnusableError("This is nested too deeply to be a chart.") from None
    hook = content["hook"]
    if not isinstance(hook, str) or hook not in services:
        raise UnusableError(f"The request is for a hook that no service here is for. There are: {', '.join(services)}.")
    return Original(content, services[hook])


def _patient(resources: Resources, wanted: str) -> str:
    people = tuple(Person(str(one["id"]), _name(one)) for one in resources.of_type("Patient"))
    ids = [person.id for person in people]
    if not people:
        raise UnusableError("The Bundle has no Patient. Add the Patient resource to it.")
    if wanted in ids:
        return wanted
    if len(people) > 1:
        raise WhoseError(people)
    return ids[0]


def _name(patient: Json) -> str:
    """A name to choose by; empty where there is none that can be read."""
    names = patient.get("name")
    first = names[0] if isinstance(names, list) and names else None
    if not isinstance(first, dict):
        return ""
    given = first.get("given")
    parts = [*(given if isinstance(given, list) else ()), first.get("family")]
    return str(first.get("text") or " ".join(str(part) for part in parts if part))


def said(error: ServiceError) -> str:
    """What is wrong with a request, as the service says it, and what to do."""
    texts = [f"{issue.where}: {issue.text}" if issue.where else issue.text for issue in error.issues]
    return " ".join((*texts, error.issues[0].remedy)).strip()
