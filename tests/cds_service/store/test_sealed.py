"""What is kept under a secret: only who has it can read it, only until it expires, and once if it is taken."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from cds_service.store.items import StoreDownError
from cds_service.store.sealed import Sealed
from cds_service.store.store import Store
from cds_service.store.tables import sealed
from tests.cds_service.store.conftest import NOON, Clock

SECRET, CONTENT = "secret-of-the-browser-58213", b"what nobody else may read"


@pytest.fixture
def kept(store: Store, clock: Clock) -> Sealed:
    def now() -> float:
        return clock.now.timestamp()

    made = Sealed(store, "session", now)
    made.put(SECRET, CONTENT, 60)
    return made


def test_who_has_the_secret_reads_it_again_and_again(kept: Sealed) -> None:
    assert [kept.get(SECRET), kept.get(SECRET)] == [CONTENT, CONTENT]


def test_who_has_another_secret_or_asks_for_another_kind_finds_nothing(kept: Sealed, store: Store) -> None:
    assert kept.get(SECRET + "x") is None
    assert kept.get("") is None
    assert kept.take("\ud800") is None
    assert Sealed(store, "launch", NOON.timestamp).get(SECRET) is None


def test_what_is_taken_is_gone(kept: Sealed) -> None:
    assert kept.take(SECRET) == CONTENT
    assert kept.take(SECRET) is None
    assert kept.get(SECRET) is None


def test_what_has_expired_is_neither_read_nor_taken(kept: Sealed, clock: Clock) -> None:
    clock.now += timedelta(seconds=60)
    assert kept.get(SECRET) is None
    assert kept.take(SECRET) is None


def test_the_purge_deletes_what_has_expired(store: Store) -> None:
    Sealed(store, "session", (NOON - timedelta(hours=2)).timestamp).put("old", CONTENT, 60)
    Sealed(store, "session", NOON.timestamp).put("new", CONTENT, 60)
    store.purge()  # unless the store has done so by itself
    assert len(store.read(lambda connection: connection.execute(select(sealed)).all())) == 1


def test_the_database_has_neither_the_secret_nor_the_content(kept: Sealed, store: Store) -> None:
    (row,) = store.read(lambda connection: connection.execute(select(sealed)).all())
    assert SECRET not in row.name
    assert CONTENT not in row.content
    kept.put("another", CONTENT, 60)
    contents = store.read(lambda connection: connection.scalars(select(sealed.c.content)).all())
    assert len(set(contents)) == 2, "the same content looks different under each secret"


def test_what_was_changed_in_the_database_is_not_read(kept: Sealed, store: Store) -> None:
    spoiled = update(sealed).values(content=b"0" * 64)
    store.write("spoil", lambda connection: connection.execute(spoiled).rowcount)
    assert kept.get(SECRET) is None


def test_an_entry_that_was_moved_under_another_name_is_not_read(kept: Sealed, store: Store) -> None:
    """Whoever can write to the database cannot give one browser the session of another."""
    (victim,) = store.read(lambda connection: connection.scalars(select(sealed.c.content)).all())
    kept.put("attacker", b"mine", 60)
    store.write("move", lambda connection: connection.execute(update(sealed).values(content=victim)).rowcount)
    assert kept.get(SECRET) == CONTENT
    assert kept.get("attacker") is None


def test_a_store_that_is_down_is_told(kept: Sealed, store: Store) -> None:
    store.close()
    with pytest.raises(StoreDownError):
        kept.put("x", CONTENT, 60)
    for ask in (kept.get, kept.take):
        with pytest.raises(StoreDownError):
            ask(SECRET)
