"""One record for each call: who called, which service, and what came of it. No patient, no token, no value."""

import msgspec
import structlog

from cds_service.protocol.cards import Card
from cds_service.security.callers import Caller

_log = structlog.get_logger()


class CallRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator may know of a call. `outcome`: answered, gate, a code of `cds_service.errors`, or failed."""

    service: str
    hook: str
    caller: Caller
    outcome: str
    seconds: float
    cards: tuple[Card, ...] = ()
    fired: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    def log(self) -> None:
        """Write the record to the log."""
        _log.info(
            "call",
            service=self.service,
            hook=self.hook,
            outcome=self.outcome,
            cards=len(self.cards),
            milliseconds=round(self.seconds * 1000, 1),
        )
