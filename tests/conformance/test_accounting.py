"""Nothing is unaccounted for: each requirement has its tests, or a reason to have none."""

from collections import Counter

import pytest

from tests.conformance import accounting
from tests.conformance.accounting import Proof, Requirement, complaints, ids_of_name, named_in, requirements, sections


def test_every_requirement_has_tests_or_a_reason() -> None:
    assert complaints() == []


def test_no_requirement_is_listed_twice() -> None:
    assert [id_ for id_, count in Counter(id_ for one in sections().values() for id_ in one).items() if count > 1] == []
    assert len(requirements()) == 271


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("test_CH_PF_04_17_empty", ["CH-PF-04", "CH-PF-17"]),
        ("test_CH_DISC_04_to_06_members", ["CH-DISC-04", "CH-DISC-05", "CH-DISC-06"]),
        ("test_CH_PF_10_CH_SSRF_05_next", ["CH-PF-10", "CH-SSRF-05"]),
        ("test_CH_3_15_a_bad_card", ["CH-3-15"]),
        ("test_CH_JWT_14_3600_seconds", ["CH-JWT-14"]),
        ("test_nothing_of_that", []),
    ],
)
def test_ids_are_read_from_names(name: str, ids: list[str]) -> None:
    assert list(ids_of_name(name)) == ids


def test_ids_are_read_from_docstrings_and_parameters() -> None:
    source = '''
@pytest.mark.parametrize("x", [pytest.param(1, id="CH-PF-01"), ("CH-PF-02", "CH-PF-02")])
def test_CH_PF_03_x(x):
    """Proves CH-PF-04 as well."""
    call("CH-PF-05")

def helper_CH_PF_06():
    """CH-PF-07"""
'''
    assert sorted(id_ for id_, _ in named_in(source)) == ["CH-PF-01", "CH-PF-02", "CH-PF-03", "CH-PF-04"]


def test_what_is_not_accounted_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Requirement("MUST", "all", "It works.")
    known = {"CH-A-01": one, "CH-A-02": Requirement("MUST", "all", "It is.", "It is not."), "CH-A-03": one}
    proven = {id_: [Proof("test_a.py", "test_a")] for id_ in ("CH-A-02", "CH-A-03", "CH-A-09")}
    monkeypatch.setattr(accounting, "requirements", lambda: known)
    monkeypatch.setattr(accounting, "proofs", lambda: proven)
    assert [complaint.split()[:4] for complaint in complaints()] == [
        ["CH-A-01", "has", "neither", "a"],
        ["CH-A-02", "has", "a", "reason"],
        ["CH-A-09", "is", "named", "by"],
    ]
