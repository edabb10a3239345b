"""Reading from FHIR servers: GET only, no redirects, and never longer or more than allowed (CH-SSRF-03 to -10)."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from pathlib import Path
from typing import Generic, TypeVar, get_args

import requests
from urllib3.exceptions import HTTPError, ProtocolError

from cds_service.fhir.servers import FhirAccess, under
from cds_service.observability import tracing
from cds_service.observability.metrics import metrics
from cds_service.outbound import AddressRefused, CheckedConnection, Network, checked_adapter

_T = TypeVar("_T")
_CHUNK = 65536
_LATE = "the FHIR server did not answer in time"
_CROWDED = "there was no time to ask the FHIR server, as other calls took too long"
_HEADERS = {
    "Accept-Encoding": "gzip, deflate",
    # HAPI servers otherwise repeat an equal search's result for a minute, and miss what came in since.
    "Cache-Control": "no-cache",
    "User-Agent": "nam-cds",
}


class FhirFailure(Exception):
    """A call that gave nothing; its text is a sentence without patient data or token.

    `outcome` is for the metrics: late, refused (by this service), too large, failed, or the class of a status (4xx).
    """

    def __init__(self, text: str, outcome: str = "failed") -> None:
        super().__init__(text)
        self.outcome = outcome


class Exchange:
    """The calls of one job: how long they may take, and a way to end them from another thread.

    A socket's timeout counts from the last byte received, so a server that trickles would never be late.
    """

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        """On the clock of `time.monotonic`."""
        self._connection: CheckedConnection | None = None
        self._aborted = False

    def seconds_left(self) -> float:
        """Raises FhirFailure when there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0 or self._aborted:
            raise FhirFailure(_LATE, "late")
        return left

    def uses(self, connection: CheckedConnection) -> None:
        """Raises FhirFailure when there is no time left to use it."""
        self._connection = connection
        self.seconds_left()

    def done(self) -> None:
        self._connection = None

    def abort(self) -> None:
        """Wake whoever waits for the server."""
        self._aborted = True
        connection = self._connection
        if connection is not None:
            connection.end()


_current = threading.local()


def _used(connection: CheckedConnection) -> None:
    _current.exchange.uses(connection)


class FhirClient:
    """A pool of connections and of threads, shared by all requests. It holds no token and no cookie.

    No `requests.Session`: its cookies could mix up patients, the environment could add a password or a proxy, it would
    follow redirects, and leaving all that away makes a call a fifth cheaper.
    """

    def __init__(
        self,
        calls_at_once: int,
        ca_bundle: Path | None = None,
        *,
        share: int | None = None,
        accept: str = "application/fhir+json",
    ) -> None:
        """`share`: how many of the calls at once may be one request's, so that a slow one leaves the others theirs."""
        self._share = share or calls_at_once
        self._headers = _HEADERS | {"Accept": accept}
        self._adapters = {one: checked_adapter(one, calls_at_once, _used) for one in get_args(Network)}
        self._verify = str(ca_bundle) if ca_bundle else True
        self._threads = ThreadPoolExecutor(calls_at_once, thread_name_prefix="fhir")

    def run(self, jobs: Sequence[Callable[[Exchange], _T]], deadline: float) -> list[_T | FhirFailure]:
        """Run the jobs side by side, the first ones first. One that is not done by the deadline is ended: a failure."""
        tasks = [_Task(job, Exchange(deadline)) for job in jobs]
        waiting = deque(tasks)
        # Each in the context of the request, so that log lines and calls bear its ids.
        lanes = [self._threads.submit(copy_context().run, _work, waiting) for _ in range(min(len(tasks), self._share))]
        wait(lanes, timeout=max(0.0, deadline - time.monotonic()))
        waiting.clear()
        for lane in lanes:
            if lane.done():
                lane.result()  # a defect is told, not taken for a failure of the server
            else:
                lane.cancel()
        return [task.result() for task in tasks]

    def get(self, address: str, access: FhirAccess, exchange: Exchange, limit: int) -> bytes:
        """The body of a 200 answer. Raises FhirFailure for everything else, and for more than `limit` bytes.

        `address` is under the base of `access`: this is the last place to see that a token goes nowhere else.
        """
        outcome = "failed"
        try:
            body = self._read(address, access, exchange, limit)
            outcome = "ok"
        except FhirFailure as failure:
            outcome = failure.outcome
            raise
        finally:
            metrics().fhir_calls.labels(outcome).inc()
        return body

    def _read(self, address: str, access: FhirAccess, exchange: Exchange, limit: int) -> bytes:
        if under(access.server.base, address) != address:
            raise FhirFailure("the address is not on the request's FHIR server", "refused")
        _current.exchange = exchange
        try:
            try:
                return self._get(address, access, exchange, limit)
            except requests.ConnectionError as error:
                if not isinstance(error.args[0] if error.args else None, ProtocolError):
                    raise
                # A server may close a pooled connection just when it is used again; that says nothing about the call.
                return self._get(address, access, exchange, limit)
        except AddressRefused:
            reason = "the FHIR server's name leads to an address that this service does not call"
            raise FhirFailure(reason, "refused") from None
        except requests.Timeout:
            raise FhirFailure(_LATE, "late") from None
        except (requests.RequestException, HTTPError, OSError, ValueError):
            exchange.seconds_left()  # after an abort, the reason is the time
            raise FhirFailure("the FHIR server could not be reached or broke off") from None
        finally:
            exchange.done()

    def _get(self, address: str, access: FhirAccess, exchange: Exchange, limit: int) -> bytes:
        headers = (
            self._headers | tracing.headers() | ({"Authorization": f"Bearer {access.token}"} if access.token else {})
        )
        request = requests.Request("GET", address, headers).prepare()
        adapter = self._adapters[access.server.network]
        with adapter.send(request, stream=True, timeout=exchange.seconds_left(), verify=self._verify) as response:
            if response.status_code != 200:
                status = response.status_code
                raise FhirFailure(f"the FHIR server answered {status}", f"{status // 100}xx")
            return read_body(response, exchange, limit)

    def close(self) -> None:
        """Give back threads and connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for adapter in self._adapters.values():
            adapter.close()


class _Task(Generic[_T]):
    """One job, and what became of it."""

    def __init__(self, job: Callable[[Exchange], _T], exchange: Exchange) -> None:
        self._job = job
        self._exchange = exchange
        self._begun = False
        self._outcome: _T | FhirFailure | None = None

    def work(self) -> None:
        try:
            self._exchange.seconds_left()
            self._begun = True
            self._outcome = self._job(self._exchange)
        except FhirFailure as failure:
            self._outcome = failure if self._begun else FhirFailure(_CROWDED, "late")

    def result(self) -> _T | FhirFailure:
        """The outcome so far; a job without one is ended."""
        if self._outcome is not None:
            return self._outcome
        self._exchange.abort()
        return FhirFailure(_LATE if self._begun else _CROWDED, "late")


def _work(waiting: "deque[_Task[_T]]") -> None:
    """Do one task after the other, until another thread has taken the last."""
    while True:
        try:
            task = waiting.popleft()
        except IndexError:
            return
        task.work()


def read_body(response: requests.Response, exchange: Exchange, limit: int) -> bytes:
    """The body, decompressed. Raises FhirFailure for one that is larger, or comes too late."""
    body = bytearray()
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        body += chunk
        if len(body) > limit:
            raise FhirFailure("the FHIR server sent more than this service reads", "too large")
        exchange.seconds_left()
    return bytes(body)
