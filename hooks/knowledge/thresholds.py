"""The shape of `thresholds.yaml`: every number that a rule compares with, in one place (B8).

Each entry has a value, a unit, a mark (V seen in a source, v2 secondary source, M not verified, ENG engineering
default, SITE changed by the site's overlay), the citation or specification section it comes from, and a review-by date.
"""

from datetime import date
from typing import Literal

import msgspec

Mark = Literal["V", "v2", "M", "ENG", "SITE"]
MARKS: dict[Mark, str] = {
    "V": "seen in a named source",
    "v2": "seen in a secondary source",
    "M": "not verified against a source",
    "ENG": "engineering default, no published threshold",
    "SITE": "set by this site",
}


class Threshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One number with its standing. `source`: specification sections (`B0`) and citations (`E12`), comma separated."""

    value: float
    unit: str
    mark: Mark
    source: str
    review_by: date
    note: str = ""

    def __str__(self) -> str:
        return f"{self.value:g} {self.unit if self.unit != '1' else ''}".strip()


class _Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class CreatineKinase(_Group, frozen=True):
    uln_default: Threshold  # U/L
    active_x_uln: Threshold
    damage_x_uln: Threshold  # 1.0
    damage_gap_days: Threshold  # 28
    fresh_days: Threshold
    ukat_to_u: Threshold
    confirm_x_uln: Threshold  # R0: 10
    stable_x_uln: Threshold  # R7: 2
    unitless_u_low: Threshold  # 100
    unitless_u_high: Threshold  # 500
    unitless_ukat_low: Threshold  # 1.5
    unitless_ukat_high: Threshold  # 6


class Strength(_Group, frozen=True):
    weak_fraction: Threshold
    full_fraction: Threshold
    fresh_days: Threshold
    loss_fraction_worse: Threshold
    relative_loss_worse: Threshold  # 0.20
    worse_window_days: Threshold  # 365
    rapid_days: Threshold  # 60


class Baseline(_Group, frozen=True):
    before_days: Threshold
    after_days: Threshold
    fallback_days: Threshold


class Response(_Group, frozen=True):
    """Partial total improvement score (B0): upper bounds of the classes in % and their points."""

    minimal: Threshold
    moderate: Threshold
    major: Threshold
    ck_range_x_uln: Threshold
    mmt_pct_1: Threshold  # 2
    mmt_pct_2: Threshold  # 10
    mmt_pct_3: Threshold  # 20
    mmt_pct_4: Threshold  # 30
    mmt_points_1: Threshold  # 0
    mmt_points_2: Threshold  # 10
    mmt_points_3: Threshold  # 20
    mmt_points_4: Threshold  # 27.5
    mmt_points_5: Threshold  # 32.5
    enzyme_pct_1: Threshold  # 5
    enzyme_pct_2: Threshold  # 15
    enzyme_pct_3: Threshold  # 25
    enzyme_pct_4: Threshold  # 40
    enzyme_points_1: Threshold  # 0
    enzyme_points_2: Threshold  # 2.5
    enzyme_points_3: Threshold  # 5
    enzyme_points_4: Threshold  # 7.5
    enzyme_points_5: Threshold  # 7.5


class Ivig(_Group, frozen=True):
    g_per_kg: Threshold
    tolerance: Threshold
    max_days: Threshold
    courses: Threshold
    gap_days_min: Threshold
    gap_days_max: Threshold
    alt_g_per_kg: Threshold
    alt_weeks: Threshold  # 12
    min_weeks: Threshold
    on_track_weeks: Threshold  # 12
    active_days: Threshold  # 42
    trial_gap_days: Threshold  # 84 ENG: a longer pause starts a new trial
    retried_g_per_kg: Threshold  # 1.8 (B9 R4-FAIL already tried)
    antibody_flag_days: Threshold  # 90: antibody test soon after IVIG/PLEX (B0)


class IvigSafety(_Group, frozen=True):
    max_g_per_kg: Threshold  # 2.2
    window_days: Threshold  # 28
    thrombosis_months: Threshold  # 12
    egfr: Threshold  # 60


class Rituximab(_Group, frozen=True):
    fixed_mg: Threshold
    fixed_n: Threshold
    gap_days_min: Threshold
    gap_days_max: Threshold
    mg_m2: Threshold
    weekly_n: Threshold
    weekly_gap_days_min: Threshold
    weekly_gap_days_max: Threshold
    tolerance: Threshold
    alt_mg: Threshold
    alt_days: Threshold  # 35
    min_weeks: Threshold
    worse_weeks: Threshold  # 12: from here on WORSE ends the waiting
    on_track_days: Threshold  # 35
    recent_days: Threshold  # 183
    redose_months: Threshold  # 6 (R3)
    hbv_passive_weeks: Threshold  # 12 (S5)
    igg_after_ivig_days: Threshold  # 28 (S6)


class Methotrexate(_Group, frozen=True):
    min_mg_week: Threshold
    max_mg_week: Threshold
    hard_max_mg_week: Threshold
    split_doses: Threshold  # 3 ENG
    min_weeks: Threshold
    bridge_days: Threshold  # 14 ENG
    egfr_stop: Threshold  # 30 (S9)
    egfr_low: Threshold  # 60 (S9)
    ending_days: Threshold  # 7 (S9)


class Cyclophosphamide(_Group, frozen=True):
    dose_lt60: Threshold
    dose_lt60_renal: Threshold
    dose_60to70: Threshold
    dose_60to70_renal: Threshold
    dose_gt70: Threshold
    dose_gt70_renal: Threshold
    age_low: Threshold  # 60
    age_high: Threshold  # 70
    creatinine_split: Threshold  # 300
    creatinine_stop: Threshold  # 500
    egfr_reduce: Threshold  # 30
    cap_mg: Threshold
    round_mg: Threshold
    bmi_max: Threshold  # 30
    min_pulses: Threshold  # 4
    pulse_mg_kg: Threshold  # 10
    oral_mg_kg_day_min: Threshold  # 1
    oral_mg_kg_day_max: Threshold  # 2
    min_weeks: Threshold  # 12
    active_days: Threshold  # 35
    trial_gap_days: Threshold  # 84 ENG
    wbc_hold: Threshold
    anc_hold: Threshold
    platelets_hold: Threshold
    anc_stop: Threshold  # 1.5 (S1)
    platelets_stop: Threshold  # 50 (S1)
    cumulative_note_g: Threshold  # 10 (S4)
    cumulative_stop_g: Threshold  # 25
    cumulative_cancer_g: Threshold  # 36 (S4)
    excess_warning: Threshold  # 0.10 (R2-DOSE)
    excess_critical: Threshold  # 0.25 (R2-DOSE)
    igg_low: Threshold  # 4 g/L
    combo_weeks_min: Threshold  # 6 (R3)
    combo_weeks_max: Threshold  # 12 (R3)


class Gates(_Group, frozen=True):
    weight_days: Threshold
    creatinine_days: Threshold
    cbc_days: Threshold
    hcg_days: Threshold
    urine_days: Threshold
    hepatitis_days: Threshold
    infection_days: Threshold  # 60
    fertile_age_min: Threshold  # 12
    fertile_age_max: Threshold  # 55


class Pjp(_Group, frozen=True):
    gc_mg: Threshold
    gc_days: Threshold
    gc_mid_mg: Threshold
    gc_mid_days: Threshold
    lymphocytes: Threshold
    rtx_gc_mg: Threshold
    pulse_mg: Threshold
    pulse_days: Threshold
    cyc_days: Threshold
    rtx_days: Threshold
    n_is: Threshold  # 2
    bridge_days: Threshold  # 3
    pentamidine_days: Threshold  # 35
    treatment_days: Threshold  # 14: a BID course of at most this is treatment
    stop_gc_mg: Threshold  # 15
    stop_after_months: Threshold  # 3 months on prophylaxis / after CYC
    crcl_stop: Threshold  # 15
    crcl_half: Threshold  # 30
    potassium: Threshold  # 5.5
    dapsone_hb: Threshold  # 10
    prefer_atovaquone_egfr: Threshold  # 45
    prefer_atovaquone_age: Threshold  # 75
    prefer_atovaquone_wbc: Threshold  # 4
    prefer_atovaquone_platelets: Threshold  # 150
    prefer_atovaquone_mtx: Threshold  # 20 mg/wk


class Monitoring(_Group, frozen=True):
    ck_days_active: Threshold
    ck_days_stable: Threshold
    mmt_days: Threshold


class Trajectory(_Group, frozen=True):
    relapse_x_uln: Threshold
    relapse_x_nadir: Threshold
    relapse_rise: Threshold
    relapse_single_x_nadir: Threshold
    nadir_days: Threshold  # 365
    taper_fraction: Threshold  # 0.20
    taper_days: Threshold  # 90
    plex_recent_days: Threshold  # 60 (R4-RAPID)


class PlasmaExchange(_Group, frozen=True):
    session_days: Threshold  # 7
    after_infusion_hours: Threshold  # 72


class Cancer(_Group, frozen=True):
    onset_years: Threshold  # 3


class Finding(_Group, frozen=True):
    """Who is looked at without a diagnosis (`hooks/finding.py`)."""

    ck_x_uln: Threshold  # 10 ENG
    ck_gap_days: Threshold  # 28 ENG


class Reading(_Group, frozen=True):
    """How FHIR is read (A4, A5)."""

    lab_fresh_days: Threshold  # 90
    dose_weight_days: Threshold  # 180
    dose_weight_fallback_days: Threshold  # 365 ENG: BASE of C needs it
    same_course_days: Threshold  # 3
    administration_gap_days: Threshold  # 5
    total_days: Threshold  # 7: an infusion period up to this is one course
    renewal_gap_days: Threshold  # 100 ENG
    pregnancy_days: Threshold  # 300
    hcg_positive_days: Threshold  # 60
    adult_age: Threshold  # 18


class Glucocorticoid(_Group, frozen=True):
    """Prednisone equivalents, mg per mg (A4)."""

    prednisone: Threshold
    prednisolone: Threshold
    methylprednisolone: Threshold
    dexamethasone: Threshold
    betamethasone: Threshold
    hydrocortisone: Threshold
    cortisone: Threshold
    triamcinolone: Threshold
    deflazacort: Threshold


class BodySize(_Group, frozen=True):
    """Ideal weight after Devine and the adjustment for obesity (B9)."""

    devine_male_kg: Threshold  # 50 at 60 inches
    devine_female_kg: Threshold  # 45.5 at 60 inches
    devine_kg_per_inch: Threshold  # 2.3
    adjust_fraction: Threshold  # 0.4
    obese_bmi: Threshold  # 30
    weight_min_kg: Threshold  # 1 ENG
    weight_max_kg: Threshold  # 700 ENG
    height_min_cm: Threshold  # 20 ENG
    height_max_cm: Threshold  # 300 ENG


class Thresholds(_Group, frozen=True):
    ck: CreatineKinase
    strength: Strength
    baseline: Baseline
    response: Response
    ivig: Ivig
    ivig_safety: IvigSafety
    rituximab: Rituximab
    methotrexate: Methotrexate
    cyclophosphamide: Cyclophosphamide
    gates: Gates
    pjp: Pjp
    monitoring: Monitoring
    trajectory: Trajectory
    plasma_exchange: PlasmaExchange
    cancer: Cancer
    finding: Finding
    reading: Reading
    glucocorticoid: Glucocorticoid
    body: BodySize
