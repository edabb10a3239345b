"""The way of a launch: from the record system's click to a session, with nothing of a browser but what it sends."""

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import structlog

from cds_service.errors import LaunchFailed, LaunchRefused
from cds_service.fhir.servers import normal_base
from cds_service.registry import PrefetchTemplate
from cds_service.settings import Settings
from cds_service.smart.discovery import REMEDY, Configurations, endpoint_network
from cds_service.smart.links import rule_of
from cds_service.smart.oauth import authorization_url, in_words, new_secret, token_for
from cds_service.smart.registration import SmartApp
from cds_service.smart.scopes import scopes
from cds_service.smart.sessions import LAUNCH_SECONDS, SESSION_SECONDS, Pending, Session, Sessions

AGAIN = "Open the app again from the patient's chart."
_MOST_SAID = 300
"""Characters that are shown of what a record system says."""
_log = structlog.get_logger()


class Launcher:
    """One for all launches; what is remembered of any is in the sessions."""

    def __init__(
        self,
        settings: Settings,
        apps: Iterable[SmartApp],
        templates: Iterable[PrefetchTemplate],
        sessions: Sessions,
        now: Callable[[], float] = time.time,
        *,
        closed: Iterable[str] = (),
    ) -> None:
        """`templates`: what the page reads, and leave is asked for. `closed`: clients that are shown nothing."""
        self._redirect_uri = f"{settings.public_url}/smart/callback"
        self._ca_bundle = settings.ca_bundle
        self._by_base = {app.server.base: app for app in apps}
        self._closed = frozenset(closed)
        self._by_client = {app.client: app for app in self._by_base.values() if app.client not in self._closed}
        self._configurations = Configurations(settings.ca_bundle)
        self._scopes = partial(scopes, tuple(templates))
        self._sessions = sessions
        self._now = now
        self.frames = tuple(dict.fromkeys(origin for app in self._by_base.values() for origin in app.frame))
        """The origins that may show the app in a frame; which of them does is known once a client is."""

    def launching(self, iss: str) -> SmartApp:
        """The app as the record system at `iss` knows it.

        Raises LaunchRefused for one that is not registered, or is shown nothing.
        """
        app = self._by_base.get(normal_base(iss) or "")
        if app is None:
            _log.warning("smart_launch_refused", reason="iss not registered")
            raise LaunchRefused(
                "The app was opened by a record system that is not registered here.",
                "iss",
                "Ask those who run this service to register it.",
            )
        if app.client in self._closed:
            _log.warning("smart_launch_refused", client=app.client, reason="shadow mode")
            raise LaunchRefused(
                "This service is being tried out in shadow mode: it shows nothing yet.",
                "iss",
                "Ask those who run this service when it will.",
            )
        return app

    def registered(self, client: str) -> SmartApp | None:
        """The app of a client; None if it is no longer registered, or shown nothing."""
        return self._by_client.get(client)

    def begin(self, app: SmartApp, iss: str, launch: str, browser: str) -> str:
        """The address of the sign-in. `browser`: the secret of the one that was sent here. Raises LaunchFailed."""
        if not launch:
            raise LaunchRefused("The app was opened without a patient's chart.", "launch", AGAIN)
        found = self._configurations.of(app.server)
        verifier = new_secret()
        pending = Pending(
            app.client,
            verifier,
            found.token_endpoint,
            found.issuer,
            found.authorization_response_iss_parameter_supported,
        )
        _log.info("smart_launch_begun", client=app.client, granular=found.granular)
        return authorization_url(
            app,
            found,
            redirect_uri=self._redirect_uri,
            scope=self._scopes(granular=found.granular, more=app.scopes),
            state=self._sessions.begin(browser, pending),
            verifier=verifier,
            launch=launch,
            aud=iss,
        )

    def answered(self, browser: str, state: str) -> tuple[SmartApp, Pending]:
        """The launch that a sign-in answers, once. Raises LaunchRefused."""
        pending = self._sessions.end(browser, state)
        app = self.registered(pending.client) if pending else None
        if pending is None or app is None:
            _log.warning("smart_launch_refused", reason="no such launch in this browser")
            raise LaunchRefused(
                "This sign-in is not known here. It was finished before, took longer than "
                f"{LAUNCH_SECONDS // 60} minutes, or was begun in another browser.",
                "state",
                AGAIN,
            )
        return app, pending

    def finish(self, app: SmartApp, pending: Pending, answer: Mapping[str, str]) -> tuple[Session, str]:
        """The session that the answer of the sign-in gives leave for, and the rule whose card was opened, if any.

        `answer`: its parameters. Raises LaunchRefused or LaunchFailed.
        """
        self._check_issuer(app, pending, answer.get("iss", ""))
        if error := answer.get("error"):
            _log.warning("smart_launch_refused", client=app.client, reason="the record system refused")
            said = " ".join(answer.get("error_description", "").split())[:_MOST_SAID]
            raise LaunchFailed(
                f"The record system did not open the app: {in_words(error)}" + (f" It says: “{said}”" if said else ""),
                "error",
                AGAIN,
            )
        network = endpoint_network(pending.token_endpoint, app.server)
        code = answer.get("code", "")
        if not code or network is None:
            raise LaunchFailed("The record system's answer holds no code.", "code", REMEDY)
        asked = self._now()
        grant = token_for(
            code,
            app,
            pending.token_endpoint,
            network,
            redirect_uri=self._redirect_uri,
            verifier=pending.verifier,
            ca=self._ca_bundle,
        )
        lasting = min(SESSION_SECONDS if grant.expires_in is None else grant.expires_in, SESSION_SECONDS)
        if lasting <= 0:
            raise LaunchFailed("The record system's token has expired before it came.", "expires_in", REMEDY)
        _log.info("smart_session_begun", client=app.client, seconds=lasting)
        session = Session(app.client, grant.patient, grant.access_token, asked + lasting, grant.scope)
        return session, rule_of(grant.app_context)

    def _check_issuer(self, app: SmartApp, pending: Pending, told: str) -> None:
        """That the answer comes from the server that was asked (RFC 9207). Raises LaunchRefused."""
        if (told or pending.issuer_required) and pending.issuer not in (None, told):
            _log.warning("smart_launch_refused", client=app.client, reason="answer of another server")
            raise LaunchRefused("The answer to the sign-in is not of the server that was asked.", "iss", AGAIN)
