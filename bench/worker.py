"""A worker: how soon it answers, and how much memory it holds once it has worked."""

import requests

from bench.charts import Json, request
from bench.server import serving

SERVICE = "/cds-services/nam-patient-view"
REQUESTS = 200


def start_and_memory(chart: Json) -> tuple[float, float]:
    """Seconds from the start of the process to the first good answer; megabytes of the largest process after work."""
    body = request(prefetch=chart)
    with serving(calls_per_minute=0) as server, requests.Session() as session:
        for _ in range(REQUESTS):
            answer = session.post(
                server.address + SERVICE, data=body, headers={"Content-Type": "application/json"}, timeout=30
            )
            answer.raise_for_status()
        return server.start, max(server.megabytes().values())
