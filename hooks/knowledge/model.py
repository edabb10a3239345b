"""What the knowledge files hold, typed. `hooks.knowledge.load` reads and checks them at start-up."""

import re
from datetime import date
from typing import Literal

import msgspec

from hooks.knowledge.regimens import Regimens
from hooks.knowledge.thresholds import Threshold, Thresholds

Family = Literal[
    "escalation", "urgency", "plasma exchange", "antibody", "statin", "monitoring", "trajectory", "PJP",
    "cyclophosphamide", "pregnancy", "infection", "rituximab", "mycophenolate", "IVIG", "methotrexate", "cancer",
    "data quality",
]  # fmt: skip


class Citation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of the evidence list (specification D). `id` is its key, such as `E12`; `confidence` H, Hc, M or v2.

    An identifier (PMID, DOI, PMC) is printed only when the specification prints it without a question mark.
    """

    text: str
    confidence: Literal["H", "Hc", "M", "v2"]
    identifier: str = ""
    note: str = ""
    id: str = ""


class RuleText(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One file of `knowledge/rules`: what the rule says and stands on, in prose a clinician can review.

    The file name is `name` in snake_case. `statement` is when / then / unless, in Markdown; `rationale` is why, as it
    appears on the card; `evidence_note` says how weak the evidence is, as it appears on the card. `thresholds` names
    the entries of thresholds.yaml that it uses (`ck.active_x_uln`); `citations` and `against` name evidence entries.
    """

    name: str
    spec_id: str
    family: Family
    title: str
    hooks: tuple[str, ...]
    statement: str
    rationale: str
    evidence_note: str
    thresholds: tuple[str, ...] = ()
    citations: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    override: Literal["A", "S"] = "A"
    enabled: bool = True
    """False: the rule is silent unless a site turns it on in its own file."""
    article: tuple[str, ...] = ()
    """The statements of the article (rows of B5) that this rule or a sentence of its card covers."""
    review_by: date
    authored_by: str
    checked_by: str = ""
    """The clinician who signed it; empty: nobody has."""


class ValueSet(msgspec.Struct, frozen=True, kw_only=True):
    """One value set, compiled for matching from its FHIR ValueSet file.

    `codes`: by system family (`rxnorm`, `snomed`, `icd10`, `loinc`, `atc`, `icd10pcs`, `cpt`, `local`, …) the code (as
    `systems.normal_code` writes it) with its display. `prefixes`: by system family, code prefixes (`icd10: M332`,
    `atc: H02AB`; ATC codes are always here). `aliases`: whole-word names looked for in texts. `vetoes`: a text that
    matches one of these is not a member, whatever else it says. `excluded`, `excluded_prefixes`: never members.
    """

    id: str
    title: str
    kind: Literal["condition", "laboratory", "score", "drug", "procedure", "allergy"]
    codes: dict[str, dict[str, str]]
    prefixes: dict[str, tuple[str, ...]] = {}
    excluded: dict[str, frozenset[str]] = {}
    excluded_prefixes: dict[str, tuple[str, ...]] = {}
    aliases: tuple[re.Pattern[str], ...] = ()
    vetoes: tuple[re.Pattern[str], ...] = ()
    drug: str = ""
    """For drugs and allergies: the class it belongs to (`glucocorticoid` for `prednisone`, `statin` for
    `statin-allergy`); its own id when it is a class itself."""
    unit: str = ""
    """For laboratory values: the unit (UCUM) that values are brought to."""

    def holds(self, family: str, code: str) -> bool:
        """Whether the code (as `systems.normal_code` writes it) is a member."""
        if self.excludes(family, code):
            return False
        return code in self.codes.get(family, ()) or code.startswith(self.prefixes.get(family, ()))

    def excludes(self, family: str, code: str) -> bool:
        """Whether the code is named as none of this set, whatever its text says."""
        return code in self.excluded.get(family, ()) or code.startswith(self.excluded_prefixes.get(family, ()))


class ArticleStatement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One statement of the article behind the rules, in our words; `comment`: what the literature says of it (B5)."""

    text: str
    comment: str = ""


class OverrideReason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reason a clinician may give for not following a card (B0)."""

    code: str
    display: str
    safety: bool
    """Whether critical cards accept it."""
    later: bool
    """Whether it means "known, later", and so keeps the card away for a while."""


class OverlayChange(msgspec.Struct, frozen=True):
    """One thing that the site's overlay changed: shown on the rule pages and in the trace."""

    key: str
    before: str
    after: str
    reason: str


class Knowledge(msgspec.Struct, frozen=True, kw_only=True):
    """All knowledge, checked. `version` changes with any file's content."""

    version: str
    thresholds: Thresholds
    value_sets: dict[str, ValueSet]
    rules: dict[str, RuleText]
    """By rule name, in the order of evaluation (B7)."""
    citations: dict[str, Citation]
    article: dict[str, ArticleStatement]
    regimens: Regimens
    override_reasons: tuple[OverrideReason, ...]
    decisions: tuple[tuple[str, str], ...]
    """Open points of the specification that this project settled: (where, what and why). Shown in the documentation."""
    overlay: tuple[OverlayChange, ...] = ()

    def reasons(self, rule: str, *, critical: bool = False) -> tuple[OverrideReason, ...]:
        """The override reasons that a rule's card offers (B0, B6)."""
        safety_only = critical or self.rules[rule].override == "S"
        return tuple(reason for reason in self.override_reasons if reason.safety or not safety_only)

    def threshold(self, key: str) -> Threshold:
        """The entry named by `group.name`. Raises KeyError for an unknown one."""
        group, _, name = key.partition(".")
        try:
            found = getattr(getattr(self.thresholds, group), name)
        except AttributeError:
            raise KeyError(key) from None
        assert isinstance(found, Threshold)
        return found
