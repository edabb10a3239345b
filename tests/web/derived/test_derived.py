"""What the pages of the rules are made of is as the rules and the vignettes are today."""

import subprocess
import sys
from math import floor
from pathlib import Path

import pytest

from cds_service.web.flows import Flow, Step
from hooks.knowledge import load
from hooks.reasoning import Criterion, all_of, any_of, none_of
from tests.web.derived.asked import Merged, general, merge, steps
from tests.web.derived.named import named

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_the_files_are_up_to_date() -> None:
    """In a process of its own: names instead of numbers must not reach what other tests remember."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.web.derived", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_number_prints_its_name_and_is_the_same_number() -> None:
    limit = named(load()).thresholds.ck.active_x_uln
    plain = load().thresholds.ck.active_x_uln
    assert f"{limit.value:g} [{limit.mark}]" == "⟦ck.active_x_uln:g⟧ [⟦ck.active_x_uln.mark⟧]"
    assert limit.value == plain.value
    assert f"{limit.value * 100:.0f}" == "⟦ck.active_x_uln*100:.0f⟧"
    assert f"{floor(limit.value)}" == "⟦ck.active_x_uln:floor⟧"
    assert f"{limit.value * limit.value:g}" == f"{plain.value**2:g}"


YES, NO = Criterion("first", True), Criterion("second", False)


def merged(*asked: tuple[Criterion, ...]) -> list[Merged]:
    into: list[Merged] = []
    for number, criteria in enumerate(asked):
        merge(into, number, criteria)
    return into


def test_what_is_asked_of_some_patients_stands_at_its_place() -> None:
    found = steps(merged((YES,), (Criterion("before", True), YES, NO)), {0: "no", 1: "no"}, frozenset({"first"}))
    assert [(step.name, step.asked, step.scope) for step in found] == [
        ("before", "sometimes", False),
        ("first", "always", True),
        ("second", "sometimes", False),
    ]


def test_what_is_asked_in_place_of_another_says_so() -> None:
    found = steps(merged((YES,), (NO,)), {0: "no", 1: "no"}, frozenset())
    assert {step.name: step.instead for step in found} == {"second": False, "first": True}


def test_what_only_a_critical_card_leaves_out_says_so() -> None:
    asked = merged((YES, NO), (YES,), (YES, NO))
    (_, second) = steps(asked, {0: "yes", 1: "critical", 2: "no"}, frozenset())
    assert second.asked == "unless critical"
    (_, second) = steps(asked, {0: "yes", 1: "yes", 2: "critical"}, frozenset())
    assert second.asked == "sometimes"


def test_parts_are_merged_with_what_they_are_needed_for_and_all_answers() -> None:
    (one,) = steps(
        merged((any_of("a", YES),), (any_of("a", NO, Criterion("first", None)),)), {0: "no", 1: "no"}, frozenset()
    )
    assert (one.needs, one.answers) == ("any", ("yes", "unknown"))
    assert {part.name: part.answers for part in one.parts} == {"first": ("yes", "unknown"), "second": ("no",)}
    (none,) = steps(merged((none_of("n", all_of("a", YES)),)), {0: "no"}, frozenset())
    assert (none.needs, none.parts[0].needs) == ("none", "all")


def test_a_criterion_that_only_renames_another_stands_for_it() -> None:
    plain, renamed = any_of("a", YES), Criterion("a, alone", False, parts=(any_of("a", YES),))
    (one,) = steps(merged((plain,), (renamed,), (plain,)), {0: "no", 1: "no", 2: "no"}, frozenset())
    assert (one.name, one.asked, [part.name for part in one.parts]) == ("a, alone", "always", ["first"])


def test_a_limit_that_is_a_patient_s_own_is_left_out() -> None:
    def limits(*texts: str) -> tuple[str, ...]:
        asked = merged(*((Criterion("c", True, threshold=text),) for text in texts))
        return steps(asked, dict.fromkeys(range(len(texts)), "no"), frozenset())[0].limits

    assert limits("≥ 2", "≥ 2") == ("≥ 2",)
    assert limits("3 of 4 weeks", "2 of 4 weeks", "") == ()
    assert limits("≥ 396 (2 × 198) [⟦a.b.mark⟧]", "≥ 400 (2 × 200) [⟦a.b.mark⟧]") == ("≥ … (2 × …) [⟦a.b.mark⟧]",)
    general = "≥ ⟦a.b:g⟧ [⟦a.b.mark⟧]"
    assert limits(general, f"{general}; nadir 170", "") == (general,)


def test_what_is_a_patient_s_own_somewhere_is_so_everywhere() -> None:
    own, general_ = Step("c", (), limits=("≥ 400 U/L (⟦a.b:g⟧ × 200)",)), "≥ … U/L (⟦a.b:g⟧ × …)"
    other = Step("c", (), limits=("≥ 400 U/L (⟦a.c:g⟧ × 200)",))
    flows = {"A": Flow((), (own, other)), "B": Flow((), (Step("d", (), parts=(Step("c", (), limits=(general_,)),)),))}
    (found, same) = general(flows)["A"].chart
    assert found.limits == (general_,)
    assert same == other
