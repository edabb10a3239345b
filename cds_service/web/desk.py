"""The clinician's desk in the demonstration: cards come from the real endpoint, and what is said of them goes there."""

import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection

from cds_service.engine import Engine
from cds_service.errors import AlreadyAnswered, InvalidRequest, StoreUnavailable
from cds_service.explanation import Explanation
from cds_service.protocol.cards import CdsResponse, Suggestion
from cds_service.protocol.feedback import LONGEST_COMMENT, canonical_uuid
from cds_service.registry import CdsService
from cds_service.store.answers import Answered, OnRecord, answers, on_record
from cds_service.store.items import StoreDownError
from cds_service.web.exchange import Exchange, RecordSystem
from hooks.cards import OVERRIDE_SYSTEM
from hooks.engine import SNOOZED
from hooks.knowledge.model import Knowledge

_T = TypeVar("_T")
REMEMBERED = 100
"""How many exchanges of feedback are kept, to be shown once on the page that follows."""
_AGAIN = "Open the patient's page again and answer the card that is there now."
_CLOSED = (
    "Calls of this installation need a token of a client, and this page has none. The cards are what the service would "
    "send; nothing is recorded, and they cannot be answered here."
)
_SHADOW = (
    "Shadow mode: nobody sees a card. These are the cards that the service would have sent; it recorded them, and "
    "answered without any."
)


class Said(msgspec.Struct, frozen=True):
    """What was said of a card that said the same as the one on the page."""

    at: datetime
    accepted: tuple[Suggestion, ...] = ()
    reason: str = ""
    """In words; with nothing accepted and no reason, an earlier answer was taken back."""


class PutOff(msgspec.Struct, frozen=True):
    """A card that stays away for now."""

    card: str
    """The uuid of the one that was dismissed."""
    rule: str
    title: str
    reason: str
    until: date


class Answers(msgspec.Struct, frozen=True):
    """What a page needs to have cards answered, and to say what became of earlier ones."""

    address: str = ""
    """Where the forms are sent; empty: there are none."""
    note: str = ""
    """What the reader has to know of it."""
    shadow: bool = False
    """Whether the service answered without cards, as it is in shadow mode."""
    said: dict[str, tuple[Said, ...]] = {}
    """By the uuid of a card on the page, the newest last."""
    put_off: tuple[PutOff, ...] = ()
    sent: Exchange | None = None
    """The feedback that was sent just now."""
    refusal: str = ""
    """Why it was not kept, in words."""
    later: frozenset[str] = frozenset()
    """The codes of reasons that put a card off, unless it is critical."""
    longest_comment: int = LONGEST_COMMENT
    forgets: bool = True
    """Whether a restart forgets the answers."""


class Desk:
    """Asks the service for cards, and tells it what was said of them. Thread-safe."""

    def __init__(self, record_system: RecordSystem, knowledge: Knowledge, engine: Engine, *, answering: bool) -> None:
        """`answering`: whether the pages have forms, where the service takes calls without a token."""
        assert engine.store  # nosec B101  # narrows a type; the application has one
        self._record_system = record_system
        self._knowledge = knowledge
        self._store = engine.store
        self._caller = engine.anonymous
        self._settings = engine.settings
        self.open = engine.settings.clients is None
        self.answering = answering and self.open
        self._later = frozenset(
            reason.code for reason in knowledge.override_reasons if reason.later and engine.settings.snooze_days
        )
        self._sent: OrderedDict[str, Exchange] = OrderedDict()
        self._lock = threading.Lock()

    def call(self, service: str, body: bytes, address: str) -> Exchange | None:
        """What the service answers to this request; None if it takes no call without a token."""
        return self._record_system.post(f"/cds-services/{service}", body, address) if self.open else None

    def answers(
        self, path: str, service: CdsService, explanation: Explanation, exchange: Exchange | None, sent: str = ""
    ) -> Answers:
        """All about answers, for the page at this path. `sent`: what `answer` gave for the last one."""
        if exchange is None:
            return Answers(note=_CLOSED)
        if self._caller.shadow:
            return Answers(note=_SHADOW, shadow=True)
        with self._lock:
            last = self._sent.get(sent)
        note = ""
        try:
            found = self._said(explanation.call.data.patient_id)
        except StoreUnavailable as error:
            found, note = (), f"{error} {error.issues[0].remedy}"
        found = tuple(one for one in found if one.hook == explanation.call.hook)
        return Answers(
            address=f"{path}/answers" if self.answering else "",
            note=note,
            said=self._by_card(explanation, exchange, found),
            put_off=self._put_off(explanation, found),
            sent=last,
            refusal=_refusal(last) if last else "",
            later=self._later if service.snoozes else frozenset(),
            forgets=self._settings.database_name == "memory",
        )

    def answer(self, patient_id: str, form: Any, address: str) -> str:
        """Send what a form says of a card; by what is returned the page that follows finds the exchange.

        Raises InvalidRequest, AlreadyAnswered and StoreUnavailable.
        """
        uuid_ = canonical_uuid(form.get("card", ""))
        card = self._read(lambda connection: on_record(connection, uuid_))
        if card is None or card.patient_key != self._patient_key(patient_id):
            raise InvalidRequest("This card is not on record for this patient.", "card", _AGAIN)
        before = [one for one in self._said(patient_id) if one.card == uuid_]
        item = {"card": uuid_, "outcomeTimestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z")}
        if form.get("suggestion"):
            item |= _acceptance(card, canonical_uuid(form["suggestion"]), before)
        elif form.get("back"):
            item |= _taking_back(before)
        else:
            item |= self._override(card, form.get("reason", ""), form.get("comment", "").strip(), before)
        body = msgspec.json.encode({"feedback": [item]})
        sent = self._record_system.post(f"/cds-services/{card.service}/feedback", body, address)
        token = str(uuid.uuid4())
        with self._lock:
            self._sent[token] = sent
            while len(self._sent) > REMEMBERED:
                self._sent.popitem(last=False)
        return token

    def _override(self, card: OnRecord, code: str, comment: str, before: list[Answered]) -> dict[str, Any]:
        critical = card.indicator == "critical"
        offered = {one.code: one for one in self._knowledge.reasons(card.rule, critical=critical)}
        if code not in offered:
            raise InvalidRequest("No reason that this card offers was chosen.", "reason", "Go back and choose one.")
        if critical and not comment:
            raise InvalidRequest(
                "A critical card is not dismissed without a word.", "comment", "Go back and write why, in a sentence."
            )
        if len(comment) > LONGEST_COMMENT:
            raise InvalidRequest(
                f"The comment is longer than {LONGEST_COMMENT:,} characters.", "comment", "Go back and shorten it."
            )
        if before:
            raise AlreadyAnswered(_AGAIN)
        reason = {"code": code, "system": OVERRIDE_SYSTEM, "display": offered[code].display}
        more = {"userComment": comment} if comment else {}
        return {"outcome": "overridden", "overrideReason": {"reason": reason, **more}}

    def _by_card(
        self, explanation: Explanation, exchange: Exchange, found: tuple[Answered, ...]
    ) -> dict[str, tuple[Said, ...]]:
        """Of the cards on the page, what was said of those before them that said the same."""
        fingerprints = explanation.evaluation.fingerprints
        now = {
            card.source.topic.code: fingerprints[card.uuid]
            for card in explanation.evaluation.cards
            if card.source.topic
        }
        by_card: dict[str, tuple[Said, ...]] = {}
        for card in cards_of(exchange).cards:
            rule = card.source.topic.code if card.source.topic else ""
            same = [one for one in found if one.rule == rule and one.fingerprint == now.get(rule)]
            by_card[card.uuid] = tuple(
                Said(
                    one.at.astimezone(),
                    tuple(card.suggestions[place] for place in one.suggestions if place < len(card.suggestions)),
                    self._reason(one.reason),
                )
                for one in same
            )
        return by_card

    def _put_off(self, explanation: Explanation, found: tuple[Answered, ...]) -> tuple[PutOff, ...]:
        dismissed = {one.rule: one.card for one in found if one.outcome == "overridden"}
        return tuple(
            PutOff(
                dismissed.get(verdict.rule, ""),
                verdict.rule,
                self._knowledge.rules[verdict.rule].title,
                self._reason(explanation.call.snoozes[verdict.rule].reason.code),
                explanation.call.snoozes[verdict.rule].until,
            )
            for verdict in explanation.verdicts
            if verdict.shown.startswith(SNOOZED)
        )

    def _reason(self, code: str) -> str:
        return next((one.display for one in self._knowledge.override_reasons if one.code == code), code)

    def _said(self, patient_id: str) -> tuple[Answered, ...]:
        key = self._patient_key(patient_id)
        return self._read(lambda connection: answers(connection, key, self._caller))

    def _patient_key(self, patient_id: str) -> str:
        return self._store.pseudonyms.of("patient", self._caller.client, self._caller.tenant, patient_id)

    def _read(self, work: Callable[[Connection], _T]) -> _T:
        try:
            return self._store.read(work)
        except StoreDownError:
            raise StoreUnavailable(
                "What was said of cards cannot be read just now.", remedy="Try again in a minute."
            ) from None


def cards_of(exchange: Exchange) -> CdsResponse:
    """The cards of an answer; none if it is an error."""
    return msgspec.json.decode(exchange.response, type=CdsResponse) if exchange.status == 200 else CdsResponse()


def _refusal(sent: Exchange) -> str:
    if sent.status == 200:
        return ""
    issues = msgspec.json.decode(sent.response)["issue"]
    return " ".join(f"{issue['details']['text']} {issue.get('diagnostics', '')}" for issue in issues)


def _acceptance(card: OnRecord, suggestion: str, before: list[Answered]) -> dict[str, Any]:
    if suggestion not in card.suggestions:
        raise InvalidRequest("This card has no such suggestion.", "suggestion", _AGAIN)
    place = card.suggestions.index(suggestion)
    if any(one.outcome == "overridden" or place in one.suggestions for one in before):
        raise AlreadyAnswered(_AGAIN)
    return {"outcome": "accepted", "acceptedSuggestions": [{"id": suggestion}]}


def _taking_back(before: list[Answered]) -> dict[str, Any]:
    """CDS Hooks knows no way to take an answer back. But the newest counts, and one without a reason quiets nothing."""
    if not (before and before[-1].outcome == "overridden" and before[-1].reason):
        raise AlreadyAnswered(_AGAIN)
    return {
        "outcome": "overridden",
        "overrideReason": {"userComment": "Shown again: the earlier reason is taken back."},
    }
