"""R4-SEQ PlasmaExchangeTiming: plasma exchange removes what was infused before it; ACE inhibitors and albumin (B1)."""

from datetime import date

from cds_service.fhir.dates import FhirDate, day, within
from hooks.assessment import Assessment
from hooks.assessment.immunosuppression import active_courses
from hooks.assessment.ordered_infusions import ordered_infusions
from hooks.chart.facts import DrugCourse, Infusion, Session
from hooks.chart.spans import shifted
from hooks.knowledge.thresholds import Thresholds
from hooks.reasoning import Criterion, Truth, all_true, any_of, any_true
from hooks.rules.base import MEDICATION_SOURCES, CardDraft, FactRow, Rule, md, on, scope, threshold_text
from hooks.rules.ordered import PLASMA_EXCHANGE_TIMING

REMOVED = {"ivig": "IVIG", "rituximab": "rituximab"}
_HOURS = 24


def washed_out(infusion: Infusion, exchange: FhirDate, thresholds: Thresholds) -> Truth:
    """Whether plasma exchange at `exchange` comes within 72 h after a dated infusion began, or during its course.

    Hours where both times are known, else days. On one day the order of the two decides: without times it is Unknown.
    """
    limit = thresholds.plasma_exchange.after_infusion_hours.value
    assert infusion.when is not None
    last = shifted(infusion.when.latest, infusion.days - 1)
    soonest, latest = (exchange.earliest - last).days, (exchange.latest - infusion.when.earliest).days
    if latest < 0 or soonest * _HOURS > limit:
        return False
    if not (exchange.exact and infusion.when.exact):
        return None
    if infusion.days == 1 and _timed(exchange) and _timed(infusion.when):
        return 0 < (exchange.moment - infusion.when.moment) / 3600 <= limit
    return True if latest > 0 else None


def _timed(when: FhirDate) -> bool:
    return when.moment != day(when.earliest).moment


def removed_by(a: Assessment, exchange: FhirDate) -> tuple[Infusion, ...]:
    """Infusions that were given, and that plasma exchange on that day removes or may remove."""
    t = a.knowledge.thresholds
    begun = (i for i in a.chart.infusions if i.drug in REMOVED and i.when and i.status not in ("planned", "draft"))
    return tuple(i for i in begun if washed_out(i, exchange, t) is not False)


def given(infusion: Infusion) -> str:
    """`IVIG 2026-11-14 to 2026-11-17`: an infusion, or a course of them, for people."""
    if infusion.when is None:
        return f"{REMOVED[infusion.drug]} (day not stated)"
    last = shifted(infusion.when.latest, infusion.days - 1)
    return f"{REMOVED[infusion.drug]} {infusion.when}" + (f" to {last}" if infusion.days > 1 else "")


def ace_inhibitors(a: Assessment) -> tuple[DrugCourse, ...]:
    """ACE inhibitors taken today, or being ordered."""
    drafts = (course for course in a.chart.courses_of("ace-inhibitor") if course.status == "draft")
    return (*active_courses(a.chart, "ace-inhibitor", a.today), *drafts)


def _planned(a: Assessment) -> tuple[Session, ...]:
    """Sessions that are still to come; a plan for a day that has passed is none."""
    return tuple(s for s in a.chart.sessions if s.planned and (s.when is None or s.when.latest >= a.today))


def _judged(a: Assessment) -> list[tuple[Session, FhirDate, Truth]]:
    """(session, day, whether it counts), by day. A planned session without a date may take place on any from today."""
    days = int(a.knowledge.thresholds.plasma_exchange.session_days.value)
    planned: list[tuple[Session, FhirDate, Truth]] = [
        (s, s.when or FhirDate(a.today, date.max), True) for s in _planned(a)
    ]
    performed = [(s, s.when, within(s.when, days, a.today)) for s in a.chart.sessions if s.performed and s.when]
    judged = [*planned, *(entry for entry in performed if entry[2] is not False)]
    return sorted(judged, key=lambda entry: (entry[1], entry[0].source))


def _pairs(a: Assessment) -> list[tuple[Session, Infusion, Truth]]:
    """Each exchange with each infusion. While orders are written, only pairs of which one is being ordered."""
    t = a.knowledge.thresholds
    drafts = {order.source for order in a.chart.ordered}
    known = [i for i in a.chart.infusions if i.drug in REMOVED and i.when and i.source not in drafts]
    ordered = [i for drug in REMOVED for i in ordered_infusions(a.chart, drug)]
    return [
        (session, infusion, all_true((counts, _washed_out_if_dated(session, infusion, at, t))))
        for session, at, counts in _judged(a)
        for infusion in ((*known, *ordered) if session.draft or not drafts else ordered)
    ]


def _washed_out_if_dated(session: Session, infusion: Infusion, at: FhirDate, t: Thresholds) -> Truth:
    """An infusion that is ordered for no stated day: it may come before an exchange that is still to come."""
    if infusion.when is None:
        return None if session.planned else False
    return washed_out(infusion, at, t)


def _after_infusion(a: Assessment) -> Criterion:
    t = a.knowledge.thresholds.plasma_exchange
    pairs = _pairs(a)
    truth = any_true(p[2] for p in pairs)
    shown = [(s, i) for s, i, answer in pairs if answer is truth and truth is not False]
    return Criterion(
        "plasma exchange soon after IVIG or rituximab",
        truth,
        value="; ".join(f"plasma exchange {on(s.when)} after {given(i)}" for s, i in shown),
        threshold=f"{threshold_text(t.after_infusion_hours, '≤')}; performed within {t.session_days}",
        source=", ".join(dict.fromkeys(f.source for pair in shown for f in pair)),
        missing="the times of infusion and plasma exchange" if truth is None else "",
    )


def _with_ace_inhibitor(a: Assessment) -> Criterion:
    planned, drugs = _planned(a), ace_inhibitors(a)
    new = not a.chart.ordered or any(s.draft for s in planned) or any(c.status == "draft" for c in drugs)
    return Criterion(
        "plasma exchange planned while an ACE inhibitor is taken",
        bool(planned and drugs and new),
        value=", ".join(c.text for c in drugs),
        source=", ".join(f.source for f in (*planned, *drugs)),
    )


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    return (*scope(a), any_of("timing of plasma exchange", _after_infusion(a), _with_ace_inhibitor(a)))


def _card(a: Assessment) -> CardDraft:
    pairs = [(s, i) for s, i, truth in _pairs(a) if truth]
    ace = _with_ace_inhibitor(a).truth
    why, facts = [], []
    asks = []
    if pairs:
        names = " and ".join(dict.fromkeys(REMOVED[i.drug] for _, i in pairs))
        asks.append(f"give plasma exchange before, not after, {names}")
        why.append(
            f"Plasma exchange removes immunoglobulins and antibodies: within "
            f"{a.knowledge.thresholds.plasma_exchange.after_infusion_hours.value:g} h after {names} it takes out "
            "part of what was infused."
        )
        for session, infusion in dict.fromkeys(pairs):
            kind = "being ordered" if session.draft else "planned" if session.planned else "performed"
            facts.append(FactRow(f"Plasma exchange ({kind})", f"after {given(infusion)}", on(session.when)))
    if ace:
        asks.append("hold the ACE inhibitor before it")
        why.append(
            "ACE inhibitors can cause hypotension and flushing when albumin is the replacement fluid: hold for 24–48 h "
            "before plasma exchange (not verified against a source)."
        )
        facts += [FactRow("ACE inhibitor", md(c.text), on(c.start)) for c in ace_inhibitors(a)]
    ask = "Plasma exchange: " + "; ".join(asks)
    return CardDraft(indicator="warning", summary=ask, ask=ask, why=tuple(why), facts=tuple(facts))


RULE = Rule(
    name="PlasmaExchangeTiming",
    criteria=_criteria,
    card=_card,
    sources=("procedures", *MEDICATION_SOURCES),
    orders=PLASMA_EXCHANGE_TIMING,
)
