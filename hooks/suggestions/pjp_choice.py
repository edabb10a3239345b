"""Which regimen of Pneumocystis prophylaxis fits: a pure function of what is known (B3, B9 "PJP regimen")."""

import msgspec

from hooks.assessment.labs import at_least, below, readable, shown
from hooks.chart.facts import LabResult
from hooks.knowledge.regimens import Regimen, Regimens
from hooks.knowledge.thresholds import Pjp, Threshold
from hooks.reasoning import Truth, any_true


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What decides between the regimens.

    Texts are empty when there is nothing to say; laboratory results are fresh, or None. `refused`: by drug, the allergy
    or intolerance that is on record. `methotrexate_weekly`: mg, None when unknown. `methotrexate_doubtful`: a course of
    which nobody says whether it goes on. `creatinine_limit`: above it TMP-SMX is not given while the eGFR is unknown.
    """

    allergies_checked: bool = True
    drugs_checked: bool = True
    sulfonamide: str = ""
    sulfonamide_severe: bool = False
    refused: dict[str, str] = {}
    egfr: LabResult | None = None
    creatinine: LabResult | None = None
    creatinine_limit: Threshold | None = None
    end_stage: str = ""
    severe_ckd: str = ""
    potassium: LabResult | None = None
    hemoglobin: LabResult | None = None
    wbc: LabResult | None = None
    platelets: LabResult | None = None
    mcv: LabResult | None = None
    g6pd_deficient: Truth = None
    g6pd: str = ""
    pregnant: str = ""
    rifamycin: str = ""
    interacting: tuple[str, ...] = ()
    """Drugs, active or being ordered, to watch beside TMP-SMX."""
    methotrexate: bool = False
    methotrexate_weekly: float | None = None
    methotrexate_doubtful: str = ""
    folate: bool = False
    liver: str = ""
    age: int | None = None


class Blocker(msgspec.Struct, frozen=True):
    """A reason against a regimen.

    `because` says what was found, or what is not known; `unknown_bars`: not knowing is enough.
    """

    name: str
    truth: Truth
    because: str
    unknown_bars: bool = False

    @property
    def bars(self) -> bool:
        return self.truth is True or (self.truth is None and self.unknown_bars)


class Option(msgspec.Struct, frozen=True):
    """A regimen with everything that was asked about it."""

    regimen: Regimen
    blockers: tuple[Blocker, ...]
    reduced: bool = False

    @property
    def against(self) -> tuple[Blocker, ...]:
        return tuple(blocker for blocker in self.blockers if blocker.bars)

    @property
    def fits(self) -> bool:
        return not self.against

    @property
    def unknown(self) -> tuple[Blocker, ...]:
        """What is not known and does not bar it: to be checked by the reader."""
        return tuple(b for b in self.blockers if b.truth is None and not b.unknown_bars)

    def barred_only_by(self, name: str) -> bool:
        return [blocker.name for blocker in self.against] == [name]


METHOTREXATE = "methotrexate"
G6PD = "G6PD"
REFUSED = "not tolerated"


def select(known: Circumstances, regimens: Regimens, t: Pjp) -> tuple[Option, ...]:
    """All regimens in the order of choice; the first that `fits` is the one to suggest."""
    special = {
        "tmp-smx": _tmp_smx(known, t),
        "atovaquone": (_rifamycin(known),),
        "dapsone": _dapsone(known, t),
    }
    return tuple(
        Option(
            regimen,
            (*special.get(regimen.drug, ()), _refused(known, regimen.drug)),
            reduced=regimen.reduced is not None and _at_most(known.egfr, t.crcl_half) is True,
        )
        for regimen in regimens.regimens
    )


def first_fitting(options: tuple[Option, ...]) -> tuple[Option, ...]:
    """Those that fit, in the order of choice."""
    return tuple(option for option in options if option.fits)


def g6pd_decides(options: tuple[Option, ...]) -> bool:
    """Whether dapsone is next in line, after the first that fits, but for the G6PD that nobody knows."""
    order = [option.regimen.drug for option in options]
    dapsone = options[order.index("dapsone")]
    open_ = any(b.name == G6PD and b.truth is None for b in dapsone.against)
    settled = any(b.truth is True for b in dapsone.against)
    return open_ and not settled and not options[0].fits


def said(result: LabResult) -> str:
    """Value and unit of a result, for people."""
    return readable(shown(result))


def _limit(threshold: Threshold, relation: str) -> str:
    return readable(f"{relation} {threshold} [{threshold.mark}]")


def _at_most(result: LabResult | None, limit: Threshold) -> Truth:
    if result is None or result.value is None:
        return None
    if not result.comparator:
        return result.value <= limit.value
    return below(result, limit.value)


def _refused(known: Circumstances, drug: str) -> Blocker:
    because = known.refused.get(drug, "")
    truth: Truth = True if because else False if known.allergies_checked else None
    return Blocker(REFUSED, truth, because or "allergies not checked")


def _tmp_smx(known: Circumstances, t: Pjp) -> tuple[Blocker, ...]:
    return (_sulfonamide(known), _renal(known, t), _potassium(known, t), _pregnancy(known), _methotrexate(known, t))


def _sulfonamide(known: Circumstances) -> Blocker:
    if known.sulfonamide:
        how = "severe, absolute" if known.sulfonamide_severe else "any sulfonamide-antibiotic allergy blocks it"
        return Blocker("sulfonamide allergy", True, f"sulfonamide allergy on record: {known.sulfonamide} ({how})")
    truth: Truth = False if known.allergies_checked else None
    return Blocker("sulfonamide allergy", truth, "allergies not checked", unknown_bars=True)


def _renal(known: Circumstances, t: Pjp) -> Blocker:
    name = "renal function"
    if known.end_stage:
        return Blocker(name, True, f"{known.end_stage}: the label does not recommend it {_limit(t.crcl_stop, 'below')}")
    if known.egfr is None:
        return _renal_without_egfr(known, name)
    truth = below(known.egfr, t.crcl_stop.value)
    because = f"eGFR {said(known.egfr)} ({known.egfr.when}), {_limit(t.crcl_stop, '<')}: not recommended by the label"
    return Blocker(name, truth, because, unknown_bars=True)


def _renal_without_egfr(known: Circumstances, name: str) -> Blocker:
    """A high creatinine, or one that may be (`>200`), bars; a lower one is quoted, since it proves nothing."""
    because = "eGFR not known"
    result, limit = known.creatinine, known.creatinine_limit
    if result and limit:
        high = at_least(result, limit.value + 1e-9)
        because = f"creatinine {said(result).replace('umol', 'µmol')} ({result.when}), eGFR not known"
        if high is not False:
            above = _limit(limit, ">").replace("umol", "µmol")
            return Blocker(name, high, f"{because}: not while creatinine is, or may be, {above}", unknown_bars=True)
    because += f", and {known.severe_ckd} on record" if known.severe_ckd else ""
    return Blocker(name, None, because, unknown_bars=bool(known.severe_ckd))


def _potassium(known: Circumstances, t: Pjp) -> Blocker:
    result = known.potassium
    if result is None:
        return Blocker("potassium", None, "potassium not known: check it before")
    truth = at_least(result, t.potassium.value)
    return Blocker("potassium", truth, f"potassium {said(result)} ({result.when}), {_limit(t.potassium, '≥')}", True)


def _pregnancy(known: Circumstances) -> Blocker:
    because = (
        f"pregnancy ({known.pregnant}), counted as first trimester because the record gives no gestational age: avoid"
    )
    return Blocker("pregnancy", bool(known.pregnant), because)


def _methotrexate(known: Circumstances, t: Pjp) -> Blocker:
    """B9: with methotrexate only if eGFR, WBC and platelets are known, and nothing prefers atovaquone."""
    if not known.methotrexate and known.methotrexate_doubtful:
        because = f"whether {known.methotrexate_doubtful} is still taken is not known, and atovaquone is preferred"
        return Blocker(METHOTREXATE, None, because, unknown_bars=True)
    if not known.methotrexate:
        truth: Truth = False if known.drugs_checked else None
        return Blocker(METHOTREXATE, truth, "whether methotrexate is taken was not fully checked")
    preferences = _preferences(known, t)
    holding = [what for truth, what in preferences if truth]
    unknown = [what for truth, what in preferences if truth is None]
    because = "beside methotrexate atovaquone is preferred"
    because += f" for {'; '.join(holding)}" if holding else ""
    because += f"{';' if holding else ' because'} not known: {', '.join(unknown)}" if unknown else ""
    return Blocker(METHOTREXATE, any_true(truth for truth, _ in preferences), because, unknown_bars=True)


def _preferences(known: Circumstances, t: Pjp) -> list[tuple[Truth, str]]:
    """What prefers atovaquone to TMP-SMX beside methotrexate (B3), each with the finding, or with what is not known."""
    found: list[tuple[Truth, str]] = []
    for what, result, limit in (
        ("eGFR", known.egfr, t.prefer_atovaquone_egfr),
        ("leukocytes", known.wbc, t.prefer_atovaquone_wbc),
        ("platelets", known.platelets, t.prefer_atovaquone_platelets),
    ):
        low = below(result, limit.value) if result else None
        found.append((low, f"{what} {said(result)}, {_limit(limit, '<')}" if result and low else what))
    weekly, most = known.methotrexate_weekly, t.prefer_atovaquone_mtx
    high = None if weekly is None else weekly >= most.value - 1e-9
    found.append((high, f"methotrexate {weekly:g} mg a week, {_limit(most, '≥')}" if high else "methotrexate dose"))
    if known.age is None or known.age >= t.prefer_atovaquone_age.value:
        limit = t.prefer_atovaquone_age
        found.append((None, "age") if known.age is None else (True, f"age {known.age}, {_limit(limit, '≥')}"))
    if known.mcv and known.mcv.value is not None and known.mcv.upper and known.mcv.value > known.mcv.upper:
        found.append((True, f"MCV raised ({said(known.mcv)})"))
    if not known.folate:
        found.append((True, "no folic acid on record"))
    if known.liver:
        found.append((True, f"chronic liver disease ({known.liver})"))
    return found


def _rifamycin(known: Circumstances) -> Blocker:
    truth: Truth = True if known.rifamycin else False if known.drugs_checked else None
    because = f"{known.rifamycin} lowers atovaquone" if known.rifamycin else "rifamycins not fully checked"
    return Blocker("rifamycin", truth, because)


def _dapsone(known: Circumstances, t: Pjp) -> tuple[Blocker, ...]:
    g6pd = known.g6pd or "G6PD not known: test it first"
    severe: Truth = True if known.sulfonamide_severe else False if known.allergies_checked else None
    hb = known.hemoglobin
    return (
        Blocker(G6PD, known.g6pd_deficient, g6pd, unknown_bars=True),
        Blocker(
            "severe sulfonamide reaction",
            severe,
            f"severe sulfonamide reaction on record: {known.sulfonamide}" if severe else "allergies not checked",
            unknown_bars=True,
        ),
        Blocker(
            "haemoglobin",
            below(hb, t.dapsone_hb.value) if hb else None,
            f"haemoglobin {said(hb)} ({hb.when}), {_limit(t.dapsone_hb, '<')}" if hb else "haemoglobin not known",
            unknown_bars=True,
        ),
    )
