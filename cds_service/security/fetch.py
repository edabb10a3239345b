"""Fetching a client's keys from its `jku`: within limits, and from nowhere else (CH-JWT-10)."""

import time
from contextlib import closing
from pathlib import Path

from cds_service.fhir.client import Exchange, FhirClient, FhirFailure
from cds_service.fhir.servers import FhirAccess, FhirServer
from cds_service.security.keys import MOST_BYTES, JwksError

SECONDS = 3.0
"""For all of a fetch; whoever calls waits for it."""


def fetch_jwks(server: FhirServer, ca_bundle: Path | None = None) -> bytes:
    """What is at the server's base: from a judged address, without redirects, within `SECONDS` and `MOST_BYTES`.

    Raises JwksError for everything but a whole 200 answer. Fetches are rare, so nothing is kept open between them.
    """
    with closing(FhirClient(1, ca_bundle, accept="application/jwk-set+json, application/json")) as client:

        def job(exchange: Exchange) -> bytes:
            return client.get(server.base, FhirAccess(server), exchange, MOST_BYTES)

        (answer,) = client.run([job], time.monotonic() + SECONDS)
    if isinstance(answer, FhirFailure):
        raise JwksError(str(answer).replace("FHIR server", "key server"))
    return answer
