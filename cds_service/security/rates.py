"""How many calls a minute one client may make (CH-STAT-07)."""

import math
import threading
import time
from collections.abc import Callable

_SECONDS = 60.0
_MOST_REMEMBERED = 10_000


class CallRates:
    """A bucket for each client: it holds a minute's calls, and fills evenly. Thread-safe; one process only.

    The clock is the monotonic one, so that a clock which is set back shuts nobody out.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._full_again: dict[str, float] = {}
        """When the bucket of each will be full; those not here are."""

    def seconds_to_wait(self, who: str, per_minute: int) -> int:
        """0: the call may be made, and is counted. Else the whole seconds after which one may be made."""
        if not per_minute:
            return 0
        now = self._clock()
        with self._lock:
            if len(self._full_again) >= _MOST_REMEMBERED:
                self._full_again = {key: full for key, full in self._full_again.items() if full > now}
            full = max(self._full_again.get(who, now), now) + _SECONDS / per_minute
            late = full - now - _SECONDS
            if late > 1e-6:  # sums of fractions of a minute are not exact
                return math.ceil(late)
            self._full_again[who] = full
            return 0
