"""R4-RAPID RapidProgression: strength falls fast, or swallowing or breathing is newly affected (B0 RAPID, B1)."""

from cds_service.fhir.dates import day, within
from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.assessment.pulses import pulse_ordered
from hooks.chart.facts import Session
from hooks.reasoning import Criterion
from hooks.rules.base import CardDraft, FactRow, Rule, ck_row, md, on, scope, score_row
from hooks.rules.escalation import not_tolerated
from hooks.rules.ordered import FAST_OPTIONS, IMMUNOTHERAPY, none_ordered
from hooks.rules.plasma_exchange_timing import ace_inhibitors, given, removed_by
from hooks.suggestions import investigations, next_line


def _recent(a: Assessment) -> tuple[Session, ...]:
    """Sessions that certainly took place within the limit."""
    days = int(a.knowledge.thresholds.trajectory.plex_recent_days.value)
    return tuple(s for s in a.chart.sessions if s.performed and within(s.when, days, a.today))


def _vague(a: Assessment) -> tuple[Session, ...]:
    """Sessions that may have taken place within the limit: they are named, but do not keep an urgent card back."""
    days = int(a.knowledge.thresholds.trajectory.plex_recent_days.value)
    return tuple(s for s in a.chart.sessions if s.performed and within(s.when, days, a.today) is None)


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    t = a.knowledge.thresholds
    recent = _recent(a)
    return (
        *scope(a),
        Criterion(
            "rapid progression",
            a.activity.rapid,
            value=a.activity.rapid_because,
            threshold=f"within {t.strength.rapid_days} [{t.strength.rapid_days.mark}]",
            missing="the day on which dysphagia or respiratory failure began" if a.activity.rapid is None else "",
        ),
        Criterion(
            "no plasma exchange known in the last weeks",
            not recent,
            when=", ".join(str(s.when) for s in recent),
            threshold=f"{t.trajectory.plex_recent_days} [{t.trajectory.plex_recent_days.mark}]",
            source=", ".join(s.source for s in recent),
        ),
        none_ordered(a, "a fast option", FAST_OPTIONS, _pulse(a)),
    )


def _pulse(a: Assessment) -> Criterion:
    truth, orders = pulse_ordered(a.chart, a.knowledge.thresholds, a.today)
    return Criterion(
        "an intravenous pulse of methylprednisolone being ordered",
        truth,
        value=", ".join(order.text for order in orders),
        source=", ".join(order.source for order in orders),
        missing="dose of the methylprednisolone that is being ordered" if truth is None else "",
    )


def _plasma_exchange(a: Assessment) -> tuple[list[str], Suggestion]:
    """What to mind before plasma exchange, and its draft."""
    cautions = [f"{given(i)}: plasma exchange now may remove it." for i in removed_by(a, day(a.today))]
    if ace_inhibitors(a):
        drugs = ", ".join(md(c.text) for c in ace_inhibitors(a))
        cautions.append(f"ACE inhibitor on the list ({drugs}): hold it before plasma exchange with albumin.")
    return cautions, next_line.plasma_exchange(a, urgent=True)


def _card(a: Assessment) -> CardDraft:
    options = ["plasma exchange", "IV methylprednisolone"]
    dropped = "" if not not_tolerated(a, "ivig") else " IVIG is not listed: not tolerated by the record."
    if not dropped:
        options.append("IVIG")
    listed = f"{', '.join(options[:-1])} or {options[-1]}"
    ask = f"Rapid progression: contact the myositis specialist urgently; fast options are {listed}"
    cautions, plex = _plasma_exchange(a)
    vague = tuple(f"plasma exchange is on record, {on(s.when)}: it may have been recent" for s in _vague(a))
    return CardDraft(
        indicator="warning",
        summary=ask,
        ask=ask,
        why=(
            f"{md(a.activity.rapid_because, 300)}.",
            f"Urgent specialist contact. Fast options: {listed}.{dropped}",
            *cautions,
        ),
        facts=(
            ck_row(a, a.activity.latest_ck),
            score_row(a, a.activity.latest_score),
            *(
                FactRow("On the problem list", md(d.text), on(d.since))
                for d in a.chart.diagnoses
                if d.current and d.concepts & {"dysphagia", "respiratory-failure"}
            ),
        ),
        missing=vague,
        suggestions=(investigations.urgent_referral(a), plex),
    )


RULE = Rule(
    name="RapidProgression",
    criteria=_criteria,
    card=_card,
    sources=("conditions", "scores", "procedures"),
    orders=IMMUNOTHERAPY,
)
