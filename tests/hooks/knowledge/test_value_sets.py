"""Codes of specification A1 to A3 stand where they belong; look-alikes and traps of A4 do not."""

import re

import pytest

from hooks.knowledge import Knowledge, ValueSet, normal_code

MEMBERS = """
imnm: snomed 715863001, mondo MONDO:0016098, orphanet 206569, umls C3267047, medgen 899492, gard 0020351
immune-myopathy-nec: icd10 G72.49, icd10 G72.4, icd10 G7249
polymyositis: snomed 31384009, icd10 M33.20, icd10 M33.21, icd10 M33.22, icd10 M33.29, icd10 M332
drug-induced-myopathy: icd10 G72.0, snomed 240101000
other-myositis: snomed 702380008, snomed 24861000119103, snomed 26889001, snomed 738526005, icd10 M60.80, \
 icd10 M60.811, icd10 M60.9
inclusion-body-myositis: icd10 G72.41, snomed 72315009, snomed 1144926009
dermatomyositis: icd10 M33.10, icd10 M33.90, snomed 396230008
muscular-dystrophy: icd10 G71.0, icd10 G71.02
dysphagia: snomed 40739000, icd10 R13.12
respiratory-failure: icd10 J96.01, icd10 J96.90
pneumocystosis: snomed 415125002, icd10 B59
sulfonamide-allergy: snomed 91939003, snomed 293032001, icd10 Z88.2
g6pd-deficiency: icd10 D75.A, icd10 D55.0, snomed 62403005
iga-deficiency: snomed 29260007, icd10 D80.2
pregnancy: snomed 77386006, icd10 Z33.1, icd10 Z34.80, icd10 O09.511, icd10 O26.92, icd10 O99.89, icd10 O9A.212
ectopic-pregnancy: snomed 34801009
hepatitis-b: icd10 B18.1
ckd-severe: icd10 N18.4, icd10 N18.5
dialysis: icd10 N18.6, icd10 Z99.2
palliative-care: icd10 Z51.5
no-childbearing: icd10 Z78.0, icd10 Z90.710
serious-infection: icd10 A15.0, icd10 A41.9, icd10 B44.1, icd10 B45.1, icd10 B59, icd10 G00.1, icd10 I33.0, \
 icd10 J18.9, icd10 J85.1, icd10 J86.9, icd10 K65.0, icd10 L03.115, icd10 M00.9, icd10 M86.9, icd10 N10
urinary-infection: icd10 N39.0
urinary-obstruction: icd10 N13.8, icd10 N32.0, icd10 R33.9
thrombosis: icd10 I21.4, icd10 I22.0, icd10 I26.99, icd10 I63.9, icd10 I82.401
statin-adverse-effect: icd10 T46.6X5A, icd10 T46.6X5D, icd10 T46.6X5S, snomed 16462851000119106
neoplasm: icd10 C81.90, icd10 C83.30, icd10 C91.10, icd10 C96.9
creatine-kinase: loinc 2157-6, snomed 397798009
anti-hmgcr: loinc 93493-5
anti-srp: loinc 33921-8, loinc 53011-3
aldolase: loinc 1761-6
ldh: loinc 2532-0, loinc 14804-9
creatinine: loinc 2160-0, loinc 14682-9, loinc 38483-4
egfr: loinc 98979-8, loinc 62238-1, loinc 48642-3, loinc 48643-1, loinc 33914-3
wbc: loinc 6690-2
anc: loinc 751-8, loinc 26499-4
lymphocytes: loinc 731-0, loinc 26474-7
hemoglobin: loinc 718-7
platelets: loinc 777-3
alt: loinc 1742-6
ast: loinc 1920-8
urine-blood-dipstick: loinc 5794-3, loinc 20409-9
urine-rbc: loinc 13945-1
hcg: loinc 2106-3, loinc 2118-8, loinc 2110-5, loinc 80384-1, loinc 80385-8, loinc 19080-1, loinc 21198-7, loinc 45194-8
hbsag: loinc 5195-3, loinc 5196-1, loinc 75410-1
anti-hbc: loinc 13952-7, loinc 16933-4
hbv-dna: loinc 42595-9
anti-hbs: loinc 22322-2, loinc 10900-9
g6pd: loinc 32546-4, loinc 2357-2
igg: loinc 2465-3
iga: loinc 2458-8
body-weight: loinc 29463-7, loinc 3141-9
body-height: loinc 8302-2
mmt8: local mmt8-total-150, local mmt8-total-80, local mmt8-percent
ivig: rxnorm 1809421, rxnorm 1809444, rxnorm 1809414, rxnorm 1809524, rxnorm 1809539, rxnorm 1809434, rxnorm 1809463, \
 rxnorm 1809474, rxnorm 1809736, rxnorm 1809517, rxnorm 1809577, rxnorm 1809664, rxnorm 1809498, rxnorm 2102434, \
 rxnorm 2123036, rxnorm 1809415, rxnorm 1809507, atc J06BA02
scig: rxnorm 1809062, rxnorm 2268102, rxnorm 1813409, rxnorm 2167150, rxnorm 2196292, rxnorm 1549687, atc J06BA01
immunoglobulin-not-iv: rxnorm 1809033, rxnorm 1809038
immunoglobulin-route-unknown: rxnorm 5666, rxnorm 1809031
rituximab: rxnorm 121191, rxnorm 1657862, rxnorm 1657867, rxnorm 1657861, rxnorm 2105826, rxnorm 2273517, \
 rxnorm 1927885, atc L01FA01, atc L01XC02
methotrexate: rxnorm 6851, rxnorm 105585, rxnorm 283511, rxnorm 283671, rxnorm 105586, rxnorm 283510, rxnorm 1921592, \
 rxnorm 1655957, rxnorm 1946772, rxnorm 1441402, rxnorm 2377353, atc L04AX03, atc L01BA01
cyclophosphamide: rxnorm 3002, rxnorm 1734917, rxnorm 1734919, rxnorm 1734921, rxnorm 197549, rxnorm 197550, \
 rxnorm 1437968, rxnorm 376666, atc L01AA01
mycophenolate: rxnorm 68149, rxnorm 7145, rxnorm 199058, rxnorm 485020, rxnorm 485023, atc L04AA06
azathioprine: rxnorm 1256, rxnorm 197388, atc L04AX01
tacrolimus: rxnorm 42316, rxnorm 198377, rxnorm 1664461, atc L04AD02
ciclosporin: rxnorm 3008, rxnorm 835886, rxnorm 241834, atc L04AD01
tocilizumab: rxnorm 612865, atc L04AC07
jak-inhibitor: rxnorm 1357536, rxnorm 2047232, atc L04AF01, atc L04AF03, atc L04AA29, atc L04AA37, atc L04AA44
prednisone: rxnorm 8640, rxnorm 198144, rxnorm 312615, rxnorm 1303125, atc H02AB07
prednisolone: rxnorm 8638, rxnorm 199343, rxnorm 199967, rxnorm 283077, atc H02AB06
methylprednisolone: rxnorm 6902, rxnorm 259966, rxnorm 1743704, rxnorm 1743726, rxnorm 762675, atc H02AB04
dexamethasone: rxnorm 3264, rxnorm 197577, rxnorm 2261802, atc H02AB02
betamethasone: rxnorm 1514, atc H02AB01
hydrocortisone: rxnorm 5492, rxnorm 197783, rxnorm 238755, atc H02AB09
cortisone: rxnorm 2878, atc H02AB10
triamcinolone: rxnorm 10759, atc H02AB08
deflazacort: rxnorm 22396, atc H02AB13
tmp-smx: rxnorm 10831, rxnorm 198334, rxnorm 198335, rxnorm 313134, rxnorm 313137, rxnorm 1809083, atc J01EE01
atovaquone: rxnorm 60458, atc P01AX06
dapsone: rxnorm 3108, atc J04BA02
pentamidine: rxnorm 7994, atc P01CX01
statin: rxnorm 83367, rxnorm 36567, rxnorm 301542, rxnorm 42463, rxnorm 6472, rxnorm 41127, rxnorm 861634, \
 rxnorm 596723, rxnorm 617312, rxnorm 476345, rxnorm 597967, rxnorm 1422086, rxnorm 2535745, atc C10AA05, atc C10BA02, \
 atc C10BX03, atc A10BH51
lipid-alternative: rxnorm 1665900, rxnorm 1659158, rxnorm 2588269, rxnorm 2282408, rxnorm 341248, atc C10AX09, \
 atc C10AX13, atc C10BA10
folate: rxnorm 4511, rxnorm 6313, atc B03BB01, atc V03AF03
ace-inhibitor: atc C09AA02, atc C09BB04
rifamycin: atc J04AB02, atc J04AB04
complement-or-fcrn-inhibitor: rxnorm 2587729, rxnorm 2642294, rxnorm 2672502, rxnorm 2461136, atc L04AL01, \
 atc L04AJ06, atc L04AA25
sulfonamide-antibiotic: snomed 91939003, snomed 293032001, rxnorm 10831, rxnorm 10180, atc J01EC02
plasma-exchange: snomed 20720000, snomed 19647005, cpt 36514, icd10pcs 6A550Z3, icd10pcs 6A551Z3
ivig-procedure: icd10pcs 30233S1, icd10pcs 30243S1
"""

STRANGERS = """
imnm: snomed 766246006, snomed 722991004, icd10 G72.49
immune-myopathy-nec: icd10 G72.41, icd10 G72.81
polymyositis: icd10 M33.13, icd10 M35.3
drug-induced-myopathy: icd10 G72.2, snomed 16462851000119106
other-myositis: icd10 M62.82, snomed 66952001
g6pd-deficiency: snomed 80963002
pregnancy: icd10 O00.101, icd10 O03.9, icd10 O08.9, icd10 O80, icd10 O82, icd10 O86.4, icd10 O90.3, icd10 O92.5
thrombosis: icd10 I25.10
creatine-kinase: loinc 13969-1
ivig: rxnorm 5666, rxnorm 1666323, rxnorm 1809062, rxnorm 1809033, atc J06BA01, atc J06BB01, atc L04AA04
methotrexate: rxnorm 311625, rxnorm 105589, rxnorm 1655956
tacrolimus: rxnorm 313189, rxnorm 284520, atc D11AH01
ciclosporin: atc S01XA18
prednisolone: atc S01BA04, atc A07EA01, rxnorm 312609, rxnorm 242887
methylprednisolone: rxnorm 1358610, rxnorm 1743779, rxnorm 1743780
hydrocortisone: rxnorm 251452, atc H02AA02
tmp-smx: rxnorm 10829, rxnorm 10180, rxnorm 376523, rxnorm 379128, atc J01EA01
atovaquone: atc P01BB51
dapsone: atc D10AX05
statin: atc C10BA10, atc C10AX09
rifamycin: atc J04AB01
"""


def _rows(table: str) -> list[tuple[str, str, str]]:
    lines = (line.partition(":") for line in table.strip().splitlines())
    return [(name, *each.split()) for name, _, codes in lines for each in codes.split(",")]  # type: ignore[misc]


def named(value_set: ValueSet, text: str) -> bool:
    """A text names a set when an alias is in it and no veto."""
    return any(alias.search(text) for alias in value_set.aliases) and not any(
        veto.search(text) for veto in value_set.vetoes
    )


@pytest.mark.parametrize(("name", "family", "code"), _rows(MEMBERS))
def test_a_code_of_the_specification_is_where_it_belongs(
    knowledge: Knowledge, name: str, family: str, code: str
) -> None:
    assert knowledge.value_sets[name].holds(family, normal_code(family, code))


@pytest.mark.parametrize(("name", "family", "code"), _rows(STRANGERS))
def test_a_look_alike_code_is_no_member(knowledge: Knowledge, name: str, family: str, code: str) -> None:
    assert not knowledge.value_sets[name].holds(family, normal_code(family, code))


def test_every_set_is_in_the_table_above(knowledge: Knowledge) -> None:
    without_codes = {"potassium", "mcv", "statin-allergy"}
    assert {name for name, _, _ in _rows(MEMBERS)} | without_codes == set(knowledge.value_sets)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("imnm", "Immune-mediated necrotizing myopathy"),
        ("imnm", "immune mediated necrotising myopathy, anti-SRP"),
        ("imnm", "Necrotizing autoimmune myopathy (NAM)"),
        ("imnm", "anti-HMGCR positive necrotizing myositis"),
        ("imnm", "Statin-associated autoimmune myopathy"),
        ("imnm", "IMNM"),
        ("imnm", "NAM since 2024"),
        ("polymyositis", "Polymyositis with myopathy"),
        ("inclusion-body-myositis", "Sporadic inclusion-body myositis"),
        ("g6pd-deficiency", "G6PD deficiency"),
        ("neoplasm", "R-CHOP for lymphoma"),
        ("creatine-kinase", "CK total"),
        ("creatine-kinase", "Creatine phosphokinase [U/L]"),
        ("anti-hmgcr", "Anti-HMGCR IgG"),
        ("anti-hmgcr", "HMGCR antibody"),
        ("anti-srp", "anti-SRP"),
        ("anti-srp", "Signal Recognition Particle (SRP) Ab"),
        ("mmt8", "MMT-8 total"),
        ("mmt8", "Manual muscle testing 8"),
        ("ivig", "IVIg 10 %"),
        ("ivig", "Gamunex-C 10 g"),
        ("ivig", "immune globulin intravenous (human)"),
        ("ivig", "IVIG im Krankenhaus"),
        ("scig", "Hizentra 20 %"),
        ("scig", "immune globulin subcutaneous (human)"),
        ("immunoglobulin-not-iv", "GamaSTAN"),
        ("immunoglobulin-route-unknown", "immunoglobulin G"),
        ("immunoglobulin-route-unknown", "Immune globulin, human"),
        ("rituximab", "rituximab-arrx (Riabni)"),
        ("methotrexate", "MTX 20 mg weekly"),
        ("cyclophosphamide", "Endoxan 1 g"),
        ("mycophenolate", "Mycophenolatmofetil"),
        ("tacrolimus", "tacrolimus 1 MG Oral Capsule"),
        ("ciclosporin", "cyclosporine modified soft gel capsule"),
        ("prednisolone", "prednisolone 5 mg tablets"),
        ("methylprednisolone", "methylprednisolone 1 g in sodium chloride 0.9% IV"),
        ("methylprednisolone", "methyl prednisolone"),
        ("dexamethasone", "Dexamethasone 4 mg"),
        ("cortisone", "cortisone acetate 25 mg"),
        ("tmp-smx", "Bactrim DS"),
        ("tmp-smx", "sulfamethoxazole 800 MG / trimethoprim 160 MG Oral Tablet"),
        ("tmp-smx", "trimethoprim/sulfamethoxazole"),
        ("atovaquone", "Atovaquone 750 mg/5 mL"),
        ("statin", "atorvastatin calcium 40 mg"),
        ("statin", "Vytorin"),
        ("statin", "Red yeast rice capsules"),
        ("lipid-alternative", "bempedoic acid and ezetimibe"),
        ("folate", "Folic acid 5 mg"),
        ("ace-inhibitor", "enalapril 5 mg"),
        ("rifamycin", "Rifampin"),
        ("sulfonamide-antibiotic", "Sulfa"),
        ("sulfonamide-antibiotic", "Sulfa drugs"),
        ("sulfonamide-antibiotic", "sulphonamide antibiotics"),
        ("sulfonamide-antibiotic", "Co-trimoxazole"),
        ("statin-allergy", "Statin intolerance"),
        ("statin-allergy", "HMG-CoA reductase inhibitors"),
        ("plasma-exchange", "Therapeutic plasma exchange"),
        ("plasma-exchange", "PLEX session 3"),
    ],
)
def test_a_name_is_recognised(knowledge: Knowledge, name: str, text: str) -> None:
    assert named(knowledge.value_sets[name], text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("imnm", "nam"),
        ("imnm", "?NAM - ruled out"),
        ("imnm", "IMNM?"),
        ("imnm", "r/o IMNM"),
        ("imnm", "rule out necrotizing autoimmune myopathy"),
        ("imnm", "suspected IMNM"),
        ("imnm", "possible IMNM"),
        ("imnm", "IMNM excluded"),
        ("imnm", "no evidence of IMNM"),
        ("imnm", "family history of IMNM"),
        ("imnm", "SRP (scaling and root planing)"),
        ("imnm", "naso-alveolar moulding"),
        ("polymyositis", "juvenile polymyositis"),
        ("g6pd-deficiency", "G6PD deficiency, class V"),
        ("g6pd-deficiency", "no G6PD deficiency"),
        ("neoplasm", "cancer screening"),
        ("neoplasm", "myositis associated with cancer"),
        ("neoplasm", "failed tumor necrosis factor inhibitor"),
        ("creatine-kinase", "CK-MB"),
        ("creatine-kinase", "Creatine kinase.MB [Mass/volume] in Serum or Plasma"),
        ("creatine-kinase", "CK isoenzymes"),
        ("creatine-kinase", "Macro CK"),
        ("creatine-kinase", "CK MB/CK total ratio"),
        ("creatine-kinase", "CK7 immunostain"),
        ("creatine-kinase", "CK 20 cytokeratin"),
        ("creatine-kinase", "CKD stage 3"),
        ("anti-srp", "SRP"),
        ("mmt8", "MMT (methadone maintenance treatment)"),
        ("mmt8", "MMT"),
        ("ivig", "anti-D immune globulin intravenous"),
        ("ivig", "Rho(D) immune globulin intravenous (WinRho)"),
        ("ivig", "hepatitis B immune globulin intravenous"),
        ("ivig", "cytomegalovirus immune globulin intravenous (Cytogam)"),
        ("ivig", "botulism immune globulin intravenous"),
        ("ivig", "immunoglobulin G 720 mg/dL"),
        ("ivig", "coagulation factor IX recombinant immunoglobulin G1 fusion protein"),
        ("ivig", "Hizentra"),
        ("ivig", "normal human immunoglobulin for subcutaneous use"),
        ("ivig", "normal human immunoglobulin IM"),
        ("scig", "hepatitis B immune globulin subcutaneous"),
        ("immunoglobulin-route-unknown", "immune globulin (human) IV"),
        ("immunoglobulin-route-unknown", "Rabies immune globulin"),
        ("immunoglobulin-route-unknown", "lymphocyte immune globulin, anti-thymocyte"),
        ("immunoglobulin-route-unknown", "coagulation factor IX recombinant immunoglobulin G1 fusion protein"),
        ("rituximab", "infliximab"),
        ("rituximab", "ritonavir"),
        ("methotrexate", "metolazone"),
        ("methotrexate", "pemetrexed"),
        ("methotrexate", "trimetrexate"),
        ("methotrexate", "methotrexate intrathecal"),
        ("cyclophosphamide", "cyclosporine"),
        ("cyclophosphamide", "cycloserine"),
        ("cyclophosphamide", "CTX"),
        ("cyclophosphamide", "CYC"),
        ("cyclophosphamide", "CPA"),
        ("ciclosporin", "cycloserine"),
        ("ciclosporin", "ciclosporin 0.05 % eye drops"),
        ("mycophenolate", "mycobutin"),
        ("azathioprine", "azacitidine"),
        ("azathioprine", "AZA"),
        ("tacrolimus", "tacrolimus 0.1 % ointment"),
        ("tacrolimus", "tacrolimus 0.03%"),
        ("prednisolone", "Prednisolone 1 % eye drops"),
        ("prednisolone", "prednisolone acetate 10 MG/ML Ophthalmic Suspension"),
        ("prednisolone", "prednisolone 20 mg rectal foam"),
        ("prednisolone", "methylprednisolone 4 MG Oral Tablet"),
        ("prednisolone", "methyl prednisolone"),
        ("methylprednisolone", "methylprednisolone acetate 40 MG/ML [Depo-Medrol]"),
        ("hydrocortisone", "hydrocortisone 1 % cream"),
        ("hydrocortisone", "fludrocortisone 0.1 mg"),
        ("hydrocortisone", "budesonide 200 micrograms inhaler"),
        ("cortisone", "hydrocortisone 20 mg"),
        ("dexamethasone", "tobramycin / dexamethasone"),
        ("dexamethasone", "dexamethasone intravitreal implant"),
        ("triamcinolone", "triamcinolone acetonide 40 mg intra-articular"),
        ("betamethasone", "betamethasone dipropionate 0.05 % cream"),
        ("tmp-smx", "trimethoprim 200 mg"),
        ("tmp-smx", "polymyxin B / trimethoprim eye drops"),
        ("atovaquone", "atovaquone / proguanil"),
        ("atovaquone", "Malarone"),
        ("dapsone", "dapsone 7.5 % gel"),
        ("statin", "nystatin"),
        ("statin", "imipenem / cilastatin"),
        ("statin", "pentostatin"),
        ("statin", "ulinastatin"),
        ("statin", "somatostatin"),
        ("statin", "statin intolerance"),
        ("statin", "atorvastatin intolerance"),
        ("lipid-alternative", "ezetimibe / simvastatin"),
        ("sulfonamide-antibiotic", "furosemide"),
        ("sulfonamide-antibiotic", "sulfate"),
        ("sulfonamide-antibiotic", "Sulfonylurea"),
        ("sulfonamide-antibiotic", "non-antibiotic sulfonamides"),
        ("plasma-exchange", "plasmapheresis, donor"),
    ],
)
def test_a_trap_is_not_recognised(knowledge: Knowledge, name: str, text: str) -> None:
    assert not named(knowledge.value_sets[name], text)


def test_the_name_of_a_coded_product_leads_to_its_own_set(knowledge: Knowledge) -> None:
    """Or, for immunoglobulin without brand or route, to "route unknown"."""
    drugs = [found for found in knowledge.value_sets.values() if found.kind == "drug"]
    for found in drugs:
        for codes in found.codes.values():
            for display in codes.values():
                owners = {other.id for other in drugs if named(other, display)}
                assert owners <= {found.id} or owners == {"immunoglobulin-route-unknown"}, f"{display}: {owners}"


def test_glucocorticoids_are_one_class(knowledge: Knowledge) -> None:
    members = {found.id for found in knowledge.value_sets.values() if found.drug == "glucocorticoid"}
    assert members == set(knowledge.thresholds.glucocorticoid.__struct_fields__)


def test_every_drug_has_a_class(knowledge: Knowledge) -> None:
    assert all(found.drug for found in knowledge.value_sets.values() if found.kind in {"drug", "allergy"})


def test_units_are_those_that_facts_use(knowledge: Knowledge) -> None:
    units = {name: knowledge.value_sets[name].unit for name in ("creatine-kinase", "creatinine", "anc", "hemoglobin")}
    assert units == {"creatine-kinase": "U/L", "creatinine": "umol/L", "anc": "10*9/L", "hemoglobin": "g/dL"}


def test_only_cpt_numbers_are_shipped(knowledge: Knowledge) -> None:
    assert knowledge.value_sets["plasma-exchange"].codes["cpt"] == {"36514": ""}


def test_every_code_has_a_display_but_cpt(knowledge: Knowledge) -> None:
    for found in knowledge.value_sets.values():
        for family, codes in found.codes.items():
            assert family == "cpt" or all(codes.values()), found.id


def test_aliases_are_whole_words(knowledge: Knowledge) -> None:
    for found in knowledge.value_sets.values():
        assert all(isinstance(each, re.Pattern) for each in (*found.aliases, *found.vetoes))
        assert all(each.pattern.startswith(r"(?<![\w-])") for each in found.aliases)
