"""“Try it”: a chart that somebody brings, or one of the demonstration, changed in a form; and what that changes.

Nothing is kept. The chart travels with the form and back, and so do the changes. No FHIR server is called, no card
counts as shown, and nothing of it is logged: the engine behind these pages has neither servers nor a store.
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import date

import msgspec
from flask import Blueprint, Response, render_template, request
from werkzeug.exceptions import RequestEntityTooLarge

import fixtures
from cds_service.catalogue import Catalogue
from cds_service.console.access import Access
from cds_service.console.additions import Test, tests
from cds_service.console.changes import TODAY_WANTED, Changes, apply, read
from cds_service.console.difference import Difference, difference
from cds_service.console.form import Form, form
from cds_service.console.offers import Group, offers
from cds_service.console.original import (
    VIEWING,
    Original,
    Person,
    UnusableError,
    WhoseError,
    content_of,
    encode,
    original_of,
    pack,
    said,
    unpack,
)
from cds_service.console.places import Json, places
from cds_service.console.sent import read_form
from cds_service.engine import Engine
from cds_service.errors import NotFound, ServiceError
from cds_service.explanation import Explanation, explain
from cds_service.fhir.dates import today_of
from cds_service.settings import Settings
from cds_service.web.view import View
from hooks.knowledge.model import Knowledge

_ECHOED = 2_000_000
"""Characters of a text that cannot be used which are shown again; more is in a file anyway."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What the first page shows again, and what was wrong with it. `where`: the input that is wrong."""

    text: str = ""
    today: str
    problem: str = ""
    where: str = "text"
    people: tuple[Person, ...] = ()
    packed: str = ""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What the second page shows. `problem`: why the changed chart cannot be answered."""

    packed: str
    patient: str
    day: date
    form: Form
    tests: dict[str, Test]
    changes: Changes
    difference: Difference | None
    view: View
    changed: bool
    problem: str = ""


class Bench:
    """Where charts are tried: the services and the knowledge of this installation, and nothing that remembers."""

    def __init__(self, settings: Settings, knowledge: Knowledge, catalogue: Catalogue) -> None:
        self.settings = msgspec.structs.replace(settings, fhir_servers=())
        self.knowledge = knowledge
        self.services = {service.hook: service for service in catalogue.services}
        self._engine = Engine(self.settings)

    def explained(self, original: Original, body: bytes, today: date) -> Explanation:
        """Raises ServiceError."""
        return explain(self._engine, original.service, self.knowledge, body, today)

    def tried(self, content: Json, packed: str, day: date, texts: Mapping[str, str]) -> Trial:
        """A chart with the changes of a form. Raises UnusableError, and WhoseError."""
        aliases = self.settings.aliases
        original = original_of(content, self.services, texts.get("patient", ""))
        try:
            before = self.explained(original, original.body, day)
        except ServiceError as error:
            raise UnusableError(said(error)) from None
        found, chart = places(original.request, aliases), before.evaluation.assessment.chart
        groups: tuple[Group, ...] = offers(chart, self.knowledge, found)
        known = tests(self.knowledge, chart, found, chart.patient_id)
        changes, problems = read(texts, day, groups, known)
        shown = form(texts, day.isoformat(), groups, problems)
        after, problem = before, ""
        if changes.sentences and not problems:
            apply(original.request, changes, aliases)
            try:
                after = self.explained(original, encode(original.request), changes.today)
            except ServiceError as error:
                problem = said(error)
        changed = after is not before and "original" not in texts
        return Trial(
            packed=packed,
            patient=texts.get("patient", ""),
            day=day,
            form=shown,
            tests=known,
            changes=changes,
            difference=difference(before, after) if after is not before else None,
            view=View(after if changed else before, orders=original.service.hook != VIEWING),
            changed=changed,
            problem=problem,
        )


def blueprint(
    access: Access, settings: Settings, knowledge: Knowledge, catalogue: Catalogue, today: Callable[[], date]
) -> Blueprint:
    """The routes under `/try`."""
    routes = access.pages("trials", __name__)
    bench = Bench(settings, knowledge, catalogue)

    @routes.errorhandler(RequestEntityTooLarge)
    def too_large(error: RequestEntityTooLarge) -> Response:  # noqa: ARG001
        most = settings.max_body_bytes // 1_000_000
        problem = f"This is more than the {most} MB that are taken. Send the data of one patient only."
        return _start(Start(today=today().isoformat(), problem=problem, where="file"), 413)

    @routes.get("/try")
    def start() -> Response:
        return _start(Start(today=today().isoformat()))

    @routes.post("/try")
    def attempt() -> Response:
        texts, upload = read_form(request, settings.max_body_bytes)
        if texts.get("reset"):
            texts = _without_changes(texts)
        text, packed = texts.get("text", ""), texts.get("chart", "")
        where = "file" if upload else "text"
        try:
            day = _day(texts.get("day", ""))
            content = unpack(packed, settings.max_body_bytes) if packed else content_of(upload or text.encode())
            packed = packed or pack(content)
            trial = bench.tried(content, packed, day, texts)
        except WhoseError as error:
            return _start(Start(today=texts.get("day", ""), people=error.people, packed=packed))
        except _NoDayError:
            return _start(_again(text, texts, TODAY_WANTED, "day"), 422)
        except UnusableError as error:
            return _start(_again(text, texts, str(error), where), 422)
        return _page(trial)

    @routes.get("/try/<patient_id>")
    @routes.get("/try/<patient_id>/orders/<orders_id>")
    def example(patient_id: str, orders_id: str | None = None) -> Response:
        if not settings.demo:
            raise NotFound("There are no demonstration patients here.", remedy="/try takes a chart of your own.")
        content = _example(patient_id, orders_id, today())
        return _page(bench.tried(content, pack(content), today(), {}))

    return routes


def _example(patient_id: str, orders_id: str | None, today: date) -> Json:
    """The request about a patient of the demonstration, or about orders for one. Raises NotFound."""
    written = next((one for one in fixtures.orders() if (one.id, one.patient) == (orders_id, patient_id)), None)
    if patient_id not in {story.id for story in fixtures.stories()} or (orders_id and not written):
        raise NotFound("There is no such demonstration patient.", remedy="The start page lists them.")
    sent = {
        "hookInstance": str(uuid.uuid4()),
        "hook": "order-sign" if written else VIEWING,
        "context": {"userId": "Practitioner/demo", "patientId": patient_id} | (written.context if written else {}),
        "prefetch": fixtures.prefetch(patient_id, today),
    }
    return content_of(encode(sent))


class _NoDayError(Exception):
    """What should be today's date is none."""


def _day(text: str) -> date:
    try:
        return today_of(text.strip())
    except ValueError:
        raise _NoDayError from None


def _again(text: str, texts: Mapping[str, str], problem: str, where: str) -> Start:
    return Start(text=text[:_ECHOED], today=texts.get("day", ""), problem=problem, where=where)


def _without_changes(texts: Mapping[str, str]) -> dict[str, str]:
    return {name: texts[name] for name in ("chart", "patient", "day") if name in texts}


def _start(page: Start, status: int = 200) -> Response:
    return Response(render_template("try.html", page=page), status=status)


def _page(trial: Trial) -> Response:
    status = 422 if trial.form.problems or trial.problem else 200
    return Response(render_template("trial.html", trial=trial, view=trial.view), status=status)
