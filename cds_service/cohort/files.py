"""Files of results: tables for spreadsheets and pages, each written whole or not at all."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from cds_service.store.tabular import cell


def table(path: Path, columns: Iterable[str], rows: Iterable[Iterable[str | int]]) -> None:
    """A CSV file."""
    making = path.with_suffix(".part")
    with making.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([cell(value) if isinstance(value, str) else value for value in row] for row in rows)
    making.replace(path)


def page(path: Path, **content: Any) -> None:
    """A page, by the template of its name, written piece by piece."""
    environment = Environment(
        loader=PackageLoader("cds_service.cohort"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    making = path.with_name(f"{path.name}.part")
    environment.get_template(path.name).stream(**content).dump(str(making), encoding="utf-8")
    making.replace(path)
