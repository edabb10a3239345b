"""Reads the vignette files: patients, what changes, and which cards are expected and forbidden.

Every mistake in a file is a VignetteError that names the file, the vignette and the key.
"""

import re
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import yaml

from .fhir_parts import Json
from .orders import Hook, draft_orders, drafts_context
from .patient_language import read_patient, request_body
from .patient_words import Patient, PatientError
from .vocabulary import CARD_NAMES

FOLDER = Path(__file__).parent
PATIENTS_FILE = "patients.yaml"
Raw = dict[str, Any]


class VignetteError(ValueError):
    """A vignette file that cannot be used: which file, which vignette, which key, and why."""


class ExpectedCard(msgspec.Struct, forbid_unknown_fields=True):
    """A card that must come, and what it must (not) say and draft."""

    card: str
    indicator: Literal["info", "warning", "critical"] | None = None
    says: list[str] = []
    never_says: list[str] = []
    drafts: list[str] = []
    never_drafts: list[str] = []
    deletes: list[int] = []


class DueCard(msgspec.Struct, forbid_unknown_fields=True):
    """A card that a safety rule will add; once it comes, it belongs under ``expect``."""

    card: str
    indicator: Literal["info", "warning", "critical"]
    says: list[str] = []


class Changes(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How a patient differs from the one it is based on; change, add and remove name parts as drugs.ivig."""

    based_on: str | None = None
    patient: Raw | None = None
    change: Raw = {}
    add: dict[str, list[Any]] = {}
    remove: list[str] = []


class VignetteText(Changes, forbid_unknown_fields=True, kw_only=True):
    """One vignette as it stands in a file."""

    id: str
    title: str
    hook: Hook | list[Hook] = "patient-view"
    orders: list[Raw] | None = None
    selected: list[int] | None = None
    expect: list[ExpectedCard] = []
    cannot_tell: list[str] = []
    never: list[str] = []
    never_says: list[str] = []
    never_drafts: list[str] = []
    only_these: bool = False
    due_with_safety_rules: list[DueCard] = []


class Vignette(NamedTuple):
    """A vignette ready to run, on one of its hooks. `orders`: the drafts as they are sent."""

    file: str
    text: VignetteText
    patient: Patient
    hook: Hook = "patient-view"
    orders: list[Json] | None = None

    @property
    def id(self) -> str:
        """The id in its file, with the hook where that is not patient-view alone."""
        return self.text.id if self.text.hook == "patient-view" else f"{self.text.id}-{self.hook}"

    @property
    def request(self) -> Json:
        """The body to post to the service for the hook."""
        return request_body(self.patient, self.hook, drafts_context(self.hook, self.orders, self.text.selected))


class _Loader(yaml.SafeLoader):
    """YAML with unique keys, where dates and the word `on` are text and only true and false are truth values."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise VignetteError(f"line {node.start_mark.line + 1}: the key {key!r} stands here twice")
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":bool"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), ["t", "f"])


def load_all(folder: Path = FOLDER) -> list[Vignette]:
    """All vignettes of ``folder``, in the order of the files; patients.yaml holds the patients they are based on."""
    patients = load_patients(folder / PATIENTS_FILE)
    files = sorted(path for path in folder.glob("*.yaml") if path.name != PATIENTS_FILE)
    vignettes = [vignette for path in files for vignette in load_file(path, patients)]
    seen: dict[str, Vignette] = {}
    for vignette in vignettes:
        other = seen.setdefault(vignette.text.id, vignette)
        if other.text is not vignette.text:
            raise VignetteError(f"{vignette.file}: {vignette.text.id}: id: already used in {other.file}")
    return vignettes


def load_patients(path: Path) -> dict[str, Raw]:
    """The named patients, each with everything it is based on written out."""
    content = _yaml(path)
    if not isinstance(content, dict):
        raise VignetteError(f"{path.name}: expected names, each with a patient")
    patients: dict[str, Raw] = {}
    for name, raw in content.items():
        where = f"{path.name}: {name}"
        patients[name] = _described(_convert(raw, Changes, where), patients, where)
        _patient(patients[name], where)
    return patients


def load_file(path: Path, patients: dict[str, Raw]) -> list[Vignette]:
    """The vignettes of one file."""
    content = _yaml(path)
    if not isinstance(content, list):
        raise VignetteError(f"{path.name}: expected a list of vignettes, each beginning with `- id:`")
    vignettes = []
    for number, raw in enumerate(content, start=1):
        name = raw.get("id", f"vignette {number}") if isinstance(raw, dict) else f"vignette {number}"
        where = f"{path.name}: {name}"
        text = _convert(raw, VignetteText, where)
        _check_names(text, where)
        patient = _patient(_described(text, patients, where), where)
        orders = _orders(text, where)
        hooks = text.hook if isinstance(text.hook, list) else [text.hook]
        vignettes += [Vignette(path.name, text, patient, hook, orders) for hook in hooks]
    return vignettes


def _yaml(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, VignetteError) as error:
        raise VignetteError(f"{path.name}: {error}") from None


def _convert(raw: object, to: Any, where: str) -> Any:
    try:
        return msgspec.convert(raw, to)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        key = path.rstrip("`").lstrip(".")
        raise VignetteError(f"{where}: {key}: {message}" if key else f"{where}: {message}") from None


def _patient(raw: Raw, where: str) -> Patient:
    try:
        return read_patient(raw)
    except PatientError as error:
        raise VignetteError(f"{where}: {error}") from None


def _orders(text: VignetteText, where: str) -> list[Json] | None:
    if text.orders is not None and "patient-view" in text.hook:
        raise VignetteError(f"{where}: orders: there are none on patient-view")
    if text.selected is not None and text.hook not in ("order-select", ["order-select"]):
        raise VignetteError(f"{where}: selected: only order-select has selections")
    deleted = [number for card in text.expect for number in card.deletes]
    for number in (*(text.selected or ()), *deleted):
        if not 1 <= number <= len(text.orders or ()):
            raise VignetteError(f"{where}: selected/deletes: there is no order {number}; the first is 1")
    try:
        return None if text.orders is None else draft_orders(text.orders)
    except PatientError as error:
        raise VignetteError(f"{where}: {error}") from None


def _check_names(text: VignetteText, where: str) -> None:
    named = {
        "expect": [card.card for card in text.expect],
        "cannot_tell": text.cannot_tell,
        "never": text.never,
        "due_with_safety_rules": [card.card for card in text.due_with_safety_rules],
    }
    for key, names in named.items():
        for name in names:
            if name not in CARD_NAMES:
                raise VignetteError(f"{where}: {key}: there is no card named {name!r} (see vocabulary.py)")
    expected = named["expect"]
    for name in expected:
        if (
            name in text.never
            or name in text.cannot_tell
            or name in named["due_with_safety_rules"]
            or expected.count(name) > 1
        ):
            raise VignetteError(f"{where}: {name} stands under expect and once more")


def _described(changes: Changes, patients: dict[str, Raw], where: str) -> Raw:
    if (changes.based_on is None) == (changes.patient is None):
        raise VignetteError(f"{where}: needs either `based_on` or `patient`")
    if changes.based_on is None:
        base: Raw = changes.patient or {}
    elif changes.based_on in patients:
        base = patients[changes.based_on]
    else:
        raise VignetteError(f"{where}: based_on: no patient named {changes.based_on!r} in {PATIENTS_FILE}")
    patient: Raw = msgspec.json.decode(msgspec.json.encode(base))
    for path in changes.remove:
        parent, key = _place(patient, path, f"{where}: remove: {path}")
        if key not in parent:
            raise VignetteError(f"{where}: remove: {path}: the patient has no such key")
        del parent[key]
    for path, value in changes.change.items():
        parent, key = _place(patient, path, f"{where}: change: {path}")
        parent[key] = value
    for path, entries in changes.add.items():
        parent, key = _place(patient, path, f"{where}: add: {path}")
        parent[key] = [*parent.get(key, []), *entries]
    return patient


def _place(patient: Raw, path: str, where: str) -> tuple[Raw, str]:
    section, _, name = path.partition(".")
    if not name:
        return patient, section
    parent = patient.setdefault(section, {})
    if not isinstance(parent, dict):
        raise VignetteError(f"{where}: {section} has no named parts")
    return parent, name
