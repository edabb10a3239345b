"""`nam-cds timeline`: the course of the disease as a picture in a file."""

from datetime import date
from pathlib import Path
from typing import IO

import click

from cds_service.charts import for_file, png
from cds_service.charts.words import NOTHING
from cds_service.cli.explain import explained
from cds_service.cli.http import Failure
from cds_service.cli.options import today_option
from hooks.timeline import timeline


@click.command(
    epilog="""\b
Examples:
  nam-cds timeline fixtures/patients/nam-relapse-on-taper.json --today 2026-11-22 -o course.svg
  nam-cds timeline fixtures/patients/nam-relapse-on-taper.json --today 2026-11-22 -o course.png
"""
)
@click.argument("file", type=click.File("rb"))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    required=True,
    help="Where the picture goes: SVG, or PNG if the name ends in .png; `-`: SVG on standard output.",
)
@click.option("--patient", "patient_id", help="The patient's id, if the Bundle holds several.")
@today_option
def command(file: IO[bytes], output: Path, patient_id: str | None, today: date) -> None:
    """Draw the course of the disease in FILE: a FHIR R4 Bundle of any type, or a saved CDS Hooks request.

    CK, MMT-8, treatments, glucocorticoid dose, and the days on which rules rest. `-` reads standard input.
    """
    found, _ = explained(file, patient_id, today)
    drawn = for_file(found.evaluation.assessment.once(timeline))
    if not drawn:
        raise Failure("There is nothing to draw.", NOTHING)
    if str(output) == "-":
        click.echo(drawn)
        return
    try:
        if output.suffix.lower() == ".png":
            output.write_bytes(png(drawn))
        else:
            output.write_text(drawn, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{output} cannot be written ({error.strerror}).") from None
