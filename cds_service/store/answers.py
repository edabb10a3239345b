"""What was said of the cards of one patient: for a page that shows the answers beside the cards."""

from collections import defaultdict
from datetime import datetime

import msgspec
from sqlalchemy import Connection, and_, select

from cds_service.security.callers import Caller
from cds_service.store.tables import accepted_suggestion, feedback, shown_card, shown_suggestion

MOST = 200
"""How many answers are read, the newest first."""


class OnRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A card as it was sent."""

    service: str
    rule: str
    indicator: str
    patient_key: str
    suggestions: tuple[str, ...]
    """Their uuids, in the order of the card."""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """One answer to a card."""

    card: str
    rule: str
    hook: str
    fingerprint: str
    """Of the verdict behind the card."""
    outcome: str
    """accepted or overridden."""
    reason: str
    """The code; empty if there was none."""
    at: datetime
    suggestions: tuple[int, ...]
    """The places of those that were accepted, on the card, from 0."""


def on_record(connection: Connection, card: str) -> OnRecord | None:
    """The card of this uuid; None if none was sent."""
    row = connection.execute(select(shown_card).where(shown_card.c.card == card)).one_or_none()
    if row is None:
        return None
    places = (
        select(shown_suggestion.c.suggestion)
        .where(shown_suggestion.c.card == card)
        .order_by(shown_suggestion.c.position)
    )
    return OnRecord(
        service=row.service,
        rule=row.rule,
        indicator=row.indicator,
        patient_key=row.patient_key,
        suggestions=tuple(connection.scalars(places)),
    )


def answers(connection: Connection, patient_key: str, caller: Caller) -> tuple[Answered, ...]:
    """What was said of the cards of a patient, the newest last."""
    same = and_(
        *(feedback.c[name] == shown_card.c[name] for name in ("card", "client", "tenant")),
    )
    asked = (
        select(feedback, *(shown_card.c[name] for name in ("rule", "hook", "fingerprint")))
        .join(shown_card, same)
        .where(
            shown_card.c.patient_key == patient_key,
            shown_card.c.client == caller.client,
            shown_card.c.tenant == caller.tenant,
        )
        .order_by(feedback.c.id.desc())
        .limit(MOST)
    )
    rows = connection.execute(asked).all()
    accepted: dict[int, list[int]] = defaultdict(list)
    places = (
        select(accepted_suggestion.c.feedback, shown_suggestion.c.position)
        .join(shown_suggestion, shown_suggestion.c.suggestion == accepted_suggestion.c.suggestion)
        .where(accepted_suggestion.c.feedback.in_([row.id for row in rows]))
        .order_by(shown_suggestion.c.position)
    )
    for id_, position in connection.execute(places):
        accepted[id_].append(position)
    return tuple(
        Answered(
            card=row.card,
            rule=row.rule,
            hook=row.hook,
            fingerprint=row.fingerprint,
            outcome=row.outcome,
            reason=row.reason_code,
            at=min(row.outcome_at, row.received_at),
            suggestions=tuple(accepted[row.id]),
        )
        for row in reversed(rows)
    )
