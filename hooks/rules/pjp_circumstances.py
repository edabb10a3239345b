"""What decides between the regimens of Pneumocystis prophylaxis, taken from the assessment (B3, B9)."""

from hooks.assessment import Assessment
from hooks.assessment.immunosuppression import active_courses
from hooks.assessment.labs import ever, fresh
from hooks.assessment.use import use_of
from hooks.chart.facts import Allergy, Diagnosis, DrugCourse, LabResult
from hooks.reasoning import Truth
from hooks.rules.base import MEDICATION_SOURCES, md, on
from hooks.suggestions.pjp_choice import Circumstances

SULFONAMIDES = frozenset({"sulfonamide-antibiotic", "tmp-smx"})
INTERACTING = ("ace-inhibitor", "tacrolimus", "ciclosporin")
"""Of the interactions of TMP-SMX (B3) those whose drugs have a value set."""
REGIMENS = ("tmp-smx", "atovaquone", "dapsone", "pentamidine")


def circumstances(a: Assessment) -> Circumstances:
    """The facts; text from the record is made inert."""
    allergy = _sulfonamide_allergy(a)
    condition = _condition(a, "sulfonamide-allergy", current=False)
    methotrexate = use_of(a, "methotrexate").courses  # planned ones too: they will be taken beside the prophylaxis
    weekly = [step.mg_per_day_high for course in methotrexate for step in course.steps]
    known = [mg * 7 for mg in weekly if mg is not None]
    rifamycins = _now(a, "rifamycin")
    deficient, g6pd = _g6pd(a)
    return Circumstances(
        allergies_checked=not a.unchecked("allergies"),
        drugs_checked=not a.unchecked(*MEDICATION_SOURCES),
        sulfonamide=md(allergy.text) if allergy else _words(condition),
        sulfonamide_severe=bool(allergy and (allergy.severe or allergy.scar)),
        refused={drug: reason for drug in REGIMENS if (reason := _refused(a, drug))},
        egfr=_fresh(a, "egfr"),
        creatinine=_fresh(a, "creatinine"),
        creatinine_limit=a.knowledge.thresholds.cyclophosphamide.creatinine_split,
        end_stage=_words(_condition(a, "dialysis")),
        severe_ckd=_words(_condition(a, "ckd-severe")),
        potassium=_fresh(a, "potassium"),
        hemoglobin=_fresh(a, "hemoglobin"),
        wbc=_fresh(a, "wbc"),
        platelets=_fresh(a, "platelets"),
        mcv=_fresh(a, "mcv"),
        g6pd_deficient=deficient,
        g6pd=g6pd,
        pregnant=md(a.person.pregnant_because),
        rifamycin=md(rifamycins[0].text) if rifamycins else "",
        interacting=tuple(md(course.text) for drug in INTERACTING for course in _now(a, drug)[:1]),
        methotrexate=bool(methotrexate),
        methotrexate_weekly=max(known) if known and len(known) == len(weekly) else None,
        methotrexate_doubtful=_doubtful_methotrexate(a),
        folate=bool(_now(a, "folate")),
        liver=_words(_condition(a, "hepatitis-b")),
        age=a.person.oldest,
    )


def _now(a: Assessment, drug: str) -> tuple[DrugCourse, ...]:
    """What is taken today, or is being ordered."""
    drafts = (course for course in a.chart.courses_of(drug) if course.status == "draft")
    return (*active_courses(a.chart, drug, a.today), *drafts)


def _doubtful_methotrexate(a: Assessment) -> str:
    """Methotrexate whose status is unknown, begun and not known to have ended."""
    for course in a.chart.courses:
        ended = course.end is not None and course.end.latest < a.today
        if course.drug == "methotrexate" and course.status == "unknown" and not (ended or course.superseded):
            return f"{md(course.text)} (status unknown, {on(course.start)})"
    return ""


def _fresh(a: Assessment, concept: str) -> LabResult | None:
    return fresh(a.chart, concept, a.knowledge.thresholds.reading.lab_fresh_days, a.today)


def _condition(a: Assessment, concept: str, *, current: bool = True) -> Diagnosis | None:
    """A condition on the list; `current` False: of any clinical status (allergies and enzymes do not change)."""
    return next((d for d in a.chart.diagnoses if concept in d.concepts and (d.current or not current)), None)


def _words(diagnosis: Diagnosis | None) -> str:
    return md(diagnosis.text) if diagnosis else ""


def _sulfonamide_allergy(a: Assessment) -> Allergy | None:
    """The most severe one."""
    found = [allergy for allergy in a.chart.allergies if allergy.concepts & SULFONAMIDES]
    return max(found, key=lambda allergy: (allergy.scar, allergy.severe), default=None)


def _refused(a: Assessment, drug: str) -> str:
    """Why a drug is not to be suggested again (B9: a drug with an intolerance on record is dropped)."""
    allergy = next((allergy for allergy in a.chart.allergies if drug in allergy.concepts), None)
    if allergy:
        return f"allergy or intolerance on record: {md(allergy.text)}"
    course = next((c for c in a.chart.courses if c.drug == drug and c.intolerance), None)
    return f"not tolerated before: {md(course.intolerance)}" if course else ""


def _g6pd(a: Assessment) -> tuple[Truth, str]:
    """Deficient or not, with its words; a deficiency ever found stays one."""
    condition = _condition(a, "g6pd-deficiency", current=False)
    if condition:
        return True, f"G6PD deficiency on record: {md(condition.text)}"
    low = ever(a.chart, "g6pd", "positive")
    if low:
        return True, f"G6PD deficient ({low.when or 'undated'})"
    normal = next((r for r in a.chart.labs.get("g6pd", ()) if r.result == "negative" and not r.doubt), None)
    return (False, f"G6PD normal ({normal.when or 'undated'})") if normal else (None, "")
