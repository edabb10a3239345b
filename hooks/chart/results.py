"""Positive, negative or neither: what a result says in codes, flags, numbers or words, in the order of B9."""

import re
from functools import lru_cache

from cds_service.fhir.views import CodeableConcept
from hooks.chart.facts import Result

QUALITATIVE = frozenset(
    {
        "anti-hmgcr", "anti-srp", "hcg", "hbsag", "anti-hbc", "anti-hbs", "hbv-dna", "urine-blood-dipstick",
        "urine-rbc", "g6pd",
    }
)  # fmt: skip
"""Concepts whose results are read as a verdict. For `g6pd` positive means deficient."""

_POSITIVE, _NEGATIVE = "10828004", "260385009"
_FLAGS: dict[str, Result] = {
    "pos": "positive", "h": "positive", "hh": "positive", "a": "positive", "aa": "positive",
    "neg": "negative", "n": "negative", "ind": "indeterminate", "e": "indeterminate",
}  # fmt: skip
_ENZYME_FLAGS: dict[str, Result] = {
    "l": "positive", "ll": "positive", "def": "positive", "n": "negative", "h": "negative", "ind": "indeterminate",
}  # fmt: skip

_UNSURE = re.compile(r"\b(indeterminate|equivocal|borderline|inconclusive|gr[ae]y[- ]zone|invalid)\b", re.IGNORECASE)
_NO = re.compile(
    r"\b(neg(ative)?|non[- ]?reactive|not[- ](detected|present|reactive)|undetect(ed|able)|none (seen|detected)|absent"
    r"|normal)\b",
    re.IGNORECASE,
)
_YES = re.compile(r"\b(pos(itive)?|reactive|detected|present|abnormal)\b|^\s*(\d\+|\+{1,4})\s*$", re.IGNORECASE)
_DEFICIENT = re.compile(r"\bdeficien(t|cy)\b", re.IGNORECASE)
_NOT_DEFICIENT = re.compile(r"\b(not|no|non)[- ](\w+ )?deficien(t|cy)\b|\bnormal\b", re.IGNORECASE)


def verdict(
    concept: str,
    coded: CodeableConcept | None,
    interpretation: tuple[CodeableConcept, ...],
    quantity: tuple[float | None, str, float | None, float | None],
    text: str,
) -> Result | None:
    """Coded value, then interpretation, then quantity against its range, then words.

    `quantity`: value, comparator, lower and upper limit of normal.
    """
    if concept == "g6pd":
        return _enzyme(coded, interpretation, quantity, text)
    return (
        (_of_code(coded) if coded else None)
        or _of_flags(interpretation, _FLAGS)
        or _of_quantity(quantity)
        or (_of_words(coded.all_words) if coded else None)
        or _of_words(text)
    )


def _of_code(coded: CodeableConcept) -> Result | None:
    codes = {coding.code for coding in coded.coding}
    if _POSITIVE in codes:
        return "positive"
    return "negative" if _NEGATIVE in codes else None


def _of_flags(interpretation: tuple[CodeableConcept, ...], flags: dict[str, Result]) -> Result | None:
    codes = (coding.code.lower() for concept in interpretation for coding in concept.coding)
    found = next((flags[code] for code in codes if code in flags), None)
    return found or next((r for c in interpretation if (r := _of_words(c.all_words))), None)


def _of_quantity(quantity: tuple[float | None, str, float | None, float | None]) -> Result | None:
    value, comparator, _, upper = quantity
    if value is None or upper is None:
        return None
    if comparator.startswith("<"):
        return "negative" if value <= upper else None
    if comparator.startswith(">"):
        return "positive" if value >= upper else None
    return "positive" if value > upper else "negative"


def _enzyme(
    coded: CodeableConcept | None,
    interpretation: tuple[CodeableConcept, ...],
    quantity: tuple[float | None, str, float | None, float | None],
    text: str,
) -> Result | None:
    """G6PD: a low activity is the finding; "positive" alone does not say of what."""
    flags = (coding.code.lower() for concept in interpretation for coding in concept.coding)
    flag = next((_ENZYME_FLAGS[code] for code in flags if code in _ENZYME_FLAGS), None)
    if flag:
        return flag
    value, comparator, lower, _ = quantity
    if value is not None and lower is not None and not comparator:
        return "positive" if value < lower else "negative"
    words = f"{coded.all_words if coded else ''} {text}"
    if _NOT_DEFICIENT.search(words):
        return "negative"
    return "positive" if _DEFICIENT.search(words) else None


def worded(concept: str, result: Result) -> str:
    """A result in a word that `verdict` reads as that result."""
    if concept == "g6pd":
        return {"positive": "deficient", "negative": "not deficient"}.get(result, result)
    return result


@lru_cache(maxsize=1024)
def _of_words(text: str) -> Result | None:
    if _UNSURE.search(text):
        return "indeterminate"
    if _NO.search(text):
        return "negative"
    return "positive" if _YES.search(text) else None
