"""Everything that the service writes while the tests run is heard, and searched when they have ended.

A pytest plugin, which `tests/conftest.py` installs. Heard are

- each log line and audit record of this process, wherever it goes, as it is rendered;
- what other libraries log, from the level on at which a process without a configuration prints it;
- what tests capture of standard output and standard error, or leave to be captured;
- what servers in processes of their own print, in files or through pipes;
- the files that tests leave behind: audit files, SQLite databases with their journals.

A secret in any of it fails the session, and so does a server to whose output nobody listens. Not heard is what commands
(`nam-cds call`, `explain`) print for the one who typed them, of that person's own patients: the tests run these with
click's runner, or as processes. The log lines of the former are heard all the same. So it is with what the programs in
the documentation print.
"""

import contextlib
import logging
import os
import re
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from cds_service import logs
from tests.leaks.secrets import found_in

_FILES = re.compile(r".*\.jsonl|audit\..*|serve-.*\.txt|.*\.(sqlite|db)(-.*)?")


class Listener:
    """What was heard: each text once, with where and in which test it was heard first."""

    def __init__(self) -> None:
        self.texts: dict[str, tuple[str, str]] = {}
        self.files: set[Path] = set()
        self.pipes: dict[int, str] = {}
        """Servers on a pipe that nobody has read, and in which test they were started."""
        self.deaf: list[str] = []
        """In which tests a server's output was thrown away."""
        self.folder: Path | None = None
        self.test = "no test"
        self.leaks: list[str] = []

    def hear(self, channel: str, text: str | bytes | None) -> None:
        """Remember a text."""
        if text:
            text = text if isinstance(text, str) else text.decode("utf-8", "replace")
            self.texts.setdefault(text, (channel, self.test))

    def hear_files(self) -> None:
        """Read the files that were written."""
        for folder, _, names in os.walk(self.folder or ""):
            self.files.update(Path(folder, name) for name in names if _FILES.fullmatch(name))
        for path in sorted(self.files):
            self.test = str(path)
            with contextlib.suppress(FileNotFoundError):  # a test may have taken it away
                self.hear("file", path.read_bytes())

    def search(self) -> list[str]:
        """A sentence for each secret that was heard."""
        found = found_in("\n".join(self.texts))
        sentences = [
            f"{kind} ({secret}) in a {channel} of {test}: {text.strip()[:300]}"
            for secret, kind in found.items()
            for text, (channel, test) in self.texts.items()
            if secret in text.lower()
        ]
        unheard = (*self.deaf, *self.pipes.values())
        return sentences + [f"a server to whose output nobody listened, in {test}" for test in unheard]


LISTENER = Listener()
_ELSEWHERE: list[str] = []
"""What the other processes of a session found, where tests run side by side."""


class _Logged(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        LISTENER.hear("log line of a library", self.format(record))


def pytest_configure(config: pytest.Config) -> None:
    patch = pytest.MonkeyPatch()
    _listen_to_log_lines(patch)
    _listen_to_captures(patch)
    _listen_to_servers(patch)
    handler = _Logged(logging.WARNING)
    logging.getLogger().addHandler(handler)
    config.add_cleanup(patch.undo)
    config.add_cleanup(lambda: logging.getLogger().removeHandler(handler))


@pytest.fixture(autouse=True, scope="session")
def _files_that_tests_leave_behind(tmp_path_factory: pytest.TempPathFactory) -> None:
    LISTENER.folder = tmp_path_factory.getbasetemp()


def pytest_runtest_logstart(nodeid: str) -> None:
    LISTENER.test = nodeid


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for name, text in report.sections:
        if name.startswith("Captured std") and not (name.startswith("Captured stdout") and _for_readers(report.nodeid)):
            LISTENER.hear(name, text)


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    yield
    LISTENER.hear_files()
    LISTENER.leaks = LISTENER.search()
    if hasattr(session.config, "workeroutput"):  # one of several processes: the first one has the last word
        session.config.workeroutput["leaks"] = LISTENER.leaks
    LISTENER.leaks += _ELSEWHERE
    if LISTENER.leaks and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What another process of this session heard; nothing, if it died, which fails the session anyway."""
    _ELSEWHERE.extend(getattr(node, "workeroutput", {}).get("leaks", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if LISTENER.leaks:
        terminalreporter.section("the service wrote what nobody may read", red=True)
        for sentence in LISTENER.leaks[:50]:
            terminalreporter.line(sentence)
        terminalreporter.line(f"{len(LISTENER.leaks)} in all")


def _for_readers(test: str) -> bool:
    """Whether standard output is what a program in the documentation prints about a fixture, for its reader."""
    return "tests/docs/test_examples.py::" in test


def _listen_to_log_lines(patch: pytest.MonkeyPatch) -> None:
    """As they are rendered: the last of the processors hears what is written."""
    processors = logs.processors

    def heard(logger: Any, method: str, line: Any) -> Any:
        LISTENER.hear("log line", str(line))
        return line

    patch.setattr(logs, "processors", lambda renderer: [*processors(renderer), heard])


def _listen_to_captures(patch: pytest.MonkeyPatch) -> None:
    """Of what a test has taken, nothing is left for its report."""
    readouterr = pytest.CaptureFixture.readouterr

    def read(self: pytest.CaptureFixture[Any]) -> Any:
        taken = readouterr(self)
        for text in taken:
            LISTENER.hear("capture", text)
        return taken

    patch.setattr(pytest.CaptureFixture, "readouterr", read)


def _listen_to_servers(patch: pytest.MonkeyPatch) -> None:
    """What is printed on an inherited stream is captured by pytest; pipes and files are not."""
    init, communicate = subprocess.Popen.__init__, subprocess.Popen.communicate

    def started(self: Any, args: Any, *more: Any, **named: Any) -> None:
        init(self, args, *more, **named)
        if not _serves(args):
            return
        for stream in (named.get("stdout"), named.get("stderr")):
            if stream == subprocess.PIPE:
                LISTENER.pipes[id(self)] = LISTENER.test
            elif stream == subprocess.DEVNULL:
                LISTENER.deaf.append(LISTENER.test)
            elif stream is not None and hasattr(stream, "name"):
                LISTENER.files.add(Path(stream.name))

    def ended(self: Any, *arguments: Any, **named: Any) -> Any:
        texts = communicate(self, *arguments, **named)
        if LISTENER.pipes.pop(id(self), None):
            for text in texts:
                LISTENER.hear("server's output", text)
        return texts

    patch.setattr(subprocess.Popen, "__init__", started)
    patch.setattr(subprocess.Popen, "communicate", ended)


def _serves(args: Any) -> bool:
    words = [str(word) for word in ([args] if isinstance(args, str | Path) else args)]
    return "serve" in words and any("nam-cds" in word or "cds_service" in word for word in words)
