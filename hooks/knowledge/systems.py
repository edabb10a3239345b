"""Code systems: the same one goes by many names in real records (specification A4)."""

import re
from functools import lru_cache
from pathlib import Path

import msgspec

from hooks.knowledge.files import KnowledgeError, parse_yaml, read, typed_each

FILE = Path(__file__).parent / "systems.yaml"

_PREFIXES = re.compile(r"(MONDO|ORPHA|ORPHANET|GARD)[:_]")


class _Family(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    uris: tuple[str, ...]
    names: tuple[str, ...] = ()
    pattern: str = ""


class Families:
    """The families of `systems.yaml`, ready for look-up."""

    def __init__(self, path: Path = FILE) -> None:
        self._exact: dict[str, str] = {}
        self._patterns: list[tuple[str, re.Pattern[str]]] = []
        self._uris: dict[str, str] = {}
        for family, entry in typed_each(parse_yaml(read(path), path.name), _Family, path.name).items():
            self._uris[family] = (*entry.uris, family)[0]
            for name in (*entry.uris, *entry.names):
                if self._exact.setdefault(_plain(name), family) != family:
                    raise KnowledgeError(path.name, family, f"`{name}` is in another family already")
            if entry.pattern:
                try:
                    self._patterns.append((family, re.compile(entry.pattern)))
                except re.error as error:
                    raise KnowledgeError(path.name, f"{family}.pattern", f"bad regular expression ({error})") from error
        self.names = frozenset(self._exact.values())

    def family(self, uri: str) -> str:
        """The family; an unknown system is a family of its own, named by its URI."""
        plain = _plain(uri)
        if found := self._exact.get(plain):
            return found
        return next((family for family, pattern in self._patterns if pattern.search(plain)), plain)

    def uri(self, family: str) -> str:
        """The URI by which a family is written; an unknown one is its own URI."""
        return self._uris.get(family, family)


def _plain(uri: str) -> str:
    return uri.strip().lower().partition("|")[0].removeprefix("urn:oid:").rstrip("/")


@lru_cache(maxsize=1)
def families() -> Families:
    """The shipped families, read once."""
    return Families()


@lru_cache(maxsize=1024)
def system_family(uri: str) -> str:
    """The short name of a code system (`rxnorm`, `snomed`, `icd10` …) by its URI, OID or plain name.

    An unknown system gives its own URI in lower case, so that a site's codes can be matched too; no system gives "".
    """
    return families().family(uri)


def normal_code(family: str, code: str) -> str:
    """The code as value sets hold it: upper case, ICD-10 without dot, without a prefix such as `MONDO:`.

    A code of a system that is not known here keeps its case: servers may tell `k` from `K`.
    """
    code = code.strip()
    if family not in families().names:
        return code
    code = code.upper()
    if family == "icd10":
        return code.replace(".", "")
    return _PREFIXES.sub("", code, count=1)
