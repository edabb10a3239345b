"""Around each request: its id and its trace, on log lines and on the answer; at its end, what came of a call."""

import re
import time
import uuid
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from structlog.contextvars import bound_contextvars

from cds_service import records
from cds_service.observability import tracing
from cds_service.observability.audit import AuditLog
from cds_service.observability.metrics import metrics
from cds_service.records import CallRecord

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEADER = "X-Request-ID"
_WELL_FORMED = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16,64}", re.IGNORECASE | re.ASCII
)
"""As proxies make them: a UUID, or hexadecimal digits. Words are not taken over, as they may be a patient's name."""
_CALL = re.compile(r"/cds-services/(?P<service>[^/]+)")


class Observed:
    """A WSGI application with eyes on it.

    Each call of a service or of its feedback endpoint ends in one record, whatever came of it: whoever refuses it, in
    front of the application too, does so inside of this. Preflights are no calls. A page of the console that people log
    in to ends in a record too.
    """

    def __init__(self, application: "WSGIApplication", services: Mapping[str, str], audit: AuditLog) -> None:
        """`services`: the hook of each service by id; empty where it depends on the call."""
        self._application = application
        self._services = services
        self._audit = audit

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        started = time.perf_counter()
        request_id = _request_id(environ.get("HTTP_X_REQUEST_ID", ""))
        trace = tracing.continued(environ.get("HTTP_TRACEPARENT"), environ.get("HTTP_TRACESTATE"))
        status = 500

        def starting(line: str, headers: list[tuple[str, str]], *exc_info: object) -> object:
            nonlocal status
            status = int(line.split(" ", 1)[0])
            return start_response(line, [*headers, (HEADER, request_id)], *exc_info)  # type: ignore[arg-type]

        with (
            bound_contextvars(request_id=request_id, trace_id=trace.trace_id, span_id=trace.span_id),
            tracing.within(trace),
            records.recording() as record,
        ):
            try:
                return self._application(environ, starting)  # type: ignore[arg-type]
            finally:
                call = _CALL.match(environ.get("PATH_INFO", ""))
                if call and environ["REQUEST_METHOD"] != "OPTIONS":
                    self._finish(record, call["service"], status, time.perf_counter() - started)
                elif record.page:
                    self._audit.write(record, status, time.perf_counter() - started)

    def _finish(self, record: CallRecord, service: str, status: int, seconds: float) -> None:
        if service in self._services:
            record.service = service
            record.hook = record.hook or self._services[service]
        record.outcome = record.outcome or ("answered" if status < 400 else "failed")
        metrics().count(record, seconds)
        self._audit.write(record, status, seconds)


def _request_id(sent: str) -> str:
    return sent if _WELL_FORMED.fullmatch(sent) else str(uuid.uuid4())
