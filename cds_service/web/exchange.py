"""A call of this service's own addresses, made from inside as a record system makes it from outside."""

from contextvars import Context
from typing import TYPE_CHECKING

import msgspec
from werkzeug.test import Client

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class Exchange(msgspec.Struct, frozen=True):
    """What was sent to which address, and what came back."""

    path: str
    request: bytes
    status: int
    response: bytes


class RecordSystem:
    """Calls the whole application, so that calls are counted, recorded and audited like any other."""

    def __init__(self, application: "WSGIApplication", public_url: str) -> None:
        self._application = application
        self._public_url = public_url

    def post(self, path: str, body: bytes, address: str) -> Exchange:
        """Send JSON. `address`: of the machine in whose name, for those who count calls."""

        def send() -> Exchange:
            answer = Client(self._application, use_cookies=False).post(
                path,
                base_url=self._public_url,
                data=body,
                content_type="application/json",
                environ_overrides={"REMOTE_ADDR": address},
            )
            return Exchange(path, body, answer.status_code, answer.data)

        # In a context of its own: nothing of the request that is being answered gets into this one, nor back.
        return Context().run(send)
