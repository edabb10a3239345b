"""One record for each call: who called, which service, and what came of it. No id, no token, no value.

A record is begun with the request and written when its status is known (`cds_service.observability.requests`), so there
is one also for what is refused before it reaches a service. On the way, whoever learns something writes it down:
`records.current().caller = caller`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec

from cds_service.protocol.cards import Card
from cds_service.security.callers import Caller


class CallRecord(msgspec.Struct, kw_only=True):
    """What the operator may know of a call."""

    service: str = ""
    """Its id, if there is such a service."""
    hook: str = ""
    caller: Caller | None = None
    """None: refused before it was known."""
    outcome: str = ""
    """answered, gate, feedback, or a code of `cds_service.errors`."""
    cards: tuple[Card, ...] = ()
    fired: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    feedback: tuple[str, ...] = ()
    """The outcome of each item of feedback."""
    page: str = ""
    """The page of the console that was asked for, where people have to log in."""
    login: str = ""
    """The name under which they did."""
    user: str = ""
    """A keyed hash of the id, and so for the patient. The key is the store's, so it is the same as in the database."""
    patient: str = ""

    def count_cards(self) -> dict[tuple[str, str], int]:
        """How many cards there are of each rule and indicator."""
        counts: dict[tuple[str, str], int] = {}
        for card in self.cards:
            key = (card.source.topic.code if card.source.topic else "", card.indicator)
            counts[key] = counts.get(key, 0) + 1
        return counts


_current: ContextVar[CallRecord | None] = ContextVar("call_record", default=None)


def current() -> CallRecord:
    """The record of the request that is being answered. Outside of one: a record that is written nowhere."""
    return _current.get() or CallRecord()


@contextmanager
def recording() -> Iterator[CallRecord]:
    """A new record for what happens in this block."""
    record = CallRecord()
    token = _current.set(record)
    try:
        yield record
    finally:
        _current.reset(token)
