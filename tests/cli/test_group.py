"""What holds for all commands: help, examples, exit codes."""

import re
import shlex
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from cds_service import settings
from cds_service.cli import seed, serve
from cds_service.cli.diff import DIFFERENT
from cds_service.cli.main import COMMANDS
from cds_service.settings import Settings
from cds_service.store.store import Store

Run = Callable[..., Result]
ROOT = Path(__file__).parents[2]


def examples() -> list[list[str]]:
    """The command lines in the examples of each command's help."""
    lines: list[list[str]] = []
    for name in COMMANDS:
        epilog = import_module(f"cds_service.cli.{COMMANDS[name]}").command.epilog
        found = [line for line in epilog.replace("\\\n", " ").splitlines() if line.strip().startswith("nam-cds ")]
        assert found, f"{name} has no example"
        lines += [shlex.split(line)[1:] for line in found]
    return lines


@pytest.mark.parametrize("arguments", examples(), ids=" ".join)
def test_every_example_of_the_help_works(
    run: Run, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    (tmp_path / "site.yaml").write_text("thresholds:\n  ck.active_x_uln: {value: 3, reason: own limit}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings, "DEFAULT_DATABASE", "sqlite:///nam-cds.sqlite")
    Store.of(Settings()).close()  # the service has run here before
    monkeypatch.setattr(serve, "_run", lambda settings: None)
    monkeypatch.setattr(serve, "_check_address", lambda settings: None)
    monkeypatch.setattr(seed, "Client", lambda *args, **options: Accepting())
    result = run(*(re.sub(r"http://127\.0\.0\.1:8080", server, argument) for argument in arguments))
    assert result.exit_code == (DIFFERENT if arguments[0] == "diff" else 0), result.output


class Accepting:
    """Stands for a FHIR server that takes everything."""

    ok = True
    status_code = 200

    def __enter__(self) -> "Accepting":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def send(self, *_: Any, **__: Any) -> "Accepting":
        return self


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_is_short_and_plain(run: Run, command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert result.output.startswith("Usage: ")
    assert command == [] or "Examples:" in result.output


def test_the_help_of_the_group_tells_the_exit_codes(run: Run) -> None:
    shown = " ".join(run("--help").output.split())
    assert "0 all is well, 1 something went wrong (a message says what), 2 the command was not understood" in shown
    assert all(name in shown for name in COMMANDS)


def test_an_unknown_command_is_exit_code_2(run: Run) -> None:
    assert run("dance").exit_code == 2


def test_a_missing_argument_is_exit_code_2(run: Run) -> None:
    assert run("services").exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["services", "http://127.0.0.1:9"],
        ["services", "no-address"],
        ["call", "http://127.0.0.1:9/cds-services/x", "--fhir", "http://127.0.0.1:9/fhir", "--patient", "x"],
        ["call", "http://127.0.0.1:9/elsewhere", "--fhir", "http://127.0.0.1:9/fhir", "--patient", "x"],
        ["seed", "http://127.0.0.1:9/fhir"],
        ["seed", "http://127.0.0.1:9/fhir", "--patient", "nobody"],
        ["explain", __file__],
        ["check-knowledge", "--overlay", __file__],
        ["serve", "--overlay", __file__],
        ["serve", "--unsupported-sources", "nothing"],
        ["serve", "--port", "0"],
    ],
    ids=" ".join,
)
def test_what_goes_wrong_is_told_in_a_line_or_two(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.strip().splitlines()) <= 2
    assert "Traceback" not in result.output
