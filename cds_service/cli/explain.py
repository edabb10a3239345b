"""`nam-cds explain`: the cards for a file, and why each rule spoke or did not."""

import json
import os
from datetime import date
from typing import IO, Any

import click

from cds_service import logs
from cds_service.cli.bundles import request_of
from cds_service.cli.http import Failure
from cds_service.cli.options import today_option
from cds_service.cli.terminal import cards, console, facts, print_json, verdicts
from cds_service.engine import Engine
from cds_service.errors import ServiceError, SettingsError
from cds_service.explanation import Explanation, explain, report
from cds_service.registry import CdsService
from cds_service.saved import unasked
from cds_service.settings import Settings, variable_of
from hooks import services as own_services
from hooks.knowledge import KnowledgeError, load
from hooks.knowledge.model import Knowledge


@click.command(
    epilog="""\b
Examples:
  nam-cds explain fixtures/patients/nam-refractory-gates-passed.json --today 2026-11-22
  nam-cds explain fixtures/patients/nam-underdosed-ivig.json --today 2026-11-22 --json
"""
)
@click.argument("file", type=click.File("rb"))
@click.option("--patient", "patient_id", help="The patient's id, if the Bundle holds several.")
@today_option
@click.option("--service", "service_id", help="The service to ask; default: the one for the hook.")
@click.option("--json", "as_json", is_flag=True, help="Print cards, verdicts and facts as JSON.")
def command(file: IO[bytes], patient_id: str | None, today: date, service_id: str | None, *, as_json: bool) -> None:
    """Explain FILE: a FHIR R4 Bundle of any type, or a saved CDS Hooks request. `-` reads standard input.

    A Bundle is searched as a FHIR server would search it, with the service's own prefetch templates. The settings in
    NAM_CDS_* variables apply, such as NAM_CDS_OVERLAY.
    """
    found, left = explained(file, patient_id, today, service_id)
    if as_json:
        print_json(report(found) | ({"unasked": left} if left else {}))
    else:
        _show(found, left)


def explained(
    file: IO[bytes], patient_id: str | None, today: date, service_id: str | None = None
) -> tuple[Explanation, list[str]]:
    """What the service finds in a file, and what of it no query asks for. Raises Failure."""
    content = _json(file)
    settings, knowledge = _prepared()
    service = _service(own_services(knowledge), content, service_id)
    left = []
    if content.get("resourceType") == "Bundle":
        resources, request = request_of(content, service, patient_id)
        left = unasked(resources, request["prefetch"])
    else:
        request = content
    engine = Engine(settings)
    try:
        return explain(engine, service, knowledge, json.dumps(request).encode(), today), left
    except ServiceError as error:
        raise Failure(*_said(error)) from None
    finally:
        engine.close()


def _json(file: IO[bytes]) -> dict[str, Any]:
    try:
        content = json.loads(file.read())
    except (ValueError, RecursionError):
        raise Failure(f"{file.name} is not JSON.", "Give a FHIR Bundle or a CDS Hooks request, as JSON.") from None
    if not isinstance(content, dict) or not (content.get("resourceType") == "Bundle" or "hook" in content):
        raise Failure(
            f"{file.name} is neither a FHIR Bundle nor a CDS Hooks request.",
            'It has to have "resourceType": "Bundle", or "hook" and "context".',
        )
    return content


def _prepared() -> tuple[Settings, Knowledge]:
    try:
        settings = Settings.from_environment({variable_of("log_level"): "warning"} | os.environ)
        logs.configure(settings.log_level)
        return settings, load(settings.overlay)
    except (SettingsError, KnowledgeError) as error:
        raise Failure(str(error)) from None


def _service(services: tuple[CdsService, ...], content: dict[str, Any], wanted: str | None) -> CdsService:
    hook = content.get("hook", "patient-view")
    for service in services:
        if wanted == service.id or (wanted is None and service.hook == hook):
            return service
    there = ", ".join(f"{service.id} ({service.hook})" for service in services)
    asked = f"called {wanted}" if wanted else f"for the hook {hook}"
    raise Failure(f"There is no service {asked}.", f"There are: {there}.")


def _said(error: ServiceError) -> tuple[str, str]:
    texts = [f"{issue.where}: {issue.text}" if issue.where else issue.text for issue in error.issues]
    return "\n".join(texts), error.issues[0].remedy


def _show(found: Explanation, left: list[str]) -> None:
    out = console()
    if not found.concerned:
        out.print("The gate: no diagnosis of a myositis that this service is for. A call is answered without any card.")
        out.print("Below is what the rules would have said, had they been asked.")
    out.print(cards(report(found, changes=False)["cards"]))
    out.print()
    out.print(verdicts(found.groups))
    out.print()
    out.print(facts(found.tables))
    if left:
        out.print(f"In the Bundle, but asked for by no query of the service: {', '.join(left)}.")
