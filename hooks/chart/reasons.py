"""Why a drug was stopped, in words: not tolerated, or not effective (B0), read with the guards of B9."""

import re
from functools import lru_cache
from typing import Literal

Kind = Literal["intolerance", "failure"]
_LONGEST_REASON, _LONGEST_NOTE = 1000, 5000
"""Characters of a reason or a note that are read."""

_INTOLERANCE = re.compile(
    r"adverse|intoleran\w*|\ballerg\w*|toxic\w*|anaphyl\w*|thrombo(?:sis|embol\w*)|side[ -]effects?"
    r"|contra-?indicat\w*",
    re.IGNORECASE,
)
_NO_EFFECT = (
    r"\bineffective\b|lack of (?:effect|efficacy|response)\w*|no (?:response|improvement)|\bnon-?respon\w*"
    r"|treatment failure"
)
_FAILURE_IN_NOTES = re.compile(_NO_EFFECT, re.IGNORECASE)
_FAILURE = re.compile(_NO_EFFECT + r"|\brefractory|\bfailed\b(?! to (?:attend|take))", re.IGNORECASE)
_FAILURE_BUT_BARE = re.compile(_NO_EFFECT + r"|\brefractory", re.IGNORECASE)
_DENIED = re.compile(
    r"\b(?:(?:no|not)\b(?! (?:longer|able|tolerat\w*|continu\w*|resolv\w*|recover\w*|restart\w*))"
    r"|without\b|denies\b|denied\b|risk of\b|screen\w*)",
    re.IGNORECASE,
)
"""`not tolerated`, `no longer` and the like say that the drug was stopped: they deny nothing."""
_SUPPLY = re.compile(r"authori[sz]ation|\binsur\w+|\bcoverage\b|\bdeliver\w*", re.IGNORECASE)
"""What else may have failed, and says nothing of the drug."""
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
_CLAUSE = re.compile(
    r"(?<=[.!?;])\s+|\n+|[,(](?=\s*(?:no|not|without|denie[sd])\b)|,(?!.*\bor\b)|\bbut\b|\band\b(?=\s+(?:no|not)\b)"
    r"|\b(?=without\b)",
    re.IGNORECASE,
)
"""Where a denial ends or begins; the commas of an enumeration with `or` do not part it from its denial."""


@lru_cache(maxsize=1024)
def in_reason(text: str) -> frozenset[Kind]:
    """What a `statusReason` says, clause by clause, with the denials of a note.

    Failure to attend or to take is neither; nor is that of an authorization, insurance, coverage or delivery.
    """
    found: set[Kind] = set()
    for clause in _CLAUSE.split(text[:_LONGEST_REASON]):
        if _stated(_INTOLERANCE, clause):
            found.add("intolerance")
        if _stated(_FAILURE_BUT_BARE if _SUPPLY.search(clause) else _FAILURE, clause):
            found.add("failure")
    return frozenset(found)


@lru_cache(maxsize=1024)
def in_note(text: str) -> dict[Kind, str]:
    """The first sentence of a note that says it, by kind; sentences that deny, weigh a risk or screen do not count."""
    found: dict[Kind, str] = {}
    for sentence in _SENTENCE.split(text[:_LONGEST_NOTE]):
        if _stated(_INTOLERANCE, sentence):
            found.setdefault("intolerance", sentence.strip())
        if _stated(_FAILURE_IN_NOTES, sentence):
            found.setdefault("failure", sentence.strip())
    return found


def _stated(pattern: re.Pattern[str], sentence: str) -> bool:
    """Whether a phrase of the pattern stands in it, and no denial outside such phrases (`no response` is one)."""
    rest, phrases = pattern.subn(" ", sentence)
    return phrases > 0 and not _DENIED.search(rest)
