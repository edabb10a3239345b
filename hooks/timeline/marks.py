"""The days on which rules rest: CK that rises, strength that falls, treatment reduced, a reason for PJP prophylaxis."""

from collections.abc import Iterator

from hooks.assessment import Assessment
from hooks.assessment.labs import shown
from hooks.assessment.pjp_since import since
from hooks.assessment.trajectory import assess_reductions, ck_rise
from hooks.rules.pjp_prophylaxis import risk
from hooks.timeline.model import Mark


def marks(a: Assessment) -> tuple[Mark, ...]:
    """All of them, in order of time."""
    return tuple(sorted((*_rise(a), *_weaker(a), *_reductions(a), *_prophylaxis(a)), key=lambda mark: mark.on))


def _rise(a: Assessment) -> Iterator[Mark]:
    rise = ck_rise(a.chart, a.activity.ck, a.knowledge.thresholds)
    if not rise.truth:
        return
    nadir, newest = rise.nadir, rise.tests[0]
    assert nadir is not None
    assert nadir.when is not None
    assert newest.when is not None
    tests = ", then ".join(f"{shown(test)} ({test.when})" for test in reversed(rise.tests))
    detail = f"from a nadir of {shown(nadir)} ({nadir.when}) to {tests}"
    sources = ", ".join(test.source for test in (nadir, *reversed(rise.tests)))
    yield Mark("relapse", nadir.when.earliest, "CK is rising again", detail, newest.when.earliest, sources)


def _weaker(a: Assessment) -> Iterator[Mark]:
    best, now = a.activity.worse_from, a.activity.score
    if best and best.when and now and now.when:
        detail, sources = a.activity.worse_because, f"{best.source}, {now.source}"
        yield Mark("relapse", best.when.earliest, "Strength has become worse", detail, now.when.earliest, sources)


def _reductions(a: Assessment) -> Iterator[Mark]:
    glucocorticoids = a.immunosuppression.glucocorticoids
    for found in assess_reductions(a.chart, glucocorticoids, a.knowledge.thresholds, a.today).found:
        yield Mark("reduction", found.on, "Treatment reduced", found.what, source=found.source)


def _prophylaxis(a: Assessment) -> Iterator[Mark]:
    found = risk(a)
    holding, running = found.holding, found.cover.course
    covered = f"; prophylaxis on record: {running.text}" if running else ""
    days = since(a, frozenset(trigger.id for trigger in holding))
    for trigger in holding:
        on = days[trigger.id]
        detail = trigger.criterion.name + ("" if on else "; since when, the record does not tell")
        yield Mark(
            "pjp", on or a.today, "Reason today for PJP prophylaxis", detail + covered, until=a.today if on else None
        )
