"""Who may use the console: what of it is offered, the login in front of it, and forms that only its own pages send."""

from urllib.parse import urlsplit

import structlog
from flask import Blueprint, Response, request

from cds_service import records
from cds_service.console.users import Users, read_users
from cds_service.errors import CrossSite, LoginRequired, SettingsError, TooManyLogins
from cds_service.headers import allow_forms
from cds_service.outbound import is_loopback
from cds_service.security.rates import CallRates
from cds_service.settings import Settings, variable_of
from cds_service.web.layout import pages

LOGINS_PER_MINUTE = 10
"""How often one address may try a name and a password that were not found right before."""
_log = structlog.get_logger()


def offered(settings: Settings) -> bool:
    """Whether there is a console: in a demonstration, or if the site says so."""
    return settings.console == "on" or (settings.console == "auto" and settings.demo)


def check_console(settings: Settings) -> Users | None:
    """Who has to log in; None: nobody, as nobody can see it or there is nothing to protect. Raises SettingsError."""
    local = is_loopback(settings.host) and is_loopback(urlsplit(settings.public_url).hostname or "")
    users = variable_of("console_users")
    if settings.console_users is None:
        if settings.console == "on" and not (settings.demo and local):
            raise SettingsError(
                f"{users}: is not set, and {variable_of('console')} is on. Name the file of those who may log in; "
                "`nam-cds console-password NAME` prints a line for it"
            )
        return None
    if not offered(settings):
        raise SettingsError(f"{users}: is set, but the console is off; set {variable_of('console')} to on, or unset it")
    if not local and urlsplit(settings.public_url).scheme != "https":
        raise SettingsError(
            f"{variable_of('public_url')}: has to be an https address: the console's passwords are sent to it"
        )
    return read_users(settings.console_users)


class Access:
    """The guard in front of the console's pages. One for the application, as it counts logins."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError."""
        self.offered = offered(settings)
        self._users = check_console(settings)
        self._public_url = settings.public_url
        self._rates = CallRates()

    def pages(self, name: str, import_name: str) -> Blueprint:
        """A blueprint of the console: pages that may hold forms, and are kept by no cache."""
        routes = pages(name, import_name)
        self.protect(routes)

        @routes.after_request
        def not_stored(response: Response) -> Response:
            response.cache_control.no_store = True
            return response

        return routes

    def protect(self, routes: Blueprint) -> None:
        """Let nobody pass to these routes who may not."""

        @routes.before_request
        def admit() -> None:
            allow_forms()
            if self._users:
                record = records.current()
                record.page = request.endpoint or ""
                record.login = self._logged_in(self._users)
            if request.method not in ("GET", "HEAD", "OPTIONS"):
                self._check_origin()

    def _logged_in(self, users: Users) -> str:
        """The name. Raises LoginRequired and TooManyLogins."""
        sent = request.authorization
        name, password = (sent.username or "", sent.password or "") if sent and sent.type == "basic" else ("", "")
        if not name:
            raise LoginRequired
        if users.remembered(name, password):
            return name
        if seconds := self._rates.seconds_to_wait(request.remote_addr or "", LOGINS_PER_MINUTE):
            _log.warning("console_login_throttled", limit=LOGINS_PER_MINUTE)
            raise TooManyLogins(seconds)
        if not users.right(name, password):
            _log.warning("console_login_refused", remedy="see the audit record for the page that was asked for")
            raise LoginRequired
        return name

    def _check_origin(self) -> None:
        headers = request.headers
        if not same_site(self._public_url, request.host, headers.get("Origin"), headers.get("Sec-Fetch-Site")):
            _log.warning("console_form_refused", reason="cross-site")
            raise CrossSite(self._public_url)


def same_site(public_url: str, host: str, origin: str | None, fetch_site: str | None) -> bool:
    """Whether a form was sent by one of our own pages, or by no browser at all.

    `host`, `origin` and `fetch_site` are the headers Host, Origin and Sec-Fetch-Site. A name that an attacker lets
    point at this machine is another origin, although the browser calls it the same.
    """
    if fetch_site not in (None, "same-origin", "none"):
        return False
    if origin is None:
        return True
    if origin == "null":
        return fetch_site == "same-origin"
    try:
        sent, public = urlsplit(origin), urlsplit(public_url)
    except ValueError:
        return False
    if (sent.scheme, sent.netloc) == (public.scheme, public.netloc):
        return True
    return sent.netloc == host and is_loopback(sent.hostname or "")
