"""Fetching a client's keys from its `jku`: within limits, and from nowhere else (CH-JWT-10)."""

import time
from pathlib import Path

from cds_service.fhir.client import Exchange, FhirClient, FhirFailure
from cds_service.fhir.servers import FhirAccess, FhirServer
from cds_service.security.keys import MOST_BYTES, JwksError

SECONDS = 3.0
"""For all of a fetch; whoever calls waits for it."""


class JwksFetcher:
    """Calls judged addresses only, follows no redirect, and reads no more and no longer than it may."""

    def __init__(self, ca_bundle: Path | None = None) -> None:
        self._client = FhirClient(2, ca_bundle, accept="application/jwk-set+json, application/json")

    def __call__(self, server: FhirServer) -> bytes:
        """What is at the server's base. Raises JwksError for everything but a whole 200 answer in time."""

        def job(exchange: Exchange) -> bytes:
            return self._client.get(server.base, FhirAccess(server), exchange, MOST_BYTES)

        (answer,) = self._client.run([job], time.monotonic() + SECONDS)
        if isinstance(answer, FhirFailure):
            raise JwksError(str(answer).replace("FHIR server", "key server"))
        return answer

    def close(self) -> None:
        """Give back threads and connections."""
        self._client.close()
