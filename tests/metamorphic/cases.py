"""Requests to start from: every vignette, every fixture patient, and every fixture order; and how they are asked."""

import json
import random
import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from typing import Any, NamedTuple, TypeVar

from flask.testing import FlaskClient

import fixtures
from tests.vignettes.vignette_files import load_all

Json = dict[str, Any]
T = TypeVar("T")

ORDER_HOOKS = ("order-select", "order-sign")
RANKS = {"info": 1, "warning": 2, "critical": 3}
_POSITION = re.compile(r"(?<=entry)\[\d+\]")


class Case(NamedTuple):
    """A request as a record system sends it on `fixtures.ANCHOR`."""

    id: str
    hook: str
    body: Json

    @property
    def patient(self) -> str:
        """The patient's id."""
        return str(self.body["context"]["patientId"])

    @property
    def prefetch(self) -> Json:
        """The values that were sent; no relation changes them in place."""
        found: Json = self.body["prefetch"]
        return found

    @property
    def drafts(self) -> list[Json]:
        """The entries of `draftOrders`."""
        found: list[Json] = self.body["context"].get("draftOrders", {}).get("entry", [])
        return found

    def with_body(self, body: Json) -> "Case":
        """The same case, asking something else."""
        return self._replace(body=body)


@cache
def all_cases() -> tuple[Case, ...]:
    """All of them; the ids are unique."""
    vignettes = (Case(vignette.id, vignette.hook, vignette.request) for vignette in load_all())
    stories = (viewed(story.id) for story in fixtures.stories())
    orders = (ordered(one, hook) for one in fixtures.orders() for hook in ORDER_HOOKS)
    return (*vignettes, *stories, *orders)


def viewed(patient: str) -> Case:
    """A fixture patient whose chart is opened."""
    return Case(patient, "patient-view", _body("patient-view", patient, {}))


def ordered(orders: fixtures.Orders, hook: str) -> Case:
    """Fixture orders, all of them selected on order-select."""
    return Case(f"{orders.id}-{hook}", hook, _body(hook, orders.patient, selecting(hook, orders.context)))


def ordering(patient: str, hook: str, *drafts: Json) -> Case:
    """A fixture patient for whom these resources are being ordered, all of them selected."""
    bundle = {"resourceType": "Bundle", "entry": [{"resource": draft} for draft in drafts]}
    return Case(f"{patient}-{hook}", hook, _body(hook, patient, selecting(hook, {"draftOrders": bundle})))


def selecting(hook: str, context: Json) -> Json:
    """`context` with all its drafts selected, where the hook has selections."""
    if hook != "order-select":
        return context
    drafts = [entry["resource"] for entry in context["draftOrders"]["entry"]]
    return {"selections": [f"{draft['resourceType']}/{draft['id']}" for draft in drafts if "id" in draft]} | context


def _body(hook: str, patient: str, context: Json) -> Json:
    return {
        "hook": hook,
        "hookInstance": "5b5a3a0e-7f0f-4c3e-9a5e-2f8f3c1f7f10",
        "context": {"userId": "Practitioner/example", "patientId": patient} | context,
        "prefetch": fixtures.prefetch(patient, fixtures.ANCHOR),
    }


def sample(relation: str, cases: Sequence[T], most: int) -> list[T]:
    """At most so many cases, the same ones in every run, others for each relation; in their own order."""
    chosen = random.Random(relation).sample(range(len(cases)), min(most, len(cases)))
    return [cases[number] for number in sorted(chosen)]


def names(case: Any) -> str:
    """The name of a test's parameter."""
    return str(getattr(case, "id", case))


class Service:
    """The web application with a clock that can be set. The cards of unchanged cases are asked for once."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.today = fixtures.ANCHOR
        self._known: dict[str, list[Json]] = {}

    def cards(self, case: Case) -> list[Json]:
        """The cards of a case as it stands."""
        if case.id not in self._known:
            self._known[case.id] = self.answer(case)
        return self._known[case.id]

    def answer(self, case: Case, today: date = fixtures.ANCHOR, **sent: Any) -> list[Json]:
        """The cards on a day, as they come over the wire, without their uuids; `sent`: otherwise than as plain JSON."""
        self.today = today
        response = self.client.post(f"/cds-services/nam-{case.hook}", **(sent or {"json": case.body}))
        assert response.status_code == 200, response.get_data(as_text=True)
        found: list[Json] = without_uuids(json.loads(response.get_data())["cards"])
        return found


def without_uuids(value: Any) -> Any:
    """JSON without the uuids, which are new each time."""
    if isinstance(value, dict):
        return {name: without_uuids(item) for name, item in value.items() if name != "uuid"}
    return [without_uuids(item) for item in value] if isinstance(value, list) else value


def without_positions(value: Any) -> Any:
    """JSON in whose text an entry without an id is named without its number in the Bundle."""
    if isinstance(value, dict):
        return {name: without_positions(item) for name, item in value.items()}
    if isinstance(value, list):
        return [without_positions(item) for item in value]
    return _POSITION.sub("[]", value) if isinstance(value, str) else value


def rule(card: Json) -> str:
    """The name of the rule that speaks."""
    return str(card["source"]["topic"]["code"])


def indicators(cards: list[Json]) -> list[tuple[str, str]]:
    """Rule and indicator of each card, in their order."""
    return [(rule(card), card["indicator"]) for card in cards]


def rank(cards: list[Json], name: str) -> int:
    """How urgent a rule's card is: 0 without one, 3 if critical."""
    return max((RANKS[card["indicator"]] for card in cards if rule(card) == name), default=0)


def actions(cards: list[Json]) -> Iterator[Json]:
    """The actions of all suggestions."""
    for card in cards:
        for suggestion in card.get("suggestions", ()):
            yield from suggestion["actions"]


def drafted(cards: list[Json]) -> list[Json]:
    """The resources that suggestions would create."""
    return [action["resource"] for action in actions(cards) if action["type"] == "create"]
