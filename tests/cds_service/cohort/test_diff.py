"""A comparison of two states of the knowledge names who gains, loses or changes a card, in what, and why."""

import csv
import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from cds_service.cohort import differences, results, run
from cds_service.cohort.comparing import Compared, Move
from cds_service.cohort.export import ExportError
from cds_service.cohort.run import Options, Origin
from cds_service.settings import Settings
from hooks.knowledge import KnowledgeError
from hooks.knowledge.loading import DATA
from tests.cds_service.cohort.exports import TODAY, Quiet, Resource, resources, write

SETTINGS = Settings(log_level="error")
OWN = Origin()
REFRACTORY = "nam-refractory-gates-passed"
CK_OF_THREE = "thresholds: {ck.active_x_uln: {value: 3, reason: own limit}}"
LOCAL = {"system": "http://hospital.example/dx", "code": "NAM1"}
LOCAL_CODE = """
value_sets:
  imnm:
    add: [{system: "http://hospital.example/dx", code: NAM1, display: NAM, reason: own code}]
"""

Site = Callable[[str], Origin]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """The knowledge with a site's file that says this."""

    def origin(content: str) -> Origin:
        path = tmp_path / f"site-{len(list(tmp_path.glob('site-*')))}.yaml"
        path.write_text(content)
        return Origin(path)

    return origin


def compared(tmp_path: Path, found: Iterable[Resource], old: Origin, new: Origin, jobs: int = 1) -> list[Compared]:
    """Everybody who is other."""
    work = tmp_path / "compared"
    shutil.rmtree(work, ignore_errors=True)
    export = work / "export"
    write(export, found)
    options = Options(TODAY)
    done = run.run(export, work, options, SETTINGS, jobs=jobs, progress=Quiet(), compared=(old, new))
    return list(done.compared())


def moved(found: Iterable[Compared]) -> dict[tuple[str, str], Move]:
    """What becomes of cards, by person and rule; without those that only print another limit."""
    return {(one.patient, move.rule): move for one in found for move in one.moves if move.what != "limit only"}


def with_ck(patient: str, times: float) -> Iterator[Resource]:
    """A fixture patient whose CK values are all so many times the upper limit of 200 U/L."""
    for one in resources([patient]):
        if one["resourceType"] == "Observation" and one.get("valueQuantity", {}).get("unit") == "U/L":
            one["valueQuantity"]["value"] = 200 * times
        yield one


def test_a_higher_limit_of_ck_takes_the_escalation_from_whose_ck_lies_between(tmp_path: Path, site: Site) -> None:
    people = [*with_ck(REFRACTORY, 2.5), *resources(["nam-srp-refractory", "nam-remission-on-treatment"])]
    found = compared(tmp_path, people, OWN, site(CK_OF_THREE))
    [(where, move)] = moved(found).items()
    assert where == (REFRACTORY, "EscalateToCyclophosphamide")
    assert (move.what, move.new) == ("loses", None)
    because = move.because
    assert because is not None
    assert because.criterion == "disease active › CK raised"
    assert because.rule == "EscalateToCyclophosphamide"
    assert because.old.startswith("yes: 500 U/L, 2026-11-10, ≥ 400 U/L (2 × ULN 200) [ENG]")
    assert because.new.startswith("no: 500 U/L, 2026-11-10, ≥ 600 U/L (3 × ULN 200) [SITE]")


def test_the_other_way_round_the_same_card_is_gained(tmp_path: Path, site: Site) -> None:
    found = compared(tmp_path, with_ck(REFRACTORY, 2.5), site(CK_OF_THREE), OWN)
    [move] = moved(found).values()
    assert (move.what, move.old) == ("gains", None)
    assert move.new is not None
    assert move.new.indicator == "warning"


def test_a_card_that_says_the_same_against_another_limit_is_told_apart(tmp_path: Path, site: Site) -> None:
    [one] = compared(tmp_path, resources(["nam-srp-refractory"]), OWN, site(CK_OF_THREE))
    [move] = one.moves
    assert move.what == "limit only"
    [part] = move.parts
    assert part.part == "limit"
    assert part.old.endswith("| active ≥ 2 × ULN [ENG] |")
    assert part.new == part.old.replace("≥ 2 × ULN [ENG]", "≥ 3 × ULN [SITE]")


def test_a_line_that_another_rule_adds_is_laid_to_that_rule(tmp_path: Path, site: Site) -> None:
    stricter = site("thresholds: {response.minimal: {value: 32, reason: own limit}}")
    found = compared(tmp_path, resources(["nam-relapse-on-taper"]), OWN, stricter)
    [((_, rule), move)] = moved(found).items()
    assert (rule, move.what) == ("Relapse", "changes")
    assert [(part.part, part.old) for part in move.parts] == [("text", "")]
    assert move.parts[0].new.startswith("**Also due:** Pause the taper")
    assert move.because is not None
    assert move.because.rule == "PrematureTaper"


def test_a_line_with_the_same_answers_is_laid_to_what_was_found(tmp_path: Path, site: Site) -> None:
    shorter = site("thresholds: {strength.rapid_days: {value: 36, reason: own limit}}")
    found = compared(tmp_path, resources(["nam-rapid-progression"]), OWN, shorter)
    [move] = moved(found).values()
    assert [part.part for part in move.parts if part.old] == ["text"]
    assert move.because is not None
    assert move.because.criterion == "rapid progression"
    assert move.because.old.endswith("within 60 d [ENG]")
    assert move.because.new.endswith("within 36 d [SITE]")


def test_the_same_knowledge_makes_no_difference_to_anybody(tmp_path: Path, site: Site) -> None:
    assert compared(tmp_path, resources(), OWN, OWN) == []
    assert compared(tmp_path, resources(), site(CK_OF_THREE), site(CK_OF_THREE)) == []


def locally_coded(*more: Resource) -> list[Resource]:
    """A patient whose only diagnosis of the disease is in a code of the hospital's own."""
    found = [one for one in resources([REFRACTORY]) if one["resourceType"] != "Condition"]
    subject = {"reference": f"Patient/{REFRACTORY}"}
    return [
        *found,
        {"resourceType": "Condition", "id": "own", "subject": subject, "code": {"coding": [LOCAL]}},
        *({"resourceType": "Condition", "id": "more", "subject": subject} | one for one in more),
    ]


@pytest.mark.parametrize("reverse", [False, True])
def test_who_passes_one_gate_only_is_not_missed(tmp_path: Path, site: Site, *, reverse: bool) -> None:
    sides = (OWN, site(LOCAL_CODE))
    found = compared(tmp_path, locally_coded(), *(reversed(sides) if reverse else sides))
    moves = moved(found)
    assert (REFRACTORY, "EscalateToCyclophosphamide") in moves
    assert {move.what for move in moves.values()} == {"loses" if reverse else "gains"}
    said = {(move.because.old, move.because.new) for move in moves.values() if move.because}
    assert said == {("yes", "no") if reverse else ("no", "yes")}


def test_of_whom_only_one_can_say_something_is_told(tmp_path: Path, site: Site) -> None:
    found = compared(tmp_path, locally_coded({"code": "G72.49"}), OWN, site(LOCAL_CODE))
    [one] = found
    assert one.outcome == "refused"
    [refused] = [move for move in one.moves if move.what == "refused"]
    assert refused.because is not None
    assert refused.because.old not in ("yes", "no")
    assert refused.because.new == "yes"
    assert (REFRACTORY, "EscalateToCyclophosphamide") in moved(found)


def test_of_whom_nothing_can_be_said_by_either_is_counted(tmp_path: Path) -> None:
    found = compared(tmp_path, locally_coded({"code": "G72.49"}), OWN, OWN)
    assert [(one.outcome, one.moves) for one in found] == [("refused", ())]
    summary = differences.summed(found)
    assert (summary.people, summary.refused) == (0, 1)


def test_a_folder_of_another_version_of_the_knowledge_is_compared(tmp_path: Path) -> None:
    version = tmp_path / "version"
    shutil.copytree(DATA, version, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    file = version / "thresholds.yaml"
    text = file.read_text()
    changed = re.sub(r"(active_x_uln:.*?value: )2\b", r"\g<1>3", text, count=1, flags=re.DOTALL)
    assert changed != text
    file.write_text(changed)
    found = compared(tmp_path, with_ck(REFRACTORY, 2.5), OWN, Origin(data=version))
    assert {where: move.what for where, move in moved(found).items()} == {
        (REFRACTORY, "EscalateToCyclophosphamide"): "loses"
    }


def test_people_come_in_order_and_are_the_same_in_several_processes(tmp_path: Path, site: Site) -> None:
    other = site(CK_OF_THREE)
    alone = compared(tmp_path, resources(), OWN, other)
    assert compared(tmp_path, resources(), OWN, other, jobs=2) == alone
    people = [one.patient for one in alone]
    assert people == sorted(people)
    assert len(people) > 10


def test_knowledge_that_is_wrong_is_refused(tmp_path: Path, site: Site) -> None:
    with pytest.raises(KnowledgeError, match="no such threshold"):
        compared(tmp_path, resources(["nam-child"]), OWN, site("thresholds: {ck.none: {value: 3, reason: x}}"))


def test_a_run_is_gone_on_with_only_by_the_same_two(tmp_path: Path, site: Site) -> None:
    export = write(tmp_path / "export", resources(["nam-child"]))
    options, sides = Options(TODAY), (OWN, site(CK_OF_THREE))

    def begin(compared: tuple[Origin, Origin] | None) -> None:
        run.run(export, tmp_path / "out", options, SETTINGS, jobs=1, progress=Quiet(), compared=compared)

    begin(sides)
    begin(sides)
    for other in (None, (OWN, OWN), (sides[1], sides[0])):
        with pytest.raises(ExportError, match="begun with another"):
            begin(other)


def test_details_are_written_for_programs_and_for_spreadsheets(tmp_path: Path, site: Site) -> None:
    people = [*with_ck(REFRACTORY, 2.5), *resources(["nam-srp-refractory"])]
    summary = differences.write(compared(tmp_path, people, OWN, site(CK_OF_THREE)), tmp_path / "out")
    lines = [json.loads(line) for line in (tmp_path / "out" / differences.DETAILS).read_text().splitlines()]
    assert [(line["patient"], line["what"]) for line in lines] == [
        (REFRACTORY, "loses"),
        ("nam-srp-refractory", "limit only"),
    ]
    with (tmp_path / "out" / differences.TABLE).open(newline="") as file:
        lost, limit = csv.DictReader(file)
    assert (lost["rule"], lost["criterion"]) == ("EscalateToCyclophosphamide", "disease active › CK raised")
    assert lost["old"].startswith("warning: Refractory IMNM")
    assert lost["new"] == ""
    assert "active ≥ 2 × ULN [ENG]" in limit["lines that are other"]
    assert json.loads((tmp_path / "out" / differences.SUMMARY).read_text()) == {
        "people": 1,
        "limits": 1,
        "refused": 0,
        "rules": {"EscalateToCyclophosphamide": {"loses": 1, "limit only": 1}},
        "because": {"EscalateToCyclophosphamide": {"loses": {"disease active › CK raised": 1}}},
    }
    assert summary.differs


def cohort(out: Path, found: Iterable[Resource], origin: Origin, day: date = TODAY) -> Path:
    """The results of a run with this knowledge."""
    export = write(out.with_suffix(".export"), found)
    settings = Settings(log_level="error", overlay=origin.overlay)
    done = run.run(export, out, Options(day), settings, jobs=1, progress=Quiet())
    results.write(done, out)
    run.finish(out)
    return out


def test_results_of_two_runs_differ_as_the_same_people_judged_twice(tmp_path: Path, site: Site) -> None:
    other = site(CK_OF_THREE)
    people = [*with_ck(REFRACTORY, 2.5), *resources(["nam-srp-refractory", "nam-child"])]
    twice = compared(tmp_path, people, OWN, other)
    old, new = cohort(tmp_path / "old", people, OWN), cohort(tmp_path / "new", people, other)
    found = [one for one in differences.of_results(old, new) if one.moves]
    assert found == [
        msgspec.structs.replace(one, moves=tuple(msgspec.structs.replace(move, because=None) for move in one.moves))
        for one in twice
    ]


def test_results_of_whom_one_run_could_say_nothing_are_told(tmp_path: Path, site: Site) -> None:
    people = locally_coded({"code": "G72.49"})
    old, new = cohort(tmp_path / "old", people, OWN), cohort(tmp_path / "new", people, site(LOCAL_CODE))
    [one] = differences.of_results(old, new)
    assert one.outcome == "refused"
    assert {move.what for move in one.moves} == {"refused", "gains"}
    assert [(one.outcome, one.moves) for one in differences.of_results(old, old)] == [("refused", ())]


def test_results_of_different_days_are_not_compared(tmp_path: Path) -> None:
    people = list(resources(["nam-child"]))
    old = cohort(tmp_path / "old", people, OWN)
    new = cohort(tmp_path / "new", people, OWN, TODAY + timedelta(days=1))
    with pytest.raises(ExportError, match="only results of one day"):
        list(differences.of_results(old, new))
