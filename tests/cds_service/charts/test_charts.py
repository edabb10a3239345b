"""The picture of a course: all that it must show is there, nothing that a strict policy refuses, text stays text."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

import cds_service.charts
import fixtures
from cds_service.charts import Pictures, for_file, pictures, png, warm_up
from cds_service.charts.axis import NARROW, WIDE, Axis, said
from cds_service.charts.course import panels
from cds_service.charts.palette import COLOURS
from cds_service.charts.words import NOTHING, TITLE, apart, summary, tables
from hooks.chart.facts import Dosing
from hooks.timeline import Timeline, timeline
from hooks.timeline.model import Bar, Dose
from tests.hooks.builders import TODAY, assessed, base, chart, ck, course, daily, infusion, mmt, session, weekly

STATIC = Path(cds_service.charts.__file__).parents[1] / "web" / "static"
SVG = "{http://www.w3.org/2000/svg}"
ELEMENTS = {SVG + name for name in ("svg", "g", "path", "line", "text", "title", "desc", "rect")}
EVIL = '<script>alert("1")</script>'


def of(*facts: Any) -> Timeline:
    return timeline(assessed(*facts))


@pytest.fixture(scope="session")
def refractory() -> Timeline:
    """The BASE patient, with something of each kind."""
    return of(
        base(
            session(30),
            session(-3, planned=True),
            ck(120, 100, comparator="<"),
            course("azathioprine", "2024", "2024", status="completed"),
            course("mycophenolate", -10, status="planned", steps=(daily(1000),)),
            course("tacrolimus", 400, status="on-hold"),
            course("rituximab", 900, 850, status="completed", other_indication="lymphoma"),
            course("glucocorticoid", 40, 39, status="completed", steps=(Dosing(problem="as directed"),)),
            infusion("ivig", 140_000, "2025-03", days=4),
            mmt(70, 50, scale=""),
        )
    )


@pytest.fixture(scope="session")
def drawn(refractory: Timeline) -> Pictures:
    return pictures(refractory)


def texts(drawing: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(drawing).iter(f"{SVG}text")]


def tips(drawing: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(drawing).iter(f"{SVG}title")][1:]


@pytest.mark.parametrize("layout", ["wide", "narrow"])
def test_a_drawing_holds_nothing_that_a_strict_policy_refuses(drawn: Pictures, layout: str) -> None:
    drawing = getattr(drawn, layout)
    root = ET.fromstring(drawing)
    assert {element.tag for element in root.iter()} <= ELEMENTS
    names = {name for element in root.iter() for name in element.attrib}
    assert not names & {"style", "id", "class", "href", "{http://www.w3.org/1999/xlink}href"}
    assert not any(name.startswith("on") for name in names)
    assert "url(" not in drawing
    assert re.findall(r"https?://[^\"]*", drawing) == ["http://www.w3.org/2000/svg"]


def test_a_drawing_has_a_name_and_a_description(refractory: Timeline, drawn: Pictures) -> None:
    root = ET.fromstring(drawn.wide)
    assert (root.get("role"), root.get("aria-label")) == ("img", TITLE)
    assert [child.text for child in root][:2] == [TITLE, summary(refractory)]


def test_a_page_gets_colours_as_variables_and_a_file_as_they_are(refractory: Timeline, drawn: Pictures) -> None:
    colours = re.findall(r' (?:fill|stroke)="([^"]*)"', drawn.wide)
    assert {colour for colour in colours if not colour.startswith("var(--chart-")} <= {"none", "transparent"}
    file = for_file(refractory)
    assert "var(" not in file
    assert ET.fromstring(file)[2].attrib["fill"] == "white"
    assert "width" in ET.fromstring(file).attrib
    assert "width" not in ET.fromstring(drawn.wide).attrib


def test_the_style_sheet_has_every_colour_and_other_ones_in_the_dark() -> None:
    css = (STATIC / "timeline.css").read_text(encoding="utf-8")
    light, dark = css.partition("prefers-color-scheme: dark")[::2]
    for role in COLOURS:
        assert f"--chart-{role}:" in light, role
    for role in ("ck", "strength", "drug", "steroid", "normal", "mark"):
        assert f"--chart-{role}:" in dark, role
    assert "@media print" in css


def test_all_facts_are_in_the_picture(refractory: Timeline, drawn: Pictures) -> None:
    for drawing in (drawn.wide, drawn.narrow):
        shown, pointed = texts(drawing), tips(drawing)
        for point in refractory.ck:
            assert any(tip.startswith(f"CK {point},") and tip.endswith(said(point.on)) for tip in pointed)
        for score in refractory.strength:
            assert f"MMT-8 {score.score}, {score.share:.0%}, {said(score.on)}" in pointed
        for lane in refractory.lanes:
            assert lane.title in shown
            drawn_here: tuple[Bar | Dose, ...] = (*lane.bars, *lane.doses)
            for one in drawn_here:
                assert any(one.dose in tip and one.remark in tip for tip in pointed), one
            for window in lane.windows:
                assert any(window.given in tip for tip in pointed)
        for mark in refractory.marks:
            assert any(mark.detail in tip for tip in pointed)
        assert f"today, {said(TODAY)}" in shown


def test_all_facts_are_in_the_tables(refractory: Timeline) -> None:
    cells = {cell for table in (*tables(refractory), apart(refractory)) for row in table.rows for cell in row}
    for point in refractory.ck:
        assert {point.on.isoformat(), str(point), f"{point.x_uln:.1f}", point.source} <= cells
    for score in refractory.strength:
        assert {score.on.isoformat(), score.score, score.source} <= cells
    for lane in refractory.lanes:
        drawn_here: tuple[Bar | Dose, ...] = (*lane.bars, *lane.doses)
        for one in drawn_here:
            assert {lane.title, one.dose, one.standing, one.remark, one.source} <= cells
        for window in lane.windows:
            assert {window.state, window.given, window.first.isoformat()} <= cells
    for mark in refractory.marks:
        assert {mark.label, mark.detail} <= cells
    assert {"MMT-8", "70/?", "the scale is not stated"} <= cells
    for table in (*tables(refractory), apart(refractory)):
        assert {len(row) for row in table.rows} <= {len(table.columns)}


def test_the_tables_tell_how_old_the_baseline_is() -> None:
    (trials,) = (table for table in tables(of(base())) if table.title == "Trials")
    ivig = dict(zip(trials.columns, trials.rows[0], strict=True))
    assert ivig["Baseline MMT-8"] == "96/150, 2026-01-05 (28 days before the start, 321 days ago)"
    assert ivig["Baseline CK"] == "9,800 U/L, 2026-01-03 (30 days before the start, 323 days ago)"


def test_a_baseline_after_the_start_and_a_trial_without_any() -> None:
    late = of(ck(900, 95), mmt(100, 95), course("methotrexate", 96, steps=(weekly(15),)))
    none = of(course("methotrexate", 96, steps=(weekly(5),)))
    rows = [next(t for t in tables(one) if t.title == "Trials").rows[0] for one in (late, none)]
    assert rows[0][6].endswith("(1 day after the start, 95 days ago)")
    assert (rows[1][2], rows[1][6], rows[1][7]) == ("", "none", "none")


def test_sources_that_were_not_looked_at_are_in_words() -> None:
    found = apart(timeline(assessed(chart(ck(900), unavailable=("scores",)))))
    assert found.rows == (("Source", "scores", "", "not looked at: the FHIR server answered 403", ""),)


def test_a_patient_s_text_stays_text() -> None:
    drawing = for_file(
        of(course("methotrexate", 90, text=EVIL, failure=EVIL), course("tacrolimus", 90, steps=(Dosing(problem=EVIL),)))
    )
    assert "<script" not in drawing
    assert any(EVIL in tip for tip in tips(drawing))
    assert any(EVIL[:20] in text for text in texts(drawing))


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ((ck(900),), "CK 900 U/L (4.5 × ULN, 10 Nov 2026), 1 result. No MMT-8 that can be used. Treatments: IVIG,"),
        ((mmt(100),), "No CK that can be used. MMT-8 100/150 (67%, 12 Nov 2026). Treatments: IVIG, Rituximab"),
        ((mmt(100),), "Methotrexate, Cyclophosphamide, Mycophenolate: none on record. No daily glucocorticoid dose"),
        ((session(9), session(7)), "Plasma exchange, 2 sessions"),
        (
            (course("glucocorticoid", 90, 60, status="completed", steps=(daily(5),)),),
            "No glucocorticoid today; the last",
        ),
        ((course("glucocorticoid", 90, steps=(Dosing(problem="as directed"),)),), "Glucocorticoid today possible; the"),
        ((course("methotrexate", 90),), "Treatments: Methotrexate, 1 course (given; the record does not tell"),
        ((course("glucocorticoid", 9, steps=(daily(5),)),), "Glucocorticoid today 5 mg prednisone equivalent."),
    ],
)
def test_little_is_drawn_too_and_summed_up(facts: tuple[Any, ...], sentence: str) -> None:
    found = of(*facts)
    assert sentence in summary(found)
    assert texts(for_file(found))


def test_the_line_of_a_high_dose_says_what_it_is() -> None:
    line = "dashed, 20 mg/day: high dose for PJP prophylaxis"
    assert line in texts(for_file(of(course("glucocorticoid", 9, steps=(daily(5),)))))
    assert line not in texts(for_file(of(ck(900))))


def test_nothing_is_a_sentence_in_place_of_a_picture() -> None:
    nothing = of(chart())
    assert (pictures(nothing), for_file(nothing), summary(nothing)) == (Pictures(), "", NOTHING)


def test_twenty_years_with_three_hundred_ck_are_drawn() -> None:
    values = [ck(100 + 37 * n % 5000, 24 * n + 5, upper=200.0 if n % 2 else 170.0) for n in range(300)]
    found = of(*values, *(mmt(100 + n % 40, 90 * n) for n in range(70)), course("methotrexate", "1999"))
    drawing = for_file(found)
    assert sum(tip.startswith("CK ") for tip in tips(drawing)) == 300
    assert len([text for text in texts(drawing) if re.fullmatch(r"[\d,]+", text)]) < 20


def test_what_is_far_ahead_does_not_squeeze_the_past() -> None:
    found = of(ck(900, 90), course("methotrexate", "2027", "2090", status="planned"))
    axis = Axis.of(found, WIDE)
    assert axis.last < TODAY + timedelta(days=400)
    assert axis.px(TODAY + timedelta(days=9999)) == WIDE.plot
    assert for_file(found)


@pytest.mark.parametrize("layout", [WIDE, NARROW])
@pytest.mark.parametrize("days", [1, 30, 99, 200, 800, 3000, 9000, 30000])
def test_ticks_have_room_for_their_labels(layout: Any, days: int) -> None:
    values, form = Axis.of(of(ck(900, days)), layout).ticks()
    assert 1 <= len(values) <= max(layout.plot // 85, 2)
    assert form in ("%-d %b %Y", "%b %Y", "%Y")


def test_a_course_at_the_ends_of_the_calendar_is_drawn() -> None:
    assert for_file(of(ck(900, "0001-01-01"), course("methotrexate", 9, "9999-12-30", steps=(weekly(15),))))


def test_no_text_of_a_lane_lies_over_another(drawn_story_panels: Callable[[str, Any], list[Any]]) -> None:
    for story in fixtures.stories():
        for layout in (WIDE, NARROW):
            for panel in drawn_story_panels(story.id, layout):
                assert overlaps(panel, layout) == [], (story.id, layout.name, panel.title)


@pytest.fixture
def drawn_story_panels(drawn_story: Callable[[str], Timeline]) -> Callable[[str, Any], list[Any]]:
    def made(patient_id: str, layout: Any) -> list[Any]:
        found = drawn_story(patient_id)
        return [] if found.empty else list(panels(found, Axis.of(found, layout)))

    return made


def overlaps(panel: Any, layout: Any) -> list[tuple[str, str]]:
    """Texts of one line of a panel that lie over each other."""
    spans = []
    for text in panel.texts:
        width = layout.room(text.text) * 0.9
        left = text.x - {"left": 0, "center": width / 2, "right": width}[text.align]
        spans.append((text.y, text.dy, left, left + width, text.text))
    return [
        (one[4], other[4])
        for n, one in enumerate(spans)
        for other in spans[:n]
        if one[:2] == other[:2] and one[2] < other[3] and other[2] < one[3]
    ]


def test_a_drawing_is_kept_only_where_that_is_allowed(refractory: Timeline, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Timeline] = []
    draw = cds_service.charts._drawn

    def counted(found: Timeline) -> Pictures:
        made.append(found)
        return Pictures("wide", "narrow")

    monkeypatch.setattr(cds_service.charts, "_drawn", counted)
    monkeypatch.setattr(cds_service.charts, "_kept", type(cds_service.charts._kept)())
    for _ in range(2):
        pictures(refractory)
    assert len(made) == 2
    assert not cds_service.charts._kept
    for _ in range(2):
        assert pictures(refractory, remember=True) == Pictures("wide", "narrow")
    assert len(made) == 3
    pictures(of(ck(900)), remember=True)
    assert len(made) == 4
    monkeypatch.setattr(cds_service.charts, "MOST_KEPT", 1)
    pictures(of(ck(901)), remember=True)
    assert len(cds_service.charts._kept) == 1
    assert draw is not counted


def test_several_threads_draw_the_same(refractory: Timeline) -> None:
    alone = for_file(refractory)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(for_file, [refractory] * 4)) == {alone}


def test_a_drawing_becomes_pixels() -> None:
    assert png(for_file(of(ck(900)))).startswith(b"\x89PNG\r\n")


def test_the_libraries_can_be_loaded_beforehand() -> None:
    thread = warm_up()
    thread.join(60)
    assert not thread.is_alive()
