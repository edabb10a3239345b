"""`nam-cds call`: play the record system against any CDS service and any FHIR server."""

import json
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import click

from cds_service.cli.http import Client, Failure, body_of, outcome
from cds_service.cli.services import discovered, discovery_url
from cds_service.cli.terminal import cards, console, print_json
from cds_service.protocol.templates import fill


@click.command(
    epilog="""\b
Examples:
  nam-cds call http://127.0.0.1:8080/cds-services/nam-patient-view \\
      --fhir http://127.0.0.1:8080/fhir --patient nam-refractory-gates-passed
  nam-cds call http://127.0.0.1:8080/cds-services/nam-patient-view \\
      --fhir http://127.0.0.1:8080/fhir --patient nam-refractory-gates-passed --no-prefetch --json
"""
)
@click.argument("service_url")
@click.option("--fhir", "fhir_base", required=True, help="Base address of the FHIR server.")
@click.option("--patient", "patient_id", required=True, help="The patient's id on that server.")
@click.option("--prefetch/--no-prefetch", default=True, help="Send what the service asks for, or let it fetch.")
@click.option("--user", default="Practitioner/example", show_default=True, help="Who opens the chart, as Type/id.")
@click.option("--token", help="Bearer token for the FHIR server; also handed to the service, for its own reading.")
@click.option("--cds-token", help="Bearer token for the CDS service.")
@click.option(
    "--context",
    "context_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A JSON file with more members of the hook's context, such as draftOrders.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the response as it came.")
def command(
    service_url: str,
    fhir_base: str,
    patient_id: str,
    *,
    prefetch: bool,
    user: str,
    token: str | None,
    cds_token: str | None,
    context_file: Path | None,
    as_json: bool,
) -> None:
    """Call the service at SERVICE_URL as a record system does, and show its cards.

    Reads the service's discovery entry, runs its prefetch templates on the FHIR server, and calls the hook.
    """
    fhir_base, service_url = fhir_base.rstrip("/"), service_url.rstrip("/")
    context = {"userId": user, "patientId": patient_id.removeprefix("Patient/")} | more_context(context_file)
    with Client(cds_token) as cds, Client(token) as fhir:
        service = _service(cds, service_url)
        request: dict[str, Any] = {
            "hookInstance": str(uuid.uuid4()),
            "hook": service["hook"],
            "fhirServer": fhir_base,
            "context": context,
        }
        if token:
            request["fhirAuthorization"] = {
                "access_token": token,
                "token_type": "Bearer",  # nosec B105  # a kind of token
                "expires_in": 300,
                "scope": "patient/*.read",
                "subject": "nam-cds",
            }
        if prefetch:
            request["prefetch"] = _prefetched(fhir, fhir_base, service.get("prefetch") or {}, context)
        answer = cds.send("POST", service_url, json=request)
        if answer.status_code != 200:
            raise Failure(f"The service answered with {answer.status_code}.", outcome(answer))
        response = body_of(answer)
    found = response.get("cards") if isinstance(response, dict) else None
    if not isinstance(found, list) or not all(isinstance(card, dict) for card in found):
        raise Failure("The service's answer has no list of cards.", "Is this the address of a CDS service?")
    if as_json:
        print_json(response)
    else:
        console().print(cards(found))


def more_context(file: Path | None) -> dict[str, Any]:
    """The members of a file for the context; none without a file. Raises Failure."""
    if file is None:
        return {}
    try:
        members = json.loads(file.read_bytes())
    except ValueError:
        raise Failure(f"{file} is not JSON.") from None
    if not isinstance(members, dict):
        raise Failure(f"{file} is not a JSON object.")
    return members


def _service(client: Client, url: str) -> dict[str, Any]:
    """The discovery entry of the service at this address."""
    if "/cds-services/" not in url:
        raise Failure(f"{url} is no address of a service (…/cds-services/ID).", "`nam-cds services URL` lists the ids.")
    services = discovered(client, discovery_url(url))
    wanted = url.rpartition("/")[2]
    found = next((service for service in services if service.get("id") == wanted), None)
    if found is None or not found.get("hook"):
        there = ", ".join(str(service.get("id")) for service in services) or "none"
        raise Failure(f"The server does not offer the service {wanted}.", f"It offers: {there}.")
    return found


def _prefetched(client: Client, base: str, templates: dict[str, str], context: dict[str, Any]) -> dict[str, Any]:
    """What the templates yield; a key whose template cannot be filled or whose query fails is left out, and said."""
    found: dict[str, Any] = {}
    for key, template in templates.items():
        query = fill(template, context)
        problem = "the context lacks what its template needs"
        if query is not None:
            found[key], problem = _query(client, base, query)
        if found.get(key) is None:
            found.pop(key, None)
            click.echo(f"Prefetch {key} is left out: {problem}.", err=True)
    return found


def _query(client: Client, base: str, query: str) -> tuple[Any, str]:
    """The answer to a query, or None and why: a read by GET, a search by POST, and if that fails by GET."""
    type_, is_search, parameters = query.partition("?")
    if is_search:
        form = parse_qsl(parameters, keep_blank_values=True)
        answer = client.send("POST", f"{base}/{type_}/_search", data=form)
        if answer.status_code == 200:
            return body_of(answer), ""
    answer = client.send("GET", f"{base}/{query}")
    if answer.status_code != 200:
        return None, f"the FHIR server answered {answer.status_code}"
    return body_of(answer), ""
