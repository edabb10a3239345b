"""What a code or a text is taken for (A1 to A4): the order of matching, and every trap."""

from typing import Any

import msgspec
import pytest

from hooks.chart.matching import Concept, Matcher, matchers
from hooks.knowledge import Knowledge
from tests.hooks.chart.resources import (
    ATC,
    ICD10,
    KNOWLEDGE,
    LOINC,
    RXNORM,
    SNOMED,
    allergy,
    ck,
    concept,
    condition,
    observation,
    raw,
    read_chart,
    statement,
    the_course,
)

DEFINITE = [
    "Immune-mediated necrotizing myopathy",
    "immune mediated necrotising myositis",
    "necrotizing autoimmune myopathy",
    "Autoimmune necrotising myositis",
    "anti-HMGCR positive immune-mediated myopathy",
    "anti-SRP myositis",
    "statin-associated autoimmune myopathy",
    "IMNM",
    "SAAM",
    "NAM (anti-SRP)",
]


@pytest.mark.parametrize("text", DEFINITE)
def test_a_text_that_names_the_disease(text: str) -> None:
    (found,) = read_chart(condition({"text": text})).diagnoses
    assert "imnm" in found.concepts


@pytest.mark.parametrize(
    "text",
    [
        "?NAM – ruled out", "rule out IMNM", "r/o immune-mediated necrotizing myopathy", "suspected IMNM",
        "possible SAAM",
        "IMNM excluded", "no evidence of IMNM", "family history of immune-mediated necrotizing myopathy", "nam",
        "Vietnam",
        "SRP (scaling and root planing)", "nicotinamide", "NAM-less",
    ],
)  # fmt: skip
def test_a_text_that_only_looks_like_it(text: str) -> None:
    assert not any("imnm" in d.concepts for d in read_chart(condition({"text": text})).diagnoses)


@pytest.mark.parametrize(
    ("system", "code", "value_set"),
    [
        (SNOMED, "715863001", "imnm"),
        ("urn:oid:2.16.840.1.113883.6.96", "715863001", "imnm"),
        ("http://purl.obolibrary.org/obo/mondo.owl", "MONDO:0016098", "imnm"),
        (ICD10, "G72.49", "immune-myopathy-nec"),
        (ICD10, "G7249", "immune-myopathy-nec"),
        ("http://hl7.org/fhir/sid/icd-10", "G72.4", "immune-myopathy-nec"),
        (ICD10, "M33.22", "polymyositis"),
        (ICD10, "G72.0", "drug-induced-myopathy"),
        (ICD10, "M60.811", "other-myositis"),
        (ICD10, "G72.41", "inclusion-body-myositis"),
        (ICD10, "Z34.90", "pregnancy"),
    ],
)
def test_a_coded_condition(system: str, code: str, value_set: str) -> None:
    (found,) = read_chart(condition(concept(code, system))).diagnoses
    assert found.concepts == {value_set}


@pytest.mark.parametrize(
    "code",
    [
        concept("766246006", SNOMED), concept("16462851000119106", "http://example.org"), concept("O80", ICD10),
        concept("80963002", SNOMED), concept("715863001"), {"text": "Hypertension"}, {},
    ],
)  # fmt: skip
def test_a_condition_of_no_interest(code: dict[str, Any]) -> None:
    assert read_chart(condition(code)).diagnoses == ()


def test_a_text_adds_to_a_code_that_says_less() -> None:
    (found,) = read_chart(condition(concept("G72.49", ICD10, text="anti-HMGCR myopathy"))).diagnoses
    assert found.concepts == {"immune-myopathy-nec", "imnm"}


@pytest.mark.parametrize(
    ("code", "drug", "method"),
    [
        (concept("6851", RXNORM), "methotrexate", "code"),
        (concept("105585", "RxNorm"), "methotrexate", "code"),
        (concept("L01FA01", ATC), "rituximab", "atc"),
        (concept("L01XC02", ATC), "rituximab", "atc"),
        (concept("1", "urn:local", display="Rituximab 500 mg/50 ml"), "rituximab", "display"),
        (concept(text="Truxima 500 mg"), "rituximab", "text"),
        (concept("L04AX03", ATC, text="Rituxan"), "methotrexate", "atc"),
        (concept(text="Bactrim DS"), "tmp-smx", "text"),
        (concept(text="co-trimoxazole 960 mg"), "tmp-smx", "text"),
        (concept(text="red yeast rice 600 mg"), "statin", "text"),
        (concept("J06BA02", ATC), "ivig", "atc"),
        (concept(text="Privigen 10 %"), "ivig", "text"),
        (concept("5666", RXNORM), "immunoglobulin-route-unknown", "code"),
        (concept("5666", RXNORM, text="Privigen"), "ivig", "text"),
        (concept(text="Hizentra"), "scig", "text"),
        (concept(text="GamaSTAN"), "immunoglobulin-not-iv", "text"),
        (concept("H02AB06", ATC), "glucocorticoid", "atc"),
    ],
)
def test_a_drug_is_matched_by_code_then_atc_then_words(code: dict[str, Any], drug: str, method: str) -> None:
    course = the_course(statement(code))
    assert (course.drug, course.match) == (drug, method)


@pytest.mark.parametrize(
    "name",
    [
        "Anti-D immunoglobulin (RhoGAM) 1500 IU", "WinRho SDF", "Hepatitis B immune globulin (human)", "Cytogam (CMV)",
        "Varizig varicella zoster immune globulin", "rabies immune globulin", "tetanus immune globulin",
        "antithymocyte globulin", "coagulation factor IX recombinant immunoglobulin G1 fusion protein",
        "nystatin 100000 units/ml", "cilastatin/imipenem", "pentostatin", "somatostatin", "ulinastatin",
        "statin intolerance", "prednisolone 1 % eye drops", "dexamethasone ophthalmic", "hydrocortisone 1% cream",
        "triamcinolone nasal spray", "budesonide inhaler", "hydrocortisone enema", "methylprednisolone acetate depot",
        "fludrocortisone 0.1 mg", "tacrolimus 0.1 % ointment", "ciclosporin eye drops", "Restasis",
        "atovaquone/proguanil", "Malarone", "dapsone gel 5 %", "polymyxin B/trimethoprim ophthalmic",
        "trimethoprim 200 mg",
        "cycloserine", "infliximab", "ritonavir", "metolazone", "pemetrexed", "trimetrexate", "azacitidine",
        "mycobutin",
        "cefotaxime (CTX)", "CPA", "CYC",
    ],
)  # fmt: skip
def test_a_drug_that_only_looks_like_one(name: str) -> None:
    assert read_chart(statement(name)).courses == ()


@pytest.mark.parametrize(
    "code",
    [
        concept("8638", RXNORM, text="prednisolone acetate 1 % eye drops"),
        concept("313189", RXNORM, text="tacrolimus"),
        concept("42316", RXNORM, display="tacrolimus 0.1 % topical ointment"), concept("10829", RXNORM),
        concept("D10AX05", ATC), concept("C10BA10", ATC, text="statin"), concept("J06BB01", ATC),
        concept("A07EA06", ATC),
        concept("1666323", RXNORM, text="immunoglobulin G1"),
    ],
)  # fmt: skip
def test_a_veto_beats_a_code_of_the_substance(code: dict[str, Any]) -> None:
    assert [c.drug for c in read_chart(statement(code)).courses if c.drug != "lipid-alternative"] == []


@pytest.mark.parametrize("route", ["subcutaneous", "SC", "Subcutaneous route"])
def test_an_immunoglobulin_under_the_skin_is_no_ivig(route: str) -> None:
    given = {"route": {"text": route}}
    assert the_course(statement(concept("5666", RXNORM), given)).drug == "scig"
    assert the_course(statement("Gammagard", given)).drug == "scig"


@pytest.mark.parametrize(
    ("route", "drug"),
    [("Intravenous route", "ivig"), ("IM", "immunoglobulin-not-iv"), ("", "immunoglobulin-route-unknown")],
)
def test_the_route_settles_what_the_code_leaves_open(route: str, drug: str) -> None:
    given = {"route": concept(text=route)} if route else {}
    assert the_course(statement(concept("5666", RXNORM), given)).drug == drug


@pytest.mark.parametrize(
    "how", ["ophthalmic", "both eyes", "topical", "nasal", "inhalation", "rectal", "intra-articular"]
)
def test_a_local_steroid_is_no_glucocorticoid_course(how: str) -> None:
    assert read_chart(statement("dexamethasone", {"route": {"text": how}})).courses == ()
    assert read_chart(statement("dexamethasone", {"site": {"text": how}})).courses == ()
    assert read_chart(statement("dexamethasone", {"text": f"1 drop {how}"})).courses == ()


def test_a_dose_form_counts_like_a_route() -> None:
    medication = {"resourceType": "Medication", "code": {"text": "tacrolimus"}, "form": {"text": "Ointment"}}
    by_reference = statement(medicationCodeableConcept=..., medicationReference={"reference": "Medication/1"})
    assert read_chart(by_reference, medications={"Medication/1": medication}).courses == ()


def test_an_allergy_is_no_exposure_and_a_drug_no_allergy() -> None:
    chart = read_chart(allergy({"text": "rituximab"}), condition({"text": "history of reaction to rituximab"}))
    assert chart.courses == ()
    assert chart.allergies[0].concepts == {"rituximab"}


def test_igg_as_a_laboratory_value_is_no_drug() -> None:
    assert read_chart(observation(concept(text="immunoglobulin G"), valueString="720 mg/dL")).courses == ()


@pytest.mark.parametrize(
    "code",
    [
        concept("13969-1", LOINC, text="CK-MB"), concept(text="CK-MB"), concept(text="CK BB"),
        concept(text="CK isoenzymes"),
        concept(text="CK 7 (cytokeratin)"), concept(text="CK20"), concept(text="CKD stage"), concept(text="CK ratio"),
        concept("2157-6", LOINC, display="Creatine kinase.MB/Creatine kinase.total ratio"), concept("9999-9", LOINC),
    ],
)  # fmt: skip
def test_a_creatine_kinase_that_is_none(code: dict[str, Any]) -> None:
    assert read_chart(ck(code=code)).labs == {}


@pytest.mark.parametrize(
    "code",
    [concept("397798009", SNOMED), concept(text="CPK"), concept(text="Creatine kinase"), concept(text="Serum CK")],
)
def test_a_creatine_kinase_by_other_names(code: dict[str, Any]) -> None:
    assert "creatine-kinase" in read_chart(ck(code=code)).labs


def test_one_product_of_two_classes_is_two_courses() -> None:
    both = statement({"coding": [{"system": ATC, "code": "C10AA05"}, {"system": ATC, "code": "C10AX09"}]})
    assert {course.drug for course in read_chart(both).courses} == {"statin", "lipid-alternative"}


@pytest.mark.parametrize(
    ("name", "ingredient"),
    [
        (concept("617312", RXNORM), "atorvastatin"), (concept(text="Simvastatin 20 mg"), "simvastatin"),
        (concept(text="Lipitor"), "lipitor"), (concept(text="tofacitinib 5 mg"), "tofacitinib"),
        (concept("H02AB07", ATC), "prednisone"), (concept("C10AA", ATC), "statin"),
    ],
)  # fmt: skip
def test_the_ingredient_is_the_substance(name: dict[str, Any], ingredient: str) -> None:
    assert the_course(statement(name)).ingredient == ingredient


def test_what_was_understood_once_is_remembered_by_its_json() -> None:
    matcher = matchers(KNOWLEDGE).conditions
    assert matcher.concept(raw({"text": "IMNM"})) is matcher.concept(raw({"text": "IMNM"}))
    long = raw({"text": "IMNM " + "x" * 5000})
    assert matcher.concept(long) == matcher.concept(long)
    assert matcher.concept(msgspec.Raw()) == Concept()


def test_each_knowledge_has_its_own_matchers() -> None:
    others = [msgspec.structs.replace(KNOWLEDGE, version=str(number)) for number in range(9)]
    first: Knowledge = others[0]
    kept = matchers(first)
    assert matchers(first) is kept
    for other in others[1:]:
        assert matchers(other) is not kept
    assert isinstance(matchers(first).labs, Matcher)


@pytest.mark.parametrize("code", ["G72.49", ["G72.49"], 5, {"coding": "G72.49"}, {"coding": [{"code": 5}]}])
def test_a_code_of_the_wrong_shape_is_named(code: Any) -> None:
    chart = read_chart(condition(code), ck(code=code), statement(medicationCodeableConcept=code), allergy(code))
    assert (chart.diagnoses, chart.labs, chart.courses, chart.allergies) == ((), {}, (), ())
    assert len(chart.dropped) == 4
