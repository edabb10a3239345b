"""Each requirement with the tests that prove it, or with the reason why there is none.

A test proves a requirement whose id is in its name (`test_CH_PF_04_17_…` names two, `test_CH_DISC_04_to_09_…` six), in
its docstring, or in the parameters of its decorators (there and in docstrings as `CH-PF-04`).
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import yaml

TESTS = Path(__file__).parents[1]
_NAMED = re.compile(r"CH_(?P<group>[A-Z]+|3)_(?P<numbers>\d\d(?:_(?:to_)?\d\d(?!\d))*)")
_WRITTEN = re.compile(r"CH-(?:[A-Z]+|3)-\d\d")


class Requirement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the list. `reason`: why no test proves it."""

    level: str
    versions: str
    text: str
    reason: str = ""


class Proof(NamedTuple):
    """A test: its file, relative to `tests`, and its name."""

    file: str
    test: str


@cache
def sections() -> dict[str, dict[str, Requirement]]:
    """All requirements by section and id, in the order of the file."""
    text = (TESTS / "conformance/requirements.yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml.safe_load(text), dict[str, dict[str, Requirement]])


def requirements() -> dict[str, Requirement]:
    """All of them by id."""
    return {id_: one for section in sections().values() for id_, one in section.items()}


@cache
def proofs() -> dict[str, list[Proof]]:
    """The tests that name each id, known or not."""
    found: dict[str, list[Proof]] = {}
    for file in sorted(set(TESTS.rglob("test_*.py")) - {TESTS / "conformance/test_accounting.py"}):  # it plays with ids
        for id_, test in named_in(file.read_text(encoding="utf-8")):
            found.setdefault(id_, []).append(Proof(file.relative_to(TESTS).as_posix(), test))
    return found


def named_in(source: str) -> Iterator[tuple[str, str]]:
    """The ids that the tests of a module name, each once for a test."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            ids = [*ids_of_name(node.name), *_WRITTEN.findall(ast.get_docstring(node) or "")]
            for decorator in node.decorator_list:
                constants = (one.value for one in ast.walk(decorator) if isinstance(one, ast.Constant))
                ids += [id_ for value in constants if isinstance(value, str) for id_ in _WRITTEN.findall(value)]
            for id_ in dict.fromkeys(ids):
                yield id_, node.name


def ids_of_name(name: str) -> Iterator[str]:
    """The ids in the name of a test."""
    for match in _NAMED.finditer(name):
        first = 0
        for number, is_end in (
            (int(text[-2:]), "to" in text) for text in re.findall(r"(?:to_)?\d\d", match["numbers"])
        ):
            for each in range(first + 1 if is_end else number, number + 1):
                yield f"CH-{match['group']}-{each:02d}"
            first = number


def complaints() -> list[str]:
    """What is not accounted for, or twice."""
    known, proven = requirements(), proofs()
    found = [
        f"{id_} is named by {proof.file}::{proof.test}, and is no requirement"
        for id_ in proven.keys() - known.keys()
        for proof in proven[id_]
    ]
    for id_, one in known.items():
        if one.reason and id_ in proven:
            found.append(f"{id_} has a reason to have no test, and a test: {proven[id_][0].test}")
        if not (one.reason or id_ in proven):
            found.append(f"{id_} has neither a test nor a reason: {one.text}")
    return sorted(found)


def render() -> str:
    """The list as Markdown: a table for each section."""
    return "\n".join(_section(title, section) for title, section in sections().items())


def _section(title: str, section: dict[str, Requirement]) -> str:
    head = "| id | level | versions | requirement | proved by, or why not |\n| --- | --- | --- | --- | --- |\n"
    rows = ((id_, one.level, one.versions, one.text, _account(id_, one)) for id_, one in section.items())
    return f"## {title}\n\n{head}" + "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def _account(id_: str, one: Requirement) -> str:
    tests = [f"[`{proof.test}`](../tests/{proof.file})" for proof in proofs().get(id_, ())]
    return ", ".join(tests) or one.reason
