"""Enough of a container build to run our own Dockerfile without a container engine.

Only what the Dockerfile uses is understood; anything else is refused, so that nothing goes unnoticed. Absolute paths of
the image are mapped to a folder. What is not reproduced: the base image's own system, and the user id.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

BASE_IMAGE = re.compile(r"python:\d+\.\d+\.\d+-slim-\w+")
MAPPED = re.compile(r"(?<![\w.])/(opt|src|tmp|var)\b")


@dataclass
class Image:
    """The last stage after the build."""

    root: Path
    workdir: Path
    environment: dict[str, str]
    user: str = "0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)
    volume: Path | None = None

    def start(self, **environment: str) -> "subprocess.Popen[str]":
        """Start what a container of this image starts, its output on a pipe."""
        return subprocess.Popen(
            [*self.entrypoint, *self.command],
            cwd=self.workdir,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def instructions(text: str) -> list[tuple[str, str]]:
    """(instruction, arguments) with continued lines joined and comments left out."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    joined = re.sub(r"\\\n\s*", "", lines)
    return [(head, rest.strip()) for head, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def context(project: Path, target: Path) -> None:
    """Copy what .dockerignore lets through: our file names the exceptions from 'ignore everything'."""
    rules = [line for line in (project / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert rules[0] == "*"
    target.mkdir()
    for rule in rules[1:]:
        if rule.startswith("!"):
            _copy(project / rule[1:], target / rule[1:])
        else:
            assert rule == "**/__pycache__", f"unknown rule {rule}"


def build(dockerfile: Path, context: Path, root: Path) -> Image:
    """Run the build in `root`, with sources from `context`. Raises AssertionError with the output of a failed step."""
    image = Image(root, root, {})
    for head, rest in instructions(dockerfile.read_text()):
        if head == "FROM":
            assert BASE_IMAGE.match(rest), f"not a pinned base image: {rest}"
            image = Image(root, root, _build_environment() if rest.endswith(" AS build") else {"PATH": os.defpath})
        elif head == "COPY":
            _copy_step(image, rest, context)
        elif head == "RUN":
            _run_step(image, rest)
        else:
            _describe(image, head, rest)
    return image


def _build_environment() -> dict[str, str]:
    """An interpreter in place of the base image's, and this machine's way to a package index."""
    way_out = {
        name: value
        for name, value in os.environ.items()
        if name in ("HOME", "SSL_CERT_FILE") or name.startswith("PIP_") or name.lower().endswith("_proxy")
    }
    return way_out | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def _copy_step(image: Image, arguments: str, context: Path) -> None:
    *sources, target = arguments.split()
    if sources[0].startswith("--from="):
        assert arguments == f"--from=build {sources[1]} {sources[1]}/", "stages share one folder here"
        assert Path(_mapped(image.root, sources[1])).is_dir()
        return
    for source in sources:
        origin = context / source
        into = target.endswith("/") and origin.is_file()
        _copy(origin, image.workdir / target / (origin.name if into else ""))


def _run_step(image: Image, command: str) -> None:
    (image.root / "var/lib").mkdir(parents=True, exist_ok=True)  # every system has it
    shell = ["/bin/sh", "-ec", _mapped(image.root, command)]
    done = subprocess.run(shell, cwd=image.workdir, env=image.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"RUN {command}\n{done.stdout}{done.stderr}"


def _describe(image: Image, head: str, rest: str) -> None:
    """The instructions that run nothing."""
    match head:
        case "ENV":
            for assignment in shlex.split(rest):
                name, _, value = assignment.partition("=")
                image.environment[name] = _mapped(image.root, value).replace("$PATH", image.environment["PATH"])
        case "WORKDIR":
            image.workdir = Path(_mapped(image.root, rest))
            image.workdir.mkdir(parents=True, exist_ok=True)
        case "USER":
            image.user = rest
        case "ENTRYPOINT":
            image.entrypoint = json.loads(rest)
        case "CMD":
            image.command = json.loads(rest)
        case "HEALTHCHECK":
            image.healthcheck = json.loads(rest.partition("CMD ")[2])
        case "VOLUME":
            image.volume = Path(_mapped(image.root, rest))
        case "EXPOSE":
            assert rest == "8080"
        case _:
            raise AssertionError(f"this test does not know {head}")


def _mapped(root: Path, text: str) -> str:
    return MAPPED.sub(rf"{root}/\1", text)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
