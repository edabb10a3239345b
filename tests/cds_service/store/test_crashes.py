"""What was acknowledged is there, whenever the service is killed; and several processes keep what they are sent."""

import os
import random
import signal
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
import requests

from cds_service.protocol.cards import new_uuid
from tests.cds_service.store.postgres import Postgres
from tests.cli.serving import AMPLE, Callers, Server, serving

PATH = "/cds-services/nam-patient-view/feedback"
ROUNDS = 6
"""In each of them the service is killed twice: one worker, then all of it."""


class Senders(Callers):
    """Clients that send one item after the other, and remember those which were acknowledged."""

    def __init__(self, server: Server, count: int) -> None:
        super().__init__(count)
        self._address = server.base + PATH
        self._arrived = threading.Condition()
        self.acknowledged: list[str] = []
        self.statuses: set[int] = set()

    def call(self, session: requests.Session) -> None:
        card = new_uuid()
        item = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-11-22T09:30:00Z"}
        try:
            answer = session.post(self._address, json={"feedback": [item]}, timeout=AMPLE)
        except requests.RequestException:
            return
        with self._arrived:
            self.statuses.add(answer.status_code)
            if answer.status_code == 200:
                self.acknowledged.append(card)
            self._arrived.notify_all()

    def wait_for(self, more: int) -> None:
        """Until so many more items are acknowledged."""
        with self._arrived:
            wanted = len(self.acknowledged) + more
            assert self._arrived.wait_for(lambda: len(self.acknowledged) >= wanted, AMPLE)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):  # it may be gone already
        os.kill(pid, signal.SIGKILL)


def _killed_rounds(folder: Path, chance: random.Random, *options: str) -> list[str]:
    """Start the service, and kill a worker, then everything, while items come in; what was acknowledged."""
    acknowledged: list[str] = []
    for _ in range(ROUNDS):
        with (
            serving(folder, "--workers", "2", *options, ending=signal.SIGKILL) as server,
            Senders(server, 4) as senders,
        ):
            senders.wait_for(chance.randint(1, 40))
            time.sleep(chance.random() / 50)  # anywhere within a transaction
            _kill(chance.choice(server.workers))
            senders.wait_for(chance.randint(1, 40))
            time.sleep(chance.random() / 50)
            workers = server.workers
            server.process.kill()
            for worker in workers:
                _kill(worker)
        acknowledged += senders.acknowledged
        assert 200 in senders.statuses <= {200, 503}
    return acknowledged


@pytest.mark.slow
def test_CH_FB_09_what_was_acknowledged_survives_kill_9_at_any_moment(tmp_path: Path) -> None:
    acknowledged = _killed_rounds(tmp_path, random.Random(1), "--database", "sqlite:///f.sqlite")
    assert kept_by_sqlite(tmp_path / "f.sqlite") >= set(acknowledged)


@pytest.mark.slow
def test_CH_FB_09_what_postgresql_acknowledged_survives_kill_9(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.database()
    (tmp_path / "key").write_text("0123456789abcdef" * 2)
    acknowledged = _killed_rounds(tmp_path, random.Random(2), "--database", url, "--hash-key", "key")
    with psycopg.connect(url) as connection:
        kept = {card for (card,) in connection.execute("SELECT card FROM feedback")}
    assert kept >= set(acknowledged)


def test_two_services_share_one_file(tmp_path: Path) -> None:
    options = ("--database", f"sqlite:///{tmp_path}/f.sqlite")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with (
        serving(tmp_path / "one", *options) as one,
        serving(tmp_path / "two", *options) as two,
        Senders(one, 2) as first,
        Senders(two, 2) as second,
    ):
        first.wait_for(100)
        second.wait_for(100)
    assert kept_by_sqlite(tmp_path / "f.sqlite") >= {*first.acknowledged, *second.acknowledged}
    assert first.statuses == second.statuses == {200}


def test_the_default_is_a_file_where_the_service_works(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        item = {"card": new_uuid(), "outcome": "overridden", "outcomeTimestamp": "2026-11-22T09:30:00Z"}
        assert requests.post(server.base + PATH, json={"feedback": [item]}, timeout=AMPLE).ok
    assert kept_by_sqlite(tmp_path / "nam-cds.sqlite") == {item["card"]}


def test_the_demonstration_leaves_no_file(tmp_path: Path) -> None:
    with serving(tmp_path, "--demo") as server:
        item = {"card": new_uuid(), "outcome": "overridden", "outcomeTimestamp": "2026-11-22T09:30:00Z"}
        assert requests.post(server.base + PATH, json={"feedback": [item]}, timeout=AMPLE).ok
    assert [path.suffix for path in tmp_path.iterdir()] == [".txt"]


def kept_by_sqlite(file: Path) -> set[str]:
    """The cards in an intact file."""
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    kept = {card for (card,) in connection.execute("SELECT card FROM feedback")}
    connection.close()
    return kept
