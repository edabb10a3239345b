"""`nam-cds serve`: the service, on its workers."""

import gc
import os
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, get_args, get_origin

import click
from flask import Flask
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server
from sqlalchemy.exc import SQLAlchemyError

from cds_service.app import check_sources, create_app
from cds_service.catalogue import Catalogue
from cds_service.charts import warm_up
from cds_service.cli.http import Failure
from cds_service.errors import SettingsError
from cds_service.observability.metrics import shared_by_workers
from cds_service.outbound import is_loopback
from cds_service.security.clients import Clients
from cds_service.security.start import check_start
from cds_service.settings import TABLE, Setting, Settings, variable_of
from cds_service.store.database import cause
from cds_service.store.store import prepare
from hooks import services as own_services
from hooks.knowledge import KnowledgeError, load

SECONDS_TO_STOP = 10


def _option(setting: Setting) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    flag = f"--{setting.name.replace('_', '-')}"
    help_ = f"{setting.help} [{setting.variable}; default: {setting.default_text or 'none'}]"
    if setting.type is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", setting.name, default=None, help=help_)
    choices = click.Choice(get_args(setting.type)) if get_origin(setting.type) is Literal else click.STRING
    metavar = setting.type_name.upper().replace(" ", "-")
    return click.option(flag, setting.name, type=choices, metavar=metavar, help=help_)


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    for setting in reversed(TABLE):
        function = _option(setting)(function)
    return function


@click.command(
    epilog="""\b
Examples:
  nam-cds serve --demo
  nam-cds serve --port 9000 --fhir-servers "https://fhir.example.org/r4"
  nam-cds serve --port 9000 --fhir-servers "http://127.0.0.1:8090/fhir;open" --profile lean
"""
)
@_options
def command(**given: str | bool | None) -> None:
    """Start the service. Each option can be set by its environment variable instead; the option wins.

    Without a clients file calls are not authenticated, and it listens on this machine only.
    """
    try:
        settings = Settings.from_environment(_environment(given))
    except SettingsError as error:
        raise Failure(str(error)) from None
    clients = _check_clients(settings)
    _check_address(settings)
    _check_knowledge(settings, clients)
    _prepare_database(settings)
    _greet(settings)
    _run(settings)


def _environment(given: dict[str, str | bool | None]) -> dict[str, str]:
    """The settings of the environment with the options over them."""
    options = {
        variable_of(name): str(value).lower() if isinstance(value, bool) else value
        for name, value in given.items()
        if value is not None
    }
    return {**os.environ, **options}


def _check_clients(settings: Settings) -> Clients | None:
    try:
        return check_start(settings)
    except SettingsError as error:
        raise Failure(str(error)) from None


def _check_address(settings: Settings) -> None:
    """Fail now, in a sentence, where the server would fail later with a traceback."""
    try:
        address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(address[0], socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address[4])
    except OSError as error:
        raise Failure(
            f"Cannot listen on {settings.host}, port {settings.port}: {error.strerror or error}.",
            "Choose another with --port, or stop what is using it.",
        ) from None


def _check_knowledge(settings: Settings, clients: Clients | None) -> None:
    """What of the settings can only be checked with the knowledge; without any, the worker's own check is enough."""
    if settings.overlay is None and not settings.unsupported_sources and not clients:
        return
    try:
        catalogue = Catalogue(own_services(load(settings.overlay)))
        check_sources(settings, catalogue)
        if clients:
            clients.check_services(service.id for service in catalogue.services)
    except KnowledgeError as error:
        raise Failure(str(error), "`nam-cds check-knowledge --overlay FILE` checks it.") from None
    except SettingsError as error:
        raise Failure(str(error)) from None


def _prepare_database(settings: Settings) -> None:
    """Once, before there are workers; and a database that is no good is said in a sentence. Cards come without one."""
    try:
        prepare(settings)
    except SettingsError as error:
        raise Failure(str(error)) from None
    except SQLAlchemyError as error:
        click.secho(f"Warning: the database cannot be used: {cause(error)}", fg="yellow", err=True)
        click.secho("Until it can be, feedback is refused.", fg="yellow", err=True)


def _greet(settings: Settings) -> None:
    what = "the demonstration" if settings.demo else "the service"
    click.echo(f"NAM-CDS: {what} is at {settings.public_url}/ (Ctrl-C stops it)", err=True)
    who = "Calls need a token of a client." if settings.clients else "Calls are not authenticated."
    click.echo(f"Not reviewed by a clinician. {who}", err=True)
    if settings.shadow:
        click.secho("Shadow mode: cards are recorded, and none is sent.", fg="yellow", err=True)
    if not settings.clients and not is_loopback(settings.host):
        warning = f"Warning: it listens on {settings.host}, so other machines can reach it."
        click.secho(f"{warning} Let nothing but a trusted proxy through.", fg="yellow", err=True)


def _run(settings: Settings) -> None:
    server = Server(
        "nam-cds",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        respawn_failed_workers=True,
        blocking_threads=settings.threads,
        workers_kill_timeout=SECONDS_TO_STOP,
        log_level=LogLevels.warning,
    )
    with shared_by_workers():
        server.serve(target_loader=partial(_application, settings), wrap_loader=False)


def _application(settings: Settings) -> Flask:
    """The application of a worker, ready to answer."""
    application = create_app(settings)
    if settings.demo:
        warm_up()
    # What the start made stays to the end: looked at in each full collection, it would hold up calls.
    gc.collect()
    gc.freeze()
    # The call of a chart that is none of ours takes a millisecond: it need not wait five for one that is.
    sys.setswitchinterval(0.001)
    return application
