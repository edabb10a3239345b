"""`make bench`: the ratios that the design promises, and the machine they were measured on."""

import argparse
import contextlib
import json
import os
import statistics
import sys
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path

import requests
from rich.console import Console
from rich.table import Table

import fixtures
from bench import charts
from bench.machine import machine
from bench.measure import in_turns, ratio
from bench.pages import page_and_picture
from bench.worker import start_and_memory
from cds_service.app import create_app
from cds_service.fhir.servers import FhirServer
from cds_service.protocol.templates import fill
from cds_service.registry import CdsService
from cds_service.settings import Settings
from tests.integration.hapi import HapiUnavailableError, running

SERVICE_ID = "nam-patient-view"
ORDER_SERVICE_ID = "nam-order-sign"
ROUNDS, TIMES = 25, 20
HAPI_ROUNDS = 40
STARTS = 5

Answer = Callable[[bytes], bytes]


@contextlib.contextmanager
def service(settings: Settings, today: date, id_: str = SERVICE_ID) -> Iterator[tuple[CdsService, Answer]]:
    """The service, and its way from request bytes to response bytes. What it logs goes nowhere."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
        ours = create_app(settings, today=lambda: today).extensions["cds_service"]
        found = ours["catalogue"].find(id_, None)
        yield found, lambda body: ours["engine"].answer(found, body, today)
        ours["engine"].close()


def gate() -> tuple[str, float]:
    """A patient without myositis, against reading the body."""
    body = charts.request(prefetch=charts.gate_chart())
    with service(Settings(), fixtures.ANCHOR) as (_, answer):
        if json.loads(answer(body)) != {"cards": []}:
            raise RuntimeError("the patient of the gate row got cards")
        figures = in_turns({"ours": lambda: answer(body), "json": lambda: json.loads(body)}, rounds=ROUNDS, times=TIMES)
    return f"gate, {len(body) / 1000:.0f} kB: {_ms(figures)}", ratio(figures["ours"], figures["json"])


def full() -> tuple[str, float]:
    """A patient whom all rules concern, against reading the body and writing the response."""
    body = charts.request(prefetch=charts.full_chart())
    with service(Settings(), fixtures.ANCHOR) as (_, answer):
        response = json.loads(answer(body))
        if not response["cards"]:
            raise RuntimeError("the patient of the full row got no card")

        def read_and_write() -> None:
            json.loads(body)
            json.dumps(response)

        figures = in_turns({"ours": lambda: answer(body), "json": read_and_write}, rounds=ROUNDS, times=TIMES)
    size = f"{len(body) / 1000:.0f} kB, {len(response['cards'])} cards"
    return f"full, {size}: {_ms(figures)}", ratio(figures["ours"], figures["json"])


def order_sign() -> tuple[str, float]:
    """Ten orders to sign for the same patient, against opening the chart with the same body."""
    orders, chart = charts.orders(), charts.full_chart()
    viewing = charts.request("patient-view", orders, prefetch=chart)
    signing = charts.request("order-sign", orders, prefetch=chart)
    with (
        service(Settings(), fixtures.ANCHOR) as (_, view),
        service(Settings(), fixtures.ANCHOR, ORDER_SERVICE_ID) as (_, sign),
    ):
        count = len(json.loads(sign(signing))["cards"])
        if not count:
            raise RuntimeError("the orders of the order-sign row got no card")
        works: dict[str, Callable[[], object]] = {"ours": lambda: sign(signing), "patient-view": lambda: view(viewing)}
        figures = in_turns(works, rounds=ROUNDS, times=TIMES)
    label = f"order-sign, {len(charts.ORDERED)} drafts, {count} cards: {_ms(figures)}"
    return label, ratio(figures["ours"], figures["patient-view"])


def without_prefetch() -> tuple[str, float]:
    """The same patient from a real FHIR server, against the slowest of the searches that are needed."""
    with running() as base, requests.Session() as session:
        session.post(base, json=charts.transaction(charts.full_chart()), timeout=300).raise_for_status()
        session.headers["Cache-Control"] = "no-cache"  # as the service asks
        settings = Settings(fhir_servers=(FhirServer(base, open=True),), deadline_seconds=60)
        body = charts.request(fhirServer=base)
        with service(settings, fixtures.ANCHOR) as (found, answer):
            context = {"patientId": charts.PATIENT, "userId": "Practitioner/example"}

            works: dict[str, Callable[[], object]] = {"ours": lambda: answer(body)}
            for template in found.prefetch:
                works[template.key] = partial(_search, session, f"{base}/{fill(template.query, context)}")
            # The first rounds warm HAPI up.
            in_turns(works, rounds=HAPI_ROUNDS)
            figures = in_turns(works, rounds=HAPI_ROUNDS)
    slowest = max(figures.keys() - {"ours"}, key=lambda name: statistics.median(figures[name]))
    shown = _ms({"ours": figures["ours"], slowest: figures[slowest]})
    return f"no prefetch, HAPI: {shown}", ratio(figures["ours"], figures[slowest])


def _search(session: requests.Session, address: str | None) -> None:
    """One search to its last page."""
    while address:
        answer = session.get(address, timeout=60)
        answer.raise_for_status()
        links = answer.json().get("link", [])
        address = next((link["url"] for link in links if link["relation"] == "next"), None)


def _ms(figures: dict[str, list[float]]) -> str:
    return ", ".join(f"{name} {statistics.median(values) * 1000:.2f} ms" for name, values in figures.items())


def main() -> None:
    """Measure every row, and print the table."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--no-hapi", action="store_true", help="leave out what needs Java and Maven")
    arguments = parser.parse_args()

    table = Table("path", "ratio or figure", "target", "", title=machine(), title_justify="left")

    def row(label: str, figure: float, target: float, unit: str = "×") -> None:
        table.add_row(
            label, f"{figure:.2f} {unit}", f"≤ {target:g} {unit}", "reached" if figure <= target else "MISSED"
        )

    row(*gate(), 1.0)
    row(*full(), 1.5)
    row(*order_sign(), 1.2)
    if not arguments.no_hapi:
        try:
            row(*without_prefetch(), 1.3)
        except HapiUnavailableError as error:
            sys.exit(f"{error}\nWithout it: make bench ARGS=--no-hapi")
    starts, sizes = zip(*(start_and_memory(charts.full_chart()) for _ in range(STARTS)), strict=True)
    row("worker, resident after 200 calls", max(sizes), 120, "MB")
    row(f"worker, start to first answer, median of {STARTS}", statistics.median(starts), 1.5, "s")
    for page in page_and_picture():
        row(page.label, page.milliseconds, page.target, "ms")
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
