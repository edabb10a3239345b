"""Start-up reads the knowledge; what is wrong with it is said with file and key."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import pytest

from hooks.knowledge import Knowledge, KnowledgeError, load
from hooks.knowledge.loading import snake_case
from hooks.knowledge.thresholds import MARKS

Edit = Callable[[str, str, str], Path]

CK = "value_sets/creatine-kinase.json"
RULE = "rules/relapse.yaml"


def test_thresholds_carry_value_unit_mark_source_and_review_date(knowledge: Knowledge) -> None:
    cap = knowledge.thresholds.cyclophosphamide.cap_mg
    assert (cap.value, cap.unit, cap.mark, cap.review_by) == (1200, "mg", "M", date(2027, 5, 31))
    assert "E34" in cap.source
    assert str(cap) == "1200 mg"


def test_125_of_150_is_weak_and_126_is_not(knowledge: Knowledge) -> None:
    limit = knowledge.thresholds.strength.weak_fraction.value
    assert 125 / 150 <= limit < 126 / 150
    assert 66 / 80 <= limit < 67 / 80


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ck.uln_default", 200),
        ("ck.active_x_uln", 2),
        ("ck.fresh_days", 90),
        ("ck.ukat_to_u", 60),
        ("strength.full_fraction", 0.95),
        ("strength.fresh_days", 180),
        ("strength.loss_fraction_worse", 0.1),
        ("baseline.before_days", 90),
        ("baseline.after_days", 14),
        ("baseline.fallback_days", 180),
        ("response.ck_range_x_uln", 15),
        ("response.minimal", 20),
        ("response.moderate", 40),
        ("response.major", 60),
        ("ivig.g_per_kg", 2),
        ("ivig.tolerance", 0.1),
        ("ivig.max_days", 5),
        ("ivig.courses", 3),
        ("ivig.gap_days_min", 21),
        ("ivig.gap_days_max", 42),
        ("ivig.alt_g_per_kg", 4),
        ("ivig.min_weeks", 12),
        ("ivig.active_days", 42),
        ("rituximab.fixed_mg", 1000),
        ("rituximab.fixed_n", 2),
        ("rituximab.gap_days_min", 10),
        ("rituximab.gap_days_max", 21),
        ("rituximab.mg_m2", 375),
        ("rituximab.weekly_n", 4),
        ("rituximab.weekly_gap_days_min", 5),
        ("rituximab.weekly_gap_days_max", 10),
        ("rituximab.alt_mg", 1800),
        ("rituximab.min_weeks", 24),
        ("rituximab.recent_days", 183),
        ("methotrexate.min_mg_week", 15),
        ("methotrexate.max_mg_week", 25),
        ("methotrexate.hard_max_mg_week", 30),
        ("methotrexate.min_weeks", 12),
        ("cyclophosphamide.dose_lt60", 15),
        ("cyclophosphamide.dose_lt60_renal", 12.5),
        ("cyclophosphamide.dose_60to70", 12.5),
        ("cyclophosphamide.dose_60to70_renal", 10),
        ("cyclophosphamide.dose_gt70", 10),
        ("cyclophosphamide.dose_gt70_renal", 7.5),
        ("cyclophosphamide.creatinine_split", 300),
        ("cyclophosphamide.creatinine_stop", 500),
        ("cyclophosphamide.egfr_reduce", 30),
        ("cyclophosphamide.cap_mg", 1200),
        ("cyclophosphamide.round_mg", 50),
        ("cyclophosphamide.min_weeks", 12),
        ("cyclophosphamide.wbc_hold", 4),
        ("cyclophosphamide.anc_hold", 2),
        ("cyclophosphamide.platelets_hold", 100),
        ("cyclophosphamide.cumulative_stop_g", 25),
        ("cyclophosphamide.active_days", 35),
        ("gates.weight_days", 30),
        ("gates.creatinine_days", 14),
        ("gates.cbc_days", 14),
        ("gates.hcg_days", 7),
        ("gates.urine_days", 30),
        ("gates.hepatitis_days", 365),
        ("pjp.gc_mg", 20),
        ("pjp.gc_days", 28),
        ("pjp.gc_mid_mg", 15),
        ("pjp.gc_mid_days", 14),
        ("pjp.lymphocytes", 0.8),
        ("pjp.rtx_gc_mg", 10),
        ("pjp.pulse_mg", 250),
        ("pjp.pulse_days", 60),
        ("pjp.cyc_days", 90),
        ("monitoring.ck_days_active", 35),
        ("monitoring.ck_days_stable", 100),
        ("monitoring.mmt_days", 100),
        ("trajectory.relapse_x_uln", 2),
        ("trajectory.relapse_x_nadir", 1.5),
        ("trajectory.relapse_rise", 200),
        ("trajectory.relapse_single_x_nadir", 3),
        ("reading.lab_fresh_days", 90),
        ("glucocorticoid.hydrocortisone", 0.25),
        ("glucocorticoid.deflazacort", 0.83),
    ],
)
def test_values_are_those_of_the_specification(knowledge: Knowledge, key: str, value: float) -> None:
    assert knowledge.threshold(key).value == value


def test_an_unknown_threshold_is_a_key_error(knowledge: Knowledge) -> None:
    for key in ("ck.nonsense", "nonsense.cap_mg", "ck"):
        with pytest.raises(KeyError, match=key):
            knowledge.threshold(key)


def test_rules_stand_in_the_order_of_evaluation(knowledge: Knowledge) -> None:
    names = list(knowledge.rules)
    assert len(names) == 42
    assert names[0] == "StatinExposure"
    assert names[-1] == "DataQuality"
    assert names.index("AfterCyclophosphamideFailure") < names.index("TrialAdequacy")
    assert names.index("StatinPendingAntibody") < names.index("AntibodyTestingNeeded")


def test_citations_carry_their_key(knowledge: Knowledge) -> None:
    assert set(knowledge.citations) == {"article", *(f"E{number}" for number in range(1, 44))}
    assert all(entry.id == key for key, entry in knowledge.citations.items())
    assert not knowledge.citations["E20"].identifier, "its number was never seen"


def test_critical_cards_accept_three_reasons(knowledge: Knowledge) -> None:
    assert len(knowledge.override_reasons) == 9
    safe = {reason.code for reason in knowledge.override_reasons if reason.safety}
    assert safe == {"specialist-plan", "already-done-elsewhere", "data-wrong"}


def test_decisions_say_where_and_what(knowledge: Knowledge) -> None:
    assert all(where and what for where, what in knowledge.decisions)


def test_the_version_is_stable_and_changes_with_any_file(knowledge: Knowledge, data: Path) -> None:
    assert load(data=data).version == knowledge.version == load().version
    path = data / CK
    path.write_bytes(path.read_bytes() + b"\n")
    assert load(data=data).version != knowledge.version


def test_every_mark_is_explained(knowledge: Knowledge) -> None:
    groups = (getattr(knowledge.thresholds, group.name) for group in msgspec.structs.fields(knowledge.thresholds))
    entries = [getattr(group, entry.name) for group in groups for entry in msgspec.structs.fields(group)]
    assert {entry.mark for entry in entries} <= set(MARKS)


def test_snake_case() -> None:
    assert snake_case("AntiHmgcrTailoring") == "anti_hmgcr_tailoring"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        # thresholds
        ("thresholds.yaml", "value: 200, ", "", r"thresholds.yaml: ck.uln_default: .*missing.*`value`"),
        ("thresholds.yaml", "value: 200", 'value: "200"', r"thresholds.yaml: ck.uln_default.value: Expected `float`"),
        ("thresholds.yaml", "  uln_default:", "  uln_standard:", r"thresholds.yaml: ck: .*`uln_"),
        (
            "thresholds.yaml",
            "mark: ENG",
            "mark: SURE",
            r"thresholds.yaml: ck.uln_default.mark: Invalid enum value 'SURE'",
        ),
        ("thresholds.yaml", "ck:\n", "kc:\n", r"thresholds.yaml: Object contains unknown field `kc`"),
        ("thresholds.yaml", '"A4, B8"', '"A4, E99"', r"thresholds.yaml: ck.uln_default.source: unknown citation `E99`"),
        ("thresholds.yaml", '"A4, B8"', '"A4, my head"', r"ck.uln_default.source: `my head` is no section"),
        ("thresholds.yaml", '"A4, B8"', '""', r"ck.uln_default.source: `` is no section"),
        ("thresholds.yaml", "review_by: 2027-05-31", "review_by: soon", r"thresholds.yaml: review_by: .*date"),
        ("thresholds.yaml", "review_by: 2027-05-31", "", r"thresholds.yaml: review_by: Expected `date`"),
        ("thresholds.yaml", "ck:\n", "ck: 3\ncm:\n", r"thresholds.yaml: ck: Expected `object`, got `int`"),
        ("thresholds.yaml", "  active_x_uln:", "  uln_default:", r"line \d+: the key `uln_default` stands twice"),
        (
            "thresholds.yaml",
            "  uln_default: {value: 200,",
            "  uln_default: 200\n  x: {",
            r"ck.uln_default: Expected `object`",
        ),
        ("thresholds.yaml", "ck:\n", "ck: [\n", r"thresholds.yaml: line \d+: "),
        # rules and what they name
        (RULE, "trajectory.relapse_rise", "trajectory.rise", r"relapse.yaml: thresholds: unknown threshold `traj"),
        (RULE, "E42", "E44", r"relapse.yaml: citations: unknown entry `E44`"),
        (RULE, "override:", "against: [E0]\noverride:", r"relapse.yaml: against: unknown entry `E0`"),
        (RULE, "caveat-relapse", "caveat", r"relapse.yaml: article: unknown entry `caveat`"),
        (RULE, "name: Relapse", "name: Relapses", r"relapse.yaml: name: `Relapses` belongs into relapses.yaml"),
        (RULE, "title:", "titel:", r"relapse.yaml: Object .*"),
        (RULE, "family: trajectory", "family: other", r"relapse.yaml: family: Invalid enum value 'other'"),
        ("order.yaml", "  - Relapse\n", "", r"order.yaml: Relapse: every rule stands in the order exactly once"),
        ("order.yaml", "  - Relapse\n", "  - Relapse\n  - Relapse\n", r"order.yaml: Relapse: every rule"),
        ("order.yaml", "  - Relapse\n", "  - Lapse\n", r"order.yaml: Lapse: no such rule"),
        ("order.yaml", "order:", "orders:", r"order.yaml: Object contains unknown field `orders`"),
        # the other lists
        ("evidence.yaml", "confidence: Hc", "confidence: sure", r"evidence.yaml: E1.confidence: Invalid enum value"),
        ("evidence.yaml", "E2:", "E1:", r"evidence.yaml: line \d+: the key `E1` stands twice"),
        ("article.yaml", "  text:", "  texts:", r"article.yaml: disease: Object "),
        (
            "override_reasons.yaml",
            "true",
            "yep",
            r"override_reasons.yaml: override_reasons\[0\].safety: Expected `bool`",
        ),
        ("decisions.yaml", "where:", "wher:", r"decisions.yaml: decisions\[0\]: Object "),
        # value sets
        (CK, '"urn:nam-cds:kind"', '"urn:nam-cds:sort"', r"creatine-kinase.json: urn:nam-cds:sort: unknown extension"),
        (CK, '"urn:nam-cds:kind"', '"kind"', r"creatine-kinase.json: kind: unknown extension"),
        (CK, '"laboratory"', '"lab"', r"creatine-kinase.json: urn:nam-cds:kind: expected one of condition, "),
        (CK, '"U/L"', '""', r"creatine-kinase.json: urn:nam-cds:unit: `` is empty, or stands twice"),
        (CK, '"CPK"', '"CK"', r"creatine-kinase.json: urn:nam-cds:text-alias: `CK` is empty, or stands twice"),
        (CK, '"CPK"', '"CPK("', r"creatine-kinase.json: urn:nam-cds:text-alias: bad regular expression `CPK\(`"),
        (CK, '"iso-?enz"', '"[iso"', r"creatine-kinase.json: urn:nam-cds:text-veto: bad regular expression `\[iso`"),
        (CK, '"id": "creatine-kinase"', '"id": "ck"', r"creatine-kinase.json: id: `ck` must be the file's name"),
        (CK, "value-set:creatine-kinase", "value-set:ck", r"creatine-kinase.json: id: "),
        (CK, '"2157-6"', "2157", r"creatine-kinase.json: compose.include\[\d\].concept\[0\].code: Expected `str`"),
        (CK, '"2157-6"', '""', r"creatine-kinase.json: compose.include\[\d\].concept\[0\].code: .*length"),
        (CK, '"status"', '"state"', r"creatine-kinase.json: Object contains unknown field `state`"),
        (CK, "{", "{,", r"creatine-kinase.json: not JSON"),
        (
            "value_sets/aldolase.json",
            '{ "code": "1761-6"',
            '{ "code": "1761-6" }, { "code": "1761-6"',
            r"aldolase.json: compose.include: loinc 1761-6: stands twice",
        ),
    ],
)
def test_an_error_names_file_and_key(edit: Edit, file: str, old: str, new: str, said: str) -> None:
    data = edit(file, old, new)
    with pytest.raises(KnowledgeError, match=said) as raised:
        load(data=data)
    assert raised.value.file.startswith(Path(file).name)


def test_expressions_that_only_clash_together_are_an_error(edit: Edit) -> None:
    edit(CK, '"CPK"', '"(?P<a>CPK)"')
    data = edit(CK, '"CK"', '"(?P<a>CK)"')
    with pytest.raises(KnowledgeError, match=r"creatine-kinase.json: urn:nam-cds:text-alias: .*`all together` \(redef"):
        load(data=data)


def test_a_missing_file_is_named(data: Path) -> None:
    (data / "evidence.yaml").unlink()
    with pytest.raises(KnowledgeError, match=r"evidence.yaml: cannot be read \(No such file"):
        load(data=data)


def test_no_value_sets_is_an_error_not_an_empty_knowledge(data: Path) -> None:
    for path in (data / "value_sets").iterdir():
        path.unlink()
    with pytest.raises(KnowledgeError, match="value_sets: the folder is missing or empty"):
        load(data=data)


def test_a_list_at_the_top_is_an_error(data: Path) -> None:
    (data / "order.yaml").write_text("- Relapse\n")
    with pytest.raises(KnowledgeError, match=r"order.yaml: expected a mapping of keys"):
        load(data=data)


def test_bytes_that_are_no_text_are_an_error(data: Path) -> None:
    (data / "order.yaml").write_bytes(b"order: [\xff\xfe]\n")
    with pytest.raises(KnowledgeError, match=r"order.yaml"):
        load(data=data)
