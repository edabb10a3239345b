"""Without Java or Maven the HAPI tests are skipped and say why; in CI they fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.hapi import HapiUnavailableError, build

ROOT = Path(__file__).parents[2]
A_TEST = "tests/integration/test_hapi.py::test_there_are_drafts_of_each_kind"


def without_tools(**environment: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if name not in ("PATH", "CI")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", A_TEST],
        cwd=ROOT,
        env=inherited | {"PATH": "/nonexistent"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_missing_tools_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(HapiUnavailableError, match="not on PATH: java, mvn; install Java 17 and Maven"):
        build()


@pytest.mark.slow
def test_elsewhere_a_missing_server_is_a_skip_with_its_reason() -> None:
    done = without_tools()
    assert done.returncode == 0, done.stdout
    assert "1 skipped" in done.stdout
    assert "no HAPI server: not on PATH: java, mvn" in done.stdout


@pytest.mark.slow
def test_in_CI_a_missing_server_is_a_failure() -> None:
    done = without_tools(CI="true")
    assert done.returncode == 1, done.stdout
    assert "CI needs the HAPI server: not on PATH: java, mvn" in done.stdout
