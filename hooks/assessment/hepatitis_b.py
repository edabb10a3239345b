"""Hepatitis B before rituximab: what the tests say, and what IVIG may have carried over (B4 S5)."""

from typing import Literal

import msgspec

from hooks.assessment.ivig_interference import ivig_before
from hooks.assessment.labs import ever
from hooks.chart.facts import Chart, Diagnosis, Infusion, LabResult
from hooks.knowledge.thresholds import Threshold, Thresholds

TestState = Literal["positive", "negative", "carried over", "unclear", "not tested"]
"""`carried over`: anti-HBc was first found soon after IVIG, so it is probably the donors'."""


class SerologyTest(msgspec.Struct, frozen=True):
    """One of the two tests, the result that decided, and the IVIG that may have carried it over."""

    name: str
    state: TestState
    result: LabResult | None = None
    ivig: Infusion | None = None


class HepatitisB(msgspec.Struct, frozen=True, kw_only=True):
    """Hepatitis B on record, of any age (B9). `dna`: HBV DNA, a positive one before the newest."""

    hbsag: SerologyTest
    core: SerologyTest
    dna: LabResult | None = None
    diagnosis: Diagnosis | None = None

    @property
    def infected(self) -> bool:
        """HBsAg or HBV DNA was positive, or the diagnosis is current."""
        viraemic = self.dna is not None and self.dna.result == "positive"
        return self.hbsag.state == "positive" or viraemic or self.diagnosis is not None

    def in_state(self, *states: TestState) -> tuple[SerologyTest, ...]:
        """Those of the two tests that are in one of some states."""
        return tuple(test for test in (self.hbsag, self.core) if test.state in states)


def assess_hepatitis_b(chart: Chart, thresholds: Thresholds) -> HepatitisB:
    """What is on record of hepatitis B."""
    return HepatitisB(
        hbsag=_hbsag(chart),
        core=_core(chart, thresholds.rituximab.hbv_passive_weeks),
        dna=ever(chart, "hbv-dna", "positive") or next(iter(chart.labs.get("hbv-dna", ())), None),
        diagnosis=next((d for d in chart.diagnoses if "hepatitis-b" in d.concepts and d.current), None),
    )


def _hbsag(chart: Chart) -> SerologyTest:
    """Once positive it stays so: what follows from it is for a hepatologist to say."""
    positive = ever(chart, "hbsag", "positive")
    return SerologyTest("HBsAg", "positive", positive) if positive else _newest(chart, "hbsag", "HBsAg")


def _core(chart: Chart, limit: Threshold) -> SerologyTest:
    """Anti-HBc. A positive one with no IVIG in the weeks before is the patient's own; one that IVIG may have carried
    over counts until a later test is negative again.
    """
    results = chart.labs.get("anti-hbc", ())
    positive = [(r, _carrier(chart, r, limit)) for r in results if r.result == "positive"]
    own = next((r for r, ivig in positive if ivig is None), None)
    if own:
        return SerologyTest("anti-HBc", "positive", own)
    if positive and results[0].result == "positive":
        return SerologyTest("anti-HBc", "carried over", *positive[0])
    return _newest(chart, "anti-hbc", "anti-HBc")


def _carrier(chart: Chart, result: LabResult, limit: Threshold) -> Infusion | None:
    return ivig_before(chart, result.when, 7 * limit.value) if result.when else None


def _newest(chart: Chart, concept: str, name: str) -> SerologyTest:
    """The newest result decides; one that is not clear hides an older one."""
    result = next(iter(chart.labs.get(concept, ())), None)
    if result is None:
        return SerologyTest(name, "not tested")
    return SerologyTest(name, "negative" if result.result == "negative" and not result.doubt else "unclear", result)
