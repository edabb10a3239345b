"""The small grammar of doses in words, such as "2 g/kg over 5 days every 4 weeks" or "1 g x 2, 2 weeks apart" (A5).

A text is understood as a whole or not at all: one word too many, and the dose is unknown.
"""

import re
from collections.abc import Callable
from functools import lru_cache

import msgspec

DAYS = {"h": 1 / 24, "hour": 1 / 24, "d": 1.0, "day": 1.0, "wk": 7.0, "week": 7.0, "w": 7.0, "mo": 30.0, "month": 30.0}
"""Length of a unit of time in days; a month is 30."""

_LONGEST = 500
"""No dosage that this grammar understands has more characters."""

_NUMBER = {"one": 1.0, "once": 1.0, "two": 2.0, "twice": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "six": 6.0}
_N = r"(\d{1,6}(?:[.,]\d{1,6})?|one|two|three|four|five|six)"
_T = r"(hour|day|week|wk|month|h|d|w|mo)s?"
_UNIT = (
    r"(g/kg|mg/kg|mg/m2|mg/m²|mg/m\^2|mg|grams?|g|mcg|µg|ug|tablets?|tabs?|capsules?|caps?)"
    r"\b(?! ?/ ?(?:kg|m2|m²|m\^|ml|dl|l\b))"
)
_DAYNAME = r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?"


class Phrase(msgspec.Struct, frozen=True):
    """What a text says. `per_day`, `count` as in Dosing; `for_days`: how long; `over_days`: a dose spread over days."""

    low: float | None = None
    high: float | None = None
    unit: str = ""
    per_day: float | None = None
    count: int | None = None
    over_days: int = 1
    for_days: float | None = None
    as_needed: bool = False


class _Parts:
    """Collects the parts of one text; a part that comes twice is a contradiction, hence not understood."""

    def __init__(self) -> None:
        self.amounts: list[tuple[float, float, str]] = []
        self.rates: list[float] = []
        self.counts: list[int] = []
        self.over: list[int] = []
        self.lasting: list[float] = []
        self.as_needed = False
        self.weekday = False


def _number(text: str) -> float:
    return _NUMBER.get(text) or float(text.replace(",", "."))


def _once_in(days: float) -> float:
    """The rate of an interval; 0, which is not understood, where it is none."""
    return 1 / days if days > 0 else 0.0


def _amount(parts: _Parts, m: re.Match[str]) -> None:
    parts.amounts.append((_number(m[1]), _number(m[2] or m[1]), m[3].replace("²", "2").replace("^", "")))


def _times_a(parts: _Parts, m: re.Match[str]) -> None:
    parts.rates.append(_number(m[1]) / DAYS[m[2]])


def _every_n(parts: _Parts, m: re.Match[str]) -> None:
    parts.rates.append(_once_in(_number(m[1] or "1") * DAYS[m[2]]))


def _rate(per_day: float) -> Callable[[_Parts, re.Match[str]], None]:
    return lambda parts, _: parts.rates.append(per_day)


def _apart(parts: _Parts, m: re.Match[str]) -> None:
    parts.rates.append(_once_in(_number(m[1]) * DAYS[m[2]]))


def _on_weekday(parts: _Parts, _: re.Match[str]) -> None:
    """Once a week; beside the words "once a week" it says on which day."""
    if parts.weekday or parts.rates != [1 / 7]:
        parts.rates.append(1 / 7)
    parts.weekday = True


def _on_days(parts: _Parts, m: re.Match[str]) -> None:
    parts.counts.append(2)
    parts.rates.append(_once_in(int(m[2]) - int(m[1])))


def _count(parts: _Parts, m: re.Match[str]) -> None:
    parts.counts.append(int(_number(m[1])))


def _over(parts: _Parts, m: re.Match[str]) -> None:
    parts.over.append(max(1, round(_number(m[2] or m[1]) * DAYS[m[3]])))


def _lasting(parts: _Parts, m: re.Match[str]) -> None:
    parts.lasting.append(_number(m[1]) * DAYS[m[2]])


def _needed(parts: _Parts, _: re.Match[str]) -> None:
    parts.as_needed = True


def _skip(_: _Parts, __: re.Match[str]) -> None:
    return


_GRAMMAR: tuple[tuple[re.Pattern[str], Callable[[_Parts, re.Match[str]], None]], ...] = tuple(
    (re.compile(pattern), action)
    for pattern, action in (
        (rf"(?:over|divided over|in divided doses over) {_N}(?: ?(?:-|–|to) ?{_N})? ?{_T}\b", _over),
        (rf"{_N} ?{_T} apart\b", _apart),
        (rf"(?:for|x|×) ?{_N} ?{_T}\b", _lasting),
        (r"(?:on )?days? (\d{1,3}) (?:and|&) (?:day )?(\d{1,3})\b", _on_days),
        (rf"(?:x|×) ?{_N}\b(?: doses| infusions)?", _count),
        (rf"{_N} (?:doses|infusions|times in all)\b", _count),
        (rf"{_N}(?: ?(?:-|–|to) ?{_N})? ?{_UNIT}", _amount),
        (rf"{_N} ?(?:times|x|×) ?(?:a|per|every|/)? ?{_T}(?:ly)?\b", _times_a),
        (rf"(once|twice) (?:a|per|every|each|/) ?{_T}\b", _times_a),
        (rf"once every {_N} ?{_T}\b", _every_n),
        (r"(?:once daily|once-daily|daily|qd|od|q24h|every (?:morning|evening|night)|nightly|at bedtime)\b", _rate(1)),
        (r"(?:twice daily|bid|bd)\b", _rate(2)),
        (r"(?:three times daily|tid|tds)\b", _rate(3)),
        (r"(?:four times daily|qid|qds)\b", _rate(4)),
        (r"(?:every other day|on alternate days|qod)\b", _rate(0.5)),
        (r"(?:once weekly|once-weekly|weekly|qwk|qw)\b", _rate(1 / 7)),
        (r"twice weekly\b", _rate(2 / 7)),
        (r"three times weekly\b", _rate(3 / 7)),
        (r"(?:once monthly|monthly)\b", _rate(1 / 30)),
        (rf"(?:every|each|per|a|/) ?{_N}? ?{_T}\b", _every_n),
        (rf"q ?{_N} ?{_T}\b", _every_n),
        (rf"(?:every|each|on) {_DAYNAME}\b", _on_weekday),
        (r"(?:prn|as needed|as required|if needed)\b", _needed),
        (r"(?:take|give|inject|infuse|administer|apply)\b", _skip),
        (r"(?:by mouth|orally|oral|po|intravenously|intravenous|iv|subcutaneously|subcutaneous|subcut|sc|sq)\b", _skip),
        (r"(?:with food|with water|with meals?|with breakfast|in the morning|after breakfast)\b", _skip),
        (r"(?:infusion|dose|course|cycle|each|a)\b", _skip),
        (r"[,;.:()\s]+", _skip),
    )
)


@lru_cache(maxsize=2048)
def parse(text: str) -> Phrase | None:
    """What a dosage text says; None when any of it is not understood."""
    if len(text) > _LONGEST:
        return None
    words, at = " ".join(text.lower().split()), 0
    parts = _Parts()
    while at < len(words):
        found = next(((m, action) for pattern, action in _GRAMMAR if (m := pattern.match(words, at))), None)
        if found is None:
            return None
        match, action = found
        action(parts, match)
        at = match.end()
    return _phrase(parts)


def _phrase(parts: _Parts) -> Phrase | None:
    if any(len(once) > 1 for once in (parts.amounts, parts.counts, parts.over, parts.lasting)):
        return None
    low, high, unit = parts.amounts[0] if parts.amounts else (None, None, "")
    count = parts.counts[0] if parts.counts else None
    over = parts.over[0] if parts.over else 1
    lasting = parts.lasting[0] if parts.lasting else None
    rates = sorted(parts.rates, reverse=True)
    if len(rates) == 2 and rates[0] >= 1 and lasting and lasting * rates[1] < 1 and over == 1 and low and high:
        doses = round(rates[0] * lasting)
        low, high, over, lasting, rates = low * doses, high * doses, round(lasting), None, rates[1:]
    if len(rates) > 1 or 0 in rates or count == 0:
        return None
    return Phrase(
        low=low, high=high, unit=unit, per_day=rates[0] if rates else None, count=count,
        over_days=over, for_days=lasting, as_needed=parts.as_needed,
    )  # fmt: skip
