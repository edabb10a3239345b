"""From a seed and a number to a request: one of the corpus, spoiled.

The corpus: every vignette, every fixture patient and order on their hooks, feedback, discovery, and each other
address of the demonstration.
"""

import json
import random
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flask import Flask

import fixtures
from cds_service.protocol.templates import fill
from cds_service.registry import CdsService
from tests.fuzz import mutations
from tests.metamorphic.cases import all_cases

_FOREIGN_ID = "somebody-else"
SERVICES = {"patient-view": "nam-patient-view", "order-select": "nam-order-select", "order-sign": "nam-order-sign"}
MARKER = re.compile(r"(?:Own|Foreign)\d+x")
"""Words put into resources: each request has its own, and the answers and the log may hold no other."""


class Page(NamedTuple):
    """What the FHIR server answers."""

    status: int
    kind: str
    body: bytes


class Sent(NamedTuple):
    """A request as it goes over the wire. `pages`: what the FHIR server of the request holds, by path and query."""

    name: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    pages: Mapping[str, Page] = {}


class Corpus:
    """What to start from, for an application."""

    def __init__(self, app: Flask, fhir: str) -> None:
        services: tuple[CdsService, ...] = app.extensions["cds_service"]["catalogue"].services
        self._templates = {service.hook: service.prefetch for service in services}
        self._fhir = fhir
        self._cases = tuple((case.id, case.hook, json.dumps(case.body)) for case in all_cases())
        self._addresses = tuple(
            sorted({(method, rule.rule) for rule in app.url_map.iter_rules() for method in rule.methods or ()})
        )

    def request(self, seed: int, number: int) -> Sent:
        """The request of this number; the same for the same seed."""
        rng = random.Random(f"{seed}:{number}")
        share = rng.random()
        if share < 0.84:
            return self._call(rng, number)
        return self._feedback(rng) if share < 0.92 else self._address(rng)

    def _call(self, rng: random.Random, number: int) -> Sent:
        name, hook, text = rng.choice(self._cases)
        tree: dict[str, Any] = json.loads(text)
        if rng.random() < 0.3:
            _mark(rng, tree, f" Own{number}x")
        if rng.random() < 0.15:
            mutations.mix(rng, tree, self._other(rng))
        pages = self._moved(rng, tree, number) if rng.random() < 0.08 else {}
        if rng.random() < 0.1:
            tree["fhirAuthorization"] = {"access_token": "x", "token_type": "Bearer", "expires_in": 300}
        for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 6))):
            mutations.spoil(rng, tree)
        if rng.random() < 0.1:
            _add_foreign(rng, tree, f"Foreign{number}x", self._other(rng))
        sent = Sent(name, "POST", f"/cds-services/{SERVICES[hook]}", {"Content-Type": "application/json"}, b"")
        return _spoiled(rng, sent._replace(body=mutations.text_of(rng, tree), pages=pages), often=0.12)

    def _moved(self, rng: random.Random, tree: dict[str, Any], number: int) -> dict[str, Page]:
        """Some of the prefetch taken out and put on the FHIR server, spoiled there."""
        tree["fhirServer"] = self._fhir
        pages: dict[str, Page] = {}
        for template in self._templates.get(tree.get("hook", ""), ()):
            query = fill(template.query, tree["context"]) if template.key in tree["prefetch"] else None
            if query is None or rng.random() < 0.4:
                continue
            value = tree["prefetch"].pop(template.key)
            for _ in range(rng.choice((0, 0, 1, 1, 2))):
                mutations.spoil(rng, value)
            if rng.random() < 0.1 and isinstance(value, dict):
                _add_foreign(rng, {"prefetch": {"x": value}}, f"Foreign{number}x", self._other(rng))
            if rng.random() < 0.1 and isinstance(value, dict):
                away = (f"{self._fhir}/{query}", f"{self._fhir}/next", "https://evil.example/fhir/x", "next", "", None)
                value["link"] = [{"relation": "next", "url": rng.choice(away)}]
            body = mutations.text_of(rng, value)
            if rng.random() < 0.1:
                body = mutations.spoil_bytes(rng, body)
            usual = rng.random() < 0.8
            status = 200 if usual else rng.choice((200, 204, 301, 400, 401, 403, 404, 429, 500, 502, 503))
            kind = "application/fhir+json" if usual else rng.choice(("text/html", "application/json", "", "x"))
            pages[f"{urlsplit(self._fhir).path}/{query}"] = Page(status, kind, body)
        return pages

    def _other(self, rng: random.Random) -> dict[str, Any]:
        other: dict[str, Any] = json.loads(rng.choice(self._cases)[2])
        return other

    def _feedback(self, rng: random.Random) -> Sent:
        tree = {"feedback": [_outcome(rng) for _ in range(rng.choice((0, 1, 1, 2, 40)))]}
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            mutations.spoil(rng, tree)
        path = f"/cds-services/{rng.choice(sorted(SERVICES.values()))}/feedback"
        sent = Sent("feedback", "POST", path, {"Content-Type": "application/json"}, mutations.text_of(rng, tree))
        return _spoiled(rng, sent, often=0.2)

    def _address(self, rng: random.Random) -> Sent:
        method, rule = rng.choice(self._addresses)
        story = rng.choice(fixtures.stories())
        values = {
            "service_id": rng.choice(sorted(SERVICES.values())),
            "patient_id": story.id,
            "id_": rng.choice((story.id, *mutations.IDS)),
            "type_": rng.choice(mutations.TYPES) or "Patient",
            "orders_id": rng.choice(fixtures.orders()).id,
        }
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: values.get(match[1], rng.choice(mutations.IDS)), rule)
        if rng.random() < 0.05:
            method = rng.choice(("PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "post", "X" * 50))
        sent = Sent(rule, method, path, {}, b"")
        return _spoiled(rng, sent, often=0.5)


def _spoiled(rng: random.Random, sent: Sent, often: float) -> Sent:
    """The request with its text, headers and address changed, each as often as this."""
    body, path, headers = sent.body, sent.path, dict(sent.headers)
    if rng.random() < often:
        body = mutations.spoil_bytes(rng, body)
    while rng.random() < often:
        body = mutations.spoil_headers(rng, headers, body)
    if rng.random() < often:
        path = mutations.spoil_path(rng, path)
    return sent._replace(body=body, path=path, headers=headers)


def _outcome(rng: random.Random) -> dict[str, Any]:
    card = f"{rng.getrandbits(128):032x}"
    item: dict[str, Any] = {
        "card": f"{card[:8]}-{card[8:12]}-{card[12:16]}-{card[16:20]}-{card[20:]}",
        "outcome": rng.choice(("accepted", "overridden")),
        "outcomeTimestamp": rng.choice(("2026-11-22T10:00:00Z", *mutations.DATES)),
    }
    if item["outcome"] == "accepted":
        return item | {"acceptedSuggestions": [{"id": item["card"]}]}
    reason = {"code": rng.choice(("will-do-later", *mutations.TEXTS)), "system": "https://example.org", "display": "x"}
    return item | {rng.choice(("overrideReason", "overrideReasons")): {"reason": reason, "userComment": "no"}}


def _resources(tree: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    todo = [tree]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            if "resourceType" in value and value["resourceType"] != "Bundle":
                found.append(value)
            todo += value.values()
        elif isinstance(value, list):
            todo += value
    return found


def _speak(value: Any, words: str) -> None:
    """Add the words to each text of a resource that people read."""
    members = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    for key, member in members:
        if key in ("text", "display", "patientInstruction") and isinstance(member, str):
            value[key] = member + words
        elif isinstance(member, dict | list):
            _speak(member, words)


def _mark(rng: random.Random, tree: dict[str, Any], words: str) -> None:
    resources = _resources(tree)
    for resource in rng.sample(resources, min(3, len(resources))):
        _speak(resource, words)


def _add_foreign(rng: random.Random, tree: dict[str, Any], words: str, other: dict[str, Any]) -> None:
    """Somebody else's resource among the patient's; it says whose it is, and is no longer spoiled."""
    theirs = [one for one in _resources(other) if isinstance(one.get("subject") or one.get("patient"), dict)]
    homes = [
        bundle["entry"]
        for values in (tree.get("prefetch"), tree.get("context"))
        if isinstance(values, dict)
        for bundle in values.values()
        if isinstance(bundle, dict) and isinstance(bundle.get("entry"), list)
    ]
    if not theirs or not homes:
        return
    resource = rng.choice(theirs)
    _speak(resource, words)
    resource.pop("contained", None)
    resource["subject" if "subject" in resource else "patient"] = {
        "reference": rng.choice((f"Patient/{_FOREIGN_ID}", f"https://other.example/fhir/Patient/{_FOREIGN_ID}"))
    }
    home = rng.choice(homes)
    home.insert(rng.randint(0, len(home)), {"resource": resource, "search": {"mode": "match"}})
