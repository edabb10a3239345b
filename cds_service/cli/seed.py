"""`nam-cds seed`: the fixture patients into a FHIR server."""

import time
from datetime import date

import click
import requests
from rich.table import Table

import fixtures
from cds_service.cli.http import Client, Failure, outcome
from cds_service.cli.options import today_option
from cds_service.cli.terminal import console

PAUSE = 2.0
"""Seconds between two attempts while a server starts."""


@click.command(
    epilog="""\b
Examples:
  nam-cds seed http://127.0.0.1:8090/fhir --wait 300
  nam-cds seed http://127.0.0.1:8090/fhir --patient nam-never-treated --patient nam-child
"""
)
@click.argument("fhir_base")
@click.option("--patient", "patient_ids", multiple=True, help="Only this fixture patient; may be repeated.")
@today_option
@click.option("--wait", type=click.FloatRange(min=0), default=0, help="Seconds to wait for a server that is starting.")
@click.option("--token", help="Bearer token for the FHIR server.")
def command(fhir_base: str, patient_ids: tuple[str, ...], today: date, wait: float, token: str | None) -> None:
    """Load the fixture patients into the FHIR R4 server at FHIR_BASE, with their dates moved to today.

    Each patient is one transaction; loading again replaces what was loaded before.
    """
    base = fhir_base.rstrip("/")
    stories = {story.id: story for story in fixtures.stories()}
    unknown = [id_ for id_ in patient_ids if id_ not in stories]
    if unknown:
        raise Failure(f"There is no fixture patient {unknown[0]}.", f"There are: {', '.join(stories)}.")
    table = Table("Patient", "Story", "Resources", "Result", header_style="bold")
    failed = []
    with Client(token, seconds=120) as client:
        _await(client, base, wait)
        for id_ in patient_ids or tuple(stories):
            bundle = fixtures.bundle(id_, today)
            answer = client.send("POST", base, json=bundle, headers={"Content-Type": "application/fhir+json"})
            result = "loaded" if answer.ok else _refusal(answer)
            failed += [] if answer.ok else [id_]
            table.add_row(id_, stories[id_].title, str(len(bundle["entry"])), result)
    console().print(table)
    if failed:
        count = f"{len(failed)} of {table.row_count} patients were not loaded."
        raise Failure(count, "The server has to take transaction Bundles.")


def _refusal(answer: requests.Response) -> str:
    return f"{answer.status_code} {outcome(answer)}".strip()


def _await(client: Client, base: str, seconds: float) -> None:
    """Return once the server answers. Raises Failure when the time is over."""
    end = time.monotonic() + seconds
    while True:
        try:
            answer = client.send("GET", f"{base}/metadata")
            problem = Failure(f"{base}/metadata was answered with {answer.status_code}.", "Is this a FHIR base?")
            if answer.ok:
                return
        except Failure as failure:
            problem = failure
        if time.monotonic() + PAUSE > end:
            raise problem
        time.sleep(PAUSE)
