"""`python -m tests.scans`: known weaknesses of what we install, and of what we wrote. A part of `make check`.

A weakness fails, and so does a scanner that does not work. What cannot be looked up, since the advisories are out of
reach or do not know a package, is said loudly and fails nothing: else nobody could work without a network.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from tests.docs.generated import ROOT

REQUIREMENTS = "dev.txt"
"""The list that holds the others."""
CODE = ("cds_service", "hooks")
_USAGE = 2
_OUT_OF_REACH = (
    "ConnectionError",
    "ConnectTimeout",
    "ReadTimeout",
    "ProxyError",
    "SSLError",
    "ServiceError",
    "HTTPError",
)


class Verdict(NamedTuple):
    """What an audit of one list came to."""

    failures: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def audit(name: str) -> Verdict:
    """What is known of the packages in one of the lists."""
    options = ["--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off", "--timeout", "10"]
    command = [sys.executable, "-m", "pip_audit", "-r", str(ROOT / "requirements" / name), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return judged(name, done.returncode, done.stdout, done.stderr)


def judged(name: str, returncode: int, stdout: str, stderr: str) -> Verdict:
    """The verdict on what pip-audit printed."""
    try:
        packages: list[dict[str, Any]] = json.loads(stdout)["dependencies"]
    except ValueError:
        last = (stderr.strip().splitlines() or ["it said nothing"])[-1]
        if returncode == _USAGE or not any(sign in stderr for sign in _OUT_OF_REACH):
            return Verdict(failures=(f"{name}: pip-audit does not work: {last}",))
        return Verdict(warnings=(f"{name}: NOT AUDITED, the advisories cannot be reached: {last}",))
    failures = tuple(
        f"{name}: {package['name']} {package['version']} has {weakness['id']}"
        f" ({', '.join(weakness['aliases']) or 'no other name'}); mended in"
        f" {', '.join(weakness['fix_versions']) or 'no version yet'}"
        for package in packages
        for weakness in package.get("vulns", ())
    )
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    if not unknown:
        return Verdict(failures)
    some = ", ".join(unknown[:5]) + (", …" if len(unknown) > 5 else "")
    text = f"{name}: NOT AUDITED, {len(unknown)} of {len(packages)} packages, unknown to the advisories: {some}"
    return Verdict(failures, (text,))


def scan_code(paths: Sequence[str] = CODE) -> Verdict:
    """What bandit finds; it prints the places itself."""
    command = [sys.executable, "-m", "bandit", "--quiet", "--configfile", "pyproject.toml", "--recursive", *paths]
    # On standard error it also wonders about each `nosec` on a line of a larger expression.
    done = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)
    return Verdict((f"bandit found weak places\n{done.stderr}",)) if done.returncode else Verdict()


def main() -> int:
    """Scan, and print what is to be known; 1 if something fails."""
    verdicts = [scan_code(), audit(REQUIREMENTS)]
    for verdict in verdicts:
        for warning in verdict.warnings:
            print(f"WARNING: {warning}", file=sys.stderr)
        for failure in verdict.failures:
            print(f"FAILED: {failure}", file=sys.stderr)
    return int(any(verdict.failures for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
