"""What is handed to the store and what it gives back: plain values."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from cds_service.protocol.cards import Card
from cds_service.security.callers import Caller


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """An answer with cards, as it was sent; or was not, if the caller is in shadow mode."""

    service: str
    hook: str
    caller: Caller
    patient_id: str
    """Hashed before it is kept."""
    cards: tuple[Card, ...]
    knowledge_version: str = ""
    fingerprints: Mapping[str, str] = {}
    """The fingerprint of the verdict behind a card, by the card's uuid."""


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """That a clinician overrode a card of this rule."""

    rule: str
    hook: str
    indicator: str
    fingerprint: str
    """Of the verdict behind the card; empty if there was none."""
    reason_system: str
    """May be empty: some clients send the code alone (CH-FB-12)."""
    reason_code: str
    """Empty if no listed reason was picked."""
    at: datetime
    """When, as the client says, but never later than it was told."""


class StoreDownError(Exception):
    """The store cannot be used just now."""
