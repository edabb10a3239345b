"""`nam-cds check-knowledge`."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from click.testing import Result

from cds_service.cli import check_knowledge
from hooks.knowledge import load

Run = Callable[..., Result]


def test_what_there_is_is_counted(run: Run) -> None:
    result = run("check-knowledge")
    assert result.exit_code == 0
    assert f"{len(load().rules)} rules" in result.output
    assert load().version in result.output


def test_a_site_s_changes_are_told(run: Run, tmp_path: Path) -> None:
    overlay = tmp_path / "site.yaml"
    overlay.write_text("thresholds:\n  ck.active_x_uln: {value: 3, reason: own limit}\n")
    assert "site: ck.active_x_uln: 2 {ULN} → 3 {ULN} (own limit)" in run("check-knowledge", "--overlay", overlay).output


def test_an_overlay_that_cannot_be_used_names_file_and_key(run: Run, tmp_path: Path) -> None:
    overlay = tmp_path / "site.yaml"
    overlay.write_text("thresholds:\n  ck.nothing: {value: 3, reason: own limit}\n")
    result = run("check-knowledge", "--overlay", overlay)
    assert result.exit_code == 1
    assert "site.yaml" in result.stderr
    assert "ck.nothing" in result.stderr


def test_every_problem_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_knowledge, "check", lambda knowledge: ["a.yaml: one", "b.yaml: two"])
    result = run("check-knowledge")
    assert result.exit_code == 1
    assert "error: a.yaml: one\nerror: b.yaml: two\n" in result.stderr
    assert "2 errors in the knowledge." in result.stderr


def test_what_is_due_for_review_is_a_warning(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_knowledge, "today", lambda: date(2099, 1, 1))
    result = run("check-knowledge")
    assert result.exit_code == 0
    assert "warning: rule EscalateToCyclophosphamide: review was due by" in result.stderr
