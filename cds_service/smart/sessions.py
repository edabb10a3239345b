"""Launches under way, and sessions: in the database, sealed with what only the browser has (a cookie)."""

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec
from flask import Request, Response

from cds_service.errors import StoreUnavailable
from cds_service.smart.oauth import new_secret
from cds_service.store.items import StoreDownError
from cds_service.store.sealed import Sealed

LAUNCH_SECONDS = 600
"""From the click in the chart to the end of the sign-in."""
SESSION_SECONDS = 3600
"""The longest session; most end with their token, sooner."""
_SECRET = re.compile(r"[A-Za-z0-9]{48}")
_T = TypeVar("_T")


class Pending(msgspec.Struct, frozen=True):
    """A launch whose sign-in is under way."""

    client: str
    verifier: str
    token_endpoint: str
    issuer: str | None
    """What the answer may say of where it comes from (RFC 9207); None: the server does not say."""
    issuer_required: bool


class Session(msgspec.Struct, frozen=True):
    """One patient, opened by one clinician in one browser. Nothing of the chart is in it."""

    client: str
    patient: str
    token: str
    expires: float
    """Seconds since the epoch."""
    scope: str

    def __repr__(self) -> str:
        return f"Session({self.client})"


class Cookie:
    """A cookie that holds a secret. It is sent to this host alone, and no script can read it."""

    def __init__(self, name: str, *, https: bool) -> None:
        """`https` False: on loopback, where browsers keep no `Secure` cookie for plain http."""
        self._name = f"__Host-{name}" if https else name
        self._https = https

    def read(self, request: Request) -> str:
        """The secret; empty where there is none that could be ours."""
        found = request.cookies.get(self._name, "")
        return found if _SECRET.fullmatch(found) else ""

    def set(self, response: Response, secret: str, seconds: int, *, framed: bool) -> None:
        """`framed`: also where the page is in a frame of another site, and then in that site's frames only."""
        framed = framed and self._https
        response.set_cookie(
            self._name,
            secret,
            seconds,
            secure=self._https,
            httponly=True,
            samesite="None" if framed else "Lax",
            partitioned=framed,
        )

    def clear(self, response: Response, *, framed: bool) -> None:
        """Have the browser forget it."""
        self.set(response, "", 0, framed=framed)


class Sessions:
    """What is kept between the requests of one browser. Each method raises StoreUnavailable."""

    def __init__(self, launches: Sealed, sessions: Sealed) -> None:
        self._launches = launches
        self._sessions = sessions

    def begin(self, browser: str, pending: Pending) -> str:
        """Keep a launch; the `state` under which this browser, and no other, can end it."""
        state = new_secret()
        _tell(lambda: self._launches.put(state + browser, msgspec.json.encode(pending), LAUNCH_SECONDS))
        return state

    def end(self, browser: str, state: str) -> Pending | None:
        """The launch of this state, once."""
        if not (browser and _SECRET.fullmatch(state)):
            return None
        found = _tell(lambda: self._launches.take(state + browser))
        return msgspec.json.decode(found, type=Pending) if found else None

    def open(self, session: Session, seconds: float) -> str:
        """Keep a session; its secret, which is a new one each time."""
        secret = new_secret()
        _tell(lambda: self._sessions.put(secret, msgspec.json.encode(session), seconds))
        return secret

    def find(self, secret: str) -> Session | None:
        found = _tell(lambda: self._sessions.get(secret)) if secret else None
        return msgspec.json.decode(found, type=Session) if found else None

    def close(self, secret: str) -> bool:
        """Forget a session; whether there was one."""
        return bool(secret) and _tell(lambda: self._sessions.take(secret)) is not None


def _tell(work: Callable[[], _T]) -> _T:
    try:
        return work()
    except StoreDownError:
        raise StoreUnavailable(
            "The session cannot be kept, as the database cannot be reached.",
            remedy="Open the app again from the chart, in a minute.",
        ) from None
