"""Why a drug was stopped, in words: not tolerated, or not effective (B0), read with the guards of B9."""

import re
from functools import lru_cache
from typing import Literal

Kind = Literal["intolerance", "failure"]

_INTOLERANCE = re.compile(
    r"adverse|intoleran\w*|\ballerg\w*|\w*toxic\w*|anaphyl\w*|thrombo(?:sis|embol\w*)|side[ -]effects?"
    r"|contra-?indicat\w*",
    re.IGNORECASE,
)
_NO_EFFECT = (
    r"\bineffective\b|lack of (?:effect|efficacy|response)\w*|no (?:response|improvement)|\bnon-?respon\w*"
    r"|treatment failure"
)
_FAILURE_IN_NOTES = re.compile(_NO_EFFECT, re.IGNORECASE)
_FAILURE = re.compile(_NO_EFFECT + r"|\brefractory|\bfailed\b(?! to (?:attend|take))", re.IGNORECASE)
_DENIED = re.compile(r"\b(?:no|not|without|denies|denied|risk of|screen\w*)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")


@lru_cache(maxsize=1024)
def in_reason(text: str) -> frozenset[Kind]:
    """What a `statusReason` says. Failure to attend or to take is neither."""
    found: set[Kind] = set()
    if _INTOLERANCE.search(text):
        found.add("intolerance")
    if _FAILURE.search(text):
        found.add("failure")
    return frozenset(found)


@lru_cache(maxsize=1024)
def in_note(text: str) -> dict[Kind, str]:
    """The first sentence of a note that says it, by kind; sentences that deny, weigh a risk or screen do not count."""
    found: dict[Kind, str] = {}
    for sentence in _SENTENCE.split(text):
        if _stated(_INTOLERANCE, sentence):
            found.setdefault("intolerance", sentence.strip())
        if _stated(_FAILURE_IN_NOTES, sentence):
            found.setdefault("failure", sentence.strip())
    return found


def _stated(pattern: re.Pattern[str], sentence: str) -> bool:
    match = pattern.search(sentence)
    return match is not None and not _DENIED.search(sentence[: match.start()] + " " + sentence[match.end() :])
