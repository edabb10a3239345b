"""The words a vignette may use, and what each becomes in FHIR (codes: specification A1 to A3).

A word that is not here is written as free text (``text``, ``product`` or ``test`` in the vignette).
"""

from typing import NamedTuple

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
UCUM = "http://unitsofmeasure.org"
IMACS_SCORE = "urn:imacs:score"
OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


class Code(NamedTuple):
    """A coding and the text a clinician would see beside it."""

    system: str
    code: str
    display: str


class Drug(NamedTuple):
    """A drug as it is usually recorded: product or ingredient, and its route in words."""

    code: Code
    text: str
    route: str


class Result(NamedTuple):
    """An observation: its code (None: text only) and its category."""

    code: Code | None
    text: str
    category: str


CONDITIONS: dict[str, Code] = {
    "necrotizing myopathy": Code(SNOMED, "715863001", "Autoimmune necrotizing myopathy (disorder)"),
    "polymyositis": Code(SNOMED, "31384009", "Polymyositis (disorder)"),
    "myositis": Code(SNOMED, "26889001", "Myositis"),
    "dermatomyositis": Code(SNOMED, "396230008", "Dermatomyositis"),
    "other inflammatory myopathy": Code(
        ICD10CM, "G72.49", "Other inflammatory and immune myopathies, not elsewhere classified"
    ),
    "drug-induced myopathy": Code(ICD10CM, "G72.0", "Drug-induced myopathy"),
    "inclusion body myositis": Code(ICD10CM, "G72.41", "Inclusion body myositis [IBM]"),
    "dysphagia": Code(SNOMED, "40739000", "Dysphagia"),
    "pregnancy": Code(SNOMED, "77386006", "Pregnancy (finding)"),
    "ectopic pregnancy": Code(SNOMED, "34801009", "Ectopic pregnancy (disorder)"),
    "hysterectomy": Code(ICD10CM, "Z90.710", "Acquired absence of both cervix and uterus"),
    "pulmonary embolism": Code(ICD10CM, "I26.99", "Other pulmonary embolism without acute cor pulmonale"),
    "IgA deficiency": Code(SNOMED, "29260007", "Selective IgA deficiency"),
    "palliative care": Code(ICD10CM, "Z51.5", "Encounter for palliative care"),
    "lymphoma": Code(ICD10CM, "C85.90", "Non-Hodgkin lymphoma, unspecified, unspecified site"),
    "urinary tract infection": Code(ICD10CM, "N39.0", "Urinary tract infection, site not specified"),
    "retention of urine": Code(ICD10CM, "R33.9", "Retention of urine, unspecified"),
    "dialysis": Code(ICD10CM, "Z99.2", "Dependence on renal dialysis"),
    "pneumonia": Code(ICD10CM, "J18.9", "Pneumonia, unspecified organism"),
    "pneumocystosis": Code(SNOMED, "415125002", "Pneumocystosis"),
    "G6PD deficiency": Code(ICD10CM, "D75.A", "Glucose-6-phosphate dehydrogenase (G6PD) deficiency without anemia"),
    "sulfonamide allergy status": Code(ICD10CM, "Z88.2", "Allergy status to sulfonamides"),
}

DRUGS: dict[str, Drug] = {
    "ivig": Drug(Code(RXNORM, "1809421", "100 ML immunoglobulin G, human 100 MG/ML Injection"), "IVIG", "intravenous"),
    "rituximab": Drug(Code(RXNORM, "1657862", "10 ML rituximab 10 MG/ML Injection"), "rituximab", "intravenous"),
    "methotrexate": Drug(Code(RXNORM, "6851", "methotrexate"), "methotrexate", "oral"),
    "cyclophosphamide": Drug(
        Code(RXNORM, "1734919", "cyclophosphamide 1000 MG Injection"), "cyclophosphamide", "intravenous"
    ),
    "mycophenolate": Drug(Code(RXNORM, "68149", "mycophenolate mofetil"), "mycophenolate mofetil", "oral"),
    "azathioprine": Drug(Code(RXNORM, "1256", "azathioprine"), "azathioprine", "oral"),
    "tacrolimus": Drug(Code(RXNORM, "42316", "tacrolimus"), "tacrolimus", "oral"),
    "prednisone": Drug(Code(RXNORM, "8640", "prednisone"), "prednisone", "oral"),
    "methylprednisolone": Drug(
        Code(RXNORM, "1743720", "Methylprednisolone 500 MG Injection"), "methylprednisolone", "intravenous"
    ),
    "hydrocortisone": Drug(Code(RXNORM, "5492", "hydrocortisone"), "hydrocortisone", "oral"),
    "folic acid": Drug(Code(RXNORM, "4511", "folic acid"), "folic acid", "oral"),
    "atorvastatin": Drug(Code(RXNORM, "83367", "atorvastatin"), "atorvastatin", "oral"),
    "trimethoprim-sulfamethoxazole": Drug(
        Code(RXNORM, "198335", "sulfamethoxazole 800 MG / trimethoprim 160 MG Oral Tablet"),
        "trimethoprim-sulfamethoxazole",
        "oral",
    ),
    "atovaquone": Drug(Code(RXNORM, "60458", "atovaquone"), "atovaquone", "oral"),
    "dapsone": Drug(Code(RXNORM, "3108", "dapsone"), "dapsone", "oral"),
    "pentamidine": Drug(Code(RXNORM, "7994", "pentamidine"), "pentamidine", "inhalation"),
}

RESULTS: dict[str, Result] = {
    "CK": Result(
        Code(LOINC, "2157-6", "Creatine kinase [Enzymatic activity/volume] in Serum or Plasma"),
        "Creatine kinase",
        "laboratory",
    ),
    "CK-MB": Result(
        Code(LOINC, "13969-1", "Creatine kinase.MB [Mass/volume] in Serum or Plasma"), "CK-MB", "laboratory"
    ),
    "anti-HMGCR": Result(Code(LOINC, "93493-5", "HMGCR Antibody, IgG"), "Anti-HMGCR IgG", "laboratory"),
    "anti-SRP": Result(Code(LOINC, "33921-8", "Signal Recognition Particle (SRP) Ab"), "Anti-SRP", "laboratory"),
    "white cells": Result(
        Code(LOINC, "6690-2", "Leukocytes [#/volume] in Blood by Automated count"), "WBC", "laboratory"
    ),
    "neutrophils": Result(
        Code(LOINC, "751-8", "Neutrophils [#/volume] in Blood by Automated count"), "ANC", "laboratory"
    ),
    "lymphocytes": Result(
        Code(LOINC, "731-0", "Lymphocytes [#/volume] in Blood by Automated count"), "Lymphocytes", "laboratory"
    ),
    "platelets": Result(
        Code(LOINC, "777-3", "Platelets [#/volume] in Blood by Automated count"), "Platelets", "laboratory"
    ),
    "haemoglobin": Result(Code(LOINC, "718-7", "Hemoglobin [Mass/volume] in Blood"), "Haemoglobin", "laboratory"),
    "creatinine": Result(
        Code(LOINC, "14682-9", "Creatinine [Moles/volume] in Serum or Plasma"), "Creatinine", "laboratory"
    ),
    "eGFR": Result(Code(LOINC, "98979-8", "GFR/1.73 sq M.predicted (CKD-EPI 2021)"), "eGFR", "laboratory"),
    "AST": Result(Code(LOINC, "1920-8", "Aspartate aminotransferase in Serum or Plasma"), "AST", "laboratory"),
    "ALT": Result(Code(LOINC, "1742-6", "Alanine aminotransferase in Serum or Plasma"), "ALT", "laboratory"),
    "hCG": Result(Code(LOINC, "2118-8", "Choriogonadotropin"), "hCG, serum", "laboratory"),
    "HBsAg": Result(Code(LOINC, "5195-3", "Hepatitis B virus surface Ag [Presence] in Serum"), "HBsAg", "laboratory"),
    "anti-HBc": Result(
        Code(LOINC, "13952-7", "Hepatitis B virus core Ab [Presence] in Serum or Plasma by Immunoassay"),
        "Anti-HBc total",
        "laboratory",
    ),
    "IgG": Result(Code(LOINC, "2465-3", "IgG [Mass/volume] in Serum or Plasma"), "IgG", "laboratory"),
    "G6PD": Result(
        Code(LOINC, "32546-4", "Glucose-6-Phosphate dehydrogenase [Enzymatic activity/mass] in Red Blood Cells"),
        "G6PD",
        "laboratory",
    ),
    "urine red cells": Result(
        Code(LOINC, "13945-1", "Erythrocytes [#/area] in Urine sediment"), "Urine RBC", "laboratory"
    ),
    "urine blood on test strip": Result(
        Code(LOINC, "5794-3", "Hemoglobin [Presence] in Urine by Test strip"), "Urine dipstick blood", "laboratory"
    ),
    "weight": Result(Code(LOINC, "29463-7", "Body weight"), "Body weight", "vital-signs"),
    "height": Result(Code(LOINC, "8302-2", "Body height"), "Body height", "vital-signs"),
    "MMT-8": Result(None, "MMT-8", "exam"),
}

# MMT-8 by the scale it is written with; without a scale it is text only, as many charts have it.
MMT8_SCALES: dict[str, Code] = {
    "150": Code(IMACS_SCORE, "mmt8-total-150", "MMT-8 total score, 0 to 150"),
    "80": Code(IMACS_SCORE, "mmt8-total-80", "MMT-8 total score, 0 to 80"),
    "%": Code(IMACS_SCORE, "mmt8-percent", "MMT-8 total score, percent of maximum"),
}

PROCEDURES: dict[str, Code] = {"plasma exchange": Code(SNOMED, "20720000", "Plasmapheresis")}

QUALITATIVE: dict[str, Code] = {
    "positive": Code(SNOMED, "10828004", "Positive (qualifier value)"),
    "negative": Code(SNOMED, "260385009", "Negative (qualifier value)"),
}

# As written by a clinician: as UCUM has it. Other units are sent as text without a code.
UNITS: dict[str, str] = {
    "U/L": "U/L",
    "µkat/L": "ukat/L",
    "umol/L": "umol/L",
    "µmol/L": "umol/L",
    "mg/dL": "mg/dL",
    "g/L": "g/L",
    "g/dL": "g/dL",
    "10*9/L": "10*9/L",
    "ng/mL": "ng/mL",
    "kg": "kg",
    "cm": "cm",
    "%": "%",
    "/HPF": "/[HPF]",
    "mL/min/1.73m2": "mL/min/{1.73_m2}",
    "g": "g",
    "mg": "mg",
    "ug": "ug",
    "g/kg": "g/kg",
    "mg/kg": "mg/kg",
    "mg/m2": "mg/m2",
    "tablet": "{tbl}",
}

# Specification N. A card name that is not here is a typing error.
CARD_NAMES: frozenset[str] = frozenset(
    {
        # escalation, urgency, plasma exchange, antibody
        "ConfirmDiagnosis",
        "TrialAdequacy",
        "ActivityDataNeeded",
        "EscalateToCyclophosphamide",
        "HighCkFullStrength",
        "LikelyMuscleDamage",
        "RituximabWithCyclophosphamide",
        "AfterCyclophosphamideFailure",
        "PaediatricPatient",
        "RapidProgression",
        "PlasmaExchangeTiming",
        "AntiHmgcrTailoring",
        "AntiSrpTailoring",
        "SeronegativeTailoring",
        "AntibodyTestingNeeded",
        # statin, monitoring, trajectory, PJP
        "StatinExposure",
        "StatinPendingAntibody",
        "StatinIntoleranceRecord",
        "MonitoringOverdue",
        "PrematureTaper",
        "Relapse",
        "PjpProphylaxis",
        "PjpProphylaxisReview",
        # safety
        "CyclophosphamideDose",
        "CyclophosphamideBloodCount",
        "CyclophosphamideBladder",
        "CyclophosphamideCumulativeDose",
        "TeratogenInPregnancy",
        "FertilityAndContraception",
        "ActiveInfection",
        "HepatitisBScreening",
        "LowImmunoglobulinG",
        "MycophenolateSafety",
        "IvigSafety",
        "IvigDose",
        "MethotrexateDaily",
        "MethotrexateWithTmpSmx",
        "MethotrexateRenalFunction",
        "MethotrexateFolate",
        "MethotrexateWithCyclophosphamide",
        "CancerScreening",
        # data quality
        "DataQuality",
    }
)
