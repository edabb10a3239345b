"""What became of cards: the body of a feedback call (CH-FB), with the forms that real clients send."""

import re
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Literal, cast

import msgspec

from cds_service.errors import BodyTooLarge, InvalidRequest, Issue
from cds_service.protocol.request import MOST_OUTSIDE_PREFETCH, strict_json

Outcome = Literal["accepted", "overridden"]
MOST_ITEMS = 1000
MOST_SUGGESTIONS = 100
LONGEST_COMMENT = 10_000
"""Characters of a comment that are kept, where a site keeps any (CH-FB-15)."""
FAR_FUTURE = timedelta(minutes=5)
"""An outcome later than now by more than this is flagged: the client's clock is wrong (CH-FB-14)."""
EPIC = "com.epic.cdshooks.feedback.overrideReason."
"""Begins the names of Epic's extensions; `reasonCategory` is the code of a hospital's own reason (CH-FB-13)."""

_UUID = re.compile(r"(?:urn:uuid:)?\{?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?", re.IGNORECASE)
_CODE = re.compile(r"[\w.:|/+~-]{1,64}", re.ASCII)
_SYSTEM = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]{1,200}")
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:([Zz])|([+-])(\d\d):?(\d\d))?", re.ASCII
)


class FeedbackItem(msgspec.Struct, frozen=True, kw_only=True):
    """One event: what a clinician did with a card."""

    card: str
    """As it was sent: not everybody's is a UUID (CH-FB-11)."""
    outcome: Outcome
    outcome_at: datetime
    suggestions: tuple[str, ...] = ()
    reason_system: str = ""
    reason_code: str = ""
    """Empty where no listed reason was picked, or where it does not look like a code: texts may name patients."""
    comment: str = ""
    flags: tuple[str, ...] = ()
    """What was odd and was accepted, in words of our own."""


class Feedback(msgspec.Struct, frozen=True):
    """A whole call: the items, and what is wrong with those that cannot be used."""

    items: tuple[FeedbackItem, ...]
    refused: tuple[Issue, ...] = ()


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer: how many items are new and kept, how many were known, and which were not kept, and why (CH-FB-09)."""

    kept: int
    known: int
    refused: tuple[Issue, ...] = ()


def canonical_uuid(text: str) -> str:
    """The UUID in the one spelling that we send; empty for anything else."""
    match = _UUID.fullmatch(text.strip())
    return str(uuid.UUID(match[1])) if match else ""


def parse_feedback(body: bytes, now: datetime, *, strict: bool = False) -> Feedback:
    """Read a body. Each item stands for itself; `strict` refuses the whole body for one bad item or odd form.

    Raises NotJson and InvalidRequest (400), and BodyTooLarge (413).
    """
    items = _items(body, strict=strict)
    good: list[FeedbackItem] = []
    refused: list[Issue] = []
    for index, item in enumerate(items):
        try:
            good.append(_Reader(f"feedback[{index}]", now, strict=strict).item(item))
        except InvalidRequest as error:
            if strict:
                raise
            refused += error.issues
    if refused and not good:
        first = refused[0]
        raise InvalidRequest(first.text, first.where, first.remedy)
    return Feedback(tuple(good), tuple(refused))


def _items(body: bytes, *, strict: bool) -> list[Any]:
    if len(body) > MOST_OUTSIDE_PREFETCH:
        raise BodyTooLarge(f"The feedback is larger than {MOST_OUTSIDE_PREFETCH} bytes.", remedy="Send fewer items.")
    members = strict_json(body.removeprefix(b"\xef\xbb\xbf"))
    items = members.get("feedback") if isinstance(members, dict) else None
    if not strict:
        if isinstance(items, dict):
            items = [items]
        elif isinstance(members, list):
            items = members
        elif isinstance(members, dict) and items is None and "card" in members:
            items = [members]
    if not isinstance(items, list):
        raise InvalidRequest(
            "The body is not an object with an array feedback.", "feedback", 'Send {"feedback": [{"card": …}]}.'
        )
    if len(items) > MOST_ITEMS:
        raise BodyTooLarge(f"There are more than {MOST_ITEMS} items.", "feedback", "Send them in several calls.")
    return items


class _Reader:
    """Reads one item, and keeps what was odd about it."""

    def __init__(self, where: str, now: datetime, *, strict: bool) -> None:
        self._where = where
        self._now = now
        self._strict = strict
        self._flags: list[str] = []

    def item(self, sent: Any) -> FeedbackItem:
        """The item. Raises InvalidRequest."""
        if not isinstance(sent, dict):
            raise InvalidRequest(f"{self._where} is not an object.", self._where, "Send an object with card, outcome.")
        card = self._text(sent, "card")
        outcome = self._outcome(self._text(sent, "outcome"))
        outcome_at = self._time(self._text(sent, "outcomeTimestamp"))
        suggestions = self._suggestions(sent.get("acceptedSuggestions")) if outcome == "accepted" else ()
        system, code, comment = self._reason(sent) if outcome == "overridden" else ("", "", "")
        return FeedbackItem(
            card=card,
            outcome=outcome,
            outcome_at=outcome_at,
            suggestions=suggestions,
            reason_system=system,
            reason_code=code,
            comment=comment,
            flags=tuple(dict.fromkeys(self._flags)),
        )

    def _odd(self, flag: str, text: str, member: str) -> None:
        """Something that only `strict` refuses."""
        if self._strict:
            raise self._wrong(member, text, "See the feedback format of CDS Hooks 2.0.1.")
        self._flags.append(flag)

    def _wrong(self, member: str, text: str, remedy: str) -> InvalidRequest:
        where = f"{self._where}.{member}"
        return InvalidRequest(f"{where} {text}.", where, remedy)

    def _text(self, sent: dict[str, Any], member: str) -> str:
        value = sent.get(member)
        if value is None or value == "":
            raise self._wrong(member, "is missing", "Each item needs card, outcome and outcomeTimestamp.")
        if not isinstance(value, str):
            raise self._wrong(member, "is not a string", "Send a JSON string.")
        return value

    def _outcome(self, text: str) -> Outcome:
        outcome = text.strip().lower()
        if outcome not in ("accepted", "overridden"):
            raise self._wrong("outcome", "is neither accepted nor overridden", "Send one of the two.")
        if outcome != text:
            self._odd("outcome-spelling", "is not in lower case", "outcome")
        return cast("Outcome", outcome)

    def _time(self, text: str) -> datetime:
        match = _TIME.fullmatch(text.strip())
        try:
            time = _time(match) if match else None
        except (ValueError, OverflowError):
            time = None
        if match is None or time is None:
            raise self._wrong(
                "outcomeTimestamp", "is not a date and time", "Send RFC 3339 in UTC, such as 2026-11-22T09:30:00Z."
            )
        if not (match[8] or match[9]):
            self._odd("time-without-zone", "has no time zone", "outcomeTimestamp")
        if time > self._now + FAR_FUTURE:
            self._flags.append("future")
        return time

    def _suggestions(self, sent: Any) -> tuple[str, ...]:
        found = [sent] if isinstance(sent, dict) else sent
        if not isinstance(found, list):
            found = []
        ids = [one.get("id") or one.get("uuid") if isinstance(one, dict) else one for one in found[:MOST_SUGGESTIONS]]
        good = tuple(id_ for id_ in ids if isinstance(id_, str) and id_)
        if not good:
            self._odd("no-suggestions", "names no accepted suggestion", "acceptedSuggestions")
        elif len(good) < len(found):
            self._odd("suggestions-left-out", "has items without an id, or too many", "acceptedSuggestions")
        return good

    def _reason(self, sent: dict[str, Any]) -> tuple[str, str, str]:
        """System and code of the reason, and the comment (CH-FB-05, -12, -13)."""
        reason = sent.get("overrideReason")
        if reason is None and sent.get("overrideReasons") is not None:
            reason = sent["overrideReasons"]
            self._odd("override-reasons", "is not the name of a member", "overrideReasons")
        if isinstance(reason, list):
            reason = next((one for one in reason if isinstance(one, dict)), None)
        if reason is None:
            return "", "", ""
        if not isinstance(reason, dict) or not reason.keys() & {"reason", "userComment", "extension"}:
            self._odd("reason-form", "holds neither reason nor userComment", "overrideReason")
            reason = reason if isinstance(reason, dict) else {"reason": reason}
        system, code = self._code(reason)
        comment = reason.get("userComment")
        if comment is not None and not isinstance(comment, str):
            self._odd("comment-form", "is not a string", "overrideReason.userComment")
            comment = None
        if comment and len(comment) > LONGEST_COMMENT:
            self._flags.append("comment-cut")
            comment = comment[:LONGEST_COMMENT]
        return system, code, comment or ""

    def _code(self, reason: dict[str, Any]) -> tuple[str, str]:
        picked = reason.get("reason")
        extension = reason.get("extension")
        if isinstance(picked, dict) and isinstance(picked.get("coding"), list):
            picked = next((one for one in picked["coding"] if isinstance(one, dict)), None)
        if picked is None and isinstance(extension, dict):
            picked = {"code": extension.get(f"{EPIC}reasonCategory"), "system": f"urn:{EPIC}reasonCategory"}
        if isinstance(picked, str):
            picked = {"code": picked}
        if picked is None and isinstance(reason.get("code"), str):
            picked = reason
        if not isinstance(picked, dict) or picked.get("code") is None:
            return "", ""
        code, system = picked["code"], picked.get("system")
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            self._odd("reason-not-kept", "is not a code", "overrideReason.reason.code")
            return "", ""
        if not isinstance(system, str) or not _SYSTEM.fullmatch(system):
            if system:
                self._odd("system-not-kept", "is not a URI", "overrideReason.reason.system")
            system = ""
        return system, code


def _time(match: re.Match[str]) -> datetime:
    """In UTC, to the microsecond; a leap second is taken for the second before it. Raises ValueError, OverflowError."""
    year, month, day, hour, minute, second = (int(match[group]) for group in range(1, 7))
    microsecond = int((match[7] or "0")[:6].ljust(6, "0"))
    offset = timedelta(hours=int(match[10] or 0), minutes=int(match[11] or 0))
    if offset >= timedelta(days=1):
        raise ValueError("no such offset")
    zone = timezone(-offset if match[9] == "-" else offset)
    if second == 60:
        second = 59
    return datetime(year, month, day, hour, minute, second, microsecond, zone).astimezone(UTC)
