"""The scans find what is weak, say what they could not look up, and do not pass when they do not work."""

import json
import re
from typing import Any

import pytest

from tests.docs.generated import ROOT
from tests.scans.__main__ import REQUIREMENTS, Verdict, audit, judged, scan_code


def printed(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": list(packages), "fixes": []})


SOUND = {"name": "flask", "version": "3.1.3", "vulns": []}
WEAKNESS = {"id": "PYSEC-2099-1", "fix_versions": ["9.9"], "aliases": ["CVE-2099-1"], "description": "…"}


def test_sound_packages_pass() -> None:
    assert judged("run.txt", 0, printed(SOUND), "") == Verdict()


def test_a_known_weakness_fails_and_names_the_remedy() -> None:
    verdict = judged("run.txt", 1, printed(SOUND | {"vulns": [WEAKNESS]}), "Found 1 known vulnerability")
    assert verdict.failures == ("run.txt: flask 3.1.3 has PYSEC-2099-1 (CVE-2099-1); mended in 9.9",)


def test_what_could_not_be_looked_up_is_said_and_hides_nothing() -> None:
    skipped = {"name": "x", "skip_reason": "Dependency not found on PyPI and could not be audited: x (1)"}
    verdict = judged("run.txt", 0, printed(skipped, SOUND), "No known vulnerabilities found")
    assert verdict == Verdict((), ("run.txt: NOT AUDITED, 1 of 2 packages, unknown to the advisories: x",))
    assert judged("run.txt", 1, printed(skipped, SOUND | {"vulns": [WEAKNESS]}), "").failures


def test_advisories_out_of_reach_are_said_and_fail_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    verdict = audit("build.txt")
    assert verdict.failures == ()
    assert "build.txt: NOT AUDITED, the advisories cannot be reached" in verdict.warnings[0]


def test_a_scanner_that_does_not_work_fails() -> None:
    assert judged("run.txt", 2, "", "usage: pip-audit …").failures
    assert judged("run.txt", 1, "", "Traceback …\nKeyError: 'x'").failures
    assert audit("no-such-list.txt").failures


def test_the_list_that_is_audited_holds_the_others() -> None:
    pinned = {
        path.name: set(re.findall(r"^\S+==\S+", path.read_text(), re.MULTILINE))
        for path in (ROOT / "requirements").glob("*.txt")
    }
    assert len(pinned) > 1
    for name, packages in pinned.items():
        assert packages, name
        assert packages <= pinned[REQUIREMENTS], name


def test_weak_code_fails_and_ours_passes(tmp_path: Any) -> None:
    (tmp_path / "weak.py").write_text("import subprocess\nsubprocess.call('ls', shell=True)\n")
    assert scan_code([str(tmp_path)]).failures
    assert scan_code() == Verdict()
