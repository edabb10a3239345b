"""One patient at one request, as every page about a patient shows it: the cards, the course, why, and the facts.

The parts are the templates `view/*.html`: a page makes a `View`, passes it as `view`, and includes what it wants.
"""

from collections.abc import Callable

import msgspec
from markupsafe import Markup

from cds_service.charts import pictures
from cds_service.charts.words import apart, summary, tables
from cds_service.explanation import Explanation
from cds_service.facts import Table
from cds_service.protocol.cards import Card
from cds_service.web.desk import Answers, cards_of
from cds_service.web.exchange import Exchange
from cds_service.why import Group, not_asked
from hooks.assessment import Assessment
from hooks.timeline import timeline


class Links(msgspec.Struct, frozen=True):
    """How a reference to a resource, such as `Observation/ck-3`, is shown."""

    reference: Callable[[str], str] = lambda source: ""  # noqa: ARG005
    """Its address; empty where it has none."""
    short: Callable[[str], str] = lambda source: source
    """Its name for reading."""


class Course(msgspec.Struct, frozen=True):
    """The course of the disease: a sentence or two, two drawings as SVG, and tables that say the same.

    `apart`: what is on record and has no place in the picture.
    """

    empty: bool
    summary: str
    wide: Markup
    narrow: Markup
    tables: tuple[Table, ...]
    apart: Table


class View(msgspec.Struct, frozen=True):
    """What the templates `view/*.html` show."""

    explanation: Explanation
    links: Links = Links()
    orders: bool = False
    """Whether orders are being written, rather than a chart opened."""
    remember: bool = False
    """Whether drawings of this patient may be kept for the next page: of invented patients only."""
    exchange: Exchange | None = None
    """The call of the service that gave the cards; None, or in shadow mode: they are those of the explanation."""
    answers: Answers = Answers()
    """What was said of the cards, and where it can be said."""

    @property
    def cards(self) -> tuple[Card, ...]:
        """The cards of the page."""
        if self.exchange is None or self.answers.shadow:
            return self.explanation.response.cards
        return cards_of(self.exchange).cards

    @property
    def person(self) -> Assessment:
        """The patient's states."""
        return self.explanation.evaluation.assessment

    @property
    def course(self) -> Course:
        """The course of the disease."""
        found = self.person.once(timeline)
        drawn = pictures(found, remember=self.remember)
        return Course(
            empty=found.empty,
            summary=summary(found),
            wide=Markup(drawn.wide),  # noqa: S704 - drawn by ourselves, all text escaped  # nosec B704
            narrow=Markup(drawn.narrow),  # noqa: S704 - as above  # nosec B704
            tables=tables(found),
            apart=apart(found),
        )

    @property
    def groups(self) -> tuple[Group, ...]:
        """All rules, by what they did."""
        return self.explanation.groups

    @property
    def not_asked(self) -> tuple[str, ...]:
        """Rules that are for other hooks."""
        return not_asked(self.explanation.verdicts, self.person.knowledge)
