"""The cards of the fixture patients in full, and the trace of every rule that spoke or could not tell, as YAML.

Of the vignettes, which are many, only fingerprints: of each card, and of the trace of all rules.
"""

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

import fixtures
from cds_service.engine import Engine
from cds_service.explanation import Explanation, explain, report
from cds_service.registry import CdsService
from cds_service.settings import Settings
from hooks import services
from tests.hooks.builders import knowledge
from tests.vignettes.vignette_files import Vignette, load_all

HERE = Path(__file__).parent
CARDS = HERE / "cards"
"""One file for each patient and hook: `<patient>.<hook>.yaml`."""
FINGERPRINTS = HERE / "vignettes.yaml"
EVERY = {"patient-view": 1, "order-sign": 4}
"""All patients; of those for whom `drafts.yaml` is being signed every fourth."""


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as such; nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def files() -> Iterator[str]:
    """The names of all files."""
    return (f"{story.id}.{hook}.yaml" for hook, step in EVERY.items() for story in fixtures.stories()[::step])


def explained(file: str) -> Explanation:
    """The patient and the hook of a file, evaluated."""
    patient, hook, _ = file.split(".")
    context: dict[str, Any] = {"userId": "Practitioner/1", "patientId": patient}
    if hook != "patient-view":
        context["draftOrders"] = _drafts(patient)
    request = {
        "hook": hook,
        "hookInstance": "00000000-0000-4000-8000-000000000000",
        "context": context,
        "prefetch": fixtures.prefetch(patient, fixtures.ANCHOR),
    }
    return _explained(hook, request)


def _explained(hook: str, request: dict[str, Any]) -> Explanation:
    return explain(_engine(), _services()[hook], knowledge(), json.dumps(request).encode(), fixtures.ANCHOR)


def rendered(file: str) -> str:
    """What has to be in it."""
    return _yaml(_told(explained(file), silent=False))


@cache
def vignettes() -> dict[str, Vignette]:
    """All vignettes by id, once for each hook."""
    return {vignette.id: vignette for vignette in load_all()}


def told(vignette: Vignette) -> dict[str, Any]:
    """The cards of a vignette, and the trace of all rules."""
    return _told(_explained(vignette.hook, vignette.request), silent=True)


def shown(vignette: Vignette) -> str:
    """The same for people."""
    return _yaml(told(vignette))


def fingerprints(vignette: Vignette) -> dict[str, str]:
    """A short hash of each card, by its rule, and of the trace."""
    found = told(vignette)
    cards = {card["source"]["topic"]["code"]: _fingerprint(card) for card in found["cards"]}
    return {"trace": _fingerprint(found["verdicts"]), **cards}


def _fingerprint(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:10]


def _told(explanation: Explanation, *, silent: bool) -> dict[str, Any]:
    plain = msgspec.json.decode(json.dumps(report(explanation, changes=False), default=float))
    verdicts = {one["rule"]: _trace(one) for one in plain["verdicts"] if silent or one["outcome"] != "silent"}
    return {"cards": _without_uuids(plain["cards"]), "verdicts": verdicts}


def _yaml(content: dict[str, Any]) -> str:
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=118)


def _trace(verdict: dict[str, Any]) -> str:
    """A verdict as text, one criterion a line: `+` holds, `-` does not, `?` cannot be told."""
    told = ", ".join(filter(None, (verdict["outcome"], verdict.get("shown"), verdict["because"])))
    return "\n".join([told, *_criteria(verdict["criteria"], "")])


def _criteria(criteria: list[dict[str, Any]], indent: str) -> Iterator[str]:
    for one in criteria:
        mark = {True: "+", False: "-", None: "?"}[one["truth"]]
        left_out = ("name", "truth", "parts", "fixed")
        members = [f"{name} {value}" for name, value in one.items() if name not in left_out]
        yield f"{indent}{mark} {one['name']}" + "".join(f" | {member}" for member in members)
        yield from _criteria(one.get("parts", []), indent + "  ")


@cache
def _services() -> dict[str, CdsService]:
    return {service.hook: service for service in services(knowledge())}


@cache
def _engine() -> Engine:
    return Engine(Settings(log_level="error"))


def _drafts(patient: str) -> dict[str, Any]:
    drafts = yaml.safe_load((HERE / "drafts.yaml").read_text(encoding="utf-8"))
    common = {
        "resourceType": "MedicationRequest",
        "status": "draft",
        "intent": "order",
        "subject": {"reference": f"Patient/{patient}"},
    }
    resources = [{"id": f"draft-{number}"} | common | draft for number, draft in enumerate(drafts, 1)]
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}


def _without_uuids(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_uuids(item) for name, item in value.items() if name != "uuid"}
    return [_without_uuids(item) for item in value] if isinstance(value, list) else value
