"""All rules, in the order of evaluation (B7). To find a rule, look for the module of its name."""

from hooks.rules import (
    active_infection,
    activity_data_needed,
    after_cyclophosphamide_failure,
    antibody_testing_needed,
    cancer_screening,
    confirm_diagnosis,
    cyclophosphamide_bladder,
    cyclophosphamide_blood_count,
    cyclophosphamide_cumulative_dose,
    cyclophosphamide_dose,
    escalate_to_cyclophosphamide,
    fertility_and_contraception,
    hepatitis_b_screening,
    high_ck_full_strength,
    ivig_dose,
    ivig_safety,
    likely_muscle_damage,
    low_immunoglobulin_g,
    methotrexate_daily,
    methotrexate_folate,
    methotrexate_renal_function,
    methotrexate_with_cyclophosphamide,
    methotrexate_with_tmp_smx,
    monitoring_overdue,
    mycophenolate_safety,
    paediatric_patient,
    pjp_prophylaxis,
    pjp_prophylaxis_review,
    plasma_exchange_timing,
    premature_taper,
    rapid_progression,
    relapse,
    rituximab_with_cyclophosphamide,
    statin_exposure,
    statin_intolerance_record,
    statin_pending_antibody,
    tailoring,
    teratogen_in_pregnancy,
    trial_adequacy,
)
from hooks.rules.base import Rule

RULES: tuple[Rule, ...] = (
    statin_exposure.RULE,
    cyclophosphamide_blood_count.RULE,
    teratogen_in_pregnancy.RULE,
    cyclophosphamide_bladder.RULE,
    cyclophosphamide_cumulative_dose.RULE,
    active_infection.RULE,
    hepatitis_b_screening.RULE,
    methotrexate_daily.RULE,
    methotrexate_with_tmp_smx.RULE,
    methotrexate_renal_function.RULE,
    confirm_diagnosis.RULE,
    paediatric_patient.RULE,
    after_cyclophosphamide_failure.RULE,
    rituximab_with_cyclophosphamide.RULE,
    trial_adequacy.RULE,
    escalate_to_cyclophosphamide.RULE,
    cyclophosphamide_dose.RULE,
    activity_data_needed.RULE,
    high_ck_full_strength.RULE,
    likely_muscle_damage.RULE,
    tailoring.ANTI_HMGCR,
    tailoring.ANTI_SRP,
    tailoring.SERONEGATIVE,
    rapid_progression.RULE,
    plasma_exchange_timing.RULE,
    statin_pending_antibody.RULE,
    statin_intolerance_record.RULE,
    pjp_prophylaxis.RULE,
    pjp_prophylaxis_review.RULE,
    relapse.RULE,
    premature_taper.RULE,
    monitoring_overdue.RULE,
    antibody_testing_needed.RULE,
    methotrexate_with_cyclophosphamide.RULE,
    methotrexate_folate.RULE,
    low_immunoglobulin_g.RULE,
    fertility_and_contraception.RULE,
    mycophenolate_safety.RULE,
    ivig_safety.RULE,
    ivig_dose.RULE,
    cancer_screening.RULE,
)
"""Every rule but DataQuality, which looks at what the others say (hooks.data_quality)."""

_ESCALATIONS = ("EscalateToCyclophosphamide", "AfterCyclophosphamideFailure", "TrialAdequacy")

SUPPRESSED_BY: dict[str, tuple[str, ...]] = {
    "RapidProgression": ("AfterCyclophosphamideFailure",),
    "Relapse": ("EscalateToCyclophosphamide", "AfterCyclophosphamideFailure", "RapidProgression"),
    "PrematureTaper": ("EscalateToCyclophosphamide", "AfterCyclophosphamideFailure", "RapidProgression"),
    "HighCkFullStrength": ("Relapse",),
    "MonitoringOverdue": ("ActivityDataNeeded",),
}
"""B1 "Suppression": a rule gives no card while one of these fires."""

FINDING_KEPT = frozenset({"RapidProgression", "Relapse", "PrematureTaper"})
"""Suppressed rules whose finding becomes a line of the card that suppresses them (B1)."""

PART_OF: dict[str, tuple[str, ...]] = {
    "AntiHmgcrTailoring": _ESCALATIONS,
    "AntiSrpTailoring": (
        "EscalateToCyclophosphamide",
        "AfterCyclophosphamideFailure",
        "RituximabWithCyclophosphamide",
    ),
    "SeronegativeTailoring": _ESCALATIONS,
}
"""Rules whose text is always part of one of these cards (section N), and never a card of its own."""
