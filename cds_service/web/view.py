"""One patient at one request, as every page about a patient shows it: the cards, the course, why, and the facts.

The parts are the templates `view/*.html`: a page makes a `View`, passes it as `view`, and includes what it wants.
"""

import json
from collections.abc import Callable
from typing import Any

import msgspec

from cds_service.explanation import Explanation
from hooks.assessment import Assessment


class Links(msgspec.Struct, frozen=True):
    """How a reference to a resource, such as `Observation/ck-3`, is shown."""

    reference: Callable[[str], str] = lambda source: ""  # noqa: ARG005
    """Its address; empty where it has none."""
    short: Callable[[str], str] = lambda source: source
    """Its name for reading."""


class View(msgspec.Struct, frozen=True):
    """What the templates `view/*.html` show."""

    explanation: Explanation
    links: Links = Links()
    orders: bool = False
    """Whether orders are being written, rather than a chart opened."""

    @property
    def person(self) -> Assessment:
        """The patient's states."""
        return self.explanation.evaluation.assessment

    @property
    def counts(self) -> dict[str, int]:
        """How many rules fire, cannot tell, and are silent."""
        outcomes = [verdict.outcome for verdict in self.explanation.verdicts]
        return {outcome: outcomes.count(outcome) for outcome in ("fires", "cannot tell", "silent")}

    @staticmethod
    def pretty(resource: dict[str, Any]) -> str:
        """A resource to read."""
        return json.dumps(resource, indent=2, ensure_ascii=False)
