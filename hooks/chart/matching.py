"""Which value sets a CodeableConcept belongs to (A4).

Order: curated code, ATC prefix, words of a display, alias in the text. Names are never matched fuzzily, and a text that
a value set vetoes (eye drops, anti-D, CK-MB, "rule out") is not a member, whatever else it says. What was understood
once is remembered by the JSON it was written in.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Literal

import msgspec

from cds_service.fhir.bundles import UNREADABLE
from cds_service.fhir.views import CodeableConcept, Coding, decode
from hooks.chart.facts import MatchMethod
from hooks.chart.memory import REMEMBERED, by_json
from hooks.knowledge import normal_code, system_family
from hooks.knowledge.model import Knowledge, ValueSet

Kind = Literal["condition", "laboratory", "score", "drug", "procedure", "allergy"]


_LONGEST = 10_000
"""Characters of a text that are looked at."""


class Hit(msgspec.Struct, frozen=True):
    """Membership in one value set. `code`: the code that matched, or empty; `words`: what it stands for in words."""

    value_set: str
    method: MatchMethod
    code: str = ""
    words: str = ""


class Concept(msgspec.Struct, frozen=True):
    """A CodeableConcept, understood.

    `excluded`: value sets that name its code as one for another purpose. `key` identifies it among its like; `problem`
    says what could not be read.
    """

    hits: tuple[Hit, ...] = ()
    value_sets: frozenset[str] = frozenset()
    excluded: tuple[Hit, ...] = ()
    text: str = ""
    all_words: str = ""
    displays: tuple[str, ...] = ()
    key: str = ""
    problem: str = ""


class Matcher:
    """Matches against the value sets of one kind.

    With `every` (conditions, allergies) code and text both count, because a text may say more than its code; else
    (drugs, laboratory values) the first step that hits decides, and vetoes hold against codes too.
    """

    def __init__(self, value_sets: Iterable[ValueSet], *, every: bool) -> None:
        self._sets = tuple(value_sets)
        self._every = every
        self._codes: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._excluded: dict[tuple[str, str], list[str]] = {}
        self._prefixes: dict[str, list[tuple[str, str]]] = {}
        self._barred: dict[str, list[tuple[str, str]]] = {}
        for one in self._sets:
            for family, codes in one.codes.items():
                for code, display in codes.items():
                    self._codes.setdefault((family, code), []).append((one.id, display))
            for family, prefixes in one.prefixes.items():
                self._prefixes.setdefault(family, []).extend((prefix, one.id) for prefix in prefixes)
            for family, excluded in one.excluded.items():
                for code in excluded:
                    self._excluded.setdefault((family, code), []).append(one.id)
            for family, prefixes in one.excluded_prefixes.items():
                self._barred.setdefault(family, []).extend((prefix, one.id) for prefix in prefixes)
        self.concept: Callable[[msgspec.Raw], Concept] = by_json(self._read)
        """The CodeableConcept written in a piece of JSON; an empty one for none at all."""
        self._any_alias = _any_of([alias for one in self._sets for alias in one.aliases])
        self._vetoed = lru_cache(maxsize=REMEMBERED)(self._find_vetoes)
        self._aliased = lru_cache(maxsize=REMEMBERED)(self._find_aliases)

    def understood(self, concept: CodeableConcept) -> Concept:
        """A CodeableConcept that was read already."""
        return self._understand(concept, "")

    def named(self, text: str) -> frozenset[str]:
        """The value sets that a text names."""
        return frozenset(value_set for value_set, _ in self._aliased(text[:_LONGEST]))

    def vetoed(self, text: str) -> frozenset[str]:
        """The value sets whose vetoes stand in a text."""
        return self._vetoed(text[:_LONGEST]) if text else frozenset()

    def _read(self, written: bytes) -> Concept:
        if not written or written == b"null":
            return Concept()
        try:
            concept, problems = decode(written, CodeableConcept)
        except UNREADABLE as error:
            return Concept(problem=str(error))
        return self._understand(concept, "; ".join(problems.values()))

    def _understand(self, concept: CodeableConcept, problem: str) -> Concept:
        displays = tuple(coding.display for coding in concept.coding if coding.display)
        coded, excluded = self._by_code(concept.coding)
        steps = [
            [hit for hit in coded if hit.method == "code"],
            [hit for hit in coded if hit.method == "atc"],
            [Hit(s, "display", words=words) for display in displays for s, words in self._aliased(display[:_LONGEST])],
            [Hit(s, "text", words=words) for s, words in self._aliased(concept.text[:_LONGEST])]
            if concept.text
            else [],
        ]
        if self._every:
            hits = [hit for step in steps for hit in step]
        else:
            vetoes = self.vetoed(concept.all_words) if any(steps) else frozenset()
            kept = ([hit for hit in step if hit.value_set not in vetoes] for step in steps)
            hits = next((step for step in kept if step), [])
            hits = [*hits, *self._more_precise(hits, steps, vetoes)]
        once: dict[str, Hit] = {}
        for hit in hits:
            if hit.value_set not in excluded:
                once.setdefault(hit.value_set, hit)
        return Concept(
            hits=tuple(once.values()),
            value_sets=frozenset(once),
            excluded=tuple(Hit(s, "code", code, concept.words) for s, code in excluded.items()),
            text=concept.words,
            all_words=concept.all_words,
            displays=displays,
            key="|".join(f"{c.system}|{c.code}" for c in concept.coding if c.code) or concept.text.casefold(),
            problem=problem,
        )

    def _by_code(self, codings: tuple[Coding, ...]) -> tuple[list[Hit], dict[str, str]]:
        hits: list[Hit] = []
        excluded: dict[str, str] = {}
        for coding in codings:
            family = system_family(coding.system)
            if not family or not coding.code:
                continue
            code = normal_code(family, coding.code)
            method: MatchMethod = "atc" if family == "atc" else "code"
            barred = self._barred.get(family, ())
            for value_set in (*self._excluded.get((family, code), ()), *(s for p, s in barred if code.startswith(p))):
                excluded[value_set] = code
            for value_set, display in self._codes.get((family, code), ()):
                hits.append(Hit(value_set, method, code, display or coding.display))
            for prefix, value_set in self._prefixes.get(family, ()):
                if code.startswith(prefix):
                    hits.append(Hit(value_set, method, code, coding.display))
        return hits, excluded

    def _find_aliases(self, text: str) -> tuple[tuple[str, str], ...]:
        if not self._any_alias.search(text):
            return ()
        found = []
        for one in self._sets:
            match = next(filter(None, (alias.search(text) for alias in one.aliases)), None)
            if match and not any(veto.search(text) for veto in one.vetoes):
                found.append((one.id, match.group()))
        return tuple(found)

    def _find_vetoes(self, text: str) -> frozenset[str]:
        return frozenset(one.id for one in self._sets if any(veto.search(text) for veto in one.vetoes))

    @staticmethod
    def _more_precise(hits: list[Hit], steps: list[list[Hit]], vetoes: frozenset[str]) -> list[Hit]:
        """What a name adds to a code that leaves the route of an immunoglobulin open (A3)."""
        if not any(hit.value_set == ROUTE_UNKNOWN for hit in hits):
            return []
        return [hit for step in steps for hit in step if hit.value_set in ROUTED and hit.value_set not in vetoes]


ROUTE_UNKNOWN = "immunoglobulin-route-unknown"
ROUTED = ("ivig", "scig", "immunoglobulin-not-iv")


def _any_of(aliases: list[re.Pattern[str]]) -> re.Pattern[str]:
    """One pattern that finds whatever any of the whole-word names finds, in one pass over a text."""
    each = (f"(?{'i' if alias.flags & re.IGNORECASE else '-i'}:{alias.pattern})" for alias in aliases)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(each) or NEVER})")


NEVER = r"(?!)"


class Matchers(msgspec.Struct, frozen=True):
    """The matchers for all kinds of resources, made once from the knowledge."""

    conditions: Matcher
    labs: Matcher
    drugs: Matcher
    allergies: Matcher
    procedures: Matcher


def _of(knowledge: Knowledge, *kinds: Kind) -> list[ValueSet]:
    return [one for one in knowledge.value_sets.values() if one.kind in kinds]


_made: dict[int, tuple[Knowledge, Matchers]] = {}


def matchers(knowledge: Knowledge) -> Matchers:
    """The matchers for this knowledge; made at its first use, then reused."""
    known = _made.get(id(knowledge))
    if known is None:
        if len(_made) >= _KNOWLEDGES:
            _made.clear()
        known = _made[id(knowledge)] = (
            knowledge,
            Matchers(
                conditions=Matcher(_of(knowledge, "condition"), every=True),
                labs=Matcher(_of(knowledge, "laboratory", "score"), every=False),
                drugs=Matcher(_of(knowledge, "drug"), every=False),
                allergies=Matcher(_of(knowledge, "allergy", "drug"), every=True),
                procedures=Matcher(_of(knowledge, "procedure"), every=False),
            ),
        )
    return known[1]


_KNOWLEDGES = 8
"""How many sets of knowledge (one in use, others in tests) are kept ready."""
