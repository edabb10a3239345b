"""That no token is used twice (CH-JWT-16). What workers share, and a start outlives, is in `cds_service.store`."""

import hashlib
import heapq
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Protocol


class UsedTokens(Protocol):
    """Remembers tokens until they expire."""

    def first_use(self, issuer: str, jti: str, expires: datetime) -> bool | None:
        """Whether this is the first time; None: it cannot be told now."""


class InMemory:
    """What this process saw; nothing of it outlives the process, and other workers do not see it."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._seen: set[bytes] = set()
        self._by_expiry: list[tuple[float, bytes]] = []

    def first_use(self, issuer: str, jti: str, expires: datetime) -> bool:
        # A hash, since the ids may be as long as the client likes.
        digest = hashlib.sha256(f"{len(issuer)}:{issuer}{jti}".encode("utf-8", "surrogatepass")).digest()
        with self._lock:
            now = self._now()
            while self._by_expiry and self._by_expiry[0][0] < now:
                self._seen.discard(heapq.heappop(self._by_expiry)[1])
            if digest in self._seen:
                return False
            self._seen.add(digest)
            heapq.heappush(self._by_expiry, (expires.timestamp(), digest))
            return True
