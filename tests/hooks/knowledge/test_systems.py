"""One code system goes by many names."""

from pathlib import Path

import pytest

from hooks.knowledge import KnowledgeError, normal_code, system_family
from hooks.knowledge.systems import Families, families


@pytest.mark.parametrize(
    ("uri", "family"),
    [
        ("http://www.nlm.nih.gov/research/umls/rxnorm", "rxnorm"),
        ("http://www.nlm.nih.gov/research/umls/rxnorm/", "rxnorm"),
        ("http://hl7.org/fhir/sid/rxnorm", "rxnorm"),
        ("urn:oid:2.16.840.1.113883.6.88", "rxnorm"),
        ("2.16.840.1.113883.6.88", "rxnorm"),
        ("RxNorm", "rxnorm"),
        ("http://snomed.info/sct", "snomed"),
        ("http://snomed.info/sct|http://snomed.info/sct/731000124108", "snomed"),
        ("http://snomed.info/sct/32506021000036107", "snomed"),
        ("urn:oid:2.16.840.1.113883.6.96", "snomed"),
        ("SNOMED-CT", "snomed"),
        ("http://loinc.org", "loinc"),
        ("https://loinc.org/", "loinc"),
        ("urn:oid:2.16.840.1.113883.6.1", "loinc"),
        ("http://hl7.org/fhir/sid/icd-10-cm", "icd10"),
        ("http://hl7.org/fhir/sid/icd-10", "icd10"),
        ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", "icd10"),
        ("http://hospital.example/CodeSystem/diagnosis-icd10", "icd10"),
        ("ICD-10-CM", "icd10"),
        ("urn:oid:2.16.840.1.113883.6.90", "icd10"),
        ("http://www.cms.gov/Medicare/Coding/ICD10", "icd10pcs"),
        ("http://hl7.org/fhir/sid/icd-10-pcs", "icd10pcs"),
        ("http://hospital.example/CodeSystem/procedure-icd10", "icd10pcs"),
        ("http://www.whocc.no/atc", "atc"),
        ("http://fhir.de/CodeSystem/bfarm/atc", "atc"),
        ("http://fhir.de/CodeSystem/dimdi/atc", "atc"),
        ("ATC", "atc"),
        ("http://www.ama-assn.org/go/cpt", "cpt"),
        ("urn:imacs:score", "local"),
        ("http://purl.obolibrary.org/obo/mondo.owl", "mondo"),
        ("http://hl7.org/fhir/sid/ndc", "http://hl7.org/fhir/sid/ndc"),
        ("http://hospital.example/catch-all", "http://hospital.example/catch-all"),
        ("http://hl7.org/fhir/sid/icd-9-cm", "http://hl7.org/fhir/sid/icd-9-cm"),
        ("http://id.who.int/icd/release/11/mms", "http://id.who.int/icd/release/11/mms"),
        ("", ""),
    ],
)
def test_family_of_a_system(uri: str, family: str) -> None:
    assert system_family(uri) == family


@pytest.mark.parametrize(
    ("family", "code", "normal"),
    [
        ("icd10", "g72.49", "G7249"),
        ("icd10", "G7249", "G7249"),
        ("mondo", "MONDO:0016098", "0016098"),
        ("orphanet", "ORPHA:206569", "206569"),
        ("local", "mmt8-total-150", "MMT8-TOTAL-150"),
        ("loinc", " 2157-6 ", "2157-6"),
    ],
)
def test_codes_are_written_one_way(family: str, code: str, normal: str) -> None:
    assert normal_code(family, code) == normal


def test_families_are_read_once() -> None:
    assert families() is families()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: {uris: [x]}\nb: {uris: [X/]}", r"systems.yaml: b: `X/` is in another family already"),
        ("a: {uris: [x], pattern: '('}", r"systems.yaml: a.pattern: bad regular expression"),
        ("a: {names: [x]}", r"systems.yaml: a: Object missing required field `uris`"),
    ],
)
def test_an_error_in_the_families_names_file_and_key(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "systems.yaml"
    path.write_text(content)
    with pytest.raises(KnowledgeError, match=said):
        Families(path)


def test_a_family_is_written_by_its_first_uri() -> None:
    assert families().uri("loinc") == "http://loinc.org"
    assert families().uri("urn:site:codes") == "urn:site:codes"
    assert system_family(families().uri("snomed")) == "snomed"
