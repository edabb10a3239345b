"""Everything a clinician can review and change: thresholds, value sets, rules in prose, evidence. Data, and its loader.

`load()` reads and checks it all at start-up; `checks.check` goes deeper, for `nam-cds check-knowledge`.
"""

from hooks.knowledge.files import KnowledgeError
from hooks.knowledge.loading import load
from hooks.knowledge.model import (
    ArticleStatement,
    Citation,
    Family,
    Knowledge,
    OverlayChange,
    OverrideReason,
    RuleText,
    ValueSet,
)
from hooks.knowledge.systems import normal_code, system_family
from hooks.knowledge.thresholds import MARKS, Mark, Threshold, Thresholds

__all__ = [
    "MARKS",
    "ArticleStatement",
    "Citation",
    "Family",
    "Knowledge",
    "KnowledgeError",
    "Mark",
    "OverlayChange",
    "OverrideReason",
    "RuleText",
    "Threshold",
    "Thresholds",
    "ValueSet",
    "load",
    "normal_code",
    "system_family",
]
