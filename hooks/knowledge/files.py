"""Reading the knowledge files: YAML and JSON into typed values, or a `KnowledgeError` that names file and key."""

from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

T = TypeVar("T")


class KnowledgeError(ValueError):
    """The knowledge is not fit for use. The message names the file and the key, and says what is wrong there."""

    def __init__(self, file: str, key: str, problem: str) -> None:
        super().__init__(": ".join(part for part in (file, key, problem) if part))
        self.file = file
        self.key = key


def read(path: Path) -> bytes:
    """The file's bytes. Raises KnowledgeError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise KnowledgeError(path.name, "", f"cannot be read ({error.strerror})") from error


def parse_yaml(content: bytes, file: str) -> dict[str, Any]:
    """The file's mapping. A key that stands twice is an error: the second one would silently win."""
    try:
        found = yaml.load(content, Loader=_Loader)  # noqa: S506 (a safe loader)  # nosec B506
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else ""
        raise KnowledgeError(file, where, getattr(error, "problem", None) or str(error)) from error
    if not isinstance(found, dict):
        raise KnowledgeError(file, "", "expected a mapping of keys to values at the top")
    return found


def typed(value: object, kind: type[T], file: str, key: str = "") -> T:
    """The value as the given type. Raises KnowledgeError with the path of what does not fit."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise _misfit(error, file, key) from error


def typed_each(entries: dict[str, Any], kind: type[T], file: str, key: str = "") -> dict[str, T]:
    """Each entry as the given type; an error names the entry's own key."""
    return {name: typed(entry, kind, file, f"{key}.{name}" if key else str(name)) for name, entry in entries.items()}


def parse_json(content: bytes, kind: type[T], file: str) -> T:
    """The file's JSON as the given type. Raises KnowledgeError with the path of what does not fit."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise _misfit(error, file) from error
    except msgspec.DecodeError as error:
        raise KnowledgeError(file, "", f"not JSON ({error})") from error


def _misfit(error: msgspec.ValidationError, file: str, key: str = "") -> KnowledgeError:
    problem, _, path = str(error).partition(" - at `")
    inner = path.rstrip("`").removeprefix("key in ").removeprefix("$").removeprefix(".")
    return KnowledgeError(file, ".".join(part for part in (key, inner) if part), problem)


class _Loader(yaml.CSafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key `{key.value}` stands twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)
