"""What has to be settled before the service may be reached: it does not start otherwise (CH-SEC-03, CH-GEN-02)."""

from urllib.parse import urlsplit

import structlog

from cds_service.console.access import check_console
from cds_service.errors import SettingsError
from cds_service.outbound import is_loopback
from cds_service.security.clients import Clients, read_clients
from cds_service.settings import ANYBODY, Settings, variable_of

_log = structlog.get_logger()


def check_start(settings: Settings) -> Clients | None:
    """The clients that may call; None: whoever reaches the service may. Raises SettingsError."""
    check_console(settings)
    local = is_loopback(settings.host)
    if settings.clients is None:
        if not local and settings.unauthenticated != ANYBODY:
            raise SettingsError(
                f"{variable_of('clients')}: is not set, and {variable_of('host')} {settings.host} lets other machines "
                "reach this service. Name the clients file, or listen on 127.0.0.1. Only where nothing but a trusted "
                f"proxy, and no real patient, can reach it: {variable_of('unauthenticated')}={ANYBODY}"
            )
        return None
    if settings.unauthenticated == ANYBODY:
        raise SettingsError(
            f"{variable_of('unauthenticated')}: contradicts {variable_of('clients')}; take one of them away"
        )
    if settings.fhir_servers and not settings.demo:
        raise SettingsError(
            f"{variable_of('fhir_servers')}: is for calls that nobody has to prove. With {variable_of('clients')}, "
            "each client names its own in that file."
        )
    if not local and urlsplit(settings.public_url).scheme != "https":
        raise SettingsError(
            f"{variable_of('public_url')}: has to be the https address that clients call; their tokens are meant for it"
        )
    clients = read_clients(settings.clients, demo=settings.demo, shadow=settings.shadow)
    public = urlsplit(settings.public_url)
    if clients.smart_apps and public.scheme != "https" and not is_loopback(public.hostname or ""):
        raise SettingsError(
            f"{variable_of('public_url')}: has to be an https address: record systems send sign-ins of the SMART app "
            "back to it"
        )
    return clients


def announce(settings: Settings, clients: Clients | None) -> None:
    """Tell the log who may call, and who is shown nothing."""
    public = urlsplit(settings.public_url)
    if public.scheme != "https" and not is_loopback(public.hostname or ""):
        _log.warning(
            "public_url_without_tls", remedy=f"set {variable_of('public_url')} to an https address (CH-GEN-02)"
        )
    if settings.shadow or (clients and clients.in_shadow):
        _log.warning("shadow_mode", clients="all" if settings.shadow or not clients else clients.in_shadow)
    if clients:
        _log.info("started", authentication="required", clients=[client.id for client in clients.all])
    elif is_loopback(settings.host):
        _log.info("started", authentication="none: calls are not authenticated, so it is for this machine only")
    else:
        _log.warning(
            "CALLS ARE NOT AUTHENTICATED, AND OTHER MACHINES CAN REACH THIS SERVICE",
            host=settings.host,
            remedy=f"set {variable_of('clients')}, or let nothing but a trusted proxy reach it",
        )
