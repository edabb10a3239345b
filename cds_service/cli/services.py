"""`nam-cds services`: what a CDS Hooks server offers."""

from typing import Any

import click
from rich.table import Table

from cds_service.cli.http import Client, Failure
from cds_service.cli.terminal import console, print_json


@click.command(
    epilog="""\b
Examples:
  nam-cds services http://127.0.0.1:8080
  nam-cds services http://127.0.0.1:8080/cds-services --json
"""
)
@click.argument("url")
@click.option("--token", help="Bearer token for the CDS server.")
@click.option("--json", "as_json", is_flag=True, help="Print the discovery answer as it came.")
def command(url: str, token: str | None, *, as_json: bool) -> None:
    """List the services of any CDS Hooks server at URL (its base, or its discovery address)."""
    with Client(token) as client:
        found = discovered(client, discovery_url(url))
    if as_json:
        print_json({"services": found})
        return
    table = Table("Service", "Hook", "Title", "Prefetch", header_style="bold")
    for service in found:
        keys = ", ".join(service.get("prefetch") or ()) or "none"
        table.add_row(*(str(service.get(name, "")) for name in ("id", "hook", "title")), keys)
    console().print(table if found else "This server offers no service.")


def discovery_url(url: str) -> str:
    """The discovery address of a server: its base, or any address below `/cds-services`."""
    base, found, _ = url.partition("/cds-services")
    return f"{base}{found}" if found else f"{url.rstrip('/')}/cds-services"


def discovered(client: Client, url: str) -> list[dict[str, Any]]:
    """The services that a discovery answer lists. Raises Failure."""
    answer = client.json("GET", url)
    services = answer.get("services") if isinstance(answer, dict) else None
    if not isinstance(services, list) or not all(isinstance(one, dict) for one in services):
        raise Failure(f"{url} is no CDS Hooks discovery: its answer has no list of services.", "Is the address right?")
    return services
