"""What is kept, what is found again, and what is deleted: the same on both databases."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from cds_service.protocol.cards import Action, Card, Coding, Source, Suggestion, new_uuid
from cds_service.protocol.feedback import FeedbackItem
from cds_service.security.callers import Caller
from cds_service.store.items import Shown
from cds_service.store.retention import ROWS_AT_ONCE as PURGE_ROWS
from cds_service.store.retention import counts
from cds_service.store.store import Store
from cds_service.store.tables import accepted_suggestion, feedback, shown_card, shown_suggestion, used_token
from tests.cds_service.store.conftest import NOON, Clock

CALLER = Caller("north", "clinic")
PATIENT = "patient-that-no-table-may-name"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def card(rule: str = "PjpProphylaxis", suggestions: int = 0, **changes: Any) -> Card:
    members: dict[str, Any] = {
        "uuid": new_uuid(),
        "summary": "Summary",
        "indicator": "warning",
        "source": Source(label="Label", topic=Coding(code=rule, system="urn:nam-cds:rule")),
        "suggestions": tuple(
            Suggestion(label="Do", uuid=new_uuid(), actions=(Action(type="create", description="Do"),))
            for _ in range(suggestions)
        ),
    }
    return Card(**(members | changes))


def shown(*cards: Card, patient: str = PATIENT, caller: Caller = CALLER, **changes: Any) -> Shown:
    members: dict[str, Any] = {"service": "nam-patient-view", "hook": "patient-view", "knowledge_version": "v1"}
    return Shown(caller=caller, patient_id=patient, cards=cards, **(members | changes))


def override(card: str, **changes: Any) -> FeedbackItem:
    members: dict[str, Any] = {"outcome": "overridden", "outcome_at": NOON, "reason_code": "will-do-later"}
    return FeedbackItem(card=card, **(members | changes))


def rows(store: Store, table: Any) -> Sequence[Any]:
    return store.read(lambda connection: connection.execute(select(table)).all())


def test_CH_FB_16_a_shown_card_is_kept_with_what_it_came_from_and_without_its_patient(store: Store) -> None:
    one = card(suggestions=2)
    assert store.record_shown(shown(one, fingerprints={one.uuid: "f1"}))
    (row,) = rows(store, shown_card)
    assert (row.card, row.rule, row.indicator, row.hook) == (one.uuid, "PjpProphylaxis", "warning", "patient-view")
    assert (row.client, row.tenant, row.service) == ("north", "clinic", "nam-patient-view")
    assert (row.knowledge_version, row.fingerprint, row.shown_at) == ("v1", "f1", NOON)
    assert PATIENT not in str(row)
    kept = {
        (suggestion.card, suggestion.suggestion, suggestion.position) for suggestion in rows(store, shown_suggestion)
    }
    assert kept == {(one.uuid, suggestion.uuid, place) for place, suggestion in enumerate(one.suggestions)}


def test_CH_FB_06_an_exact_duplicate_is_kept_once(store: Store) -> None:
    first = override(new_uuid())
    assert store.record_feedback("nam-patient-view", CALLER, [first, first]) == 1
    assert store.record_feedback("nam-patient-view", CALLER, [first]) == 0
    others = [
        override(first.card, outcome_at=NOON + timedelta(microseconds=1)),
        override(first.card, outcome="accepted", suggestions=(new_uuid(),)),
        override(new_uuid()),
    ]
    assert store.record_feedback("nam-patient-view", CALLER, others) == 3
    assert store.record_feedback("nam-order-sign", CALLER, [first]) == 1
    assert store.record_feedback("nam-patient-view", Caller("south"), [first]) == 1
    assert len(rows(store, feedback)) == 6


def test_CH_FB_06_accepted_suggestions_are_kept_with_their_event(store: Store) -> None:
    one, two = new_uuid(), new_uuid()
    item = override(new_uuid(), outcome="accepted", suggestions=(one, two.upper(), one))
    store.record_feedback("nam-patient-view", CALLER, [item])
    (row,) = rows(store, feedback)
    assert {tuple(link) for link in rows(store, accepted_suggestion)} == {(row.id, one), (row.id, two)}


def test_CH_FB_11_an_id_that_is_no_uuid_is_kept_as_a_hash(store: Store) -> None:
    strange = "card of Jane Doe \0\ud800"
    store.record_feedback("nam-patient-view", CALLER, [override(strange), override("{" + new_uuid().upper() + "}")])
    hashed, plain = sorted((row.card for row in rows(store, feedback)), reverse=True)
    assert hashed.startswith("hash:")
    assert "Jane" not in hashed
    assert plain == plain.lower().strip("{}")
    assert store.record_feedback("nam-patient-view", CALLER, [override(strange)]) == 0


def test_CH_FB_15_a_comment_is_kept_only_where_the_site_says_so(open_store: Callable[..., Store]) -> None:
    text = "<!-- Jane Doe --> \0\ud800 later"
    without, keeping = open_store(), open_store(keep_comments=True)
    without.record_feedback("nam-patient-view", CALLER, [override(new_uuid(), comment=text)])
    keeping.record_feedback("nam-patient-view", CALLER, [override(new_uuid(), comment=text)])
    kept = [(row.commented, row.comment) for row in rows(without, feedback)]
    assert kept == [(True, ""), (True, "<!-- Jane Doe --> �? later")]


def test_CH_JWT_a_token_is_used_once_by_all_and_across_starts(open_store: Callable[..., Store], clock: Clock) -> None:
    one, two = open_store(), open_store()
    assert one.first_use("https://ehr", "a", NOON + HOUR) is True
    assert two.first_use("https://ehr", "a", NOON + HOUR) is False
    assert two.first_use("https://other", "a", NOON + HOUR) is True
    assert one.first_use("https://ehr", "b", NOON + HOUR) is True
    one.close()
    assert open_store().first_use("https://ehr", "a", NOON + HOUR) is False
    assert "https://ehr" in {row.issuer for row in rows(two, used_token)}
    assert not {"a", "b"} & {row.token for row in rows(two, used_token)}


def test_the_latest_override_of_each_rule_and_hook_is_found(store: Store) -> None:
    old, new, order = card(), card(), card()
    store.record_shown(shown(old, fingerprints={old.uuid: "f1"}))
    store.record_shown(shown(new, fingerprints={new.uuid: "f2"}))
    store.record_shown(shown(order, hook="order-sign"))
    items = [
        override(new.uuid, outcome_at=NOON - HOUR, reason_code="specialist-plan"),
        override(old.uuid, outcome_at=NOON - 2 * HOUR),
        override(order.uuid, outcome_at=NOON - 3 * HOUR),
    ]
    store.record_feedback("nam-patient-view", CALLER, items)
    found = store.snoozes(CALLER, PATIENT, NOON - DAY)
    assert [(one.rule, one.hook, one.reason_code, one.fingerprint, one.at) for one in found] == [
        ("PjpProphylaxis", "order-sign", "will-do-later", "", NOON - 3 * HOUR),
        ("PjpProphylaxis", "patient-view", "specialist-plan", "f2", NOON - HOUR),
    ]
    assert store.snoozes(CALLER, PATIENT, NOON - HOUR / 2) == ()


def test_an_override_is_nobody_elses(store: Store) -> None:
    one = card()
    store.record_shown(shown(one))
    store.record_feedback("nam-patient-view", Caller("south"), [override(one.uuid)])
    store.record_feedback("nam-patient-view", Caller("north", "other"), [override(one.uuid)])
    assert store.snoozes(CALLER, PATIENT, NOON - DAY) == ()
    store.record_feedback("nam-patient-view", CALLER, [override(one.uuid)])
    assert len(store.snoozes(CALLER, PATIENT, NOON - DAY)) == 1
    assert store.snoozes(CALLER, "another", NOON - DAY) == ()
    assert store.snoozes(Caller("south"), PATIENT, NOON - DAY) == ()


def test_a_clock_ahead_does_not_make_an_override_last_longer(store: Store) -> None:
    one = card()
    store.record_shown(shown(one))
    store.record_feedback("nam-patient-view", CALLER, [override(one.uuid, outcome_at=NOON + 900 * DAY)])
    (found,) = store.snoozes(CALLER, PATIENT, NOON - DAY)
    assert found.at == NOON


def test_an_accepted_card_is_no_override(store: Store) -> None:
    one = card()
    store.record_shown(shown(one))
    store.record_feedback("nam-patient-view", CALLER, [override(one.uuid, outcome="accepted")])
    assert store.snoozes(CALLER, PATIENT, NOON - DAY) == ()


def test_CH_FB_10_feedback_may_come_before_the_card_is_known(store: Store) -> None:
    one = card()
    store.record_feedback("nam-patient-view", CALLER, [override(one.uuid)])
    assert store.snoozes(CALLER, PATIENT, NOON - DAY) == ()
    store.record_shown(shown(one))
    assert len(store.snoozes(CALLER, PATIENT, NOON - DAY)) == 1


def test_a_service_deletes_what_is_too_old_without_being_told(open_store: Callable[..., Store], clock: Clock) -> None:
    open_store().record_shown(shown(card()))
    clock.now = NOON + 10 * DAY + HOUR
    store, end = open_store(retention_days=10), time.monotonic() + 60
    while rows(store, shown_card):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_is_older_than_the_retention_is_deleted(open_store: Callable[..., Store], clock: Clock) -> None:
    store = open_store(retention_days=10)
    old, new = [card(suggestions=1) for _ in range(PURGE_ROWS + 1)], card(suggestions=1)
    store.record_shown(shown(*old))
    store.record_feedback("s", CALLER, [override(old[0].uuid, outcome="accepted", suggestions=(new_uuid(),))])
    store.first_use("https://ehr", "a", NOON + HOUR)
    clock.now = NOON + 10 * DAY + HOUR
    store.record_shown(shown(new))
    store.record_feedback("s", CALLER, [override(new.uuid)])
    store.first_use("https://ehr", "b", clock.now + HOUR)
    assert store.purge() == {"shown_card": PURGE_ROWS + 1, "feedback": 1, "used_token": 1, "sealed": 0}
    assert store.read(counts) == {
        "shown_card": 1,
        "shown_suggestion": 1,
        "feedback": 1,
        "accepted_suggestion": 0,
        "used_token": 1,
    }
    assert store.purge(clock.now + HOUR) == {"shown_card": 1, "feedback": 1, "used_token": 0, "sealed": 0}
