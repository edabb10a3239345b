"""What `nam-cds check-knowledge` looks for beyond start-up."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec

from hooks.knowledge import Knowledge, load
from hooks.knowledge.checks import check, past_review

Edit = Callable[[str, str, str], Path]


def test_the_shipped_knowledge_is_sound(knowledge: Knowledge) -> None:
    assert check(knowledge) == []


def test_nothing_shipped_is_past_its_review_date(knowledge: Knowledge) -> None:
    assert past_review(knowledge, date(2026, 11, 22)) == []


def test_past_review_dates_are_named(knowledge: Knowledge) -> None:
    late = past_review(knowledge, date(2027, 6, 1))
    assert "rule Relapse: review was due by 2027-05-31" in late
    assert "threshold ck.active_x_uln: review was due by 2027-05-31" in late
    assert past_review(knowledge, date(2027, 5, 31)) == []


def test_a_file_that_is_no_fhir_value_set_is_named(edit: Edit, knowledge: Knowledge) -> None:
    data = edit("value_sets/wbc.json", '"experimental": true', '"experimental": "perhaps"')
    assert any(line.startswith("wbc.json: not a FHIR R4 ValueSet") for line in check(knowledge, data))


def test_a_regular_expression_that_is_sound_only_beside_others_is_named(edit: Edit, knowledge: Knowledge) -> None:
    data = edit("value_sets/creatine-kinase.json", '"CPK"', '"CPK)|(?:CPQ"')
    load(data=data)  # start-up cannot see it
    assert any("creatine-kinase.json: bad regular expression" in line for line in check(knowledge, data))


def test_an_unknown_code_system_is_named(edit: Edit, knowledge: Knowledge) -> None:
    data = edit("value_sets/wbc.json", '"http://loinc.org"', '"http://lo.example"')
    assert any("wbc.json: unknown code system http://lo.example" in line for line in check(knowledge, data))


def test_a_code_in_two_sets_of_one_kind_is_named(edit: Edit) -> None:
    data = edit("value_sets/wbc.json", '"6690-2"', '"718-7"')
    assert "value sets hemoglobin and wbc: both hold loinc 718-7" in check(load(data=data), data)


def test_a_code_in_two_diagnoses_is_named(edit: Edit) -> None:
    data = edit("value_sets/inclusion-body-myositis.json", '"G72.41"', '"M33.21"')
    wrong = check(load(data=data), data)
    assert "value sets polymyositis and inclusion-body-myositis: both hold icd10 M3321" in wrong


def test_what_no_rule_names_is_named(knowledge: Knowledge) -> None:
    fewer = msgspec.structs.replace(knowledge, rules={})
    wrong = check(fewer)
    assert "thresholds.yaml: ck.active_x_uln: no rule names it" in wrong
    assert "article.yaml: caveat-pjp: no rule covers it" in wrong
