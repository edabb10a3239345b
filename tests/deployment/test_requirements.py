"""The lock: every file of every requirement is known by its hash, wherever it comes from."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "requirements"
LOCKS = ["run.txt", "build.txt", "dev.txt"]


def pins(lock: str) -> dict[str, list[str]]:
    """Requirement → its hashes."""
    text = (FOLDER / lock).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return {line.split(" --hash")[0].strip(): re.findall(r"--hash=sha256:([0-9a-f]{64})\b", line) for line in lines}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_with_hashes(lock: str) -> None:
    assert pins(lock)
    for requirement, hashes in pins(lock).items():
        assert re.match(r"[a-z0-9._-]+==[^ ]+( ; .+)?$", requirement)
        assert hashes


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_names_no_address(lock: str) -> None:
    assert "://" not in (FOLDER / lock).read_text()


def test_development_uses_what_is_delivered() -> None:
    # A tool may want on more platforms what the service wants on some: the markers may differ, the versions not.
    delivered, development = (
        {requirement.split(" ; ")[0] for lock in locks for requirement in pins(lock)}
        for locks in (("run.txt", "build.txt"), ("dev.txt",))
    )
    assert delivered <= development
