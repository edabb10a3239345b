"""`nam-cds feedback report`."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result

from cds_service.protocol.cards import Card, Coding, Source, new_uuid
from cds_service.protocol.feedback import FeedbackItem
from cds_service.security.callers import Caller
from cds_service.settings import Settings
from cds_service.store.items import Shown
from cds_service.store.store import Store

Run = Callable[..., Result]


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC) - timedelta(days=3)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The database of a service, with two cards of three days ago."""
    database = f"sqlite:///{tmp_path}/site.sqlite"
    monkeypatch.setenv("NAM_CDS_DATABASE", database)
    opened = Store.of(Settings(database=database), Clock())
    for client, answered in (("north", True), ("south", False)):
        card = Card(
            uuid=new_uuid(),
            summary="Ask",
            indicator="info",
            source=Source(label="Rule", topic=Coding(code="RituximabWithCyclophosphamide", system="s")),
        )
        caller = Caller(client)
        opened.record_shown(Shown(service="s", hook="patient-view", caller=caller, patient_id="p", cards=(card,)))
        if answered:
            at = datetime.now(UTC)
            item = FeedbackItem(card=card.uuid, outcome="overridden", outcome_at=at, reason_code="will-do-later")
            opened.record_feedback("s", caller, [item])
    yield opened
    opened.close()


@pytest.mark.usefixtures("store")
def test_a_table_for_each_site(run: Run) -> None:
    result = run("feedback", "report")
    assert result.exit_code == 0
    lines = [line.split() for line in result.output.splitlines() if line.strip()]
    assert ["north"] in lines
    assert ["south"] in lines
    assert ["RituximabWithCyclophosphamide", "1", "0", "1", "0", "0", "█"] in lines
    assert ["RituximabWithCyclophosphamide", "1", "0", "0", "1", "0", "█"] in lines
    assert "  RituximabWithCyclophosphamide: will-do-later 1" in result.output
    assert max(map(len, result.output.splitlines())) <= 100


def test_what_was_not_shown_has_a_column_where_there_is_any(run: Run, store: Store) -> None:
    def table(site: str) -> list[list[str]]:
        return [line.split() for line in run("feedback", "report", "--site", site).output.splitlines() if line.strip()]

    card = Card(uuid=new_uuid(), summary="Ask", indicator="info", source=Source(label="Rule"))
    quiet = Caller("east", shadow=True)
    store.record_shown(Shown(service="s", hook="patient-view", caller=quiet, patient_id="p", cards=(card,)))
    assert ["All", "0", "0", "0", "0", "0", "1", "█"] in table("east")
    assert not any("Shadow" in cells for cells in table("north"))


@pytest.mark.usefixtures("store")
def test_one_site_as_csv(run: Run) -> None:
    head, row = run("feedback", "report", "--csv", "--site", "north", "--by", "week").output.splitlines()
    assert head == "site,rule,begins,shown,accepted,overridden,ignored,waiting,shadow,overridden: will-do-later"
    assert row.startswith("north,RituximabWithCyclophosphamide,")
    assert row.endswith(",1,0,1,0,0,0,1")


@pytest.mark.usefixtures("store")
def test_json(run: Run) -> None:
    found = json.loads(run("feedback", "report", "--json").output)
    assert found["total"] == {"shown": 2, "accepted": 0, "overridden": 1, "ignored": 1, "waiting": 0, "shadow": 0}


@pytest.mark.usefixtures("store")
def test_since(run: Run) -> None:
    today = datetime.now(UTC).date().isoformat()
    assert run("feedback", "report", "--since", today).output.strip() == "No card was shown."
    assert run("feedback", "report", "--since", "yesterday").exit_code == 2


@pytest.mark.usefixtures("store")
def test_the_chart_is_a_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "chart.svg"
    assert run("feedback", "report", "--chart", str(file)).exit_code == 0
    assert ET.parse(file).getroot().tag.endswith("svg")
    result = run("feedback", "report", "--chart", str(tmp_path / "nowhere" / "chart.svg"))
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr


def test_feedback_on_unknown_cards(run: Run, store: Store) -> None:
    store.record_feedback("s", Caller("north"), [FeedbackItem(card="x", outcome="accepted", outcome_at=Clock().now)])
    assert "Feedback on cards that are not on record: 1." in run("feedback", "report").output


@pytest.mark.parametrize("database", ["memory", "sqlite:///nowhere.sqlite", "mysql://x"])
def test_a_database_that_is_not_there(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NAM_CDS_DATABASE", database)
    result = run("feedback", "report")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert "NAM_CDS_DATABASE" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_of_ours(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content, said in ((b"", "of revision none"), (b"no database, but a text\n" * 100, "cannot be used")):
        file = tmp_path / "x.sqlite"
        file.write_bytes(content)
        monkeypatch.setenv("NAM_CDS_DATABASE", f"sqlite:///{file}")
        result = run("feedback", "report")
        assert result.exit_code == 1
        assert said in result.stderr
        assert "Traceback" not in result.output
