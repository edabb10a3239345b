"""Is it immune-mediated necrotizing myopathy? The gate IMNM_STATUS of B0 and B9, and what speaks against it."""

from typing import Literal

import msgspec

from hooks.assessment.antibodies import Antibodies
from hooks.chart.facts import Chart, Diagnosis

ImnmStatus = Literal["DEFINITE", "PROBABLE", "POSSIBLE", "NONE"]
EITHER_ANTIBODY = frozenset({"immune-myopathy-nec", "polymyositis"})
HMGCR_ONLY = frozenset({"drug-induced-myopathy"})
POSSIBLE = EITHER_ANTIBODY | HMGCR_ONLY | {"other-myositis"}
UNSURE = frozenset({"provisional", "differential"})
"""Verification statuses that make any diagnosis no more than possible."""
MIMICS = frozenset({"inclusion-body-myositis", "muscular-dystrophy"})


class ImnmDiagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """The diagnosis as the rules need it.

    `status` from current Conditions; `historical`: IMNM was diagnosed but is in remission, inactive or
    resolved.
    `conflict`: a mimic that is current beside it, or a dermatomyositis beside an IMNM that is only probable.
    """

    status: ImnmStatus
    condition: Diagnosis | None = None
    historical: bool = False
    conflict: Diagnosis | None = None

    @property
    def established(self) -> bool:
        return self.status in ("DEFINITE", "PROBABLE")


def assess_diagnosis(chart: Chart, antibodies: Antibodies) -> ImnmDiagnosis:
    """IMNM_STATUS. PROBABLE goes by concept: see B9 "Diagnosis"."""
    current = [d for d in chart.diagnoses if d.current]
    sure = [d for d in current if d.verification not in UNSURE]
    mimic = next((d for d in current if d.concepts & MIMICS), None)
    definite = next((d for d in sure if "imnm" in d.concepts), None)
    if definite:
        return ImnmDiagnosis(status="DEFINITE", condition=definite, conflict=mimic)
    hmgcr = antibodies.hmgcr.state == "POSITIVE"
    either = hmgcr or antibodies.srp.state == "POSITIVE"

    def backed(d: Diagnosis) -> bool:
        """Whether an antibody makes this diagnosis a probable one."""
        return bool((either and d.concepts & EITHER_ANTIBODY) or (hmgcr and d.concepts & HMGCR_ONLY))

    probable = next(filter(backed, sure), None)
    if probable:
        overlap = next((d for d in current if "dermatomyositis" in d.concepts), None)
        return ImnmDiagnosis(status="PROBABLE", condition=probable, conflict=mimic or overlap)
    past = next((d for d in chart.diagnoses if not d.current and ("imnm" in d.concepts or backed(d))), None)
    possible = next((d for d in current if d.concepts & (POSSIBLE | {"imnm"})), None)
    if possible:
        return ImnmDiagnosis(status="POSSIBLE", condition=possible, historical=past is not None, conflict=mimic)
    return ImnmDiagnosis(status="NONE", condition=past, historical=past is not None)
