"""Feedback: all the forms in which real clients send it."""

import uuid
from collections.abc import Callable
from typing import Any

from cds_service.selftest.checks import Group, Level, Unmet
from cds_service.selftest.ehr import Ehr, Service, feedback_item, without
from cds_service.selftest.shapes import empties, nulls, objects, parts
from cds_service.selftest.statuses import NOWHERE

GROUP = Group("Feedback")
Body = Callable[[str, str], Any]
"""From the uuids of a card and of a suggestion to what is sent."""
_REASON = {"code": "selftest", "system": "urn:selftest", "display": "Selftest"}
_FORMS = "Clients differ in how they send it, have no retry, and nobody to tell."
_TAKEN = (200, 201, 202, 204)


def accepted(card: str, suggestion: str) -> dict[str, Any]:
    """One accepted suggestion."""
    return feedback_item(card, outcome="accepted", acceptedSuggestions=[{"id": suggestion}])


def _card(ehr: Ehr, service: Service) -> tuple[str, str]:
    """The uuid of a card that was shown, and of a suggestion of it; invented ones if there is none."""
    for answer in ehr.answers(service):
        for _, card in parts("card", answer.json):
            if isinstance(card.get("uuid"), str):
                offered = [
                    one["uuid"] for _, one in objects(card.get("suggestions")) if isinstance(one.get("uuid"), str)
                ]
                return card["uuid"], (*offered, str(uuid.uuid4()))[0]
    return str(uuid.uuid4()), str(uuid.uuid4())


def _form(
    requirement: str, level: Level, name: str, sends: str, body: Any, *statuses: int, expects: str, why: str
) -> None:
    """A check that sends `body(card, suggestion)`."""

    @GROUP.check(requirement, level, name=f"feedback_{name}", sends=sends, expects=expects, why=why)
    def check(ehr: Ehr, service: Service) -> None:
        ehr.offers_feedback(service)
        ehr.feedback(service, body(*_card(ehr, service))).expect(*statuses)


def _list(*items: dict[str, Any]) -> dict[str, Any]:
    return {"feedback": list(items)}


_FORMS_TAKEN: tuple[tuple[str, Level, str, str, Body], ...] = (
    ("CH-FB-01", "MUST", "accepted", "an accepted suggestion", lambda c, s: _list(accepted(c, s))),
    ("CH-FB-05", "MUST", "overridden", "an overridden card, without a reason", lambda c, _: _list(feedback_item(c))),
    (
        "CH-FB-05",
        "MUST",
        "reason_and_comment",
        "an overridden card, with reason and comment",
        lambda c, _: _list(feedback_item(c, overrideReason={"reason": _REASON, "userComment": "Seen, later"})),
    ),
    (
        "CH-OVR-03",
        "MUST",
        "unknown_reason",
        "a reason that the service never offered",
        lambda c, _: _list(
            feedback_item(c, overrideReason={"reason": {"code": "x9", "system": "urn:x", "display": "X"}})
        ),
    ),
    (
        "CH-FB-06",
        "MUST",
        "batch",
        "three items at once, two of them for one card",
        lambda c, s: _list(feedback_item(c), accepted(c, s), feedback_item(str(uuid.uuid4()))),
    ),
    ("CH-FB-06", "MUST", "duplicates", "the same item twice", lambda c, _: _list(feedback_item(c), feedback_item(c))),
    (
        "CH-FB-10",
        "REC",
        "unknown_card",
        "a card that nobody knows",
        lambda _c, _s: _list(feedback_item(str(uuid.uuid4()))),
    ),
    ("CH-FB-11", "REC", "odd_card_id", "a card id that is no UUID", lambda _c, _s: _list(feedback_item("abc"))),
    (
        "CH-FB-12",
        "REC",
        "reason_code_only",
        "a reason with nothing but its code",
        lambda c, _: _list(feedback_item(c, overrideReason={"reason": {"code": "selftest"}})),
    ),
    (
        "CH-FB-13",
        "REC",
        "plural_reasons",
        "`overrideReasons` in the plural, as a large vendor spells it",
        lambda c, _: _list(feedback_item(c, overrideReasons={"reason": _REASON, "userComment": "Seen"})),
    ),
    (
        "CH-FB-14",
        "REC",
        "timestamp_fraction",
        "a timestamp with a fraction of a second",
        lambda c, _: _list(feedback_item(c, outcomeTimestamp="2026-03-05T08:30:00.123456Z")),
    ),
    (
        "CH-FB-14",
        "REC",
        "timestamp_offset",
        "a timestamp with an offset",
        lambda c, _: _list(feedback_item(c, outcomeTimestamp="2026-03-05T08:30:00+01:00")),
    ),
    (
        "CH-FB-15",
        "REC",
        "long_comment",
        "a comment of 10,000 characters, with HTML",
        lambda c, _: _list(
            feedback_item(c, overrideReason={"userComment": "<script>alert(1)</script>" + "x" * 10_000})
        ),
    ),
    (
        "CH-GEN-09",
        "REC",
        "unknown_members",
        "members that nobody knows",
        lambda c, _: _list(feedback_item(c, x=[1])) | {"y": 2},
    ),
)
for _requirement, _level, _name, _sends, _body in _FORMS_TAKEN:
    _form(_requirement, _level, _name, _sends, _body, *_TAKEN, expects="200, 201, 202 or 204", why=_FORMS)

_UNWRAPPED: tuple[tuple[str, str, Body], ...] = (
    ("bare", "one item without the array `feedback` around it", lambda c, _: feedback_item(c)),
    ("array", "an array of items without the object around it", lambda c, _: [feedback_item(c)]),
)
for _name, _sends, _body in _UNWRAPPED:
    _form(
        "CH-FB-02",
        "REC",
        _name,
        _sends,
        _body,
        *_TAKEN,
        400,
        422,
        expects="taken, or 400",
        why="It can be understood or refused; it is no defect of the service. One server framework sends the former.",
    )
_REFUSED: tuple[tuple[str, str, str, Body], ...] = (
    ("CH-FB-02", "no_list", "an object without `feedback`", lambda _c, _s: {"selftest": True}),
    ("CH-FB-02", "not_json", "a body that is not JSON", lambda _c, _s: b"card=1"),
)
for _requirement, _name, _sends, _body in _REFUSED:
    _form(
        _requirement,
        "REC",
        _name,
        _sends,
        _body,
        400,
        422,
        expects="400",
        why="The sender has to learn that it was not kept.",
    )
for _member in ("card", "outcome", "outcomeTimestamp"):
    _form(
        "CH-FB-03",
        "REC",
        f"no_{_member.removeprefix('outcome').lower() or 'outcome'}",
        f"an item without `{_member}`",
        lambda c, _, member=_member: _list(without(feedback_item(c), member)),
        *_TAKEN,
        400,
        422,
        expects="400, or taken with that item left out",
        why="It is the client's fault, and no defect of the service.",
    )


@GROUP.check(
    "CH-FB-06",
    "MUST",
    sends="the same feedback a second time",
    expects="taken again",
    why="Clients that got no answer send it again.",
)
def feedback_repeated(ehr: Ehr, service: Service) -> None:
    ehr.offers_feedback(service)
    body = _list(feedback_item(_card(ehr, service)[0]))
    ehr.feedback(service, body).expect(*_TAKEN)
    ehr.feedback(service, body).expect(*_TAKEN)


@GROUP.check(
    "CH-FB-01",
    "REC",
    sends="GET of the feedback address",
    expects="405",
    why="It takes POST alone.",
)
def feedback_get(ehr: Ehr, service: Service) -> None:
    ehr.offers_feedback(service)
    ehr.send("other", "GET", ehr.url(service, "feedback"), service=service.id).expect(405)


@GROUP.check(
    "CH-FB-01",
    "REC",
    each=False,
    sends="feedback for a service that discovery does not list",
    expects="404",
    why="A wrong address has to look like one.",
)
def feedback_unknown_service(ehr: Ehr) -> None:
    for service in ehr.services[:1]:
        ehr.offers_feedback(service)
    ehr.feedback(NOWHERE, _list(feedback_item("selftest"))).expect(404)


@GROUP.check(
    "CH-GEN-04",
    "MUST",
    late=True,
    sends="all feedback of this run",
    expects="no `null`, and no empty text, array or object, where the answer is JSON",
    why="What has no value is left out, in every answer.",
)
def feedback_answers_whole(ehr: Ehr, service: Service) -> None:
    ehr.offers_feedback(service)
    for one in ehr.wire.transcript:
        if (one.kind, one.service) == ("feedback", service.id) and "json" in one.headers.get("content-type", ""):
            found = [*nulls(one.json), *(place for place in empties(one.json) if place != "$")]
            if found:
                raise Unmet(f"null or empty: {', '.join(found[:5])}", one)
