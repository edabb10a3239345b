"""The feedback endpoint: which forms are taken, what is kept of them, and what the client is told."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from cds_service.errors import BodyTooLarge, InvalidRequest, NotJson
from cds_service.protocol.feedback import (
    FAR_FUTURE,
    LONGEST_COMMENT,
    MOST_ITEMS,
    Feedback,
    FeedbackItem,
    canonical_uuid,
    parse_feedback,
)
from cds_service.store.tables import accepted_suggestion, feedback, shown_card, shown_suggestion
from tests.cds_service.support import PATIENT, complete, request, without

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CARD = "4f8f3f2e-7a44-4d0c-b1a3-0d6e3f2b9c11"
SUGGESTION = "0b0e3f52-1f83-4a4e-9d9e-5e9b3c1c6a10"
REASON = {"code": "will-do-later", "system": "urn:nam-cds:imnm-override"}
EPIC = "com.epic.cdshooks.feedback.overrideReason."
PATH = "/cds-services/demo/feedback"


def item(**changes: Any) -> dict[str, Any]:
    """An override as a client sends it; a change to None takes the member out."""
    members = {"card": CARD, "outcome": "overridden", "outcomeTimestamp": "2026-11-22T09:30:00Z"} | changes
    return {name: value for name, value in members.items() if value is not None}


def accepted(**changes: Any) -> dict[str, Any]:
    return item(**({"outcome": "accepted", "acceptedSuggestions": [{"id": SUGGESTION}]} | changes))


def parsed(body: Any, *, strict: bool = False) -> Feedback:
    return parse_feedback(json.dumps(body).encode(), NOW, strict=strict)


def one(members: dict[str, Any], *, strict: bool = False) -> FeedbackItem:
    (found,) = parsed({"feedback": [members]}, strict=strict).items
    return found


def refused(members: Any, *, strict: bool = False) -> str:
    """Where it is wrong."""
    with pytest.raises(InvalidRequest) as caught:
        parsed({"feedback": [members]}, strict=strict)
    (issue,) = caught.value.issues
    assert issue.text
    assert issue.remedy
    return issue.where


# The forms


def test_the_exact_form_is_taken_by_strict_services_too() -> None:
    for strict in (False, True):
        found = one(item(overrideReason={"reason": REASON, "userComment": "soon"}), strict=strict)
        assert (found.card, found.outcome, found.flags) == (CARD, "overridden", ())
        assert found.outcome_at == datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
        assert (found.reason_system, found.reason_code) == (REASON["system"], "will-do-later")
        assert found.comment == "soon"
        taken = one(accepted(), strict=strict)
        assert (taken.outcome, taken.suggestions, taken.flags) == ("accepted", (SUGGESTION,), ())


@pytest.mark.parametrize("body", [item(), [item()], {"feedback": item()}], ids=["object", "array", "no array"])
def test_CH_FB_02_and_CH_TOL_24_a_bare_object_or_array_is_taken_unless_strict(body: Any) -> None:
    assert len(parsed(body).items) == 1
    with pytest.raises(InvalidRequest):
        parsed(body, strict=True)


@pytest.mark.parametrize("body", [{}, None, "feedback", 7, {"feedback": "x"}, {"feedback": None}, {"cards": []}])
def test_CH_FB_02_anything_else_is_refused(body: Any) -> None:
    for strict in (False, True):
        with pytest.raises(InvalidRequest):
            parsed(body, strict=strict)


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"feedback": [], "feedback": []}', b'{"feedback": [NaN]}', b"[" * 100_000]
)
def test_CH_GEN_11_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(NotJson):
        parse_feedback(body, NOW)


def test_CH_FB_06_an_empty_batch_and_a_large_one() -> None:
    assert parsed({"feedback": []}).items == ()
    assert len(parsed({"feedback": [item()] * MOST_ITEMS}).items) == MOST_ITEMS
    with pytest.raises(BodyTooLarge):
        parsed({"feedback": [item()] * (MOST_ITEMS + 1)})


@pytest.mark.parametrize("member", ["card", "outcome", "outcomeTimestamp"])
@pytest.mark.parametrize("value", [None, "", 7, {}])
def test_CH_FB_03_what_is_required_must_be_there(member: str, value: Any) -> None:
    wrong = item()
    if value is None:
        del wrong[member]
    else:
        wrong[member] = value
    for strict in (False, True):
        assert refused(wrong, strict=strict) == f"feedback[0].{member}"


def test_CH_FB_03_one_bad_item_costs_the_others_only_where_it_is_strict() -> None:
    body = {"feedback": [item(card=None), item(), "x", accepted()]}
    found = parsed(body)
    assert [each.outcome for each in found.items] == ["overridden", "accepted"]
    assert [issue.where for issue in found.refused] == ["feedback[0].card", "feedback[2]"]
    with pytest.raises(InvalidRequest):
        parsed(body, strict=True)


def test_an_outcome_is_one_of_two() -> None:
    assert refused(item(outcome="ignored")) == "feedback[0].outcome"
    assert one(item(outcome="Overridden")).flags == ("outcome-spelling",)
    assert refused(item(outcome="Overridden"), strict=True) == "feedback[0].outcome"


@pytest.mark.parametrize(
    ("sent", "suggestions", "flags"),
    [
        (None, (), ("no-suggestions",)),
        ([], (), ("no-suggestions",)),
        ("x", (), ("no-suggestions",)),
        ([{}], (), ("no-suggestions",)),
        ({"id": "a"}, ("a",), ()),
        (["a"], ("a",), ()),
        ([{"uuid": "a"}], ("a",), ()),
        ([{"id": "a"}, {"id": 7}, None], ("a",), ("suggestions-left-out",)),
        ([{"id": "a"}] * 101, ("a",) * 100, ("suggestions-left-out",)),
    ],
)
def test_CH_FB_04_accepted_suggestions(sent: Any, suggestions: tuple[str, ...], flags: tuple[str, ...]) -> None:
    found = one(accepted(acceptedSuggestions=sent))
    assert (found.suggestions, found.flags) == (suggestions, flags)
    if flags:
        assert refused(accepted(acceptedSuggestions=sent), strict=True) == "feedback[0].acceptedSuggestions"


def test_CH_FB_05_a_reason_is_optional() -> None:
    for strict in (False, True):
        for reason in ({"reason": REASON}, {"userComment": "x"}):
            assert one(item(overrideReason=reason), strict=strict).flags == ()
        assert one(item(), strict=strict).reason_code == ""
    assert one(item(overrideReason={})).flags == ("reason-form",)
    assert refused(item(overrideReason={}), strict=True) == "feedback[0].overrideReason"


@pytest.mark.parametrize(
    ("reason", "system", "code"),
    [
        ({"reason": {"code": "will-do-later"}}, "", "will-do-later"),
        ({"reason": {"code": "a", "system": "https://example.org/reasons"}}, "https://example.org/reasons", "a"),
        ({"reason": {"code": "a", "system": "not a system"}}, "", "a"),
        ({"reason": {"coding": [REASON]}}, REASON["system"], "will-do-later"),
        ({"reason": "will-do-later"}, "", "will-do-later"),
        ("will-do-later", "", "will-do-later"),
        (REASON, REASON["system"], "will-do-later"),
        ([{"reason": REASON}], REASON["system"], "will-do-later"),
        ({"reason": {"display": "Later"}}, "", ""),
        ({"reason": {"code": "Jane Doe is in hospital"}}, "", ""),
        ({"reason": {"code": 45}}, "", ""),
        ({"reason": {"code": "x" * 65}}, "", ""),
        (7, "", ""),
        ([], "", ""),
    ],
)
def test_CH_FB_12_forms_of_a_reason(reason: Any, system: str, code: str) -> None:
    found = one(item(overrideReason=reason))
    assert (found.reason_system, found.reason_code) == (system, code)


@pytest.mark.parametrize("strict", [False, True])
def test_CH_OVR_03_a_reason_that_was_never_offered(strict: bool) -> None:
    reason = {"code": "x-17", "system": "https://ehr.example.org/reasons", "display": "Ask again on Monday"}
    found = one(item(overrideReason={"reason": reason}), strict=strict)
    assert (found.reason_system, found.reason_code, found.flags) == (reason["system"], "x-17", ())


def test_CH_FB_13_the_forms_of_epic() -> None:
    plural = one(item(overrideReasons={"reason": REASON, "userComment": "soon"}))
    assert (plural.reason_code, plural.comment) == ("will-do-later", "soon")
    assert plural.flags == ("override-reasons",)
    extension = {f"{EPIC}reasonCategory": "45", f"{EPIC}reasonDisplay": "No", f"{EPIC}reasonTitle": "No"}
    own = one(item(overrideReasons={"extension": extension, "userComment": "soon"}))
    assert (own.reason_system, own.reason_code, own.comment) == (f"urn:{EPIC}reasonCategory", "45", "soon")
    assert refused(item(overrideReasons={"reason": REASON}), strict=True) == "feedback[0].overrideReasons"


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("2020-12-11T00:00:00Z", datetime(2020, 12, 11, tzinfo=UTC)),
        ("2020-12-11t00:00:00z", datetime(2020, 12, 11, tzinfo=UTC)),
        ("2020-12-11 00:00:00Z", datetime(2020, 12, 11, tzinfo=UTC)),
        ("2020-12-11T00:00:00.5Z", datetime(2020, 12, 11, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("2020-12-11T00:00:00.123456789Z", datetime(2020, 12, 11, 0, 0, 0, 123_456, tzinfo=UTC)),
        ("2020-12-11T00:00:00+00:00", datetime(2020, 12, 11, tzinfo=UTC)),
        ("2020-12-11T00:00:00+05:30", datetime(2020, 12, 10, 18, 30, tzinfo=UTC)),
        ("2020-12-11T00:00:00-0800", datetime(2020, 12, 11, 8, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2024-02-29T12:00:00Z", datetime(2024, 2, 29, 12, tzinfo=UTC)),
    ],
)
def test_CH_FB_14_times(sent: str, meant: datetime) -> None:
    for strict in (False, True):
        found = one(item(outcomeTimestamp=sent), strict=strict)
        assert (found.outcome_at, found.flags) == (meant, ())


@pytest.mark.parametrize(
    "sent",
    [
        "yesterday",
        "2020-12-11",
        "2020-12-11T00:00Z",
        "2020-13-11T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2020-12-11T24:00:00Z",
        "2020-12-11T00:00:61Z",
        "2020-12-11T00:00:00+24:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1607644800",
        "٢٠٢٠-12-11T00:00:00Z",
    ],
)
def test_CH_FB_14_what_is_no_time_is_refused(sent: str) -> None:
    assert refused(item(outcomeTimestamp=sent)) == "feedback[0].outcomeTimestamp"


def test_CH_FB_14_odd_times_are_flagged() -> None:
    assert one(item(outcomeTimestamp="2020-12-11T00:00:00")).flags == ("time-without-zone",)
    assert refused(item(outcomeTimestamp="2020-12-11T00:00:00"), strict=True) == "feedback[0].outcomeTimestamp"
    border = NOW + FAR_FUTURE
    assert one(item(outcomeTimestamp=border.isoformat())).flags == ()
    assert one(item(outcomeTimestamp=(border + timedelta(seconds=1)).isoformat())).flags == ("future",)


def test_CH_FB_15_comments_are_cut_and_otherwise_untouched() -> None:
    html = "<!-- --><script>alert(1)</script>"
    assert one(item(overrideReason={"userComment": html})).comment == html
    long = one(item(overrideReason={"userComment": "x" * (LONGEST_COMMENT + 1)}))
    assert (len(long.comment), long.flags) == (LONGEST_COMMENT, ("comment-cut",))
    assert one(item(overrideReason={"userComment": ["x"]})).flags == ("comment-form",)
    assert refused(item(overrideReason={"userComment": ["x"]}), strict=True).endswith("userComment")


@pytest.mark.parametrize("sent", [CARD, CARD.upper(), f"urn:uuid:{CARD}", f"{{{CARD}}}", f" {CARD} "])
def test_CH_FB_11_a_uuid_has_one_spelling(sent: str) -> None:
    assert canonical_uuid(sent) == CARD


@pytest.mark.parametrize("sent", ["abc", "123456", "", CARD[:-1], f"{CARD}0"])
def test_CH_FB_11_other_ids_are_none(sent: str) -> None:
    assert canonical_uuid(sent) == ""


# The endpoint


def rows(app: Flask, table: Any) -> Sequence[Any]:
    found: Sequence[Any] = app.extensions["cds_service"]["engine"].store.read(
        lambda connection: connection.execute(select(table)).all()
    )
    return found


def send(client: FlaskClient, *items: Any, path: str = PATH, **headers: str) -> TestResponse:
    return client.post(path, json={"feedback": list(items)}, headers=headers)


def test_CH_FB_09_and_CH_FB_10_feedback_on_an_unknown_card_is_kept_and_answered_with_what_was_kept(
    app: Flask, client: FlaskClient
) -> None:
    answer = send(client, item(card="abc"), accepted(), accepted(), item(outcomeTimestamp="?"))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_json() == {
        "kept": 2,
        "known": 1,
        "refused": [
            {
                "text": "feedback[3].outcomeTimestamp is not a date and time.",
                "where": "feedback[3].outcomeTimestamp",
                "remedy": "Send RFC 3339 in UTC, such as 2026-11-22T09:30:00Z.",
            }
        ],
    }
    assert send(client, accepted()).get_json() == {"kept": 0, "known": 1}
    assert [(row.service, row.client) for row in rows(app, feedback)] == [("demo", "anonymous")] * 2
    assert [link.suggestion for link in rows(app, accepted_suggestion)] == [SUGGESTION]


def test_CH_FB_01_there_is_one_address_for_each_service_and_only_post(client: FlaskClient) -> None:
    unknown = send(client, item(), path="/cds-services/none/feedback")
    assert unknown.status_code == 404
    assert unknown.get_json()["issue"][0]["details"]["coding"][0]["code"] == "unknown-service"
    for method in ("GET", "PUT", "DELETE"):
        refusal = client.open(PATH, method=method)
        assert refusal.status_code == 405
        assert "POST" in refusal.headers["Allow"]
    assert send(client, item(), path="/cds-services//demo//feedback/").status_code == 200


def test_a_body_without_a_usable_item_is_refused(client: FlaskClient) -> None:
    answer = send(client, item(card=None))
    assert answer.status_code == 400
    assert answer.get_json()["issue"][0]["expression"] == ["feedback[0].card"]
    assert client.post(PATH, data="x", content_type="application/json").status_code == 400
    assert client.post(PATH, data="x", content_type="text/plain").status_code == 415


def test_a_strict_service_refuses_other_forms(make_app: Callable[..., Flask]) -> None:
    app = make_app(strict=True)
    assert app.test_client().post(PATH, json=item()).status_code == 400
    assert send(app.test_client(), item()).status_code == 200


def test_CH_SEC_05_and_CH_SEC_07_browsers_may_send_feedback(client: FlaskClient) -> None:
    origin = "https://sandbox.cds-hooks.org"
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    preflight = client.options(PATH, headers=asked | {"Access-Control-Request-Headers": "authorization,content-type"})
    assert preflight.status_code == 200
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"].lower()
    for answer in (send(client, item(), Origin=origin), send(client, {}, Origin=origin)):
        assert answer.headers["Access-Control-Allow-Origin"] == origin


def test_CH_FB_16_cards_are_recorded_as_they_are_sent_and_feedback_meets_them(app: Flask, client: FlaskClient) -> None:
    (sent,) = client.post("/cds-services/demo", json=request(complete())).get_json()["cards"]
    (row,) = rows(app, shown_card)
    assert (row.card, row.service, row.hook, row.client) == (sent["uuid"], "demo", "patient-view", "anonymous")
    assert PATIENT not in str(row)
    send(client, item(card=sent["uuid"].upper()))
    assert [kept.card for kept in rows(app, feedback)] == [sent["uuid"]]
    assert rows(app, shown_suggestion) == []


def test_nothing_is_recorded_of_calls_without_cards(app: Flask, client: FlaskClient) -> None:
    irrelevant = complete() | {"conditions": {"resourceType": "Bundle", "type": "searchset"}}
    assert client.post("/cds-services/demo", json=request(irrelevant)).get_json() == {"cards": []}
    assert client.post("/cds-services/demo", json=request(without("patient"))).status_code == 412
    assert rows(app, shown_card) == []


def test_CH_FB_07_feedback_may_come_late_and_again(app: Flask, client: FlaskClient) -> None:
    assert send(client, item(outcomeTimestamp="2016-11-22T09:30:00Z")).get_json()["kept"] == 1
    assert send(client, accepted()).get_json()["kept"] == 1
    assert [row.outcome for row in rows(app, feedback)] == ["overridden", "accepted"]


def test_CH_SEC_08_no_value_of_the_feedback_is_logged_or_answered(
    client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "Jane-Doe"
    items = [
        item(card=secret, overrideReason={"reason": {"code": f"{secret} x", "system": secret}, "userComment": secret}),
        accepted(acceptedSuggestions=[{"id": secret}]),
        item(outcome=secret),
        item(outcomeTimestamp=secret),
    ]
    answer = send(client, *items)
    assert answer.get_json()["kept"] == 2
    written = capsys.readouterr()
    assert '"feedback"' in written.err
    assert secret not in answer.text + written.out + written.err
